"""From the stories of `why` to documents, and the two questions of the API.

Why: deciding again is work for a process of its own; this room only asks (`WhyPort`) and says it in
the words of the house.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from callcenter.control.state import Stage
from callcenter.control.story import AgentStory, ContactStory, Moment
from callcenter.control.upcoming import Due
from callcenter.control.why import InLine, Looked, Waiting
from callcenter.domain import events as e
from callcenter.domain.units import SECOND, Micros
from callcenter.domain.why import FOR_CONTACT, Obstacle, Rule
from callcenter.records.day import as_time
from callcenter.web import why_views as v
from callcenter.web.ports import WhyPort
from callcenter.web.routes import Call, Query
from callcenter.web.why_words import Words

PEOPLE_SHOWN = 25
"""Agents named under one rule; the others are counted."""


class WhyQuery(Query):
    """At which moment."""

    at: datetime | None = None
    """RFC 3339; now when not given. Of a contact that has ended: its whole life."""


class Reasons:
    """The handlers that ask why."""

    def __init__(self, why: WhyPort) -> None:
        self._why = why

    async def contact(self, call: Call) -> v.ContactWhy:
        return await self._why.contact(call.path("id"), _micros(call.query.at), call.who.name)

    async def agent(self, call: Call) -> v.AgentWhy:
        return await self._why.agent(call.path("id"), _micros(call.query.at), call.who.name)


def _micros(at: datetime | None) -> Micros:
    if at is None:
        return 0
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(aware.timestamp() * SECOND)


# --- documents ------------------------------------------------------------------------------------


def contact_view(story: ContactStory) -> v.ContactWhy:
    """A contact's story as a document."""
    words = Words(story.center)
    notes = [] if story.whole else ["its arrival is not in the journal any more"]
    if story.moments_more:
        notes.append(f"{story.moments_more} older moments are not shown")
    return v.ContactWhy(
        contact=story.contact,
        at=as_time(story.at),
        timezone=words.timezone,
        state=story.stage.value if story.stage else "ended",
        text=_state_of(story, words),
        notes=notes,
        moments=[moment_view(moment, words) for moment in story.moments],
        waiting=_waiting(story.waiting, story.at, words) if story.waiting else None,
    )


def _state_of(story: ContactStory, words: Words) -> str:
    """Where it is, and what is the matter, in a sentence."""
    if story.stage is None:
        last = story.moments[-1].event if story.moments else None
        return words.moment(last, None) if last else "over"
    if story.stage is Stage.TALKING:
        return f"talks with {words.name(story.agent)}"
    if story.stage is Stage.ASIDE:
        return "put aside until a time or a reply"
    if story.waiting is None:
        return "in its flow; it waits in no queue"
    ahead = len(story.waiting.ahead) + story.waiting.ahead_more
    first = f"{ahead} ahead of it" if ahead else "nobody ahead of it"
    return f"waits in {words.title(story.queue)}, {first}: {_why_nobody(story.waiting, words)}"


def _why_nobody(waiting: Waiting, words: Words) -> str:
    if waiting.held_back:
        return "; ".join(words.held_back(one) for one in waiting.held_back)
    able = [one for one in waiting.agents if not _lasting(one.obstacles)]
    if not able:
        return "nobody at all could take it"
    there = [one for one in able if one.obstacles[:1] and one.obstacles[0].rule not in AWAY]
    if not there:
        return "nobody who could take it is on duty"
    return f"{len(there)} could take it, and none of them is free"


AWAY = (Rule.LOGGED_OUT, Rule.NOT_READY, Rule.UNREACHABLE)


def _lasting(obstacles: Iterable[Obstacle]) -> bool:
    return any(one.rule in FOR_CONTACT for one in obstacles)


def _waiting(waiting: Waiting, at: Micros, words: Words) -> v.WaitingWhy:
    return v.WaitingWhy(
        queue=waiting.queue,
        since=as_time(waiting.since),
        waited_seconds=_seconds(at - waiting.since),
        priority=waiting.priority,
        needs=waiting.needs,
        ahead=[line_view(one, at, words) for one in waiting.ahead],
        ahead_count=len(waiting.ahead) + waiting.ahead_more,
        held_back=[words.held_back(one) for one in waiting.held_back],
        agents=rules_view(waiting.agents, words),
        agents_count=len(waiting.agents) + waiting.agents_more,
        next=next_view(waiting.next, at, words),
    )


