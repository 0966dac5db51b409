"""What a front end keeps and copies of its messages, from the configuration."""

from __future__ import annotations

import asyncio
import socket

import structlog

from callcenter.adapters.sip_watch import Watch
from callcenter.app.addresses import host_port
from callcenter.app.config import Settings

log = structlog.get_logger(__name__)


async def watch_of(settings: Settings, index: int) -> Watch:
    """The ring, and the capture server if its name is known; one that is not costs no call."""
    sip = settings.sip
    if not sip.capture:
        return Watch(sip.trace_messages)
    host, port = host_port(sip.capture)
    try:
        found = await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_DGRAM)
    except OSError as wrong:
        log.error("the capture server's name is not known", error=str(wrong))
        return Watch(sip.trace_messages)
    address = found[0][4]
    return Watch(sip.trace_messages, (str(address[0]), port), agent=index + 1)
