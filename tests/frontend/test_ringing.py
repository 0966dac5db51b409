"""A queue that rings several agents at once: one has the caller, the others stop and bear nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice
from callcenter.domain.commands import OfferOutcome, OfferReported, Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, OfferId
from callcenter.frontend.endings import ELSEWHERE, ending
from callcenter.frontend.offer import OfferRecord
from callcenter.frontend.ringing import OFFERS_MAX
from callcenter.frontend.turn import EventsSeen, SendSip
from tests.frontend.world import WALL, Phone, World

NAMES = ("ana", "ben", "cat")


def center(*agents: str, ready: bool = True, **queue: Any) -> World:
    """Sales rings up to three agents at once."""
    settings: dict[str, Any] = {"ring_width": 3, **queue}
    return World(*(agents or NAMES), ready=ready, agent_choice=AgentChoice.RING_ALL, **settings)


def waiting(world: World) -> Phone:
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    return caller


def last(world: World, *names: str) -> list[str]:
    """What happened last at the phones of these agents."""
    return [world.agents[name].story[-1] for name in names]


def outcomes(world: World) -> list[OfferOutcome]:
    return [c.outcome for c in world.commands if isinstance(c, OfferReported)]


def nothing_held_against(world: World, *names: str) -> None:
    """On duty as before, no offer missed, declined or expired."""
    states = world.control.state.agents
    assert {states[AgentId(name)].duty for name in names} == {Presence.READY}
    assert {states[AgentId(name)].presence for name in names} == {Presence.READY}
    against = world.kinds(e.OfferExpired, e.OfferDeclined)
    assert [event for event in against if event.agent in names] == []


def test_all_ring_at_once_under_a_grant_each() -> None:
    world = center()
    waiting(world)
    assert last(world, *NAMES) == ["rings", "rings", "rings"]
    grants = world.kinds(e.OfferMade)
    assert [grant.agent for grant in grants] == list(NAMES)
    assert len({grant.offer for grant in grants}) == 3


def test_no_more_ring_than_the_queue_wants() -> None:
    world = center(ring_width=2)
    waiting(world)
    assert last(world, "ana", "ben") == ["rings", "rings"]
    assert "rings" not in world.agents["cat"].story


def test_the_first_answer_has_the_caller_and_the_others_stop_at_once() -> None:
    world = center()
    caller = waiting(world)
    ben = world.agents["ben"]
    ben.answer()
    assert world.hears(caller) == world.leg_of(ben)
    assert world.hears(ben) == world.leg_of(caller)
    assert last(world, "ana", "cat") == ["cancelled", "cancelled"]
    assert {world.agents[name].reason for name in ("ana", "cat")} == {ELSEWHERE[1]}
    assert world.last(e.SegmentStarted).agent == "ben"
    assert outcomes(world) == [OfferOutcome.ACCEPTED], "control is told of the one that counts"
    nothing_held_against(world, "ana", "cat")
    caller.hang_up()
    assert world.leaks() == []


def test_the_others_are_told_in_the_turn_of_the_answer() -> None:
    world = center()
    waiting(world)
    ben = world.agents["ben"]
    assert ben.call is not None
    ben.call.answer(ben.sdp(), world.now)
    before = len(world.sent)
    world._collect()
    while world._road and not world.sent[before:]:
        world._deliver(*world._road.popleft())
    assert [data[:6] for data in world.sent[before:]] == [b"ACK si", b"CANCEL", b"CANCEL"]


def test_two_answer_in_the_same_instant_and_one_has_the_caller() -> None:
    world = center()
    caller = waiting(world)
    for name in ("ana", "ben"):
        phone = world.agents[name]
        assert phone.call is not None
        phone.call.answer(phone.sdp(), world.now)
    world.run()
    ana, ben = world.agents["ana"], world.agents["ben"]
    assert ana.story[-1] == "confirmed"
    assert ben.story[-2:] == ["confirmed", "hung up on"], "acknowledged, then let go"
    assert ben.reason == ELSEWHERE[1]
    assert world.hears(caller) == world.leg_of(ana)
    assert [event.agent for event in world.kinds(e.SegmentStarted)] == ["ana"]
    nothing_held_against(world, "ben", "cat")
    caller.hang_up()
    assert world.leaks() == []


def test_the_caller_hangs_up_and_all_stop() -> None:
    world = center()
    caller = waiting(world)
    caller.hang_up()
    assert last(world, *NAMES) == ["cancelled"] * 3
    left = ending(Reason.CALLER_LEFT_IN_QUEUE).reason_header[1]
    assert {world.agents[name].reason for name in NAMES} == {left}
    nothing_held_against(world, *NAMES)
    assert world.leaks() == []


def test_who_says_no_leaves_the_others_ringing() -> None:
    world = center()
    caller = waiting(world)
    ana = world.agents["ana"]
    assert ana.call is not None
    ana.call.reject(603, world.now)
    world.run()
    assert last(world, "ben", "cat") == ["rings", "rings"]
    assert world.hears(caller) == "default"
    world.agents["cat"].answer()
    assert world.last(e.SegmentStarted).agent == "cat"
    assert world.control.state.agents[AgentId("ana")].duty is Presence.NOT_READY
    nothing_held_against(world, "ben")


def test_who_comes_free_rings_beside_the_others() -> None:
    world = center(ready=False)
    caller = waiting(world)
    world.make_ready("ana")
    world.make_ready("ben")
    assert last(world, "ana", "ben") == ["rings", "rings"]
    world.agents["ana"].answer()
    assert last(world, "ben") == ["cancelled"]
    assert world.hears(caller) == world.leg_of(world.agents["ana"])


def test_each_rings_for_her_own_time_and_the_caller_keeps_her_place() -> None:
    world = center(ready=False, ring_seconds=10)
    caller = waiting(world)
    world.make_ready("ana")
    world.wait(5)
    world.make_ready("ben")
    world.wait(6)
    assert last(world, "ana", "ben") == ["cancelled", "rings"]
    assert world.last(e.OfferExpired).agent == "ana"
    world.wait(5)
    assert last(world, "ben") == ["cancelled"]
    assert world.hears(caller) == "default"
    world.make_ready("ana")
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).waited == 16 * SECOND
    caller.hang_up()
    assert world.leaks() == []


def test_each_agent_has_a_media_leg_of_her_own_and_none_is_left() -> None:
    world = center()
    caller = waiting(world)
    ports = {read_port(world, name) for name in NAMES}
    assert len(ports) == 3
    assert len(world.media.legs) == 4, "hers and three agents'"
    world.agents["ana"].answer()
    assert sorted(world.media.legs) == sorted(
        (world.leg_of(caller), world.leg_of(world.agents["ana"]))
    )
    world.agents["ana"].hang_up()
    assert world.leaks() == []


def read_port(world: World, name: str) -> int:
    call = world.agents[name].call
    assert call is not None
    sdp = (call.remote_sdp or b"").decode()
    return int(next(line for line in sdp.splitlines() if line.startswith("m=audio")).split()[1])


def test_the_leg_that_stood_by_serves_the_first_grant_without_waiting() -> None:
    world = center()
    waiting(world)
    assert [sent.rests_on[0] for sent in world.granted] == ["phone:ana"]


def test_an_engine_that_has_no_more_legs_costs_the_others_nothing() -> None:
    world = center(ready=False)
    caller = waiting(world)
    world.make_ready("ana")
    world.media.refuses = "offer"
    world.make_ready("ben")
    world.media.refuses = ""
    assert last(world, "ana") == ["rings"]
    failed = world.last(e.OfferDeclined)
    assert (failed.agent, failed.outcome) == ("ben", OfferOutcome.FAILED)
    assert world.control.state.agents[AgentId("ben")].duty is Presence.READY
    world.agents["ana"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])


def test_an_answer_that_comes_to_nothing_gives_the_caller_to_the_others_again() -> None:
    world = center("ana", "ben")
    caller = waiting(world)
    ana = world.agents["ana"]
    assert ana.call is not None
    ana.call.answer(b"v=0\r\n", world.now)
    world.run()
    assert last(world, "ana", "ben") == ["hung up on", "cancelled"]
    assert outcomes(world) == [OfferOutcome.FAILED, OfferOutcome.FAILED]
    assert world.hears(caller) == "default"
    world.wait(3)
    assert last(world, "ben") == ["rings"]
    world.agents["ben"].answer()
    assert world.last(e.SegmentStarted).agent == "ben"


def test_the_key_that_leaves_the_queue_stops_all() -> None:
    world = center()
    caller = waiting(world)
    caller.press("*")
    assert last(world, *NAMES) == ["cancelled"] * 3
    nothing_held_against(world, *NAMES)


def test_one_who_is_taken_back_leaves_the_others_ringing() -> None:
    world = center()
    waiting(world)
    first = world.kinds(e.OfferMade)[0]
    gone = e.OfferRescinded(
        at=first.at, offer=first.offer, contact=first.contact, agent=first.agent, reason="test"
    )
    world.feed(EventsSeen((gone,), world.now + WALL))
    assert last(world, *NAMES) == ["cancelled", "rings", "rings"]


def test_after_a_restart_all_ring_on_and_one_may_answer() -> None:
    world = center()
    caller = waiting(world)
    world.restart()
    assert last(world, *NAMES) == ["rings"] * 3
    assert [phone.story.count("rings") for phone in world.agents.values()] == [1, 1, 1]
    assert world.kinds(e.OfferRescinded) == []
    world.agents["cat"].answer()
    assert last(world, "ana", "ben") == ["cancelled", "cancelled"]
    assert world.hears(caller) == world.leg_of(world.agents["cat"])
    caller.hang_up()
    assert world.leaks() == []


def test_a_process_that_dies_of_the_grants_rings_each_of_them_once() -> None:
    world = center(ready=False)
    caller = waiting(world)
    world.keeps_nothing = True
    for name in NAMES:
        world.make_ready(name)
    world.restart()
    assert [phone.story.count("rings") for phone in world.agents.values()] == [1, 1, 1]
    world.agents["ben"].answer()
    assert last(world, "ana", "cat") == ["cancelled", "cancelled"]
    caller.hang_up()
    assert world.leaks() == []


def test_a_process_that_dies_of_an_answer_still_lets_the_others_go() -> None:
    world = center()
    caller = waiting(world)
    world.sends_nothing = True
    world.agents["ben"].answer()
    world.sends_nothing = False
    assert last(world, "ana", "cat") == ["rings", "rings"]
    world.restart()
    assert last(world, "ana", "cat") == ["cancelled", "cancelled"]
    assert [world.agents[name].reason for name in ("ana", "cat")] == [ELSEWHERE[1], ELSEWHERE[1]]
    world.wait(40)
    assert world.kinds(e.OfferExpired) == []
    caller.hang_up()
    assert world.leaks() == []


def test_who_picks_up_before_the_cancel_of_the_next_life_is_told_the_same() -> None:
    world = center()
    waiting(world)
    world.sends_nothing = True
    world.agents["ben"].answer()
    world.sends_nothing = False
    late = world.agents["ana"]
    assert late.call
    late.call.answer(late.sdp(), world.now)  # on its way while nobody is there to hear it
    world.restart()
    assert late.story[-1] == "hung up on"
    assert late.reason == ELSEWHERE[1]


def test_offers_that_an_older_version_kept_are_taken_back() -> None:
    world = center("ana")
    caller = waiting(world)
    (key,) = (key for key in world.records if key.endswith(":offer"))
    (only,) = msgspec.msgpack.decode(world.records[key], type=list[OfferRecord])
    world.records[key] = msgspec.msgpack.encode(only)
    world.restart()
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).agent == "ana"
    caller.hang_up()
    assert world.leaks() == []


@pytest.mark.parametrize(("open_offers", "rings"), [(OFFERS_MAX - 1, True), (OFFERS_MAX, False)])
def test_so_many_grants_are_acted_on_at_once_and_no_more(open_offers: int, rings: bool) -> None:
    world = center("ana", ready=False)
    waiting(world)
    visit = world.last(e.ContactQueued)
    grant = e.OfferMade(
        at=visit.at, offer=OfferId("o0"), contact=visit.contact, queue=visit.queue,
        channel=visit.channel, agent=AgentId("ana"), frontend=world.frontend.rules.frontend,
        ring_seconds=20, act_before=world.now + WALL,
    )  # fmt: skip
    world.media.silent = True
    others = tuple(
        msgspec.structs.replace(grant, offer=OfferId(f"o{n + 1}")) for n in range(open_offers)
    )
    world.frontend.react(EventsSeen(others, world.now + WALL), world.now)
    turn = world.frontend.react(EventsSeen((grant,), world.now + WALL), world.now)
    reported = [c.outcome for c in turn.commands if isinstance(c, OfferReported)]
    assert reported == ([] if rings else [OfferOutcome.FAILED])
    assert not [a for a in turn.actions if isinstance(a, SendSip)]
