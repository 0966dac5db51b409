"""`callcenter queue …` and `callcenter contact …`: what a supervisor does, from a terminal.

Why: the wall may be away when a queue must be closed. Each command asks the control center as a
screen does and prints its answer; refused is exit 1 with the reason in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callcenter.app.run_command import config_option
from callcenter.domain.units import AgentId, CommandId, ContactId, QueueId

if TYPE_CHECKING:
    from callcenter.domain.commands import Command

SOURCE = "terminal"
PROMPT_CHARACTERS_MAX = 100
json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


def ask(
    file: Path | None,
    as_json: bool,
    done: str,
    made: Callable[[CommandId, str], Command],
) -> None:
    """Ask for the command that `made` makes, in the name of the user of this process (`cli:olga`),
    and print `done` once it is. Raises when refused."""
    from callcenter.app.asking import Journal, RequestRefused, login
    from callcenter.app.config import default_file, load_settings

    journal = Journal(load_settings(file or default_file()), SOURCE)
    answer = journal.ask(made(journal.request, f"cli:{login()}"))
    if as_json:
        shown: dict[str, Any] = {"accepted": answer.accepted, "reason": answer.reason}
        click.echo(json.dumps({"request": answer.request, **shown}, ensure_ascii=False))
    if not answer.accepted:
        raise RequestRefused(f"refused, nothing was changed: {answer.reason}")
    if not as_json:
        click.echo(done)


@click.group()
def queue() -> None:
    """Open and close queues by hand, switch an announcement on and off."""


@queue.command("open")
@click.argument("name", metavar="QUEUE")
@click.option("--follow-calendar", is_flag=True, help="Let its calendar decide again.")
@config_option
@json_option
def queue_open(name: str, follow_calendar: bool, file: Path | None, as_json: bool) -> None:
    """Open QUEUE whatever its calendar says, or let the calendar decide again."""
    from callcenter.domain.commands import QueueOpenRequested

    done = f"{name} follows its calendar" if follow_calendar else f"{name} is open by hand"
    ask(file, as_json, done, lambda request, who: QueueOpenRequested(
        queue=QueueId(name), follow_calendar=follow_calendar, by=who, request=request,
    ))  # fmt: skip


@queue.command("close")
@click.argument("name", metavar="QUEUE")
@click.option("--dismiss", is_flag=True, help="Send away those who wait, too.")
@click.option("--yes", is_flag=True, help="Dismiss without asking.")
@config_option
@json_option
def queue_close(name: str, dismiss: bool, yes: bool, file: Path | None, as_json: bool) -> None:
    """Close QUEUE whatever its calendar says. Those who wait keep their place."""
    from callcenter.domain.commands import QueueCloseRequested

    if dismiss and not yes:
        click.confirm(f"Send away everybody who waits in {name}?", abort=True, err=True)
    done = f"{name} is closed by hand" + (", and nobody waits there any more" if dismiss else "")
    ask(file, as_json, done, lambda request, who: QueueCloseRequested(
        queue=QueueId(name), dismiss=dismiss, by=who, request=request,
    ))  # fmt: skip


@queue.command("announce")
@click.argument("prompt", required=False, default="")
@click.option("--queue", "name", default="", help="Only for those who come to this queue.")
@click.option("--all", "everywhere", is_flag=True, help="For all queues.")
@click.option("--off", is_flag=True, help="End the announcement.")
@config_option
@json_option
def queue_announce(
    prompt: str,
    name: str,
    everywhere: bool,
    off: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Play PROMPT to those who come to wait from now on, in one queue or in all."""
    from callcenter.domain.commands import AnnouncementRequested

    if bool(name) == everywhere:
        raise click.UsageError("say where: --queue QUEUE or --all")
    if bool(prompt) == off:
        raise click.UsageError("name a prompt, or end the announcement with --off")
    if len(prompt) > PROMPT_CHARACTERS_MAX:
        raise click.UsageError(f"a prompt's name has at most {PROMPT_CHARACTERS_MAX} characters")
    if prompt:
        require_prompt(file, prompt)
    where = name or "all queues"
    done = f"announcement off: {where}" if off else f"announcement {prompt} on: {where}"
    ask(file, as_json, done, lambda request, who: AnnouncementRequested(
        queue=QueueId(name), announcement=prompt, by=who, request=request,
    ))  # fmt: skip


def require_prompt(file: Path | None, prompt: str) -> None:
    """Raises unless some flow has audio of that name: nobody could hear it."""
    from callcenter.app.config import default_file, load_settings
    from callcenter.app.flow_files import prompt_names
    from callcenter.domain.errors import Problem, WrongInput

    folder = load_settings(file or default_file()).flows_directory
    known = prompt_names(folder)
    if prompt not in known:
        raise WrongInput(
            [
                Problem(
                    file=str(folder / "prompts"),
                    message=f"no flow has audio for a prompt {prompt!r}",
                    hint=f"known: {', '.join(known) or 'none'}",
                )
            ]
        )


@click.group()
def contact() -> None:
    """Move, assign and rank contacts that wait."""


@contact.command("move")
@click.argument("name", metavar="CONTACT")
@click.argument("to", metavar="QUEUE")
@config_option
@json_option
def contact_move(name: str, to: str, file: Path | None, as_json: bool) -> None:
    """Let CONTACT wait in QUEUE; it keeps what it has waited."""
    from callcenter.domain.commands import MoveRequested

    ask(file, as_json, f"{name} waits in {to}", lambda request, who: MoveRequested(
        contact=ContactId(name), queue=QueueId(to), by=who, request=request,
    ))  # fmt: skip


@contact.command("assign")
@click.argument("name", metavar="CONTACT")
@click.argument("agent", metavar="AGENT")
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=120, show_default=True,
    help="How long for her alone; then everybody may have it.",
)  # fmt: skip
@config_option
@json_option
def contact_assign(name: str, agent: str, seconds: int, file: Path | None, as_json: bool) -> None:
    """Give CONTACT to AGENT: at once, or when she comes free in time."""
    from callcenter.domain.commands import AssignRequested

    done = f"{name} is for {agent} alone, for {seconds} s"
    ask(file, as_json, done, lambda request, who: AssignRequested(
        contact=ContactId(name), agent=AgentId(agent), seconds=seconds, by=who, request=request,
    ))  # fmt: skip


@contact.command("priority")
@click.argument("name", metavar="CONTACT")
@click.argument("priority", type=click.IntRange(0, 10))
@config_option
@json_option
def contact_priority(name: str, priority: int, file: Path | None, as_json: bool) -> None:
    """Give CONTACT the PRIORITY 0 to 10, higher first; it keeps what it has waited."""
    from callcenter.domain.commands import PriorityRequested

    done = f"{name} has priority {priority}"
    ask(file, as_json, done, lambda request, who: PriorityRequested(
        contact=ContactId(name), priority=priority, by=who, request=request,
    ))  # fmt: skip
