"""The embedded media engine: one process, one epoll loop, all sockets.

Why: a Python process spends most of a relayed packet in the kernel, if nothing stands between the
socket and the header. So no asyncio here: `epoll`, `recvfrom_into` one buffer, rewrite in place,
`sendto`. Between two polls the wheel is asked whose turn it is, so playout keeps its 20 ms under
load. Everything that decides is in `callcenter.media`; this file moves octets.

Started by the media role (`run`), by tests and the bench as
`python -m callcenter.adapters.media_worker '<json of WorkerConfig>'`. It prints one line with the
ng port when it is ready.

Datagrams to `events` (JSON, one each): `DTMF` in rtpengine's format, and, with `callid` and
`source_tag`, `finished` (file, play-id), `recorded` (file, milliseconds, why), `silence` and
`sound`, `fax` (a calling tone), `timeout`.
"""

import gc
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from callcenter.adapters.media_browsers import Browsers
from callcenter.adapters.media_files import AudioFiles, log_trouble
from callcenter.adapters.media_journal import Journal
from callcenter.adapters.media_return import take_back
from callcenter.adapters.media_sockets import Wires, reader_of
from callcenter.adapters.srtp import SrtpGuard
from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.media import ng
from callcenter.media.engine import Engine, Limits
from callcenter.media.guard import Guard
from callcenter.media.leg import (
    PACKET,
    PHONE,
    Fact,
    Finished,
    Leg,
    Orphaned,
    Spoke,
    WentSilent,
)
from callcenter.media.ports import Ports
from callcenter.media.recorder import Recorded
from callcenter.media.rtp import PACKET_MAX
from callcenter.media.side import DigitPressed, FaxHeard, Side
from callcenter.media.wheel import SLOTS, Wheel

