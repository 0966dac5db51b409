"""The front end's TLS side: certificates in force, their renewal, and who may come by WebSocket.

Why: a certificate that ran out silences every phone that checks it. The files are looked at every
minute, changed ones are taken, and the days that are left are a figure to be watched.
"""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from callcenter.adapters.certificates import CertificateError, Certificates
from callcenter.adapters.metrics import counted, gauge
from callcenter.adapters.sip_transport import SipTransports
from callcenter.app.config import Settings
from callcenter.app.config_tls import certificates_of
from callcenter.records.published import Family

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger(__name__)

LOOK_SECONDS = 20.0


class TlsSide:
    """Everything of one front end that has to do with certificates."""

    def __init__(self, settings: Settings) -> None:
        self._origins = frozenset(origin.rstrip("/").lower() for origin in settings.web.origins)
        self._shown: list[Certificates] = []
        """To phones and trunks, and to browsers, whom nobody asks for a certificate."""
        self._settings = settings
        self.renewed = 0
        self.broken = 0

    def open(self, wire: SipTransports, sockets: Mapping[str, socket.socket]) -> None:
        """Listen. Raises `CertificateError` when there is nothing to show."""
        secure = {n: s for n, s in sockets.items() if n.startswith(("sip-tls", "sip-wss"))}
        if not secure:
            return
        to_phones = certificates_of(self._settings)
        to_browsers = certificates_of(self._settings.model_copy(update={"trunks": ()}))
        assert to_phones is not None
        assert to_browsers is not None
        self._shown = [to_phones, to_browsers]
        for name, opened in secure.items():
            if name.startswith("sip-tls"):
                wire.add_tls_listener(opened, to_phones)
            else:
                wire.add_wss_listener(opened, to_browsers, self.admits)

    def admits(self, origin: str | None) -> bool:
        """Whether a page may speak SIP; programs, which send no origin, may."""
        return origin is None or origin.rstrip("/").lower() in self._origins

    async def follow(self) -> None:
        """Take renewed certificates. Runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for shown in self._shown:
                await asyncio.to_thread(self._renew, shown)

    def _renew(self, shown: Certificates) -> None:
        try:
            if shown.renew():
                self.renewed += 1
                log.info("certificates renewed", valid_until=shown.ends.isoformat())
        except CertificateError as wrong:
            self.broken += 1
            log.error("certificates not taken; the old ones are shown", reason=str(wrong))

    def figures(self) -> list[Family]:
        """How long the first certificate to end is still valid; nothing without one."""
        if not self._shown:
            return []
        left = (self._shown[0].ends - datetime.now(UTC)).total_seconds()
        taken = {"taken": self.renewed, "refused": self.broken}
        return [
            gauge("callcenter_certificate_seconds_left", "Until the first certificate shown to phones ends.", left),
            counted("callcenter_certificates_renewed_total", "Changed certificate files.", "result", taken),
        ]  # fmt: skip
