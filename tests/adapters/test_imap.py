"""A mailbox is fetched from by number: each mail once, whoever has read it, whatever restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from imapclient import IMAPClient

from callcenter.adapters.intake.imap import Box, Fetcher, Watermark
from callcenter.domain import events as e
from tests.adapters.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.adapters.intake_house import OFFICE, Intake, letter, running
from tests.adapters.store_server import Led, StoreServer, seed
from tests.adapters.test_intake import soon


class Mailbox:
    """A mailbox with its fetcher, whose watermark outlives it."""

    def __init__(self, intake: Intake, server: Dovecot, password: str = PASSWORD) -> None:
        self.mark = Watermark()
        self.box = Box(
            name="office", host="127.0.0.1", port=server.imap, tls=False, username=USER,
            password=password, address=OFFICE,
        )  # fmt: skip
        self._intake = intake
        self.fetcher = self._made()
        self._task = asyncio.create_task(self.fetcher.run())

    def _made(self) -> Fetcher:
        return Fetcher(self.box, self._intake.pipeline, self._read, self._keep)

    async def _read(self) -> Watermark:
        return self.mark

    async def _keep(self, mark: Watermark) -> None:
        self.mark = mark

    async def begin_again(self) -> None:
        """The process died, and another goes on."""
        await self.close()
        self.fetcher = self._made()
        self._task = asyncio.create_task(self.fetcher.run())

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def fetched(
    store: StoreServer, tmp_path: Path,
    story: Callable[[Intake, Dovecot, Mailbox], Awaitable[None]], password: str = PASSWORD,
) -> None:  # fmt: skip
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)

    async def whole(server: Dovecot) -> None:
        async with running(store.url, tmp_path / "state") as intake:
            mailbox = Mailbox(intake, server, password)
            try:
                async with asyncio.timeout(280):
                    await story(intake, server, mailbox)
            finally:
                await mailbox.close()

    try:
        with dovecot() as server:
            asyncio.run(whole(server))
    finally:
        led.end()


def arrived(intake: Intake) -> int:
    return len(intake.all(e.ContactArrived))


def test_mails_arrive_as_they_come_and_after_restarts_of_either_side(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake, server: Dovecot, mailbox: Mailbox) -> None:
        await asyncio.to_thread(server.deliver, letter(1))
        await soon(lambda: arrived(intake) == 1, 120)
        await asyncio.to_thread(server.deliver, letter(2))
        await soon(lambda: arrived(intake) == 2, 120)
        await mailbox.begin_again()
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(server.deliver, letter(3))
        await soon(lambda: arrived(intake) == 3, 120)
        assert intake.pipeline.counts["known"] == 0, "nothing was fetched twice"

    fetched(store, tmp_path, story)


def test_a_mail_that_somebody_has_read_already_arrives_all_the_same(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake, server: Dovecot, mailbox: Mailbox) -> None:
        await mailbox.close()

        def read_by_hand() -> None:
            server.deliver(letter(1))
            with IMAPClient("127.0.0.1", port=server.imap, ssl=False) as client:
                client.login(USER, PASSWORD)
                client.select_folder("INBOX")
                client.add_flags(client.search("ALL"), [b"\\Seen"])

        await asyncio.to_thread(read_by_hand)
        await mailbox.begin_again()
        await soon(lambda: arrived(intake) == 1, 120)

    fetched(store, tmp_path, story)


def test_a_mailbox_that_is_made_anew_brings_nothing_twice(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake, server: Dovecot, mailbox: Mailbox) -> None:
        for number in (1, 2):
            await asyncio.to_thread(server.deliver, letter(number))
        await soon(lambda: arrived(intake) == 2, 120)
        before = mailbox.mark
        await mailbox.close()
        await asyncio.to_thread(server.begin_anew)
        await asyncio.to_thread(server.deliver, letter(3))
        await mailbox.begin_again()
        await soon(lambda: arrived(intake) == 3, 120)
        await soon(lambda: intake.pipeline.counts["known"] == 2)
        assert mailbox.mark.uidvalidity != before.uidvalidity
        assert mailbox.fetcher.counts["uidvalidity"]

    fetched(store, tmp_path, story)


def test_a_wrong_password_is_counted_and_stops_nothing(store: StoreServer, tmp_path: Path) -> None:
    async def story(intake: Intake, _server: Dovecot, mailbox: Mailbox) -> None:
        await soon(lambda: mailbox.fetcher.counts["login"] == 1, 120)
        assert arrived(intake) == 0

    fetched(store, tmp_path, story, password="wrong")
