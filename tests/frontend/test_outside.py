"""Agents and numbers outside: calls of their own, transfers, consultations, and who is on duty."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from callcenter.domain import events as e
from callcenter.domain.center import Calendar, DialRule, Duty, Period
from callcenter.domain.commands import (
    CallAct,
    CallActRequested,
    ConfigurationRequested,
    DialKind,
    DialRequested,
    DialStage,
    Presence,
    TransferRequested,
)
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId, CommandId, ContactId, PartyId, QueueId
from callcenter.frontend.outside import DIAL_SECONDS
from tests.frontend.test_transfer import contact_of, notified, refer, talking
from tests.frontend.world import Phone, World

OUTSIDE = "+15550777"
RULE = DialRule(name="office", allow=("+1555",), deny=("+1555900",))


def may_dial(world: World, *duties: Duty, rule: DialRule = RULE) -> World:
    """Everybody may call what the rule says; this is the roster."""
    center = world.center
    agents = tuple(replace(agent, dials=rule.name) for agent in center.agents)
    world.center = replace(center, agents=agents, dial_rules=(rule,), duties=duties)
    version = f"d{len(world.journal)}"
    world.command(ConfigurationRequested(center=world.center, version=version, by="test"))
    for phone in world.agents.values():
        phone.story.clear()
    return world


def desk(
    world: World, kind: DialKind, number: str = OUTSIDE, *, duty: bool = False, agent: str = "ana"
) -> e.CommandAnswered:
    """What the desk page asks for, and what it was answered."""
    world.parties["party-desk"] = number
    world.command(
        DialRequested(
            agent=AgentId(agent),
            kind=kind,
            contact=ContactId("") if kind is DialKind.CALL else contact_of(world),
            party=PartyId("") if duty else PartyId("party-desk"),
            duty=duty,
            by=agent,
            request=CommandId("web-1"),
        )
    )
    answers: list[e.CommandAnswered] = world.kinds(e.CommandAnswered)
    return next(a for a in reversed(answers) if a.request == "web-1")


def stages(world: World) -> list[DialStage]:
    return [event.stage for event in world.kinds(e.OutsideDialled)]


def invites(world: World) -> list[bytes]:
    """INVITEs that the trunk was sent."""
    return [data for data in world.sent if data.startswith(b"INVITE sip:+")]


def asked(*duties: Duty) -> tuple[World, Phone, Phone, Phone]:
    """A caller who talks with ana, and the provider's phone outside."""
    world, caller = talking("ana", "ben")
    may_dial(world, *duties)
    return world, caller, world.agents["ana"], world.trunk()


# ---- a call of her own -------------------------------------------------------------------------


def test_an_agent_dials_a_number_at_her_phone_and_they_talk() -> None:
    world = may_dial(World("ana"))
    ana, outside = world.agents["ana"], world.trunk()
    ana.dial(OUTSIDE)
    assert ana.story == ["180"]
    assert world.presence_of("ana") == "reserved"
    outside.answer()
    assert ana.story[-1] == "answered"
    assert world.hears(ana) == world.leg_of(outside)
    assert world.hears(outside) == world.leg_of(ana)
    started = world.last(e.SegmentStarted)
    assert (started.agent, started.queue, started.beside) == ("ana", "", False)
    assert stages(world) == [DialStage.DIALLED, DialStage.ANSWERED]
    audit = world.last(e.OutsideDialled)
    assert (audit.agent, audit.trunk, audit.kind) == ("ana", "provider", DialKind.CALL)
    assert OUTSIDE not in repr(world.events), "events hold no number"
    outside.hang_up()
    assert ana.story[-1] == "hung up on"
    ended = world.last(e.ContactEnded)
    assert ended.termination.reason is Reason.CALLER_HUNG_UP
    assert world.kinds(e.ContactQueued) == [], "no queue has it in its books"
    assert world.presence_of("ana") == "ready"
    assert world.leaks() == []


