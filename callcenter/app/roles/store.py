"""The store's role: a foreign program, so its process is the server itself.

Why: a Python process between the holder and Valkey would only be one more thing that can die. The
holder starts the server, waits until it answers and restarts it, as with every role.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from callcenter.adapters.store import embedded
from callcenter.app.config import Settings


@dataclass
class StoreProcess:
    """Starts the embedded server and knows when it is ready."""

    settings: Settings

    async def start(self) -> asyncio.subprocess.Process:
        """Start the server. Raises `StoreUnavailable`."""
        return await embedded.start_server(
            self.settings.store_directory, self.settings.store.memory_max_megabytes
        )

    async def ready(self, process: asyncio.subprocess.Process) -> None:
        """Wait until it answers. Raises `StoreUnavailable`."""
        directory = self.settings.store_directory
        await embedded.wait_ready(
            process, embedded.socket_path(directory), directory / "server.log"
        )
