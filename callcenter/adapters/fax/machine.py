"""One fax machine of ours on the line: a port, and a T.30 end behind it.

    media engine's inner port ◄── RTP, later UDPTL ──► this port ◄──► AudioFax, later ImageFax

Why: sound is taken at the sender's pace, not at ours, so that two clocks that differ cost nothing:
each packet is heard when it comes, one that is late is waited for a little, one that is lost is
passed over as so much time. Nobody's echo is cancelled, no gap is filled with invented sound. Only
a line that is silent altogether is given our own time, so that T.30's timers go on.

The change to T.38 throws the sound's T.30 away and begins anew, as both ends do (T.38 D.2.3).

Sources: RFC 3550 5.1, RFC 3551 4.5.14; T.38 Annex D.
"""

import socket
from typing import TypeVar

import numpy as np

from callcenter.adapters.fax.ledger import Entry
from callcenter.adapters.fax.outgoing import Sending
from callcenter.adapters.fax.terminal import FRAME, AudioFax, FaxReport, FaxTerms, ImageFax
from callcenter.domain.units import MILLISECOND, Micros
from callcenter.media.g711 import (
    alaw_to_linear,
    linear_to_alaw,
    linear_to_ulaw,
    ulaw_to_linear,
)
from callcenter.media.rtp import (
    FRAME_MICROS,
    HEADER_OCTETS,
    PACKET_MAX,
    PCMA,
    PLAIN,
    normalise,
    read_header,
    sequence_ahead,
    write_header,
)
from callcenter.media.udptl import Receiver, Sender

Address = tuple[str, int]

Kind = TypeVar("Kind", AudioFax, ImageFax)

LATE_PACKETS = 5
"""So many newer ones are heard of before one that is missing is given up."""
JUMP_PACKETS = 100
"""A sequence that jumps further belongs to a new stream."""
QUIET: Micros = 100 * MILLISECOND
"""A line silent for so long gets our own time."""
PER_TURN_MAX = 50
"""Datagrams taken of one line in one turn."""

_TO_LINEAR = {
    law: np.array([value(o) for o in range(256)], np.int16)
    for law, value in ((0, ulaw_to_linear), (PCMA, alaw_to_linear))
}
_FROM_LINEAR = {
    law: np.array([coded(v << 2) for v in range(-8192, 8192)], np.uint8)
    for law, coded in ((0, linear_to_ulaw), (PCMA, linear_to_alaw))
}
"""By the upper fourteen bits, as many as G.711 tells apart."""


def to_linear(octets: bytes, law: int) -> bytes:
    """G.711 as 16-bit samples."""
    return bytes(_TO_LINEAR[law][np.frombuffer(octets, np.uint8)])


def from_linear(samples: bytes, law: int) -> bytes:
    """16-bit samples as G.711."""
    return bytes(_FROM_LINEAR[law][(np.frombuffer(samples, np.int16) >> 2) + 8192])


