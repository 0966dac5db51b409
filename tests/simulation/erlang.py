"""The shipped control center beside queueing theory: `python -m tests.simulation.erlang`.

Poisson arrivals, exponential handle times and patience go through `Control`, command by command as
a front end would send them; nothing here decides who gets whom. Three proofs:

- **One line.** Every measure of every row of `tests/golden/erlang/erlang.csv` (1 to 500 agents, with
  patience and without) lies within 1.5 times the 95 % confidence interval of the exact value.
- **All skills.** Six kinds of contacts and 90 agents who can do all six are M/M/90/30.
- **Two skills.** Two skills for each agent close at least 95 % of the gap between one and six, in
  waits and in refusals, at light and normal load. Under heavy load the figures are printed only:
  there all wait, and what is left is the exact line's own wait.

Each figure is the mean over replications with the seeds 1, 2, … n; the interval is Student's over
them. No seed is chosen: which are run follows from their number alone.

Why: a simulation of a model proves the model. What is run here is what decides in the field.
Sources: Erlang C and A by the table's README; M/M/c/K in closed form below; the two skills after
Wallace and Whitt, "A staffing algorithm for call centers with skill-based routing" (2005).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from heapq import heappop, heappush
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import NamedTuple, TypeVar

from callcenter.control.center import Control
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Channel, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    HOUR,
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    QueueId,
    SegmentId,
)

TABLE = Path(__file__).parents[1] / "golden" / "erlang" / "erlang.csv"
ROWS = [
    {name: float(value) for name, value in row.items() if value}
    for row in csv.DictReader(TABLE.open(encoding="utf-8"))
]
MEASURES = ("P_wait", "ASA", "SL_20s", "P_abandon", "occupancy")
F = FrontendId("f1")
LINE = QueueId("line")
MONTH_SECONDS = 2_592_000
WIDTH = 1.5
"""How many half-widths of the 95 % confidence interval a figure may be off."""
T_95 = {5: 2.776, 10: 2.262, 20: 2.093, 40: 2.023}
"""Student's t (two-sided, 95 %) by the number of replications."""

KINDS = tuple(f"skill{n}" for n in range(6))
STAFF = 90
PLACES = 30
HANDLE_SECONDS = 600.0
LOADS = (77.4, 84.0, 90.0)
"""Light, normal and heavy, in erlangs."""
CLOSED_MIN = 0.95
WORKERS = 2


class Shape(NamedTuple):
    """A center and what comes to it. Rates are per hour; `patience` 0 waits for ever."""

    arrivals: float
    handled: float
    patience: float
    staff: tuple[dict[str, int], ...]
    """Each agent's skills."""
    kinds: tuple[dict[str, int], ...] = ({},)
    """What contacts need; each contact is of one kind, all alike likely."""
    places: int = 10**6


def shape_of(row: dict[str, float]) -> Shape:
    """The one line that a row of the table is about."""
    return Shape(row["lambda"], row["mu"], row["theta"], ({},) * int(row["n"]))


