"""The first file a person sees works as it is."""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner

from callcenter.app.__main__ import callcenter
from callcenter.app.config_check import check_settings
from callcenter.app.secrets import WEB_TOKEN_SECRET, ensure_secrets, read_secret


def test_what_init_writes_passes_its_own_check(tmp_path: Path) -> None:
    answer = CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    settings, problems = check_settings(tmp_path / "callcenter.toml", {})
    assert problems == []
    assert settings is not None
    assert {a.id: len(a.password.get_secret_value()) for a in settings.agents} == {
        "ana": 20,
        "ben": 20,
    }
    assert [n.flow for n in settings.numbers] == sorted(
        p.stem for p in settings.flows_directory.glob("*.yaml")
    )


def test_only_the_owner_can_read_a_secret(tmp_path: Path) -> None:
    CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    secrets = [*(tmp_path / "secrets").iterdir(), *(tmp_path / "var" / "secrets").iterdir()]
    assert len(secrets) == 6
    assert {os.stat(path).st_mode & 0o777 for path in secrets} == {0o600}


def test_a_configuration_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "callcenter.toml").write_text("# mine\n")
    answer = CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    assert answer.exit_code == 1
    assert "--force" in answer.output
    assert (tmp_path / "callcenter.toml").read_text() == "# mine\n"


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    assert len(ensure_secrets(tmp_path)) == 2
    before = read_secret(tmp_path, WEB_TOKEN_SECRET)
    assert ensure_secrets(tmp_path) == []
    assert read_secret(tmp_path, WEB_TOKEN_SECRET) == before
    assert len(before) == 32


def test_help_lists_every_command_without_importing_them() -> None:
    answer = CliRunner().invoke(callcenter, ["--help"])
    assert answer.exit_code == 0
    for command in ("demo", "run", "init", "doctor", "config", "flow", "softphone"):
        assert command in answer.output
