"""Each thing that would stop the server is found, with its remedy."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from callcenter.adapters.store import embedded
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.app import doctor as doctors
from callcenter.app.__main__ import callcenter
from callcenter.app.config import Settings, load_settings
from callcenter.app.doctor import Finding, examine
from callcenter.media import g711
from callcenter.media.prompts import write_au


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


# ---- each check in its failing state ----------------------------------------------------------

FLOW = """\
flow: main
entry: hello
languages: [en]
prompts: { hello: { en: Hello. } }
nodes:
  hello: { say: hello, next: wait }
  wait: { queue: sales, answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end }
  end: { hangup: normal }
"""
OWN_FLOWS = 'flows_directory = "flows"\n'


def settings_with_flow(folder: Path, *, flow: str = FLOW) -> Settings:
    """A center with one number, its flow, and the audio of its prompt."""
    audio = folder / "flows" / "prompts" / "main" / "en"
    audio.mkdir(parents=True)
    (folder / "flows" / "main.yaml").write_text(flow)
    (audio / "hello.au").write_bytes(write_au(bytes(1600)))
    path = folder / "callcenter.toml"
    ports = (
        f'[sip]\nlisten = "127.0.0.1:{free_port()}"\n[web]\nlisten = "127.0.0.1:{free_port()}"\n'
    )
    number = '[[number]]\nnumber = "100"\nflow = "main"\n[[queue]]\nid = "sales"\n'
    path.write_text(OWN_FLOWS + ports + number)
    return load_settings(path, {})


def test_a_center_with_its_own_flow_is_well(tmp_path: Path) -> None:
    findings = found(settings_with_flow(tmp_path))
    assert findings["flows"] == Finding("flows", "ok", "main")
    assert findings["prompts"].state == "ok"


def test_a_flow_that_would_not_be_taken_is_an_error(tmp_path: Path) -> None:
    finding = found(settings_with_flow(tmp_path, flow="garbage: ["))["flows"]
    assert finding.state == "error"
    assert "main.yaml:1:" in finding.detail
    assert finding.remedy


def test_a_flow_that_asks_for_a_queue_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    flow = FLOW.replace("queue: sales", "queue: none")
    finding = found(settings_with_flow(tmp_path, flow=flow))["flows"]
    assert (finding.state, "unknown queue 'none'" in finding.detail) == ("error", True)


def test_a_directory_without_flows_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    path = tmp_path / "callcenter.toml"
    path.write_text('flows_directory = "empty"\n')
    finding = found(load_settings(path, {}))["flows"]
    assert (finding.state, "no flow in" in finding.detail) == ("warning", True)
    assert "flows_directory" in finding.remedy


@pytest.mark.parametrize("spoilt", [b"", b"RIFF", write_au(b""), write_au(bytes(160))[:26]])
def test_a_prompt_that_cannot_be_played_is_an_error(tmp_path: Path, spoilt: bytes) -> None:
    settings = settings_with_flow(tmp_path)
    path = tmp_path / "flows" / "prompts" / "main" / "en" / "hello.au"
    path.write_bytes(spoilt)
    finding = found(settings)["prompts"]
    assert finding.state == "error"
    assert str(path) in finding.detail
    assert "8000 Hz" in finding.remedy


def test_a_prompt_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = settings_with_flow(tmp_path)
    (tmp_path / "flows" / "prompts" / "main" / "en" / "hello.au").unlink()
    finding = found(settings)["flows"]
    assert finding.state == "warning"
    assert "has no audio in en" in finding.detail


@pytest.mark.parametrize("table", ["ULAW_TO_ALAW", "ALAW_TO_ULAW"])
def test_a_codec_that_speaks_wrong_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(g711, table, bytes(256))
    finding = found(settings_in(tmp_path))["codecs"]
    assert finding.state == "error"
    assert "is heard as" in finding.detail
    assert "install the package again" in finding.remedy


@pytest.mark.parametrize(("state", "words"), [(5, "not kept in step"), (-1, "does not tell")])
def test_a_clock_that_runs_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: int, words: str
) -> None:
    monkeypatch.setattr(doctors, "_clock_state", lambda: state)
    finding = found(settings_in(tmp_path))["clock"]
    assert (finding.state, words in finding.detail) == ("warning", True)
    assert finding.remedy
    monkeypatch.setattr(doctors, "_clock_state", lambda: 0)
    assert found(settings_in(tmp_path))["clock"].state == "ok"


def test_too_few_descriptors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    finding = found(settings_in(tmp_path))["descriptors"]
    assert (finding.state, "4096" in finding.detail) == ("warning", True)
    assert "LimitNOFILE" in finding.remedy


def test_small_receive_buffers_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctors, "BUFFER_BYTES_WANTED", 10**12)
    finding = found(settings_in(tmp_path))["receive buffers"]
    assert finding.state == "warning"
    assert "net.core.rmem_max" in finding.remedy


def test_a_slow_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctors, "FSYNC_SECONDS_MAX", -1.0)
    finding = found(settings_in(tmp_path))["disk speed"]
    assert (finding.state, "faster disk" in finding.remedy) == ("warning", True)


def test_a_disk_that_takes_no_more_is_an_error_and_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    settings = settings_in(tmp_path)
    monkeypatch.setattr(os, "fdatasync", full)
    finding = found(settings)["disk speed"]
    assert (finding.state, "No space left" in finding.detail) == ("error", True)
    assert "free some space" in finding.remedy
    assert not list((tmp_path / "var").glob(".doctor-*"))


def test_a_state_directory_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    finding = found(settings_in(tmp_path))["disk"]
    assert (finding.state, "chown" in finding.remedy) == ("error", True)


def test_a_file_where_the_state_directory_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    finding = found(settings_in(tmp_path))["disk"]
    assert (finding.state, "is no directory" in finding.detail) == ("error", True)


def test_a_store_program_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise StoreUnavailable("install valkey-server")

    monkeypatch.setattr(embedded, "find_server", missing)
    finding = found(settings_in(tmp_path))["store"]
    assert (finding.state, finding.remedy) == ("error", "install valkey-server")


def with_rtp(folder: Path, first: int, address: str = "127.0.0.1") -> Finding:
    extra = f'[media]\nrtp_ports = "{first}-{first + 7}"\naddress = "{address}"\n'
    return found(settings_in(folder, extra))["rtp ports"]


def test_taken_ports_of_audio_are_told(tmp_path: Path) -> None:
    first = free_port() // 2 * 2 - 100
    assert with_rtp(tmp_path, first).state == "ok"
    with contextlib.ExitStack() as held:
        for count, state in ((2, "warning"), (4, "error")):
            for port in range(first + 4 * (count == 4), first + 2 * count, 2):
                other = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                other.bind(("127.0.0.1", port))
            finding = with_rtp(tmp_path, first)
            assert (finding.state, "rtp_ports" in finding.remedy) == (state, True)


def test_an_address_of_audio_that_is_not_this_machines_is_an_error(tmp_path: Path) -> None:
    finding = with_rtp(tmp_path, 30000, "192.0.2.1")
    assert finding.state == "error"
    assert "[media] address" in finding.remedy


def test_a_number_used_again_does_not_pass_for_a_running_server(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.state_directory.mkdir()
    (settings.state_directory / "run.json").write_text(json.dumps({"pid": os.getpid()}))
    (settings.state_directory / "lock").write_text("")
    host, port = settings.sip.listen[0].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((host, int(port)))
        states = [f.state for f in examine(settings) if f.check == "ports"]
    assert "error" in states


def test_a_server_that_really_runs_may_have_its_ports(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.state_directory.mkdir()
    (settings.state_directory / "run.json").write_text(json.dumps({"pid": 4711}))
    with (settings.state_directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finding = found(settings)["ports"]
    assert finding == Finding("ports", "ok", "the server is running (process 4711)")


def test_a_role_that_runs_by_itself_has_its_ports_and_the_others_are_tried(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.state_directory.mkdir()
    with (settings.state_directory / "lock-frontend").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        details = [f.detail for f in examine(settings) if f.check == "ports"]
    assert details == ["frontend is running", f"web: {settings.web.listen}"]
