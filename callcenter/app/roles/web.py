"""The web role: folds the journal for itself and serves wall, desk, API and metrics.

What happens here: it starts from what the records role wrote, reads the journal ten times a second
and wakes the hub; commands of people go into the journal by a writer of its own. Beside it, once a
second: the numbers of new callers, the state of the control center, what other roles publish.

Why: reading in groups costs a fraction of reading each batch, and a tenth of a second is less than
anybody sees. Only while somebody waits for an answer does it read as they come.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog
from aiohttp import web
from pydantic import SecretStr

from callcenter.adapters.blobs import Blobs, NoSuchBlob
from callcenter.adapters.chats import ChatArrivals, ChatStore
from callcenter.adapters.fax.pages import Pages
from callcenter.adapters.history import History
from callcenter.adapters.intake.claims import Claims
from callcenter.adapters.messengers import MessengerStore
from callcenter.adapters.priority import stand_back
from callcenter.adapters.store.clock import HeardTime, monotonic
from callcenter.adapters.store.health import decode_health
from callcenter.adapters.store.journal import (
    BATCHES_PER_READ,
    CommandWriter,
    EventReader,
    JournalGap,
    StoreUnavailable,
    read_center,
)
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import StoreError
from callcenter.app.addresses import host_port
from callcenter.app.config import MailboxSettings, Settings, SipSettings
from callcenter.app.config_documents import chat_doors_of, messengers_of
from callcenter.app.context import RoleContext
from callcenter.app.flow_files import prompt_names
from callcenter.app.roles.fax_hooks import FaxHooks
from callcenter.app.secrets import secret_of
from callcenter.app.why_asked import Whys
from callcenter.domain.access import Scope
from callcenter.domain.errors import WrongInput
from callcenter.domain.events import ConfigurationChanged
from callcenter.domain.units import AgentId, Micros
from callcenter.frontend.caller import plain_number
from callcenter.frontend.dialling import may_dial
from callcenter.intake.document import Document, decode_document
from callcenter.intake.fax_order import CannotFax, FaxOrder
from callcenter.intake.letter import Writer, compose
from callcenter.intake.threads import message_id
from callcenter.records.published import Published, decode_published
from callcenter.web.access import LOOPBACK
from callcenter.web.chats import ChatWorld
from callcenter.web.document_views import Notes
from callcenter.web.picture import ControlView, Picture
from callcenter.web.refusals import keep_requests_out_of_the_log
from callcenter.web.server import Server, World
from callcenter.web.sessions import Person

LINGER_SECONDS = 0.1
LINGER_ASKED_SECONDS = 0.005
WATCH_SECONDS = 0.5
EVERYWHERE = ("0.0.0.0", "::")
CALLERS_PER_READ = 500
UNREAD_MAX = 200
"""Turns nobody has decided are counted up to here."""
SHUTDOWN_SECONDS = 2.0

log = structlog.get_logger()


class Parties:
    """Numbers of living contacts from the store, of ended ones from the history."""

    def __init__(self, writer: CommandWriter, keys: Keys, history: History) -> None:
        self._writer = writer
        self._key = keys.parties
        self._history = history

    async def living(self, parties: Sequence[str]) -> dict[str, str]:
        """Those in the store."""
        values = await self._writer.call("HMGET", self._key, *parties)
        pairs = zip(parties, values, strict=True)
        return {party: bytes(value).decode("utf-8", "replace") for party, value in pairs if value}

    async def keep(self, party: str, number: str) -> None:
        """A number that is to be dialled, for the front end that will."""
        value = json.dumps({"number": number})
        await self._writer.call("HSET", self._key, party, value)

    async def forget(self, party: str) -> None:
        """A number that nobody may dial after all."""
        await self._writer.call("HDEL", self._key, party)

    async def values(self, parties: Sequence[str]) -> dict[str, str]:
        """Those of `parties` that are known anywhere."""
        if not parties:
            return {}
        found = await self._history.parties.values(parties)
        left = [party for party in parties if party not in found]
        if left:
            try:
                found |= await self.living(left)
            except (StoreError, StoreUnavailable):
                pass  # a screen without a number is better than none
        return found


class Documents:
    """What was written to us, on the disk that the intake shares."""

    def __init__(self, directory: Path, mailboxes: Sequence[MailboxSettings]) -> None:
        self._blobs = Blobs(directory)
        self._directory = directory
        self._boxes = {box.name: box for box in mailboxes if box.smtp}

    def templates(self, source: str) -> dict[str, str] | None:
        """Answers to begin with; None where nothing can be answered."""
        box = self._boxes.get(source)
        return dict(box.templates) if box else None

    def undo_seconds(self, source: str) -> int:
        """So long an answer may be taken back."""
        return self._boxes[source].undo_seconds

    async def write(self, document: Document, text: str, now: Micros) -> tuple[str, str]:
        """The whole answer, kept: its name and its blob."""
        box = self._boxes[document.source]
        number = 1 + secrets.randbelow(10**9 - 1)
        secret = await asyncio.to_thread(secret_of, self._directory)
        domain = box.addresses[0].rpartition("@")[2]
        name = message_id(secret, document.contact, number, domain)
        writer = Writer(address=box.addresses[0], name=box.from_name, signature=box.signature)
        letter = compose(document, writer, text, name, now)
        blob = await asyncio.to_thread(self._blobs.keep, letter)
        return f"{document.contact}.{number}", blob

    async def document(self, contact: str) -> Document:
        """What was read of it."""
        return decode_document(await asyncio.to_thread(self._blobs.read_document, contact))

    async def file(self, blob: str) -> bytes:
        """The bytes of one file."""
        return await asyncio.to_thread(self._blobs.read, blob)

    async def notes(self, contact: str) -> Notes:
        """What is noted beside it; nothing when nothing is."""
        try:
            data = await asyncio.to_thread(self._blobs.read_document, contact, "notes")
        except NoSuchBlob:
            return Notes()
        return msgspec.json.decode(data, type=Notes)

    async def keep_notes(self, contact: str, notes: Notes) -> None:
        """Replace what is noted."""
        data = msgspec.json.encode(notes)
        await asyncio.to_thread(self._blobs.keep_document, contact, data, "notes")


class FaxesOut:
    """How faxes are sent, as the configuration says it."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self._blobs = Blobs(directory)
        self._pages = Pages()
        self._settings = settings
        self.attempts_max = settings.fax.attempts_max
        self.retry_seconds = settings.fax.retry_seconds
        self.undo_seconds = settings.fax.undo_seconds

    def caller(self, number: str) -> str:
        """The number of ours that is shown. Raises `CannotFax` when no line may dial it."""
        own = {plain_number(one.number) for one in self._settings.numbers}
        wanted = self._settings.fax.trunk
        lines = [one for one in self._settings.trunks if not wanted or one.name == wanted]
        if number in own or not any(may_dial(one.dial, one.deny, number) for one in lines):
            raise CannotFax("no line may dial that number: see `dial` of [[trunk]]")
        ours = next((one.number for one in self._settings.numbers if one.fax), "")
        return self._settings.fax.ident.replace(" ", "") or ours

    async def write(self, order: FaxOrder, pdf: bytes) -> tuple[str, int]:
        """The pages, kept."""
        tiff, pages = await self._pages.write(order, pdf)
        try:
            return await asyncio.to_thread(self._blobs.keep, tiff), pages
        except OSError as full:
            raise CannotFax(f"the pages could not be kept: {full.strerror}") from full


