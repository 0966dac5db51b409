"""`callcenter backup` and `callcenter restore`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

import click

from callcenter.app.run_command import config_option

FILE = click.Path(dir_okay=False, path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")


@click.command()
@click.argument("target", metavar="FILE", type=FILE)
@config_option
@click.option("--with-secrets", is_flag=True, help="Passwords and sessions too: keep it safe.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@JSON
def backup(target: Path, file: Path | None, with_secrets: bool, force: bool, as_json: bool) -> None:
    """Copy the whole center into FILE (tar.gz, mode 600) while it works, or while it does not.

    Journal, archive, history, numbers of people, their mails, faxes and messages, configuration and
    flows, as of one moment, with checksums. Passwords are left out unless asked for.
    """
    from callcenter.app.backup.take import take
    from callcenter.app.config import default_file, load_settings

    config = file or default_file()
    settings = load_settings(config)
    if target.exists() and not force:
        raise click.ClickException(f"{target} is there already; --force overwrites it")
    if not target.absolute().parent.is_dir():
        raise click.ClickException(f"{target.absolute().parent} is no directory: make it first")
    try:
        taken = asyncio.run(
            take(target.absolute(), settings, config, _bar, with_secrets=with_secrets)
        )
    except OSError as wrong:
        raise click.ClickException(f"{target} was not written: {wrong}") from wrong
    if as_json:
        click.echo(json.dumps({"file": str(target), **dataclasses.asdict(taken)}, indent=2))
        return
    for words in taken.left_out:
        click.echo(f"left out: {words}", err=True)
    size = max(1, taken.bytes // 1000)
    click.echo(
        f"wrote {target}: {taken.parts} parts, {taken.files} of them files and "
        f"documents, {size} kB, up to batch {taken.seq}"
    )


def _bar(count: int, of: int) -> None:
    """Shows progress on a terminal."""
    if sys.stderr.isatty() and (count == of or count % 100 == 0 or of < 1000):
        sys.stderr.write(f"\r{count} of {of} parts" + ("\n" if count == of else ""))
        sys.stderr.flush()


class _Percent:
    """Shows on a terminal how much of a file is read."""

    def __init__(self) -> None:
        self._shown = -1

    def __call__(self, done: int, of: int) -> None:
        percent = done * 100 // of
        if sys.stderr.isatty() and percent != self._shown:
            self._shown = percent
            sys.stderr.write(f"\rread {percent} %" + ("\n" if percent == 100 else ""))
            sys.stderr.flush()


@click.command()
@click.argument("source", metavar="FILE", type=FILE)
@config_option
@click.option("--force", is_flag=True, help="Move aside what is in the state directory.")
@JSON
def restore(source: Path, file: Path | None, force: bool, as_json: bool) -> None:
    """Put a backup into the empty state directory of a center that does not run.

    A configuration that is there is kept and says where; without one the backup's is written. A
    damaged file, or one of a later version, changes nothing. Calls that were under way when the
    backup was made end as `lost` when the front end starts without them.
    """
    from callcenter.app.backup.put_back import put_back
    from callcenter.app.config import FILE_NAME, default_file

    config = file or default_file() or Path(FILE_NAME)
    restored = asyncio.run(put_back(source.absolute(), config.absolute(), _Percent(), force=force))
    if as_json:
        click.echo(json.dumps({"file": str(source), **dataclasses.asdict(restored)}, indent=2))
        return
    for written in restored.written:
        click.echo(f"wrote {written}", err=True)
    if restored.aside:
        click.echo(f"what was there is now {restored.aside}", err=True)
    for words in restored.left_out:
        click.echo(f"not in the backup: {words}", err=True)
    for words in restored.missing:
        click.echo(f"missing: {words}", err=True)
    if restored.missing_count > len(restored.missing):
        click.echo(f"missing: {restored.missing_count} files in all", err=True)
    click.echo(f"restored {restored.state}: up to batch {restored.seq}, of {restored.made}")
