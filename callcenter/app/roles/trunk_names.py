"""Where trunks are that are found by name: asked of the DNS again as often as its answers want it.

Why: a provider moves machines by changing records. The asking waits for nobody and nobody for it:
what is found comes into the front end like any other input.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from callcenter.app.addresses import host_port
from callcenter.app.config import Settings, TrunkSettings
from callcenter.frontend.turn import TargetsFound

if TYPE_CHECKING:
    from callcenter.adapters.sip_names import SipNames


class TrunkNames:
    """One asking for each such trunk."""

    def __init__(self, settings: Settings, tell: Callable[[TargetsFound], None]) -> None:
        self._trunks = [trunk for trunk in settings.trunks if trunk.discover]
        self._server = settings.sip.dns_server
        self._tell = tell
        self.names: SipNames | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """Questions, for the metrics: `asked`, `remembered`, `absent`, `failed`."""
        return self.names.counts if self.names is not None else {}

    async def follow(self) -> None:
        """Ask for all of them. Runs until cancelled."""
        if self._trunks:
            from callcenter.adapters.sip_names import SipNames  # callers are taken back before it

            servers = (host_port(self._server),) if self._server else ()
            self.names = SipNames(servers)
        async with asyncio.TaskGroup() as asking:
            for trunk in self._trunks:
                asking.create_task(self._follow(trunk))
            await asyncio.Event().wait()

    async def _follow(self, trunk: TrunkSettings) -> None:
        host, port = host_port(trunk.address)
        while True:
            assert self.names is not None
            found = await self.names.locate(host, port, trunk.transport)
            self._tell(TargetsFound(trunk.name, found.addresses))
            await asyncio.sleep(found.seconds)
