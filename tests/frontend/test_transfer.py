"""An agent hands her caller on, from her desk or with the Transfer key of her phone."""

from msgspec.structs import replace

from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Queue
from callcenter.domain.commands import (
    CallAct,
    CallActRequested,
    Presence,
    PresenceRequested,
    TransferRequested,
)
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, ContactId, QueueId
from callcenter.frontend.refer import Target, target_of
from callcenter.frontend.turn import EventsSeen
from tests.frontend.world import WALL, Phone, World


def talking(*agents: str) -> tuple[World, Phone]:
    """A caller who talks with ana; the other agents are ready. There is a queue `help`, too."""
    world = World(*agents, ready=False)
    (sales,) = world.center.queues
    world.configure(sales, replace(sales, id=QueueId("help"), title="Help"))
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.said(caller)
    world.press_after_prompt(caller, "1")
    world.make_ready("ana")
    world.agents["ana"].answer()
    for name in agents[1:]:
        world.make_ready(name)
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    return world, caller


def contact_of(world: World) -> ContactId:
    return ContactId(world.last(e.SegmentStarted).contact)


def hand_on(world: World, *, queue: str = "", to: str = "") -> e.CommandAnswered:
    world.command(
        TransferRequested(
            contact=contact_of(world), agent=AgentId("ana"), queue=QueueId(queue), to=AgentId(to)
        )
    )
    answered: e.CommandAnswered = world.last(e.CommandAnswered)
    return answered


def act(world: World, what: CallAct) -> None:
    world.command(CallActRequested(contact=contact_of(world), agent=AgentId("ana"), act=what))


def refer(world: World, phone: Phone, to: str, **more: str) -> None:
    assert phone.call
    headers = (("Refer-To", to), *more.items())
    phone.call.send_request("REFER", world.now, headers)
    world.run()


def notified(world: World) -> list[str]:
    """How far the phone was told that what it asked for has come."""
    bodies = [data.partition(b"\r\n\r\n")[2] for data in world.sent if data.startswith(b"NOTIFY")]
    return [body.decode().strip() for body in bodies]


# ---- from the desk -----------------------------------------------------------------------------


def test_handed_on_to_a_queue_she_hears_music_until_somebody_there_answers() -> None:
    world, caller = talking("ana", "ben")
    ana, ben = world.agents["ana"], world.agents["ben"]
    assert hand_on(world, queue="help").accepted
    assert ana.story[-1] == "hung up on"
    assert 'text="Transferred"' in ana.reason
    assert world.hears(caller) == "default"
    assert ben.shown.startswith("Help · 0:00 ·")
    ben.answer()
    assert world.hears(caller) == world.leg_of(ben)
    assert world.last(e.SegmentStarted).visit == 2
    caller.hang_up()
    reasons = [s.termination.reason for s in world.kinds(e.SegmentEnded)]
    assert reasons == [Reason.TRANSFERRED, Reason.CALLER_HUNG_UP]
    assert len(world.kinds(e.ContactArrived)) == len(world.kinds(e.ContactEnded)) == 1
    assert world.leaks() == []


def test_handed_on_to_an_agent_she_is_hers() -> None:
    world, caller = talking("ana", "ben", "cat")
    assert hand_on(world, to="cat").accepted
    assert "rings" not in world.agents["ben"].story
    world.agents["cat"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["cat"])
    caller.hang_up()
    assert world.leaks() == []


def test_a_refused_transfer_is_not_noticed_by_anybody() -> None:
    world, caller = talking("ana", "ben")
    asked = len(world.media.asked)
    assert not hand_on(world, queue="nowhere").accepted
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    assert len(world.media.asked) == asked
    caller.hang_up()
    assert world.leaks() == []


def test_who_gives_up_while_she_waits_again_left_in_the_queue() -> None:
    world, caller = talking("ana")
    away = PresenceRequested(agent=AgentId("ana"), presence=Presence.NOT_READY, reason="lunch")
    world.command(away)
    hand_on(world, queue="help")
    caller.hang_up()
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_LEFT_IN_QUEUE
    assert (world.last(e.ContactEnded).queue, world.last(e.ContactEnded).visit) == ("help", 2)
    assert world.leaks() == []


