"""Who is let in, who is not, and by which answer."""

from __future__ import annotations

import pytest

from callcenter.domain import events as e
from callcenter.domain.commands import FrontendReported, PhoneReported
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId, FrontendId
from callcenter.frontend.caller import plain_number
from callcenter.frontend.endings import ending
from callcenter.frontend.turn import (
    Draining,
    EventsSeen,
    Input,
    Overloaded,
    SayingFinished,
    StoreDown,
    StoreUp,
)
from callcenter.sip.sdp import build_audio
from tests.frontend.world import World


def refused(reason: Reason) -> list[str]:
    return [f"rejected {ending(reason).status}"]


def test_a_number_that_is_not_ours_does_not_exist() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15559999")
    assert caller.story == refused(Reason.NO_SUCH_NUMBER)
    assert world.frontend.counts["refused.no_such_number"] == 1
    assert world.kinds(e.ContactArrived) == []
    assert world.leaks() == []


@pytest.mark.parametrize("dialled", ["+15550100", "0015550100", "+1-555-0100", "+1(555)0100"])
def test_a_number_is_known_however_it_is_written(dialled: str) -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial(dialled)
    assert caller.story == ["answered"]


def test_a_stranger_is_served_only_where_guests_are() -> None:
    world = World("ana")
    caller = world.phone("caller")
    caller.dial("200")
    assert caller.story == ["rejected 401"]
    ana = world.agents["ana"]
    ana.dial("200")
    assert ana.story[-1] == "answered"


def test_a_call_without_a_codec_of_ours_is_not_acceptable() -> None:
    world = World()
    caller = world.phone("caller")
    offer = build_audio("192.0.2.50", 4000).encode().replace(b"AVP 0 8 101", b"AVP 96")
    caller.dial("+15550100", sdp=offer)
    assert caller.story == refused(Reason.NOT_ACCEPTABLE_MEDIA)
    assert world.leaks() == []


def test_rubbish_instead_of_a_description_is_not_acceptable() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100", sdp=b"\x00rubbish")
    assert caller.story == refused(Reason.NOT_ACCEPTABLE_MEDIA)


def test_audio_on_our_own_machine_is_refused_by_a_public_listener() -> None:
    world = World(rules={"loopback_media": False})
    caller = world.phone("caller")
    caller.dial("+15550100", sdp=build_audio("127.0.0.1", 4000).encode())
    assert caller.story == refused(Reason.NOT_ACCEPTABLE_MEDIA)


@pytest.mark.parametrize("command", ["offer", "answer"])
def test_without_media_a_call_is_told_to_try_later(command: str) -> None:
    world = World()
    world.media.refuses = command
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.story == refused(Reason.MEDIA_UNAVAILABLE)
    assert world.leaks() == []


@pytest.mark.parametrize("why", ["The SDP has no IPv4 connection address", "No acceptable codec"])
def test_a_description_that_the_engine_cannot_use_is_the_callers_fault(why: str) -> None:
    world = World()
    world.media.refuses, world.media.why = "offer", why
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.story == refused(Reason.NOT_ACCEPTABLE_MEDIA)
    assert world.leaks() == []


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (StoreDown(), Reason.STORE_UNAVAILABLE),
        (Draining(), Reason.DRAINING),
        (Overloaded(True), Reason.OVERLOADED),
    ],
)
def test_no_new_calls_while_we_cannot_keep_them(what: Input, reason: Reason) -> None:
    world = World()
    before = world.phone("before")
    before.dial("+15550100")
    world.feed(what)
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.story == refused(reason)
    assert world.hears(before) == "hello"


def test_calls_are_taken_again_when_the_store_is_back() -> None:
    world = World()
    world.feed(StoreDown())
    world.feed(StoreUp())
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.story == ["answered"]


def test_there_is_a_most_of_calls() -> None:
    world = World(rules={"calls_max": 2, "kept_for_known": 0})
    callers = [world.phone(f"caller{n}") for n in range(3)]
    for caller in callers:
        caller.dial("+15550100")
    assert [c.story for c in callers] == [["answered"], ["answered"], refused(Reason.OVERLOADED)]
    callers[0].hang_up()
    again = world.phone("again")
    again.dial("+15550100")
    assert again.story == ["answered"]