def fax_terms(context: RoleContext) -> FaxesOut | None:
    """None where there is no fax worker."""
    settings = context.settings
    return FaxesOut(context.state_directory, settings) if settings.takes_faxes else None


class WebRole:
    """What runs beside the HTTP server."""

    def __init__(self, context: RoleContext, history: History) -> None:
        settings = context.settings
        self._url = context.store_url
        self._keys = Keys(settings.store.namespace)
        self._archive = context.state_directory / "archive"
        self._history = history
        self._context = context
        self._people = people_of(settings)
        self._reads = True
        """Events come in: the reader has its connection."""
        self._version = ""
        self._heard = HeardTime()
        self.picture = Picture(self._heard.told)
        self.picture.sip = phones_address(settings.sip)
        self.writer = CommandWriter(
            self._url, self._keys, context.name, context.epoch, at=self.picture.now
        )
        self._parties = Parties(self.writer, self._keys, history)
        self.hooks = FaxHooks(context, self.writer.call)
        self.chats = self._chat_world(settings)
        self.server = Server(
            self.picture,
            World(
                commands=self.writer,
                records=history.records,
                customers=history.customers,
                parties=self._parties,
                access=history.access,
                people=lambda: self._people,
                why=lambda tally: Whys(self._archive, self._url, settings.store.namespace, tally),
                faxes=fax_terms(context),
                hooks=self.hooks,
                documents=Documents(context.state_directory, settings.mailboxes),
                chats=self.chats,
                origins=settings.web.origins,
                prompts=lambda: prompt_names(settings.flows_directory),
                private=host_port(settings.web.listen)[0] in LOOPBACK,
            ),
        )

    def _chat_world(self, settings: Settings) -> ChatWorld | None:
        """What chats need; None where none is configured."""
        doors = chat_doors_of(settings)
        if not doors:
            return None
        name, epoch = f"{self._context.name}-chats", self._context.epoch
        claims = Claims(self.writer.call, self._keys, name, epoch)
        store = ChatStore(
            self._url, self.writer.call, self._keys, self._context.state_directory
        )  # fmt: skip
        self._arrivals = ChatArrivals(store, claims, lambda: self.writer.store_full)
        secret = secret_of(self._context.state_directory)
        messengers = messengers_of(settings)
        senders = MessengerStore(store) if messengers else None
        return ChatWorld(doors, store, self._arrivals, lambda: secret, messengers, senders)

    async def begin(self) -> None:
        """Start from the folds of the records role, where there are any."""
        if self.chats is not None:
            await self._arrivals.begin()
        found = await self._history.records.fold()
        if found is not None:
            self.picture.begin(found[1], found[0])

    async def follow(self) -> None:
        """Read the journal for ever; holes and another journal have named ways on."""
        while True:
            try:
                await self._read()
            except JournalGap as gap:
                log.error("batches are gone", wanted=gap.wanted, found=gap.found)
                await self._begin_anew(gap)

    async def _read(self) -> None:
        picture = self.picture
        reader = EventReader(
            self._url, self._keys, picture.seq, archive=self._archive,
            on_down=self._reads_no_more, on_up=self._reads_again,
        )  # fmt: skip
        async for batches in reader.reads():
            picture.fold(batches)
            self.server.hub.wake()
            behind = len(batches) >= BATCHES_PER_READ
            picture.ready = picture.ready or not behind
            linger = LINGER_ASKED_SECONDS if picture.asked else LINGER_SECONDS
            reader.linger_seconds = 0.0 if behind else linger

    def _reads_no_more(self) -> None:
        self._reads = False
        self.picture.store_away()

    def _reads_again(self) -> None:
        self._reads = True
        self.picture.store_back()

    async def _begin_anew(self, gap: JournalGap) -> None:
        """From the center in force: what happened before is not known here."""
        self.picture.restart(max(0, gap.found - 1))
        center = await read_center(self._url, self._keys)
        if center is not None and gap.found:
            config, version, _seq = center
            at = time.time_ns() // 1000
            changed = ConfigurationChanged(at=at, center=config, version=version, by="journal")
            self.picture.live.apply(changed)

    async def watch(self) -> None:
        """Twice a second: callers, the control center, what other roles publish."""
        turn = 0
        while True:
            try:
                self._know_people()
                await self._learn_callers()
                await self._see_control()
                if turn % 4 == 0:
                    await self._gather_metrics()
                if self._reads:  # only this was away, for a moment in which nothing was read
                    self.picture.store_back()
            except (StoreError, StoreUnavailable):
                self.picture.store_away()
                self.server.hub.wake()
            turn += 1
            await asyncio.sleep(WATCH_SECONDS)

    def _know_people(self) -> None:
        """A new center is in force: read the file again for those who may log in."""
        version = self.picture.live.data.version
        if version != self._version:
            changed, self._version = bool(self._version), version
            if changed:
                try:
                    self._people = people_of(self._context.reload())
                except WrongInput as wrong:
                    log.warning("the file is wrong; logins stay as they were", problem=str(wrong))

    async def _learn_callers(self) -> None:
        wanted = list(self.picture.callers.wanted)[:CALLERS_PER_READ]
        if wanted:
            self.picture.callers.learned(wanted, await self._parties.living(wanted))
            self.picture.changes += 1
            self.server.hub.wake()

    async def _see_control(self) -> None:
        """The leader's own word, and the age of the first command nobody has decided."""
        health = decode_health(await self.writer.call("GET", self._keys.lag))
        seq, at = await self.writer.call("HMGET", self._keys.head, "seq", "cursor")
        self.picture.ready = self.picture.ready or self.picture.seq >= int(seq or 0)
        cursor = bytes(at or b"0-0").decode()
        unread = await self.writer.call(
            "XRANGE", self._keys.cmds, f"({cursor}", "+", "COUNT", UNREAD_MAX
        )
        oldest = int(bytes(unread[0][0]).partition(b"-")[0]) if unread else 0
        lag = max(0.0, time.time() - oldest / 1000) if oldest else 0.0
        said = health.lag_seconds if health else 0.0
        if health is not None:
            self._heard.hear(health.at, monotonic())
            self.picture.control_counts = {
                "decided": health.commands, "repeated": health.repeats,
                "unreadable": health.unreadable, "failed": health.failed,
                "missing": health.missing, "wrong_time": health.wrong_time,
            }  # fmt: skip
        self.picture.control = ControlView(
            leader=health.leader if health else "",
            alive=health is not None,
            lag_seconds=round(max(lag, said), 2),
            unread_commands=len(unread or ()),
            memory_percent=round(health.memory_percent, 1) if health else 0.0,
            store=True,
        )

    async def _gather_metrics(self) -> None:
        reply = await self.writer.call("HVALS", self._keys.metrics)
        documents: list[Published] = []
        for value in reply or ():
            try:
                documents.append(decode_published(bytes(value)))
            except ValueError:
                continue  # of a version that writes another shape
        self.server.metrics.published = documents


