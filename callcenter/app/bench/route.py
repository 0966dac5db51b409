"""How long does a decision take? The engine beside a scan that looks at everybody.

A decision is either "a contact came: which agent?" or "an agent came free: which contact?", with
the indexes kept up to date around it. Figures are CPU microseconds of this thread, so a busy
machine does not count; p50 and p99 over single decisions. The scan is the same question asked of
plain lists, as it is found in servers that look at every waiting contact and every agent; the tick
is one look of a dispatcher that polls SQL tables (`polled`), where that ends in seconds.

Beside them stand the longest pause of the garbage collector while decisions were taken (wall
clock: it stops everything) and the largest memory of this process.

Why: the promise is p99 <= 100 us at 1,000 agents x 1,000 waiting x 200 different needs, and 1 ms
and 1 GB at 50,000 x 100,000 x 2,000.
Sources: method and sizes as published with the design of the engine.
"""

import gc
import resource
import sys
from collections.abc import Callable
from random import Random
from time import perf_counter_ns, thread_time_ns
from typing import Any, Self

from callcenter.app.bench.polled import Polled
from callcenter.control.center import Control
from callcenter.domain.center import Agent, Center, Channel, Queue
from callcenter.domain.commands import (
    ConfigurationRequested,
    ContactEndReported,
    ContactReported,
    FrontendReported,
    OfferOutcome,
    OfferReported,
    Presence,
    PresenceRequested,
    QueueRequested,
)
from callcenter.domain.events import OfferMade
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    QueueId,
    SegmentId,
)
from callcenter.routing.engine import Engine

SIZES = (
    (100, 100, 10),
    (1_000, 1_000, 200),
    (10_000, 1_000, 200),
    (1_000, 100_000, 200),
    (50_000, 100_000, 2_000),
)
"""Agents, waiting contacts, different needs."""
DECISIONS = 2_000
SCANS = 5
TICKS = 3
POLLED_PAIRS_MAX = 1_000_000
"""A tick is measured up to so many agents times waiting contacts; above, it takes minutes."""
CONTROL_SIZE = SIZES[1]
SKILLS = tuple(f"skill{n}" for n in range(20))
FRONTEND = FrontendId("bench")
_HEAD = """\
CPU microseconds per decision       agent frees        contact waits   one scan one SQL tick   gc pause
agents  waiting  needs             p50      p99      p50      p99        p50          p50     max ms"""
PERCENT = 100

Skills = dict[str, int]


