"""The command line: `callcenter COMMAND`.

Why: help must come at once, and one part that cannot be imported must not take the others with
it. So every command is named here with the module it lives in and imported when it is used.
Errors of the user go to stderr with file, line and hint; exit 2 for wrong use, 1 for failure.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from callcenter.domain.errors import CallcenterError, WrongInput

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("callcenter.app.demo.command", "demo", "Show a whole center at work, with real calls."),
    "run": ("callcenter.app.run_command", "run", "Run the server, or one role of it."),
    "init": ("callcenter.app.init", "init", "Write a commented configuration and its secrets."),
    "doctor": ("callcenter.app.doctor", "doctor", "Look for what would stop the server from working."),
    "config": ("callcenter.app.config_commands", "config", "Check, show and apply the configuration."),
    "flow": ("callcenter.app.flow_commands", "flow", "Check, draw, try and test IVR flows."),
    "why": ("callcenter.app.why_command", "why", "Why this agent, why it waits, what comes next."),
    "queue": ("callcenter.app.act_commands", "queue", "Open and close queues, announce."),
    "contact": ("callcenter.app.act_commands", "contact", "Move, assign and rank who waits."),
    "agent": ("callcenter.app.agent_commands", "agent", "State, skills and training of agents."),
    "softphone": ("callcenter.app.phones.command", "softphone", "A telephone in this terminal."),
    "sip": ("callcenter.app.sip_commands", "sip", "What passed over the wire in a call."),
    "token": ("callcenter.app.data_commands", "token", "Make tokens for the API."),
    "import": ("callcenter.app.data_commands", "import_data", "Import customers, or another system's queues."),
    "backup": ("callcenter.app.backup.command", "backup", "Copy the whole center into one file."),
    "restore": ("callcenter.app.backup.command", "restore", "Put a backup into an empty directory."),
    "bench": ("callcenter.app.bench.command", "bench", "Measure this machine with real calls."),
}  # fmt: skip
"""Name: module, attribute, one line of help."""

PRIVATE = 0o077
"""What we create holds numbers of callers and secrets: nobody else may read it."""


class LazyGroup(click.Group):
    """Imports a command when it is used or asked about, not when it is listed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute, _help = COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ImportError as missing:
            raise click.ClickException(
                f"`{cmd_name}` cannot be loaded: {missing}; install the package again"
            ) from missing
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callcenter")
def callcenter() -> None:
    """A contact-center server: SIP and IVR, skill-based queues, agents on softphones, a live wall."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; errors we raise on purpose become one message and an exit code."""
    os.umask(PRIVATE)
    try:
        callcenter.main(arguments, prog_name="callcenter", standalone_mode=True)
    except WrongInput as wrong:
        for problem in wrong.problems:
            click.echo(str(problem), err=True)
        sys.exit(2)
    except CallcenterError as failed:
        click.echo(f"error: {failed}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
