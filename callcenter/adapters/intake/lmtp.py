"""Mails handed over by the mail server of the house (LMTP): `250` means that we have it for good.

Why: a mail server in front does what it does best (TLS, spam, signatures, waiting), and its queue is
the other half of exactly once: it hands a mail over again until it has read our 250, and we know it
again. Each recipient has an answer of its own (RFC 2033 4.2).

    550  nobody here has that address        552  larger than is taken
    451  the store is away or nearly full, so try again       452  the disk is full

Sources: RFC 2033 (LMTP), RFC 5321 4.5.3; the end of data is CRLF.CRLF and nothing else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from callcenter.adapters.intake.pipeline import Pipeline, Refused
from callcenter.intake.arrival import as_fax, mail_arrival

log = structlog.get_logger()

LINE_BYTES_MAX = 1024 * 1024
"""Of mails, not of commands: real ones have lines of 40 kB."""
RECIPIENTS_MAX = 50
IDLE_SECONDS = 120.0
CONNECTIONS_MAX = 50


class Mailbox:
    """What is known of a mailbox here: its name, and who signs results for it."""

    def __init__(self, name: str, authserv: str = "", gateways: Collection[str] = ()) -> None:
        """Mails of the `gateways` are faxes."""
        self.name = name
        self.authserv = authserv
        self.gateways = gateways


class _Lmtp(LMTP):
    line_length_limit = LINE_BYTES_MAX


class Handler:
    """What the protocol asks us."""

    def __init__(
        self, pipeline: Pipeline, mailboxes: Mapping[str, Mailbox], is_full: Callable[[], bool]
    ) -> None:
        """`mailboxes` by address in small letters; `is_full` says that new work must wait."""
        self._pipeline = pipeline
        self._mailboxes = mailboxes
        self._is_full = is_full

    async def handle_RCPT(  # noqa: N802 the library calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Is it one of ours?"""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 too many recipients at once"
        if self.mailbox(address) is None:
            self._pipeline.counts["no_such_mailbox"] += 1
            return "550 5.1.1 nobody here has this address"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    def mailbox(self, address: str) -> Mailbox | None:
        """By the whole address, without what stands behind a plus sign."""
        local, _, domain = address.strip("<>").lower().rpartition("@")
        plain = local.partition("+")[0]
        return self._mailboxes.get(f"{local}@{domain}") or self._mailboxes.get(f"{plain}@{domain}")

    async def handle_DATA(  # noqa: N802 the library calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """An answer for each recipient, in their order."""
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        answers = [await self._take(to, envelope.mail_from or "", data) for to in envelope.rcpt_tos]
        return "\r\n".join(answers)

    async def _take(self, to: str, sender: str, data: bytes) -> str:
        mailbox = self.mailbox(to)
        if mailbox is None:
            return "550 5.1.1 nobody here has this address"
        if self._is_full():
            self._pipeline.counts["overload"] += 1
            return "451 4.3.2 nearly full, try again"
        arrival = mail_arrival(
            mailbox.name, data, sender.strip("<>"), to.strip("<>"), authserv=mailbox.authserv
        )
        arrival = as_fax(arrival, data, mailbox.gateways)
        try:
            receipt = await self._pipeline.receive(arrival, data)
        except Refused as refused:
            code = "452 4.3.1" if "disk" in str(refused) else "451 4.3.0"
            return f"{code} {refused}"
        return f"250 2.6.0 {receipt.contact} {'taken' if receipt.new else 'was here already'}"


class Server:
    """The listener of one intake."""

    def __init__(self, handler: Handler, bytes_max: int) -> None:
        self._handler = handler
        self._bytes_max = bytes_max
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve on a socket that listens already."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, sock=listening)

    def _session(self) -> asyncio.Protocol:
        return _Lmtp(
            self._handler, hostname="callcenter", data_size_limit=self._bytes_max,
            enable_SMTPUTF8=True, timeout=IDLE_SECONDS, ident="callcenter",
        )  # fmt: skip

    async def close(self) -> None:
        """Take nothing more; what was answered is kept."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
