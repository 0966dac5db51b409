"""Where one message ends and the next begins, in bytes that are in our hands: TLS and WebSocket.

Why apart from the connection: both kinds are the same to it. It gives bytes to `receive`, gets whole
messages, sends what `take_output` holds, and closes when `ended` says so. Nothing here knows of a
socket or a clock, so any cut of the bytes can be tried in a test.

A WebSocket carries one SIP message in each message of its own, text or binary; it must ask for the
subprotocol `sip` and come from a page of ours: a browser sends the page's origin and cannot lie
about it. Compression is not offered, so no small frame can become a large message.

Sources: RFC 3261 18.3, RFC 5626 3.5.1 (CRLF), RFC 6455, RFC 7118 (SIP over WebSocket).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError, RemoteProtocolError

from callcenter.sip import limits
from callcenter.sip.errors import SipError
from callcenter.sip.message import frame_length, keepalive_length, response_to

SUBPROTOCOL = "sip"
CLOSE_TOO_BIG = 1009
"""RFC 6455 7.4.1."""


class Framing(Protocol):
    """Bytes of one connection, in order."""

    @property
    def ended(self) -> str:
        """Why the connection must be closed once its output is written; `""` while it lives."""
        ...

    @property
    def is_incomplete(self) -> bool:
        """Whether a message has begun and not ended."""
        ...

    def receive(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes."""
        ...

    def take_output(self) -> bytes:
        """What the framing itself wants sent."""
        ...

    def encode(self, message: bytes) -> bytes:
        """A message of ours as it goes on the wire; `b""` when nothing can be sent."""
        ...

    def ping(self) -> bytes:
        """Something that the peer answers if it lives; `b""` where there is nothing of the kind."""
        ...


class StreamFraming:
    """SIP over a byte stream: Content-Length, and CRLFs between messages."""

    def __init__(self) -> None:
        self.ended = ""
        self._buffer = b""
        self._output = b""

    @property
    def is_incomplete(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes."""
        self._buffer += data
        while self._buffer and not self.ended:
            try:
                self._take_keepalive()
                length = frame_length(self._buffer)
            except SipError as error:
                self._buffer, self.ended = b"", "bad_framing"
                if error.request is not None and error.request.method != "ACK":
                    answer = response_to(error.request, error.status, error.phrase)
                    self._output += answer.encode()
                return
            if length is None:
                return
            message, self._buffer = self._buffer[:length], self._buffer[length:]
            yield message

    def _take_keepalive(self) -> None:
        """Drop CRLFs; a double one is a ping, its answer a single one."""
        length = keepalive_length(self._buffer[: limits.KEEPALIVE_BYTES_MAX + 1])
        if length >= 4:
            self._output += b"\r\n"
        self._buffer = self._buffer[length:]

    def take_output(self) -> bytes:
        """Pongs, and the answer to what lost the framing."""
        output, self._output = self._output, b""
        return output

    def encode(self, message: bytes) -> bytes:
        """As it is."""
        return message

    def ping(self) -> bytes:
        """Nothing: over TLS it is the phone that pings (RFC 5626 4.4.1)."""
        return b""


class WebSocketFraming:
    """SIP over WebSocket, our end.

    Args:
        admits: whether a page of this origin (`None`: not a browser) may connect.
    """

    def __init__(self, admits: Callable[[str | None], bool]) -> None:
        self.ended = ""
        self._admits = admits
        self._socket = WSConnection(ConnectionType.SERVER)
        self._open = False
        self._part = bytearray()
        """Of a message that has begun."""
        self._frames = 0
        """That it came in so far."""
        self._output = b""

    @property
    def is_incomplete(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._part or self._frames)

    def receive(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes."""
        try:
            self._socket.receive_data(data)
            for event in self._socket.events():
                match event:
                    case Request():
                        self._requested(event)
                    case TextMessage(data=text):
                        yield from self._heard(text.encode(), event)
                    case BytesMessage(data=part):
                        yield from self._heard(bytes(part), event)
                    case Ping():
                        self._output += self._socket.send(event.response())
                    case CloseConnection():
                        self._output += self._socket.send(event.response())
                        self.ended = "hung_up"
                    case _:
                        pass
                if self.ended:
                    return
        except (ProtocolError, ValueError) as wrong:  # wsproto decodes header fields unasked
            self.ended = "bad_framing"
            if not self._open:
                self._output += b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
            elif isinstance(wrong, RemoteProtocolError) and wrong.event_hint is not None:
                self._output += self._socket.send(wrong.event_hint)

    def _requested(self, request: Request) -> None:
        """The handshake: refuse what is no SIP, and pages that are not ours."""
        headers = {name.lower(): value for name, value in request.extra_headers}
        origin = headers.get(b"origin")
        if not self._admits(origin.decode("latin-1") if origin is not None else None):
            self._reject(403, "foreign_origin")
        elif SUBPROTOCOL not in request.subprotocols:
            self._reject(400, "no_sip_subprotocol")
        else:
            self._open = True
            self._output += self._socket.send(AcceptConnection(subprotocol=SUBPROTOCOL))

    def _reject(self, status: int, why: str) -> None:
        self.ended = why
        self._output += self._socket.send(
            RejectConnection(status_code=status, headers=[(b"Connection", b"close")])
        )

    def _heard(self, part: bytes, said: Message[Any]) -> Iterator[bytes]:
        self._part += part
        self._frames += said.frame_finished
        if len(self._part) > limits.MESSAGE_BYTES_MAX or self._frames > limits.FRAGMENTS_MAX:
            self.ended = "message_too_large"
            self._output += self._socket.send(CloseConnection(code=CLOSE_TOO_BIG))
            return
        if said.message_finished:
            message, self._frames = bytes(self._part), 0
            self._part.clear()
            yield message

    def take_output(self) -> bytes:
        """The handshake's answer, pongs, the closing frame."""
        output, self._output = self._output, b""
        return output

    def encode(self, message: bytes) -> bytes:
        """A text message where it is text, as browsers expect; else a binary one."""
        if not self._open or self.ended:
            return b""
        try:
            return self._socket.send(TextMessage(data=message.decode("utf-8")))
        except UnicodeDecodeError:
            return self._socket.send(BytesMessage(data=message))

    def ping(self) -> bytes:
        """A ping frame, which every browser answers by itself."""
        return self._socket.send(Ping()) if self._open and not self.ended else b""
