"""All fax machines of one process, and what the front end asks of them.

    fax receive   call-id, peer, law, call {…}   → port: pages are taken from now on
    fax ready     call-id, blob                  → whether a machine is free to send those pages
    fax send      call-id, peer, law, job {…}    → port: they are sent from now on
    fax image     call-id, peer                  both ends agreed on T.38
    fax state     call-id                        → over, pages, code, text
    fax end       call-id                        the call is over → the same, for good
    statistics                                   → what was done since it began

Why: the questions come as ng messages, like those to the media engine, so that the front end asks
one way and a repeated question is not done twice. The front end decides when the call changes to
T.38 and when it ends; T.30 is decided here. `fax` datagrams of our own accord go where the media
engine's go: `{"type": "fax-over", "callid": …}`, again every second until the call is ended.

A machine whose front end died ends by itself, and its pages are delivered all the same.

"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from callcenter.adapters.fax.ledger import Entry, Fax, FaxCall, Ledger
from callcenter.adapters.fax.machine import Address, Machine
from callcenter.adapters.fax.outgoing import FaxJob, Outgoing, Sending
from callcenter.adapters.fax.terminal import NOT_KEPT, FaxReport, FaxTerms
from callcenter.domain.units import SECOND, Micros
from callcenter.media import ng
from callcenter.media.ports import Ports
from callcenter.media.rtp import FRAME_MICROS, PCMA, PCMU

log = structlog.get_logger(__name__)

TELL_AGAIN: Micros = SECOND
ALONE_SECONDS = 30
"""A fax that is over and that nobody ends is ended by us."""
NG_BURST_MAX = 16


class FaxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told at its start."""

    address: str = "127.0.0.1"
    """Where the media engine reaches it."""
    first_port: int = 36_000
    last_port: int = 36_199
    events: Address = ("127.0.0.1", 0)
    """Whom to tell; port 0 tells nobody."""
    ident: str = ""
    header: str = ""
    """Who we are, on top of each page that is sent."""
    timezone: str = ""
    ecm: bool = True
    v17: bool = True
    faxes_max: int = 60


def clock() -> Micros:
    """Monotonic microseconds."""
    return time.monotonic_ns() // 1000


