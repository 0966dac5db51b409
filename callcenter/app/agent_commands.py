"""`callcenter agent …`: what agents are, can and have learned, from a terminal.

What happens here: changes ask the control center (`asking.py`); what is shown comes from the folds
that the records role wrote, brought up to the end of the journal.

Why: training and certificates are facts of the journal and stand in no file, so they need a way in
that works beside the wall.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callcenter.app.act_commands import ask, json_option
from callcenter.app.run_command import config_option
from callcenter.domain.errors import CallcenterError
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros, QueueId

if TYPE_CHECKING:
    from callcenter.app.config import Settings
    from callcenter.records.book import Book
    from callcenter.records.live import LiveState
    from callcenter.records.screens import CertificateRow

LEVELS = re.compile(r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})=(\d{1,2})$")
DAY = re.compile(r"^\d{4}-\d\d-\d\d$")
ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


class NotKnown(CallcenterError):
    """What was asked about is not in the center."""


def settings_of(file: Path | None) -> Settings:
    from callcenter.app.config import default_file, load_settings

    return load_settings(file or default_file())


def live_of(settings: Settings) -> LiveState:
    """The center at the end of the journal; without a store, as it was written last."""
    from callcenter.adapters.history import History
    from callcenter.records.book import Book

    async def read() -> tuple[int, bytes] | None:
        history = await History.open(settings.history_url)
        try:
            return await history.records.fold()
        finally:
            await history.close()

    found = asyncio.run(read())
    book = Book.restore(found[1], found[0]) if found else Book()
    away = caught_up(book, settings)
    if not book.live.people:
        raise NotKnown("nothing is known of this center yet: start it with `callcenter run`")
    if away:
        when = datetime.fromtimestamp(book.live.data.at / SECOND, UTC)
        click.echo(
            f"note: the store does not answer ({away}); this is how it was at {when:%Y-%m-%d %H:%M} "
            "UTC. Is the server running?",
            err=True,
        )
    else:
        book.live.roll(time.time_ns() // 1000)
    return book.live


def caught_up(book: Book, settings: Settings) -> str:
    """Bring the folds to the end of the journal; why not, when the store is away."""
    from callcenter.adapters.store.embedded import store_url
    from callcenter.adapters.store.keys import Keys
    from callcenter.adapters.store.replica import catch_up
    from callcenter.adapters.store.resp import Connection, StoreError

    url = store_url(settings.store.url, settings.store_directory)
    try:
        with contextlib.closing(Connection(url)) as connection:
            archive = settings.state_directory / "archive"
            catch_up(connection, Keys(settings.store.namespace), book, archive)
    except (OSError, StoreError) as away:
        return str(away)
    return ""


def known_agent(live: LiveState, name: str) -> AgentId:
    if name not in live.people:
        listed = ", ".join(live.people) or "none"
        raise NotKnown(f"there is no agent {name!r}; known: {listed}")
    return AgentId(name)


@click.group()
def agent() -> None:
    """The state, the skills and the training of agents."""


@agent.command("state")
@click.argument("name", metavar="AGENT")
@click.argument("presence", type=click.Choice(["ready", "not_ready", "logged_out"]))
@click.option("--reason", default="", help="Why, for not_ready: one of [center] reasons.")
@config_option
@json_option
def agent_state(name: str, presence: str, reason: str, file: Path | None, as_json: bool) -> None:
    """Make AGENT ready, not_ready or logged_out; during a contact, after it."""
    from callcenter.domain.commands import Presence, PresenceRequested

    if reason and presence != Presence.NOT_READY:
        raise click.UsageError(f"--reason: only not_ready has one, not {presence}")
    ask(file, as_json, f"{name} is {presence}, or will be after her work", lambda request, who:
        PresenceRequested(
            agent=AgentId(name), presence=Presence(presence), reason=reason, by=who,
            request=request,
        ))  # fmt: skip


@agent.command("skills")
@click.argument("name", metavar="AGENT")
@click.argument("levels", metavar="[SKILL=LEVEL]…", nargs=-1)
@click.option("--configured", is_flag=True, help="Undo every change by hand.")
@config_option
@json_option
def agent_skills(
    name: str,
    levels: tuple[str, ...],
    configured: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show what AGENT can now, or change it at once: 0 takes a skill away.

    What is not named is as configured and granted.
    """
    from callcenter.domain.commands import SkillsRequested

    if configured and levels:
        raise click.UsageError("either SKILL=LEVEL or --configured")
    if not levels and not configured:
        show_skills(file, name, as_json)
        return
    wanted = dict(level_of(text) for text in levels)
    shown = ", ".join(f"{skill} {level}" for skill, level in wanted.items()) or "as configured"
    ask(file, as_json, f"{name}: {shown}", lambda request, who: SkillsRequested(
        agent=AgentId(name), skills=wanted, by=who, request=request,
    ))  # fmt: skip


def level_of(text: str) -> tuple[str, int]:
    """`english=5`. Raises `UsageError`."""
    found = LEVELS.match(text)
    if found is None or int(found[2]) > 10:
        raise click.UsageError(f"{text!r} is not SKILL=LEVEL with a level of 0 to 10: english=5")
    return found[1], int(found[2])


def show_skills(file: Path | None, name: str, as_json: bool) -> None:
    import msgspec

    live = live_of(settings_of(file))
    who = known_agent(live, name)
    found = live.data.qualifications.get(who)
    by_hand = found.by_hand if found else {}
    if as_json:
        shown = {"agent": who, "skills": live.skills[who], "by_hand": by_hand}
        click.echo(msgspec.json.encode(shown).decode())
        return
    for skill in sorted({*live.skills[who], *by_hand}):
        note = "  (by hand)" if skill in by_hand else ""
        click.echo(f"{skill:<24} {live.skills[who].get(skill, 0)}{note}")


