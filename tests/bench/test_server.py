"""The server that is measured has a configuration that the check takes."""

from __future__ import annotations

from pathlib import Path

from callcenter.app.bench.server import BenchServer
from callcenter.app.config_check import check_settings


def test_the_server_that_is_measured_is_configured_without_an_error(tmp_path: Path) -> None:
    measured = BenchServer(tmp_path, 3)
    settings, problems = check_settings(measured.config, {})
    assert settings is not None, problems
