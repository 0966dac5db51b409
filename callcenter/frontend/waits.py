"""How a flow's wish to wait becomes a request to control, and what it may know of waits before.

Why: a flow may name people and languages by what a customer's table holds. Whatever stands there
by mistake, a name or a number, must not get into the journal: only what the center itself calls an
agent or a skill is handed on, the rest is counted and left out.
"""

from collections.abc import Iterable

import msgspec

from callcenter.domain.commands import QueueRequested
from callcenter.domain.events import ESTIMATE_GOOD_FOR, ContactQueued
from callcenter.domain.units import SECOND, AgentId, ContactId, QueueId
from callcenter.frontend.hands import Hands
from callcenter.ivr.session import Enqueue
from callcenter.ivr.waits import word_of


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


def known_waits(hands: Hands, words: Iterable[str]) -> dict[str, dict[str, int]]:
    """How long somebody would wait who went to these queues now, in seconds. What was not told
    lately is left out."""
    found: dict[str, dict[str, int]] = {}
    for word in words:
        queue = next((q.id for q in hands.center.queues if word_of(q.id) == word), QueueId(""))
        told = hands.estimates.get(queue)
        if told is None or hands.center_now() - told.at > ESTIMATE_GOOD_FOR:
            continue
        spans = {"expected_wait": told.expected, "promised_wait": told.promised}
        found[word] = {name: span // SECOND for name, span in spans.items() if span is not None}
    return found


def waits_now(waits: QueueRequested | None, queued: ContactQueued) -> QueueRequested | None:
    """How she would be put back into the queue that she waits in now, wherever her flow led her."""
    if waits is None:  # an agent called her and handed her on: no flow led her here
        return QueueRequested(contact=queued.contact, queue=queued.queue, skills=queued.asked)
    if waits.queue == queued.queue:
        return waits
    return msgspec.structs.replace(waits, queue=queued.queue, skills=queued.asked, language="")
