"""Conditions about the wait in a queue: known, unknown, and named well or wrongly."""

from __future__ import annotations

import pytest

from callcenter.ivr.flow import load_flow
from callcenter.ivr.session import (
    AskWaits,
    Enter,
    HangUp,
    Phase,
    Session,
    WaitsKnown,
)
from callcenter.ivr.shape import Flow, Known
from callcenter.ivr.test import run_tests
from callcenter.ivr.waits import word_of
from tests.ivr.flows import EXITS, flow_of, problems_of

SALES = f"  sales: {{ queue: sales, {EXITS} }}"
HELP = f"  help: {{ queue: back-office, {EXITS} }}"


def asking(condition: str, *queues: str) -> Flow:
    """A flow that goes to `end` where the condition holds, else to sales."""
    nodes = [
        f'  start: {{ when: [{{ if: "{condition}", next: end }}], else: sales }}',
        *(queues or (SALES,)),
    ]
    return flow_of("\n".join(nodes))


def errors(condition: str, *queues: str, known: Known | None = None) -> list[str]:
    flow = "\n".join((
        "flow: try", "entry: start", "languages: [en]", "nodes:",
        f'  start: {{ when: [{{ if: "{condition}", next: end }}], else: sales }}',
        *(queues or (SALES,)), "  end: { hangup: normal }",
    ))  # fmt: skip
    return [str(one) for one in problems_of(flow, known) if one.severity == "error"]


def entered(flow: Flow, answer: WaitsKnown) -> str:
    """Where the caller goes with this answer."""
    session = Session(flow)
    actions = session.start(0)
    assert isinstance(actions[-1], AskWaits)
    went = session.react(answer, 1)
    return next(a.node for a in went if isinstance(a, Enter))


def known(seconds: int, queue: str = "sales") -> WaitsKnown:
    return WaitsKnown({queue: {"expected_wait": seconds, "promised_wait": 2 * seconds}})


@pytest.mark.parametrize(
    "condition", ["queue.expected_wait > 300", "queue.sales.expected_wait > 300"]
)
def test_a_long_wait_is_told_apart(condition: str) -> None:
    flow = asking(condition)
    assert entered(flow, known(301)) == "end"
    assert entered(flow, known(300)) == "sales"


def test_what_is_not_known_is_null_and_longer_than_nothing_and_shorter_than_nothing() -> None:
    for sign in ("<", "<=", ">", ">=", "=="):
        assert entered(asking(f"queue.expected_wait {sign} 300"), WaitsKnown()) == "sales"
    assert entered(asking("queue.expected_wait == null"), WaitsKnown()) == "end"
    assert entered(asking("queue.expected_wait == null"), known(0)) == "sales"


def test_nobody_answers_and_the_flow_goes_on_as_if_nothing_were_known() -> None:
    session = Session(asking("queue.expected_wait > 300"))
    session.start(0)
    assert session.phase is Phase.ASKING
    assert session.deadline is not None
    went = session.tick(session.deadline)
    assert Enter("sales") in went
    assert not any(isinstance(a, HangUp) for a in went)


def test_a_restart_asks_again() -> None:
    flow = asking("queue.expected_wait > 300")
    session = Session(flow)
    session.start(0)
    again = Session.restore(flow, session.record())
    assert again.resume(1) == [AskWaits(("sales",))]


def test_a_queue_is_written_in_letters() -> None:
    assert word_of("back-office") == "back_office"
    assert word_of("1st.line") == "_1st_line"
    flow = asking("queue.back_office.promised_wait > 300", SALES, HELP)
    assert entered(flow, known(200, "back_office")) == "end"
    assert entered(flow, known(100, "back_office")) == "sales"


def test_a_condition_without_queues_asks_nobody() -> None:
    session = Session(asking("call.dialled == '100'"))
    assert not any(isinstance(a, AskWaits) for a in session.start(0))


@pytest.mark.parametrize(
    ("condition", "queues", "said"),
    [
        ("queue.salse.expected_wait > 1", (), "unknown queue 'salse'"),
        ("queue.sales.expected > 1", (), "unknown value 'queue.sales.expected'"),
        ("queue > 1", (), "unknown value 'queue'"),
        ("queue.expected_wait.x > 1", (), "unknown value 'queue.expected_wait.x'"),
        ("queue.expected_wait > 1", (SALES, HELP), "which queue? the flow leads to several queues"),
    ],
)
def test_a_name_that_is_wrong_is_told(condition: str, queues: tuple[str, ...], said: str) -> None:
    (error,) = errors(condition, *queues)
    assert said in error


def test_any_queue_of_the_configuration_may_be_asked_about() -> None:
    condition = "queue.night_line.expected_wait > 1"
    assert errors(condition)
    assert errors(condition, known=Known(queues=frozenset({"sales", "night-line"}))) == []


def test_queue_is_no_variable() -> None:
    text = "  start: { set: { queue: x }, next: end }"
    with pytest.raises(Exception, match="'queue' is no name of a variable"):
        flow_of(text)


TESTED = f"""
flow: try
entry: start
languages: [en]
nodes:
  start: {{ when: [{{ if: "queue.expected_wait > 300", next: end }}], else: sales }}
{SALES}
  end: {{ hangup: normal }}
tests:
  - name: long
    given: {{ waits: {{ sales: 400 }} }}
    expect: {{ ended: normal }}
  - name: unknown
    expect: {{ queue: sales }}
  - name: wrong on purpose
    given: {{ waits: {{ sales: 200 }} }}
    expect: {{ ended: normal }}
"""


def test_a_test_in_the_file_may_set_the_wait() -> None:
    outcomes = run_tests(load_flow(TESTED, "try.yaml"))
    assert [bool(one.failures) for one in outcomes] == [False, False, True]
