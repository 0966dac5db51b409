"""`callcenter flow`: check, show, run and test flow files.

Why: what a caller would find out, the author finds out here first. Documents and pictures go to
stdout, problems with file:line:column to stderr; exit 1 when something is wrong with a flow, 2 when
the command was used wrongly.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from xml.sax.saxutils import quoteattr

import click
import msgspec
from msgspec.structs import replace

from callcenter.app.flow_files import (
    AUDIO_FOLDER,
    audio_files,
    flow_files,
    known_names,
    misnamed,
    read_flow_files,
)
from callcenter.domain.errors import Problem, WrongInput
from callcenter.domain.events import QueueExit
from callcenter.ivr.draw import draw_mermaid, draw_svg
from callcenter.ivr.library import load_files
from callcenter.ivr.play import Caller, World
from callcenter.ivr.shape import Flow, Known
from callcenter.ivr.test import Outcome, nodes_not_visited, run_tests

CALENDAR_STATES = ("open", "closed", "holiday")

_paths = click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE|DIRECTORY...",
)
_file = click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
_config = click.option(
    "--config",
    "-c",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check queues, skills and calendars against this configuration.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")


@click.group()
def flow() -> None:
    """Check, draw, try and test IVR flows."""


@flow.command()
@_paths
@_config
@_json
def check(paths: tuple[Path, ...], config: Path | None, as_json: bool) -> None:
    """Say everything that is wrong with flow files, with place and remedy."""
    try:
        flows = _load(paths, config)
        problems = [problem for one in flows.values() for problem in one.warnings]
        problems += [replace(problem, severity="warning") for problem in misnamed(flows)]
    except WrongInput as wrong:
        flows, problems = {}, wrong.problems
    failed = any(problem.severity == "error" for problem in problems)
    if as_json:
        document = {
            "ok": not failed,
            "flows": [_summary(one) for one in flows.values()],
            "problems": msgspec.to_builtins(problems),
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        _tell(problems)
        for one in flows.values():
            click.echo(
                f"{one.file}: {one.name} is good: {len(one.nodes)} nodes, "
                f"{', '.join(one.languages)}, {len(one.tests)} tests, revision {one.revision}"
            )
    sys.exit(1 if failed else 0)


@flow.command()
@_file
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "mermaid"]),
    default="svg",
    show_default=True,
    help="A picture, or text for documents.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write here instead of to stdout.",
)
@_json
def show(file: Path, form: str, output: Path | None, as_json: bool) -> None:
    """Draw a flow."""
    one = _one(file, None)
    picture = draw_svg(one) if form == "svg" else draw_mermaid(one)
    if output is not None:
        try:
            output.write_text(picture, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{output}: {error.strerror}") from None
    if as_json:
        document = {**_summary(one), "format": form}
        document |= {"output": str(output)} if output else {"picture": picture}
        click.echo(json.dumps(document, ensure_ascii=False))
    elif output is None:
        click.echo(picture, nl=False)


@flow.command()
@_file
@click.option("--customer", "fields", multiple=True, metavar="FIELD=VALUE", help="Who is found.")
@click.option("--calendar", "calendars", multiple=True, metavar="NAME=STATE", help="open, closed …")
@click.option("--queue", "queues", multiple=True, metavar="NAME=EXIT", help="full, closed …")
@click.option("--wait", "waits", multiple=True, metavar="QUEUE=SECONDS", help="Expected wait.")
@_config
@_json
def run(
    file: Path,
    fields: tuple[str, ...],
    calendars: tuple[str, ...],
    queues: tuple[str, ...],
    waits: tuple[str, ...],
    config: Path | None,
    as_json: bool,
) -> None:
    """Be the caller: prompts as text, keys typed, in real time at a terminal.

    From a pipe each line is what the caller does next, on a virtual clock: `12#`, `wait 5s`,
    `listen`, `queue answered`, `hangup`.
    """
    from callcenter.app.flow_terminal import WrongLine, run_lines, run_terminal

    one = _one(file, config)
    world = World(
        customer=_pairs("--customer", fields) or None,
        calendars=_pairs("--calendar", calendars, CALENDAR_STATES),
        queues={
            name: QueueExit(exit_)
            for name, exit_ in _pairs("--queue", queues, tuple(QueueExit)).items()
        },
        facts={"caller_registered": False, "caller_attested": "", "dialled": ""},
        waits={name: _seconds(text) for name, text in _pairs("--wait", waits).items()},
    )

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    try:
        if sys.stdin.isatty():
            caller = run_terminal(one, world, say)
        else:
            caller = run_lines(one, world, sys.stdin, say)
    except (WrongLine, UnicodeDecodeError) as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(_call(one, caller), ensure_ascii=False))
    elif caller.hung_up:
        click.echo("the caller hung up")


@flow.command()
@_paths
@_config
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write a JUnit report here.",
)
@_json
def test(paths: tuple[Path, ...], config: Path | None, junit: Path | None, as_json: bool) -> None:
    """Run the tests inside flow files on a virtual clock."""
    try:
        flows = _load(paths, config)
    except WrongInput as wrong:
        _fail(wrong.problems)
    results = {name: run_tests(one) for name, one in flows.items()}
    outcomes = [outcome for found in results.values() for outcome in found]
    failed = [outcome for outcome in outcomes if outcome.failures]
    if junit is not None:
        junit.write_text(_junit(outcomes), encoding="utf-8")
    if as_json:
        document = {
            "passed": len(outcomes) - len(failed),
            "failed": len(failed),
            "tests": msgspec.to_builtins(outcomes),
            "nodes_not_visited": {
                name: nodes_not_visited(flows[name], found) for name, found in results.items()
            },
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        _tell_outcomes(outcomes, failed)
    sys.exit(1 if failed else 0)


def _load(paths: Sequence[Path], config: Path | None) -> dict[str, Flow]:
    """All flows of `paths`, checked together. Raises `WrongInput`."""
    files = flow_files(paths)
    known = _known(config, sorted({file.parent for file in files}))
    return load_files(read_flow_files(files), known)


def _one(file: Path, config: Path | None) -> Flow:
    try:
        return next(iter(_load([file], config).values()))
    except WrongInput as wrong:
        _fail(wrong.problems)


def _known(config: Path | None, directories: Sequence[Path]) -> Known:
    """Names of the configuration, if given; audio only where a directory has any."""
    with_audio = [one for one in directories if (one / AUDIO_FOLDER).is_dir()]
    known = Known()
    if config is not None:
        from callcenter.app.config import load_settings

        known = known_names(load_settings(config).center())
    if with_audio:
        audio = frozenset(name for one in with_audio for name in audio_files(one))
        known = msgspec.structs.replace(known, audio=audio)
    return known


def _pairs(option: str, given: Sequence[str], allowed: Sequence[str] = ()) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{text!r}: write name=value", param_hint=option)
        if allowed and value not in allowed:
            words = ", ".join(allowed)
            raise click.BadParameter(f"{value!r} is not one of {words}", param_hint=option)
        pairs[name] = value
    return pairs


def _seconds(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise click.BadParameter(f"{text!r}: write whole seconds", param_hint="--wait")
    return int(text)


def _summary(one: Flow) -> dict[str, Any]:
    return {
        "flow": one.name,
        "title": one.title,
        "file": one.file,
        "revision": one.revision,
        "nodes": len(one.nodes),
        "languages": list(one.languages),
        "tests": len(one.tests),
    }


def _call(one: Flow, caller: Caller) -> dict[str, Any]:
    queued = caller.enqueued if caller.waiting else None
    return {
        "flow": one.name,
        "revision": one.revision,
        "seconds": round(caller.now / 1e6, 1),
        "queue": queued.queue if queued else None,
        "attributes": caller.session.variables,
        "ended": "caller_hung_up" if caller.hung_up else caller.ended and caller.ended.value,
        "visited": caller.visited,
        "said": caller.said,
    }


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)


def _fail(problems: Sequence[Problem]) -> NoReturn:
    _tell(problems)
    sys.exit(1)


def _tell_outcomes(outcomes: Sequence[Outcome], failed: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        mark = "failed" if outcome.failures else "passed"
        click.echo(f"{mark}  {outcome.flow}: {outcome.name}")
    for outcome in failed:
        for failure in outcome.failures:
            words = f"{outcome.name}: {failure}"
            click.echo(f"{outcome.file}:{outcome.line}: error: {words}", err=True)
    click.echo(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")


def _junit(outcomes: Sequence[Outcome]) -> str:
    failed = sum(1 for outcome in outcomes if outcome.failures)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuite name="flows" tests="{len(outcomes)}" failures="{failed}">')
    for outcome in outcomes:
        names = f"classname={quoteattr(outcome.flow)} name={quoteattr(outcome.name)}"
        lines.append(f'  <testcase {names} file={quoteattr(outcome.file)} time="0">')
        lines += [f"    <failure message={quoteattr(failure)}/>" for failure in outcome.failures]
        lines.append("  </testcase>")
    lines.append("</testsuite>")
    return "\n".join(lines) + "\n"
