"""The intake role: what is written to us comes in, is kept, read and queued.

What happens here: the listener for mails that are handed over, the pipeline behind it, the reading
processes, and the journal, which says what became of each.

Why: see `adapters/intake/pipeline.py`. A role killed at any moment goes on with the notes that are
left; nothing it had acknowledged is lost, and nothing is taken twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec
import structlog

from callcenter.adapters.chats import ChatStore
from callcenter.adapters.intake.claims import Claims
from callcenter.adapters.intake.imap import Box, Fetcher, Watermark
from callcenter.adapters.intake.lmtp import Handler, Mailbox, Server
from callcenter.adapters.intake.pipeline import Pipeline
from callcenter.adapters.intake.readers import Readers
from callcenter.adapters.intake.sender import Post, Sender
from callcenter.adapters.intake.transcripts import Transcripts
from callcenter.adapters.messengers import Courier, MessengerStore
from callcenter.adapters.metrics import MetricsPublisher, counted, gauge
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.journal import CommandWriter, EventReader, JournalGap
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import StoreError
from callcenter.app.config import MailboxSettings, Settings
from callcenter.app.config_documents import ChatSettings, MessengerSettings, messengers_of
from callcenter.app.context import RoleContext
from callcenter.app.secrets import secret_of
from callcenter.domain.events import Batch
from callcenter.intake.letter import Writer as Author
from callcenter.intake.rules import Door, Rule
from callcenter.records.published import Family

log = structlog.get_logger()


class IntakeRole:
    """Everything of one intake."""

    def __init__(self, context: RoleContext) -> None:
        settings = context.settings
        self._context = context
        self._keys = Keys(settings.store.namespace)
        self.writer = CommandWriter(context.store_url, self._keys, context.name, context.epoch)
        self._readers = Readers(context.state_directory)
        claims = Claims(self.writer.call, self._keys, f"{context.name}-claims", context.epoch)
        self.pipeline = Pipeline(
            context.state_directory, claims, self.writer, self._readers, doors_of(settings),
            secret_of(context.state_directory),
        )  # fmt: skip
        self.sender = Sender(
            self.writer.call, self._keys.outbox, self.writer, self.pipeline.blobs,
            posts_of(settings),
        )  # fmt: skip
        chats = ChatStore(
            context.store_url, self.writer.call, self._keys, context.state_directory
        )  # fmt: skip
        messengers = messengers_of(settings)
        self.courier = Courier(MessengerStore(chats), messengers) if messengers else None
        self.transcripts = Transcripts(
            chats, self.writer, authors_of(settings), secret_of(context.state_directory),
        )  # fmt: skip
        handler = Handler(self.pipeline, mailboxes_of(settings), lambda: self.writer.store_full)
        self.lmtp = Server(handler, settings.intake.mail_bytes_max)
        self.fetchers = [self._fetcher(box) for box in boxes_of(settings)]
        self._kept = 0

    def _fetcher(self, box: Box) -> Fetcher:
        """Its watermark is in the store, so that it outlives us."""
        field, key = f"imap:{box.name}", self._keys.marks

        async def read() -> Watermark:
            found = await self.writer.call("HGET", key, field)
            return msgspec.json.decode(bytes(found), type=Watermark) if found else Watermark()

        async def keep(mark: Watermark) -> None:
            await self.writer.call("HSET", key, field, msgspec.json.encode(mark))

        return Fetcher(box, self.pipeline, read, keep)

    async def begin(self) -> None:
        """Take up what is left, then listen."""
        self.pipeline.blobs.prepare()
        await self.writer.start()
        await self.pipeline.resume()
        await self.sender.resume()
        self._kept = await self._begin_at()
        listening = self._context.sockets.get("lmtp")
        if listening is not None:
            await self.lmtp.start(listening)

    async def follow(self) -> None:
        """What the journal says of ours, for ever; holes have a named way on."""
        after = self._kept
        while True:
            reader = EventReader(
                self._context.store_url, self._keys, after,
                archive=self._context.state_directory / "archive",
            )  # fmt: skip
            try:
                async for batches in reader.reads():
                    await self._see(batches)
            except JournalGap as gap:
                log.error("batches are gone", wanted=gap.wanted, found=gap.found)
                after = max(0, gap.found - 1)

    async def _begin_at(self) -> int:
        """Where an earlier life was in the journal; at its end where there was none, which is written
        down before anything is taken in."""
        seq = await self.writer.call("HGET", self._keys.marks, "journal")
        if seq is None:
            seq = await self.writer.call("HGET", self._keys.head, "seq") or 0
            await self.writer.call("HSET", self._keys.marks, "journal", int(seq))
        return int(seq)

    async def _see(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            while True:
                try:
                    await self.pipeline.see(batch.events)
                    await self.sender.see(batch.events)
                    await self.transcripts.see(batch.events)
                    break
                except (StoreError, StoreUnavailable, OSError) as away:
                    log.warning("the journal waits to be followed", reason=type(away).__name__)
                    await asyncio.sleep(0.5)
        if batches:
            self._kept = batches[-1].seq

    async def keep_place(self) -> None:
        """Write down how far the journal was read, for the next life."""
        kept = 0
        while True:
            await asyncio.sleep(1.0)
            if self._kept != kept:
                try:
                    await self.writer.call("HSET", self._keys.marks, "journal", self._kept)
                    kept = self._kept
                except (StoreError, StoreUnavailable, OSError):
                    continue  # the next second

    def families(self) -> list[Family]:
        """What it has done, for `/metrics`."""
        return [
            counted("callcenter_intake_total", "What arrived, and what became of it.", "what",
                    dict(self.pipeline.counts)),
            counted("callcenter_intake_read_total", "What the reading processes said.", "what",
                    dict(self._readers.counts)),
            counted("callcenter_mailboxes_total", "Mails fetched, and what went wrong.", "what",
                    sum((fetcher.counts for fetcher in self.fetchers), Counter())),
            counted("callcenter_letters_total", "Letters, and what became of them.", "what",
                    dict(self.sender.counts)),
            counted("callcenter_transcripts_total", "Chats that were over, and what became of them.",
                    "what", dict(self.transcripts.counts)),
            counted("callcenter_messenger_answers_total", "Answers to messaging services.", "what",
                    dict(self.courier.counts) if self.courier else {}),
            counted("callcenter_intake_seconds_total", "From acknowledged to queued, all together.",
                    "channel", self.pipeline.waited),
            gauge("callcenter_intake_pending", "Arrived and not yet in a queue.",
                  self.pipeline.left),
        ]  # fmt: skip

    async def publish(self) -> None:
        """Tell `/metrics`, until cancelled."""
        name = self._context.name
        await MetricsPublisher(name, self._keys.metrics, self.writer.call, self.families).run()

    async def close(self) -> None:
        """Take nothing more and end the readers."""
        await self.lmtp.close()
        await self._readers.close()
        await self.writer.close()


def doors_of(settings: Settings) -> dict[str, Door]:
    """Where things come in, by name."""
    timezone = settings.center_table.timezone
    mail = {box.name: _door(box, timezone) for box in settings.mailboxes}
    return mail | fax_doors(settings) | chat_doors(settings)


def chat_doors(settings: Settings) -> dict[str, Door]:
    """One for each chat and messenger: which queue its chats wait in."""
    doors: list[ChatSettings | MessengerSettings] = [*settings.chats, *settings.messengers]
    return {
        chat.name: Door(
            name=chat.name, queue=chat.queue, priority=chat.priority, skills=dict(chat.skills),
            rules=tuple(Rule(**rule.model_dump()) for rule in chat.rules),
        )
        for chat in doors
    }  # fmt: skip


def authors_of(settings: Settings) -> dict[str, Author]:
    """In whose name transcripts of chats are sent, by the name of the chat."""
    boxes = {box.name: box for box in settings.mailboxes if box.smtp and box.addresses}
    return {
        chat.name: Author(address=box.addresses[0], name=box.from_name, signature=box.signature)
        for chat in settings.chats
        if (box := boxes.get(chat.mailbox)) is not None
    }


def fax_doors(settings: Settings) -> dict[str, Door]:
    """One for each number that takes faxes, and for each sub-address there."""
    found: dict[str, Door] = {}
    for number in settings.numbers:
        if number.fax:
            queues = {number.number: number.fax} | {
                f"{number.number}/{sub}": queue for sub, queue in settings.fax.sub_addresses.items()
            }
            found |= {name: Door(name=name, queue=queue) for name, queue in queues.items()}
    return found | {one.name: Door(name=one.name, queue=one.queue) for one in settings.fax_sources}


def _door(box: MailboxSettings, timezone: str) -> Door:
    rules = tuple(Rule(**rule.model_dump()) for rule in box.rules)
    return Door(
        name=box.name, queue=box.queue, priority=box.priority, skills=dict(box.skills), rules=rules,
        address=box.addresses[0] if box.addresses else "", from_name=box.from_name,
        signature=box.signature, acknowledge=box.acknowledge, answer_hours=box.answer_hours,
        timezone=timezone,
    )  # fmt: skip


def mailboxes_of(settings: Settings) -> dict[str, Mailbox]:
    """Mailboxes by their addresses, in small letters."""
    return {
        address.lower(): Mailbox(box.name, box.authserv_id, gateways_of(box))
        for box in settings.mailboxes
        for address in box.addresses
    }


def gateways_of(box: MailboxSettings) -> tuple[str, ...]:
    """Whose mails are faxes."""
    return tuple(address.lower() for address in box.faxes_from)


def boxes_of(settings: Settings) -> list[Box]:
    """The mailboxes that are fetched from."""
    found = []
    for box in settings.mailboxes:
        if not box.imap:
            continue
        scheme, _, rest = box.imap.partition("://")
        host, _, port = rest.rpartition(":") if ":" in rest else (rest, "", "")
        found.append(
            Box(
                name=box.name, host=host, port=int(port or (993 if scheme == "imaps" else 143)),
                tls=scheme == "imaps", username=box.username,
                password=box.password.get_secret_value(), token_file=str(box.token_file or ""),
                folder=box.folder, address=box.addresses[0] if box.addresses else "",
                authserv=box.authserv_id, first_days=box.first_days,
                bytes_max=settings.intake.mail_bytes_max, gateways=gateways_of(box),
            )
        )  # fmt: skip
    return found


def posts_of(settings: Settings) -> dict[str, Post]:
    """Where letters are handed over, by the address that they come from."""
    found = {}
    for box in settings.mailboxes:
        if box.smtp and box.addresses:
            scheme, _, rest = box.smtp.partition("://")
            host, _, port = rest.rpartition(":") if ":" in rest else (rest, "", "")
            usual = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}[scheme]
            found[box.addresses[0].lower()] = Post(
                host=host, port=int(port or usual), tls=scheme == "smtps",
                start_tls=scheme == "smtp+starttls", username=box.username,
                password=box.password.get_secret_value(),
            )  # fmt: skip
    return found


async def serve(context: RoleContext, stopping: asyncio.Event) -> None:
    """Take in until told to stop."""
    role = IntakeRole(context)
    await role.begin()
    tasks = [
        asyncio.create_task(role.pipeline.work(), name="work"),
        asyncio.create_task(role.sender.work(), name="send"),
        asyncio.create_task(role.follow(), name="follow"),
        asyncio.create_task(role.keep_place(), name="place"),
        asyncio.create_task(role.publish(), name="figures"),
        *([asyncio.create_task(role.courier.work(), name="courier")] if role.courier else []),
        *(asyncio.create_task(fetcher.run(), name="fetch") for fetcher in role.fetchers),
        asyncio.create_task(stopping.wait(), name="stop"),
    ]
    try:
        context.line.ready(left=role.pipeline.left)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await role.close()
