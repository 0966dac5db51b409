"""Each thing that would stop the server is found, with its remedy."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from callcenter.app import doctor as doctors
from callcenter.app.__main__ import callcenter
from callcenter.app.config import Settings, load_settings
from callcenter.app.doctor import Finding, examine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings_in(folder: Path, extra: str = "") -> Settings:
    path = folder / "callcenter.toml"
    path.write_text(
        f'[sip]\nlisten = "127.0.0.1:{free_port()}"\n[web]\nlisten = "127.0.0.1:{free_port()}"\n'
        + extra
    )
    return load_settings(path, {})


def found(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(settings)}


def test_a_machine_that_can_run_it_has_no_errors(tmp_path: Path) -> None:
    findings = found(settings_in(tmp_path))
    assert [f for f in findings.values() if f.state == "error"] == []
    assert {"disk", "ports", "store", "clock", "codecs", "descriptors", "receive buffers"} <= set(
        findings
    )


def test_a_taken_port_is_an_error_with_the_command_that_finds_who_has_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    host, port = settings.sip.listen[0].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((host, int(port)))
        taken = [f for f in examine(settings) if f.check == "ports" and f.state == "error"]
    assert len(taken) == 1
    assert "ss -lpnu" in taken[0].remedy


def test_a_store_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, f'[store]\nurl = "redis://127.0.0.1:{free_port()}"\n')
    finding = found(settings)["store"]
    assert finding.state == "error"
    assert "[store] url" in finding.remedy


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctors, "DISK_MEGABYTES_WANTED", 10**9)
    finding = found(settings_in(tmp_path))["disk"]
    assert finding.state == "warning"
    assert "free some space" in finding.remedy


def test_it_prints_json_and_fails_when_something_is_wrong(tmp_path: Path) -> None:
    settings_in(tmp_path, '[store]\nurl = "redis://127.0.0.1:1"\n')
    answer = CliRunner().invoke(
        callcenter, ["doctor", "--json", "-c", str(tmp_path / "callcenter.toml")]
    )
    assert answer.exit_code == 1
    findings = json.loads(answer.output)
    assert [f["check"] for f in findings if f["state"] == "error"] == ["store"]
