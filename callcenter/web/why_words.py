"""Rules, moments and deadlines in words.

Why: a supervisor reads sentences with names of agents and queues; nobody reads anything about a
customer, because there is nothing in the journal to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from callcenter.control.explained import Refusal
from callcenter.control.upcoming import Due
from callcenter.control.why import Choice, HeldBack
from callcenter.domain import events as e
from callcenter.domain.calendar import zone
from callcenter.domain.center import AgentChoice, Center
from callcenter.domain.units import SECOND, Micros
from callcenter.domain.why import Criterion, Obstacle, Rule

CRITERIA: dict[str, str] = {
    Criterion.WELCOME: "less of the welcome skills",
    Criterion.CHOICE: "later by the way this queue chooses agents",
    Criterion.IDLE: "idle for less time",
    Criterion.NAME: "equal in everything; the id decided",
    Criterion.FREED: "was free already; the chosen agent came free and this was first in line",
}
CHOICES: dict[AgentChoice, str] = {
    AgentChoice.LONGEST_IDLE: "idle for the longest",
    AgentChoice.LEAST_OCCUPIED: "the least occupied",
    AgentChoice.MOST_SKILLED: "the most skilled",
    AgentChoice.LEAST_SKILLED: "the least skilled of those who can",
    AgentChoice.ROUND_ROBIN: "next in turn",
    AgentChoice.TOP_DOWN: "the first in the center's list",
    AgentChoice.RING_ALL: "one of those who are rung at once",
}
RESULTS: dict[str, str] = {
    "OfferAccepted": "answered",
    "OfferExpired": "did not answer",
    "AgentReleased": "is not waited for alone any more",
}


class Words:
    """Knows the names and the clock of one center."""

    def __init__(self, center: Center) -> None:
        self._names: dict[str, str] = {agent.id: agent.name or agent.id for agent in center.agents}
        self._titles: dict[str, str] = {
            queue.id: queue.title or queue.id for queue in center.queues
        }
        self._zone = zone(center.timezone)
        self.timezone = center.timezone

    def name(self, agent: str) -> str:
        """An agent as people call her."""
        return self._names.get(agent, agent)

    def title(self, queue: str) -> str:
        """A queue as people call it."""
        return self._titles.get(queue, queue)

    def clock(self, at: Micros) -> str:
        """A moment on the clock of the center."""
        moment = datetime.fromtimestamp(at / SECOND, UTC).astimezone(self._zone)
        return moment.strftime("%H:%M:%S")

    def day(self, at: Micros) -> str:
        """A moment that may be on another day."""
        moment = datetime.fromtimestamp(at / SECOND, UTC).astimezone(self._zone)
        return moment.strftime("%Y-%m-%d %H:%M")

    # --- rules ----------------------------------------------------------------------------------

    def rule(self, one: Obstacle) -> str:
        """A rule, as the head of a list of those whom it kept."""
        if one.rule is Rule.LACKS:
            return f"lacks {one.skill} {one.needs}"
        if one.rule is Rule.RESERVED:
            return f"kept in reserve for {self.title(one.queue)}"
        if one.rule is Rule.WAITS_FOR_ANOTHER:
            return f"it waits for {self.name(one.agent)} alone"
        if one.rule is Rule.LATER:
            return CRITERIA.get(one.reason, "another came first")
        return HEADS[one.rule]

    def obstacle(self, one: Obstacle) -> str:
        """A rule with what it is about, for one agent."""
        until = f" until {self.clock(one.until)}" if one.until else ""
        if one.rule is Rule.LACKS:
            has = f"has {one.has}" if one.has else "has none"
            return f"needs {one.skill} {one.needs}, {has}"
        if one.rule in (Rule.NOT_READY, Rule.LEAVING):
            head = HEADS[one.rule]
            return f"{head}: {plain(one.reason)}{until}" if one.reason else head + until
        if one.rule is Rule.TAKES_NO:
            return f"takes no {one.reason}"
        if one.contact and one.rule in ABOUT:
            return f"{ABOUT[one.rule]} {one.contact}{until}"
        return self.rule(one) + until

    def obstacles(self, found: Sequence[Obstacle]) -> str:
        """Everything that keeps one agent from one contact. A reserve is told as what would keep
        her, were the others gone."""
        first, rest = found[:1], found[1:]
        texts = [self.obstacle(one) for one in first]
        texts += [f"then {self.obstacle(one)}" if one.rule is Rule.RESERVED else self.obstacle(one)
                  for one in rest]  # fmt: skip
        return "; ".join(texts)

    # --- an offer -------------------------------------------------------------------------------

    def choice(self, made: e.OfferMade, choice: Choice) -> str:
        """Why her, in a sentence or two."""
        idle = max(0, made.at - choice.idle_since)
        needs = ", ".join(f"{skill} {level}" for skill, level in choice.needs.items())
        could = sum(
            1 for other in choice.others if other.obstacles[:1] and _could(other.obstacles[0])
        )
        if choice.alone:
            why = "it waited for her alone"
        elif choice.freed:
            after = f"; next in her line was {choice.instead[0]}" if choice.instead else ""
            why = f"she came free, and it was the first in line for her{after}"
        elif could:
            why = f"{CHOICES[choice.chosen_by]} of {could + 1} who could take it"
        else:
            why = "nobody else could take it at that moment"
        return f"{why} (idle {span(idle)}; needs {needs or 'no skill'})"

    # --- moments --------------------------------------------------------------------------------

    def moment(self, event: e.Event, refusal: Refusal | None) -> str:
        """What was decided, in a sentence."""
        if isinstance(event, e.QueueRefused):
            return self._refused(event, refusal)
        if isinstance(event, e.ContactQueued | e.ContactMoved):
            return self._queued(event)
        if isinstance(event, e.RingWidened):
            return self._widened(event)
        if isinstance(event, e.OfferDeclined):
            return f"{self.name(event.agent)} did not take it: {plain(event.outcome)}"
        if isinstance(event, e.OfferRescinded):
            return f"{self.name(event.agent)} is rung no more: {event.reason or 'taken back'}"
        if isinstance(event, e.ContactAssigned):
            by = f" by {self.name(event.by)}" if event.by else ""
            return f"assigned to {self.name(event.agent)}{by} until {self.clock(event.until)}"
        if isinstance(event, e.ContactTransferred):
            whom = self.name(event.to) if event.to else self.title(event.queue)
            return f"{self.name(event.agent)} hands it on to {whom}"
        if isinstance(event, e.PriorityChanged):
            by = f" by {self.name(event.by)}" if event.by else ""
            return f"priority {event.priority} from now on{by}"
        return self._fact(event)

    def _fact(self, event: e.Event) -> str:
        if isinstance(event, e.ContactArrived):
            return f"arrived by {event.channel}"
        if isinstance(event, e.ContactPlaced | e.CallbackTried):
            return self._callback(event)
        if isinstance(event, e.OfferMade):
            attempt = f", attempt {event.attempt}" if event.attempt > 1 else ""
            looks = f", to look at for {event.preview_seconds} s" if event.preview_seconds else ""
            return f"offered to {self.name(event.agent)} after {span(event.waited)}{attempt}{looks}"
        if isinstance(event, e.OfferConfirmed):
            silent = " by not saying no in time" if event.by_time else ""
            return f"{self.name(event.agent)} will have it{silent}: it is brought to her"
        if isinstance(event, e.SegmentStarted):
            return f"talks with {self.name(event.agent)}, after {span(event.waited)} of waiting"
        if isinstance(event, e.SegmentEnded):
            reason = plain(event.termination.reason)
            return f"{self.name(event.agent)}'s part is over after {span(event.talked)}: {reason}"
        if isinstance(event, e.ContactPutAside):
            return f"{self.name(event.agent)} puts it aside until {self.day(event.until)}"
        if isinstance(event, e.ReplyArrived):
            return "its customer wrote again"
        if isinstance(event, e.ContactDequeued):
            return f"leaves {self.title(event.queue)} at the exit {event.exit} after {span(event.waited)}"
        if isinstance(event, e.ContactEnded):
            return f"over: {plain(event.termination.reason)}"
        name = type(event).__name__
        return f"{self.name(getattr(event, 'agent', ''))} {RESULTS.get(name, name)}"

    def _callback(self, event: e.ContactPlaced | e.CallbackTried) -> str:
        if isinstance(event, e.ContactPlaced):
            return f"a callback for the caller of {event.origin}"
        again = f"again at {self.clock(event.again)}" if event.again else "for the last time"
        return f"attempt {event.attempt}: {plain(event.outcome)}, {again}"

    def _queued(self, event: e.ContactQueued | e.ContactMoved) -> str:
        needs = ", ".join(f"{skill} {level}" for skill, level in event.skills.items())
        words = f"waits in {self.title(event.queue)} with priority {event.priority}, needs {needs or 'no skill'}"
        if isinstance(event, e.ContactMoved):
            by = f"moved by {self.name(event.by)}" if event.by else "the plan moves it on"
            return f"{by} from {self.title(event.left)}: {words}"
        if event.agent:
            words += f"; {self.name(event.agent)} is waited for alone until {self.clock(event.agent_until)}"
        return words

    def _widened(self, event: e.RingWidened) -> str:
        if event.refused:
            return f"waits on after {event.after_seconds} s: {event.refused}"
        return f"its ring widens after {event.after_seconds} s: {self._ring(event.skills, event.agents, event.teams)}"

    def _ring(
        self, skills: Mapping[str, int], agents: tuple[str, ...] = (), teams: tuple[str, ...] = ()
    ) -> str:
        needs = ", ".join(f"{skill} {level}" for skill, level in skills.items())
        too = [*(self.name(agent) for agent in agents), *(f"team {team}" for team in teams)]
        also = f"; {', '.join(too)} may take it too" if too else ""
        return f"needs {needs or 'no skill'}{also}"

    def _refused(self, event: e.QueueRefused, refusal: Refusal | None) -> str:
        words = f"may not wait in {self.title(event.queue)}: {event.exit}"
        if refusal is None:
            return words
        if not refusal.known:
            return f"{words}, the center has no such queue"
        if event.exit is e.QueueExit.FULL:
            return f"{words}, {refusal.waiting} wait there and {refusal.most} may"
        if event.exit is e.QueueExit.UNSTAFFED:
            return f"{words}, nobody who could take it was logged in"
        if refusal.by_hand:
            return f"{words} by hand"
        opens = f", until {self.day(refusal.opens)}" if refusal.opens else ""
        return f"{words} by its calendar{opens}"

    # --- what comes next ------------------------------------------------------------------------

    def held_back(self, one: HeldBack) -> str:
        """Why it is offered to nobody now."""
        until = f" until {self.clock(one.until)}" if one.until else ""
        return HELD_BACK[one.why] + until

    def due(self, due: Due) -> str:
        """What will happen, in a sentence."""
        if due.what == "step":
            return self._step(due)
        if due.what == "agent_free":
            return f"{self.name(due.agent)} is free again ({HEADS[Rule(due.rule)]} ends)"
        texts = {
            "retry": "it is offered again",
            "ring_ends": f"the ringing at {self.name(due.agent)} ends" if due.agent
            else f"the ringing for {due.contact} ends",
            "released": f"{self.name(due.agent)} is not waited for alone any more",
            "overflow": f"the plan moves it on to {self.title(due.queue)}",
            "leaves": f"it leaves the queue at the exit {due.exit}",
            "given_up": "it is given up: its front end did not return",
            "wrap_up_ends": f"her wrap-up of {due.contact} ends",
            "rest_ends": "her rest ends: her occupancy is under its ceiling again",
            "pause_ends": "she is ready again by herself",
            "certificate": "a certificate of hers is warned of, or expires",
            "becomes_hers": f"a step of its plan lets her take {due.contact}",
            "closes": f"{self.title(due.queue)} closes; who waits stays",
            "opens": f"{self.title(due.queue)} opens",
        }  # fmt: skip
        return texts[due.what]

    def _step(self, due: Due) -> str:
        names = [self.name(agent) for agent in due.gains]
        more = f" and {due.gains_more} more" if due.gains_more else ""
        gains = (
            f"; then {', '.join(names)}{more} can take it" if names else "; nobody more can then"
        )
        return f"its ring widens: {self._ring(due.skills)}{gains}"


HEADS: dict[Rule, str] = {
    Rule.EXCLUDED: "excluded from it",
    Rule.WAITS_FOR_ANOTHER: "it waits for another alone",
    Rule.LACKS: "lacks a skill",
    Rule.TAKES_NO: "takes no contact of this kind",
    Rule.GONE: "not in the center any more",
    Rule.LOGGED_OUT: "logged out",
    Rule.NOT_READY: "not ready",
    Rule.LEAVING: "not ready after her work",
    Rule.UNREACHABLE: "phone out of reach",
    Rule.RINGING: "being rung",
    Rule.WRAP_UP: "wrap-up",
    Rule.AT_WORK: "on a contact",
    Rule.RESTING: "resting, her occupancy is at its ceiling",
    Rule.RESERVED: "kept in reserve",
    Rule.PASSED: "did not take it a moment ago; others come first",
    Rule.LATER: "another came first",
}
ABOUT: dict[Rule, str] = {
    Rule.RINGING: "being rung for",
    Rule.WRAP_UP: "wrap-up of",
    Rule.AT_WORK: "on contact",
}
HELD_BACK = {
    "owner_lost": "its front end is gone; it keeps its place",
    "resting": "our side could not ring the last phone; it rests",
    "ringing": "phones ring for it already",
}


def _could(one: Obstacle) -> bool:
    return one.rule in (Rule.LATER, Rule.PASSED)


def plain(code: str) -> str:
    """A code as words."""
    return str(code).replace("_", " ").replace("-", " ")


def span(micros: Micros) -> str:
    """A span as `18 s` or `2:05 min`."""
    seconds = micros // SECOND
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60}:{seconds % 60:02} min"
