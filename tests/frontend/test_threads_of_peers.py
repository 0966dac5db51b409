"""What went wrong elsewhere, each told here by the number of the thread in which it was reported.

Every story ends well in this center. Where control alone decides it stands in
`tests/control/test_threads_of_peers.py`.
"""

from __future__ import annotations

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice
from callcenter.domain.commands import Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId
from callcenter.sip.endpoint import CallState
from callcenter.sip.record import decode_record
from callcenter.sip.sdp import answer_audio, parse_sdp
from tests.frontend.test_transfer import talking
from tests.frontend.world import Phone, World


def queued(world: World, name: str = "caller") -> Phone:
    caller = world.phone(name)
    caller.dial("+15550100")
    world.said(caller)
    world.press_after_prompt(caller, "1")
    return caller


def test_asterisk_176_one_caller_is_answered_by_one_agent_though_two_pick_up_at_once() -> None:
    world = World("ana", "ben", agent_choice=AgentChoice.RING_ALL, ring_width=2)
    caller = queued(world)
    for name in ("ana", "ben"):
        phone = world.agents[name]
        assert phone.call
        phone.call.answer(phone.sdp(), world.now)
    world.run()
    assert len(world.kinds(e.SegmentStarted)) == 1
    winner = world.last(e.SegmentStarted).agent
    loser = world.agents["ben" if winner == "ana" else "ana"]
    assert loser.story[-1] == "hung up on"
    assert "Call completed elsewhere" in loser.reason
    assert world.hears(caller) == world.leg_of(world.agents[winner])
    assert world.control.state.agents[AgentId(loser.name)].presence is Presence.READY
    caller.hang_up()
    assert world.leaks() == []


def test_asterisk_1557_who_rings_already_is_not_dropped_by_another_call() -> None:
    world = World("ana", "ben")
    queued(world, "first")
    queued(world, "second")
    for name in ("ana", "ben"):
        assert world.agents[name].story[-1] == "rings"
    world.agents["ana"].answer()
    assert world.agents["ben"].story[-1] == "rings"
    world.agents["ben"].answer()
    assert len(world.kinds(e.SegmentStarted)) == 2


def test_freeswitch_1973_nobody_is_answered_for_hours_after_she_left() -> None:
    world = World("ana")
    caller = queued(world)
    world.agents["ana"].answer()
    caller.is_dead = True
    world.wait(30)
    world.goes_silent(caller)
    world.wait(10)
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_VANISHED
    assert not world.control.state.contacts


def test_freeswitch_2529_no_ghost_rings_when_the_caller_left_as_she_was_offered() -> None:
    world = World("ana")
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.said(caller)
    caller.press("1")
    assert caller.call
    world.control_is_up = False
    caller.call.bye(world.now)
    world.run()
    world.control_comes_back()
    ana = world.agents["ana"]
    assert ana.story[-1] in ("cancelled", "REGISTER 200")
    assert ana.call is None or ana.call not in ana.endpoint.calls
    assert world.leaks() == []


def test_freeswitch_2540_no_agent_stays_reserved_when_her_phone_vanished() -> None:
    world = World("ana", ring_seconds=5)
    caller = queued(world)
    world.agents["ana"].is_dead = True
    world.wait(6)
    agent = world.control.state.agents[AgentId("ana")]
    assert agent.presence is not Presence.RESERVED
    assert agent.offers == {}
    assert world.hears(caller) == "default"


def test_opensips_2530_no_agent_stays_in_a_call_whose_bye_was_lost() -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    world.wait(30)
    ana.is_dead = True
    ana.hang_up()
    world.goes_silent(ana)
    world.wait(10)
    agent = world.control.state.agents[AgentId("ana")]
    assert agent.segments == {}
    assert (agent.presence, agent.reason) == (Presence.NOT_READY, "phone-lost")
    assert world.hears(caller) == "default"


@pytest.mark.parametrize("who", ["caller", "agent"])
def test_freeswitch_2403_a_bye_crosses_a_bridge_that_was_recovered(who: str) -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    world.restart()
    (caller if who == "caller" else ana).hang_up()
    assert (ana if who == "caller" else caller).story[-1] == "hung up on"
    assert world.leaks() == []


def test_freeswitch_2400_what_is_said_after_a_recovery_has_its_description() -> None:
    """No INVITE is needed to recover; one that a phone asks for is answered with a description."""
    world, caller = talking("ana")
    sent = len(world.sent)
    world.restart()
    assert not [data for data in world.sent[sent:] if data.startswith(b"INVITE")]
    caller.hold("sendrecv")
    (answer,) = [d for d in world.sent[sent:] if d.startswith(b"SIP/2.0 200") and b"INVITE" in d]
    assert b"m=audio" in answer


def test_freeswitch_2443_routes_keep_their_order_through_a_recovery() -> None:
    world = World()
    caller = world.phone("caller")
    caller.call = caller.endpoint.invite(
        to_uri="sip:+15550100@callcenter",
        request_uri="sip:+15550100@callcenter",
        from_addr="sip:caller@example.test",
        flow=caller.flow,
        sdp=caller.sdp(),
        now=world.now,
        headers=(
            ("Record-Route", "<sip:near.test;lr>"),
            ("Record-Route", "<sip:far.test;lr>"),
        ),
    )
    world.run()
    key = next(k for k in world.records if k.endswith(":caller"))
    kept = msgspec.msgpack.decode(world.records[key])
    dialog = decode_record(msgspec.msgpack.encode(kept["dialog"]))
    assert dialog.routes == [b"<sip:near.test;lr>", b"<sip:far.test;lr>"]
    world.restart()
    sent = len(world.sent)
    (story,) = world.frontend.hands.stories.values()
    story.end(Reason.DRAINING)
    world._take(world.frontend.turn())
    (bye,) = [data for data in world.sent[sent:] if data.startswith(b"BYE")]
    head = bye.decode()
    assert head.index("near.test") < head.index("far.test")


@pytest.mark.parametrize("clock", [8000, 48000])
def test_freeswitch_1833_digits_keep_the_clock_that_the_phone_named(clock: int) -> None:
    offer = (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
        "m=audio 4000 RTP/AVP 0 110 101\r\na=rtpmap:110 telephone-event/48000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\n"
    )
    if clock == 48000:
        offer = offer.replace(" 101\r\n", "\r\n").replace(
            "a=rtpmap:101 telephone-event/8000\r\n", ""
        )
    answer = answer_audio(parse_sdp(offer.encode()), "192.0.2.1", 5000, 1, 1).encode().decode()
    event = {8000: "a=rtpmap:101 telephone-event/8000", 48000: "a=rtpmap:110 telephone-event/48000"}
    assert event[clock] in answer


def test_opensips_197_rubbish_that_was_kept_keeps_nobody_from_starting() -> None:
    world, caller = talking("ana")
    good = dict(world.records)
    world.records |= {
        "call:broken": b"\xff\x00",
        "call:half": good[next(k for k in good if k.startswith("call:") and k.count(":") == 1)][:9],
        "phone:ghost": b"rubbish",
        "parting:x": b"",
        "feature:f": b"\x80",
    }
    world.restart()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    assert "call:broken" not in world.records
    caller.hang_up()
    assert caller.call
    assert caller.call.state is CallState.ENDED