class Traffic:
    """Arrivals, handle times and patience of one seed, through `Control`."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape = shape
        self.chance = Random(seed)
        self.control = Control(epoch=1)
        self.now: Micros = 1_800_000_000 * SECOND
        self.agenda: list[tuple[Micros, int, str, ContactId]] = []
        self.count = 0
        self.waits: dict[ContactId, float | None] = {}
        """Seconds until answered; None when abandoned or refused."""
        self.refused: set[ContactId] = set()
        self.arrived: dict[ContactId, Micros] = {}
        self.talk: list[tuple[Micros, Micros]] = []
        self.open()

    def open(self) -> None:
        """A center in which everybody is ready."""
        names = [AgentId(f"a{n}") for n in range(len(self.shape.staff))]
        line = Queue(
            id=LINE,
            title="Line",
            wrap_up_seconds=0,
            wait_seconds_max=MONTH_SECONDS,
            waiting_max=self.shape.places,
        )
        agents = zip(names, self.shape.staff, strict=True)
        center = Center(
            skills=tuple({skill: 1 for kind in self.shape.kinds for skill in kind}),
            queues=(line,),
            agents=tuple(Agent(id=n, name=n, skills=skills) for n, skills in agents),
        )
        self.react(c.ConfigurationRequested(center=center, version="1", by="erlang"))
        self.react(c.FrontendReported(frontend=F, epoch=1, agents=tuple(names)))
        for name in names:
            self.react(c.PresenceRequested(agent=name, presence=Presence.READY))

    def after(self, rate_per_hour: float) -> Micros:
        return self.now + max(1, round(self.chance.expovariate(rate_per_hour) * HOUR))

    def plan(self, when: Micros, what: str, contact: ContactId) -> None:
        self.count += 1
        heappush(self.agenda, (when, self.count, what, contact))

    def react(self, command: c.Command) -> None:
        for event in self.control.react(command, self.now):
            if isinstance(event, e.OfferMade):
                self.answer(event)
            elif isinstance(event, e.QueueRefused):
                self.waits[event.contact] = None
                self.refused.add(event.contact)
                self.end(event.contact, Reason.FLOW_HUNG_UP)

    def answer(self, offer: e.OfferMade) -> None:
        self.waits[offer.contact] = offer.waited / SECOND
        until = self.after(self.shape.handled)
        self.talk.append((self.now, until))
        self.plan(until, "served", offer.contact)
        self.react(
            c.OfferReported(
                offer=offer.offer,
                contact=offer.contact,
                agent=offer.agent,
                outcome=OfferOutcome.ACCEPTED,
                segment=SegmentId(f"s{offer.offer}"),
            )
        )

    def arrive(self, contact: ContactId) -> None:
        self.arrived[contact] = self.now
        kind = self.chance.choice(self.shape.kinds)
        self.react(
            c.ContactReported(contact=contact, channel=Channel.VOICE, frontend=F, dialled="1")
        )
        self.react(c.QueueRequested(contact=contact, queue=LINE, skills=kind))
        if self.shape.patience and contact not in self.waits:
            self.plan(self.after(self.shape.patience), "patience", contact)

    def end(self, contact: ContactId, reason: Reason) -> None:
        self.react(c.ContactEndReported(contact=contact, termination=ended(reason)))

    def run(self, contacts: int) -> None:
        """Until `contacts` have arrived and all of them were answered, gave up or were refused."""
        self.plan(self.now, "arrives", ContactId("c1"))
        while self.agenda:
            self.now, _, what, contact = heappop(self.agenda)
            if what == "arrives":
                if len(self.arrived) + 1 < contacts:
                    following = ContactId(f"c{len(self.arrived) + 2}")
                    self.plan(self.after(self.shape.arrivals), "arrives", following)
                self.arrive(contact)
            elif what == "served":
                self.end(contact, Reason.CALLER_HUNG_UP)
            elif contact not in self.waits:
                self.waits[contact] = None
                self.end(contact, Reason.CALLER_LEFT_IN_QUEUE)
        assert self.control.state.contacts == {}, "somebody was neither served nor gave up"


def warm_up(shape: Shape) -> int:
    """Contacts until an empty center is as busy as it will be: five times the slower of the mean
    handle time and the mean patience; without patience what the busiest line needs."""
    staff = len(shape.staff)
    if not shape.patience and shape.places > staff:
        return 1000 + 20 * staff
    slowest = min(shape.handled, shape.patience or shape.handled)
    return 100 + round(5 * shape.arrivals / slowest)


def measured(shape: Shape, seed: int, contacts: int) -> dict[str, float]:
    """The measures of one replication, of `contacts` contacts after the warm-up."""
    before = warm_up(shape)
    traffic = Traffic(shape, seed)
    traffic.run(before + contacts)
    names = [ContactId(f"c{n}") for n in range(before + 1, before + contacts + 1)]
    taken = [traffic.waits[name] for name in names if name not in traffic.refused]
    answered = [wait for wait in taken if wait is not None]
    start, stop = traffic.arrived[names[0]], traffic.arrived[names[-1]]
    spans = (max(0, min(b, stop) - max(a, start)) for a, b in traffic.talk)
    return {
        "P_wait": sum(wait is None or wait > 0 for wait in taken) / len(taken),
        "ASA": fmean(answered),
        "SL_20s": sum(wait <= 20 for wait in answered) / len(taken),
        "P_abandon": 1 - len(answered) / len(taken),
        "P_block": 1 - len(taken) / len(names),
        "occupancy": sum(spans) / ((stop - start) * len(shape.staff)),
    }


class Finding(NamedTuple):
    """One measure beside its exact value."""

    case: str
    measure: str
    exact: float
    mean: float
    ci95: float

    @property
    def off(self) -> float:
        """How far off, in half-widths of the interval."""
        distance = abs(self.mean - self.exact)
        return distance / self.ci95 if self.ci95 else distance * 1e9

    @property
    def holds(self) -> bool:
        return self.off <= WIDTH


def compared(case: str, exact: dict[str, float], seen: Sequence[dict[str, float]]) -> list[Finding]:
    """The measures that `exact` has, beside the means of the replications."""
    findings = []
    for measure, value in exact.items():
        values = [one[measure] for one in seen]
        ci95 = T_95[len(values)] * stdev(values) / sqrt(len(values))
        findings.append(Finding(case, measure, value, fmean(values), ci95))
    return findings


def exact_of(row: dict[str, float]) -> dict[str, float]:
    """What the table knows: nobody is lost where all wait for ever."""
    return {name: row[name] for name in MEASURES if row["theta"] or name != "P_abandon"}


def name_of(row: dict[str, float]) -> str:
    """Agents, load and patience in one word."""
    load = row["lambda"] / row["mu"] / row["n"]
    patience = f"patience{3600 / row['theta']:g}s" if row["theta"] else "patient"
    return f"n{row['n']:g}-load{load:g}-aht{3600 / row['mu']:g}s-{patience}"


def limited_line(load: float, staff: int, places: int) -> dict[str, float]:
    """M/M/c/K: the share that is refused, and the mean wait of those who are not."""
    weights = [1.0]
    for busy in range(1, staff + places + 1):
        weights.append(weights[-1] * load / min(busy, staff))
    total = sum(weights)
    refused = weights[-1] / total
    queue = sum((n - staff) * weight for n, weight in enumerate(weights) if n > staff) / total
    per_second = load / HANDLE_SECONDS * (1 - refused)
    return {"P_block": refused, "ASA": queue / per_second}


def skilled(load: float, skills_each: int) -> Shape:
    """90 agents with so many of the six skills each, evenly dealt: the first of every agent goes
    round, the others go round over those who share the first."""
    staff = []
    for number in range(STAFF):
        first, round_ = number % len(KINDS), number // len(KINDS)
        others = [KINDS[(first + 1 + (round_ + n) % 5) % 6] for n in range(skills_each - 1)]
        staff.append(dict.fromkeys([KINDS[first], *others], 1))
    return Shape(
        arrivals=load * 3600 / HANDLE_SECONDS,
        handled=3600 / HANDLE_SECONDS,
        patience=0,
        staff=tuple(staff),
        kinds=tuple({kind: 1} for kind in KINDS),
        places=PLACES,
    )


class Gap(NamedTuple):
    """What one, two and six skills for each agent make of one measure."""

    load: float
    measure: str
    one: float
    two: float
    six: float

    @property
    def closed(self) -> float:
        """The part of the gap between one and six that two close."""
        return (self.one - self.two) / (self.one - self.six)


def proven(findings: Sequence[Finding], gaps: Sequence[Gap]) -> bool:
    """Is every measure inside, and every gap closed that should be?"""
    closed = all(gap.closed >= CLOSED_MIN for gap in gaps if gap.load < LOADS[-1])
    return closed and all(finding.holds for finding in findings)


Job = tuple[Shape, int, int]
Run = Callable[[Iterable[Job]], "list[dict[str, float]]"]
T = TypeVar("T")


def one_after_another(jobs: Iterable[Job]) -> list[dict[str, float]]:
    """Here and now."""
    return [measured(*job) for job in jobs]


def grouped(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[n : n + size] for n in range(0, len(values), size)]


def lines(rows: Sequence[dict[str, float]], seeds: int, contacts: int, run: Run) -> list[Finding]:
    """The first proof."""
    jobs = [(shape_of(row), seed, contacts) for row in rows for seed in range(1, seeds + 1)]
    seen = grouped(run(jobs), seeds)
    pairs = zip(rows, seen, strict=True)
    return [f for row, each in pairs for f in compared(name_of(row), exact_of(row), each)]


def crossed(
    loads: Sequence[float], seeds: int, contacts: int, run: Run
) -> tuple[list[Finding], list[Gap]]:
    """The second and third proof."""
    cases = [(load, each) for load in loads for each in (1, 2, len(KINDS))]
    jobs = [(skilled(*case), seed, contacts) for case in cases for seed in range(1, seeds + 1)]
    seen = dict(zip(cases, grouped(run(jobs), seeds), strict=True))
    findings, gaps = [], []
    for load in loads:
        exact = limited_line(load, STAFF, PLACES)
        findings += compared(f"all-skills-{load:g}erl", exact, seen[load, 6])
        for measure in exact:
            one, two, six = (fmean(r[measure] for r in seen[load, k]) for k in (1, 2, 6))
            gaps.append(Gap(load, measure, one, two, six))
    return findings, gaps


def told(findings: Sequence[Finding], gaps: Sequence[Gap]) -> str:
    """The tables."""
    out = [f"{'case':34} {'measure':10} {'exact':>10} {'here':>10} {'ci95':>9}  off/ci95"]
    out += [
        f"{f.case:34} {f.measure:10} {f.exact:10.5f} {f.mean:10.5f} {f.ci95:9.5f}  {f.off:5.2f}"
        f"{'' if f.holds else '  OUTSIDE'}"
        for f in findings
    ]
    inside = sum(f.holds for f in findings)
    out.append(f"{inside} of {len(findings)} measures within {WIDTH} x CI95 of the exact value\n")
    out.append("skills of each agent:   load  measure        one        two        six  gap closed")
    out += [
        f"{'':22}{g.load:6g}  {g.measure:8}{g.one:11.5f}{g.two:11.5f}{g.six:11.5f}{g.closed:12.1%}"
        for g in gaps
    ]
    return "\n".join(out) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print everything; exits with 1 when a measure lies outside, or a gap stays open."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.erlang")
    parser.add_argument("--seeds", type=int, choices=sorted(T_95), default=20)
    parser.add_argument("--contacts", type=int, default=8000, help="measured, for each seed")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:

        def run(jobs: Iterable[Job]) -> list[dict[str, float]]:
            return list(pool.map(measured, *zip(*jobs, strict=True)))

        findings = lines(ROWS, asked.seeds, asked.contacts, run)
        skills, gaps = crossed(LOADS, asked.seeds, asked.contacts, run)
    findings += skills
    if asked.json:
        table = [{**f._asdict(), "off": f.off} for f in findings]
        closed = [{**g._asdict(), "closed": g.closed} for g in gaps]
        sys.stdout.write(json.dumps({"measures": table, "skills": closed}) + "\n")
    else:
        sys.stdout.write(told(findings, gaps))
    return 0 if proven(findings, gaps) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
