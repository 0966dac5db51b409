"""One SIP connection over TCP, which takes whole messages from the kernel and nothing else.

Incoming bytes are looked at where they lie (`MSG_PEEK`). Only when a message is complete is it
taken out, and handed on at once. What is incomplete stays in the kernel, so that a process that is
killed in the middle of a message leaves all of it to its successor, to whom the holder gives the
same connection.

Why not Twisted's own TCP transport: it reads whatever there is into the process. This descriptor
is the same kind of thing to the reactor, but its buffer is the kernel's.

A level-triggered reactor would call us without end for half a message. `SO_RCVLOWAT` asks the
kernel to wake us only for more than we have seen; where that is not heeded, a short pause is made.

Every peer is held to limits: time for its first message, time for the rest of one once begun,
output that it does not fetch. Reaching one closes the connection under the name given to it here.

Sources: RFC 3261 18.3 (framing), RFC 5626 3.5.1 (CRLF ping and pong), socket(7), tcp(7).
"""

import errno
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from callcenter.sip import limits
from callcenter.sip.errors import SipError
from callcenter.sip.flow import Flow
from callcenter.sip.message import frame_length, keepalive_length, response_to

PEEK_BYTES = limits.MESSAGE_BYTES_MAX + limits.KEEPALIVE_BYTES_MAX
MESSAGES_PER_TURN_MAX = 32
"""After so many the other connections get their turn; the reactor comes back by itself."""
WRITE_BUFFER_BYTES_MAX = 1_048_576
PAUSE_SECONDS = 0.02
KEEPALIVE_IDLE_SECONDS = 60
UNACKNOWLEDGED_MS_MAX = 20_000

_LATER = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class StreamTimes(Protocol):
    """How long a peer may take."""

    @property
    def first_message_seconds(self) -> float: ...
    @property
    def rest_of_message_seconds(self) -> float: ...
    @property
    def connect_seconds(self) -> float: ...


