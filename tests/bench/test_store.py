"""The bench of the store measures what it says it does. No figure is judged here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callcenter.app.bench import store


def test_every_command_is_seen_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "RATE_SECONDS", 0.5)
    monkeypatch.setattr(store, "WARM_SECONDS", 0.2)
    row = asyncio.run(store.latency(tmp_path / "s", 400))
    assert row["seen"] >= 150
    assert row["unseen"] == 0
    assert 0 < row["p50_ms"] <= row["p99_ms"]


def test_whole_lives_are_lived_to_their_end(tmp_path: Path) -> None:
    row = asyncio.run(store.throughput(tmp_path / "s", "lives", store.interleaved(100)))
    assert row["commands_per_second"] > 0
    assert row["served"] == 100


def test_what_was_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "RECOVERED_AGENTS", 20)
    monkeypatch.setattr(store, "RECOVERED_CONTACTS", 100)
    row = asyncio.run(store.recovery(tmp_path / "s"))
    assert row["recovery_seconds"] < 2
