"""A caller leaves a message: it is kept, whatever dies, and lives on as a contact of its own."""

from __future__ import annotations

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.termination import Reason
from callcenter.frontend.turn import (
    Closing,
    DropRecording,
    KeepRecording,
    RecordingEnded,
    RecordingKept,
)
from tests.frontend.world import Phone, World

FOLDER = "/state/recordings"


class Center(World):
    """With a disk for messages."""

    def __init__(self, *agents: str, folder: str = FOLDER) -> None:
        self.asked: list[KeepRecording] = []
        self.dropped: list[str] = []
        super().__init__(*agents, rules={"recordings": folder})

    def record(self, action: KeepRecording | DropRecording) -> None:
        if isinstance(action, KeepRecording):
            self.asked.append(action)
        else:
            self.dropped.append(action.file)

    def kept(self, blob: str = "ab" * 32, *, is_short: bool = False) -> None:
        """The disk answers the last question."""
        self.feed(RecordingKept(self.asked[-1].contact, blob, is_short))

    def over(self, why: str = "silence") -> None:
        """The engine is done with the recording."""
        started = [m for m in self.media.asked if m["command"] == "start recording"]
        self.feed(RecordingEnded(started[-1]["file"], why))


def speaks(world: World, number: str = "+15550777") -> Phone:
    """She hears the words and the beep, and speaks."""
    caller = world.phone("caller")
    caller.dial("+15550100", user=number)
    caller.press("5")
    world.said(caller)
    world.said(caller)
    return caller


def test_after_the_beep_the_engine_is_asked_to_record() -> None:
    world = Center()
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("5")
    assert [m for m in world.media.asked if m["command"] == "start recording"] == []
    world.said(caller)
    world.said(caller)
    (asked,) = [m for m in world.media.asked if m["command"] == "start recording"]
    assert asked["file"].startswith(f"{FOLDER}/frontend-0-")
    assert (asked["max-seconds"], asked["silence-seconds"]) == (60, 5)


def test_a_message_that_is_kept_becomes_a_contact_and_her_flow_goes_on() -> None:
    world = Center()
    caller = speaks(world)
    world.over()
    assert world.kinds(e.ContactQueued) == [], "nothing before it is on the disk"
    world.kept()
    arrived, queued = world.last(e.ContactArrived), world.last(e.ContactQueued)
    assert (arrived.contact, arrived.channel, arrived.frontend) == (
        world.asked[0].contact, Channel.VOICEMAIL, "",
    )  # fmt: skip
    assert (arrived.blob, queued.queue) == ("ab" * 32, "sales")
    assert world.dropped == [world.asked[0].file]
    assert "hung up on" in caller.story
    assert world.last(e.ContactEnded).termination.reason is Reason.VOICEMAIL_LEFT


def test_who_hangs_up_has_left_her_message_too() -> None:
    world = Center()
    caller = speaks(world)
    caller.hang_up()
    world.over("gone")
    world.kept()
    assert world.last(e.ContactQueued).contact == world.asked[0].contact
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_LEFT_IN_FLOW


def test_the_pound_key_ends_it() -> None:
    world = Center()
    caller = speaks(world)
    caller.press("#")
    assert world.media.asked[-1]["command"] == "stop recording"


def test_a_message_takes_the_place_of_the_caller_who_waited() -> None:
    world = Center()
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    since = world.last(e.ContactQueued).since
    world.wait(30)
    caller.press("*")
    caller.press("5")
    world.said(caller)
    world.said(caller)
    world.over()
    world.kept()
    assert abs(world.last(e.ContactQueued).since - since) <= 1_000_000


@pytest.mark.parametrize("how", ["short", "disk", "engine", "refused", "nowhere"])
def test_what_is_no_message_leads_on_by_name_and_leaves_nothing(how: str) -> None:
    world = Center(folder="" if how == "nowhere" else FOLDER)
    if how == "refused":
        world.media.refuses = "start recording"
    caller = speaks(world)
    if how == "engine":
        world.over("failed")
    elif how in ("short", "disk"):
        world.over()
        world.kept("", is_short=how == "short")
    world.wait(3)
    assert world.kinds(e.ContactQueued) == []
    said = [m.get("file", "") for m in world.media.asked if m["command"] == "play media"]
    assert said[-1].endswith("/after.au" if how == "short" else "/sorry.au"), said
    assert "hung up on" in caller.story or world.has_story(caller)
    assert not [key for key in world.records if key.startswith("message:")]


def test_an_engine_that_dies_and_never_tells_costs_only_time() -> None:
    world = Center()
    speaks(world)
    world.wait(66)
    assert len(world.asked) == 1
    world.kept()
    assert world.last(e.ContactQueued).contact == world.asked[0].contact


@pytest.mark.parametrize("when", ["recording", "keeping", "kept"])
def test_wherever_the_front_end_dies_the_message_is_one_contact(when: str) -> None:
    world = Center()
    caller = speaks(world)
    if when == "recording":
        world.restart()
    world.over()
    if when == "keeping":
        world.restart()
    world.kept()
    if when == "kept":
        world.restart()
        world.feed(RecordingKept(world.asked[-1].contact, "ab" * 32))
    assert len([one for one in world.kinds(e.ContactArrived) if one.blob]) == 1
    assert world.last(e.ContactEnded).termination.reason is Reason.VOICEMAIL_LEFT
    assert "hung up on" in caller.story


def test_a_server_that_stops_keeps_what_was_said() -> None:
    world = Center()
    speaks(world)
    world.feed(Closing())
    world.restart()
    world.wait(70)
    world.kept()
    assert world.last(e.ContactQueued).contact == world.asked[-1].contact


def test_no_event_holds_the_number_or_the_file() -> None:
    world = Center()
    speaks(world, "+15550777")
    world.over()
    world.kept()
    told = msgspec.json.encode([world.events, world.commands]).decode()
    assert "+15550777" not in told
    assert FOLDER not in told


def test_a_message_is_no_call_and_leaves_nothing_in_the_front_end() -> None:
    world = Center()
    caller = speaks(world)
    caller.hang_up()
    assert world.frontend.calls == 0
    world.over("gone")
    world.kept()
    left = world.leaks()
    assert left == [f"contact {world.asked[0].contact}"], "only what waits to be heard"
