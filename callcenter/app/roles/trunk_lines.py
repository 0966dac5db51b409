"""The connections to trunks over TLS and TCP, which we open and keep.

Why: a call to a trunk must not wait for a handshake, and a provider that sends its calls over the
connection that we opened needs one. It is opened at the start, pinged so that no translator forgets
it, and opened again when it is lost: at once the first time, then ever more slowly.

Sources: RFC 3261 18.1.1 and 26.2, RFC 5626 4.4.1 (CRLF), RFC 5922 7.3 (whose certificate it must be).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from callcenter.adapters.certificates import CertificateError, read_chain
from callcenter.adapters.sip_transport import SipTransports
from callcenter.app.addresses import host_port
from callcenter.app.config import Settings, TrunkSettings
from callcenter.sip.flow import Address, Flow

log = structlog.get_logger(__name__)

PING = b"\r\n\r\n"
PING_SECONDS = 30.0
PAUSES_SECONDS = (0.5, 2.0, 5.0, 15.0, 60.0)
STEADY_SECONDS = 60.0
"""A connection that lived so long makes the next one quick again."""

Sleep = Callable[[float], Awaitable[None]]


class TrunkLines:
    """One connection for each trunk that is no UDP trunk.

    Attributes:
        flows: the open ones, by trunk.
    """

    def __init__(
        self,
        settings: Settings,
        wire: SipTransports,
        changed: Callable[[], None] = lambda: None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.flows: dict[str, Flow] = {}
        self._trunks = [trunk for trunk in settings.trunks if trunk.transport != "udp"]
        self._wire = wire
        self._changed = changed
        self._sleep = sleep
        self._ends: dict[int, asyncio.Event] = {}
        """By the number of the connection: set when it is over."""

    async def keep(self) -> None:
        """Keep all of them open. Runs until cancelled."""
        async with asyncio.TaskGroup() as lines:
            for trunk in self._trunks:
                lines.create_task(self._keep(trunk))
            await asyncio.Event().wait()

    async def _keep(self, trunk: TrunkSettings) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                flow = await self._open(trunk)
            except (OSError, CertificateError) as wrong:
                log.error("a trunk cannot be connected to", trunk=trunk.name, reason=str(wrong))
            else:
                await self._until_over(trunk, flow)
            failures = 0 if loop.time() - began > STEADY_SECONDS else failures + 1
            await self._sleep(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS)) - 1])

    async def _open(self, trunk: TrunkSettings) -> Flow:
        host, port = host_port(trunk.address)
        found = await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        address: Address = (str(found[0][4][0]), port)
        if trunk.transport == "tls":
            creator = await asyncio.to_thread(creator_for, trunk)
            flow = self._wire.connect_tls(address, creator, trunk.name)
        else:
            flow = self._wire.connect_tcp(address)
            self._found(trunk.name, flow)
        self._ends[flow.connection] = asyncio.Event()
        return flow

    async def _until_over(self, trunk: TrunkSettings, flow: Flow) -> None:
        over = self._ends[flow.connection]
        try:
            while not over.is_set():
                try:
                    async with asyncio.timeout(PING_SECONDS):  # wait_for may swallow our end
                        await over.wait()
                except TimeoutError:
                    if trunk.name in self.flows:
                        self._wire.send(self.flows[trunk.name], PING)
        finally:
            del self._ends[flow.connection]
        if self.flows.pop(trunk.name, None) is not None:
            log.warning("the connection to a trunk was lost", trunk=trunk.name)
            self._changed()

    def proven(self, flow: Flow, trunk: str) -> None:
        """A certificate was found good; one of ours, if we opened the connection."""
        if flow.connection in self._ends:
            self._found(trunk, flow)

    def closed(self, flow: Flow) -> None:
        """A connection is over; one of ours is opened again."""
        over = self._ends.get(flow.connection)
        if over is not None:
            over.set()

    def _found(self, trunk: str, flow: Flow) -> None:
        self.flows[trunk] = flow
        log.info("connected to a trunk", trunk=trunk)
        self._changed()


def creator_for(trunk: TrunkSettings) -> Any:
    """How a trunk's certificate is checked and which of ours it is shown. Raises
    `CertificateError`."""
    from OpenSSL import crypto
    from twisted.internet import ssl

    from callcenter.adapters.certificates import CIPHERS

    twisted: Any = ssl  # part of it has no types
    roots = ours = None
    if trunk.authorities_file is not None:
        chain = [crypto.X509.from_cryptography(one) for one in read_chain(trunk.authorities_file)]
        roots = twisted.trustRootFromCertificates([twisted.Certificate(one) for one in chain])
    if trunk.certificate_file and trunk.key_file:
        try:
            pem = trunk.key_file.read_bytes() + b"\n" + trunk.certificate_file.read_bytes()
            ours = twisted.PrivateCertificate.loadPEM(pem)
        except (OSError, crypto.Error) as wrong:
            raise CertificateError(f"{trunk.certificate_file} cannot be used: {wrong}") from wrong
    host = trunk.peer_name or host_port(trunk.address)[0]
    options = {"raiseMinimumTo": ssl.TLSVersion.TLSv1_2, "acceptableCiphers": CIPHERS}
    return ssl.optionsForClientTLS(host, roots, ours, extraCertificateOptions=options)
