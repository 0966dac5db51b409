"""`callcenter run`.

Why: the server is there seconds sooner when the nursery imports the roles while the holder imports
itself and reads its configuration. So this file imports next to nothing before it has started it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from callcenter.app.roles import BY_NAME

config_option = click.option(
    "--config", "-c", "file", type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file; ./callcenter.toml or /etc/callcenter/callcenter.toml when not given.",
)  # fmt: skip


@click.command()
@config_option
@click.option(
    "--role", type=click.Choice(list(BY_NAME)), help="Only this role (for systemd, containers)."
)
def run(file: Path | None, role: str | None) -> None:
    """Run the server until SIGTERM or Ctrl-C: all roles, or one."""
    from callcenter.app.nursery import Nursery

    nursery = Nursery([role] if role else BY_NAME)
    nursery.start()  # it imports the roles while we import ourselves
    from callcenter.app.config import default_file, load_settings
    from callcenter.app.logs import configure
    from callcenter.app.run import run_roles

    configure(role="holder")
    file = file or default_file()
    sys.exit(run_roles(load_settings(file), file and file.resolve(), role, nursery))
