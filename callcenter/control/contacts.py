"""What follows when a contact arrives, moves in its flow, wants to wait, leaves, or ends."""

from collections.abc import Mapping
from typing import NamedTuple

from callcenter.agents.capacity import available
from callcenter.agents.presence import PHONE_LOST
from callcenter.control.opening import opens
from callcenter.control.people import stand_down
from callcenter.control.state import IN_QUEUE, ContactState, SegmentState, Stage
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel, Queue
from callcenter.domain.termination import Reason, Termination, ended
from callcenter.domain.units import (
    DAY,
    SECOND,
    AgentId,
    ContactId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
)
from callcenter.routing.admission import refusal
from callcenter.routing.place import priority_of
from callcenter.routing.plan import joined
from callcenter.routing.skills import merge
from callcenter.routing.terms import Terms

WAIT_DAYS_MAX = 366
"""A document that nobody took for so long ends as `wait_limit`."""
ASIDE_DAYS_MAX = 92
"""One that was put aside comes back after so long at the latest."""
OWNER_SECONDS = 900
"""One that comes back waits so long for whoever put it aside, unless the queue's plan says."""


def known(turn: Turn, contact: ContactId) -> ContactState | None:
    """The living contact, or None (counted): facts about the dead are tolerated."""
    found = turn.state.contacts.get(contact)
    if found is None:
        turn.note("unknown_contact")
    return found


def on_contact(turn: Turn, command: c.ContactReported) -> None:
    """A contact arrived. A second report of the same one changes nothing."""
    if command.contact in turn.state.contacts:
        turn.note("contact_reported_twice")
        return
    first = turn.state.contacts.get(command.reply_to)
    if first is not None and first.document:
        on_reply(turn, first, command)
        return
    turn.emit(
        e.ContactArrived(
            at=turn.now,
            contact=command.contact,
            channel=command.channel,
            frontend=command.frontend,
            dialled=command.dialled,
            party=command.party,
            blob=command.blob,
            reply_to=command.reply_to,
            lasting=command.lasting,
        )
    )


def on_reply(turn: Turn, contact: ContactState, command: c.ContactReported) -> None:
    """The customer wrote again about a living contact: one that was put aside comes back."""
    turn.emit(
        e.ReplyArrived(at=turn.now, contact=contact.id, reply=command.contact, blob=command.blob)
    )
    queue = turn.world.queue(contact.queue)
    if contact.stage is Stage.ASIDE and queue is not None:
        come_back(turn, contact, queue, contact.put_by)


def come_back(turn: Turn, contact: ContactState, queue: Queue, agent: AgentId) -> None:
    """A document waits anew, for this agent alone at first."""
    again = c.QueueRequested(
        contact=contact.id,
        queue=queue.id,
        priority=contact.priority,
        attributes=contact.attributes,
        preferred=contact.preferred,
        excluded=contact.excluded,
        agent=agent,
    )
    enter_queue(turn, contact, queue, contact.asked, again)


def on_flow(turn: Turn, command: c.FlowReported) -> None:
    if known(turn, command.contact):
        turn.emit(
            e.FlowStarted(
                at=turn.now,
                contact=command.contact,
                flow=command.flow,
                revision=command.revision,
            )
        )


def on_step(turn: Turn, command: c.StepReported) -> None:
    if known(turn, command.contact):
        turn.emit(e.StepEntered(at=turn.now, contact=command.contact, node=command.node))


def on_digits(turn: Turn, command: c.DigitsReported) -> None:
    if known(turn, command.contact):
        turn.emit(
            e.DigitsCollected(
                at=turn.now, contact=command.contact, node=command.node, count=command.count
            )
        )


def on_customer(turn: Turn, command: c.CustomerReported) -> None:
    if known(turn, command.contact):
        turn.emit(
            e.CustomerIdentified(at=turn.now, contact=command.contact, customer=command.customer)
        )


