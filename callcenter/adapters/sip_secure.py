"""One SIP connection over TLS: byte stream or WebSocket, held to the same limits as plain TCP.

Why another class than `Stream`: what is encrypted cannot be left in the kernel for a successor, so
Twisted's TLS reads it into the process. A TLS connection therefore ends with the front end that has
its keys; phones come back by themselves and register again (RFC 5626 4.2).

Sources: RFC 3261 26.2.1 (TLS), RFC 7118, RFC 9325.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cryptography.x509 import Certificate
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import ClientFactory
from twisted.internet.protocol import Protocol as TwistedProtocol
from zope.interface import implementer

from callcenter.adapters.sip_framing import Framing
from callcenter.adapters.sip_stream import WRITE_BUFFER_BYTES_MAX, StreamTimes
from callcenter.sip.flow import Flow

PING_SECONDS = 30.0
"""How often a browser is asked whether it lives; two silent ones end the connection."""


class Told(Protocol):
    """Who hears of a connection."""

    def secured(self, stream: SecureStream) -> None:
        """The handshake is done."""
        ...

    def message_received(self, data: bytes, flow: Flow) -> None:
        """One whole message."""
        ...

    def stream_closed(self, stream: SecureStream, reason: str) -> None:
        """It is over, for the reason named."""
        ...


@implementer(IHandshakeListener, IPushProducer)
class SecureStream(TwistedProtocol):
    """A connection inside TLS.

    Args:
        proves: the trunk that a peer's certificate (the first) and its chain prove; `""` for none.
        opened_by_us: a peer that need not say anything first.
    """

    def __init__(
        self,
        reactor: Any,
        flow: Flow,
        times: StreamTimes,
        framing: Framing,
        told: Told,
        *,
        proves: Callable[[Sequence[Certificate]], str],
        opened_by_us: bool = False,
    ) -> None:
        self.transport: Any = None
        """Twisted's, inside TLS."""
        self.flow = flow
        self.closed = False
        self.is_secure = False
        self.trunk = ""
        """Whom the peer proved to be, once the handshake is done."""
        self._proves = proves
        self._opened_by_us = opened_by_us
        self._reactor = reactor
        self._times = times
        self._framing = framing
        self._told = told
        self._reason = ""
        self._deadline: Any = None
        self._ping: Any = None
        self._unanswered_pings = 0
        self._heard_message = False
        self._paused_bytes: int | None = None

    # ---- Twisted's side -------------------------------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802 Twisted's name
        """TCP is up; the handshake and a first message have a time limit together."""
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        self._expect(self._times.first_message_seconds, "first_message_timeout")

    def handshakeCompleted(self) -> None:  # noqa: N802 Twisted's name
        """The peer has the keys; what its certificate proves can be asked."""
        self.is_secure = True
        if self._opened_by_us:
            self._expect_nothing()
            ours = self.transport.getHost()
            self.flow = self.flow._replace(local=(ours.host, ours.port))
        self.trunk = self._proves(self._certificates())
        self._told.secured(self)
        self._ping = self._reactor.callLater(PING_SECONDS, self._ask_whether_it_lives)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 Twisted's name
        """Decrypted bytes."""
        if self._is_over():
            return
        self._unanswered_pings = 0
        for message in self._framing.receive(data):
            self._heard_message = True
            self._expect_nothing()
            self._told.message_received(message, self.flow)
            if self._is_over():
                return
        self._write(self._framing.take_output())
        if self._framing.ended:
            self.close_when_written(self._framing.ended)
        elif self._framing.is_incomplete and self._heard_message and self._deadline is None:
            self._expect(self._times.rest_of_message_seconds, "message_timeout")

    def connectionLost(self, reason: Any = None) -> None:  # noqa: ARG002, N802 Twisted's name
        """It is gone, by them or by us."""
        if self.closed:
            return
        self._let_go()
        why = self._reason or ("hung_up" if self.is_secure else "handshake_failed")
        self._told.stream_closed(self, why)

    def pauseProducing(self) -> None:  # noqa: N802 Twisted's name
        """The peer does not fetch what we send: count what piles up."""
        self._paused_bytes = 0

    def resumeProducing(self) -> None:  # noqa: N802 Twisted's name
        """It fetches again."""
        self._paused_bytes = None

    def stopProducing(self) -> None:  # noqa: N802 Twisted's name
        """`connectionLost` follows."""

    # ---- our side -------------------------------------------------------------------------

    def connect_failed(self) -> None:
        """One that we wanted to open did not come about."""
        if not self.closed:
            self._let_go()
            self._told.stream_closed(self, "connect_failed")

    def _certificates(self) -> list[Certificate]:
        """The peer's and its chain; empty for none."""
        connection = self.transport.getHandle()
        own = connection.get_peer_certificate()
        if own is None:
            return []
        chain = connection.get_peer_cert_chain() or []
        return [own.to_cryptography(), *(one.to_cryptography() for one in chain)]

    def write(self, data: bytes) -> None:
        """Send one message."""
        if not self._is_over():
            self._write(self._framing.encode(data))

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._paused_bytes is not None:
            self._paused_bytes += len(data)
            if self._paused_bytes > WRITE_BUFFER_BYTES_MAX:
                self.close("output_not_fetched")
                return
        self.transport.write(data)

    def close_when_written(self, reason: str) -> None:
        """Close once all output is fetched, at the latest when the time for a message is up."""
        if self._is_over():
            return
        self._reason = reason
        self._expect(self._times.rest_of_message_seconds, reason)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def close(self, reason: str) -> None:
        """End the connection now."""
        if self.closed:
            return
        self._reason = self._reason or reason
        self._let_go()
        self.transport.abortConnection()
        self._told.stream_closed(self, self._reason)

    def release(self) -> None:
        """Our process ends: say so, and tell nobody here."""
        if self.closed:
            return
        self._let_go()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _is_over(self) -> bool:
        return self.closed or bool(self._reason)

    def _let_go(self) -> None:
        self.closed = True
        self._expect_nothing()
        if self._ping is not None and self._ping.active():
            self._ping.cancel()

    def _ask_whether_it_lives(self) -> None:
        ping = self._framing.ping()
        self._ping = None
        if not ping:
            return
        if self._unanswered_pings >= 2:
            self.close("silent")
            return
        self._unanswered_pings += 1
        self._write(ping)
        self._ping = self._reactor.callLater(PING_SECONDS, self._ask_whether_it_lives)

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


class OneStream(ClientFactory):
    """A factory for one connection that is there already."""

    noisy = False

    def __init__(self, stream: SecureStream) -> None:
        self._stream = stream

    def buildProtocol(self, addr: object) -> SecureStream:  # noqa: ARG002, N802 Twisted's name
        """The one."""
        return self._stream

    def clientConnectionFailed(self, connector: object, reason: object) -> None:  # noqa: ARG002, N802 Twisted's name
        """Nobody there."""
        self._stream.connect_failed()
