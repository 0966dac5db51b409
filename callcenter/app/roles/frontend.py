"""The front end's process: sockets, store and media engine put around the pure machine.

What happens here, in order: take back the records of the last life, connect to the journal and the
media engine, adopt the sockets that the holder kept open (what came in meanwhile waits in them),
then follow events, flows and figures until told to stop. Everything that decides is in `frontend/`.

Why: this is the only place that knows all of its adapters; none of them knows another.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog

from callcenter.adapters.frontend_loop import FrontendLoop, now
from callcenter.adapters.metrics import MetricsPublisher, counted, gauge
from callcenter.adapters.ng_client import MediaEars, NgClient
from callcenter.adapters.seal import Seal, Unsealable
from callcenter.adapters.sip_transport import SipTransports
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.follower import connect
from callcenter.adapters.store.journal import (
    CommandWriter,
    EventReader,
    JournalGap,
    read_center,
    read_records,
    read_time,
)
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import Replica, recover
from callcenter.app.addresses import host_port
from callcenter.app.advertised import Advertised
from callcenter.app.config import Settings
from callcenter.app.context import RoleContext
from callcenter.app.figures import frontend_figures, media_figures
from callcenter.app.flow_watch import WATCH_SECONDS, FlowWatch
from callcenter.app.roles.frontend_tls import TlsSide
from callcenter.app.roles.frontend_watch import watch_of
from callcenter.app.roles.messages import Messages
from callcenter.app.roles.numbers import Numbers
from callcenter.app.roles.roads import flows_of, local_of, with_roads
from callcenter.app.roles.trunk_lines import TrunkLines
from callcenter.app.roles.trunk_names import TrunkNames
from callcenter.domain.center import Center
from callcenter.domain.errors import WrongInput
from callcenter.domain.events import Batch, ConfigurationChanged
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId, FrontendId, Micros
from callcenter.frontend.endings import ending
from callcenter.frontend.frontend import Frontend
from callcenter.frontend.hands import AgentSeen, Rules
from callcenter.frontend.limits import CALLS_MAX
from callcenter.frontend.turn import (
    Closing,
    Configured,
    Credential,
    DigitHeard,
    Draining,
    EventsSeen,
    FaxHeard,
    FaxOver,
    FlowClosed,
    FlowProven,
    LookedUp,
    LookUp,
    MediaHolds,
    MediaReplied,
    MediaRestarted,
    PartyFetched,
    RecordingEnded,
    RecordingKept,
    RtpHeard,
    RtpSilent,
    SayingFinished,
    SipReceived,
    TargetsFound,
    Trunk,
)
from callcenter.records.published import Family
from callcenter.sip.digest import ha1
from callcenter.sip.endpoint import Endpoint
from callcenter.sip.flow import Flow
from callcenter.sip.flow import host_port as shown

if TYPE_CHECKING:
    from callcenter.adapters.lookup import Lookup

log = structlog.get_logger(__name__)

RUNNER = "reactor"
USER_AGENT = "callcenter"
CONNECTIONS_PER_LIFE = 1_000_000
"""Numbers of TCP connections are never used twice, over all lives of the process."""
CENTER_SECONDS = 30.0
"""How long the first center may take to be in the journal."""
LINGER_SECONDS = 0.05
"""How late events may be read while no call waits for one."""
DRAIN_SECONDS = 4.0
"""How long calls may end by themselves when the server stops for good."""
LAST_WORDS_SECONDS = 1.0
KEYS = "0123456789*#"
PORTS_PER_LEG = 4
"""A pair for the phone, a pair for the other side."""
ASKED_EARLY_MAX = 200
"""Questions kept until the database is there; what comes beyond is answered `not known`."""


async def serve(context: RoleContext, stopping: asyncio.Event) -> None:
    """Serve calls until told to stop, then let go of them."""
    role = FrontendRole(context)
    await role.open()
    gc.collect()
    gc.freeze()
    context.line.ready(calls=role.frontend.calls)
    work = [asyncio.create_task(task, name=name) for name, task in role.tasks().items()]
    stop = asyncio.create_task(stopping.wait(), name="stop")
    try:
        await asyncio.wait([*work, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if task.done():
                task.result()
        await role.drain()
    finally:
        for task in [*work, stop]:
            task.cancel()
        await asyncio.gather(*work, stop, return_exceptions=True)
        await role.close()


class FrontendRole:
    """One life of one front end."""

    def __init__(self, context: RoleContext) -> None:
        self.context = context
        self.settings = context.settings
        self.keys = Keys(self.settings.store.namespace)
        self.flows = FlowWatch(
            self.settings.flows_directory, context.state_directory / "flow-revisions"
        )
        self.center = Center()
        self._new_center = asyncio.Event()
        self.frontend: Frontend
        self.loop: FrontendLoop
        self._kept_ids: dict[int, int] = {}
        self.advertised = Advertised(self.settings, self.context.addresses)
        self.seal = Seal.at(context.settings.seal_file)
        self.messages = Messages(context.state_directory, self._kept)
        self.roads = flows_of(context.sockets)
        self.local = local_of(context.sockets)
        self.trunk_names = TrunkNames(self.settings, self._found)
        self.lines: TrunkLines | None = None
        self.lookup: Lookup | None = None
        self._asked_early: list[LookUp] = []
        self.unasked = 0
        """Questions that came before the database was there and were too many to keep."""

    # ---- opening --------------------------------------------------------------------------

    async def open(self) -> None:
        """Take everything back and begin."""
        replica = await self._recover()
        kept = await read_records(self.context.store_url, self.keys, self.context.name)
        records = self._opened(kept)
        self.flows.load(self.center)
        at = await read_time(self.context.store_url, self.keys)
        self._make_frontend(replica, at)
        await self._make_adapters(int(records.pop("cursor", b"0")) or replica.seq)
        unread = await self._unread(replica.seq)
        self.loop.cursor = self.reader.after
        self.loop.begin(self.frontend.restore(records, now(), unread))
        self.engine.list_legs(self._listed)
        self._open_sockets()

    def _opened(self, kept: dict[str, bytes]) -> dict[str, bytes]:
        """The records of the last life; those sealed with another secret are lost, and told."""
        records = {}
        for key, value in kept.items():
            try:
                records[key] = self.seal.open(value)
            except Unsealable:
                log.error(
                    "a call's record cannot be opened: is seal_file the right one?", record=key
                )
                records[key] = b""
        return records

    async def _recover(self) -> Replica:
        """What control knows, from snapshot and journal; waits for the first center."""
        give_up = time.monotonic() + CENTER_SECONDS
        while True:
            found = await read_center(self.context.store_url, self.keys)
            if found is not None:
                self.center = found[0]
                break
            if time.monotonic() > give_up:
                raise StoreUnavailable("no center in the journal: does the control role run?")
            await asyncio.sleep(0.05)
        connection = connect(self.context.store_url)
        try:
            return recover(connection, self.keys, self.context.state_directory / "archive")
        finally:
            connection.close()

    def _make_frontend(self, replica: Replica, at: Micros) -> None:
        settings = self.settings
        listen = [host_port(address)[0] for address in settings.sip.listen]
        first, last = settings.media.port_range
        has_ports = settings.media.url == "embedded"
        rules = Rules(
            calls_max=min(CALLS_MAX, (last - first + 1) // PORTS_PER_LEG)
            if has_ports
            else CALLS_MAX,
            frontend=FrontendId(self.context.name),
            epoch=self.context.epoch,
            realm=settings.sip.realm,
            digest=settings.sip.digest,
            expires_seconds_min=settings.sip.expires_seconds_min,
            domain=settings.sip.home,
            media_networks=self.advertised.media,
            media_v6=bool(settings.media.address6),
            srtp=settings.sip.srtp,
            fax_t38=settings.fax.t38,
            fax_t38_delay_seconds=settings.fax.t38_delay_seconds,
            fax_trunk=settings.fax.trunk,
            fax_sub_addresses=tuple(settings.fax.sub_addresses.items()),
            recordings=self.messages.prepare(settings.media.url == "embedded"),
            loopback_media=all(host.startswith("127.") or host == "::1" for host in listen),
        )
        endpoint = Endpoint(
            new_id=lambda: secrets.token_hex(10),
            user_agent=USER_AGENT,
            contact_for=self._contact_for,
            overload_headers=ending(Reason.OVERLOADED).headers,
        )
        self.frontend = Frontend(
            rules,
            endpoint,
            self._configuration(settings),
            secret=os.urandom(32),
            wall_offset=at - now(),
        )
        for agent, state in replica.control.state.agents.items():
            seen = AgentSeen(state.presence, state.reason, bool(state.reachable_by))
            self.frontend.hands.agents[agent] = seen

    async def _make_adapters(self, cursor: int) -> None:
        context, frontend = self.context, self.frontend
        self.writer = CommandWriter(
            context.store_url,
            self.keys,
            source=context.name,
            epoch=context.epoch,
            records=self.keys.frontend_records(context.name),
            lease=context.name,
            at=lambda: frontend.hands.clock.center(now()),
        )
        await self.writer.start()
        self.reader = EventReader(
            context.store_url,
            self.keys,
            cursor,
            archive=context.state_directory / "archive",
            linger_seconds=LINGER_SECONDS,
            backlog=self.writer.backlog,
        )
        self.engine = NgClient(
            context.media_addresses,
            self._replied,
            pipelined=self.settings.media.url == "embedded",
            restarted=lambda: self.loop.feed(MediaRestarted()),
        )
        self.watch = await watch_of(self.settings, context.index)
        fax = context.addresses.get("fax-ng")
        self.faxes = NgClient([fax], self._replied) if fax and self.settings.takes_faxes else None
        self.wire = self._make_wire()
        self.lines = TrunkLines(self.settings, self.wire, self._roads_changed)
        self.loop = FrontendLoop(
            frontend,
            writer=self.writer,
            wire=self.wire,
            engine=self,
            look=self._look,
            hurry=self.reader.hurry,
            record=self.messages.do,
            fetch=Numbers(self.writer.call, self.keys.parties, self._fetched).fetch,
            seal=self.seal.close,
        )
        self.loop.cursor = cursor
        self.metrics = MetricsPublisher(
            context.name, self.keys.metrics, self.writer.call, self._figures, self.engine.survey
        )

    def ask(self, cookie: str, message: dict[str, Any]) -> None:
        """An ng message goes to the media engine, or to the fax worker whose it is."""
        if not str(message["command"]).startswith("fax "):
            self.engine.ask(cookie, message)
        elif self.faxes is not None:
            self.faxes.ask(cookie, message)
        else:
            reply = {"result": "error", "error-reason": "no fax worker"}
            asyncio.get_running_loop().call_soon(self._replied, cookie, reply)

    def _replied(self, cookie: str, reply: dict[str, Any]) -> None:
        self.loop.feed(MediaReplied(cookie, reply))

    def _make_wire(self) -> SipTransports:
        from twisted.internet import reactor

        return SipTransports(
            reactor,
            asyncio.get_running_loop(),
            lambda data, flow: self.loop.feed(SipReceived(data, flow)),
            self._closed,
            watch=self.watch,
            knows=self.frontend.trusts_address,
            on_proven=self._proven,
            keep=self._keep_connection,
            drop=self._drop_connection,
            first_connection=self.context.epoch * CONNECTIONS_PER_LIFE + 1,
        )

    def _open_sockets(self) -> None:
        """Last of all: from here on messages come in."""
        for kept in self.context.kept:
            number = int(kept.note["number"])
            self._kept_ids[number] = kept.id
            self.wire.adopt_tcp(kept.socket, number)
        for name, opened in self.context.sockets.items():
            if name.startswith(("sip-udp", "trunk-")):
                self.wire.add_udp(opened)
            elif name.startswith("sip-tcp"):
                self.wire.add_tcp_listener(opened)
        self.tls = TlsSide(self.settings)
        self.tls.open(self.wire, self.context.sockets)
        for flow in self.frontend.phones.flows():
            if not self.wire.is_open(flow):  # TLS ends with the process that has its keys
                self.loop.feed(FlowClosed(flow))
        self.ears = MediaEars(self.context.sockets["media-events"], self._media_said)

    def _closed(self, flow: Flow) -> None:
        self.loop.feed(FlowClosed(flow))
        if self.lines is not None:
            self.lines.closed(flow)

    def _proven(self, flow: Flow, trunk: str) -> None:
        self.loop.feed(FlowProven(flow, trunk))
        if self.lines is not None:
            self.lines.proven(flow, trunk)

    def _roads_changed(self) -> None:
        """A connection to a trunk came up or was lost: calls to it leave by it, or not at all."""
        config = self.frontend.hands.config
        trunks = with_roads(config.trunks, self.settings, self._roads(), self.local)
        self.loop.feed(config._replace(trunks=trunks))

    def _keep_connection(self, connection: socket.socket, number: int) -> None:
        self._kept_ids[number] = self.context.line.keep(connection, number=number)

    def _drop_connection(self, number: int) -> None:
        kept = self._kept_ids.pop(number, None)
        if kept is not None:
            self.context.line.drop(kept)

    # ---- what is configured ---------------------------------------------------------------

    def _configuration(self, settings: Settings) -> Configured:
        return Configured(
            center=self.center,
            flows=self.flows.library.flows,
            audio=self.flows.audio,
            credentials={c.username: c for c in _credentials(settings)},
            trunks=with_roads(_trunks(settings), settings, self._roads(), self.local),
            revisions=self.flows.revisions,
        )

    def _roads(self) -> dict[str, Flow]:
        """How each trunk is reached now: its own datagram socket, or the connection to it."""
        return {**self.roads, **(self.lines.flows if self.lines is not None else {})}

    def _contact_for(self, flow: Flow) -> str:
        """Our Contact towards the other end of `flow`."""
        return f"sip:callcenter@{shown(self.advertised.towards(flow))}{flow.parameter}"

    # ---- following ------------------------------------------------------------------------

    def tasks(self) -> dict[str, Any]:
        """What runs for as long as the role does."""
        lines = self.lines
        assert lines is not None
        return {
            "events": self._follow_events(),
            "lookup": self._open_lookup(),
            "watch": self.loop.watch(),
            "flows": self._follow_flows(),
            "certificates": self.tls.follow(),
            "trunks": lines.keep(),
            "trunk names": self.trunk_names.follow(),
            "trace": self.watch.answer(
                self.context.state_directory,
                self.context.name,
                lambda name: self.frontend.hands.threads.get(name, []),
            ),
            "metrics": self.metrics.run(),
        }

    async def _unread(self, until: int) -> list[EventsSeen]:
        """What was committed since the place that the last life kept, up to batch `until`."""
        unread: list[EventsSeen] = []
        while self.reader.after < until:
            try:
                async with contextlib.aclosing(self.reader.reads()) as reads:
                    unread += [self._seen(batch) for batch in await anext(reads)]
            except JournalGap as gap:
                self._skip(gap)
        return unread

    async def _follow_events(self) -> None:
        while True:
            try:
                async for batch in self.reader:
                    self.loop.feed(self._seen(batch))
            except JournalGap as gap:
                self._skip(gap)

    def _seen(self, batch: Batch) -> EventsSeen:
        if any(type(event) is ConfigurationChanged for event in batch.events):
            self._center_changed(batch.events)
        return EventsSeen(batch.events, batch.at, batch.seq)

    def _skip(self, gap: JournalGap) -> None:
        log.error("events are gone; going on with the newest", wanted=gap.wanted)
        self.reader.after = max(0, gap.found - 1)

    def _center_changed(self, events: Iterable[Any]) -> None:
        """Keep the new center for `_follow_flows`: reading files must not hold up events."""
        changed = [event for event in events if type(event) is ConfigurationChanged]
        self.center = changed[-1].center
        self._new_center.set()

    async def _follow_flows(self) -> None:
        """Take changed files, and with a new center its files' secrets and flows.

        All reading is done in a thread: SIP and the lease wait for no file.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._new_center.wait(), WATCH_SECONDS)
            told = self._new_center.is_set()
            self._new_center.clear()
            if told:
                await self._read_settings()
            if await asyncio.to_thread(self.flows.changed, self.center) or told:
                self.loop.feed(await asyncio.to_thread(self._configuration, self.settings))

    async def _read_settings(self) -> None:
        try:
            self.settings = await asyncio.to_thread(self.context.reload)
        except WrongInput as wrong:
            log.error("configuration not read again", problems=str(wrong))

    # ---- asking and hearing ---------------------------------------------------------------

    async def _open_lookup(self) -> None:
        """The database's driver is half of our imports; callers are taken back before it is there."""
        module = await asyncio.to_thread(importlib.import_module, "callcenter.adapters.lookup")
        self.lookup = module.Lookup(self.settings.history_url, self._looked_up)
        asked, self._asked_early = self._asked_early, []
        for question in asked:
            self._look(question)
        await asyncio.Event().wait()

    def _look(self, question: LookUp) -> None:
        if self.lookup is not None:
            self.lookup.ask(question)
        elif len(self._asked_early) < ASKED_EARLY_MAX:
            self._asked_early.append(question)
        else:
            self.unasked += 1
            self._looked_up(LookedUp(question.contact, found=False, fields={}, customer=""))

    def _looked_up(self, answer: LookedUp) -> None:
        self.loop.feed(answer)

    def _found(self, found: TargetsFound) -> None:
        self.loop.feed(found)

    def _fetched(self, fetched: PartyFetched) -> None:
        self.loop.feed(fetched)

    def _kept(self, kept: RecordingKept) -> None:
        self.loop.feed(kept)

    def _listed(self, reply: dict[str, Any]) -> None:
        self.loop.feed(MediaHolds(tuple(str(leg) for leg in reply.get("calls", ()))))

    def _media_said(self, said: dict[str, Any]) -> None:
        """A datagram of the media engine's own accord."""
        leg = str(said.get("callid", ""))
        match said.get("type"):
            case "DTMF" if said.get("source_tag") == "leg":
                event = said.get("event")
                if isinstance(event, int) and 0 <= event < len(KEYS):
                    self.loop.feed(DigitHeard(leg, KEYS[event]))
            case "finished":
                self.loop.feed(SayingFinished(leg, str(said.get("file", ""))))
            case "recorded":
                self.loop.feed(RecordingEnded(str(said.get("file", "")), str(said.get("why", ""))))
            case "silence":
                seconds = said.get("seconds")
                self.loop.feed(RtpSilent(leg, seconds if isinstance(seconds, int) else 0))
            case "sound":
                self.loop.feed(RtpHeard(leg))
            case "fax":
                self.loop.feed(FaxHeard(leg))
            case "fax-over":
                self.loop.feed(FaxOver(leg))
            case _:
                pass

    # ---- figures --------------------------------------------------------------------------

    def _figures(self) -> list[Family]:
        transport = Counter(
            {**self.wire.counts, **{f"ng_{k}": v for k, v in self.engine.counts.items()}}
        )
        unasked = {"early": self.unasked, "failed": self.lookup.failed if self.lookup else 0}
        lag, self.loop.lag_max = self.loop.lag_max, 0
        return [
            *frontend_figures(self.frontend),
            *media_figures(self.engine.statistics.values()),
            gauge("callcenter_frontend_lag_seconds", "Longest wait of an input since the last report.", lag / 1e6),
            counted("callcenter_sip_strangers_dropped_total", "Messages of strangers that had no room.", "why", {"crowded": self.loop.strangers_dropped}),
            gauge("callcenter_frontend_facts_lost", "Turns that a full outbox did not take.", self.loop.lost_turns),
            counted("callcenter_lookups_failed_total", "Callers not looked up; taken as unknown.", "why", unasked),
            counted("callcenter_flows_refused_total", "Changed flow files that were not taken.", "reason", self.flows.refused),
            counted("callcenter_dns_questions_total", "Names of trunks, asked of the DNS.", "result", self.trunk_names.counts),
            *self.tls.figures(),
            counted("callcenter_sip_captured_total", "Messages copied to the capture server.", "result", {"sent": self.watch.captured, "failed": self.watch.not_captured}),
            counted("callcenter_sip_transport_total", "What happened to messages and ng questions.", "event", transport),
        ]  # fmt: skip

    # ---- the end --------------------------------------------------------------------------

    async def drain(self) -> None:
        """Refuse new calls, let the others end, then end them by name."""
        self.loop.feed(Draining())
        give_up = time.monotonic() + DRAIN_SECONDS
        while self.frontend.calls and time.monotonic() < give_up:
            await asyncio.sleep(0.05)
        if self.frontend.calls:
            self.loop.feed(Closing())
            await asyncio.sleep(LAST_WORDS_SECONDS)
        give_up = time.monotonic() + LAST_WORDS_SECONDS
        while not self.loop.idle and time.monotonic() < give_up:
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Let go of everything; the holder keeps the sockets."""
        self.loop.close()
        self.ears.close()
        self.wire.close()
        self.watch.close()
        self.engine.close()
        if self.faxes is not None:
            self.faxes.close()
        await self.messages.close()
        if self.lookup is not None:
            await self.lookup.close()
        await self.writer.close()


def _credentials(settings: Settings) -> list[Credential]:
    """What is known of each agent's phone; agents without a password have none."""
    realm = settings.sip.realm
    found = []
    for agent in settings.agents:
        password = agent.password.get_secret_value()
        if password:
            found.append(
                Credential(
                    agent=AgentId(agent.id),
                    username=agent.id,
                    ha1_md5=ha1(agent.id, realm, password, "MD5"),
                    ha1_sha256=ha1(agent.id, realm, password, "SHA-256"),
                    profile=agent.phone_profile,
                )
            )
    return found


def _trunks(settings: Settings) -> list[Trunk]:
    """Who may call without a digest. A name that cannot be resolved has none."""
    trunks = []
    for trunk in settings.trunks:
        host, port = host_port(trunk.address)
        try:
            found = [] if trunk.discover else socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as wrong:
            log.error("a trunk's name is not known", trunk=trunk.name, error=str(wrong))
            found = []
        trunks.append(
            Trunk(
                name=trunk.name,
                addresses=frozenset((str(a[4][0]), port) for a in found),
                sources=trunk.sources,
                transport=trunk.transport,
                by_certificate=bool(trunk.peer_name),
                inband_digits=trunk.inband_digits,
                srtp=trunk.srtp,
            )
        )
    return trunks