def on_queue(turn: Turn, command: c.QueueRequested) -> None:
    """Let the contact wait, or name the exit by which its flow goes on."""
    contact = known(turn, command.contact)
    if contact is None:
        return
    if contact.stage is not Stage.FLOW:
        turn.note("queued_twice")
        return
    queue = turn.world.queues.get(command.queue)
    if queue is None:
        turn.note("unknown_queue")
        refuse(turn, contact, command.queue, e.QueueExit.CLOSED)
        return
    asked = asked_for(turn, command, queue)
    way_out = admission(turn, contact.channel, queue, merge(queue.skills, asked), command.excluded)
    if way_out is not None and not contact.patient:
        refuse(turn, contact, queue.id, way_out)
        if contact.document:
            end_contact(turn, contact, ended(CHAT_SENT_AWAY[way_out]))
        return
    enter_queue(turn, contact, queue, asked, command)


def asked_for(turn: Turn, command: c.QueueRequested, queue: Queue) -> dict[str, int]:
    """What the contact needs by itself. A skill that the center does not know is no need: nobody
    could ever have it."""
    asked = merge(only_known(turn, command.skills))
    if command.language and only_known(turn, {command.language: 1}):
        asked = merge(asked, {command.language: max(1, queue.language_level)})
    return asked


def only_known(turn: Turn, skills: Mapping[str, int]) -> dict[str, int]:
    known = {skill: n for skill, n in skills.items() if skill in turn.world.known_skills}
    for _ in skills.keys() - known.keys():
        turn.note("unknown_skill")
    return known


def admission(
    turn: Turn,
    channel: Channel,
    queue: Queue,
    needs: Mapping[str, int],
    excluded: tuple[AgentId, ...] = (),
) -> e.QueueExit | None:
    """The exit of a contact that may not wait there now, or None when it may."""
    world = turn.world
    terms = Terms(excluded=joined(queue.excluded, excluded))
    return refusal(
        queue,
        calendar=world.calendars.get(queue.calendar),
        waiting=world.in_queue.get(queue.id, 0),
        staffed=not queue.unstaffed_exit or world.engine.staffed(channel, needs, terms),
        now=turn.now,
        door=turn.state.doors.get(queue.id),
    )


def refuse(turn: Turn, contact: ContactState, queue: QueueId, way_out: e.QueueExit) -> None:
    turn.emit(e.QueueRefused(at=turn.now, contact=contact.id, queue=queue, exit=way_out))


class Place(NamedTuple):
    """Where in a queue a visit begins, and until when it may last."""

    since: Micros
    priority: int
    expires: Micros
    not_before: Micros = 0


def enter_queue(
    turn: Turn,
    contact: ContactState,
    queue: Queue,
    asked: dict[str, int],
    command: c.QueueRequested,
    place: Place | None = None,
    passed_by: AgentId = AgentId(""),
) -> None:
    """Begin a queue visit and look for an agent at once; behind the others, or in a given place.
    `passed_by` is asked last."""
    needs = merge(queue.skills, asked)
    if place is None:
        place = Place(
            since=waited_since(turn, command),
            priority=priority_of(command.priority, queue),
            expires=turn.now + patience(contact, queue),
        )
    agent = (
        waited_for(turn, command, queue, needs) if alone_seconds(contact, queue) else AgentId("")
    )
    announcements = turn.state.announcements
    turn.emit(
        e.ContactQueued(
            at=turn.now,
            contact=contact.id,
            queue=queue.id,
            channel=contact.channel,
            visit=contact.visits + 1,
            skills=needs,
            priority=place.priority,
            since=place.since,
            expires=place.expires,
            not_before=place.not_before,
            attributes=command.attributes,
            asked=asked,
            preferred=only_known(turn, command.preferred),
            excluded=command.excluded,
            agent=agent,
            agent_until=turn.now + alone_seconds(contact, queue) * SECOND if agent else 0,
            announcement=announcements.get(queue.id, announcements.get(QueueId(""), "")),
            place_from=contact.stands_since if command.again else 0,
            passed_by=passed_by,
        )
    )
    turn.touch_contact(contact.id)


