"""Whose eyes: what the center keeps of people is readable by its own user only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callcenter.app.config import Settings
from callcenter.app.doctor import examine
from callcenter.app.run import keep_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_an_import_makes_is_for_nobody_else(tmp_path: Path) -> None:
    table, config = tmp_path / "customers.csv", tmp_path / "callcenter.toml"
    table.write_text("customer_number,phone,name\n1,+34 600 123 456,Anna\n")
    config.write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "callcenter", "import", "customers", table, "-c", config],
        umask=0o022, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    assert b"1" in done.stdout
    made = [tmp_path / "var", *(tmp_path / "var").rglob("*")]
    assert tmp_path / "var" / "history.db" in made
    assert [path for path in made if mode(path) & 0o077] == []


def test_a_state_directory_that_others_may_read_is_taken_back_and_told(tmp_path: Path) -> None:
    state = tmp_path / "var"
    state.mkdir()
    state.chmod(0o755)
    with capture_logs() as logged:
        keep_private(state)
        keep_private(state)
    assert mode(state) == 0o700
    assert [(line["log_level"], line["mode"]) for line in logged] == [("warning", "0o755")]


@pytest.mark.parametrize(
    ("given", "state"), [(0o755, "warning"), (0o750, "warning"), (0o700, "ok")]
)
def test_the_doctor_says_who_may_read_it(tmp_path: Path, given: int, state: str) -> None:
    directory = tmp_path / "var"
    directory.mkdir()
    directory.chmod(given)
    settings = Settings(state_directory=directory)
    finding = next(f for f in examine(settings) if f.check == "privacy")
    assert finding.state == state
    if state == "warning":
        assert "state directory is readable by others" in finding.detail
        assert f"chmod 700 {directory}" in finding.remedy