@implementer(IReadWriteDescriptor)
class Stream:
    """A connection as the reactor sees it.

    Args:
        reactor: for `addReader`, `addWriter`, `callLater`.
        connection: non-blocking; closed by us.
        on_message: gets one whole message.
        on_closed: gets the name of the reason, once, unless `release` was called.
        connecting: True for an outgoing connection that is not up yet; output waits.
        known: True for a peer that has sent messages already (taken over from a predecessor).
    """

    def __init__(
        self,
        reactor: Any,
        connection: socket.socket,
        flow: Flow,
        times: StreamTimes,
        on_message: Callable[[bytes, Flow], None],
        on_closed: Callable[["Stream", str], None],
        *,
        connecting: bool = False,
        known: bool = False,
    ) -> None:
        self.flow = flow
        self.socket = connection
        self.closed = False
        self._reactor = reactor
        self._times = times
        self._on_message = on_message
        self._on_closed = on_closed
        self._connecting = connecting
        self._output = bytearray()
        self._closing = ""
        self._seen = 0
        self._low_water = 1
        self._in_message = False
        self._deadline: Any = None
        self._pause: Any = None
        connection.setblocking(False)
        _tune(connection)
        if connecting:
            self._expect(times.connect_seconds, "connect_timeout")
            reactor.addWriter(self)
        else:
            if not known:
                self._expect(times.first_message_seconds, "first_message_timeout")
            reactor.addReader(self)

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self.socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 Twisted's name
        """For the reactor's log."""
        return "sip-tcp"

    def connectionLost(self, reason: object) -> None:  # noqa: ARG002, N802 Twisted's name
        """The reactor gives up on us."""
        self.close("lost")

    def doRead(self) -> None:  # noqa: N802 Twisted's name
        """Take out each message that is complete."""
        try:
            buffer = self.socket.recv(PEEK_BYTES, socket.MSG_PEEK)
        except OSError as error:
            if error.errno not in _LATER:
                self.close("reset")
            return
        if not buffer:
            self.close("hung_up")
        elif len(buffer) <= self._seen:
            self._no_more_than_before()
        else:
            self._take_messages(buffer)

    def _take_messages(self, buffer: bytes) -> None:
        position = 0
        for _ in range(MESSAGES_PER_TURN_MAX):
            try:
                position += self._take_keepalive(buffer, position)
                if self._is_over():
                    return  # the answer to a ping found nobody
                length = frame_length(buffer[position:] if position else buffer)
            except SipError as error:
                self._consume(len(buffer) - position)  # unread, it would turn our answer into RST
                self._refuse(error)
                return
            if length is None:
                self._wait_for_more(len(buffer) - position)
                return
            message = self._consume(length)
            position += length
            self._completed()
            self._on_message(message, self.flow)
            if self._is_over():
                return
        self._wait_for_more(0)

    def _is_over(self) -> bool:
        """Whether nothing more is read."""
        return self.closed or bool(self._closing)

    def _take_keepalive(self, buffer: bytes, position: int) -> int:
        """Take out CRLFs between messages; a double one is a ping, its answer a single one."""
        length = keepalive_length(buffer[position : position + limits.KEEPALIVE_BYTES_MAX + 1])
        if length:
            self._consume(length)
            if length >= 4:
                self.write(b"\r\n")
        return length

    def _consume(self, length: int) -> bytes:
        """Take so many bytes out of the kernel; it was seen that they are there."""
        data = self.socket.recv(length)
        while len(data) < length:
            data += self.socket.recv(length - len(data))
        return data

    def _completed(self) -> None:
        self._in_message = False
        self._expect_nothing()

    def _wait_for_more(self, seen: int) -> None:
        """Be woken when there is more than `seen` bytes of a message begun."""
        self._seen = seen
        if seen + 1 != self._low_water:
            self._low_water = seen + 1
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, self._low_water)
        if seen and not self._in_message:
            self._in_message = True
            self._expect(self._times.rest_of_message_seconds, "message_timeout")

    def _no_more_than_before(self) -> None:
        """Woken for nothing new: the peer hung up in mid-message, or the low-water mark is not
        heeded here."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        if poll.poll(0):
            self.close("cut_off")
            return
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        if not self.closed:
            self._reactor.addReader(self)

    def _refuse(self, error: SipError) -> None:
        """The framing is lost: answer what can be answered, then close."""
        self._reactor.removeReader(self)
        if error.request is not None and error.request.method != "ACK":
            self.write(response_to(error.request, error.status, error.phrase).encode())
        self.close_when_written("bad_framing")

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the peer fetches what is before it."""
        if self.closed or self._closing:
            return
        if not self._output and not self._connecting:
            data = data[self._send(data) :]
            if not data or self.closed:
                return
        if len(self._output) + len(data) > WRITE_BUFFER_BYTES_MAX:
            self.close("output_not_fetched")
            return
        self._output += data
        self._reactor.addWriter(self)

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self.socket.send(data)
        except OSError as error:
            if error.errno not in _LATER:
                self.close("reset")
            return 0

    def doWrite(self) -> None:  # noqa: N802 Twisted's name
        """The kernel takes more output, or a connection is up or has failed."""
        if self._connecting and not self._connected():
            return
        if self._output:
            del self._output[: self._send(self._output)]
        if self.closed or self._output:
            return
        self._reactor.removeWriter(self)
        if self._closing:
            self.close(self._closing)

    def _connected(self) -> bool:
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.close("connect_failed")
            return False
        self._connecting = False
        self._expect_nothing()
        self._reactor.addReader(self)
        return True

    def close_when_written(self, reason: str) -> None:
        """Close once all output is fetched, at the latest when the time for a message is up."""
        if self.closed or self._closing:
            return
        if not self._output:
            self.close(reason)
            return
        self._closing = reason
        self._expect(self._times.rest_of_message_seconds, reason)

    def close(self, reason: str) -> None:
        """End the connection for both sides, though the holder keeps a duplicate of it."""
        if self.closed:
            return
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is gone already
        self.release()
        self._on_closed(self, reason)

    def release(self) -> None:
        """Let go without a word to the peer: a successor goes on with it."""
        if self.closed:
            return
        self.closed = True
        self._expect_nothing()
        if self._pause is not None:
            self._pause.cancel()
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self.socket.close()

    def _expect(self, seconds: float, reason: str) -> None:
        self._expect_nothing()
        self._deadline = self._reactor.callLater(seconds, self._too_late, reason)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self, reason: str) -> None:
        self._deadline = None
        self.close(reason)


def _tune(connection: socket.socket) -> None:
    """No delay for small messages; a peer that vanished is noticed."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)