POLL_EVENTS_MAX = 64
"""Packets between two looks at the wheel: about a millisecond of work."""
BUSY_PACKETS = 10
"""From so many packets in `ROUND_SLOT` on (2,000 a second), they are taken nap by nap."""
NAP_SECONDS = 0.002
NG_BURST_MAX = 16
ROUND_SLOT: Micros = 5 * MILLISECOND
"""Every leg is looked at once in 20 of these, that is ten times a second."""
ROUND_SLACK: Micros = 4 * ROUND_SLOT
"""A worker at ease is not woken for each slot: it looks at those of so long together."""
CLOSE_LOOK_ROUNDS = 10
COLLECT_SECONDS = 60


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a worker is told at its start."""

    address: str = "127.0.0.1"
    """Where RTP is received, and what SDP says unless `advertised` is set."""
    advertised: str = ""
    address6: str = ""
    """The same for phones on IPv6; empty where there are none."""
    advertised6: str = ""
    first_port: int = 30_000
    last_port: int = 34_999
    ng_host: str = "127.0.0.1"
    ng_port: int = 0
    events_host: str = "127.0.0.1"
    events_port: int = 0
    """0 tells nobody."""
    directory: str = ""
    """Where the state for a restart is kept; empty keeps none."""
    seal_file: str = ""
    """Holds what keys in that state are sealed with; a file in the directory when empty."""
    identity_file: str = ""
    """Certificate and key that browsers see; new ones for each life when empty."""
    legs_max: int = 4000
    silence_seconds: int = 10
    orphan_seconds: int = 4 * 3600
    realtime: bool = True


def clock() -> Micros:
    """Monotonic microseconds."""
    return time.monotonic_ns() // 1000


class Worker:
    """One engine with its sockets."""

    def __init__(self, config: WorkerConfig, ng_socket: socket.socket) -> None:
        self.config = config
        self._packet = bytearray(2048)
        view = memoryview(self._packet)
        self._views = [view[:size] for size in range(PACKET_MAX + 1)]
        """What to send for each size: made once, a slice per packet is dear."""
        self._doors: dict[int, tuple[Side, Callable[..., Any]]] = {}
        self._direct: dict[int, tuple[Side, Callable[..., Any]]] = {}
        """Sides by descriptor, with the call that reads it; see `media_sockets`."""
        self._other: dict[int, Callable[[], None]] = {}
        self._browsers = Browsers(
            config.identity_file, self._doors, self._other, self._packet, self._views, clock,
            self._rewire,
        )  # fmt: skip
        self.engine = Engine(
            address=config.advertised or config.address,
            address6=config.advertised6 or config.address6,
            ports=Ports(config.first_port, config.last_port),
            open_side=self._open_side,
            open_v6=self._open_v6,
            close_side=self._close_side,
            make_guard=SrtpGuard,
            make_web=self._browsers.make,
            load=AudioFiles().load,
            draw=_draw,
            limits=Limits(config.legs_max, config.silence_seconds, config.orphan_seconds),
            append=append_to,
        )
        self._browsers.engine = self.engine
        self.send_errors = 0
        self._more = False
        """The last poll was full: there is more to take at once."""
        self._busy = False
        self._taken = 0
        self._count_at = clock()
        self._ng = ng_socket
        self._replays = ng.Replays()
        self._events = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._events.setblocking(False)
        self._epoll = select.epoll()
        self._wheel: Wheel[Leg] = Wheel(clock())
        """Phones that hear us."""
        self._rounds: Wheel[Leg] = Wheel(clock(), ROUND_SLOT)
        """All legs."""
        self._known: dict[str, Leg] = {}
        self._journal = (
            Journal(Path(config.directory), config.legs_max, config.seal_file)
            if config.directory
            else None
        )
        self._collect_at = clock() + COLLECT_SECONDS * SECOND
        self._stopping = False
        _allow_many_sockets()
        ng_socket.setblocking(False)
        self._watch(ng_socket.fileno(), self._receive_ng)
        if self._journal is not None:
            self._take_back(self._journal, clock())

    def end_with(self, process: int) -> None:
        """Stop when that process is gone; at once, if it is gone already."""
        try:
            self._watch(os.pidfd_open(process), self._stop)
        except ProcessLookupError:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM. Calls are left as they are: the next worker takes them back."""
        wake, woken = socket.socketpair()
        woken.setblocking(False)
        wake.setblocking(False)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        self._watch(wake.fileno(), lambda: self._signalled(wake.recv(64)))
        if self.config.realtime:
            _be_punctual()
        gc.collect()
        gc.freeze()
        gc.disable()
        ready()
        while not self._stopping:
            self._turn()
        self._close()

    # -- the loop --------------------------------------------------------------------------

    def _turn(self) -> None:
        """Wait for packets until the wheel's next turn; then serve both.

        Under load a packet arrives every few microseconds, and being woken for each costs
        more than the packet. Then the worker naps and takes all that came.
        """
        if not self._busy:
            now = clock()
            wait = min(self._wheel.wait(now), self._rounds.wait(now) + ROUND_SLACK)
        else:
            wait = 0
            if not self._more:
                time.sleep(NAP_SECONDS)
        events = self._epoll.poll(wait / SECOND, POLL_EVENTS_MAX)
        now = clock()
        self._more = len(events) == POLL_EVENTS_MAX
        self._taken += len(events)
        if now >= self._count_at:
            self._busy, self._taken = self._taken >= BUSY_PACKETS, 0
            self._count_at = now + ROUND_SLOT
        self._receive(events, now)
        self._play(now)
        self._go_round(now)
        if self.engine.facts:
            self._tell()

    def _receive(self, events: list[tuple[int, int]], now: Micros) -> None:
        """Take one packet from every socket that has one."""
        direct, doors, packet, views = self._direct, self._doors, self._packet, self._views
        for fd, _ in events:
            line = direct.get(fd)
            try:
                if line is not None:
                    side, receive = line
                    size, address = receive(packet), side.source
                elif fd in doors:
                    side, receive = doors[fd]
                    size, address = receive(packet)
                else:
                    self._receive_other(fd)
                    continue
                size = side.receive(packet, size, address, now)
                if size:
                    to: Any = side.to
                    to.emit(views[size])
            except OSError:
                self.send_errors += 1

    def _receive_other(self, fd: int) -> None:
        """ng, RTCP, a signal. The descriptor may just have been closed by the one before."""
        other = self._other.get(fd)
        if other is not None:
            other()

    def _play(self, now: Micros) -> None:
        """Send what is due of ours. Legs that another stream feeds leave the wheel."""
        packet, view = self._packet, self._views[PACKET]
        for _, legs in self._wheel.due(now):
            for leg in legs:
                if leg.playout(packet, now):
                    emit: Any = leg.phone.emit
                    try:
                        emit(view)
                    except OSError:
                        self.send_errors += 1
                elif leg.is_fed(now):
                    self._wheel.remove(leg, leg.slot)
                    leg.slot = -1

    def _go_round(self, now: Micros) -> None:
        """Look after every leg ten times a second, and more closely once a second."""
        for turn, legs in self._rounds.due(now):
            closely = turn // SLOTS % CLOSE_LOOK_ROUNDS == turn % CLOSE_LOOK_ROUNDS
            for leg in legs:
                phone = leg.phone
                if leg.slot < 0 and (phone.heard_at or phone.playing):
                    self._feed(leg, now)
                if phone.digits.pressed:
                    phone.finish_press(now)
                leg.look_at_recorder(now)
                if phone.source != phone.wire.peer:
                    self._follow_latch(phone)
                if closely:
                    self._look_after(leg, now)
            if self._journal is not None:
                self._journal.alive(now)
            if self.engine.changed:
                self._keep(now)
        if now > self._collect_at:
            self._collect_at = now + COLLECT_SECONDS * SECOND
            gc.collect(0)

    def _look_after(self, leg: Leg, now: Micros) -> None:
        leg.tick(now, self.config.silence_seconds)
        if leg.slot < 0 and leg.keep_alive(self._packet, now):
            emit: Any = leg.phone.emit
            try:
                emit(self._views[PACKET])
            except OSError:
                self.send_errors += 1
        if now >= leg.report_at and leg.phone.codec is not None:
            self._report(leg, now)
        if leg.phone.web is not None:
            self._browsers.look_after(leg)
        if self._journal is not None:
            self._journal.note(leg, now)
        self.engine.give_up_orphan(leg, now)

    def _report(self, leg: Leg, now: Micros) -> None:
        description = leg.phone.description
        if leg.phone.web is not None:
            self._browsers.report(leg, now)
            return
        if description is None or description.control is None:
            return
        host, port = description.control
        source = leg.phone.latch.source
        if source is not None and source != leg.phone.latch.advertised:
            host, port = source[0], source[1] + 1
        report, guard = self.engine.control_report(leg, now), leg.phone.guard
        if guard is not None:
            report = guard.seal_control(report)
        try:
            leg.phone.wire.control_to(host).sendto(report, (host, port))
        except (OSError, OverflowError):
            self.send_errors += 1

    def _signalled(self, signals: bytes) -> None:
        if signal.SIGTERM in signals:
            self._stop()

    # -- messages --------------------------------------------------------------------------

    def _receive_ng(self) -> None:
        for _ in range(NG_BURST_MAX):
            try:
                data, address = self._ng.recvfrom(ng.DATAGRAM_MAX)
            except OSError:
                return
            reply = self._answer_all(data, clock())
            if reply:
                try:
                    self._ng.sendto(reply, address)
                except OSError:
                    self.send_errors += 1

    def _answer_all(self, datagram: bytes, now: Micros) -> bytes:
        """The replies to all messages of a datagram, given once what they changed is noted."""
        replies = [self._answer(data, now) for data in ng.parts(datagram)]
        self._keep(now)
        return ng.SEPARATOR.join(filter(None, replies))

    def _answer(self, data: bytes, now: Micros) -> bytes:
        """The reply to one message; empty when it has no cookie to reply to."""
        known = self._replays.find(data, now)
        if known is not None:
            return known
        try:
            cookie, body = ng.decode(data)
        except ng.NgError as e:
            self.engine.counts["errors"] += 1
            cookie = data.partition(b" ")[0][: ng.COOKIE_MAX].decode("ascii", "ignore")
            return ng.encode(cookie, e.reply()) if cookie else b""
        try:
            answer = self.engine.handle(body, now)
        except Exception as e:  # noqa: BLE001 one bad message must not end a thousand calls
            self.engine.counts["errors"] += 1
            log_trouble(
                "a message could not be done", verb=ng.text(body, "command"), reason=repr(e)
            )
            answer = ng.NgError("Internal error").reply()
        if body.get("command") == "statistics" and "statistics" in answer:
            answer["statistics"]["worker"] = self._self_report()
        reply = ng.encode(cookie, answer, as_bencode=ng.is_bencode(data))
        self._replays.keep(data, reply, now)
        return reply

    def _self_report(self) -> dict[str, int]:
        return {
            "send_errors": self.send_errors + self._browsers.send_errors,
            "skipped_turns": self._wheel.skipped,
            "replayed_replies": self._replays.hits,
            "cpu_ms": int(time.process_time() * 1000),
        }

    def _keep(self, now: Micros) -> None:
        """Note what changed; legs that may have to play stand on the wheel."""
        changed = self.engine.changed
        for call_id, leg in changed.items():
            known = self._known.get(call_id)
            if known is not None and known is not leg:
                self._forget(known)
            if leg is not None:
                if known is not leg:
                    self._know(leg)
                self._follow_latch(leg.phone)
                self._browsers.sort(leg.phone)
                self._rewire(leg.phone)
            if self._journal is not None:
                self._journal.changed(call_id, leg, self.engine.legs.values(), now)
        for call_id in self.engine.refed.union(changed):
            leg = self.engine.legs.get(call_id)
            if leg is not None:
                self._feed(leg, now)
        self.engine.refed.clear()
        changed.clear()

    def _feed(self, leg: Leg, now: Micros) -> None:
        """A phone that nobody else feeds stands on the wheel."""
        if leg.slot < 0 and not leg.is_fed(now):
            leg.slot = self._wheel.add(leg)

    def _know(self, leg: Leg) -> None:
        self._known[leg.call_id] = leg
        leg.rounds_slot = self._rounds.add(leg)

    def _forget(self, leg: Leg) -> None:
        del self._known[leg.call_id]
        self._wheel.remove(leg, leg.slot)
        self._rounds.remove(leg, leg.rounds_slot)

    def _tell(self) -> None:
        """Send the facts to whoever listens."""
        facts = self.engine.facts
        for fact in facts:
            if self.config.events_port:
                try:
                    self._events.sendto(
                        msgspec.json.encode(_event(fact)),
                        (self.config.events_host, self.config.events_port),
                    )
                except OSError:
                    self.send_errors += 1
        facts.clear()

    # -- sockets ---------------------------------------------------------------------------

    def _open_side(self, side: Side) -> None:
        """Bind the ports of a side. Raises `OSError` when another process has one."""
        wires = Wires(self.config.address, side.port, control=side.tag == PHONE)
        side.wire = wires
        self._rewire(side)
        self._listen(side, wires.door, wires.control)

    def _open_v6(self, side: Side) -> None:
        """The same ports on IPv6. Raises `OSError`."""
        wires: Wires = side.wire
        wires.open_v6(self.config.address6)
        assert wires.door6 is not None
        self._listen(side, wires.door6, wires.control6)
        self._browsers.forget(side)  # sorted anew, with this door

    def _listen(self, side: Side, door: socket.socket, control: socket.socket | None) -> None:
        self._doors[door.fileno()] = side, reader_of(door)
        self._epoll.register(door.fileno(), select.EPOLLIN)
        if control is not None:
            self._watch(control.fileno(), lambda: self._receive_control(side, control))

    def _rewire(self, side: Side) -> None:
        """How packets leave: by the direct line or a door, encrypted or not."""
        wires: Wires = side.wire
        send = wires.direct.send if wires.direct is not None else _by_the_door(side)
        if side.guard is not None:
            side.emit = _sealed(send, side.guard)
        else:
            side.emit = send if side.web is None else _nothing

    def _close_side(self, side: Side) -> None:
        wires: Wires = side.wire
        self._disconnect(side)
        for wire in wires.sockets:
            self._doors.pop(wire.fileno(), None)
            self._other.pop(wire.fileno(), None)
        self._browsers.forget(side)
        wires.close()

    def _follow_latch(self, side: Side) -> None:
        """Keep the direct line with the one we believe, if he is where his SDP says."""
        wires: Wires = side.wire
        if wires.peer is not None and wires.peer != side.source:
            self._disconnect(side)
        source = side.source
        if source is None or wires.peer is not None or source != side.latch.advertised:
            return
        try:
            direct = wires.connect(source)
        except OSError:
            return  # the door serves as well, only dearer
        self._rewire(side)
        self._direct[direct.fileno()] = side, direct.recv_into
        self._epoll.register(direct.fileno(), select.EPOLLIN)

    def _disconnect(self, side: Side) -> None:
        wires: Wires = side.wire
        if wires.direct is None:
            return
        del self._direct[wires.direct.fileno()]
        wires.disconnect()
        self._rewire(side)

    def _watch(self, fd: int, then: Callable[[], None]) -> None:
        self._other[fd] = then
        self._epoll.register(fd, select.EPOLLIN)

    def _receive_control(self, side: Side, control: socket.socket) -> None:
        try:
            data, (host, *_) = control.recvfrom(2048)
        except OSError:
            return
        known = side.address
        if known is None or host != known[0]:
            self.engine.drops.stray += 1
        else:
            self._browsers.heard_control(side, data)

    # -- restart ---------------------------------------------------------------------------

    def _take_back(self, journal: Journal, now: Micros) -> None:
        """Bind the ports of the worker before us and go on where it stopped."""
        for record, note in journal.read(now):
            try:
                take_back(self.engine, (self._open_side, self._open_v6), record, note, now)
            except (OSError, ng.NgError) as e:
                log_trouble("a leg could not be taken back", leg=record.call_id, reason=str(e))
        self.engine.connect_all()
        journal.begin(self.engine.legs.values(), now)
        for leg in self.engine.legs.values():
            self._know(leg)
            self._browsers.sort(leg.phone)
            self._rewire(leg.phone)
            self._feed(leg, now)

    def _close(self) -> None:
        sides = {id(side): side for side, _ in self._doors.values()} | self._browsers.sides
        for side in sides.values():
            self._close_side(side)
        if self._journal is not None:
            self._journal.close()
        self._epoll.close()
        self._events.close()


