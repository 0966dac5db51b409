"""The sockets of SIP: datagrams and connections in, messages out, and back.

Everything above is sans-I/O and speaks of `Flow`s; here a flow is a socket. TCP goes through
`Stream`, on Twisted's reactor, TLS and secure WebSocket through `SecureStream`. UDP is read off the loop itself, many datagrams per wake-up: Twisted's
port costs a tenth of a whole call.

Why the holder is asked to keep each connection: it lives longer than this process. Its number is
never used again, in this life or the next (`first_connection` comes from the epoch), so that a
stored flow means either the same connection or none. What is inside TLS it cannot keep.

Nothing here raises because of a peer: what cannot be sent or is too much is counted by name in
`counts`, which the metrics show.

Sources: RFC 3261 18 (transport), RFC 5626 (flows), RFC 3581.
"""

import asyncio
import errno
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from twisted.internet.interfaces import IReadDescriptor
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from callcenter.adapters.certificates import Certificates
from callcenter.adapters.sip_framing import Framing, StreamFraming, WebSocketFraming
from callcenter.adapters.sip_secure import OneStream, SecureStream
from callcenter.adapters.sip_stream import Stream
from callcenter.adapters.sip_watch import Watch
from callcenter.domain.units import Micros
from callcenter.frontend.limits import RateLimit, ReplyBudget
from callcenter.sip import limits
from callcenter.sip.flow import Address, Flow, Transport
from callcenter.sip.message import is_keepalive

log = structlog.get_logger()

DATAGRAMS_PER_TURN_MAX = 64
FLOWS_KNOWN_MAX = 4096
"""Peers whose flow need not be made anew for each datagram."""
ACCEPTS_PER_TURN_MAX = 64
ACCEPT_PAUSE_SECONDS = 0.2
"""How long no connection is accepted after the process ran out of descriptors."""

_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_NO_ONE_WAITS = (errno.EAGAIN, errno.EWOULDBLOCK)


@dataclass(frozen=True)
class TransportLimits:
    """What peers with connections are held to.

    Attributes:
        connections_max: of all peers; more are closed at once.
        connections_per_host_max: of one address; many phones may stand behind one translator.
        first_message_seconds: from the connection to the end of the first message.
        rest_of_message_seconds: from the first byte of a message to its last.
        handshakes_per_host_per_second: TLS handshakes begun with one address, in the long run; each
            costs a millisecond before anybody knows who it is.
        handshakes_per_host_burst: at once, as after a restart of ours.
    """

    connections_max: int = 8_192
    connections_per_host_max: int = 1_024
    first_message_seconds: float = 30.0
    rest_of_message_seconds: float = 10.0
    connect_seconds: float = 5.0
    handshakes_per_host_per_second: float = 20.0
    handshakes_per_host_burst: int = 500