def waited_since(turn: Turn, command: c.QueueRequested) -> Micros:
    """Now, or when its caller began to wait: within a day, and not in the future."""
    since = command.since or turn.now
    return min(max(since, turn.now - DAY), turn.now)


def patience(contact: ContactState, queue: Queue) -> Micros:
    """How long it may wait: a caller or a chat as long as the queue says, what is read nearly for
    ever."""
    return WAIT_DAYS_MAX * DAY if contact.patient else queue.wait_seconds_max * SECOND


def alone_seconds(contact: ContactState, queue: Queue) -> int:
    """How long it may wait for one agent alone."""
    return queue.plan.sticky_seconds or (OWNER_SECONDS if contact.patient else 0)


def waited_for(
    turn: Turn, command: c.QueueRequested, queue: Queue, needs: Mapping[str, int]
) -> AgentId:
    """The agent to be waited for alone: who is on duty, can do it and may; else nobody."""
    name = command.agent
    agent = turn.state.agents.get(name)
    if agent is None or not available(agent):
        return AgentId("")
    skills = turn.world.skills[name]
    able = all(skills.get(skill, 0) >= level for skill, level in needs.items())
    return name if able and name not in (*queue.excluded, *command.excluded) else AgentId("")


def on_leave(turn: Turn, command: c.LeaveQueueRequested) -> None:
    """The caller pressed the key; if somebody is being rung for her, that stops."""
    contact = known(turn, command.contact)
    if contact is None:
        return
    if contact.stage not in IN_QUEUE:
        turn.note("left_but_not_waiting")
        return
    dequeue(turn, contact, e.QueueExit.LEFT)


NOBODY_LEFT: dict[e.QueueExit, Reason] = {
    e.QueueExit.TIMEOUT: Reason.CALLBACK_TOO_LATE,
    e.QueueExit.CLOSED: Reason.QUEUE_CLOSED,
}
"""A callback has no flow to go on in: what an exit means for it."""
CHAT_SENT_AWAY: dict[e.QueueExit, Reason] = {
    e.QueueExit.ANSWERED: Reason.RESOLVED,
    e.QueueExit.TIMEOUT: Reason.WAIT_LIMIT,
    e.QueueExit.CLOSED: Reason.QUEUE_CLOSED,
    e.QueueExit.FULL: Reason.QUEUE_FULL,
    e.QueueExit.UNSTAFFED: Reason.QUEUE_UNSTAFFED,
    e.QueueExit.LEFT: Reason.CALLER_LEFT_IN_QUEUE,
}
"""The same for a chat."""


def dequeue(turn: Turn, contact: ContactState, way_out: e.QueueExit) -> None:
    """End the visit; the flow goes on at `way_out`. A callback ends by name, and a document too."""
    if contact.document:
        reason = Reason.WAIT_LIMIT if contact.patient else CHAT_SENT_AWAY[way_out]
        end_contact(turn, contact, ended(reason))
        return
    if contact.calls_back:
        end_contact(turn, contact, ended(NOBODY_LEFT.get(way_out, Reason.LEFT_BY_KEY)))
        return
    for offer in contact.live:
        rescind(turn, offer, "the caller left the queue")
    turn.emit(
        e.ContactDequeued(
            at=turn.now,
            contact=contact.id,
            queue=contact.queue,
            visit=contact.visits,
            exit=way_out,
            waited=turn.now - contact.since,
        )
    )


def rescind(turn: Turn, offer: OfferId, reason: str) -> None:
    """Take an open offer back; its contact returns to its place, its agent to duty."""
    found = turn.state.offers[offer]
    if found.beside:
        turn.emit(
            e.ConsultUnanswered(
                at=turn.now, offer=offer, contact=found.contact, agent=found.agent, reason=reason
            )
        )
        turn.touch(found.agent)
        return
    turn.emit(
        e.OfferRescinded(
            at=turn.now, offer=offer, contact=found.contact, agent=found.agent, reason=reason
        )
    )
    turn.touch(found.agent)
    turn.touch_contact(found.contact)


