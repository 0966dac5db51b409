"""`callcenter softphone add`: what is typed into a phone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.app.__main__ import callcenter


@pytest.fixture
def file(tmp_path: Path) -> Path:
    assert CliRunner().invoke(callcenter, ["init", str(tmp_path)]).exit_code == 0
    return tmp_path / "callcenter.toml"


def add(file: Path, *words: str) -> Result:
    return CliRunner().invoke(callcenter, ["softphone", "add", "--config", str(file), *words])


def test_an_agent_that_is_there_is_shown_and_nothing_is_changed(file: Path) -> None:
    before = file.read_text()
    said = add(file, "ana", "--host", "sip.example.test", "--json")
    assert said.exit_code == 0, said.output
    shown = json.loads(said.stdout)
    password = (file.parent / "secrets" / "ana-phone").read_text().strip()
    assert shown == {
        "added": False, "server": "sip.example.test", "port": 5060, "transport": "udp",
        "user": "ana", "password": password,
        "uri": f"sip:ana:{password}@sip.example.test:5060;transport=udp",
    }  # fmt: skip
    assert file.read_text() == before


def test_somebody_new_is_added_with_a_password_of_her_own(file: Path) -> None:
    said = add(file, "dora")
    assert said.exit_code == 0, said.output
    secret = file.parent / "secrets" / "dora-phone"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().strip() in said.stdout
    assert "▀" in said.stdout or "█" in said.stdout, "a code is drawn"
    assert add(file, "dora", "--json", "--no-code").exit_code == 0
    assert file.read_text().count('id = "dora"') == 1


@pytest.mark.parametrize("name", ["Dora", "../x", 'x"y', "ü", ""])
def test_what_is_no_user_name_is_refused_and_nothing_is_written(file: Path, name: str) -> None:
    before = file.read_text(), sorted(file.parent.rglob("*"))
    said = add(file, "--", name)
    assert said.exit_code != 0
    assert (file.read_text(), sorted(file.parent.rglob("*"))) == before