def phones_address(sip: SipSettings) -> str:
    """host:port at which phones register; no host where we listen everywhere."""
    _, port = host_port(sip.listen[0])
    host = sip.public_host
    if host in EVERYWHERE:
        return f":{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def people_of(settings: Settings) -> dict[str, Person]:
    """Who may log in, from the configuration."""
    return {
        agent.id: Person(
            agent=AgentId(agent.id),
            name=agent.name or agent.id,
            password=agent.web_password or SecretStr(""),
            scope=Scope.SUPERVISOR if agent.role == "supervisor" else Scope.AGENT,
        )
        for agent in settings.agents
    }


async def serve(context: RoleContext, stopping: asyncio.Event) -> None:
    """Serve until told to stop."""
    stand_back()
    history = await History.open(context.settings.history_url)
    role = WebRole(context, history)
    await role.writer.start()
    await role.hooks.begin()
    await role.begin()
    keep_requests_out_of_the_log(role.server.tally.unreadable)
    runner = web.AppRunner(
        role.server.application(), handle_signals=False, access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )  # fmt: skip
    tasks = [
        asyncio.create_task(role.follow(), name="follow"),
        asyncio.create_task(role.watch(), name="watch"),
        asyncio.create_task(role.server.hub.run(), name="hub"),
        *(
            [asyncio.create_task(role.server.chats.run(), name="chats")]
            if role.server.chats
            else []
        ),
        asyncio.create_task(stopping.wait(), name="stop"),
    ]
    try:
        await runner.setup()
        await web.SockSite(runner, context.sockets["web"]).start()
        context.line.ready(seq=role.picture.seq)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        role.server.hub.close_all()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()
        await role.writer.close()
        await history.close()