def _by_the_door(side: Side) -> Callable[[memoryview], object]:
    """Sends to wherever the side is at that moment."""
    wires: Wires = side.wire
    sendto: Callable[[memoryview, Any], object] = wires.door.sendto
    if wires.door6 is None:
        return lambda packet: sendto(packet, side.address)

    def send(packet: memoryview) -> None:
        address: Any = side.address
        wires.door_to(address[0]).sendto(packet, address)

    return send


def _sealed(send: Callable[[Any], object], guard: Guard) -> Callable[[memoryview], object]:
    """The same, encrypted."""

    def emit(packet: memoryview) -> None:
        data = guard.seal(bytes(packet))
        if data:
            send(data)

    return emit


def _nothing(_packet: memoryview) -> None:
    """To a browser whose keys are not agreed yet, nothing is sent."""


def _draw(bits: int) -> int:
    """So many random bits."""
    octets = (bits + 7) // 8
    return int.from_bytes(os.urandom(octets)) >> (8 * octets - bits)


def _event(fact: Fact) -> dict[str, Any]:
    """The datagram of a fact."""
    about: dict[str, Any] = {"callid": fact.call_id, "source_tag": PHONE}
    if isinstance(fact, DigitPressed):
        return about | {
            "type": "DTMF",
            "tags": [],
            "timestamp": int(time.time()),
            "source_ip": fact.source[0] if fact.source else "",
            "event": fact.press.event,
            "duration": fact.press.duration_ms,
            "volume": fact.press.volume,
        }
    if isinstance(fact, Finished):
        return about | {"type": "finished", "file": fact.file, "play-id": fact.play_id}
    if isinstance(fact, WentSilent):
        return about | {"type": "silence", "seconds": fact.seconds}
    if isinstance(fact, Spoke):
        return about | {"type": "sound"}
    if isinstance(fact, FaxHeard):
        return about | {"type": "fax"}
    if isinstance(fact, Recorded):
        how = {"file": fact.file, "milliseconds": fact.milliseconds, "why": fact.why}
        return about | {"type": "recorded", **how}
    assert isinstance(fact, Orphaned)
    return about | {"type": "timeout", "seconds": fact.seconds}


def append_to(file: str, data: bytes) -> None:
    """Add octets to a file that is ours alone. What waits in the kernel is enough here: whoever
    keeps the recording syncs it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        written = os.write(descriptor, data)
    finally:
        os.close(descriptor)
    if written < len(data):
        raise OSError("not all of it was written")


def _allow_many_sockets() -> None:
    """A leg has three sockets; the usual limit of 1024 is 340 legs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _be_punctual() -> None:
    """Run before ordinary processes, where that is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))
    except OSError:
        pass  # only root and CAP_SYS_NICE may; the figures hold without on a machine at ease


def open_ng(host: str, port: int) -> socket.socket:
    """A socket for ng requests, for a worker without a holder."""
    ng_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ng_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    ng_socket.bind((host, port))
    return ng_socket


def main() -> None:
    """Run a worker by itself."""
    config = msgspec.json.decode(sys.argv[1], type=WorkerConfig)
    ng_socket = open_ng(config.ng_host, config.ng_port)
    worker = Worker(config, ng_socket)
    port = ng_socket.getsockname()[1]
    worker.run(lambda: print(f"ready {port}", flush=True))


if __name__ == "__main__":
    main()
