"""How long does all of control take from a hang-up to the next offer, in a small and a huge center?

Everybody talks and a backlog waits. Every contact has the timers of a plan (two rings and the
longest wait), every queue keeps people in reserve, and what comes out are the events of the
journal, from which each decision is explained. Beside the decision stand what one step of a plan
costs when its time has come, and how long one explanation of a waiting contact takes.

Why: an engine that is quick alone says little about the turn around it. Each size has a process of
its own, so that its memory is its own. Figures are CPU microseconds of one thread.
"""

import multiprocessing
import resource
import sys
from random import Random
from time import thread_time_ns
from typing import Any

from callcenter.app.bench.measure import DECISIONS, SKILLS, Pauses, different, figures, timed
from callcenter.control.center import Control
from callcenter.control.why import Lens
from callcenter.domain.center import Agent, Center, Channel, Plan, PlanStep, Queue
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

SIZES = ((1_000, 1_000, 200), (50_000, 100_000, 2_000))
"""Agents, waiting contacts, different needs."""
PROFILES_MAX = 2_000
"""So many different sets of skills do agents have at most."""
EXPLANATIONS = 1
FRONTEND = FrontendId("bench")
LINE, VIP = QueueId("line"), QueueId("vip")
VIP_EVERY = 10
"""One contact of so many comes to the queue that people are kept for."""
STEP_SECONDS = 600
"""Contacts that come while the figures are taken are not so old before the end."""
PLAN = Plan(
    steps=(
        PlanStep(after_seconds=STEP_SECONDS, raise_priority=1),
        PlanStep(after_seconds=2 * STEP_SECONDS, drop=(SKILLS[0],)),
    )
)


class Busy:
    """The whole control center at work, every agent talking and a backlog waiting."""

    def __init__(self, agents: int, waiting: int, needs: int, chance: Random) -> None:
        self.control = Control(epoch=1)
        self.now: Micros = 1_800_000_000 * SECOND
        self.count = 0
        self.needs = different(chance, needs, 2, 5)
        self.chance = chance
        self.offered: list[Any] = []
        self.talking: list[ContactId] = []
        people = different(chance, min(agents, PROFILES_MAX), 8, 10)
        names = [AgentId(f"a{n}") for n in range(agents)]
        self.react(
            ConfigurationRequested(
                center=Center(
                    skills=SKILLS,
                    queues=(a_queue(LINE), a_queue(VIP, reserve=5, skills={SKILLS[1]: 5})),
                    agents=tuple(
                        Agent(id=name, name=name, skills=people[n % len(people)])
                        for n, name in enumerate(names)
                    ),
                ),
                version="1",
                by="bench",
            )
        )
        self.react(FrontendReported(frontend=FRONTEND, epoch=1, agents=tuple(names)))
        for name in names:
            self.react(PresenceRequested(agent=name, presence=Presence.READY))
        while len(self.control.state.contacts) - len(self.talking) < waiting:
            self.arrive()

    def react(self, command: Any) -> list[Any]:
        self.now += 1
        return self.control.react(command, self.now)

    def arrive(self) -> ContactId:
        self.count += 1
        contact = ContactId(f"c{self.count}")
        self.react(
            ContactReported(
                contact=contact, channel=Channel.VOICE, frontend=FRONTEND, dialled="100"
            )
        )
        need = self.chance.choice(self.needs)
        queue = VIP if self.count % VIP_EVERY == 0 else LINE
        self.accept(self.react(QueueRequested(contact=contact, queue=queue, skills=need)))
        return contact

    def accept(self, events: list[Any]) -> None:
        """Every phone that rings is answered at once."""
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
        """Whom the freed agent was offered talks; another comes."""
        self.accept(self.offered)
        self.arrive()

    def step(self) -> int:
        """The time of the next step of a plan has come: nanoseconds of CPU."""
        due = self.control.deadline
        assert due is not None, "everybody who waits has a plan"
        self.now = max(self.now, due)
        begin = thread_time_ns()
        self.control.tick(self.now)
        return thread_time_ns() - begin

    def explain(self) -> None:
        """Why does somebody still wait? Asked of a copy in a process of its own, in real life."""
        waiting = self.arrive()
        Lens(self.control.world, self.now).waiting(self.control.state.contacts[waiting])


def a_queue(name: QueueId, *, reserve: int = 0, skills: dict[str, int] | None = None) -> Queue:
    """One that never refuses for its length."""
    return Queue(
        id=name, title=name.title(), skills=skills or {}, waiting_max=1_000_000,
        wrap_up_seconds=0, wait_seconds_max=7200, plan=PLAN, reserve=reserve,
    )  # fmt: skip


def measure(size: tuple[int, int, int], seed: int) -> dict[str, Any]:
    """One size, in this process."""
    agents, waiting, needs = size
    floor = Busy(agents, waiting, needs, Random(seed))
    with Pauses() as pauses:
        freed = timed(floor.hang_up, DECISIONS, floor.follow)
    steps = figures([floor.step() for _ in range(min(DECISIONS, waiting))])
    explained = timed(floor.explain, EXPLANATIONS, lambda: None)
    return {
        "agents": agents,
        "waiting": waiting,
        "needs": needs,
        "hang_up_to_offer": freed,
        "plan_step": steps,
        "explanation_p50_ms": round(explained["p50_us"] / 1_000, 1),
        "gc_pause_max_ms": round(pauses.longest_ms, 1),
        "memory_max_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def whole_control(seed: int) -> list[dict[str, Any]]:
    """All sizes, each in a fresh process."""
    rows = []
    for size in SIZES:
        sys.stderr.write(f"whole control, {size[0]} agents, {size[1]} waiting …\n")
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            rows.append(alone.apply(measure, (size, seed)))
    return rows
