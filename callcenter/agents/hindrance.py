"""What keeps an agent from one more contact now: the rules of duty, phone and work, named one by one.

Why: `capacity.open_channels` says whether; a person asks why, and until when. The two are laid side
by side by the tests: who has no hindrance has the channel open, and the other way round.
"""

from collections.abc import Iterator, Mapping

from callcenter.agents.agent import AgentState
from callcenter.agents.capacity import Concurrency, room
from callcenter.agents.presence import pause_ends
from callcenter.domain.center import CAPACITY_DEFAULT, CONCURRENCY_DEFAULT, Channel
from callcenter.domain.commands import Presence
from callcenter.domain.units import ContactId, Micros
from callcenter.domain.why import Obstacle, Rule


def hindrances(
    agent: AgentState,
    channel: Channel,
    capacity: Mapping[Channel, int],
    now: Micros,
    concurrency: Concurrency = CONCURRENCY_DEFAULT,
) -> list[Obstacle]:
    """Everything that must pass before she may be offered a contact of `channel`."""
    found = [*_of_duty(agent), *_of_work(agent)]
    if not capacity.get(channel, CAPACITY_DEFAULT[channel]):
        found.insert(0, Obstacle(rule=Rule.TAKES_NO, reason=channel.value))
    elif not room(
        channel, [work.channel for work in agent.segments.values()], capacity, concurrency
    ):
        found.append(Obstacle(rule=Rule.AT_WORK, contact=talks_about(agent)))
    if agent.rest_until > now:
        found.append(Obstacle(rule=Rule.RESTING, until=agent.rest_until))
    return found


def _of_duty(agent: AgentState) -> Iterator[Obstacle]:
    if agent.retired:
        yield Obstacle(rule=Rule.GONE)
    if agent.duty is Presence.LOGGED_OUT:
        yield Obstacle(rule=Rule.LOGGED_OUT)
    elif agent.duty is not Presence.READY:
        yield Obstacle(rule=Rule.NOT_READY, reason=agent.duty_reason, until=pause_ends(agent) or 0)
    if agent.next not in (None, Presence.READY):
        yield Obstacle(rule=Rule.LEAVING, reason=agent.next_reason)
    if not agent.reachable_by:
        yield Obstacle(rule=Rule.UNREACHABLE)


def _of_work(agent: AgentState) -> Iterator[Obstacle]:
    for work in agent.offers.values():
        yield Obstacle(rule=Rule.RINGING, contact=work.contact)
    for wrap_up in agent.wrap_ups.values():
        yield Obstacle(rule=Rule.WRAP_UP, contact=wrap_up.contact, until=wrap_up.until)


def talks_about(agent: AgentState) -> ContactId:
    """The contact that takes most of her: a call before anything else."""
    works = sorted(agent.segments.values(), key=lambda work: work.channel is not Channel.VOICE)
    return works[0].contact if works else ContactId("")
