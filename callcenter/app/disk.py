"""How much disk is left for the state directory, and a word in the log before there is none.

Why: the journal stops the center when it cannot be written, so that nothing is promised that a
restart would forget. Whoever runs it must hear of that days before, once and not every second.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger()

FREE_BYTES_MIN = 1_000_000_000
"""Less than this is told; the doctor wants as much."""
RELIEF = 1.1
"""So much more is enough again: a disk at the limit is not told of at every look."""


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


class DiskWatch:
    """Looks at one directory's disk."""

    def __init__(self, directory: Path, free: Callable[[Path], int] = _free_bytes) -> None:
        self._directory = directory
        self._free = free
        self._is_short = False

    def look(self) -> int:
        """Bytes free now; crossing the limit either way is logged."""
        free = self._free(self._directory)
        if not self._is_short and free < FREE_BYTES_MIN:
            self._is_short = True
            log.warning(
                "the disk is nearly full: free some space, or lower [store] archive_days",
                directory=str(self._directory), free_megabytes=free // 1_000_000,
            )  # fmt: skip
        elif self._is_short and free > FREE_BYTES_MIN * RELIEF:
            self._is_short = False
            log.info("the disk has room again", free_megabytes=free // 1_000_000)
        return free
