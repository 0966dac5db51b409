"""The tests inside a flow file."""

from callcenter.domain.units import MINUTE, SECOND
from callcenter.ivr.shape import Flow
from callcenter.ivr.test import nodes_not_visited, run_tests, span_of
from tests.ivr.flows import EXITS, flow_of

NODES = f"""\
  start: {{ hours: {{ calendar: office }}, open: who, closed: shut, holiday: shut }}
  who: {{ lookup: {{ by: caller_number }}, found: greet, unknown: menu }}
  greet: {{ say: hello, next: menu }}
  menu: {{ menu: ask, keys: {{ "1": {{ set: {{ type: order }}, next: help }} }}, no_input: shut, no_match: shut }}
  help: {{ queue: sales, priority: 3, skills: {{ a: 2 }}, {EXITS.replace("full: end", "full: shut")} }}
  shut: {{ hangup: closed }}"""


def flow_with(tests: str) -> Flow:
    return flow_of(NODES, f"tests:\n{tests}\n")


def failures(test: str) -> str:
    return "\n".join(run_tests(flow_with(f"  - {{ name: it, {test} }}"))[0].failures)


def test_what_is_true_passes() -> None:
    assert not failures(
        "given: { customer: { tier: gold } }, do: [ listen, listen, { press: '1' } ], expect: "
        "{ queue: sales, priority: 3, skills: { a: 2 }, language: en, attributes: { type: order },"
        " visited: [who, greet, help], said: [hello, ask] }"
    )
    assert not failures("given: { calendars: { office: holiday } }, expect: { ended: closed }")
    assert not failures("do: [ { press: '1' }, { queue: full } ], expect: { ended: closed }")
    assert not failures(
        "given: { queues: { sales: timeout } }, do: [ { press: '1' } ], expect: { ended: normal }"
    )
    assert not failures("do: [ hang_up ], expect: { ended: caller_hung_up }")


def test_what_is_not_true_is_told_with_what_came() -> None:
    assert failures("do: [ { press: '1' } ], expect: { queue: billing }") == (
        "queue: expected 'billing', got 'sales'"
    )
    assert "got None" in failures("expect: { queue: sales }")
    assert "ended: expected 'normal', got 'closed'" in failures("expect: { ended: normal }")
    assert "attribute type" in failures("expect: { attributes: { type: order } }")
    assert "visited: 'help' did not come there; came: start, who, menu, shut" in failures(
        "expect: { visited: [who, help] }"
    )
    assert "said" in failures("expect: { said: [ask, hello] }")


def test_a_step_that_comes_too_late_is_told() -> None:
    assert "step 2 (press): the call was over before" in failures(
        "do: [ { wait: 5m }, { press: '1' } ], expect: { ended: closed }"
    )
    assert "step 1 (queue): the caller is in no queue" in failures(
        "do: [ { queue: full } ], expect: { ended: closed }"
    )


def test_nodes_that_no_test_entered_are_named() -> None:
    flow = flow_with("  - { name: it, expect: { ended: closed } }")
    assert nodes_not_visited(flow, run_tests(flow)) == ["greet", "help", "end"]


def test_spans_are_read() -> None:
    assert [span_of(text) for text in ("500ms", "5s", "2m")] == [
        SECOND // 2,
        5 * SECOND,
        2 * MINUTE,
    ]
