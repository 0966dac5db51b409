r"""What may an agent be offered beside what she already has?

    new \ has      voice   chat        email, fax   an offer   wrap-up
    voice          no*     no          yes          no         no
    chat           no      to her cap  yes          no         no
    email, fax     no      yes         to her cap   no         no

    * unless her capacity for voice is above one

This is the matrix by default; a center may have another one: `concurrency` names, for each channel
of a new contact, the other channels it may be laid beside.

Why: a call needs the whole person, a chat tolerates chats, a mail waits for anybody. So a call may
interrupt mail but not chat, and while she talks nothing new is laid on her desk. One offer at a
time: two things that ring at once are one too many. All that routing knows of capacity is this one
predicate.
"""

from collections.abc import Mapping

from callcenter.agents.agent import AgentState
from callcenter.domain.center import CAPACITY_DEFAULT, CONCURRENCY_DEFAULT, Channel
from callcenter.domain.commands import Presence

Concurrency = Mapping[Channel, tuple[Channel, ...]]

CHANNELS: tuple[Channel, ...] = tuple(Channel)


def available(agent: AgentState) -> bool:
    """Is she there for contacts at all: on duty, with a live phone, and not about to leave?"""
    return (
        agent.duty is Presence.READY
        and agent.next in (None, Presence.READY)
        and agent.reachable_by != ""
        and not agent.retired
    )


def can(agent: AgentState, channel: Channel, capacity: Mapping[Channel, int]) -> bool:
    """May she be offered one more contact of `channel` now? `capacity` overrides the default."""
    return channel in open_channels(agent, capacity)


def open_channels(
    agent: AgentState,
    capacity: Mapping[Channel, int],
    concurrency: Concurrency = CONCURRENCY_DEFAULT,
) -> tuple[Channel, ...]:
    """Every channel she may be offered a contact of now."""
    if agent.offers or agent.wrap_ups or not available(agent):
        return ()
    if not agent.segments and not capacity:
        return CHANNELS
    has = [work.channel for work in agent.segments.values()]
    return tuple(channel for channel in CHANNELS if room(channel, has, capacity, concurrency))


def room(
    channel: Channel,
    has: list[Channel],
    capacity: Mapping[Channel, int],
    concurrency: Concurrency = CONCURRENCY_DEFAULT,
) -> bool:
    """Is there room for one more beside `has`?"""
    if has.count(channel) >= capacity.get(channel, CAPACITY_DEFAULT[channel]):
        return False
    if not has:
        return True
    beside = concurrency.get(channel, CONCURRENCY_DEFAULT[channel])
    return all(other is channel or other in beside for other in has)
