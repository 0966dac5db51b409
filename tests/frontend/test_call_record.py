"""A contact's last line: where she was, how long, and how it ended; nothing of herself."""

from __future__ import annotations

from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, ContactId
from callcenter.frontend.call_record import CallRecord, Stage
from tests.frontend.world import World


def test_the_last_line_tells_the_whole_story_in_names_and_spans() -> None:
    world = World("ana")
    ana, caller = world.agents["ana"], world.phone("caller")
    caller.dial("+15550100", user="+34600123456")
    world.wait(2)
    world.said(caller)
    world.press_after_prompt(caller, "1")
    world.wait(5)
    ana.answer()
    world.wait(30)
    caller.hang_up()
    [line] = world.ended
    assert (line.label, line.result, line.fault) == ("caller_hung_up", "served", "nobody")
    assert (line.channel, line.flow, line.queue, line.agent) == (
        "voice", "main-line", "sales", "ana",
    )  # fmt: skip
    assert round(line.waited_seconds) == 5
    assert round(line.talked_seconds) == 30
    assert round(line.lived_seconds) == 37
    assert "600123456" not in str(line)


def test_a_caller_who_left_the_queue_waited_and_spoke_with_nobody() -> None:
    world = World("ana", ready=False)
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.said(caller)
    world.press_after_prompt(caller, "1")
    world.wait(7)
    caller.hang_up()
    [line] = world.ended
    assert (line.label, line.result) == ("caller_left_in_queue", "abandoned")
    assert (line.queue, line.agent, line.talked_seconds) == ("sales", "", 0.0)
    assert round(line.waited_seconds) == 7


def test_waiting_goes_on_over_a_restart() -> None:
    world = World("ana", ready=False)
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.said(caller)
    world.press_after_prompt(caller, "1")
    world.wait(4)
    world.restart()
    world.wait(4)
    caller.hang_up()
    assert round(world.ended[-1].waited_seconds) == 8


def test_a_record_of_an_older_version_knows_no_beginning_and_counts_nothing() -> None:
    record = CallRecord(
        contact=ContactId("c"), stage=Stage.QUEUED, dialled="1", flow="f", revision="r", arrived=1
    )
    assert record.move(Stage.OVER, 100 * SECOND) is Stage.QUEUED
    assert record.closed(Reason.CALLER_LEFT_IN_QUEUE, 100 * SECOND).waited_seconds == 0