def test_a_transfer_survives_the_death_of_the_front_end_at_every_point() -> None:
    world, caller = talking("ana", "ben")
    world.keeps_nothing = True
    hand_on(world, queue="help")
    world.restart()
    assert world.hears(caller) == "default"
    assert world.agents["ana"].story[-1] == "hung up on"
    world.restart()
    world.agents["ben"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ben"])
    caller.hang_up()
    assert world.leaks() == []


def test_the_agent_who_leaves_in_the_same_moment_does_not_leave_the_books_behind() -> None:
    world, caller = talking("ana", "ben")
    contact = contact_of(world)
    world._decide(TransferRequested(contact=contact, agent=AgentId("ana"), queue=QueueId("help")))
    events = world._road.pop()
    world.agents["ana"].hang_up()
    world._road.append(events)
    world.run()
    assert caller.story[-1] == "hung up on", "her flow ends after the agent"
    assert not world.control.state.contacts
    assert world.leaks() == []


# ---- hold and hang up --------------------------------------------------------------------------


def test_hold_from_the_desk_gives_music_and_resume_the_voice() -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    act(world, CallAct.HOLD)
    assert world.hears(caller) == "default"
    assert world.hears(ana) == ""
    assert world.last(e.Held).by_agent
    act(world, CallAct.HOLD)
    assert len(world.kinds(e.Held)) == 1
    act(world, CallAct.RESUME)
    assert world.hears(caller) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(caller)
    assert world.last(e.Resumed).by_agent
    assert ana.story[1:] == ["rings", "confirmed"], "no word to the phone"
    caller.hang_up()
    assert world.leaks() == []


def test_held_at_the_phone_and_at_the_desk_the_caller_waits_for_both() -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    ana.hold()
    act(world, CallAct.HOLD)
    ana.hold("sendrecv")
    assert world.hears(caller) == "default"
    assert not world.kinds(e.Resumed)
    act(world, CallAct.RESUME)
    assert world.hears(caller) == world.leg_of(ana)
    assert len(world.kinds(e.Held)) == len(world.kinds(e.Resumed)) == 1


def test_a_hold_outlives_the_front_end() -> None:
    world, caller = talking("ana")
    act(world, CallAct.HOLD)
    world.restart()
    assert world.hears(caller) == "default"
    act(world, CallAct.RESUME)
    assert world.hears(caller) == world.leg_of(world.agents["ana"])


def test_hang_up_from_the_desk_ends_her_part() -> None:
    world, caller = talking("ana")
    act(world, CallAct.HANG_UP)
    assert world.agents["ana"].story[-1] == "hung up on"
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert caller.story[-1] == "hung up on"
    assert world.leaks() == []


def test_an_act_that_is_read_too_late_is_not_done() -> None:
    world, caller = talking("ana")
    segment = world.last(e.SegmentStarted)
    late = e.CallActAsked(
        at=world.now + WALL - 10 * SECOND,
        contact=segment.contact,
        segment=segment.segment,
        agent=segment.agent,
        act=CallAct.HANG_UP,
        act_before=world.now + WALL - 5 * SECOND,
    )
    world.feed(EventsSeen((late,), world.now + WALL))
    assert world.hears(caller) == world.leg_of(world.agents["ana"])


# ---- the phone's own Transfer key (REFER) ------------------------------------------------------


def test_a_phone_refers_its_caller_to_a_queue() -> None:
    world, caller = talking("ana", "ben")
    ana = world.agents["ana"]
    refer(world, ana, "<sip:help@callcenter>")
    assert notified(world) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    assert "REFER 202" in ana.story
    assert ana.story[-1] == "hung up on"
    assert world.last(e.ContactTransferred).queue == "help"
    world.agents["ben"].answer()
    assert world.hears(caller) == world.leg_of(world.agents["ben"])
    caller.hang_up()
    assert world.leaks() == []


def test_a_phone_refers_its_caller_to_an_agent() -> None:
    world, _ = talking("ana", "ben", "cat")
    refer(world, world.agents["ana"], "Cat <sip:cat@192.0.2.1>")
    assert world.agents["cat"].story[-1] == "rings"
    assert "rings" not in world.agents["ben"].story


def test_a_keypad_knows_queues_and_agents_by_their_extensions() -> None:
    center = Center(
        queues=(Queue(id=QueueId("help"), title="Help", extension="70"),),
        agents=(
            Agent(id=AgentId("ben"), name="Ben", extension="301"),
            Agent(id=AgentId("eve"), name="Eve"),
        ),
    )
    assert target_of(center, "70") == Target(queue=QueueId("help"))
    assert target_of(center, "301") == target_of(center, "ben") == Target(agent=AgentId("ben"))
    assert target_of(center, "") == target_of(center, "7") == Target()


def test_a_phone_is_told_when_its_caller_could_not_be_handed_on() -> None:
    world, caller = talking("ana")
    world.center = replace(world.center)
    refer(world, world.agents["ana"], "<sip:ana@callcenter>")
    assert notified(world) == ["SIP/2.0 100 Trying", "SIP/2.0 480 Temporarily Unavailable"]
    assert world.hears(caller) == world.leg_of(world.agents["ana"])
    assert "hung up on" not in world.agents["ana"].story


def test_nobody_is_referred_to_a_name_that_is_not_ours() -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    for to in ("<sip:+19005551234@evil.test>", "<sip:300@callcenter>"):
        refer(world, ana, to)
        assert ana.story[-1] == "REFER 403"
    refer(world, ana, "<sip:nobody@callcenter>")
    assert ana.story[-1] == "REFER 404"
    refer(world, ana, "<sip:help@callcenter;method=BYE>")
    assert ana.story[-1] == "REFER 403"
    refer(world, ana, "<tel:+19005551234>")
    assert ana.story[-1] == "REFER 403"
    refer(world, ana, "nonsense <")
    assert ana.story[-1] == "REFER 400"
    assert world.hears(caller) == world.leg_of(ana)
    assert not world.kinds(e.ContactTransferred)


def test_a_caller_may_not_refer_anybody() -> None:
    world, caller = talking("ana", "ben")
    refer(world, caller, "<sip:ben@callcenter>")
    assert caller.story[-1] == "REFER 403"


def test_one_wish_at_a_time_and_none_for_ever() -> None:
    world, _ = talking("ana", "ben")
    ana = world.agents["ana"]
    world.control_is_up = False
    refer(world, ana, "<sip:help@callcenter>")
    refer(world, ana, "<sip:ben@callcenter>")
    assert ana.story[-1] == "REFER 491"
    world.wait(6)
    assert notified(world)[-1] == "SIP/2.0 503 Service Unavailable"
