"""A disk that fills up is told of once, before it is full."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from callcenter.app.disk import FREE_BYTES_MIN, DiskWatch


def test_a_nearly_full_disk_is_told_once_and_its_relief_too(tmp_path: Path) -> None:
    free = iter((3.0, 0.9, 0.8, 1.05, 0.95, 1.2, 0.5))
    watch = DiskWatch(tmp_path, lambda _: int(next(free) * FREE_BYTES_MIN))
    with capture_logs() as logged:
        seen = [watch.look() for _ in range(7)]
    assert seen[0] == 3 * FREE_BYTES_MIN
    assert [line["log_level"] for line in logged] == ["warning", "info", "warning"]
    assert "archive_days" in logged[0]["event"]


def test_it_looks_at_the_real_disk_of_a_directory(tmp_path: Path) -> None:
    assert DiskWatch(tmp_path).look() > 0