def test_one_source_may_not_flood_us() -> None:
    world = World(rules={"calls_per_source_per_second": 1.0, "calls_per_source_burst": 2})
    caller = world.phone("caller")
    for _ in range(3):
        caller.dial("+15550100")
    assert caller.story == ["answered", "answered", *refused(Reason.OVERLOADED)]
    other = world.phone("other")
    other.dial("+15550100")
    assert other.story == ["answered"]


# ---- phones -----------------------------------------------------------------------------------


def reported(world: World) -> list[tuple[str, bool]]:
    return [(c.agent, c.reachable) for c in world.commands if isinstance(c, PhoneReported)]


def test_the_first_phone_makes_her_reachable_and_the_last_one_unreachable() -> None:
    world = World("ana", ready=False)
    second = world.phone("ana")
    second.register()
    world.agents["ana"].register(expires=0)
    second.register(expires=0)
    assert reported(world) == [("ana", True), ("ana", False)]
    assert world.last(e.AgentUnreachable).cause == "unregistered"


def test_a_registration_that_is_not_refreshed_expires() -> None:
    world = World("ana", ready=False)
    world.wait(301)
    assert world.last(e.AgentUnreachable).cause == "registration expired"
    assert "phone:ana" not in world.records


def test_a_wrong_password_and_an_unknown_name_are_answered_alike() -> None:
    world = World("ana", ready=False)
    ana, eve = world.agents["ana"], world.phone("eve")
    ana.story.clear()
    ana.register(password="wrong")
    eve.register(password="wrong")
    assert ana.story == eve.story == ["REGISTER 401"]
    assert world.frontend.phones.rejected == {"wrong": 2}


def test_whoever_keeps_guessing_is_not_heard_for_a_while() -> None:
    world = World("ana", ready=False)
    eve = world.phone("eve")
    for _ in range(11):
        eve.register(password="wrong")
    assert eve.story[-1] == "REGISTER 403"
    world.wait(61)
    eve.register(password="wrong")
    assert eve.story[-1] == "REGISTER 401"


def test_nobody_registers_for_somebody_else() -> None:
    world = World("ana", "ben", ready=False)
    ana = world.agents["ana"]
    ana.story.clear()
    ana.endpoint.request(
        "REGISTER",
        to_uri="sip:ben@callcenter",
        request_uri="sip:callcenter",
        from_addr="sip:ana@callcenter",
        flow=ana.flow,
        now=world.now,
        credentials=ana.credentials,
    )
    world.run()
    assert ana.story == ["REGISTER 403"]


def test_an_agent_who_could_not_be_reached_is_reachable_again_when_her_phone_is_heard() -> None:
    world = World("ana", ring_seconds=60)
    ana = world.agents["ana"]
    ana.mood = "rejects:503"
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    assert world.last(e.AgentUnreachable).agent == "ana"
    ana.mood = "answers"
    ana.register()
    assert ana.story[-1] == "confirmed" or world.last(e.SegmentStarted).agent == "ana"


def test_options_are_answered() -> None:
    world = World()
    caller = world.phone("caller")
    caller.endpoint.request(
        "OPTIONS",
        to_uri="sip:callcenter",
        request_uri="sip:callcenter",
        from_addr="sip:caller@example.test",
        flow=caller.flow,
        now=world.now,
    )
    world.run()
    assert caller.story == ["OPTIONS 200"]


def test_a_digit_may_come_by_info() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.call is not None
    caller.call.send_request(
        "INFO",
        world.now,
        headers=(("Content-Type", "application/dtmf-relay"),),
        body=b"Signal=1\r\nDuration=160\r\n",
    )
    world.run()
    assert world.last(e.ContactQueued).queue == "sales"


def test_plain_numbers_keep_names_apart() -> None:
    assert plain_number("00 49 30-123") == "+4930123"
    assert plain_number("Help") == "help"
    assert plain_number("100") == "100"


def test_a_front_end_that_was_thought_lost_names_its_calls_and_phones_again() -> None:
    world = World("ana")
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    world.frontend_seems_lost()
    assert world.control.state.agents[AgentId("ana")].reachable_by == "frontend-0"
    assert world.kinds(e.ContactEnded) == []
    world.agents["ana"].register(expires=0)
    assert world.last(e.AgentUnreachable).cause == "unregistered"


