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

import resource
import sys
from random import Random
from typing import Any

from callcenter.app.bench.measure import (
    DECISIONS,
    Pauses,
    Skills,
    different,
    timed,
)
from callcenter.app.bench.polled import Polled
from callcenter.app.bench.whole import whole_control
from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, Micros
from callcenter.routing.engine import Engine

SIZES = (
    (100, 100, 10),
    (1_000, 1_000, 200),
    (10_000, 1_000, 200),
    (1_000, 100_000, 200),
    (50_000, 100_000, 2_000),
)
"""Agents, waiting contacts, different needs."""
SCANS = 5
TICKS = 3
POLLED_PAIRS_MAX = 1_000_000
"""A tick is measured up to so many agents times waiting contacts; above, it takes minutes."""
_HEAD = """\
CPU microseconds per decision       agent frees        contact waits   one scan one SQL tick   gc pause
agents  waiting  needs             p50      p99      p50      p99        p50          p50     max ms"""
_CONTROL_HEAD = """\
whole control (CPU us)      hang-up to offer    step of a plan  explain one  gc pause     memory
agents  waiting  needs             p50      p99      p50      p99     p50 ms     max ms         MB"""


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


def main(json: bool = False, *, seed: int = 1) -> dict[str, Any]:
    """Return the figures, and print them as a table unless they are wanted as JSON."""
    rows = [compare(*size, seed) for size in SIZES]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    control = whole_control(seed)
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
    out += [f"largest memory of this process: {memory} MB", "", _CONTROL_HEAD]
    for row in control:
        offer, step = row["hang_up_to_offer"], row["plan_step"]
        out.append(
            f"{row['agents']:>6} {row['waiting']:>8} {row['needs']:>6}      "
            f"{offer['p50_us']:>9.1f}{offer['p99_us']:>9.1f}"
            f"{step['p50_us']:>9.1f}{step['p99_us']:>9.1f}{row['explanation_p50_ms']:>11.1f}"
            f"{row['gc_pause_max_ms']:>11.1f}{row['memory_max_mb']:>11}"
        )
    sys.stdout.write("\n".join(out) + "\n")
    return result
