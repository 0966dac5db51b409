"""Mails are fetched from a mailbox (IMAP): by number, each once, and never by whether it was read.

    connect ─► select ─► what lies above the watermark ─► each: fetched, received, watermark ─► IDLE

Why a watermark: `\\Seen` is set by whoever looks into the mailbox, so a mail that a person had opened
would never arrive. UIDs only grow; when UIDVALIDITY changes they begin anew, and what lies there of
the last `DAYS_AGAIN` days is fetched again: what was here before is known by what it says.

Why a thread: the client blocks, and IDLE waits for minutes. It does nothing but fetch; what it
fetched is received on the loop, like everything else.

Sources: RFC 3501 2.3.1.1 (UIDVALIDITY), RFC 2177 (IDLE, to be renewed within 29 minutes), RFC 7628 and
the XOAUTH2 of Google and Microsoft.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from callcenter.adapters.intake.pipeline import Pipeline, Refused
from callcenter.intake.arrival import as_fax, mail_arrival, place_key

log = structlog.get_logger()

IDLE_SECONDS = 25
"""IDLE is renewed so often. Of a mail that comes between the look and the IDLE the server speaks once,
before it says that it waits, where the client does not listen: it is found by the next look."""
POLL_SECONDS = 30
ANSWER_SECONDS = 15
RECEIVE_SECONDS = 60
PAUSES_SECONDS = (1, 2, 5, 15, 60)
DAYS_AGAIN = 30
AWAY = (OSError, IMAPClientError, socket.timeout, ssl.SSLError)


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox that is fetched from."""

    name: str
    host: str
    port: int
    tls: bool
    username: str
    password: str = ""
    token_file: str = ""
    """Where the access token of the account lies; whoever refreshes it writes it there."""
    folder: str = "INBOX"
    address: str = ""
    authserv: str = ""
    first_days: int = 1
    """Of what lies there at the first time."""
    bytes_max: int = 26_214_400
    gateways: tuple[str, ...] = ()
    """Whose mails are faxes."""


class Watermark(msgspec.Struct, frozen=True, array_like=True):
    """Up to which mail of which life of the mailbox everything was taken."""

    uidvalidity: int = 0
    uid: int = 0


class Fetcher:
    """One mailbox. Start it with `run` as a task; the thread ends with it."""

    def __init__(
        self,
        box: Box,
        pipeline: Pipeline,
        read_mark: Callable[[], Awaitable[Watermark]],
        keep_mark: Callable[[Watermark], Awaitable[None]],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._box = box
        self._pipeline = pipeline
        self._read_mark = read_mark
        self._keep_mark = keep_mark
        self._stop = threading.Event()
        self._client: IMAPClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._mark = Watermark()

    async def run(self) -> None:
        """Fetch for ever; a mailbox that is away is tried again, later and later."""
        self._loop = asyncio.get_running_loop()
        self._mark = await self._read_mark()
        thread = asyncio.create_task(asyncio.to_thread(self._fetch))
        try:
            await asyncio.shield(thread)
        finally:
            self._stop.set()
            self._cut()
            await asyncio.wait([thread], timeout=5)

    def _cut(self) -> None:
        """Wake the thread, whatever it waits for: a network that is gone never does."""
        client = self._client
        if client is not None:
            with suppress(*AWAY):
                client.shutdown()

    # --- in the thread --------------------------------------------------------------------------

    def _fetch(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                with self._connected() as client:
                    self._client = client
                    failures = 0
                    self._stay(client)
            except LoginError:
                self.counts["login"] += 1
                log.error("the mailbox refuses us: its password is wrong, or its token has expired",
                          mailbox=self._box.name)  # fmt: skip
                failures = len(PAUSES_SECONDS)
            except (*AWAY, Refused, TimeoutError) as away:
                self.counts["away"] += 1
                log.warning("a mailbox is away", mailbox=self._box.name, reason=type(away).__name__)
                failures += 1
            self._client = None
            self._stop.wait(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])

    def _connected(self) -> IMAPClient:
        box = self._box
        client = IMAPClient(box.host, port=box.port, ssl=box.tls, timeout=ANSWER_SECONDS)
        try:
            if box.token_file:
                token = Path(box.token_file).read_text("utf-8").strip()
                client.oauth2_login(box.username, token)
            else:
                client.login(box.username, box.password)
        except IMAPClientError as refused:
            with suppress(*AWAY):
                client.shutdown()
            raise LoginError("refused") from refused
        return client

    def _stay(self, client: IMAPClient) -> None:
        told = client.select_folder(self._box.folder)
        uidvalidity = int(told[b"UIDVALIDITY"])
        idles = client.has_capability("IDLE")
        while not self._stop.is_set():
            for uid in self._new(client, uidvalidity):
                self._take(client, uidvalidity, uid)
            if idles:
                client.idle()
                client.idle_check(timeout=IDLE_SECONDS)
                client.idle_done()
            else:
                self._stop.wait(POLL_SECONDS)
                client.noop()

    def _new(self, client: IMAPClient, uidvalidity: int) -> list[int]:
        """What was not taken yet, in its order."""
        if self._mark.uidvalidity == uidvalidity:
            found = client.search(["UID", f"{self._mark.uid + 1}:*"])
            return sorted(uid for uid in found if uid > self._mark.uid)
        days = DAYS_AGAIN if self._mark.uidvalidity else self._box.first_days
        if self._mark.uidvalidity:
            self.counts["uidvalidity"] += 1
        since = dt.datetime.fromtimestamp(time.time(), dt.UTC).date() - dt.timedelta(days=days)
        return sorted(client.search(["SINCE", since]))

    def _take(self, client: IMAPClient, uidvalidity: int, uid: int) -> None:
        """Receive one mail, then move the watermark. Raises `Refused`: it stays where it is."""
        data = self._bytes_of(client, uid)
        if data is not None:
            self._received(uidvalidity, uid, data)
        self._mark = Watermark(uidvalidity, uid)
        self._await(self._keep_mark(self._mark))
        with suppress(*AWAY):
            client.add_flags([uid], [b"\\Seen"], silent=True)  # for people who look into it

    def _bytes_of(self, client: IMAPClient, uid: int) -> bytes | None:
        """The mail; of one that is too large its header; None when it is gone."""
        size = client.fetch([uid], ["RFC822.SIZE"]).get(uid, {}).get(b"RFC822.SIZE", 0)
        part = "BODY.PEEK[HEADER]" if int(size) > self._box.bytes_max else "BODY.PEEK[]"
        if part != "BODY.PEEK[]":
            self.counts["too_large"] += 1
        found: Any = client.fetch([uid], [part]).get(uid, {})
        data = found.get(part.replace(".PEEK", "").encode())
        return bytes(data) if data is not None else None

    def _received(self, uidvalidity: int, uid: int, data: bytes) -> None:
        box = self._box
        place = place_key(box.name, uidvalidity, uid)
        arrival = mail_arrival(box.name, data, "", box.address, place=place, authserv=box.authserv)
        arrival = as_fax(arrival, data, box.gateways)
        self._await(self._pipeline.receive(arrival, data))
        self.counts["fetched"] += 1

    def _await(self, what: Awaitable[Any]) -> Any:
        """Have the loop do it, and wait for it."""
        assert self._loop is not None

        async def done() -> Any:
            return await what

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(RECEIVE_SECONDS)