def test_the_loss_of_an_earlier_life_is_not_answered_twice() -> None:
    world = World("ana")
    world.control_is_up = False
    world.restart()
    reports = [c for c in world.commands if isinstance(c, FrontendReported)]
    lost = e.FrontendLost(at=world.now, frontend=FrontendId("frontend-0"))
    world.feed(EventsSeen((lost,), world.now))
    assert [c for c in world.commands if isinstance(c, FrontendReported)] == reports


def test_a_mistake_of_ours_ends_one_call_and_not_the_others() -> None:
    world = World("ana")
    before, caller = world.phone("before"), world.phone("caller")
    before.dial("+15550100")
    caller.dial("+15550100")
    story = world.story_of(caller)
    story.media.record.saying = 7
    world.feed(SayingFinished(story.media.record.id, "anything"))
    assert caller.story[-1] == "hung up on"
    assert world.last(e.ContactEnded).termination.reason is Reason.INTERNAL
    assert len(world.faults) == 1
    assert world.hears(before) == "hello"
    before.hang_up()
    assert world.leaks() == []


def test_when_strangers_are_too_many_they_are_refused_and_agents_phones_are_not() -> None:
    world = World("ana")
    world.feed(Overloaded(overloaded=False, crowded=True))
    caller, ana = world.phone("caller"), world.agents["ana"]
    caller.dial("+15550100")
    assert caller.story == refused(Reason.OVERLOADED)
    ana.dial("200")
    assert ana.story[-1] == "answered"
    world.feed(Overloaded(overloaded=False))
    caller.dial("+15550100")
    assert caller.story[-1] == "answered"


def test_strangers_leave_room_for_trunks_and_agents_phones() -> None:
    world = World("ana", rules={"calls_max": 4})
    callers = [world.phone(f"caller{number}") for number in range(3)]
    for caller in callers:
        caller.dial("+15550100")
    assert [caller.story[-1] for caller in callers] == ["answered"] * 2 + refused(Reason.OVERLOADED)
    world.agents["ana"].dial("200")
    assert world.agents["ana"].story[-1] == "answered"
    callers[0].hang_up()
    world.wait(5)
    callers[2].dial("+15550100")
    assert callers[2].story[-1] == "answered"


def test_a_phone_is_told_the_audio_address_of_its_network() -> None:
    world = World(rules={"media_networks": (("0.0.0.0/0", "203.0.113.7"),)})
    caller = world.phone("caller")
    caller.dial("+15550100")
    answer = caller.call.remote_sdp if caller.call else None
    assert answer is not None
    assert b"c=IN IP4 203.0.113.7" in answer


def test_an_address_counts_as_proved_once_a_call_was_acknowledged_there() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100")
    flow = next(iter(world.frontend.endpoint.calls)).flow
    assert world.frontend.knows(flow)
    assert world.frontend.trusts_address(flow._replace(remote=(flow.remote[0], 9)))
    assert not world.frontend.trusts_address(flow._replace(remote=("203.0.113.99", 9)))
    caller.hang_up()
    world.wait(5)
    assert not world.frontend.knows(flow)
    assert world.frontend.hands.roads == {}


@pytest.mark.parametrize("user", ["a%ff%00b", "%c3%28", "%f0%9f", "%e2%80%ae1234", "%0d%0aX:y"])
def test_a_callers_name_of_any_octets_is_kept_and_shown_as_what_can_be_read(user: str) -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100", user=user)
    assert caller.story == ["answered"]
    world.restart()
    caller.hang_up()
    world.wait(5)
    assert world.leaks() == []


def test_a_call_whose_records_cannot_be_written_ends_alone() -> None:
    world = World()
    bad, good = world.phone("bad"), world.phone("good")
    good.dial("+15550100")
    bad.dial("+15550100")
    world.story_of(bad).record.caller = "\udcff"
    bad.press("1")
    good.press("1")
    world.wait(3)
    assert bad.story[-1] == "hung up on"
    assert good.story == ["answered"]
    assert world.frontend.counts["faults"] == 1
