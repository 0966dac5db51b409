"""How a flow's wish to wait becomes a request to control.

Why: a flow may name people and languages by what a customer's table holds. Whatever stands there
by mistake, a name or a number, must not get into the journal: only what the center itself calls an
agent or a skill is handed on, the rest is counted and left out.
"""

from callcenter.domain.commands import QueueRequested
from callcenter.domain.units import AgentId, ContactId, QueueId
from callcenter.frontend.hands import Hands
from callcenter.ivr.session import Enqueue


def queue_request(hands: Hands, contact: ContactId, wish: Enqueue) -> QueueRequested:
    """The request of a caller whom her flow leads to a queue."""
    return QueueRequested(
        contact=contact,
        queue=QueueId(wish.queue),
        skills=dict(wish.skills),
        priority=wish.priority,
        attributes=dict(wish.attributes),
        preferred=dict(wish.prefer),
        excluded=tuple(agent for name in wish.exclude if (agent := known_agent(hands, name))),
        language=language_of(hands, wish),
        agent=known_agent(hands, wish.agent),
    )


def known_agent(hands: Hands, name: str) -> AgentId:
    """The agent of this name; nobody, and counted, where there is none."""
    if not name or any(agent.id == name for agent in hands.center.agents):
        return AgentId(name)
    hands.counts["unknown.agent"] += 1
    return AgentId("")


def language_of(hands: Hands, wish: Enqueue) -> str:
    """What the flow asks for; if it leaves that to the queue, what the caller hears."""
    queue = hands.queue(QueueId(wish.queue))
    asks = queue is not None and queue.language_level > 0
    language = wish.language
    if language is None:
        language = wish.attributes.get("language", "") if asks else ""
    if not language or language in hands.center.skills:
        return language
    hands.counts["unknown.language"] += 1
    return ""