class SipTransports:
    """All SIP sockets of one front end.

    Args:
        reactor: Twisted's, on asyncio.
        loop: the one under the reactor.
        on_data: gets each datagram and each whole stream message; must not block.
        on_closed: gets the flow of a connection that is gone, or that a message was meant for
            although it was gone.
        keep: hands a connection and its number to the holder.
        drop: tells the holder that it may forget the connection.
        knows: whether the address at the other end of a flow is no forgery. To others no more is
            sent in datagrams than came from them.
        on_proven: gets the flow and the trunk that a peer's certificate proves.
        watch: sees each message that comes or goes, or None.
        first_connection: numbers begin here.
    """

    def __init__(
        self,
        reactor: Any,
        loop: asyncio.AbstractEventLoop,
        on_data: Callable[[bytes, Flow], None],
        on_closed: Callable[[Flow], None],
        *,
        keep: Callable[[socket.socket, int], object] | None = None,
        drop: Callable[[int], object] | None = None,
        knows: Callable[[Flow], bool] = lambda _: True,
        on_proven: Callable[[Flow, str], None] = lambda *_: None,
        watch: Watch | None = None,
        first_connection: int = 1,
        transport_limits: TransportLimits | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._reactor = reactor
        self._loop = loop
        self._on_data = on_data
        self._on_closed = on_closed
        self._keep = keep
        self._drop = drop
        self._on_proven = on_proven
        self._knows = knows
        self._budget = ReplyBudget()
        self._watch = watch if watch is not None and not watch.is_idle else None
        self._next_connection = first_connection
        self._limits = transport_limits or TransportLimits()
        self._udp: dict[Address, _DatagramSide] = {}
        self._trunks: dict[tuple[Address, Address], _DatagramSide] = {}
        self._listeners: list[_Listener] = []
        self._streams: dict[int, Stream | SecureStream] = {}
        self._per_host: Counter[str] = Counter()
        self._handshakes = RateLimit(
            per_second=self._limits.handshakes_per_host_per_second,
            burst=self._limits.handshakes_per_host_burst,
        )

    def add_udp(self, opened: socket.socket) -> Address:
        """Serve a bound datagram socket; a connected one serves its peer alone.

        Returns:
            Its own address, as flows will name it.
        """
        opened.setblocking(False)  # a blocking one would stop the whole process
        side = _DatagramSide(self._loop, opened, self._datagram_received)
        if side.peer is None:
            self._udp[side.local] = side
        else:
            self._trunks[side.local, side.peer] = side
        return side.local

    def add_tcp_listener(self, opened: socket.socket) -> Address:
        """Accept connections on a listening socket; its own address."""
        return self._listen(opened, self._accepted)

    def add_tls_listener(self, opened: socket.socket, certificates: Certificates) -> Address:
        """Accept TLS on a listening socket; its own address."""

        def accepted(connection: socket.socket, peer: Address) -> None:
            self._accepted_secure(connection, peer, "tls", certificates, StreamFraming())

        return self._listen(opened, accepted)

    def add_wss_listener(
        self,
        opened: socket.socket,
        certificates: Certificates,
        admits: Callable[[str | None], bool],
    ) -> Address:
        """Accept SIP over secure WebSocket; `admits` says which pages may connect (by origin)."""

        def accepted(connection: socket.socket, peer: Address) -> None:
            self._accepted_secure(connection, peer, "wss", certificates, WebSocketFraming(admits))

        return self._listen(opened, accepted)

    def _listen(
        self, opened: socket.socket, accepted: Callable[[socket.socket, Address], None]
    ) -> Address:
        self._listeners.append(_Listener(self._reactor, opened, accepted, self.counts))
        return _address(opened.getsockname())

    def adopt_tcp(self, connection: socket.socket, connection_id: int) -> Flow | None:
        """Go on with a connection of an earlier life; what it left unread is read in the next turn.

        Returns:
            None if it ended while nobody looked.
        """
        try:
            flow = Flow(
                "tcp",
                _address(connection.getsockname()),
                _address(connection.getpeername()),
                connection_id,
            )
        except OSError:
            connection.close()
            self._forget(connection_id)
            return None
        self._next_connection = max(self._next_connection, connection_id + 1)
        stream = self._stream(connection, flow, known=True)
        self._reactor.callLater(0, self._read_once, stream)
        return flow

    def connect_tcp(self, remote: Address, local_host: str = "") -> Flow:
        """Begin an outgoing connection. Messages may be sent over its flow at once; if it does
        not come about, `on_closed` is told."""
        family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            if local_host:
                connection.bind((local_host, 0))
            failed = connection.connect_ex(remote) not in (0, errno.EINPROGRESS)
            local = _address(connection.getsockname())
        except OSError:
            failed, local = True, (local_host, 0)
        flow = Flow("tcp", local, remote, self._number())
        if failed:
            connection.close()
            self.counts["tcp_connect_failed"] += 1
            self._reactor.callLater(0, self._on_closed, flow)
            return flow
        self._keep_in_holder(connection, flow)
        self._stream(connection, flow, connecting=True)
        return flow

    def connect_tls(self, remote: Address, creator: Any, trunk: str, local_host: str = "") -> Flow:
        """Open a connection to a trunk. `on_proven` names its flow once the trunk's certificate
        was found good; otherwise `on_closed` is told.

        Args:
            creator: Twisted's `IOpenSSLClientConnectionCreator`, which checks the certificate.
        """
        flow = Flow("tls", (local_host, 0), remote, self._number())
        stream = SecureStream(
            self._reactor, flow, self._limits, StreamFraming(), self,
            proves=lambda _: trunk, opened_by_us=True,
        )  # fmt: skip
        self._add(stream)
        inner: Any = OneStream(stream)
        factory = TLSMemoryBIOFactory(creator, True, inner, clock=self._reactor)
        bind = (local_host, 0) if local_host else None
        self._reactor.connectTCP(*remote, factory, self._limits.connect_seconds, bind)
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message over a flow. An error is counted, and a flow that is gone is reported
        to `on_closed` in the next turn; none is raised."""
        if flow.transport == "udp":
            if not self._may_send(flow, len(data)):
                self.counts["datagrams_withheld"] += 1
                return
            side = self._trunks.get((flow.local, flow.remote)) or self._udp.get(flow.local)
            sent = side is not None and side.send(data, flow.remote)
            if sent and self._watch is not None:
                self._watch.passed(data, flow, sent=True)
            self.counts["datagrams_sent" if sent else "datagrams_not_sent"] += 1
            return
        stream = self._streams.get(flow.connection)
        if stream is None:
            self.counts[f"{flow.transport}_gone"] += 1
            self._reactor.callLater(0, self._on_closed, flow)
            return
        self.counts[f"{flow.transport}_sent"] += 1
        if self._watch is not None:
            self._watch.passed(data, flow, sent=True)
        stream.write(data)

    def close_flow(self, flow: Flow) -> None:
        """Hang up a connection, after what was sent over it."""
        stream = self._streams.get(flow.connection) if flow.connection else None
        if stream is not None:
            stream.close_when_written("closed_by_us")

    def close(self) -> None:
        """Let go of every socket. Connections stay up as long as the holder keeps them."""
        for side in (*self._udp.values(), *self._trunks.values()):
            side.stop()
        for listener in self._listeners:
            listener.stop()
        for stream in self._streams.values():
            stream.release()
        self._udp.clear()
        self._trunks.clear()
        self._listeners.clear()
        self._streams.clear()
        self._per_host.clear()

    def is_open(self, flow: Flow) -> bool:
        """Whether something sent over `flow` has a road; a datagram always has."""
        return not flow.connection or flow.connection in self._streams

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._streams)

    def _datagram_received(self, data: bytes, flow: Flow) -> None:
        if is_keepalive(data):
            self.counts["keepalives"] += 1
            return
        self.counts["datagrams_received"] += 1
        if not self._knows(flow):
            self._budget.heard(flow.remote[0], len(data), _now())
        self._hand_on(data, flow)

    def message_received(self, data: bytes, flow: Flow) -> None:
        """One whole message of a connection."""
        self.counts[f"{flow.transport}_received"] += 1
        self._hand_on(data, flow)

    def _hand_on(self, data: bytes, flow: Flow) -> None:
        """A fault of ours ends with this message, not with the process or its socket."""
        if self._watch is not None:
            self._watch.passed(data, flow, sent=False)
        try:
            self._on_data(data, flow)
        except Exception:
            self.counts["faults"] += 1
            log.exception("message not handled", transport=flow.transport)

    def _accepted(self, connection: socket.socket, peer: Address) -> None:
        connection.setblocking(False)
        if not self._has_room(peer):
            self.counts["tcp_refused"] += 1
            connection.close()
            return
        self.counts["tcp_accepted"] += 1
        flow = Flow("tcp", _address(connection.getsockname()), peer, self._number())
        self._keep_in_holder(connection, flow)
        self._stream(connection, flow)

    def _may_send(self, flow: Flow, size: int) -> bool:
        return self._knows(flow) or self._budget.allows(flow.remote[0], size, _now())

    def _has_room(self, peer: Address) -> bool:
        crowded = len(self._streams) >= self._limits.connections_max
        return not crowded and self._per_host[peer[0]] < self._limits.connections_per_host_max

    def _accepted_secure(
        self,
        connection: socket.socket,
        peer: Address,
        transport: Transport,
        certificates: Certificates,
        framing: Framing,
    ) -> None:
        """A handshake costs us more than the peer: count first, then begin it."""
        connection.setblocking(False)
        with connection:  # Twisted has a duplicate
            if not self._has_room(peer):
                self.counts[f"{transport}_refused"] += 1
                return
            if not self._handshakes.allows(peer[0], _now()):
                self.counts[f"{transport}_refused_too_many_handshakes"] += 1
                return
            self.counts[f"{transport}_accepted"] += 1
            flow = Flow(transport, _address(connection.getsockname()), peer, self._number())
            stream = SecureStream(
                self._reactor, flow, self._limits, framing, self, proves=certificates.proven
            )
            self._add(stream)
            shown: Any = certificates
            inner: Any = OneStream(stream)
            factory = TLSMemoryBIOFactory(shown, False, inner, clock=self._reactor)
            self._reactor.adoptStreamConnection(connection.fileno(), connection.family, factory)

    def secured(self, stream: SecureStream) -> None:
        """A handshake is done: what its certificate proves counts before its first message."""
        self.counts[f"{stream.flow.transport}_secured"] += 1
        if stream.trunk:
            self._on_proven(stream.flow, stream.trunk)

    def _add(self, stream: Stream | SecureStream) -> None:
        self._streams[stream.flow.connection] = stream
        self._per_host[stream.flow.remote[0]] += 1

    def _number(self) -> int:
        number, self._next_connection = self._next_connection, self._next_connection + 1
        return number

    def _stream(
        self,
        connection: socket.socket,
        flow: Flow,
        *,
        connecting: bool = False,
        known: bool = False,
    ) -> Stream:
        stream = Stream(
            self._reactor,
            connection,
            flow,
            self._limits,
            self.message_received,
            self.stream_closed,
            connecting=connecting,
            known=known,
        )
        self._add(stream)
        return stream

    def _read_once(self, stream: Stream) -> None:
        """The low-water mark of an earlier life may hide what is there."""
        if not stream.closed:
            stream.doRead()

    def stream_closed(self, stream: Stream | SecureStream, reason: str) -> None:
        """A connection is over."""
        flow = stream.flow
        self.counts[f"{flow.transport}_{reason}"] += 1
        self._streams.pop(flow.connection, None)
        self._per_host[flow.remote[0]] -= 1
        if self._per_host[flow.remote[0]] <= 0:
            del self._per_host[flow.remote[0]]
        if isinstance(stream, Stream):
            self._forget(flow.connection)
        try:
            self._on_closed(flow)
        except Exception:
            self.counts["faults"] += 1
            log.exception("closed flow not handled")

    def _keep_in_holder(self, connection: socket.socket, flow: Flow) -> None:
        if self._keep is not None:
            self._keep(connection, flow.connection)

    def _forget(self, connection_id: int) -> None:
        if self._drop is not None:
            self._drop(connection_id)


def _now() -> Micros:
    return time.monotonic_ns() // 1000


def _address(name: Any) -> Address:
    """Host and port of what the kernel says (IPv6 adds two numbers)."""
    return name[0], name[1]


class _DatagramSide:
    """One datagram socket on the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        opened: socket.socket,
        on_data: Callable[[bytes, Flow], None],
    ) -> None:
        self.local = _address(opened.getsockname())
        try:
            self.peer: Address | None = _address(opened.getpeername())
        except OSError:
            self.peer = None
        self._loop = loop
        self._opened = opened
        self._on_data = on_data
        self._buffer = memoryview(bytearray(limits.MESSAGE_BYTES_MAX))
        self._flows: dict[Any, Flow] = {}
        loop.add_reader(opened, self._readable)

    def _readable(self) -> None:
        """All that came, up to a bound; the loop calls again while there is more."""
        for _ in range(DATAGRAMS_PER_TURN_MAX):
            try:
                size, name = self._opened.recvfrom_into(self._buffer)
            except ConnectionRefusedError:
                continue  # the fate of one that we sent
            except OSError:
                return  # nothing left, or the socket was closed by what we handed on
            self._on_data(bytes(self._buffer[:size]), self._flow(name))

    def _flow(self, name: Any) -> Flow:
        flow = self._flows.get(name)
        if flow is None:
            if len(self._flows) >= FLOWS_KNOWN_MAX:
                self._flows.clear()
            flow = self._flows[name] = Flow("udp", self.local, _address(name))
        return flow

    def send(self, data: bytes, remote: Address) -> bool:
        """False if the kernel did not take it: no route, too long, buffer full."""
        for _ in range(2):
            try:
                if self.peer is None:
                    self._opened.sendto(data, remote)
                else:
                    self._opened.send(data)
            except ConnectionRefusedError:
                continue  # the fate of an earlier one; this one has not been sent yet
            except OSError:
                return False
            return True
        return False

    def stop(self) -> None:
        """Close the socket."""
        self._loop.remove_reader(self._opened)
        self._opened.close()


