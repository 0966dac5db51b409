"""Her phone answers by itself, she looks before it rings, or says no at her desk."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.center import AutoAnswer
from callcenter.domain.commands import (
    ConfigurationRequested,
    OfferAnswerRequested,
    OfferOutcome,
)
from callcenter.domain.units import AgentId
from callcenter.frontend.turn import SayingFinished
from tests.frontend.world import Phone, World

TONE, WHISPER = "/audio/tones/attention.au", "/audio/queues/en/sales.au"


def world_of(how: AutoAnswer, *names: str, **queue: Any) -> World:
    """A center whose agents' phones answer by themselves, in this way."""
    world = World(*(names or ("ana",)), ready=False, **queue)
    people = tuple(msgspec.structs.replace(a, auto_answer=how) for a in world.center.agents)
    world.center = msgspec.structs.replace(world.center, agents=people)
    world.command(ConfigurationRequested(center=world.center, version="2", by="test"))
    for name in names or ("ana",):
        world.make_ready(name)
    return world


def calls(world: World) -> Phone:
    """Somebody who waits in sales."""
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    return caller


def invite(world: World) -> str:
    """The last INVITE that left."""
    return [data for data in world.sent if data.startswith(b"INVITE")][-1].decode()


def plays(world: World) -> list[str]:
    """Everything that the agent's leg was asked to play, in order."""
    return [
        m["file"]
        for m in world.media.asked
        if m["command"] == "play media" and "/a" in m["call-id"]
    ]


def finish(world: World, phone: Phone, file: str) -> None:
    world.feed(SayingFinished(world.leg_of(phone), file))


HEADERS = [
    (AutoAnswer.CALL_INFO, "Call-Info: <sip:callcenter>;answer-after=0\r\n"),
    (AutoAnswer.ALERT_INFO, "Alert-Info: <sip:callcenter>;info=alert-autoanswer;delay=0\r\n"),
    (AutoAnswer.ANSWER_MODE, "Answer-Mode: Auto\r\n"),
]


@pytest.mark.parametrize(("how", "header"), HEADERS)
def test_her_phone_is_told_in_the_way_it_understands(how: AutoAnswer, header: str) -> None:
    world = world_of(how)
    calls(world)
    assert header in invite(world)
    assert world.granted, "it leaves at once, as always"


def test_a_phone_that_is_picked_up_is_told_nothing() -> None:
    world = world_of(AutoAnswer.OFF)
    calls(world)
    assert not any(header.partition(":")[0] in invite(world) for _, header in HEADERS)


def test_she_hears_the_tone_and_the_name_of_the_queue_and_then_the_caller() -> None:
    world = world_of(AutoAnswer.CALL_INFO)
    caller = calls(world)
    ana = world.agents["ana"]
    ana.answer()
    leg, music = world.leg_of(ana), world.leg_of(caller)
    assert plays(world) == [TONE]
    assert world.media.hears(leg) == ""
    assert world.media.plays(music) == "default", "the caller hears music until then"
    finish(world, ana, TONE)
    assert plays(world) == [TONE, WHISPER]
    assert not [ev for ev in world.events if isinstance(ev, e.SegmentStarted)]
    finish(world, ana, WHISPER)
    assert world.media.hears(leg) == music
    assert world.media.hears(music) == leg
    assert world.last(e.SegmentStarted).agent == "ana"


def test_an_engine_that_does_not_say_when_it_is_over_is_not_waited_for() -> None:
    world = world_of(AutoAnswer.CALL_INFO)
    calls(world)
    world.agents["ana"].answer()
    world.wait(6)
    assert world.last(e.SegmentStarted).agent == "ana"


def test_who_hangs_up_on_the_tone_has_declined() -> None:
    world = world_of(AutoAnswer.CALL_INFO)
    calls(world)
    world.agents["ana"].answer()
    world.agents["ana"].hang_up()
    assert world.last(e.OfferDeclined).outcome is OfferOutcome.DECLINED
    assert world.last(e.PresenceChanged).reason == "declined"


def test_a_restart_while_the_tone_plays_gives_the_caller_to_the_next() -> None:
    world = world_of(AutoAnswer.CALL_INFO)
    calls(world)
    world.agents["ana"].answer()
    world.restart()
    assert world.agents["ana"].story[-1] == "hung up on"
    assert world.last(e.OfferDeclined).outcome is OfferOutcome.FAILED


def test_of_two_phones_of_hers_none_answers_by_itself() -> None:
    world = world_of(AutoAnswer.CALL_INFO)
    second = world.phone("ana")
    second.register()
    calls(world)
    assert "answer-after" not in invite(world)
    second.answer()
    assert not plays(world), "and who picks up needs no warning"
    assert world.last(e.SegmentStarted).agent == "ana"


def test_who_was_answered_after_a_restart_hears_the_tone_too() -> None:
    world = world_of(AutoAnswer.CALL_INFO)
    calls(world)
    world.restart()
    world.agents["ana"].answer()
    assert plays(world)[-1] == TONE


# --- she looks before it rings --------------------------------------------------------------------


def test_nothing_rings_while_she_looks_and_the_caller_hears_music() -> None:
    world = World("ana", preview_seconds=10)
    caller = calls(world)
    made = world.last(e.OfferMade)
    assert not world.agents["ana"].story.count("rings")
    assert world.media.plays(world.leg_of(caller)) == "default"
    world.command(OfferAnswerRequested(agent=AgentId("ana"), offer=made.offer, accept=True))
    assert world.agents["ana"].story.count("rings") == 1
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).agent == "ana"


def test_a_yes_that_an_earlier_life_died_of_rings_once() -> None:
    world = World("ana", preview_seconds=10)
    calls(world)
    world.keeps_nothing = True
    offer = world.last(e.OfferMade).offer
    world.command(OfferAnswerRequested(agent=AgentId("ana"), offer=offer, accept=True))
    world.restart()
    assert world.agents["ana"].story.count("rings") == 1
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).agent == "ana"


def test_an_offer_that_she_looks_at_outlives_a_restart() -> None:
    world = World("ana", preview_seconds=10)
    calls(world)
    world.restart()
    offer = world.last(e.OfferMade).offer
    world.command(OfferAnswerRequested(agent=AgentId("ana"), offer=offer, accept=True))
    assert world.agents["ana"].story.count("rings") == 1


# --- no, at the desk ------------------------------------------------------------------------------


def test_a_no_at_the_desk_stops_the_phone_and_is_no_missed_call() -> None:
    world = World("ana", "ben")
    calls(world)
    made = world.last(e.OfferMade)
    rung = world.agents[made.agent]
    world.command(OfferAnswerRequested(agent=made.agent, offer=made.offer, accept=False))
    assert rung.story[-1] == "cancelled"
    assert rung.reason == 'SIP;cause=200;text="Call completed elsewhere"'
    other = world.agents["ben" if made.agent == "ana" else "ana"]
    assert other.story.count("rings") == 1
    other.answer()
    assert world.last(e.SegmentStarted).agent == other.name
