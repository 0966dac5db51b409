"""RTCP, as little as a phone needs: a sender report with one reception block and a CNAME.

Why: phones and other engines compute round trip and loss from our reports, and ours from theirs.
Everything else they send (BYE, APP, XR) is read past.

The NTP fields carry a monotonic clock, which RFC 3550 6.4.1 allows: only differences count.

Sources: RFC 3550 6.1, 6.4, 6.5.
"""

import struct
from typing import NamedTuple

from callcenter.domain.units import SECOND, Micros
from callcenter.media.line import Line
from callcenter.media.reception import Reception

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION = 200, 201, 202
INTERVAL_SECONDS = 5
ROUND_TRIP_MICROS_MAX = 30 * SECOND
PACKETS_MAX = 16

_SENDER = struct.Struct(">BBHIIIIII")
_RECEIVER = struct.Struct(">BBHI")
_BLOCK = struct.Struct(">IIIIII")


class Report(NamedTuple):
    """What a phone says about our stream."""

    fraction_lost: int
    lost: int
    jitter: int
    last_sender_report: int
    delay: int


class Heard(NamedTuple):
    """What one RTCP datagram held: the phone's own report stamp, and its report on us."""

    sender_stamp: int | None
    report: Report | None


class ControlState:
    """What the next report needs to remember of the phone's last ones."""

    __slots__ = ("heard_at", "peer_lost", "peer_stamp", "round_trip")

    def __init__(self) -> None:
        self.peer_stamp = 0
        self.heard_at: Micros = 0
        self.peer_lost = 0
        """Packets of ours that the phone says it missed."""
        self.round_trip: Micros | None = None

    def receive(self, data: bytes, our_ssrc: int, now: Micros) -> bool:
        """Take a datagram from the phone; False when it is no RTCP."""
        heard = parse(data, our_ssrc)
        if heard is None:
            return False
        if heard.sender_stamp is not None:
            self.peer_stamp, self.heard_at = heard.sender_stamp, now
        if heard.report is not None:
            self.peer_lost = heard.report.lost
            if heard.report.last_sender_report:
                gone = (_stamp(now) - heard.report.last_sender_report) & 0xFFFFFFFF
                trip = ((gone - heard.report.delay) & 0xFFFFFFFF) * SECOND >> 16
                self.round_trip = trip if trip <= ROUND_TRIP_MICROS_MAX else self.round_trip
        return True


def compose(line: Line, reception: Reception, state: ControlState, now: Micros) -> bytes:
    """The compound packet for one phone: SR (or RR before we ever sent) and SDES."""
    block = b""
    if reception.ssrc >= 0:
        delay = (now - state.heard_at) * 65536 // SECOND if state.peer_stamp else 0
        loss = reception.fraction_lost() << 24 | min(reception.lost, 0x7FFFFF)
        block = _BLOCK.pack(
            reception.ssrc, loss, reception.highest & 0xFFFFFFFF, reception.jitter & 0xFFFFFFFF,
            state.peer_stamp, min(delay, 0xFFFFFFFF),
        )  # fmt: skip
    count = 0x80 | (1 if block else 0)
    if line.packets:
        ntp = (now << 32) // SECOND & 0xFFFFFFFFFFFFFFFF
        head = _SENDER.pack(
            count, SENDER_REPORT, 6 + len(block) // 4, line.ssrc, ntp >> 32, ntp & 0xFFFFFFFF,
            line.timestamp, line.packets & 0xFFFFFFFF, line.octets & 0xFFFFFFFF,
        )  # fmt: skip
    else:
        head = _RECEIVER.pack(count, RECEIVER_REPORT, 1 + len(block) // 4, line.ssrc)
    return head + block + _description(line.ssrc)


def parse(data: bytes, our_ssrc: int) -> Heard | None:
    """Read a compound packet; None when it is malformed."""
    at, stamp, report = 0, None, None
    for _ in range(PACKETS_MAX):
        if len(data) - at < 8 or data[at] >> 6 != 2:
            return None
        kind, size = data[at + 1], 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if at + size > len(data):
            return None
        body = data[at + 8 : at + size]
        if kind == SENDER_REPORT and len(body) >= 20:
            stamp = int.from_bytes(body[2:6], "big")
            body = body[20:]
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            report = _report_on(body, data[at] & 0x1F, our_ssrc) or report
        at += size
        if at == len(data):
            break
    return Heard(stamp, report)


def _report_on(blocks: bytes, count: int, ssrc: int) -> Report | None:
    for index in range(min(count, len(blocks) // _BLOCK.size)):
        about, loss, _, jitter, last, delay = _BLOCK.unpack_from(blocks, index * _BLOCK.size)
        if about == ssrc:
            return Report(loss >> 24, loss & 0xFFFFFF, jitter, last, delay)
    return None


def _stamp(now: Micros) -> int:
    return (now << 16) // SECOND & 0xFFFFFFFF


def _description(ssrc: int) -> bytes:
    name = b"callcenter"
    chunk = struct.pack(">IBB", ssrc, 1, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)
    return struct.pack(">BBH", 0x81, SOURCE_DESCRIPTION, len(chunk) // 4) + chunk
