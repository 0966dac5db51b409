"""Queueing theory as the oracle: the shipped control center answers as the exact formulas say."""

from __future__ import annotations

import csv
from heapq import heappop, heappush
from math import sqrt
from pathlib import Path
from random import Random
from statistics import fmean, stdev

import pytest

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
BATCHES = 20
PER_BATCH = 140
WARM_UP = 400
T_95 = 2.093
"""Student's t for 20 batches."""
MEASURES = ("P_wait", "ASA", "SL_20s", "P_abandon", "occupancy")
F = FrontendId("f1")
LINE = QueueId("line")


class Traffic:
    """Poisson arrivals, exponential handle times and patience, through `Control`."""

    def __init__(self, row: dict[str, float], seed: int) -> None:
        self.row = row
        self.chance = Random(seed)
        self.control = Control(epoch=1)
        self.agents = int(row["n"])
        self.now: Micros = 1_800_000_000 * SECOND
        self.agenda: list[tuple[Micros, int, str, ContactId]] = []
        self.count = 0
        self.waits: dict[ContactId, float | None] = {}
        """Seconds until answered; None when abandoned."""
        self.arrived: dict[ContactId, Micros] = {}
        self.talk: list[tuple[Micros, Micros]] = []
        self.open()

    def open(self) -> None:
        names = [AgentId(f"a{n}") for n in range(self.agents)]
        line = Queue(
            id=LINE, title="Line", wrap_up_seconds=0, wait_seconds_max=2_592_000, waiting_max=10**6
        )
        center = Center(queues=(line,), agents=tuple(Agent(id=n, name=n) for n in names))
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

    def answer(self, offer: e.OfferMade) -> None:
        self.waits[offer.contact] = offer.waited / SECOND
        until = self.after(self.row["mu"])
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
        self.react(
            c.ContactReported(contact=contact, channel=Channel.VOICE, frontend=F, dialled="1")
        )
        self.react(c.QueueRequested(contact=contact, queue=LINE))
        if self.row["theta"] and contact not in self.waits:
            self.plan(self.after(self.row["theta"]), "patience", contact)

    def end(self, contact: ContactId, reason: Reason) -> None:
        self.react(c.ContactEndReported(contact=contact, termination=ended(reason)))

    def run(self, contacts: int) -> None:
        """Until `contacts` have arrived and all of them were answered or gave up."""
        self.plan(self.now, "arrives", ContactId("c1"))
        while self.agenda:
            self.now, _, what, contact = heappop(self.agenda)
            if what == "arrives":
                if len(self.arrived) + 1 < contacts:
                    following = ContactId(f"c{len(self.arrived) + 2}")
                    self.plan(self.after(self.row["lambda"]), "arrives", following)
                self.arrive(contact)
            elif what == "served":
                self.end(contact, Reason.CALLER_HUNG_UP)
            elif contact not in self.waits:
                self.waits[contact] = None
                self.end(contact, Reason.CALLER_LEFT_IN_QUEUE)


def busy_share(traffic: Traffic, start: Micros, stop: Micros) -> float:
    """What part of the agents' time between `start` and `stop` was talk."""
    spans = (max(0, min(b, stop) - max(a, start)) for a, b in traffic.talk)
    return sum(spans) / ((stop - start) * traffic.agents)


def measure(traffic: Traffic, contacts: list[ContactId]) -> dict[str, float]:
    """The measures of one batch of contacts."""
    waits = [traffic.waits[contact] for contact in contacts]
    answered = [wait for wait in waits if wait is not None]
    start, stop = traffic.arrived[contacts[0]], traffic.arrived[contacts[-1]]
    return {
        "P_wait": sum(wait is None or wait > 0 for wait in waits) / len(waits),
        "ASA": fmean(answered),
        "SL_20s": sum(wait <= 20 for wait in answered) / len(waits),
        "P_abandon": 1 - len(answered) / len(waits),
        "occupancy": busy_share(traffic, start, stop),
    }


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: "lambda{lambda:g}-mu{mu:g}-n{n:g}-theta{theta:g}".format(**row)
)
def test_waits_and_losses_are_those_of_the_exact_formulas(row: dict[str, float]) -> None:
    traffic = Traffic(row, seed=2026)
    traffic.run(WARM_UP + BATCHES * PER_BATCH)
    names = [ContactId(f"c{n}") for n in range(WARM_UP + 1, WARM_UP + BATCHES * PER_BATCH + 1)]
    batches = [measure(traffic, names[n : n + PER_BATCH]) for n in range(0, len(names), PER_BATCH)]
    assert traffic.control.state.contacts == {}, "everybody was served or gave up"
    for name in MEASURES:
        values = [batch[name] for batch in batches]
        ci95 = T_95 * stdev(values) / sqrt(BATCHES)
        off = abs(fmean(values) - row[name])
        assert off <= 1.5 * ci95 + 1e-9, f"{name}: {fmean(values):.4f} for {row[name]:.4f}"
