"""From a committed grant to the INVITE nothing is waited for, and a death on the way costs nothing.

The process dies of a grant: its INVITE has left, nothing of it was kept. The next life reads the
grant again; the agent's phone must ring once, and stop when there is nobody to be answered.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.commands import (
    FrontendReported,
    OfferOutcome,
    OfferReported,
    Presence,
    PresenceRequested,
)
from callcenter.domain.units import HOUR, SECOND, AgentId, FrontendId, OfferId
from callcenter.frontend.call import CallStory
from callcenter.frontend.offer import invite_names
from callcenter.frontend.turn import AskMedia, EventsSeen, MediaRestarted, SendGranted
from callcenter.media.sdp import read
from tests.frontend.world import WALL, Phone, World

ANA = AgentId("ana")


def waiting(world: World) -> Phone:
    """A caller in the queue."""
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    return caller


def rings(phone: Phone) -> int:
    """How often it began to ring."""
    return phone.story.count("rings")


def invites(world: World) -> list[bytes]:
    """The INVITEs that were sent to agents' phones, in order."""
    return [data for data in world.sent if data.startswith(b"INVITE")]


def line(data: bytes, name: bytes) -> bytes:
    """A header line of a message."""
    return next(part for part in data.split(b"\r\n") if part.startswith(name + b":"))


def dies_of_a_grant(world: World) -> Phone:
    """Ana's phone rings, and the process that rang it knows nothing of it any more."""
    caller = waiting(world)
    world.keeps_nothing = True
    world.make_ready("ana")
    return caller


def rescinded_meanwhile(world: World) -> None:
    """Ana wants no call now, and control takes the grant back while the owner is away."""
    world.command(PresenceRequested(agent=ANA, presence=Presence.NOT_READY, reason="lunch"))
    contact = world.last(e.ContactQueued).contact
    world.command(
        FrontendReported(
            frontend=world.frontend.rules.frontend, epoch=1, contacts=(contact,), agents=(ANA,)
        )
    )
    assert world.last(e.OfferRescinded)


# ---- nothing is waited for --------------------------------------------------------------------


def test_the_invite_is_in_the_turn_in_which_the_grant_is_read() -> None:
    world = World("ana", ready=False)
    waiting(world)
    visit = world.last(e.ContactQueued)
    grant = e.OfferMade(
        at=visit.at, offer=OfferId("o1"), contact=visit.contact, queue=visit.queue, channel=visit.channel,
        agent=ANA, frontend=FrontendId("frontend-0"), ring_seconds=20, act_before=world.now + WALL,
    )  # fmt: skip
    turn = world.frontend.react(EventsSeen((grant,), world.now + WALL), world.now)
    sent = [a for a in turn.actions if isinstance(a, SendGranted)]
    assert [a.data[:6] for a in sent] == [b"INVITE"]
    assert not [a for a in turn.actions if isinstance(a, AskMedia)]
    assert f"call:{visit.contact}:offer" in [change.key for change in turn.records]


def test_an_invite_whose_leg_was_late_is_sent_when_it_is_kept() -> None:
    world = World("ana", ready=False)
    world.media.refuses = "offer"
    caller = world.phone("caller")
    world.media.refuses = ""
    caller.dial("+15550100")
    world.media.silent = True
    caller.press("1")
    world.make_ready("ana")
    assert rings(world.agents["ana"]) == 0
    world.media.silent = False
    world.media_answers_at_last()
    assert rings(world.agents["ana"]) == 1
    assert not world.granted
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).agent == "ana"


def test_it_rests_on_her_phones_and_on_the_good_bye_before_it() -> None:
    world = World("ana", ring_seconds=10)
    waiting(world)
    (first,) = world.granted
    assert first.rests_on == ("phone:ana", "")
    world.wait(11)
    world.make_ready("ana")
    second = world.granted[-1]
    assert second is not first
    assert second.rests_on[1].startswith("parting:")


def test_names_differ_by_offer_phone_and_secret_and_by_nothing_else() -> None:
    one, two = OfferId("o1"), OfferId("o2")
    same = [invite_names("s", one, "p1") for _ in range(2)]
    others = [("s", two, "p1"), ("s", one, "p2"), ("t", one, "p1")]
    assert same[0] == same[1]
    assert len(set(same[0])) == 3
    for other in others:
        assert not set(invite_names(*other)) & set(same[0])


# ---- who dies of it ---------------------------------------------------------------------------


def test_the_next_life_sends_the_same_invite_and_her_phone_rings_once() -> None:
    world = World("ana", ready=False)
    dies_of_a_grant(world)
    ana = world.agents["ana"]
    assert rings(ana) == 1
    assert not [key for key in world.records if key.endswith(":offer")]
    world.restart()
    first, again = invites(world)
    for name in (b"Via", b"From", b"Call-ID", b"CSeq"):
        assert line(first, name) == line(again, name)
    assert rings(ana) == 1
    ana.answer()
    assert world.last(e.SegmentStarted).agent == "ana"
    assert world.kinds(e.OfferRescinded) == []
    assert len(world.kinds(e.OfferMade)) == 1