class Machine:
    """One fax, from its first tone to its report.

    Attributes:
        report: set when it is over, from whichever side.
    """

    def __init__(
        self, name: str, door: socket.socket, peer: Address, law: int, terms: FaxTerms,
        entry: Entry | Sending, now: Micros, *, start: tuple[int, int, int],
    ) -> None:  # fmt: skip
        """`start` is where our stream begins: sequence, timestamp, SSRC."""
        self.name = name
        self.entry = entry
        self.peer = peer
        self.report: FaxReport | None = None
        self._door = door
        self._law = law
        self._terms = terms
        self._attempt = 1
        self._sequence, self._timestamp, self._ssrc = start
        self._expected: int | None = None
        self._early: dict[int, bytes] = {}
        self._heard_at = now
        self._due = now
        self._sender, self._receiver = Sender(), Receiver()
        self.strays = 0
        self.lost_packets = 0
        self._fax: AudioFax | ImageFax = self._end(AudioFax)

    def _end(self, kind: type[Kind]) -> Kind:
        """A T.30 end of ours for this attempt: one that takes pages, or one that sends those that
        are not confirmed."""
        entry, attempt = self.entry, self._attempt
        if isinstance(entry, Entry):
            return kind(
                self._terms, receive=entry.file(attempt),
                keep=lambda pages, _file: entry.keep(attempt, pages),
            )  # fmt: skip
        there = entry.sent.pages
        return kind(
            self._terms, send=entry.file, first=entry.job.first + there,
            keep=lambda pages, _file: entry.keep(there + pages), begun=entry.begin,
        )  # fmt: skip

    @property
    def sends(self) -> bool:
        """Whether it sends pages; otherwise it takes them."""
        return isinstance(self.entry, Sending)

    @property
    def port(self) -> int:
        """Where the media engine reaches it."""
        return int(self._door.getsockname()[1])

    @property
    def is_image(self) -> bool:
        """Whether it speaks T.38 by now."""
        return isinstance(self._fax, ImageFax)

    @property
    def is_over(self) -> bool:
        """Whether T.30 has ended; the call may still be up."""
        return self._fax.is_over

    @property
    def pages(self) -> int:
        """Confirmed so far."""
        return self.entry.confirmed if isinstance(self.entry, Entry) else self.entry.sent.pages

    def become_image(self, peer: Address, now: Micros) -> None:
        """Both ends agreed on T.38. Once only: what comes later changes where it goes."""
        self.peer = peer
        if self.is_image or self.report is not None:
            return
        self._fax.hang_up()
        self._fax.close()
        self._attempt += 1
        self._fax = self._end(ImageFax)
        self._due = now

    # ---- the line -------------------------------------------------------------------------

    def turn(self, now: Micros) -> None:
        """Hear all that came, then say what is due."""
        for _ in range(PER_TURN_MAX):
            try:
                data, source = self._door.recvfrom(PACKET_MAX + 1)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP answer to what we sent: the next one may arrive
            if source == self.peer and len(data) <= PACKET_MAX:
                self._heard_at = now
                self._hear(data)
            else:
                self.strays += 1
        while self._due <= now:
            self._due += FRAME_MICROS
            self._say(now)

    def _hear(self, data: bytes) -> None:
        fax = self._fax
        if isinstance(fax, ImageFax):
            for sequence, packet in self._receiver.receive(data):
                fax.hear_packet(sequence, packet)
            return
        packet_octets = bytearray(data)
        size = normalise(packet_octets, len(data))
        if size <= HEADER_OCTETS:
            return
        _, second, sequence, _, _ = read_header(packet_octets)
        if second & 0x7F in _TO_LINEAR:
            samples = to_linear(bytes(packet_octets[HEADER_OCTETS:size]), second & 0x7F)
            self._in_order(fax, sequence, samples)

    def _in_order(self, fax: AudioFax, sequence: int, samples: bytes) -> None:
        """Hear packets in their order; wait a little for one that is late."""
        if self._expected is None:
            self._expected = sequence
        ahead = sequence_ahead(sequence, self._expected)
        if abs(ahead) > JUMP_PACKETS:
            self._early.clear()
            self._expected, ahead = sequence, 0
        if ahead < 0:
            return
        self._early[sequence] = samples
        while self._early:
            heard = self._early.pop(self._expected, None)
            if heard is not None:
                fax.hear(heard)
            elif len(self._early) >= LATE_PACKETS:
                self.lost_packets += 1
                fax.miss(FRAME)
            else:
                return
            self._expected = (self._expected + 1) & 0xFFFF

    def _say(self, now: Micros) -> None:
        fax = self._fax
        if isinstance(fax, ImageFax):
            for packet, times in fax.step():
                datagram = self._sender.send(packet)
                for _ in range(times):
                    self._send(datagram)
            return
        if now - self._heard_at > QUIET:
            fax.miss(FRAME)
        header = bytearray(HEADER_OCTETS)
        write_header(
            header, 0, PLAIN, self._law, self._sequence, self._timestamp, self._ssrc
        )  # fmt: skip
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        self._send(bytes(header) + from_linear(fax.speak(), self._law))

    def _send(self, data: bytes) -> None:
        try:
            self._door.sendto(data, self.peer)
        except OSError:
            pass  # lost like any other datagram

    # ---- the end --------------------------------------------------------------------------

    def hang_up(self) -> FaxReport:
        """The call is over: what became of the fax. The port is free again."""
        if self.report is None:
            self.report = self._fax.hang_up()
            self._fax.close()
            self._door.close()
        return self.report
