"""`callcenter config …`.

Why: the file seeds and the journal is the truth, so a changed file changes nothing until somebody
applies it: `config apply` shows what would change, then commits it as one event, all or nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from callcenter.app.config import Settings, default_file, load_settings
from callcenter.app.run_command import config_option


@click.group()
def config() -> None:
    """Check, show and apply the configuration."""


@config.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def check(file: Path | None, as_json: bool) -> None:
    """Say everything that is wrong with a configuration and its flows. Exit 2 if anything is."""
    import msgspec

    from callcenter.app.config_check import check_settings
    from callcenter.app.flow_files import check_flows

    file = file or default_file()
    settings, problems = check_settings(file, os.environ)
    if settings is not None:
        problems += check_flows(settings.center(), settings.flows_directory)
    failed = any(problem.severity == "error" for problem in problems)
    if as_json:
        click.echo(msgspec.json.encode(problems).decode())
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        if settings is not None and not failed:
            click.echo(f"{file or 'defaults'}: ok, {_summary(settings)}")
    sys.exit(2 if failed else 0)


def _summary(settings: Settings) -> str:
    counts = {
        "queue": len(settings.queues),
        "agent": len(settings.agents),
        "number": len(settings.numbers),
    }
    return ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items())


@config.command()
@config_option
def show(file: Path | None) -> None:
    """Print the configuration in force as JSON: file, environment and defaults; no secrets."""
    from callcenter.app.config_check import dump

    click.echo(dump(load_settings(file or default_file())))


@config.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from callcenter.app.config_schema import described_schema

    click.echo(json.dumps(described_schema(), indent=2, ensure_ascii=False))


@config.command()
@config_option
@click.option("--yes", is_flag=True, help="Commit without asking.")
@click.option("--by", default="", help="Who changes it; the login name when not given.")
def apply(file: Path | None, yes: bool, by: str) -> None:
    """Show what the file would change, then commit it to the journal, all or nothing.

    Passwords, addresses and ports are not part of the center: restart the role that uses them.
    """
    import getpass

    from callcenter.app.config_apply import Applying

    settings = load_settings(file or default_file())
    _require_fitting_flows(settings)
    applying = Applying(settings)
    lines = applying.difference()
    if not lines:
        click.echo(f"nothing to change: {applying.version} is in force")
        return
    for line in lines:
        colour = {"+": "green", "-": "red"}.get(line[:1])
        click.secho(line, fg=colour)
    if not yes:
        click.confirm("Apply?", abort=True, err=True)
    answer = applying.commit(by or getpass.getuser())
    if not answer.accepted:
        raise click.ClickException(f"refused, nothing was changed: {answer.reason}")
    for warning in answer.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"applied: {applying.version}")


def _require_fitting_flows(settings: Settings) -> None:
    """A center that its flows do not fit would cut callers off. Raises `WrongInput`."""
    from callcenter.app.flow_files import check_flows
    from callcenter.domain.errors import WrongInput

    problems = check_flows(settings.center(), settings.flows_directory)
    if wrong := [problem for problem in problems if problem.severity == "error"]:
        raise WrongInput(wrong)