def test_her_sound_reaches_the_caller_after_the_death() -> None:
    world = World("ana", ready=False)
    caller = dies_of_a_grant(world)
    world.restart()
    ana = world.agents["ana"]
    ana.answer()
    first, again = (read(data.partition(b"\r\n\r\n")[2].decode()) for data in invites(world))
    assert first.address == again.address, "the same leg, the same port"
    assert world.hears(caller) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(caller)
    caller.hang_up()
    assert world.leaks() == []


def test_who_answered_a_dead_process_talks_with_the_next() -> None:
    world = World("ana", ready=False)
    world.agents["ana"].mood = "answers"
    caller = dies_of_a_grant(world)
    assert world.kinds(e.SegmentStarted) == []
    world.restart()
    world.wait(4)
    assert rings(world.agents["ana"]) == 1
    assert world.last(e.SegmentStarted).agent == "ana"
    caller.hang_up()
    assert world.leaks() == []


def test_who_answered_a_dead_process_in_vain_is_hung_up_on() -> None:
    world = World("ana", ready=False)
    world.agents["ana"].mood = "answers"
    caller = dies_of_a_grant(world)
    rescinded_meanwhile(world)
    world.restart()
    world.wait(4)
    assert world.agents["ana"].story[-1] == "hung up on"
    caller.hang_up()
    assert world.leaks() == []


def test_every_phone_of_hers_rings_once() -> None:
    world = World("ana", ready=False)
    second = world.phone("ana")
    second.register()
    dies_of_a_grant(world)
    world.restart()
    assert (rings(world.agents["ana"]), rings(second)) == (1, 1)
    second.answer()
    assert world.agents["ana"].story[-1] == "cancelled"


def test_it_rings_out_and_the_caller_goes_to_the_next_agent() -> None:
    world = World("ana", "ben", ready=False, ring_seconds=10)
    caller = dies_of_a_grant(world)
    world.restart()
    world.make_ready("ben")
    world.wait(11)
    assert world.agents["ana"].story[-1] == "cancelled"
    world.agents["ben"].answer()
    caller.hang_up()
    assert world.leaks() == []


def test_the_caller_leaves_and_the_ringing_stops() -> None:
    world = World("ana", ready=False)
    caller = dies_of_a_grant(world)
    world.restart()
    caller.hang_up()
    assert world.agents["ana"].story[-1] == "cancelled"
    assert world.leaks() == []


def test_an_offer_that_control_took_back_meanwhile_stops_ringing() -> None:
    world = World("ana", ready=False)
    caller = dies_of_a_grant(world)
    rescinded_meanwhile(world)
    assert world.agents["ana"].story[-1] == "rings"
    world.restart()
    assert world.agents["ana"].story[-1] == "cancelled"
    assert rings(world.agents["ana"]) == 1
    assert len(invites(world)) == 1, "no INVITE is sent for an offer that is over"
    caller.hang_up()
    assert world.leaks() == []


def test_an_offer_made_anew_meanwhile_rings_after_the_old_one_has_stopped() -> None:
    world = World("ana", ready=False)
    caller = dies_of_a_grant(world)
    world.frontend_seems_lost()
    world.command(
        FrontendReported(
            frontend=world.frontend.rules.frontend,
            epoch=1,
            contacts=(world.last(e.ContactQueued).contact,),
            agents=(ANA,),
        )
    )
    assert len(world.kinds(e.OfferMade)) == 2
    world.restart()
    assert world.agents["ana"].story[-3:] == ["rings", "cancelled", "rings"]
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).agent == "ana"
    caller.hang_up()
    assert world.leaks() == []


def test_an_offer_that_is_too_old_after_the_death_stops_ringing() -> None:
    world = World("ana", ready=False, ring_seconds=20)
    caller = dies_of_a_grant(world)
    world.wait(22)
    world.restart()
    assert world.agents["ana"].story[-1] == "cancelled"
    outcomes = [c.outcome for c in world.commands if isinstance(c, OfferReported)]
    assert outcomes == [OfferOutcome.FAILED]
    caller.hang_up()
    assert world.leaks() == []


def test_a_phone_that_never_had_the_invite_is_not_rung_to_be_cancelled() -> None:
    world = World("ana", ready=False)
    caller = waiting(world)
    world.keeps_nothing = world.sends_nothing = True
    world.make_ready("ana")
    rescinded_meanwhile(world)
    world.sends_nothing = False
    world.restart()
    assert rings(world.agents["ana"]) == 0
    caller.hang_up()
    assert world.leaks() == []


def test_after_a_second_death_she_still_may_answer() -> None:
    world = World("ana", ready=False)
    dies_of_a_grant(world)
    world.restart()
    world.restart()
    assert len({line(data, b"Via") for data in invites(world)}) == 1
    assert rings(world.agents["ana"]) == 1
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).agent == "ana"


def test_agents_who_were_thought_unreachable_meanwhile_are_named() -> None:
    world = World("ana", ready=False)
    waiting(world)
    world.keeps_nothing = True
    world.frontend_seems_lost()
    assert world.last(e.AgentUnreachable).agent == "ana"
    world.restart()
    assert world.last(e.AgentReachable).agent == "ana"