@agent.command("train")
@click.argument("name", metavar="AGENT")
@click.option("--course", required=True, help="Its id, such as first-aid-2.")
@click.option("--trainer", required=True, help="Who trained her: an id, never a name.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="When; today if not given.")
@click.option("--failed", is_flag=True, help="She did not pass.")
@click.option("--skill", default="", help="What she may do when she passed.")
@click.option("--level", type=click.IntRange(1, 10), help="How well, 1 to 10.")
@click.option(
    "--expires",
    metavar="DAY|TIME",
    default="",
    help="Last day of the certificate, or its end: 2026-11-28T14:05; never if not.",
)
@config_option
@json_option
def agent_train(
    name: str,
    course: str,
    trainer: str,
    day: datetime | None,
    failed: bool,
    skill: str,
    level: int | None,
    expires: str,
    file: Path | None,
    as_json: bool,
) -> None:
    """Record a training of AGENT; passed, with --skill and --level, it is a certificate."""
    from callcenter.domain.commands import TrainingRequested

    for what, word in (("--course", course), ("--trainer", trainer)):
        if not ID.match(word):
            raise click.UsageError(f"{what}: {word!r} is no id: letters, digits and . _ - (64)")
    if bool(skill) != (level is not None):
        raise click.UsageError("--skill and --level belong together")
    if expires and not skill:
        raise click.UsageError("--expires needs a --skill")
    zone = settings_of(file).center().timezone
    until = end_of(expires, zone) if expires else 0
    ask(file, as_json, f"recorded: {name}, {course}", lambda request, who: TrainingRequested(
        agent=AgentId(name), course=course, date=(day.date() if day else today(zone)).isoformat(),
        passed=not failed, trainer=trainer, skill=skill, level=level or 0, expires=until, by=who,
        request=request,
    ))  # fmt: skip


def today(zone: str) -> date:
    from callcenter.domain.calendar import zone as zone_of

    return datetime.now(zone_of(zone)).date()


def end_of(text: str, zone: str) -> Micros:
    """The end of a local day, or the moment that is named. Raises `WrongInput`."""
    from callcenter.app.why_command import moment_of

    if DAY.match(text):
        moment_of(text, zone, option="--expires")
        return after_day(date.fromisoformat(text), zone)
    return moment_of(text, zone, option="--expires")


def after_day(day: date, zone: str) -> Micros:
    """The midnight that ends a local day."""
    from callcenter.domain.calendar import zone as zone_of

    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=zone_of(zone))
    return int(midnight.timestamp()) * SECOND


@agent.command("certificates")
@click.argument("name", metavar="[AGENT]", required=False, default="")
@config_option
@json_option
def agent_certificates(name: str, file: Path | None, as_json: bool) -> None:
    """List the certificates of AGENT, or of everybody: valid, expiring, expired."""
    import msgspec

    from callcenter.records.screens import certificate_rows

    live = live_of(settings_of(file))
    people = [known_agent(live, name)] if name else list(live.people)
    found = {who: certificate_rows(live.data.qualifications.get(who)) for who in people}
    if as_json:
        rows = [{"agent": who, "certificates": rows} for who, rows in found.items()]
        click.echo(msgspec.json.encode(rows).decode())
        return
    for who, certificates in found.items():
        for one in certificates:
            click.echo(certificate_line(who, one))


def certificate_line(who: str, one: CertificateRow) -> str:
    until = f"until {one.expires:%Y-%m-%d %H:%M} UTC" if one.expires else "for ever"
    return f"{who:<16} {one.skill:<20} {one.level:>2}  {one.state:<8}  {until}"


@agent.command("gaps")
@click.option("--queue", "name", default="", help="Only of this queue.")
@click.option("--contact", default="", help="Who could take this waiting contact if trained.")
@click.option("--here", is_flag=True, help="Count only agents who are logged in.")
@config_option
@json_option
def agent_gaps(name: str, contact: str, here: bool, file: Path | None, as_json: bool) -> None:
    """Tell which skills today's callers needed and nobody has, and whom to train in them."""
    import msgspec

    from callcenter.web.gaps import contact_if_trained, question, skill_gaps

    live = live_of(settings_of(file))
    if contact:
        waiting = live.data.contacts.get(ContactId(contact))
        if waiting is None:
            raise NotKnown(f"there is no contact {contact!r}, or it has ended")
        told = contact_if_trained(live, waiting, live.data.at)
        lines = [f"{one.agent:<16} can take it ({one.presence})" for one in told.able]
        lines += [f"{one.agent:<16} needs {levels_in(one.missing)}" for one in told.candidates]
        click.echo(msgspec.json.encode(told).decode() if as_json else "\n".join(lines))
        return
    queue = live.config.get(QueueId(name))
    if name and queue is None:
        raise NotKnown(f"there is no queue {name!r}; known: {', '.join(live.config) or 'none'}")
    report = skill_gaps(
        question(live, [queue] if queue else list(live.queues()), live.data.at, here=here)
    )
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
        return
    for one in report.queues:
        click.echo(f"{one.queue}: {one.visits} visits today")
        for gap in one.gaps:
            click.echo(
                f"  {gap.skill} {gap.level}: needed {gap.amount} times, {len(gap.able)} have it, "
                f"{gap.unserved} nobody can serve; train first: {', '.join(gap.trainees) or 'nobody'}"
            )


def levels_in(skills: dict[str, int]) -> str:
    return ", ".join(f"{skill} {level}" for skill, level in skills.items())
