"""`callcenter why`: why this agent, why not that one, why it still waits, and what comes next.

Why: it reads the journal beside the running server and decides again what was decided; the answer
is the decision itself, looked at while it is made.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callcenter.app.run_command import config_option
from callcenter.domain.errors import Problem, WrongInput
from callcenter.domain.units import SECOND, Micros

if TYPE_CHECKING:
    from callcenter.adapters.store.past import Progress
    from callcenter.web import why_views as v

WIDE = 24
FEW = 3
"""So many agents under one rule are told with everything that keeps each."""


@click.command()
@click.argument("name", metavar="ID")
@click.option(
    "--at", "moment", metavar="TIME", default="",
    help="A moment: 14:05, 14:05:30, 2026-11-28T14:05 (the center's clock), or with its offset.",
)  # fmt: skip
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
def why(name: str, moment: str, file: Path | None, as_json: bool) -> None:
    """Say why the contact or agent ID is where it is.

    Of a contact: every decision about it with its reasons, why it still waits, and what happens
    next. Of an agent: why she has no contact, or this one, and what waits for her.
    """
    import msgspec

    from callcenter.adapters.store.embedded import store_url
    from callcenter.app.config import default_file, load_settings
    from callcenter.app.why import Question, tell

    settings = load_settings(file or default_file())
    question = Question(
        archive=str(settings.state_directory / "archive"),
        url=store_url(settings.store.url, settings.store_directory),
        namespace=settings.store.namespace,
        name=name,
        at=moment_of(moment, settings.center_table.timezone) if moment else 0,
    )
    with shown_progress() as progress:
        told = tell(question, progress)
    if told.store_away:
        click.echo(
            f"note: the store does not answer ({told.store_away}); this is what is archived",
            err=True,
        )
    found = told.contact or told.agent
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    lines = contact_lines(told.contact) if told.contact else ()
    for line in lines or (agent_lines(told.agent) if told.agent else ()):
        click.echo(line)


def moment_of(
    text: str, timezone: str, today: datetime | None = None, option: str = "--at"
) -> Micros:
    """The center time of a moment as it is typed after `option`. Raises `WrongInput`."""
    from callcenter.domain.calendar import zone

    here = zone(timezone)
    local = (today or datetime.now(UTC)).astimezone(here)
    clock = re.fullmatch(r"(\d\d?):(\d\d(?::\d\d)?)", text)
    whole = f"{local.date().isoformat()}T{clock[1]:0>2}:{clock[2]}" if clock else text
    try:
        found = datetime.fromisoformat(whole)
    except ValueError:
        problem = Problem(
            file=option, message=f"{text!r} is no time", hint="write 14:05 or 2026-11-28T14:05:30"
        )
        raise WrongInput([problem]) from None
    aware = found if found.tzinfo else found.replace(tzinfo=here)
    return round(aware.timestamp() * SECOND)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A bar on a terminal while the journal is searched; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("searching the journal", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# --- as text --------------------------------------------------------------------------------------


class Clock:
    """Times on the clock of the center."""

    def __init__(self, timezone: str) -> None:
        from callcenter.domain.calendar import zone

        self._zone = zone(timezone)

    def time(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%H:%M:%S")

    def day(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")


def contact_lines(told: v.ContactWhy) -> Iterator[str]:
    """A contact's story, to be read from top to bottom."""
    clock = Clock(told.timezone)
    yield f"Contact {told.contact}, {clock.day(told.at)} ({told.timezone})"
    yield f"{told.text[:1].upper()}{told.text[1:]}."
    for note in told.notes:
        yield f"Note: {note}."
    yield ""
    yield from moment_lines(told.moments, clock)
    if told.waiting is not None:
        yield from waiting_lines(told.waiting, clock)


def moment_lines(moments: Iterable[v.MomentWhy], clock: Clock) -> Iterator[str]:
    for moment in moments:
        yield f"{clock.time(moment.at)}  {moment.text}"
        if moment.decision is not None:
            yield from decision_lines(moment.decision)


def decision_lines(decision: v.DecisionWhy) -> Iterator[str]:
    yield f"          why: {decision.text}"
    if decision.note:
        yield f"          ({decision.note})"
    yield from rule_lines(decision.others, "          ")


def rule_lines(rules: Iterable[v.RuleWhy], indent: str) -> Iterator[str]:
    for rule in rules:
        few = rule.count <= FEW
        names = ", ".join(
            f"{p.name} ({p.text})" if few and p.text != rule.text else p.name for p in rule.people
        )
        more = f" and {rule.count - len(rule.people)} more" if rule.count > len(rule.people) else ""
        yield f"{indent}{rule.count:>3}  {rule.text}: {names}{more}"


def waiting_lines(waiting: v.WaitingWhy, clock: Clock) -> Iterator[str]:
    yield ""
    yield f"Still waiting in {waiting.queue} for {waiting.waited_seconds:.0f} s, priority {waiting.priority}"
    for text in waiting.held_back:
        yield f"  not offered now: {text}"
    yield f"  ahead of it: {waiting.ahead_count or 'nobody'}"
    for line in waiting.ahead:
        yield f"    {line.contact}  {line.waited_seconds:.0f} s  {line.text}"
    yield "  agents:"
    yield from rule_lines(waiting.agents, "    ")
    yield from next_lines(waiting.next, clock)


def next_lines(upcoming: Iterable[v.NextWhy], clock: Clock) -> Iterator[str]:
    heading = False
    for due in upcoming:
        if not heading:
            yield "What happens next:"
            heading = True
        yield f"  {clock.time(due.at)} (in {due.in_seconds:.0f} s)  {due.text}"


def agent_lines(told: v.AgentWhy) -> Iterator[str]:
    """An agent's story."""
    clock = Clock(told.timezone)
    yield f"{told.name} ({told.agent}), {clock.day(told.at)} ({told.timezone})"
    yield f"{told.text[:1].upper()}{told.text[1:]}."
    if told.contact:
        yield f"In hand: {told.contact}"
    if told.offers:
        yield ""
        yield "Her last offers:"
        yield from moment_lines(told.offers, clock)
    for heading, lines, count in (
        ("Waits, and she could take it", told.line, told.line_count),
        ("Waits, and is not for her", told.others, told.others_count),
    ):
        if lines:
            yield ""
            yield f"{heading}: {count}"
            for line in lines:
                yield f"  {line.contact:{WIDE}}  {line.waited_seconds:>4.0f} s  {line.text}"
    yield ""
    yield from next_lines(told.next, clock)
