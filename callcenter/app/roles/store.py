"""The store's role: a foreign program, so its process is the server itself.

Why: a Python process between the holder and Valkey would only be one more thing that can die. The
holder starts the server, waits until it answers and restarts it, as with every role.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from callcenter.adapters.store import embedded
from callcenter.app.config import Settings


@dataclass
class StoreProcess:
    """Starts the embedded server and knows when it is ready."""

    settings: Settings
    _log_from: int = 0

    async def start(self) -> asyncio.subprocess.Process:
        """Start the server. Raises `StoreUnavailable`."""
        with contextlib.suppress(OSError):
            self._log_from = (self.settings.store_directory / "server.log").stat().st_size
        return await embedded.start_server(
            self.settings.store_directory, self.settings.store.memory_max_megabytes
        )

    async def ready(self, process: asyncio.subprocess.Process) -> None:
        """Wait until it answers. Raises `StoreUnavailable`."""
        directory = self.settings.store_directory
        path = embedded.socket_path(directory)
        try:
            await embedded.wait_ready(process, path, directory / "server.log")
        except embedded.StoreUnavailable as failed:
            raise embedded.StoreUnavailable(self.last_words() or str(failed)) from failed

    def last_words(self) -> str:
        """Why the last server ended and what helps, where it is known."""
        return embedded.disk_trouble(self.settings.store_directory, self._log_from)
