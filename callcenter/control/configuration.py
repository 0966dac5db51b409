"""A new configuration: checked as a whole, then taken as a whole.

Why: a wrong center never replaces a good one, and a good one never disturbs who is talking. Live
agents keep what they are doing, removed agents finish it, removed queues keep their callers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callcenter.agents.presence import REMOVED, SYSTEM_REASONS
from callcenter.control.people import answer
from callcenter.control.plan_check import certificate_warnings, plan_problems, plan_warnings
from callcenter.control.turn import Turn
from callcenter.domain.center import (
    PRIORITY_MAX,
    PROFICIENCY_MAX,
    Agent,
    AgentChoice,
    Calendar,
    Center,
    Channel,
    Queue,
)
from callcenter.domain.commands import ConfigurationRequested, Presence
from callcenter.domain.events import ConfigurationChanged, NextPresenceSet
from callcenter.domain.skills import Qualification
from callcenter.domain.units import AgentId

PROBLEMS_SHOWN_MAX = 5
CAPACITY_MAX = 100
PERCENT = 100
MINUTES_OF_DAY = 24 * 60
QUEUE_LIMITS: dict[str, tuple[int, int]] = {
    "priority": (0, PRIORITY_MAX),
    "ageing_seconds": (0, 86_400),
    "target_seconds": (1, 604_800),
    "target_percent": (1, 100),
    "short_abandon_seconds": (0, 3_600),
    "wait_seconds_max": (1, 2_592_000),
    "waiting_max": (1, 1_000_000),
    "ring_seconds": (1, 300),
    "wrap_up_seconds": (0, 3_600),
    "language_level": (0, PROFICIENCY_MAX),
    "ring_width": (1, 50),
    "reserve": (0, 10_000),
    "declines_max": (0, 100),
    "preview_seconds": (0, 300),
}
"""Least and greatest value of each number in a queue."""


def on_configuration(turn: Turn, command: ConfigurationRequested) -> None:
    """Take the new center, or say what is wrong with it and keep the old one."""
    problems = problems_of(command.center, turn.state.people)
    if problems:
        more = len(problems) - PROBLEMS_SHOWN_MAX
        words = "; ".join(problems[:PROBLEMS_SHOWN_MAX])
        answer(turn, command.request, words + (f"; and {more} more" if more > 0 else ""))
        return
    turn.emit(
        ConfigurationChanged(
            at=turn.now, center=command.center, version=command.version, by=command.by
        )
    )
    send_home(turn)
    for agent in turn.state.agents:
        turn.touch(agent)
    answer(turn, command.request, warnings=warnings_of(command.center, turn.state.people))


def send_home(turn: Turn) -> None:
    """Log out who was removed: now, or after the work in hand."""
    for agent in [a for a in turn.state.agents.values() if a.retired]:
        if not agent.at_work:
            turn.change_presence(agent, Presence.LOGGED_OUT, REMOVED)
        elif agent.next is not Presence.LOGGED_OUT:
            turn.emit(
                NextPresenceSet(
                    at=turn.now, agent=agent.id, presence=Presence.LOGGED_OUT, reason=REMOVED
                )
            )


def warnings_of(
    center: Center, people: Mapping[AgentId, Qualification] | None = None
) -> tuple[str, ...]:
    """What may be taken but should be looked at, in words."""
    found = plan_warnings(center, people or {}) + certificate_warnings(center, people)
    return tuple(found[:PROBLEMS_SHOWN_MAX])


def problems_of(center: Center, people: Mapping[AgentId, Qualification] | None = None) -> list[str]:
    """Everything wrong with a center, in words; empty when it may be taken.

    `people` is what the journal knows of their skills: only with it can be told whether a plan is
    one that nobody can ever be served by.
    """
    problems = [f"center: {p}" for p in zone_problems(center.timezone)]
    problems += repeated("skill", center.skills)
    problems += repeated("queue", (queue.id for queue in center.queues))
    problems += repeated("agent", (agent.id for agent in center.agents))
    problems += repeated("calendar", (calendar.name for calendar in center.calendars))
    problems += repeated("number", (number.number for number in center.numbers))
    skills = set(center.skills)
    calendars = {calendar.name for calendar in center.calendars}
    for queue in center.queues:
        problems += [f"queue {queue.id}: {p}" for p in queue_problems(queue, skills, calendars)]
    for agent in center.agents:
        problems += [f"agent {agent.id}: {p}" for p in agent_problems(agent, skills)]
    for calendar in center.calendars:
        problems += [f"calendar {calendar.name}: {p}" for p in calendar_problems(calendar)]
    problems += center_problems(center, skills)
    problems += plan_problems(center, people)
    for reason in center.reasons:
        if not reason or reason in SYSTEM_REASONS:
            problems.append(f"reason {reason!r}: is empty or used by the system itself")
    return problems


def center_problems(center: Center, skills: set[str]) -> list[str]:
    """What stands in the center itself: certified skills and capacity."""
    problems = [f"certified: skill {s!r} is not known" for s in center.certified if s not in skills]
    return problems + [f"center: {p}" for p in capacity_problems(center.capacity)]


def capacity_problems(capacity: Mapping[Channel, int]) -> list[str]:
    return [
        f"capacity for {Channel(channel)}: {value} is "
        + ("negative" if value < 0 else f"more than {CAPACITY_MAX}")
        for channel, value in capacity.items()
        if not 0 <= value <= CAPACITY_MAX
    ]


def repeated(kind: str, names: Iterable[str]) -> list[str]:
    counts = Counter(names)
    problems = [f"{kind} {name}: is there {n} times" for name, n in counts.items() if n > 1]
    return problems + ([f"{kind}: a name is empty"] if "" in counts else [])


def zone_problems(name: str) -> list[str]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [f"time zone {name!r} is not known"]
    return []


def skill_problems(skills: Mapping[str, int], known: set[str]) -> list[str]:
    problems = [f"skill {skill!r} is not known" for skill in skills if skill not in known]
    return problems + [
        f"skill {skill!r}: proficiency {level} is not within 1 to {PROFICIENCY_MAX}"
        for skill, level in skills.items()
        if not 1 <= level <= PROFICIENCY_MAX
    ]


def queue_problems(queue: Queue, skills: set[str], calendars: set[str]) -> list[str]:
    problems = skill_problems(queue.skills, skills) + zone_problems(queue.timezone)
    for name, (least, greatest) in QUEUE_LIMITS.items():
        value: int = getattr(queue, name)
        if not least <= value <= greatest:
            problems.append(f"{name} {value} is not within {least} to {greatest}")
    if queue.calendar and queue.calendar not in calendars:
        problems.append(f"calendar {queue.calendar!r} is not known")
    if queue.preview_seconds and queue.agent_choice is AgentChoice.RING_ALL:
        problems.append("preview_seconds: with ring_all several are asked at once; set it to 0")
    return problems + repeated("disposition", queue.dispositions)


def agent_problems(agent: Agent, skills: set[str]) -> list[str]:
    problems = skill_problems(agent.skills, skills) + capacity_problems(agent.capacity)
    if not 0 <= agent.occupancy_max <= PERCENT:
        problems.append(f"occupancy_max {agent.occupancy_max} is not within 0 (none) to {PERCENT}")
    return problems


def calendar_problems(calendar: Calendar) -> list[str]:
    problems = zone_problems(calendar.timezone)
    for period in calendar.periods:
        if not 0 <= period.weekday <= 6:
            problems.append(f"weekday {period.weekday} is not within 0 (Monday) to 6")
        if not (0 <= period.opens < MINUTES_OF_DAY and 0 <= period.closes <= MINUTES_OF_DAY):
            problems.append(f"{period.opens} to {period.closes} are not minutes of one day")
        elif period.opens == period.closes:
            problems.append(f"a period opens and closes at minute {period.opens}")
    return problems + [f"holiday {d!r} is no date" for d in sorted(calendar.holidays) if bad(d)]


def bad(day: str) -> bool:
    try:
        return date.fromisoformat(day).isoformat() != day
    except ValueError:
        return True
