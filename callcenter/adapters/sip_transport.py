"""The sockets of SIP: datagrams and connections in, messages out, and back.

Everything above is sans-I/O and speaks of `Flow`s; here a flow is a socket. TCP goes through
`Stream`, on Twisted's reactor. UDP is read off the loop itself, many datagrams per wake-up: Twisted's
port costs a tenth of a whole call.

Why the holder is asked to keep each connection: it lives longer than this process. Its number is
never used again, in this life or the next (`first_connection` comes from the epoch), so that a
stored flow means either the same connection or none.

Nothing here raises because of a peer: what cannot be sent or is too much is counted by name in
`counts`, which the metrics show.

Sources: RFC 3261 18 (transport), RFC 5626 (flows), RFC 3581.
"""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from callcenter.adapters.sip_stream import Stream
from callcenter.sip import limits
from callcenter.sip.flow import Address, Flow
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
    """What TCP peers are held to.

    Attributes:
        connections_max: of all peers; more are closed at once.
        connections_per_host_max: of one address; many phones may stand behind one translator.
        first_message_seconds: from the connection to the end of the first message.
        rest_of_message_seconds: from the first byte of a message to its last.
    """

    connections_max: int = 8_192
    connections_per_host_max: int = 1_024
    first_message_seconds: float = 30.0
    rest_of_message_seconds: float = 10.0
    connect_seconds: float = 5.0


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
        self._next_connection = first_connection
        self._limits = transport_limits or TransportLimits()
        self._udp: dict[Address, _DatagramSide] = {}
        self._trunks: dict[tuple[Address, Address], _DatagramSide] = {}
        self._listeners: list[_Listener] = []
        self._streams: dict[int, Stream] = {}
        self._per_host: Counter[str] = Counter()

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
        listener = _Listener(self._reactor, opened, self._accepted, self.counts)
        self._listeners.append(listener)
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

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message over a flow. An error is counted, and a flow that is gone is reported
        to `on_closed` in the next turn; none is raised."""
        if flow.transport == "udp":
            side = self._trunks.get((flow.local, flow.remote)) or self._udp.get(flow.local)
            sent = side is not None and side.send(data, flow.remote)
            self.counts["datagrams_sent" if sent else "datagrams_not_sent"] += 1
            return
        stream = self._streams.get(flow.connection)
        if stream is None:
            self.counts["tcp_gone"] += 1
            self._reactor.callLater(0, self._on_closed, flow)
            return
        self.counts["tcp_sent"] += 1
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

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._streams)

    def _datagram_received(self, data: bytes, flow: Flow) -> None:
        if is_keepalive(data):
            self.counts["keepalives"] += 1
            return
        self.counts["datagrams_received"] += 1
        self._hand_on(data, flow)

    def _message_received(self, data: bytes, flow: Flow) -> None:
        self.counts["tcp_received"] += 1
        self._hand_on(data, flow)

    def _hand_on(self, data: bytes, flow: Flow) -> None:
        """A fault of ours ends with this message, not with the process or its socket."""
        try:
            self._on_data(data, flow)
        except Exception:
            self.counts["faults"] += 1
            log.exception("message not handled", transport=flow.transport)

    def _accepted(self, connection: socket.socket, peer: Address) -> None:
        connection.setblocking(False)
        crowded = len(self._streams) >= self._limits.connections_max
        if crowded or self._per_host[peer[0]] >= self._limits.connections_per_host_max:
            self.counts["tcp_refused"] += 1
            connection.close()
            return
        self.counts["tcp_accepted"] += 1
        flow = Flow("tcp", _address(connection.getsockname()), peer, self._number())
        self._keep_in_holder(connection, flow)
        self._stream(connection, flow)

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
        self._per_host[flow.remote[0]] += 1
        stream = Stream(
            self._reactor,
            connection,
            flow,
            self._limits,
            self._message_received,
            self._stream_closed,
            connecting=connecting,
            known=known,
        )
        self._streams[flow.connection] = stream
        return stream

    def _read_once(self, stream: Stream) -> None:
        """The low-water mark of an earlier life may hide what is there."""
        if not stream.closed:
            stream.doRead()

    def _stream_closed(self, stream: Stream, reason: str) -> None:
        flow = stream.flow
        self.counts[f"tcp_{reason}"] += 1
        self._streams.pop(flow.connection, None)
        self._per_host[flow.remote[0]] -= 1
        if self._per_host[flow.remote[0]] <= 0:
            del self._per_host[flow.remote[0]]
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
