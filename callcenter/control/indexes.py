"""What follows from the state: who is next, who is free, what is due.

Why: nothing here is remembered. It is derived once from the state and kept up to date by the fold,
so that a restored control center has exactly the indexes of the one that wrote the snapshot.
"""

from callcenter.agents.agent import AgentState
from callcenter.agents.capacity import open_channels
from callcenter.agents.presence import pause_ends
from callcenter.agents.training import due
from callcenter.control.state import IN_QUEUE, ContactState, Stage, State
from callcenter.control.timers import Alarm, Timer, Timers
from callcenter.domain.center import (
    CONCURRENCY_DEFAULT,
    Agent,
    AgentChoice,
    Calendar,
    Channel,
    ContactChoice,
    PlanStep,
    Queue,
)
from callcenter.domain.commands import LetterStage, Presence
from callcenter.domain.skills import effective
from callcenter.domain.units import SECOND, AgentId, ContactId, LetterId, Micros, OfferId, QueueId
from callcenter.routing.engine import Engine
from callcenter.routing.place import used_up
from callcenter.routing.plan import due_at, joined, next_step
from callcenter.routing.terms import PLAIN, Reserve, Terms

LOST_WAITING_SECONDS = 30
LOST_TALKING_SECONDS = 120
"""How long the contacts of a lost front end are kept for its return. Two people who talk are worth
more patience: their media runs in another process."""