@implementer(IReadDescriptor)
class _Listener:
    """A listening socket, as the reactor sees it."""

    def __init__(
        self,
        reactor: Any,
        opened: socket.socket,
        on_accepted: Callable[[socket.socket, Address], None],
        counts: Counter[str],
    ) -> None:
        opened.setblocking(False)
        self._reactor = reactor
        self._opened = opened
        self._on_accepted = on_accepted
        self._counts = counts
        self._stopped = False
        reactor.addReader(self)

    def fileno(self) -> int:
        """The descriptor."""
        return self._opened.fileno()

    def logPrefix(self) -> str:  # noqa: N802 Twisted's name
        """For the reactor's log."""
        return "sip-tcp-listener"

    def connectionLost(self, reason: object) -> None:  # noqa: ARG002, N802 Twisted's name
        """The reactor gives up on us."""
        self.stop()

    def doRead(self) -> None:  # noqa: N802 Twisted's name
        """Accept all who wait, up to a bound."""
        for _ in range(ACCEPTS_PER_TURN_MAX):
            try:
                connection, name = self._opened.accept()
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._counts["tcp_accept_out_of_descriptors"] += 1
                    self._reactor.removeReader(self)
                    self._reactor.callLater(ACCEPT_PAUSE_SECONDS, self._resume)
                    return
                if error.errno in _NO_ONE_WAITS:
                    return
                continue  # this one left again
            try:
                self._on_accepted(connection, _address(name))
            except OSError:
                connection.close()

    def _resume(self) -> None:
        if not self._stopped:
            self._reactor.addReader(self)

    def stop(self) -> None:
        """Accept no more; the holder's listening socket goes on collecting."""
        if not self._stopped:
            self._stopped = True
            self._reactor.removeReader(self)
            self._opened.close()
