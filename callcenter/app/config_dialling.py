"""What agents may call, and who is on duty: the tables, and what can be wrong with them.

Why: both are lists of who may reach whom at which hour, and a mistake in either is noticed at night.
A row that could never be reached is refused, not ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from callcenter.app.config_base import (
    DUTY_NUMBER,
    NAME_OR_NOTHING,
    Name,
    Prefix,
    Table,
    unknown,
)
from callcenter.domain import center as domain
from callcenter.domain.units import AgentId, QueueId

if TYPE_CHECKING:
    from callcenter.app.config import Settings

Problem: TypeAlias = tuple[tuple[str | int, ...], str, str]


class DiallingSettings(Table):
    name: Name = Field(examples=["national"])
    """What `dials` of an agent calls it."""
    allow: tuple[Prefix, ...] = ()
    """Beginnings of the numbers that agents who dial by it may call, as `["+1555", "+34"]`; none
    unless named. What the lines may dial (`[[trunk]] dial`) counts besides."""
    deny: tuple[Prefix, ...] = ()
    """Beginnings that they may not call though a shorter one of `allow` would let them."""
    roles: tuple[Literal["agent", "supervisor"], ...] = ()
    """Whoever has one of these roles dials by it, unless she names a rule of her own."""


class DutySettings(Table):
    name: Name = Field(examples=["night-manager"])
    """What timelines and the audit of dialling call this row."""
    agent: str = Field(default="", pattern=NAME_OR_NOTHING)
    """Who is on duty: one of the agents …"""
    number: str = Field(default="", pattern=DUTY_NUMBER)
    """… or a number outside, which some line must be allowed to dial."""
    queues: tuple[Name, ...] = ()
    """For callers of these queues; of all when not given."""
    sites: tuple[str, ...] = ()
    """For agents who work at these sites; for all when not given."""
    calendar: str = Field(default="", pattern=NAME_OR_NOTHING)
    """When, by its opening times; always when empty."""


def rule_of(rule: DiallingSettings) -> domain.DialRule:
    """As decisions have it."""
    return domain.DialRule(name=rule.name, allow=rule.allow, deny=rule.deny)


def duty_of(duty: DutySettings) -> domain.Duty:
    """As decisions have it."""
    return domain.Duty(
        name=duty.name,
        agent=AgentId(duty.agent),
        number=duty.number,
        queues=tuple(QueueId(queue) for queue in duty.queues),
        sites=duty.sites,
        calendar=duty.calendar,
    )


def dialling_problems(settings: Settings) -> Iterator[Problem]:
    """Path, message, remedy."""
    rules = {rule.name for rule in settings.dialling}
    for index, agent in enumerate(settings.agents):
        if agent.dials and agent.dials not in rules:
            yield ("agent", index, "dials"), *unknown("dialling rule", agent.dials, rules)
    if any(rule.allow for rule in settings.dialling) and not any(t.dial for t in settings.trunks):
        yield (
            ("dialling", 0, "allow"), "no line may dial any number",
            'add dial = ["+1"] to a [[trunk]]: the numbers that it may call',
        )  # fmt: skip
    queues: set[str] = {queue.id for queue in settings.queues}
    agents = {agent.id for agent in settings.agents}
    calendars = {calendar.name for calendar in settings.calendars}
    for index, duty in enumerate(settings.duties):
        if bool(duty.agent) == bool(duty.number):
            yield (
                ("duty", index), "needs an agent or a number, and not both",
                'write agent = "ana", or number = "+15550123"',
            )  # fmt: skip
        if duty.agent and duty.agent not in agents:
            yield ("duty", index, "agent"), *unknown("agent", duty.agent, agents)
        if duty.calendar and duty.calendar not in calendars:
            yield ("duty", index, "calendar"), *unknown("calendar", duty.calendar, calendars)
        for queue in duty.queues:
            if queue not in queues:
                yield ("duty", index, "queues"), *unknown("queue", queue, queues)