def on_hold(turn: Turn, command: c.HoldReported) -> None:
    """Hold is a fact of the segment; a repeat changes nothing."""
    contact = known(turn, command.contact)
    if contact is None:
        return
    segment = turn.state.segments.get(contact.segment)
    if segment is None:
        turn.note("held_but_not_talking")
        return
    is_held = segment.held_by_agent if command.by_agent else segment.held_by_caller
    if is_held == command.held:
        return
    kind = e.Held if command.held else e.Resumed
    turn.emit(kind(at=turn.now, contact=contact.id, agent=segment.agent, by_agent=command.by_agent))


def on_segment_end(turn: Turn, command: c.SegmentEndReported) -> None:
    """The agent's part is over; the contact goes on in its flow."""
    segment = turn.state.segments.get(command.segment)
    if segment is None:
        turn.note("unknown_segment")
        return
    if turn.state.contacts[segment.contact].document:
        turn.note("a_document_has_no_owner")
        return
    end_segment(turn, segment, command.termination)
    phone_lost(turn, segment, command.termination)


def phone_lost(turn: Turn, segment: SegmentState, termination: Termination) -> None:
    """Whose phone vanished in the call gets no other before she says so."""
    agent = turn.state.agents.get(segment.agent)
    if agent is not None and termination.reason is Reason.AGENT_VANISHED:
        stand_down(turn, agent, PHONE_LOST)


def end_segment(
    turn: Turn, segment: SegmentState, termination: Termination, *, wraps_up: bool = True
) -> None:
    """End a segment and begin the work after it; nobody stays whom its agent brought in."""
    contact = turn.state.contacts[segment.contact]
    if contact.segment == segment.id:
        send_away(turn, contact, termination)
    finish(turn, segment, termination, wraps_up=wraps_up)


def send_away(turn: Turn, contact: ContactState, termination: Termination) -> None:
    """Who was asked, or is being asked, by the agent who had the contact."""
    if contact.asked_in:
        rescind(turn, contact.asked_in, "the one who asked has left the call")
    for beside in contact.beside:
        finish(turn, turn.state.segments[beside], termination)


def finish(
    turn: Turn, segment: SegmentState, termination: Termination, *, wraps_up: bool = True
) -> None:
    turn.emit(
        e.SegmentEnded(
            at=turn.now,
            segment=segment.id,
            contact=segment.contact,
            agent=segment.agent,
            queue=segment.queue,
            channel=segment.channel,
            termination=termination,
            talked=turn.now - segment.since,
            held=held_for(segment, turn.now),
        )
    )
    if wraps_up:
        start_wrap_up(turn, segment)
    if not documents_of(turn, segment.agent, talking=True):
        for document in documents_of(turn, segment.agent):
            resume(turn, document)
    turn.touch(segment.agent)


def documents_of(turn: Turn, agent: AgentId, *, talking: bool = False) -> list[SegmentState]:
    """Her segments with what is read, at any time; with `talking` those with people on a line. A
    chat is neither: it goes on beside both, as far as she may have both."""
    found = turn.state.agents.get(agent)
    segments = [turn.state.segments[segment] for segment in found.segments] if found else []
    contacts = turn.state.contacts
    if talking:
        return [s for s in segments if not contacts[s.contact].document]
    return [s for s in segments if contacts[s.contact].patient]


def interrupt(turn: Turn, agent: AgentId) -> None:
    """She talks now: what she reads is on hold meanwhile, with its draft."""
    for segment in documents_of(turn, agent):
        if not segment.held_by_agent:
            turn.emit(e.Held(at=turn.now, contact=segment.contact, agent=agent))