def test_she_hangs_up_on_the_number_that_she_called() -> None:
    world = may_dial(World("ana"))
    ana, outside = world.agents["ana"], world.trunk("answers")
    ana.dial(OUTSIDE)
    ana.hang_up()
    assert outside.story[-1] == "hung up on"
    assert world.last(e.ContactEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert world.leaks() == []


def test_who_gives_her_call_up_before_it_is_granted_leaves_nothing() -> None:
    world = may_dial(World("ana"))
    ana = world.agents["ana"]
    world.control_is_up = False
    ana.dial(OUTSIDE)
    ana.hang_up()
    world.control_comes_back()
    assert world.last(e.ContactEnded).termination.reason is Reason.CALL_GIVEN_UP
    assert world.presence_of("ana") == "ready"
    assert world.leaks() == []


def test_a_customer_of_her_own_call_who_was_handed_to_a_queue_stays_there() -> None:
    """Whoever took her there loses his phone: she waits again, as any caller would."""
    world = may_dial(World("ana", "ben"))
    ana, ben, outside = world.agents["ana"], world.agents["ben"], world.trunk("answers")
    ana.dial(OUTSIDE)
    world.command(
        TransferRequested(contact=contact_of(world), agent=AgentId("ana"), queue=QueueId("sales"))
    )
    world.command(world.presence("ana", Presence.NOT_READY))
    ben.answer()
    assert world.hears(outside) == world.leg_of(ben)
    world.wait(60)
    ben.is_dead = True
    world.goes_silent(ben)
    world.wait(5)
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_VANISHED
    assert world.last(e.ContactQueued).queue == "sales"
    assert "hung up on" not in outside.story
    outside.hang_up()


@pytest.mark.parametrize(
    ("mood", "told", "stage"),
    [
        ("is busy", "rejected 486", DialStage.BUSY),
        ("rejects:480", "rejected 480", DialStage.NO_ANSWER),
        ("rejects:404", "rejected 503", DialStage.FAILED),
        ("rejects:302", "rejected 503", DialStage.FAILED),
    ],
)
def test_a_number_that_is_not_reached_ends_her_call_by_name(
    mood: str, told: str, stage: DialStage
) -> None:
    world = may_dial(World("ana"))
    world.trunk(mood)
    ana = world.agents["ana"]
    ana.dial(OUTSIDE)
    assert ana.story[-1] == told
    assert stages(world) == [DialStage.DIALLED, stage]
    assert world.last(e.ContactEnded).termination.reason is Reason.CALL_UNREACHED
    assert world.presence_of("ana") == "ready", "it is not held against her"
    assert world.leaks() == []


def test_a_number_rings_no_longer_than_it_may() -> None:
    world = may_dial(World("ana"))
    outside = world.trunk()
    world.agents["ana"].dial(OUTSIDE)
    world.wait(DIAL_SECONDS + 1)
    assert outside.story[-1] == "cancelled"
    assert stages(world)[-1] is DialStage.NO_ANSWER
    assert world.agents["ana"].story[-1] == "rejected 480"
    world.wait(40)
    assert world.leaks() == []


def test_who_gives_her_call_up_stops_the_phone_outside() -> None:
    world = may_dial(World("ana"))
    ana, outside = world.agents["ana"], world.trunk()
    ana.dial(OUTSIDE)
    assert ana.call
    ana.call.cancel(world.now)
    world.run()
    assert outside.story[-1] == "cancelled"
    assert stages(world)[-1] is DialStage.GIVEN_UP
    assert world.last(e.ContactEnded).termination.reason is Reason.CALL_GIVEN_UP
    world.wait(40)
    assert world.leaks() == []


@pytest.mark.parametrize("number", ["+15559001", "+441234567", "+19005550199", "0015559001234"])
def test_what_her_rule_does_not_name_is_refused_and_written_down(number: str) -> None:
    world = may_dial(World("ana"))
    world.trunk("answers")
    world.agents["ana"].dial(number)
    assert world.agents["ana"].story == ["rejected 403"]
    assert invites(world) == []
    assert stages(world) == [DialStage.NOT_ALLOWED]
    assert world.leaks() == []


def test_without_a_rule_nothing_may_be_called_and_the_trunks_rule_counts_besides() -> None:
    world = World("ana")
    world.agents["ana"].dial(OUTSIDE)
    assert world.agents["ana"].story[-1] == "rejected 403"
    may_dial(world, rule=DialRule(name="all", allow=("+", "0", "1", "4")))
    world.agents["ana"].dial("+441234567")
    assert world.agents["ana"].story[-1] == "rejected 403"
    assert invites(world) == []


def test_nobody_but_a_registered_agent_calls_out() -> None:
    world = may_dial(World("ana"))
    world.trunk("answers")
    stranger = world.phone("stranger")
    stranger.dial(OUTSIDE)
    assert stranger.story == ["rejected 404"]
    assert invites(world) == []


def test_a_colleagues_extension_is_no_number_outside() -> None:
    world = may_dial(World("ana", "ben"), rule=DialRule(name="all", allow=("3",)))
    agents = tuple(replace(a, extension="301") if a.id == "ben" else a for a in world.center.agents)
    world.center = replace(world.center, agents=agents)
    may_dial(world, rule=DialRule(name="all", allow=("3",)))
    world.agents["ana"].dial("301")
    assert world.agents["ana"].story == ["rejected 404"]
    assert world.kinds(e.OutsideDialled) == []


def test_one_who_is_not_on_duty_calls_nobody() -> None:
    world = may_dial(World("ana", ready=False))
    world.trunk("answers")
    world.agents["ana"].dial(OUTSIDE)
    assert world.agents["ana"].story[-1] == "rejected 403"
    assert invites(world) == []
    assert world.leaks() == []


def test_from_her_desk_her_phone_rings_first() -> None:
    world = may_dial(World("ana"))
    ana, outside = world.agents["ana"], world.trunk()
    assert desk(world, DialKind.CALL).accepted
    assert ana.story == ["rings"]
    assert invites(world) == [], "nobody outside rings before she is there"
    ana.answer()
    assert world.hears(ana) == "ringback"
    outside.answer()
    assert world.hears(ana) == world.leg_of(outside)
    ana.hang_up()
    assert outside.story[-1] == "hung up on"
    assert world.leaks() == []


def test_the_desk_is_told_that_a_number_may_not_be_called() -> None:
    world = may_dial(World("ana"))
    answered = desk(world, DialKind.CALL, "+19005550199")
    assert (answered.accepted, answered.reason) == (False, "this number may not be called")
    assert world.agents["ana"].story == []
    assert world.last(e.ContactEnded).termination.reason is Reason.NOT_ALLOWED
    assert world.leaks() == []


def test_her_own_phone_that_rings_out_is_no_missed_caller() -> None:
    world = may_dial(World("ana"))
    desk(world, DialKind.CALL)
    world.wait(40)
    assert world.agents["ana"].story[-1] == "cancelled"
    assert world.presence_of("ana") == "ready"
    assert world.last(e.ContactEnded).termination.reason is Reason.CALL_GIVEN_UP
    world.wait(40)
    assert world.leaks() == []


def test_a_call_in_hand_stands_in_the_way_of_a_call_of_her_own() -> None:
    world, *_ = asked()
    answered = desk(world, DialKind.CALL)
    assert not answered.accepted
    assert answered.reason == "agent 'ana' is at work"


def test_a_call_that_nobody_answered_is_given_up_with_the_front_end_that_made_it() -> None:
    world = may_dial(World("ana"))
    ana, outside = world.agents["ana"], world.trunk()
    ana.dial(OUTSIDE)
    world.restart()
    assert outside.story[-1] == "cancelled"
    assert world.presence_of("ana") == "ready"
    world.wait(40)
    assert world.leaks() == []
    assert len(invites(world)) == 1, "it is dialled once"


def test_a_call_of_hers_that_was_answered_outlives_the_front_end() -> None:
    world = may_dial(World("ana"))
    ana, outside = world.agents["ana"], world.trunk("answers")
    ana.dial(OUTSIDE)
    world.restart()
    assert world.hears(ana) == world.leg_of(outside)
    outside.hang_up()
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []


# ---- her caller is handed on -------------------------------------------------------------------


@pytest.mark.parametrize("way", ["desk", "phone"])
def test_a_caller_is_handed_on_to_a_number_outside(way: str) -> None:
    world, caller, ana, outside = asked()
    if way == "desk":
        assert desk(world, DialKind.TRANSFER).accepted
    else:
        refer(world, ana, f"<sip:{OUTSIDE}@callcenter>")
        assert "REFER 202" in ana.story
        assert notified(world)[-1] == "SIP/2.0 200 OK"
    assert ana.story[-1] == "hung up on"
    assert world.hears(caller) == "ringback"
    assert world.presence_of("ana") == "ready"
    outside.answer()
    assert world.hears(caller) == world.leg_outside(outside)
    assert stages(world) == [DialStage.DIALLED, DialStage.ANSWERED]
    outside.hang_up()
    assert caller.story[-1] == "hung up on"
    assert stages(world)[-1] is DialStage.OVER
    assert [s.termination.reason for s in world.kinds(e.SegmentEnded)] == [Reason.TRANSFERRED]
    assert len(world.kinds(e.ContactEnded)) == 1
    assert world.leaks() == []


@pytest.mark.parametrize("mood", ["is busy", "rejects:404", "rejects:302"])
def test_who_is_not_reached_outside_costs_the_caller_nothing(mood: str) -> None:
    world, caller, _, _ = asked()
    world.trunk(mood)
    since = world.last(e.ContactQueued).since
    assert desk(world, DialKind.TRANSFER).accepted
    queued = world.last(e.ContactQueued)
    assert (queued.place_from or queued.since) == since, "she keeps her place"
    assert queued.priority == 10
    rung = world.agents[world.last(e.OfferMade).agent]
    rung.answer()
    assert world.hears(caller) == world.leg_of(rung)
    caller.hang_up()
    assert world.leaks() == []


def test_what_may_not_be_called_changes_nothing_for_the_two() -> None:
    world, caller, ana, _ = asked()
    answered = desk(world, DialKind.TRANSFER, "+19005550199")
    assert (answered.accepted, answered.reason) == (False, "this number may not be called")
    refer(world, ana, "<sip:+19005550199@callcenter>")
    assert ana.story[-1] == "REFER 403"
    assert world.hears(caller) == world.leg_of(ana)
    assert stages(world) == [DialStage.NOT_ALLOWED] * 2
    assert invites(world) == []


def test_a_caller_who_leaves_while_it_rings_outside_stops_it() -> None:
    world, caller, _, outside = asked()
    desk(world, DialKind.TRANSFER)
    caller.hang_up()
    assert outside.story[-1] == "cancelled"
    assert stages(world)[-1] is DialStage.GIVEN_UP
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_HUNG_UP
    world.wait(40)
    assert world.leaks() == []


@pytest.mark.parametrize("when", ["it rings", "they talk"])
def test_a_caller_who_was_handed_on_outlives_the_front_end(when: str) -> None:
    world, caller, _, outside = asked()
    desk(world, DialKind.TRANSFER)
    if when == "they talk":
        outside.answer()
    world.restart()
    if when == "it rings":
        outside.answer()
    assert world.hears(caller) == world.leg_outside(outside)
    assert len(invites(world)) == 1
    caller.hang_up()
    assert outside.story[-1] == "hung up on"
    assert world.leaks() == []


# ---- or somebody outside is asked ---------------------------------------------------------------


def test_a_number_is_asked_at_the_desk_and_left_with_the_caller() -> None:
    world, caller, ana, outside = asked()
    assert desk(world, DialKind.CONSULT).accepted
    assert (world.hears(caller), world.hears(ana)) == ("default", "ringback")
    outside.answer()
    assert world.hears(ana) == world.leg_outside(outside)
    act(world, CallAct.SWAP)
    assert world.hears(caller) == world.leg_of(ana)
    act(world, CallAct.CONFERENCE)
    assert len(world.media.mixed(contact_of(world))) == 3
    act(world, CallAct.COMPLETE)
    assert ana.story[-1] == "hung up on"
    assert world.hears(caller) == world.leg_outside(outside)
    assert world.presence_of("ana") == "ready"
    caller.hang_up()
    assert outside.story[-1] == "hung up on"
    assert world.leaks() == []


def test_who_is_asked_outside_can_be_let_go_again() -> None:
    world, caller, ana, outside = asked()
    desk(world, DialKind.CONSULT)
    act(world, CallAct.CONSULT_END)
    assert outside.story[-1] == "cancelled"
    assert world.hears(caller) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(caller)
    caller.hang_up()
    world.wait(40)
    assert world.leaks() == []


def test_a_number_that_nobody_answers_gives_the_caller_back() -> None:
    world, caller, ana, _ = asked()
    world.trunk("is busy")
    desk(world, DialKind.CONSULT)
    assert stages(world) == [DialStage.DIALLED, DialStage.BUSY]
    assert world.hears(caller) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(caller)
    caller.hang_up()
    assert world.leaks() == []


def test_her_phones_second_line_asks_outside_and_its_transfer_key_joins_them() -> None:
    world, caller, ana, outside = asked()
    first = ana.call
    assert first is not None
    ana.hold()
    ana.dial(OUTSIDE)
    outside.answer()
    assert ana.story[-1] == "answered"
    second = ana.call
    assert second is not None
    replaces = f"{second.call_id}%3Bto-tag%3D{second.remote_tag}%3Bfrom-tag%3D{second.local_tag}"
    ana.call = first
    refer(world, ana, f"<sip:{OUTSIDE}@callcenter?Replaces={replaces}>")
    assert world.hears(caller) == world.leg_outside(outside)
    assert ana.story.count("hung up on") == 2
    outside.hang_up()
    assert caller.story[-1] == "hung up on"
    assert world.leaks() == []


def test_what_may_not_be_called_is_refused_on_the_second_line_too() -> None:
    world, caller, ana, _ = asked()
    ana.hold()
    ana.dial("+19005550199")
    assert ana.story[-1] == "rejected 403"
    assert stages(world) == [DialStage.NOT_ALLOWED]
    assert world.hears(caller) == "default"


# ---- who is on duty ----------------------------------------------------------------------------

MANAGER = Duty(name="night", number="+15550999")


@pytest.mark.parametrize("way", ["desk", "phone"])
def test_a_caller_is_handed_on_to_the_manager_outside_who_is_on_duty(way: str) -> None:
    world, caller, ana, outside = asked(MANAGER)
    if way == "desk":
        assert desk(world, DialKind.TRANSFER, duty=True).accepted
    else:
        refer(world, ana, "<sip:*15@callcenter>")
    outside.answer()
    assert world.hears(caller) == world.leg_outside(outside)
    assert b"INVITE sip:+15550999@" in b"".join(world.sent)
    assert world.last(e.OutsideDialled).duty == "night"


def test_the_manager_on_duty_may_be_one_of_ours() -> None:
    world, caller, ana, _ = asked(Duty(name="ben", agent=AgentId("ben")))
    ben = world.agents["ben"]
    assert desk(world, DialKind.CONSULT, duty=True).accepted
    ben.answer()
    assert world.hears(ana) == world.leg_of(ben)
    act(world, CallAct.CONSULT_END)
    refer(world, ana, "<sip:*15@callcenter>")
    ben.answer()
    assert world.hears(caller) == world.leg_of(ben)


def test_the_code_asks_the_manager_on_the_second_line() -> None:
    world, _, ana, outside = asked(MANAGER)
    ana.hold()
    ana.dial("*15")
    outside.answer()
    assert ana.story[-1] == "answered"
    ben = world.agents["ben"]
    ben.dial("*15")
    assert ben.story[-1] == "rejected 486", "the manager's line is taken, by name"


def test_nobody_on_duty_is_said_so() -> None:
    closed = Calendar(name="never", periods=(Period(weekday=0, opens=0, closes=0),))
    world, caller, ana, _ = asked(Duty(name="night", number="+15550999", calendar="never"))
    world.center = replace(world.center, calendars=(closed,))
    may_dial(world, *world.center.duties)
    answered = desk(world, DialKind.TRANSFER, duty=True)
    assert (answered.accepted, answered.reason) == (False, "nobody is on duty now")
    refer(world, ana, "<sip:*15@callcenter>")
    assert ana.story[-1] == "REFER 404"
    assert world.hears(caller) == world.leg_of(ana)


def test_the_manager_needs_no_rule_of_the_agents_but_a_trunks() -> None:
    world, *_ = asked(MANAGER)
    may_dial(world, replace(MANAGER, number="+441234567"), rule=DialRule(name="none"))
    answered = desk(world, DialKind.TRANSFER, duty=True)
    assert answered.reason == "this number may not be called"
    may_dial(world, MANAGER, rule=DialRule(name="none"))
    assert desk(world, DialKind.TRANSFER, duty=True).accepted


def act(world: World, what: CallAct) -> None:
    world.command(CallActRequested(contact=contact_of(world), agent=AgentId("ana"), act=what))
