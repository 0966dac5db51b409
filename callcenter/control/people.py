"""What follows when an agent's presence, phone or wrap-up changes."""

from callcenter.agents.agent import AgentState
from callcenter.agents.presence import refusal
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.commands import Presence
from callcenter.domain.names import quoted
from callcenter.domain.units import CommandId, ContactId, QueueId, SegmentId


def answer(
    turn: Turn, request: CommandId, refused: str = "", warnings: tuple[str, ...] = ()
) -> None:
    """Answer a request by name: its own, or that of the command that carried it."""
    turn.emit(
        e.CommandAnswered(
            at=turn.now,
            request=request or turn.source,
            accepted=not refused,
            reason=refused,
            warnings=warnings,
        )
    )


def on_presence(turn: Turn, command: c.PresenceRequested) -> None:
    """Ready, not ready or logged out: now, or after the work in hand."""
    agent = turn.state.agents.get(command.agent)
    if agent is None or agent.retired:
        answer(turn, command.request, f"there is no agent {quoted(command.agent)}")
        return
    refused = refusal(command.presence, command.reason, turn.state.center.reasons)
    if refused:
        answer(turn, command.request, refused)
        return
    reason = command.reason if command.presence is Presence.NOT_READY else ""
    if agent.at_work:
        set_next(turn, agent, command.presence, reason)
    elif (agent.presence, agent.reason) != (command.presence, reason):
        turn.change_presence(agent, command.presence, reason)
    turn.touch(agent.id)
    answer(turn, command.request)


def stand_down(turn: Turn, agent: AgentState, reason: str) -> None:
    """Not ready from now on, or after the work she still has; if she is leaving, she leaves so.

    Who asked to be ready after her work and lets a phone ring is not ready all the same: else the
    same contact would ring her again at once, for ever.
    """
    if agent.next not in (None, Presence.READY):
        return
    if agent.at_work:
        turn.emit(
            e.NextPresenceSet(
                at=turn.now, agent=agent.id, presence=Presence.NOT_READY, reason=reason
            )
        )
    else:
        turn.change_presence(agent, Presence.NOT_READY, reason)


def set_next(turn: Turn, agent: AgentState, presence: Presence, reason: str) -> None:
    """Remember what she wants to be after her work."""
    planned = (agent.next, agent.next_reason) if agent.next else (agent.duty, agent.duty_reason)
    if planned != (presence, reason):
        turn.emit(e.NextPresenceSet(at=turn.now, agent=agent.id, presence=presence, reason=reason))


def on_phone(turn: Turn, command: c.PhoneReported) -> None:
    """Her phone was heard, or is gone. Only the front end that heard it last can lose it."""
    agent = turn.state.agents.get(command.agent)
    if agent is None:
        turn.note("unknown_agent")
        return
    if command.reachable:
        if agent.reachable_by != command.frontend:
            turn.emit(e.AgentReachable(at=turn.now, agent=agent.id, frontend=command.frontend))
    elif agent.reachable_by == command.frontend:
        turn.emit(e.AgentUnreachable(at=turn.now, agent=agent.id, cause=command.cause))
    turn.touch(agent.id)


def on_wrap_up_end(turn: Turn, command: c.WrapUpEndRequested) -> None:
    """She is done with the work after the contact; without a segment, with all of it."""
    agent = turn.state.agents.get(command.agent)
    wrap_ups = agent.wrap_ups if agent else {}
    done = [command.segment] if command.segment else list(wrap_ups)
    if agent is None or not done or not set(done) <= set(wrap_ups):
        answer(turn, command.request, f"agent {quoted(command.agent)} has no such wrap-up")
        return
    for segment in done:
        end_wrap_up(turn, agent, segment)
    answer(turn, command.request)


def end_wrap_up(turn: Turn, agent: AgentState, segment: SegmentId) -> None:
    wrap_up = agent.wrap_ups[segment]
    turn.emit(
        e.WrapUpEnded(
            at=turn.now,
            segment=segment,
            contact=wrap_up.contact,
            agent=agent.id,
            queue=wrap_up.queue,
            wrapped=turn.now - wrap_up.since,
        )
    )
    turn.touch(agent.id)


def on_wrap_up_due(turn: Turn, agent: AgentState) -> None:
    """The wrap-up timer ran out."""
    due = [s for s, wrap_up in agent.wrap_ups.items() if wrap_up.until <= turn.now]
    for segment in due:
        end_wrap_up(turn, agent, segment)


def on_pause_end(turn: Turn, agent: AgentState) -> None:
    """A pause that we made is over."""
    turn.change_presence(agent, Presence.READY)
    turn.touch(agent.id)


def on_disposition(turn: Turn, command: c.DispositionRequested) -> None:
    """What the contact was: during the segment, its wrap-up, or until she has the next one."""
    agent = turn.state.agents.get(command.agent)
    found = contact_and_queue(turn, agent, command.segment) if agent else None
    if agent is None or found is None:
        answer(turn, command.request, f"agent {quoted(command.agent)} has no segment of that name")
        return
    contact, queue_id = found
    queue = turn.world.queue(queue_id)
    allowed = queue.dispositions if queue else ()
    if command.disposition not in allowed:
        words = f"queue {queue_id!r} knows the dispositions: {', '.join(allowed) or 'none'}"
        answer(turn, command.request, words)
        return
    turn.emit(
        e.DispositionSet(
            at=turn.now,
            segment=command.segment,
            contact=contact,
            agent=agent.id,
            disposition=command.disposition,
        )
    )
    answer(turn, command.request)


def contact_and_queue(
    turn: Turn, agent: AgentState, segment: SegmentId
) -> tuple[ContactId, QueueId] | None:
    """What the segment of hers was about."""
    if segment in agent.segments:
        running = turn.state.segments[segment]
        return running.contact, running.queue
    if segment in agent.wrap_ups:
        wrap_up = agent.wrap_ups[segment]
        return wrap_up.contact, wrap_up.queue
    if segment and segment == agent.last_segment:
        return agent.last_contact, agent.last_queue
    return None
