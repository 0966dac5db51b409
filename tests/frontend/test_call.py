"""One caller's story, told from her phone, the agent's phone, and the journal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from callcenter.domain import events as e
from callcenter.domain.center import Plan, PlanStep
from callcenter.domain.commands import (
    MoveRequested,
    OfferOutcome,
    OfferReported,
    Outlook,
    Presence,
    WaitsReported,
)
from callcenter.domain.termination import Reason, Result
from callcenter.domain.units import SECOND, AgentId, Micros, OfferId, QueueId
from callcenter.frontend.hands import SWEEP
from callcenter.frontend.turn import EventsSeen
from callcenter.ivr.flow import load_flow
from tests.frontend.world import AUDIO, FLOW, WALL, Phone, World, configured


def queued(world: World) -> Phone:
    """A caller who went through the menu and waits."""
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.said(caller)
    world.press_after_prompt(caller, "1")
    return caller


def talking(world: World) -> tuple[Phone, Phone]:
    """A caller and Ana, who talk."""
    caller = queued(world)
    ana = world.agents["ana"]
    ana.answer()
    return caller, ana


def test_a_caller_is_greeted_as_soon_as_she_is_connected() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.story == ["answered"]
    assert world.hears(caller) == "hello"
    assert [type(event) for event in world.events[-3:]] == [
        e.ContactArrived,
        e.FlowStarted,
        e.StepEntered,
    ]


def test_a_key_in_the_menu_leads_into_the_queue_with_music() -> None:
    world = World()
    caller = queued(world)
    assert world.last(e.ContactQueued).attributes == {"language": "en", "type": "order"}
    assert world.hears(caller) == "default"


def test_a_queue_whose_flow_wants_no_music_is_silent() -> None:
    world = World()
    flow = load_flow(FLOW.replace("music: default", "music: none"), "main-line.yaml")
    world.feed(configured(world.center)._replace(flows={"main-line": flow}))
    caller = queued(world)
    assert world.last(e.ContactQueued)
    assert world.hears(caller) == ""


def test_a_waiting_caller_hears_her_place_and_then_the_music_again() -> None:
    world = World()
    told = FLOW.replace('leave: "*"', "every: 20s, announce: [position, estimated_wait]")
    flow = load_flow(told, "main-line.yaml")
    words = ("position_2", "wait_3")
    audio = {**AUDIO, **{f"system/en/{word}": f"/audio/{word}.au" for word in words}}
    world.feed(configured(world.center)._replace(flows={"main-line": flow}, audio=audio))
    caller = queued(world)
    contact = world.last(e.ContactQueued).contact
    outlook = Outlook(60 * SECOND, 170 * SECOND)
    world.command(WaitsReported(at=world.now + WALL, contacts={contact: (2, outlook)}))
    assert world.hears(caller) == "default"
    world.wait(20)
    assert world.hears(caller) == "position_2"
    world.said(caller)
    assert world.hears(caller) == "default"
    world.wait(20)
    assert world.hears(caller) == "wait_3"


def test_a_digit_stops_a_prompt() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    assert world.last(e.ContactQueued).queue == "sales"


def test_an_agents_phone_shows_queue_wait_and_caller() -> None:
    world = World("ana", ready=False)
    caller = world.phone("caller")
    caller.dial("+15550100", user="+15557777")
    caller.press("1")
    world.wait(42)
    world.make_ready("ana")
    assert world.agents["ana"].shown == "Sales · 0:42 · +15557777"


def test_a_withheld_number_is_not_shown() -> None:
    world = World("ana")
    caller = world.phone("caller")
    caller.dial("+15550100", user="anonymous")
    caller.press("1")
    assert world.agents["ana"].shown == "Sales · 0:00 · number withheld"


def test_the_two_hear_each_other_when_the_agent_answers() -> None:
    world = World("ana")
    caller, ana = talking(world)
    assert world.hears(caller) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(caller)
    assert world.last(e.SegmentStarted).agent == "ana"


def test_the_caller_hangs_up_on_an_agent() -> None:
    world = World("ana")
    caller, ana = talking(world)
    caller.hang_up()
    assert ana.story[-1] == "hung up on"
    assert "cause=16" in ana.reason
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_HUNG_UP
    assert world.last(e.SegmentEnded).termination.reason is Reason.CALLER_HUNG_UP
    assert world.leaks() == []


def test_the_agent_hangs_up_and_the_flow_ends_the_call() -> None:
    world = World("ana")
    caller, ana = talking(world)
    ana.hang_up()
    assert caller.story[-1] == "hung up on"
    assert world.last(e.ContactEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert world.last(e.ContactEnded).termination.result is Result.SERVED
    assert world.leaks() == []


def test_after_the_agent_the_flow_may_go_on_with_the_caller() -> None:
    world = World("ana")
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("3")
    world.agents["ana"].answer()
    world.agents["ana"].hang_up()
    assert world.hears(caller) == "after"
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_HUNG_UP
    world.said(caller)
    assert world.last(e.ContactEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert world.leaks() == []


# ---- she leaves, in every state --------------------------------------------------------------


def test_a_caller_who_cancels_before_we_answered_is_no_contact() -> None:
    world = World()
    world.media.silent = True
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.hang_up()
    assert caller.story == ["rejected 487"]
    assert world.kinds(e.ContactArrived) == []
    world.media.silent = False
    assert world.leaks() == []


def test_a_caller_who_leaves_in_the_menu_abandoned() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.hang_up()
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_LEFT_IN_FLOW
    assert world.leaks() == []


def test_a_caller_who_leaves_the_queue_abandoned() -> None:
    world = World()
    queued(world).hang_up()
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_LEFT_IN_QUEUE
    assert world.leaks() == []


def test_a_caller_who_leaves_while_it_rings_stops_the_ringing() -> None:
    world = World("ana")
    caller = queued(world)
    caller.hang_up()
    ana = world.agents["ana"]
    assert ana.story == ["REGISTER 200", "rings", "cancelled"]
    assert world.kinds(e.OfferAccepted) == []
    assert world.control.state.agents[ana.name].presence is Presence.READY  # type: ignore[index]
    assert world.leaks() == []


def test_a_caller_who_leaves_as_the_agent_answers_leaves_her_free() -> None:
    world = World("ana")
    caller = queued(world)
    ana = world.agents["ana"]
    assert ana.call is not None
    assert caller.call is not None
    caller.call.bye(world.now)
    ana.call.answer(ana.sdp(), world.now)
    world.run()
    assert ana.story[-1] == "hung up on"
    assert world.last(e.ContactEnded).termination.result in (Result.ABANDONED, Result.SERVED)
    assert world.leaks() == []


def test_a_caller_whose_answer_is_never_acknowledged_is_let_go() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100", sdp="default")
    world = World()
    caller = world.phone("caller")
    world.mute_after_invite(caller, "+15550100")
    world.wait(40)
    assert world.last(e.ContactEnded).termination.reason is Reason.NO_ACK
    assert world.leaks() == []


# ---- the agent does not take it ---------------------------------------------------------------


def test_an_offer_that_nobody_answers_goes_to_the_next_agent() -> None:
    world = World("ana", "ben", ring_seconds=10)
    caller = queued(world)
    first, second = world.agents["ana"], world.agents["ben"]
    assert "rings" in first.story
    world.wait(11)
    assert first.story[-1] == "cancelled"
    assert "cause=19" in first.reason
    assert world.last(e.OfferExpired).agent == "ana"
    assert second.story[-1] == "rings"
    assert world.hears(caller) == "default"
    second.answer()
    assert world.last(e.SegmentStarted).agent == "ben"


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        ("is busy", OfferOutcome.BUSY),
        ("rejects:486", OfferOutcome.BUSY),
        ("rejects:603", OfferOutcome.DECLINED),
        ("rejects:480", OfferOutcome.DECLINED),
        ("rejects:500", OfferOutcome.UNREACHABLE),
        ("rejects:488", OfferOutcome.FAILED),
    ],
)
def test_a_refusal_is_told_apart(mood: str, outcome: OfferOutcome) -> None:
    world = World("ana")
    world.agents["ana"].mood = mood
    caller = queued(world)
    assert world.last(e.OfferDeclined).outcome is outcome
    assert world.hears(caller) == "default"


def test_a_phone_that_is_gone_makes_the_agent_unreachable() -> None:
    world = World("ana", ring_seconds=60)
    world.agents["ana"].is_dead = True
    queued(world)
    world.wait(33)
    assert world.last(e.OfferDeclined).outcome is OfferOutcome.UNREACHABLE
    assert world.last(e.AgentUnreachable).agent == "ana"


def test_a_phone_of_several_that_is_busy_does_not_stop_the_others() -> None:
    world = World("ana")
    second = world.phone("ana")
    second.register()
    world.agents["ana"].mood = "is busy"
    queued(world)
    second.answer()
    assert world.last(e.SegmentStarted).agent == "ana"


def test_the_first_phone_that_answers_wins_and_the_others_are_told_so() -> None:
    world = World("ana")
    second = world.phone("ana")
    second.register()
    queued(world)
    second.answer()
    assert world.agents["ana"].story[-1] == "cancelled"
    assert "completed elsewhere" in world.agents["ana"].reason


def test_an_engine_that_cannot_ring_leaves_the_caller_in_her_place() -> None:
    world = World("ana", ready=False)
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.media.refuses = "offer"
    caller.press("1")
    world.make_ready("ana")
    assert world.last(e.OfferDeclined).outcome is OfferOutcome.FAILED
    assert world.hears(caller) == "default"


# ---- she goes on waiting in another queue ------------------------------------------------------


def overflowing(*agents: str, ready: bool = True) -> World:
    """A center whose queue sales sends callers on to help after 30 s."""
    world = World(*agents, ready=ready)
    (sales,) = world.center.queues
    step = PlanStep(after_seconds=30, queue=QueueId("help"))
    world.configure(
        replace(sales, plan=Plan(version="p1", steps=(step,))),
        replace(sales, id=QueueId("help"), title="Help", wait_seconds_max=60),
    )
    return world


def test_overflow_changes_nothing_for_the_caller() -> None:
    world = overflowing("ana", ready=False)
    caller = queued(world)
    asked = len(world.media.asked)
    heard = len(caller.story)
    world.wait(31)
    assert world.last(e.ContactMoved).queue == "help"
    assert world.hears(caller) == "default"
    assert (len(world.media.asked), len(caller.story)) == (asked, heard), "not a sound, not a word"
    world.make_ready("ana")
    assert world.agents["ana"].shown.startswith("Help · 0:31 ·")
    world.agents["ana"].answer()
    segment = world.last(e.SegmentStarted)
    assert (segment.queue, segment.visit) == ("help", 2)
    caller.hang_up()
    assert world.ended[-1].queue == "help"
    assert world.leaks() == []


def test_the_limits_are_those_of_the_queue_she_was_moved_to() -> None:
    world = overflowing()
    caller = queued(world)
    world.wait(89)
    assert world.hears(caller) == "default"
    world.wait(2)
    left = world.last(e.ContactDequeued)
    assert (left.queue, left.exit, left.visit) == ("help", e.QueueExit.TIMEOUT, 2)
    assert world.hears(caller) == "sorry", "the exit of the node at which she began to wait"


def test_after_a_restart_she_waits_where_she_was_moved_to() -> None:
    world = overflowing("ana", ready=False)
    caller = queued(world)
    world.wait(31)
    world.restart()
    world.make_ready("ana")
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).queue == "help"
    caller.hang_up()
    assert world.leaks() == []


def test_who_loses_her_agent_waits_again_where_she_was_moved_to() -> None:
    world = overflowing("old-ana", ready=False)
    queued(world)
    world.wait(31)
    world.make_ready("old-ana")
    ana = world.agents["old-ana"]
    ana.answer()
    world.wait(60)
    world.goes_silent(ana)
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_VANISHED
    assert world.last(e.ContactQueued).queue == "help"


def test_who_is_moved_by_hand_while_a_phone_rings_waits_on() -> None:
    world = overflowing("ana")
    caller = queued(world)
    assert world.agents["ana"].story[-1] == "rings"
    contact = world.last(e.ContactQueued).contact
    world.command(MoveRequested(contact=contact, queue=QueueId("help"), by="sue"))
    assert world.agents["ana"].story[-2:] == ["cancelled", "rings"]
    assert world.hears(caller) == "default"
    world.agents["ana"].answer()
    assert world.last(e.SegmentStarted).queue == "help"


def test_a_move_that_crosses_the_answer_leaves_the_two_together() -> None:
    world = overflowing("ana")
    caller = queued(world)
    world.control_is_up = False
    world.agents["ana"].answer()
    world.control_is_up = True
    contact = world.last(e.ContactQueued).contact
    world.command(MoveRequested(contact=contact, queue=QueueId("help"), by="sue"))
    world.control_comes_back()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    assert world.last(e.SegmentStarted).agent == "ana"
    caller.hang_up()
    assert world.leaks() == []


# ---- she leaves the queue by its exits --------------------------------------------------------


def test_the_leave_key_leads_back_into_the_flow() -> None:
    world = World()
    caller = queued(world)
    caller.press("*")
    assert world.last(e.ContactDequeued).exit is e.QueueExit.LEFT
    assert world.hears(caller) == "topics"


def test_a_caller_who_waited_long_enough_is_told_so() -> None:
    world = World(wait_seconds_max=30)
    caller = queued(world)
    world.wait(31)
    assert world.last(e.ContactDequeued).exit is e.QueueExit.TIMEOUT
    assert world.hears(caller) == "sorry"
    world.said(caller)
    assert world.leaks() == []


def test_a_refused_queue_leads_to_its_exit() -> None:
    world = World(unstaffed_exit=True)
    caller = queued(world)
    assert world.last(e.QueueRefused).exit is e.QueueExit.UNSTAFFED
    assert world.hears(caller) == "sorry"


def test_a_known_caller_is_named_to_control() -> None:
    world = World()
    world.customers["caller"] = "customer-7"
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("2")
    assert world.last(e.CustomerIdentified).customer == "customer-7"
    assert world.last(e.ContactQueued)


# ---- hold -------------------------------------------------------------------------------------


def test_an_agent_who_holds_gives_the_caller_music_and_takes_her_back() -> None:
    world = World("ana")
    caller, ana = talking(world)
    ana.hold("sendonly")
    assert world.hears(caller) == "default"
    assert world.last(e.Held).by_agent
    ana.hold("sendrecv")
    assert world.hears(caller) == world.leg_of(ana)
    assert world.last(e.Resumed).by_agent


def test_a_caller_who_holds_gives_the_agent_music() -> None:
    world = World("ana")
    caller, ana = talking(world)
    caller.hold("inactive")
    assert world.hears(ana) == "default"
    assert not world.last(e.Held).by_agent
    caller.hold("sendrecv")
    assert world.hears(ana) == world.leg_of(caller)


def test_a_caller_may_hold_while_she_waits() -> None:
    world = World()
    caller = queued(world)
    caller.hold()
    assert caller.story[-1] == "reinvited"
    assert world.kinds(e.Held) == []


# ---- vanishing --------------------------------------------------------------------------------


def test_a_caller_without_voice_or_answer_has_vanished() -> None:
    world = World("ana")
    caller, ana = talking(world)
    world.wait(60)
    caller.is_dead = True
    world.goes_silent(caller)
    world.wait(5)
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_VANISHED
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []


def test_a_silent_caller_who_answers_stays() -> None:
    world = World("ana")
    caller, _ = talking(world)
    world.wait(60)
    world.goes_silent(caller)
    world.wait(60)
    assert world.kinds(e.ContactEnded) == []


def test_a_phone_that_was_never_heard_is_not_asked() -> None:
    world = World("ana")
    caller, _ = talking(world)
    caller.is_dead = True
    world.wait(10)
    world.goes_silent(caller, seconds=10)
    world.wait(60)
    assert world.kinds(e.ContactEnded) == []


def test_a_caller_whose_agent_vanished_is_next_in_her_queue() -> None:
    world = World("ana", "ben")
    caller = queued(world)
    ana = world.agents["ana"]
    ana.answer()
    world.wait(60)
    ana.is_dead = True
    world.goes_silent(ana)
    world.wait(5)
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_VANISHED
    assert world.last(e.ContactQueued).priority == 10
    world.agents["ben"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ben"])
    caller.hang_up()


def test_a_legacy_phone_that_falls_silent_is_believed() -> None:
    world = World("old-ana")
    caller = queued(world)
    ana = world.agents["old-ana"]
    ana.answer()
    world.wait(60)
    world.goes_silent(ana)
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_VANISHED
    assert world.hears(caller) == "default"


# ---- without control, and too late -------------------------------------------------------------


@pytest.mark.parametrize(("late", "rings"), [(0, True), (1, False)])
def test_a_grant_that_comes_too_late_is_not_acted_on(late: Micros, rings: bool) -> None:
    world = World("ana", ready=False)
    queued(world)
    visit = world.last(e.ContactQueued)
    now = world.now + WALL
    grant = e.OfferMade(
        at=visit.at,
        offer=OfferId("o1"),
        contact=visit.contact,
        queue=visit.queue,
        channel=visit.channel,
        agent=AgentId("ana"),
        frontend=world.frontend.rules.frontend,
        ring_seconds=20,
        act_before=now - late,
    )
    world.feed(EventsSeen((grant,), now))
    assert ("rings" in world.agents["ana"].story) is rings
    reports = [c.outcome for c in world.commands if isinstance(c, OfferReported)]
    assert reports == ([] if rings else [OfferOutcome.FAILED])


def test_without_control_a_ringing_agent_may_still_answer() -> None:
    world = World("ana")
    caller = queued(world)
    world.control_is_up = False
    world.agents["ana"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    world.control_comes_back()
    assert world.last(e.SegmentStarted).agent == "ana"


def test_a_late_offer_is_answered_with_ours() -> None:
    world = World()
    caller = world.phone("caller")
    caller.dial("+15550100", sdp=None)
    assert caller.call is not None
    caller.call.acknowledge(caller.sdp(), world.now)
    world.run()
    assert world.hears(caller) == "hello"
    caller.hang_up()
    assert world.leaks() == []


def test_the_longest_call_allowed_ends() -> None:
    world = World(rules={"call_seconds_max": 100})
    caller = queued(world)
    world.wait(100 + SWEEP // SECOND)
    assert world.last(e.ContactEnded).termination.reason is Reason.CALL_LIMIT
    assert caller.story[-1] == "hung up on"


HOURS = """
flow: main-line
entry: hours
languages: [en]
prompts:
  hello: { en: Hello. }
  sorry: { en: We are closed. }
nodes:
  hours: { hours: { calendar: gone }, open: hello, closed: sorry, holiday: sorry }
  hello: { say: hello, next: end }
  sorry: { say: sorry, next: end }
  end: { hangup: normal }
"""


def test_a_calendar_that_nobody_knows_is_closed_and_counted() -> None:
    world = World()
    flow = load_flow(HOURS, "main-line.yaml")
    world.feed(configured(world.center)._replace(flows={"main-line": flow}))
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert world.hears(caller) == "sorry"
    assert world.frontend.counts["calendar.gone"] == 1
