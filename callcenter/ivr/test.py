"""The tests inside a flow file, run on a virtual clock: no network, no waiting.

Why: an author changes a prompt on Friday and must know that the Spanish caller still reaches
billing. What is not true is told in the author's words: what was expected, what came.
"""

from collections.abc import Sequence

import msgspec

from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import MILLISECOND, MINUTE, SECOND, Micros
from callcenter.ivr.play import Caller, World
from callcenter.ivr.shape import HANGUPS, Flow, FlowTest

_UNITS: dict[str, Micros] = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE}
_ENDING_OF: dict[Reason, str] = {
    **{reason: word for word, reason in HANGUPS.items()},
    Reason.FLOW_FAILED: "failed",
    Reason.FLOW_STEPS_LIMIT: "steps_limit",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one test; no `failures` means it passed."""

    flow: str
    name: str
    file: str
    line: int
    failures: tuple[str, ...] = ()
    visited: tuple[str, ...] = ()
    seconds: float = 0.0
    """Length of the call on the virtual clock."""


def run_tests(flow: Flow) -> list[Outcome]:
    """Every test of a flow, in the order of the file."""
    return [run_test(flow, test) for test in flow.tests]


def run_test(flow: Flow, test: FlowTest) -> Outcome:
    """Play one test and compare."""
    world = World(
        customer=test.customer,
        calendars=test.calendars,
        queues=test.queues,
        number=test.number,
        callbacks=test.callbacks,
        waits=test.waits,
        messages=test.messages,
        facts={key: _fact(value) for key, value in test.facts.items()},
    )
    caller = Caller(flow, world)
    failures = _walk(caller, test.steps)
    if not failures:
        caller.rest()
    failures += _compare(caller, test)
    return Outcome(
        flow=flow.name,
        name=test.name,
        file=flow.file,
        line=test.line,
        failures=tuple(failures),
        visited=tuple(caller.visited),
        seconds=round(caller.now / SECOND, 1),
    )


def nodes_not_visited(flow: Flow, outcomes: Sequence[Outcome]) -> list[str]:
    """Nodes that no test entered."""
    seen = {node for outcome in outcomes for node in outcome.visited}
    return [name for name in flow.nodes if name not in seen]


def span_of(text: str) -> Micros:
    """Microseconds of `500ms`, `5s` or `2m`."""
    number = text.rstrip("ms")
    return int(number) * _UNITS[text[len(number) :]]


def _fact(value: str) -> str | bool:
    return {"true": True, "false": False}.get(value, value)


def _walk(caller: Caller, steps: Sequence[tuple[str, str]]) -> list[str]:
    for number, (step, value) in enumerate(steps, 1):
        if caller.over:
            return [f"step {number} ({step}): the call was over before"]
        if step == "press":
            caller.press(value)
        elif step == "wait":
            caller.advance(span_of(value))
        elif step == "listen":
            caller.listen()
        elif step == "hang_up":
            caller.hang_up()
        elif step == "queue":
            caller.rest()
            if not caller.waiting:
                return [f"step {number} (queue): the caller is in no queue"]
            caller.leave_queue(QueueExit(value))
    return []


def _compare(caller: Caller, test: FlowTest) -> list[str]:
    expect = test.expect
    queued = caller.enqueued
    ending = "caller_hung_up" if caller.hung_up else None
    if caller.ended is not None:
        ending = _ENDING_OF.get(caller.ended, caller.ended.value)
    pairs: list[tuple[str, object, object]] = [
        ("queue", expect.queue, queued.queue if queued and caller.waiting else None),
        ("priority", expect.priority, queued.priority if queued else None),
        ("skills", expect.skills, queued.skills if queued else None),
        ("agent", expect.agent, queued.agent if queued else None),
        ("language", expect.language, caller.session.language),
        ("ended", expect.ended, ending),
        (
            "callback",
            expect.callback,
            caller.called_back.number if caller.called_back else None,
        ),
    ]
    failures = [
        f"{what}: expected {wanted!r}, got {came!r}"
        for what, wanted, came in pairs
        if wanted is not None and wanted != came
    ]
    variables = caller.session.variables
    failures += [
        f"attribute {name}: expected {wanted!r}, got {variables.get(name)!r}"
        for name, wanted in expect.attributes.items()
        if variables.get(name) != wanted
    ]
    failures += _in_order("visited", expect.visited, caller.visited)
    failures += _in_order("said", expect.said, caller.said)
    return failures


def _in_order(what: str, wanted: Sequence[str], came: Sequence[str]) -> list[str]:
    """Whether `wanted` stands in `came` in this order, other words between allowed."""
    rest = iter(came)
    missing = next((word for word in wanted if word not in rest), None)
    if missing is None:
        return []
    return [f"{what}: {missing!r} did not come there; came: {', '.join(came) or 'nothing'}"]