def resume(turn: Turn, segment: SegmentState) -> None:
    """She talks no more: back to what she was reading."""
    if segment.held_by_agent:
        turn.emit(e.Resumed(at=turn.now, contact=segment.contact, agent=segment.agent))


def held_for(segment: SegmentState, now: Micros) -> Micros:
    """How long one side had the other on hold, a hold that still lasts included."""
    held_now = segment.held_by_agent or segment.held_by_caller
    return segment.held + (now - segment.held_since if held_now else 0)


def start_wrap_up(turn: Turn, segment: SegmentState) -> None:
    queue = turn.world.queue(segment.queue)
    if queue is None or not queue.wrap_up_seconds:
        return
    turn.emit(
        e.WrapUpStarted(
            at=turn.now,
            segment=segment.id,
            contact=segment.contact,
            agent=segment.agent,
            queue=segment.queue,
            until=turn.now + queue.wrap_up_seconds * SECOND,
        )
    )


def on_contact_end(turn: Turn, command: c.ContactEndReported) -> None:
    """The contact is over, wherever it was."""
    contact = known(turn, command.contact)
    if contact is not None:
        end_contact(turn, contact, as_it_left(contact, command.termination))


def as_it_left(contact: ContactState, termination: Termination) -> Termination:
    """Who leaves a chat may not know yet whether somebody has answered: that is known here."""
    left = termination.reason in (Reason.CALLER_LEFT_IN_QUEUE, Reason.VISITOR_LEFT)
    if not left or contact.channel is not Channel.CHAT or not contact.document:
        return termination
    talking = contact.stage is Stage.TALKING
    return ended(Reason.VISITOR_LEFT if talking else Reason.CALLER_LEFT_IN_QUEUE)


def end_contact(turn: Turn, contact: ContactState, termination: Termination) -> None:
    """Stop what rings for it, end who talks with it, end its visit, end it."""
    for offer in contact.live:
        rescind(turn, offer, "the contact ended")
    segment = turn.state.segments.get(contact.segment)
    if segment is not None:
        end_segment(turn, segment, termination)
    if contact.asked_in:
        rescind(turn, contact.asked_in, "the contact ended")
    waiting = contact.stage in IN_QUEUE
    free_callback(turn, contact)
    turn.emit(
        e.ContactEnded(
            at=turn.now,
            contact=contact.id,
            channel=contact.channel,
            termination=termination,
            queue=contact.queue if waiting else QueueId(""),
            visit=contact.visits if waiting else 0,
            waited=turn.now - contact.since if waiting else 0,
            lived=turn.now - contact.arrived,
        )
    )


def free_callback(turn: Turn, contact: ContactState) -> None:
    """Its caller hangs up: from now on she can be called back."""
    callback = turn.state.contacts.get(contact.callback)
    if callback is None or not callback.calls_back or callback.stage is not Stage.WAITING:
        return
    queue = turn.world.queue(callback.queue)
    not_before = opens(turn, queue, turn.now) if queue else 0
    turn.emit(e.CallbackFreed(at=turn.now, contact=callback.id, not_before=not_before))
    turn.touch_contact(callback.id)


def on_patience_end(turn: Turn, contact: ContactState) -> None:
    """A contact's time is up: its owner did not return, or it waited as long as it may."""
    queue = turn.world.queue(contact.queue)
    if contact.stage is Stage.ASIDE and queue is not None:
        come_back(turn, contact, queue, contact.put_by)
    elif turn.world.lost_since(contact):
        end_contact(turn, contact, ended(Reason.OWNER_LOST))
    else:
        dequeue(turn, contact, e.QueueExit.TIMEOUT)


def segment_id(turn: Turn, reported: SegmentId) -> SegmentId:
    """The reported id, or one of ours when the owner gave none or one that is taken."""
    if reported and reported not in turn.state.segments:
        return reported
    return SegmentId(f"s{turn.epoch}-{turn.state.segmented + 1}")
