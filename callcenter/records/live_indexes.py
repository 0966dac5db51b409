"""What follows from the wall's state: who waits, who can, what is open, which day it is.

Why: nothing here is remembered. It is derived from `LiveData` once and kept up to date by the fold
(`live.py`), so a restored state shows exactly what the one showed that was written down.
"""

from collections.abc import Iterator

import msgspec

from callcenter.domain.calendar import is_open
from callcenter.domain.center import Agent, Calendar, Queue
from callcenter.domain.commands import Presence
from callcenter.domain.skills import effective
from callcenter.domain.units import AgentId, ContactId, Micros, QueueId
from callcenter.records.counters import Counters
from callcenter.records.day import local_day
from callcenter.records.live_state import (
    ASKED_MAX,
    IN_QUEUE,
    AgentDay,
    LiveAgent,
    LiveAnnouncement,
    LiveContact,
    LiveData,
    LiveQueue,
)

BUSY = frozenset({Presence.TALKING, Presence.WRAP_UP})


class LiveIndexes:
    """The state, and what is derived from it."""

    def __init__(self, data: LiveData | None = None) -> None:
        self.data = data or LiveData()
        self._index()

    def _index(self) -> None:
        data = self.data
        self.config: dict[QueueId, Queue] = {q.id: q for q in data.center.queues}
        self.people: dict[AgentId, Agent] = {a.id: a for a in data.center.agents}
        self.in_queue: dict[QueueId, dict[ContactId, LiveContact]] = {}
        for contact in data.contacts.values():
            if contact.stage in IN_QUEUE:
                self.in_queue.setdefault(contact.queue, {})[contact.id] = contact
        self.calendars: dict[str, Calendar] = {c.name: c for c in data.center.calendars}
        self.skills: dict[AgentId, dict[str, int]] = {a: self._skills_of(a) for a in self.people}
        self.able: dict[QueueId, tuple[AgentId, ...]] = {
            queue.id: self._able(queue) for queue in data.center.queues
        }
        self._next_midnight = self._first_midnight()

    def _skills_of(self, agent: AgentId) -> dict[str, int]:
        """What she can now, by configuration, training and hand."""
        center, found = self.data.center, self.data.qualifications.get(agent)
        return effective(self.people[agent].skills, found, center.certified)

    def _able(self, queue: Queue) -> tuple[AgentId, ...]:
        """Who can serve it now, in the order of the configuration."""
        return tuple(agent for agent in self.people if fits(queue, self.skills[agent]))

    # --- reading ------------------------------------------------------------------------------

    def waiting(self, queue: QueueId) -> list[LiveContact]:
        """Who waits in `queue`, next one first; those that ring keep their place."""
        return sorted(self.in_queue.get(queue, {}).values(), key=_place)

    def today(self, queue: QueueId) -> Counters:
        """The counters of today, all channels together."""
        whole = Counters()
        found = self.data.queues.get(queue)
        for part in found.today.values() if found else ():
            whole.add(part)
        return whole

    def asked(self, queue: QueueId) -> list[tuple[dict[str, int], int]]:
        """What was needed there today, and by how many; the needs that were too many are left out."""
        found = self.data.queues.get(queue)
        return [
            (needs_of(key), count) for key, count in (found.asked if found else {}).items() if key
        ]

    def queues(self) -> Iterator[Queue]:
        """The configured queues, in the order of the configuration."""
        return iter(self.data.center.queues)

    def is_open(self, queue: Queue, now: Micros) -> bool:
        """May somebody come to wait there: by hand, else by its calendar."""
        door = self.data.doors.get(queue.id)
        if door is not None:
            return door.open
        return is_open(self.calendars.get(queue.calendar), now)

    def announcement(self, queue: QueueId) -> LiveAnnouncement | None:
        """What those who come to `queue` are told: its own announcement, else that of all."""
        found = self.data.announcements
        return found.get(queue) or found.get(QueueId(""))

    def work_of(self, agent: LiveAgent, now: Micros) -> tuple[Micros, Micros]:
        """Her busy and idle time today, the running state included."""
        busy, idle = agent.today.busy, agent.today.idle
        running = max(0, now - max(agent.since, self.data.day_start))
        if agent.presence in BUSY:
            busy += running
        elif agent.presence is Presence.READY:
            idle += running
        return busy, idle

    # --- the days -----------------------------------------------------------------------------

    def roll(self, now: Micros) -> None:
        """Begin a new day wherever midnight has passed."""
        if now < self._next_midnight:
            return
        data = self.data
        if now >= data.day_end:
            data.day_start, data.day_end = local_day(data.center.timezone, now)
            for agent in data.agents.values():
                agent.today = AgentDay()
        for queue in data.queues.values():
            if now >= queue.day_end:
                self._new_day(queue, now)
        self._next_midnight = self._first_midnight()

    def _first_midnight(self) -> Micros:
        return min([self.data.day_end, *(q.day_end for q in self.data.queues.values())])

    def _new_day(self, queue: LiveQueue, now: Micros) -> None:
        config = self.config.get(queue.id)
        zone = config.timezone if config else self.data.center.timezone
        queue.day_start, queue.day_end = local_day(zone, now)
        for channel, counters in queue.today.items():
            queue.before.setdefault(channel, Counters()).add(counters)
        queue.today = {}
        queue.asked = {}
        for contact in self.in_queue.get(queue.id, {}).values():
            queue.today.setdefault(contact.channel, Counters()).offered += 1
            queue.before[contact.channel].offered -= 1
            count_needs(queue, contact.skills)


def needs_key(needs: dict[str, int]) -> str:
    """Equal needs have equal keys."""
    return msgspec.json.encode(dict(sorted(needs.items()))).decode()


def needs_of(key: str) -> dict[str, int]:
    """The needs of a key."""
    return msgspec.json.decode(key, type=dict[str, int])


def count_needs(queue: LiveQueue, needs: dict[str, int]) -> None:
    """One more visit that needs this."""
    key = needs_key(needs)
    if key not in queue.asked and len(queue.asked) >= ASKED_MAX:
        key = ""
    queue.asked[key] = queue.asked.get(key, 0) + 1


def fits(queue: Queue, skills: dict[str, int]) -> bool:
    """Whether somebody with these proficiencies can serve the queue."""
    return all(skills.get(skill, 0) >= least for skill, least in queue.skills.items())


def _place(contact: LiveContact) -> tuple[Micros, int, Micros, str]:
    """Where it stands among those who wait, as the center has it: equals in the order they came."""
    return contact.key, contact.order, contact.since, contact.id