def agent_view(story: AgentStory) -> v.AgentWhy:
    """An agent's story as a document."""
    desk, words = story.desk, Words(story.center)
    at = story.at
    return v.AgentWhy(
        agent=desk.agent,
        name=words.name(desk.agent),
        at=as_time(at),
        timezone=words.timezone,
        presence=desk.presence.value,
        reason=desk.reason,
        since=as_time(desk.since),
        text=_desk_in_words(story, words),
        contact=desk.contact,
        obstacles=[words.obstacle(one) for one in desk.obstacles],
        line=[line_view(_beside(one, desk.obstacles), at, words) for one in desk.line],
        line_count=len(desk.line) + desk.line_more,
        others=[line_view(_beside(one, desk.obstacles), at, words) for one in desk.others],
        others_count=len(desk.others) + desk.others_more,
        next=next_view(desk.next, at, words),
        offers=[moment_view(moment, words) for moment in story.offers],
    )


def _desk_in_words(story: AgentStory, words: Words) -> str:
    desk = story.desk
    hers, others = len(desk.line) + desk.line_more, len(desk.others) + desk.others_more
    if desk.obstacles:
        state = "; ".join(words.obstacle(one) for one in desk.obstacles)
        return f"{state}; {hers} wait whom she could take" if hers else state
    if hers:
        return f"free; {hers} wait whom she could take, each kept from her by a rule"
    if others:
        return f"free; nothing of what waits is for her ({others} wait)"
    return "free; nobody waits"


def moment_view(moment: Moment, words: Words) -> v.MomentWhy:
    """One decision as a document."""
    event = moment.event
    decision = None
    if isinstance(event, e.OfferMade):
        decision = _decision(event, moment, words)
    return v.MomentWhy(
        at=as_time(event.at),
        kind=type(event).__name__,
        text=words.moment(event, moment.refusal),
        decision=decision,
    )


def _decision(made: e.OfferMade, moment: Moment, words: Words) -> v.DecisionWhy:
    choice = moment.choice
    note = moment.untried
    if moment.redecided is False:
        note = "decided again it came out otherwise; this is what was written down then"
    return v.DecisionWhy(
        agent=made.agent,
        redecided=moment.redecided,
        note=note,
        evidence=made.evidence,
        text=words.choice(made, choice) if choice else made.evidence,
        others=rules_view(choice.others, words) if choice else [],
        others_count=len(choice.others) + choice.others_more if choice else 0,
    )


def rules_view(looked: Sequence[Looked], words: Words) -> list[v.RuleWhy]:
    """Agents by the first rule that kept each; who came nearest first."""
    heads: dict[tuple[str, str], list[Looked]] = {}
    for one in looked:
        first = one.obstacles[0] if one.obstacles else None
        key = (first.rule.value, words.rule(first)) if first else ("", "free")
        heads.setdefault(key, []).append(one)
    order = [*(rule.value for rule in reversed(Rule)), ""]
    return [
        v.RuleWhy(
            rule=rule,
            text=text,
            count=len(people),
            people=[person_view(one, words) for one in people[:PEOPLE_SHOWN]],
        )
        for (rule, text), people in sorted(heads.items(), key=lambda item: order.index(item[0][0]))
    ]


def person_view(one: Looked, words: Words) -> v.PersonWhy:
    """One agent with everything that kept her."""
    return v.PersonWhy(
        agent=one.agent,
        name=words.name(one.agent),
        rules=list(dict.fromkeys(obstacle.rule.value for obstacle in one.obstacles)),
        text=words.obstacles(one.obstacles),
    )


def _beside(one: InLine, said: Sequence[Obstacle]) -> InLine:
    """The contact with what keeps it from her beside what is said of her anyway."""
    left = tuple(obstacle for obstacle in one.obstacles if obstacle not in said)
    return msgspec.structs.replace(one, obstacles=left)


def line_view(one: InLine, at: Micros, words: Words) -> v.LineWhy:
    """A contact that waits, as a row."""
    why = words.obstacles(one.obstacles)
    return v.LineWhy(
        contact=one.contact,
        queue=one.queue,
        since=as_time(one.since),
        waited_seconds=_seconds(at - one.since),
        text=why or f"{words.title(one.queue)}, priority {one.priority}",
    )


def next_view(dues: Iterable[Due], at: Micros, words: Words) -> list[v.NextWhy]:
    """Deadlines, the nearest first."""
    return [
        v.NextWhy(
            at=as_time(due.at),
            in_seconds=_seconds(due.at - at),
            what=due.what,
            text=words.due(due),
        )
        for due in dues
    ]


def _seconds(span: Micros) -> float:
    return round(max(0, span) / SECOND, 1)