# ---- the leg that stands by -------------------------------------------------------------------


def standby(world: World) -> str:
    """The leg that stands by for the only caller."""
    (story,) = world.frontend.hands.stories.values()
    assert isinstance(story, CallStory)
    return story.record.standby


def legs(world: World) -> int:
    return len(world.media.legs)


def test_a_waiting_caller_has_one_leg_more_and_others_do_not() -> None:
    world = World("ana", ready=False)
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert legs(world) == 1
    caller.press("1")
    assert legs(world) == 2
    world.make_ready("ana")
    assert legs(world) == 2
    world.agents["ana"].answer()
    assert legs(world) == 2
    assert standby(world) == ""


def leaves_by_key(world: World, caller: Phone) -> None:
    caller.press("*")


def waits_too_long(world: World, caller: Phone) -> None:
    world.wait(31)


def hangs_up(world: World, caller: Phone) -> None:
    caller.hang_up()


@pytest.mark.parametrize(
    ("leaves", "left"), [(leaves_by_key, 1), (waits_too_long, 1), (hangs_up, 0)]
)
@pytest.mark.parametrize("after_restart", [False, True])
def test_it_is_closed_when_she_leaves(
    leaves: Callable[[World, Phone], None], left: int, after_restart: bool
) -> None:
    world = World(wait_seconds_max=30)
    caller = waiting(world)
    if after_restart:
        world.restart()
    leaves(world, caller)
    assert legs(world) == left
    if left:
        caller.hang_up()
    assert world.leaks() == []


def test_a_refused_queue_closes_it() -> None:
    world = World(unstaffed_exit=True)
    waiting(world)
    assert world.last(e.QueueRefused)
    assert legs(world) == 1


def test_an_offer_not_taken_takes_its_leg_along_and_another_stands_by() -> None:
    world = World("ana", "ben", ring_seconds=10)
    caller = waiting(world)
    world.wait(11)
    rung = world.agents["ben"]
    assert world.last(e.OfferExpired).agent == "ana"
    assert legs(world) == 2
    rung.answer()
    assert world.hears(caller) == world.leg_of(rung)
    assert legs(world) == 2
    caller.hang_up()
    assert world.leaks() == []


def test_an_offer_taken_back_takes_its_leg_along_and_another_stands_by() -> None:
    world = World("ana", ready=False)
    waiting(world)
    first = standby(world)
    world.make_ready("ana")
    rescinded_meanwhile(world)
    assert world.agents["ana"].story[-1] == "cancelled"
    assert standby(world) not in ("", first)
    assert legs(world) == 2


def test_after_a_restart_the_same_leg_stands_by() -> None:
    world = World("ana", ready=False)
    waiting(world)
    before = {name: leg["phone"] for name, leg in world.media.legs.items()}
    world.restart()
    world.restart()
    assert {name: leg["phone"] for name, leg in world.media.legs.items()} == before
    world.make_ready("ana")
    assert rings(world.agents["ana"]) == 1
    assert legs(world) == 2


def test_an_engine_that_was_restarted_has_it_still() -> None:
    world = World("ana", ready=False)
    caller = waiting(world)
    world.feed(MediaRestarted())
    world.make_ready("ana")
    world.agents["ana"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    assert legs(world) == 2


def test_a_leg_that_could_not_be_opened_is_asked_for_again_by_the_grant() -> None:
    world = World("ana", ready=False)
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.media.refuses = "offer"
    caller.press("1")
    world.media.refuses = ""
    assert world.last(e.ContactQueued), "no error until a grant needs it"
    world.make_ready("ana")
    world.agents["ana"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    caller.hang_up()
    assert world.leaks() == []


def test_a_leg_that_stood_by_for_too_long_is_not_used() -> None:
    world = World("ana", ready=False, wait_seconds_max=3 * 3600)
    waiting(world)
    first = standby(world)
    world.wait(HOUR // SECOND)
    world.agents["ana"].register()
    world.make_ready("ana")
    assert rings(world.agents["ana"]) == 1
    assert first not in world.media.legs
    assert legs(world) == 2


def test_a_caller_who_changed_her_codec_gets_a_leg_that_fits() -> None:
    world = World("ana", ready=False)
    caller = waiting(world)
    first = standby(world)
    assert caller.call is not None
    law = caller.sdp().replace(b" 0 8 101", b" 8 101")
    caller.call.reinvite(law, world.now)
    world.run()
    world.make_ready("ana")
    assert first not in world.media.legs
    world.agents["ana"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    assert legs(world) == 2


def test_a_caller_whom_an_older_version_queued_is_served() -> None:
    world = World("ana", ready=False)
    caller = waiting(world)
    key = f"call:{world.last(e.ContactQueued).contact}"
    record = msgspec.msgpack.decode(world.records[key])
    for name in ("secret", "standby", "legs"):
        del record[name]
    world.records[key] = msgspec.msgpack.encode(record)
    world.media.legs.pop(standby(world))
    world.restart()
    world.make_ready("ana")
    assert not world.granted, "its names are not known again, so it waits for its record"
    world.agents["ana"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