class FaxWorker:
    """The machines of one process. `received` is told of every fax of which a page is confirmed."""

    def __init__(
        self, config: FaxConfig, questions: socket.socket, ledger: Ledger,
        received: Callable[[Fax], None], missing: str = "", outgoing: Outgoing | None = None,
        file_of: Callable[[str], Path] = Path,
    ) -> None:  # fmt: skip
        """`missing` says why there is no fax on this machine, if there is none; `file_of` finds the
        pages of a fax that is sent."""
        self.config = config
        self._outgoing = outgoing
        self._file_of = file_of
        self._missing = missing
        self.counts: Counter[str] = Counter()
        """`received`, `partial`, `empty`, `refused`, `not_kept`, `t38`, `pages`; of those that are
        sent `sent`, `cut_off`, `pages_sent`."""
        self.machines: dict[str, Machine] = {}
        self._questions = questions
        self._ledger = ledger
        self._received = received
        self._terms = FaxTerms(ident=config.ident, ecm=config.ecm, v17=config.v17)
        self._ports = Ports(config.first_port, config.last_port)
        self._replays = ng.Replays()
        self._reports: dict[str, tuple[Micros, FaxReport]] = {}
        """Of calls that ended lately, so that whoever asks late is answered."""
        self._over: dict[str, tuple[Micros, Micros]] = {}
        """Since when a machine is over, and when that was told last."""
        self._ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ears.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._work = asyncio.Event()
        questions.setblocking(False)
        self._loop.add_reader(questions.fileno(), self._asked)
        self._verbs: dict[str, Callable[[ng.Body, Micros], ng.Body]] = {
            "ping": lambda _body, _now: {"result": "pong"},
            "fax receive": self._receive,
            "fax ready": self._ready,
            "fax send": self._send,
            "fax image": self._image,
            "fax state": self._state,
            "fax end": self._end,
            "statistics": self._statistics,
        }

    async def run(self) -> None:
        """Serve until cancelled. Without a fax nothing is done at all."""
        due = clock()
        while True:
            if not self.machines:
                self._work.clear()
                await self._work.wait()
                due = clock()
            now = clock()
            self.turn(now)
            due = max(due + FRAME_MICROS, now - 5 * FRAME_MICROS)
            await asyncio.sleep(max(0, due - clock()) / SECOND)

    def turn(self, now: Micros) -> None:
        """20 ms of every machine."""
        for machine in list(self.machines.values()):
            machine.turn(now)
            if machine.is_over:
                self._is_over(machine, now)

    def close(self) -> None:
        """Stop; calls under way are cut off, and what is confirmed of them is told by the ledger."""
        self._loop.remove_reader(self._questions.fileno())
        for machine in list(self.machines.values()):
            self._finish(machine, clock())
        self._ears.close()

    # ---- the end of a fax -----------------------------------------------------------------

    def _is_over(self, machine: Machine, now: Micros) -> None:
        since, told = self._over.get(machine.name, (now, now - TELL_AGAIN))
        if now - since >= ALONE_SECONDS * SECOND:
            self._finish(machine, now)
            return
        if now - told >= TELL_AGAIN:
            told = now
            self._tell({"type": "fax-over", "callid": machine.name})
        self._over[machine.name] = (since, told)

    def _finish(self, machine: Machine, now: Micros) -> FaxReport:
        """Its call is over: report, deliver, free."""
        port = machine.port
        report = machine.hang_up()
        del self.machines[machine.name]
        self._over.pop(machine.name, None)
        self._ports.give(port)
        self._reports[machine.name] = (now, report)
        self._forget_reports(now)
        entry = machine.entry
        if isinstance(entry, Sending):
            return self._sent(machine, entry, report)
        try:
            fax = entry.close(report)
        except OSError as full:
            log.error("a fax is not closed; it is delivered after a restart", reason=full.strerror)
            self.counts["not_kept"] += 1
            return report
        if report.code == NOT_KEPT:
            self.counts["not_kept"] += 1
            log.error(
                "a page of a fax could not be kept and was not confirmed: make room on the disk",
                place=str(self._ledger.place),
            )
        kind = "empty" if fax is None else "partial" if fax.is_partial else "received"
        self.counts[kind] += 1
        if fax is not None:
            self.counts["pages"] += entry.confirmed
            self._received(fax)
        log.info(
            "fax ended", call=entry.call.id, outcome=kind, pages=entry.confirmed,
            code=report.code, reason=report.text, t38=machine.is_image, rate=report.bit_rate,
            ecm=report.ecm, bad_rows=report.bad_rows, lost_packets=machine.lost_packets,
        )  # fmt: skip
        return report

    def _sent(self, machine: Machine, entry: Sending, report: FaxReport) -> FaxReport:
        entry.close(report)
        kind = "sent" if report.is_complete else "cut_off"
        self.counts[kind] += 1
        self.counts["pages_sent"] += entry.sent.pages
        log.info(
            "fax sent", fax=entry.job.fax, attempt=entry.job.attempt, outcome=kind,
            pages=entry.sent.pages, code=report.code, reason=report.text, t38=machine.is_image,
            rate=report.bit_rate, ecm=report.ecm, lost_packets=machine.lost_packets,
        )  # fmt: skip
        return entry.told()

    def _forget_reports(self, now: Micros) -> None:
        old = [n for n, (at, _) in self._reports.items() if now - at > ALONE_SECONDS * SECOND]
        for name in old:
            del self._reports[name]

    def _tell(self, what: dict[str, Any]) -> None:
        if self.config.events[1]:
            try:
                self._ears.sendto(msgspec.json.encode(what), self.config.events)
            except OSError:
                pass  # told again in a second

    # ---- questions ------------------------------------------------------------------------

    def _asked(self) -> None:
        for _ in range(NG_BURST_MAX):
            try:
                data, address = self._questions.recvfrom(ng.DATAGRAM_MAX)
            except OSError:
                return
            now = clock()
            replies = [self._answer(part, now) for part in ng.parts(data)]
            try:
                self._questions.sendto(ng.SEPARATOR.join(filter(None, replies)), address)
            except OSError:
                pass  # asked again

    def _answer(self, data: bytes, now: Micros) -> bytes:
        known = self._replays.find(data, now)
        if known is not None:
            return known
        try:
            cookie, body = ng.decode(data)
        except ng.NgError:
            self.counts["malformed"] += 1
            return b""
        verb = self._verbs.get(ng.text(body, "command"))
        try:
            if verb is None:
                raise ng.NgError("Unrecognized command")
            answer = verb(body, now)
        except ng.NgError as wrong:
            answer = wrong.reply()
        reply = ng.encode(cookie, answer)
        self._replays.keep(data, reply, now)
        return reply

    def _receive(self, body: ng.Body, now: Micros) -> ng.Body:
        name, peer = _name(body), _peer(body)
        machine = self.machines.get(name)
        if machine is None:
            machine = self._new_machine(name, peer, body, now)
        return {"result": "ok", "address": self.config.address, "port": machine.port}

    def _new_machine(self, name: str, peer: Address, body: ng.Body, now: Micros) -> Machine:
        if self._missing:
            self.counts["refused"] += 1
            raise ng.NgError("No fax on this machine")
        if len(self.machines) >= self.config.faxes_max:
            self.counts["refused"] += 1
            raise ng.NgError("Too many faxes")
        try:
            call = msgspec.convert(body.get("call"), FaxCall)
        except msgspec.ValidationError as wrong:
            raise ng.NgError("The call is not described") from wrong
        law = PCMA if ng.number(body, "law") == PCMA else PCMU
        door = self._door()
        try:
            entry = self._ledger.open(call)
        except OSError as full:
            self._ports.give(door.getsockname()[1])
            door.close()
            self.counts["refused"] += 1
            log.error("no fax is taken: make room on the disk", reason=full.strerror)
            raise ng.NgError("No room for a fax") from full
        machine = self.machines[name] = self._machine(name, door, peer, law, entry, now)
        self._work.set()
        return machine

    # ---- sending --------------------------------------------------------------------------

    def _ready(self, body: ng.Body, _now: Micros) -> ng.Body:
        """Asked before anybody is called."""
        self._require_room()
        self._pages_of(ng.text(body, "blob"))
        return {"result": "ok"}

    def _require_room(self) -> None:
        if self._missing or self._outgoing is None:
            self.counts["refused"] += 1
            raise ng.NgError("No fax on this machine")
        if len(self.machines) >= self.config.faxes_max:
            self.counts["refused"] += 1
            raise ng.NgError("Too many faxes")

    def _pages_of(self, blob: str) -> Path:
        try:
            file = self._file_of(blob)
        except LookupError:
            file = Path()
        if not file.is_file():
            raise ng.NgError("No such pages")
        return file

    def _send(self, body: ng.Body, now: Micros) -> ng.Body:
        name, peer = _name(body), _peer(body)
        machine = self.machines.get(name)
        if machine is None:
            machine = self.machines[name] = self._new_sender(name, peer, body, now)
            self._work.set()
        return {"result": "ok", "address": self.config.address, "port": machine.port}

    def _new_sender(self, name: str, peer: Address, body: ng.Body, now: Micros) -> Machine:
        self._require_room()
        assert self._outgoing is not None
        try:
            job = msgspec.convert(body.get("job"), FaxJob)
        except msgspec.ValidationError as wrong:
            raise ng.NgError("The fax is not described") from wrong
        file = self._pages_of(job.blob)
        law = PCMA if ng.number(body, "law") == PCMA else PCMU
        door = self._door()
        try:
            entry = self._outgoing.open(name, job, file)
        except OSError as full:
            self._ports.give(door.getsockname()[1])
            door.close()
            self.counts["refused"] += 1
            log.error("no fax is sent: make room on the disk", reason=full.strerror)
            raise ng.NgError("No room for a fax") from full
        return self._machine(name, door, peer, law, entry, now)

    def _machine(
        self, name: str, door: socket.socket, peer: Address, law: int, entry: Entry | Sending,
        now: Micros,
    ) -> Machine:  # fmt: skip
        chance = os.urandom(10)
        start = (
            int.from_bytes(chance[:2], "big") & 0x7FFF,
            int.from_bytes(chance[2:6], "big"),
            int.from_bytes(chance[6:], "big"),
        )
        terms = self._terms
        if isinstance(entry, Sending):
            terms = msgspec.structs.replace(
                terms, ident=terms.ident or _ident(entry.job.ident), header=self.config.header,
                timezone=self.config.timezone,
            )  # fmt: skip
        return Machine(name, door, peer, law, terms, entry, now, start=start)

    def _door(self) -> socket.socket:
        for _ in range(self._ports.total):
            try:
                port = self._ports.take()
            except ng.NgError:
                break
            door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            door.setblocking(False)
            try:
                door.bind((self.config.address, port))
                return door
            except OSError:
                door.close()
                self._ports.give(port)
        self.counts["refused"] += 1
        raise ng.NgError("Ran out of ports")

    def _image(self, body: ng.Body, now: Micros) -> ng.Body:
        machine = self._known(body)
        if not machine.is_image:
            self.counts["t38"] += 1
        machine.become_image(_peer(body), now)
        return {"result": "ok", "address": self.config.address, "port": machine.port}

    def _state(self, body: ng.Body, _now: Micros) -> ng.Body:
        name = _name(body)
        if name not in self.machines and self._of_before(name) is not None:
            return {"result": "ok", "over": 1, "pages": 0}
        machine = self._known(body)
        return {"result": "ok", "over": int(machine.is_over), "pages": machine.pages}

    def _end(self, body: ng.Body, now: Micros) -> ng.Body:
        name = _name(body)
        machine = self.machines.get(name)
        if machine is not None:
            report = self._finish(machine, now)
        elif (before := self._of_before(name)) is not None:
            report = before.told()
        elif name in self._reports:
            report = self._reports[name][1]
        else:
            return {"result": "ok", "warning": "Unknown call-id", "pages": 0, "code": -2}
        sending = self._of_before(name)
        return {
            "result": "ok", "pages": report.pages, "code": report.code, "text": report.text,
            "begun": int(sending is not None and sending.sent.begun),
        }  # fmt: skip

    def _of_before(self, name: str) -> Sending | None:
        """An attempt to send that is over, or that an earlier life of ours began."""
        return self._outgoing.find(name) if self._outgoing is not None else None

    def _known(self, body: ng.Body) -> Machine:
        machine = self.machines.get(_name(body))
        if machine is None:
            raise ng.NgError("Unknown call-id")
        return machine

    def _statistics(self, _body: ng.Body, _now: Micros) -> ng.Body:
        return {"result": "ok", "statistics": {**self.counts, "faxes": len(self.machines)}}


def _name(body: ng.Body) -> str:
    name = ng.text(body, "call-id")
    if not 0 < len(name) <= 255:
        raise ng.NgError("No call-id in message")
    return name


def _ident(number: str) -> str:
    """As much of a number as a machine shows."""
    return "".join(c for c in number if c in "0123456789+ ")


def _peer(body: ng.Body) -> Address:
    host, _, port = ng.text(body, "peer").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ng.NgError("No peer in message")
    return host, int(port)