class Indexes:
    """The state, and what is derived from it.

    `timers` tell when a tick has something to do. Those in `resting` only let a contact or an agent
    be matched again, those in `certificates` come before anything else that is decided: both are
    looked at whenever a turn begins.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.rebuild()

    def rebuild(self) -> None:
        """Derive every index anew: after a snapshot, and when the configuration changed."""
        state = self.state
        self._read_center()
        self.engine = Engine(self._teams_named(), self._reserves())
        self.timers = Timers(self.due)
        self.resting = Timers(self.due)
        self.certificates = Timers(self.due)
        self.skills: dict[AgentId, dict[str, int]] = {}
        self.sleeping: set[AgentId] = set()
        self.in_queue: dict[QueueId, int] = {}
        for agent in state.agents.values():
            self._seat(agent)
        for contact in state.contacts.values():
            if contact.stage in IN_QUEUE:
                self._count(contact.queue, 1)
            self._line_up(contact)
        timers = self._all_timers()
        for kept in (self.timers, self.resting, self.certificates):
            kept.rebuild(timer for timer in timers if self._kept_in(timer[1]) is kept)

    def _read_center(self) -> None:
        center = self.state.center
        self.agents: dict[AgentId, Agent] = {a.id: a for a in center.agents}
        self.positions: dict[AgentId, int] = {a.id: n for n, a in enumerate(center.agents)}
        self.calendars: dict[str, Calendar] = {c.name: c for c in center.calendars}
        self.queues: dict[QueueId, Queue] = {q.id: q for q in center.queues}
        self.known_skills = frozenset(center.skills)
        self.by_target = center.contact_choice is ContactChoice.TARGET
        self.concurrency = {**CONCURRENCY_DEFAULT, **center.concurrency}
        self.capacity: dict[AgentId, dict[Channel, int]] = {
            a.id: {**center.capacity, **a.capacity} for a in center.agents
        }

    def _teams_named(self) -> frozenset[str]:
        planned = {
            team
            for queue in (*self.queues.values(), *self.state.retired_queues.values())
            for step in queue.plan.steps
            for team in step.teams
        }
        return frozenset(planned.union(*(c.teams for c in self.state.contacts.values())))

    def _reserves(self) -> list[Reserve]:
        return [
            Reserve(queue.id, queue.skills, queue.reserve)
            for queue in self.queues.values()
            if queue.reserve
        ]

    # --- timers -----------------------------------------------------------------------------

    def _all_timers(self) -> list[Timer]:
        state = self.state
        whose: list[tuple[Alarm, str]] = []
        for agent in state.agents:
            whose += [(Alarm.WRAP_UP, agent), (Alarm.PAUSE, agent), (Alarm.REST, agent)]
        whose += [(Alarm.CERTIFICATE, agent) for agent in state.people]
        whose += [(Alarm.OFFER, offer) for offer in state.offers]
        whose += [(Alarm.LETTER, letter) for letter in state.letters]
        whose += [(Alarm.FAX, fax) for fax in state.faxes]
        for contact in state.contacts:
            whose += [(Alarm.RETRY, contact), (Alarm.CONTACT, contact), (Alarm.STEP, contact)]
        timers = ((self.due(alarm, name), alarm, name) for alarm, name in whose)
        return [(when, alarm, name) for when, alarm, name in timers if when is not None]

    def _kept_in(self, alarm: Alarm) -> Timers:
        if alarm in (Alarm.RETRY, Alarm.REST):
            return self.resting
        return self.certificates if alarm is Alarm.CERTIFICATE else self.timers

    def _set_timer(self, alarm: Alarm, whose: str) -> None:
        when = self.due(alarm, whose)
        if when is not None:
            self._kept_in(alarm).set(when, alarm, whose)

    def due(self, alarm: Alarm, whose: str) -> Micros | None:
        """The deadline that stands for `whose` now."""
        if alarm is Alarm.OFFER:
            offer = self.state.offers.get(OfferId(whose))
            return offer.until if offer else None
        if alarm is Alarm.LETTER:
            letter = self.state.letters.get(LetterId(whose))
            return letter.not_before if letter and letter.stage is LetterStage.WAITING else None
        if alarm is Alarm.FAX:
            fax = self.state.faxes.get(ContactId(whose))
            return fax.not_before if fax else None
        if alarm in (Alarm.CONTACT, Alarm.RETRY, Alarm.STEP):
            contact = self.state.contacts.get(ContactId(whose))
            return self._due_of_contact(alarm, contact) if contact else None
        if alarm is Alarm.CERTIFICATE:
            found = self.state.people.get(AgentId(whose))
            return due(found) if found and whose in self.agents else None
        agent = self.state.agents.get(AgentId(whose))
        if agent is None:
            return None
        if alarm is Alarm.PAUSE:
            return pause_ends(agent)
        if alarm is Alarm.REST:
            return agent.rest_until if agent.id in self.sleeping else None
        return min((w.until for w in agent.wrap_ups.values()), default=None)

    def _due_of_contact(self, alarm: Alarm, contact: ContactState) -> Micros | None:
        if alarm is Alarm.CONTACT:
            return self.contact_due(contact)
        return self._retry_due(contact) if alarm is Alarm.RETRY else self._step_due(contact)

    def contact_due(self, contact: ContactState) -> Micros | None:
        """End of patience: with an owner that is gone, or with the queue.

        Ringing one phone is let to its end; where more may be added to those that ring, it is not.
        """
        lost = self.lost_since(contact)
        if lost and contact.calls_back and contact.stage in IN_QUEUE:
            return max(contact.expires, lost)  # nobody is on the line: a promise can wait for it
        if lost:
            talking = contact.stage is Stage.TALKING
            patience = LOST_TALKING_SECONDS if talking else LOST_WAITING_SECONDS
            return lost + patience * SECOND
        if contact.stage is Stage.OFFERED:
            return contact.expires if self.width(contact) > 1 else None
        return contact.expires if contact.stage in (Stage.WAITING, Stage.ASIDE) else None

    def lost_since(self, contact: ContactState) -> Micros:
        """When its owner's lease ran out; 0 while it is held, and of a document always."""
        return 0 if contact.document else self.state.frontends[contact.frontend].lost

    def _retry_due(self, contact: ContactState) -> Micros | None:
        resting = self._wants_agents(contact) and contact.id not in self.engine
        owned = not self.lost_since(contact)
        return contact.retry_at if contact.retry_at and resting and owned else None

    def _step_due(self, contact: ContactState) -> Micros | None:
        """The next step of the plan, or the end of waiting for one agent alone.

        Ringing one phone is let to its end; where more may be added to those that ring, it is not.
        """
        if self.lost_since(contact) or contact.stage not in IN_QUEUE:
            return None
        if contact.stage is Stage.OFFERED and self.width(contact) == 1:
            return None
        step = self.next_step(contact)
        when = due_at(step, contact.planned_from) if step else None
        if contact.sticky:
            return min(contact.sticky_until, when or contact.sticky_until)
        return when

    def next_step(self, contact: ContactState) -> PlanStep | None:
        """What its queue's plan has for it next."""
        queue = self.queue(contact.queue)
        return next_step(queue.plan, contact.stepped) if queue and queue.plan.steps else None

    # --- contacts ---------------------------------------------------------------------------

    def queue(self, queue: QueueId) -> Queue | None:
        """A queue, even one that was removed while callers of it are still here."""
        return self.queues.get(queue) or self.state.retired_queues.get(queue)

    def _count(self, queue: QueueId, step: int) -> None:
        self.in_queue[queue] = self.in_queue.get(queue, 0) + step

    def width(self, contact: ContactState) -> int:
        """How many may be offered it at once; of a callback or a document only one."""
        if contact.calls_back or contact.document:
            return 1
        queue = self.queue(contact.queue)
        return queue.ring_width if queue and queue.agent_choice is AgentChoice.RING_ALL else 1

    def terms(self, contact: ContactState) -> Terms:
        """What it asks of people beside skills."""
        queue = self.queue(contact.queue)
        excluded = joined(queue.excluded if queue else (), contact.excluded)
        if contact.declined_by:
            excluded = joined(excluded, contact.declined_by)
        kept = contact.queue if queue and queue.reserve else QueueId("")
        target = queue.target_seconds if queue and self.by_target else 0
        if not (excluded or kept or target or contact.sticky or contact.agents or contact.teams):
            return PLAIN
        agents = joined(contact.agents, (contact.sticky,) if contact.assigned else ())
        return Terms(contact.teams, agents, excluded, contact.sticky, kept, target)

    def used_up(self, contact: ContactState, now: Micros) -> int:
        """Minus the share of its target that is used up; 0 where that does not count."""
        queue = self.queue(contact.queue) if self.by_target else None
        return -used_up(contact.key, queue.target_seconds, now) if queue else 0

    def team(self, agent: AgentId) -> str:
        """Her team; a name that no team has without one."""
        config = self.agents.get(agent)
        return config.team if config and config.team else "-"

    def _wants_agents(self, contact: ContactState) -> bool:
        """May it be offered, or to more people than it is?"""
        if contact.stage is Stage.WAITING:
            return True
        return contact.stage is Stage.OFFERED and len(contact.live) < self.width(contact)

    def _line_up(self, contact: ContactState) -> None:
        """Let a waiting contact be matched, unless its owner is gone or it must rest first."""
        if contact.id in self.engine or not self._wants_agents(contact):
            return
        if self.lost_since(contact):
            return
        if contact.retry_at <= self.state.now:
            self.wake(contact)

    def _line_up_anew(self, contact: ContactState) -> None:
        """What it needs, its terms or its key have changed."""
        self.engine.take(contact.id)
        self._line_up(contact)

    def wake(self, contact: ContactState) -> None:
        """The contact may be offered (again), in the place it always had."""
        self.engine.put(
            contact.id,
            contact.channel,
            contact.skills,
            contact.key,
            contact.order,
            self.terms(contact),
        )

    # --- agents -----------------------------------------------------------------------------

    def _seat(self, agent: AgentState) -> None:
        config = self.agents.get(agent.id)
        if config is None:
            self.skills[agent.id] = {}
            self.engine.seat(agent.id, {})
        else:
            skills = effective(
                config.skills, self.state.people.get(agent.id), self.state.center.certified
            )
            self.skills[agent.id] = skills
            self.engine.seat(agent.id, skills, config.team)
        self.index_agent(agent)

    def index_agent(self, agent: AgentState, *, rested: bool = False) -> None:
        """Tell the engine what the agent may be offered now. `rested`: her rest is over."""
        config = self.agents.get(agent.id)
        channels: tuple[Channel, ...] = ()
        if config is not None:
            channels = open_channels(agent, self.capacity[agent.id], self.concurrency)
        if agent.rest_until:
            if channels and agent.rest_until > self.state.now and not rested:
                self.sleeping.add(agent.id)
                self._set_timer(Alarm.REST, agent.id)
                channels = ()
            else:
                self.sleeping.discard(agent.id)
        self.engine.free(agent.id, channels, agent.idle_since)
        self.engine.staff(agent.id, config is not None and agent.presence != Presence.LOGGED_OUT)