def figures(nanoseconds: list[int]) -> dict[str, float]:
    """p50 and p99 in microseconds."""
    ordered = sorted(nanoseconds)
    return {
        "p50_us": round(ordered[len(ordered) // 2] / 1_000, 1),
        "p99_us": round(ordered[len(ordered) * 99 // PERCENT] / 1_000, 1),
    }


def different(chance: Random, count: int, skills_max: int, level_max: int) -> list[Skills]:
    """`count` different sets of skills with levels."""
    found: dict[tuple[tuple[str, int], ...], Skills] = {}
    while len(found) < count:
        names = sorted(chance.sample(SKILLS, chance.randint(1, skills_max)))
        levels = {name: chance.randint(1, level_max) for name in names}
        found[tuple(levels.items())] = levels
    return list(found.values())


class Floor:
    """Agents who are all busy, contacts that all wait, and the engine that knows both."""

    def __init__(self, agents: int, waiting: int, needs: int, chance: Random) -> None:
        self.engine = Engine()
        self.now: Micros = 0
        self.chance = chance
        self.needs = different(chance, needs, 2, 5)
        profiles = different(chance, min(agents, 200), 8, 10)
        self.agents = {AgentId(f"a{n}"): profiles[n % len(profiles)] for n in range(agents)}
        self.names = list(self.agents)
        self.waiting: dict[ContactId, tuple[int, Skills]] = {}
        for agent, skills in self.agents.items():
            self.engine.seat(agent, skills)
        for _ in range(waiting):
            self.arrive()

    def arrive(self) -> ContactId:
        self.now += 1
        contact = ContactId(f"c{self.now}")
        need = self.chance.choice(self.needs)
        self.waiting[contact] = (self.now, need)
        self.engine.put(contact, Channel.VOICE, need, self.now, self.now)
        return contact

    def agent_frees(self) -> None:
        """An agent comes free, takes the contact whose turn it is, and is busy again."""
        agent = self.chance.choice(self.names)
        self.engine.free(agent, (Channel.VOICE,), self.now)
        contact = self.engine.contact_for(agent)
        if contact is not None:
            self.engine.take(contact)
            del self.waiting[contact]
        self.engine.free(agent, (), self.now)

    def scan_for_agent(self) -> ContactId | None:
        """The same question asked of every waiting contact."""
        skills = self.agents[self.chance.choice(self.names)]
        best: tuple[int, ContactId] | None = None
        for contact, (key, need) in self.waiting.items():
            fits = all(skills.get(skill, 0) >= level for skill, level in need.items())
            if fits and (best is None or (key, contact) < best):
                best = (key, contact)
        return best[1] if best else None

    def polled(self) -> Polled:
        """The same people and contacts in the tables of a dispatcher that polls."""
        return Polled(self.agents, self.needs, self.waiting)


class Pauses:
    """The longest pause of the garbage collector within, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._begun = 0

    def _told(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._begun = perf_counter_ns()
        else:
            self.longest_ms = max(self.longest_ms, (perf_counter_ns() - self._begun) / 1e6)

    def __enter__(self) -> Self:
        gc.callbacks.append(self._told)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._told)


def timed(decide: Callable[[], Any], count: int, between: Callable[[], Any]) -> dict[str, float]:
    """Run `decide` `count` times, `between` untimed after each."""
    spent = []
    for _ in range(count):
        begin = thread_time_ns()
        decide()
        spent.append(thread_time_ns() - begin)
        between()
    return figures(spent)


def timed_ticks(floor: Floor) -> dict[str, float]:
    """An agent comes free, and the dispatcher looks; the same agent, whose call ended, again."""
    polled = floor.polled()
    agent = floor.chance.choice(floor.names)
    polled.free(agent)
    return timed(polled.tick, TICKS, lambda: polled.free(agent))


def compare(agents: int, waiting: int, needs: int, seed: int) -> dict[str, Any]:
    """One size: the engine's two questions, the scan, and where it ends in time the SQL tick."""
    floor = Floor(agents, waiting, needs, Random(seed))
    with Pauses() as pauses:
        freed = timed(floor.agent_frees, DECISIONS, floor.arrive)
    scan = timed(floor.scan_for_agent, SCANS, lambda: None)
    tick = timed_ticks(floor) if agents * waiting <= POLLED_PAIRS_MAX else None
    arrived = timed(floor.arrive, DECISIONS, lambda: None)
    return {
        "agents": agents,
        "waiting": waiting,
        "needs": needs,
        "agent_frees": freed,
        "contact_waits": arrived,
        "scan_of_waiting": scan,
        "sql_tick": tick,
        "gc_pause_max_ms": round(pauses.longest_ms, 1),
    }


class Center1000:
    """The whole control center at work, every agent talking and a backlog waiting."""

    def __init__(self, agents: int, waiting: int, needs: int, chance: Random) -> None:
        self.control = Control(epoch=1)
        self.now: Micros = 1_800_000_000 * SECOND
        self.count = 0
        self.needs = different(chance, needs, 2, 5)
        self.chance = chance
        people = different(chance, 200, 8, 10)
        names = [AgentId(f"a{n}") for n in range(agents)]
        line = Queue(id=QueueId("line"), title="Line", waiting_max=1_000_000, wrap_up_seconds=0)
        center = Center(
            skills=SKILLS,
            queues=(line,),
            agents=tuple(
                Agent(id=name, name=name, skills=people[n % 200]) for n, name in enumerate(names)
            ),
        )
        self.react(ConfigurationRequested(center=center, version="1", by="bench"))
        self.react(FrontendReported(frontend=FRONTEND, epoch=1, agents=tuple(names)))
        for name in names:
            self.react(PresenceRequested(agent=name, presence=Presence.READY))
        self.talking: list[ContactId] = []
        while len(self.control.state.contacts) - len(self.talking) < waiting:
            self.arrive()

    def react(self, command: Any) -> list[Any]:
        self.now += 1
        return self.control.react(command, self.now)

    def arrive(self) -> None:
        self.count += 1
        contact = ContactId(f"c{self.count}")
        self.react(
            ContactReported(
                contact=contact, channel=Channel.VOICE, frontend=FRONTEND, dialled="100"
            )
        )
        need = self.chance.choice(self.needs)
        self.accept(self.react(QueueRequested(contact=contact, queue=QueueId("line"), skills=need)))

    def accept(self, events: list[Any]) -> None:
        for offer in [event for event in events if isinstance(event, OfferMade)]:
            self.talking.append(offer.contact)
            self.react(
                OfferReported(
                    offer=offer.offer,
                    contact=offer.contact,
                    agent=offer.agent,
                    outcome=OfferOutcome.ACCEPTED,
                    segment=SegmentId(f"s{offer.offer}"),
                )
            )

    def hang_up(self) -> None:
        """A call ends: its segment, the agent's presence, and the next offer are decided."""
        contact = self.talking.pop(self.chance.randrange(len(self.talking)))
        termination = ended(Reason.CALLER_HUNG_UP)
        self.offered = self.react(ContactEndReported(contact=contact, termination=termination))

    def follow(self) -> None:
        self.accept(self.offered)
        self.arrive()


def whole_control(seed: int) -> dict[str, Any]:
    """All of control, events and journal values included: a hang-up to the next offer."""
    agents, waiting, needs = CONTROL_SIZE
    floor = Center1000(agents, waiting, needs, Random(seed))
    freed = timed(floor.hang_up, DECISIONS, floor.follow)
    return {"agents": agents, "waiting": waiting, "needs": needs, "hang_up_to_offer": freed}


def main(json: bool = False, *, seed: int = 1) -> dict[str, Any]:
    """Return the figures, and print them as a table unless they are wanted as JSON."""
    rows = [compare(*size, seed) for size in SIZES]
    control = whole_control(seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {"bench": "route", "sizes": rows, "control": control, "memory_max_mb": memory}
    if json:
        return result
    out = [_HEAD]
    for row in rows:
        freed, came, scan = row["agent_frees"], row["contact_waits"], row["scan_of_waiting"]
        tick = f"{row['sql_tick']['p50_us']:.1f}" if row["sql_tick"] else "-"
        out.append(
            f"{row['agents']:>6} {row['waiting']:>8} {row['needs']:>6}      "
            f"{freed['p50_us']:>9.1f}{freed['p99_us']:>9.1f}"
            f"{came['p50_us']:>9.1f}{came['p99_us']:>9.1f}{scan['p50_us']:>11.1f}{tick:>13}"
            f"{row['gc_pause_max_ms']:>11.1f}"
        )
    whole = control["hang_up_to_offer"]
    out.append(
        f"whole control, hang-up to next offer, {control['agents']} x {control['waiting']} x "
        f"{control['needs']}: p50 {whole['p50_us']} p99 {whole['p99_us']}"
    )
    out.append(f"largest memory of this process: {memory} MB")
    sys.stdout.write("\n".join(out) + "\n")
    return result
