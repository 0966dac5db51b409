"""The intake role, wired as it runs: a mail comes in, is acknowledged to its writer, and waits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from callcenter.adapters.store.keys import Keys
from callcenter.app.config import Settings
from callcenter.app.context import HolderLine, RoleContext
from callcenter.app.roles import intake
from callcenter.domain import events as e
from callcenter.records.published import decode_published
from tests.adapters.intake_house import OFFICE, hand_over, letter
from tests.adapters.store_server import Led, StoreServer, seed
from tests.adapters.test_intake import soon
from tests.crash.mail import all_batches


class Outside:
    """The mail server of the house."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(  # noqa: N802 the library calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 ok"


def settings(directory: Path, smtp: int) -> Settings:
    return Settings.model_validate(
        {
            "state_directory": str(directory),
            "intake": {"lmtp_listen": "127.0.0.1:0"},
            "mailbox": [
                {
                    "name": "office", "addresses": [OFFICE], "queue": "sales",
                    "smtp": f"smtp://127.0.0.1:{smtp}", "acknowledge": "By {answer_by}.",
                    "rules": [{"words": ["matter"], "priority": 9}],
                }
            ],
            "queue": [{"id": "sales"}],
        }
    )  # fmt: skip


def served(
    store: StoreServer, tmp_path: Path,
    story: Callable[[int, Outside], Awaitable[None]], epoch: int = 1,
) -> None:  # fmt: skip
    """A story with the role, a leader and a mail server."""

    async def whole() -> None:
        outside = Outside()
        loop = asyncio.get_running_loop()
        post = await loop.create_server(lambda: SMTP(outside, hostname="mx"), "127.0.0.1", 0)
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        port = listening.getsockname()[1]
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        context = RoleContext(
            role="intake", index=0, settings=settings(state, post.sockets[0].getsockname()[1]),
            sockets={"lmtp": listening}, addresses={}, store_url=store.url,
            state_directory=state, epoch=epoch, line=HolderLine(None),
        )  # fmt: skip
        stopping = asyncio.Event()
        role = asyncio.create_task(intake.serve(context, stopping))
        try:
            async with asyncio.timeout(60):
                await story(port, outside)
        finally:
            stopping.set()
            await asyncio.wait_for(role, 30)
            post.close()

    led = Led(store)
    try:
        asyncio.run(whole())
    finally:
        led.end()


def queued(store: StoreServer) -> list[e.ContactQueued]:
    events = [x for batch in all_batches(store.connect(), Keys()) for x in batch.events]
    return [event for event in events if isinstance(event, e.ContactQueued)]


def test_a_mail_waits_by_the_rule_and_its_writer_is_told_once(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(port: int, outside: Outside) -> None:
        for number in (1, 2):
            mail = letter(number).replace(b"customer2@", b"customer1@")
            assert not await asyncio.to_thread(hand_over, port, mail)
        await soon(lambda: len(queued(store)) == 2, 40)
        assert [one.priority for one in queued(store)] == [9, 9]
        await soon(lambda: bool(outside.mails), 40)
        await asyncio.sleep(1)
        (told,) = outside.mails
        assert b"Auto-Submitted: auto-replied" in told
        assert b"To: customer1@example.org" in told

        def pending() -> float:
            data = store.connect().call("HGET", store.keys.metrics, "intake-0")
            families = decode_published(bytes(data)).families if data else []
            found = {family.name: family for family in families}
            gauge = found.get("callcenter_intake_pending")
            return gauge.samples[0][1] if gauge else -1.0

        await soon(lambda: pending() == 0.0, 20)

    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    served(store, tmp_path, story)


def test_the_next_life_goes_on_in_the_journal_where_the_last_one_was(
    store: StoreServer, tmp_path: Path
) -> None:
    async def first(port: int, _outside: Outside) -> None:
        await asyncio.to_thread(hand_over, port, letter(1))
        await soon(lambda: len(queued(store)) == 1, 40)
        await soon(lambda: bool(store.connect().call("HGET", store.keys.marks, "journal")), 20)

    async def second(port: int, _outside: Outside) -> None:
        await asyncio.to_thread(hand_over, port, letter(1))
        await asyncio.to_thread(hand_over, port, letter(2))
        await soon(lambda: len(queued(store)) == 2, 40)

    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    served(store, tmp_path, first)
    served(store, tmp_path, second, epoch=2)
