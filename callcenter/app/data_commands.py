"""`callcenter import` and `callcenter token`: what an operator puts into the history by hand.

Why: both work while the server runs and while it does not: they write to the history, which the
server reads. A token's secret is shown once, when it is made; after that only its digest exists.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from callcenter.app.importers import command as importers
from callcenter.app.run_command import config_option
from callcenter.care.customer import read_customers
from callcenter.domain.access import Scope, Token
from callcenter.domain.errors import CallcenterError, Problem, WrongInput
from callcenter.domain.units import DAY

T = TypeVar("T")

TOKEN_PREFIX = "cct_"
TOKEN_BYTES = 32
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")


class NoSuchToken(CallcenterError):
    """There is no such token, or it was revoked before."""


def new_token(name: str, scope: Scope, *, days: int = 0) -> tuple[str, Token]:
    """A secret and what is kept of it. `days` is how long it lives; 0 is for ever."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    now = time.time_ns() // 1000
    token = Token(
        id=secrets.token_hex(6),
        name=name,
        scope=scope,
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        created=now,
        expires=now + days * DAY if days else 0,
    )
    return secret, token


async def create_token(url: str, name: str, scope: Scope, *, days: int = 0) -> tuple[str, Token]:
    """Make a token in the history at `url`; its secret and what is kept of it."""
    from callcenter.adapters.history import History

    secret, token = new_token(name, scope, days=days)
    history = await History.open(url)
    try:
        await history.access.add_token(token)
    finally:
        await history.close()
    return secret, token


def _in_history(file: Path | None, work: Callable[[Any], Awaitable[T]]) -> T:
    """Do `work` with the configured history."""
    from callcenter.adapters.history import History
    from callcenter.app.config import default_file, load_settings

    settings = load_settings(file or default_file())

    async def done() -> T:
        history = await History.open(settings.history_url)
        try:
            return await work(history)
        finally:
            await history.close()

    return asyncio.run(done())


@click.group("import")
def import_data() -> None:
    """Import customers, or another system's queues, from a file."""


for _command in (importers.asterisk, importers.freeswitch, importers.twilio):
    import_data.add_command(_command)


@import_data.command("customers")
@click.argument(
    "table", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@config_option
@JSON_OPTION
def import_customers(table: Path, file: Path | None, as_json: bool) -> None:
    """Replace the table of customers by the CSV FILE.

    The first line names the columns: customer_number (required, unique), phone (several separated
    by `;`), name, language, tier, region, and any other, kept as a field that flows can ask for.
    A file with a wrong line is not taken at all.
    """
    try:
        text = table.read_text("utf-8-sig")
    except UnicodeDecodeError as wrong:
        problem = Problem(file=str(table), message="is not UTF-8 text", hint="save it as UTF-8")
        raise WrongInput([problem]) from wrong
    customers = read_customers(text, str(table))
    _in_history(file, lambda history: history.customers.replace(customers))
    if as_json:
        click.echo(json.dumps({"customers": len(customers)}))
    else:
        click.echo(f"{len(customers)} customers imported from {table}")


@click.group("token")
def token() -> None:
    """Make, list and revoke tokens for the API and the wall."""


@token.command("create")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice([s.value for s in Scope]), default="wall", show_default=True
)
@click.option("--days", type=click.IntRange(0, 3650), default=0, help="Expires after; 0 never.")
@config_option
@JSON_OPTION
def token_create(name: str, scope: str, days: int, file: Path | None, as_json: bool) -> None:
    """Make a token called NAME. Its secret is shown this once."""
    secret, made = new_token(name, Scope(scope), days=days)
    _in_history(file, lambda history: history.access.add_token(made))
    if as_json:
        click.echo(json.dumps({"id": made.id, "name": name, "scope": scope, "token": secret}))
    else:
        click.echo(secret)
        click.echo(f"token {made.id} ({scope}) made; keep it, it is not shown again", err=True)


@token.command("list")
@config_option
@JSON_OPTION
def token_list(file: Path | None, as_json: bool) -> None:
    """List the tokens: what they are for, never their secrets."""
    tokens: list[Token] = _in_history(file, lambda history: history.access.tokens())
    now = time.time_ns() // 1000
    if as_json:
        rows = [
            {"id": t.id, "name": t.name, "scope": t.scope.value, "valid": t.valid(now)}
            for t in tokens
        ]
        click.echo(json.dumps(rows))
        return
    for t in tokens:
        state = "valid" if t.valid(now) else "revoked" if t.revoked else "expired"
        click.echo(f"{t.id}  {t.scope.value:<10}  {state:<7}  {t.name}")


@token.command("revoke")
@click.argument("which", metavar="ID")
@config_option
def token_revoke(which: str, file: Path | None) -> None:
    """Make the token ID useless at once, with the sessions that came from it."""
    now = time.time_ns() // 1000
    if not _in_history(file, lambda history: history.access.revoke_token(which, now)):
        raise NoSuchToken(f"there is no token {which!r} to revoke")
    click.echo(f"token {which} revoked")
