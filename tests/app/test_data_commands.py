"""`callcenter import` and `callcenter token`, as an operator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.adapters.history import History
from callcenter.app.data_commands import import_data, token
from callcenter.domain.errors import WrongInput
from callcenter.web.access import digest_of


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "callcenter.toml"
    file.write_text(f'state_directory = "{tmp_path / "var"}"\n')
    return file


def ran(group: object, *arguments: str, config: Path) -> Result:
    return CliRunner().invoke(group, [*arguments, "--config", str(config)])  # type: ignore[arg-type]


def history_url(config: Path) -> str:
    return f"sqlite:///{config.parent / 'var' / 'history.db'}"


def customers(config: Path) -> int:
    async def count() -> int:
        history = await History.open(history_url(config))
        try:
            return await history.customers.count()
        finally:
            await history.close()

    return asyncio.run(count())


def test_a_table_is_imported_and_a_wrong_one_does_not_replace_it(config: Path) -> None:
    table = config.parent / "customers.csv"
    table.write_text("customer_number,phone,name\n1,+34 600 123 456,Anna\n2,,Ben\n")
    done = ran(import_data, "customers", str(table), "--json", config=config)
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"customers": 2})
    table.write_text("customer_number,phone\n1,nonsense\n")
    wrong = ran(import_data, "customers", str(table), config=config)
    assert isinstance(wrong.exception, WrongInput)
    assert f"{table}:2: error: phone" in str(wrong.exception)
    assert customers(config) == 2


def test_a_file_that_is_not_text_is_told(config: Path) -> None:
    table = config.parent / "customers.csv"
    table.write_bytes(b"customer_number\n\xff\xfe\n")
    wrong = ran(import_data, "customers", str(table), config=config)
    assert isinstance(wrong.exception, WrongInput)
    assert "UTF-8" in str(wrong.exception)


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(config: Path) -> None:
    made = ran(token, "create", "lobby", "--scope", "wall", "--json", config=config)
    document = json.loads(made.stdout)
    assert (document["name"], document["scope"]) == ("lobby", "wall")
    listed = ran(token, "list", config=config)
    assert document["id"] in listed.stdout
    assert document["token"] not in listed.stdout

    async def kept() -> bool:
        history = await History.open(history_url(config))
        try:
            return await history.access.token(digest_of(document["token"])) is not None
        finally:
            await history.close()

    assert asyncio.run(kept())
    assert ran(token, "revoke", document["id"], config=config).exit_code == 0
    again = ran(token, "revoke", document["id"], config=config)
    assert again.exit_code != 0
    rows = json.loads(ran(token, "list", "--json", config=config).stdout)
    assert [row["valid"] for row in rows] == [False]


def test_a_scope_nobody_knows_is_refused(config: Path) -> None:
    assert ran(token, "create", "x", "--scope", "root", config=config).exit_code == 2
