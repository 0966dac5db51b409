"""`callcenter import asterisk`, `freeswitch` and `twilio`: from another system's files.

Why: what is written is a proposal in a file of its own: it is checked by the configuration's own
reader before it is handed out, never overwrites anything unasked, and comes with the report of
what could not be said.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click

from callcenter.app.importers.draft import Draft
from callcenter.app.importers.report import Outcome, Report

PENALTY_DIGITS_MAX = 9
FILES = click.Path(dir_okay=False, path_type=Path)
OUTPUT = click.option(
    "-o", "--output", type=FILES, help="Write the configuration there; stdout when not given."
)
FORCE = click.option("--force", is_flag=True, help="Overwrite the file that is there.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON to stdout.")
COLOURS = {Outcome.TAKEN: "green", Outcome.APPROXIMATED: "yellow", Outcome.NONE: "red"}


@click.command("asterisk")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILES)
@click.option(
    "--max-penalty", "penalties", multiple=True, metavar="[QUEUE=]N",
    help="What the dialplan sets QUEUE_MAX_PENALTY to before the queue; may be repeated.",
)  # fmt: skip
@OUTPUT
@FORCE
@JSON
def asterisk(
    files: tuple[Path, ...], penalties: tuple[str, ...], output: Path | None, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Queues, members and penalty rules of Asterisk: queues.conf and queuerules.conf.

    Members become agents with the skill of their queue, penalties an order of agents, a queue's
    default rule its plan. What has no equivalent is reported with its line. Exit 2 if a file
    cannot be taken.
    """
    from callcenter.app.importers.asterisk import convert

    report = Report()
    draft = convert(list(files), report, _penalties(penalties))
    _hand_out(draft, report, list(files), output, force=force, as_json=as_json)


@click.command("freeswitch")
@click.argument("file", metavar="FILE", type=FILES)
@OUTPUT
@FORCE
@JSON
def freeswitch(file: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Queues, agents and tiers of FreeSWITCH: callcenter.conf.xml.

    Levels become an order of agents, tier rules the plan of their queue. What has no equivalent is
    reported with its line. Exit 2 if the file cannot be taken.
    """
    from callcenter.app.importers.freeswitch import convert

    report = Report()
    _hand_out(convert(file, report), report, [file], output, force=force, as_json=as_json)


@click.command("twilio")
@click.argument("file", metavar="FILE", type=FILES)
@OUTPUT
@FORCE
@JSON
def twilio(file: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """A TaskRouter workflow of Twilio, as JSON.

    Filters become queues, targets the steps of their plans, expressions about workers the skills
    that are needed. What has no equivalent is reported with its line. Exit 2 if the file cannot be
    taken.
    """
    from callcenter.app.importers.twilio import convert

    report = Report()
    _hand_out(convert(file, report), report, [file], output, force=force, as_json=as_json)


def _penalties(given: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in given:
        queue, _, number = text.rpartition("=")
        if not (number.isascii() and number.isdigit() and len(number) <= PENALTY_DIGITS_MAX):
            raise click.BadParameter(f"{text!r}: write 5, or sales=5", param_hint="--max-penalty")
        found[queue or "*"] = int(number)
    return found


def _hand_out(
    draft: Draft, report: Report, sources: list[Path], output: Path | None, *, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    text = draft.toml(_heading(sources, report))
    check(text)
    if output is not None:
        write(output, text, force=force)
    if as_json:
        document = {
            "file": str(output) if output else None,
            "queues": len(draft.queues), "agents": len(draft.agents), "skills": len(draft.skills),
            "counts": report.counts(), "report": report.document(),
        }  # fmt: skip
        if output is None:
            document["configuration"] = text
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for finding in report.findings():
        click.secho(str(finding), fg=COLOURS[finding.outcome], err=output is None)
    counts = ", ".join(f"{n} {word}" for word, n in report.counts().items())
    click.echo(f"{len(draft.queues)} queues, {len(draft.agents)} agents; {counts}", err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"wrote {output}; next: callcenter config check -c {output}", err=True)


def _heading(sources: list[Path], report: Report) -> list[str]:
    names = ", ".join(path.name for path in sources)
    counts = ", ".join(f"{n} {word}" for word, n in report.counts().items())
    return [
        f"Imported from {names} by `callcenter import`: {counts}.",
        "Merge it into your callcenter.toml: flows send contacts to these queues by their id, and",
        "agents need a password_file before their phones can register.",
    ]


def check(text: str) -> None:
    """Raises `WrongInput` if the configuration's own reader would not take what was made."""
    from callcenter.app.config import load_settings

    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        load_settings(Path(file.name), {})


def write(output: Path, text: str, *, force: bool) -> None:
    """Write a file whole or not at all. Raises `ClickException` when it is there already."""
    if output.exists() and not force:
        raise click.ClickException(f"{output} is there already; --force overwrites it")
    temporary = output.with_name(f".{output.name}.new")
    try:
        temporary.write_text(text, "utf-8")
        os.replace(temporary, output)
    except OSError as wrong:
        temporary.unlink(missing_ok=True)
        raise click.ClickException(f"{output} cannot be written: {wrong.strerror}") from wrong
