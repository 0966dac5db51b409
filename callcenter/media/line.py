"""The one unbroken RTP stream that a phone hears from us.

Why: prompts, music, silence and the other party take turns, but a phone must see one SSRC whose
sequence numbers and timestamps go on without a leap. Some phones allocate memory by timestamp and
all of them restart their jitter buffer when the stream changes.

A packet is either *ours* (`write`) or *carried* from another stream (`carry`). Each time the
origin changes the two number lines are spliced: the next packet continues ours, with the marker
bit set, and from then on the origin's own steps are kept, so that its losses stay visible. A leap
of the origin larger than a second is a new splice, so it never reaches the phone.

Time that passed in silence is added to the timestamp (RFC 3550 5.1 asks for that), but never more
than five seconds, so that a stopped machine is no leap either.

Sources: RFC 3550 5.1, RFC 3551 4.1 (marker at the start of a talkspurt).
"""

from callcenter.domain.units import SECOND, Micros
from callcenter.media.rtp import (
    CLOCK,
    FRAME,
    FRAME_MICROS,
    MARKER,
    PLAIN,
    TIMESTAMPS,
    sequence_ahead,
    timestamp_ahead,
    write_header,
)

LEAP_PACKETS = 100
LEAP_SAMPLES = 8000
BREATH_MICROS: Micros = 5 * FRAME_MICROS
"""A pause up to this long is jitter and takes no time on the line."""
PAUSE_MICROS_MAX: Micros = 5 * SECOND
EVENT_SAMPLES_MAX = 0xFFFF + LEAP_SAMPLES
"""An event packet carries the time of its beginning, at most this long ago."""


class Line:
    """Numbers of one outgoing stream. `origin` is whose packets it carries, None when ours."""

    __slots__ = (
        "_length",
        "_moment",
        "_origin_first",
        "_origin_moment",
        "_origin_sequence",
        "_origin_ssrc",
        "_origin_timestamp",
        "_sequence_shift",
        "_timestamp_shift",
        "octets",
        "origin",
        "packets",
        "sent_at",
        "sequence",
        "splices",
        "ssrc",
    )

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        self.sequence = sequence
        """Of the last packet sent."""
        self._moment = timestamp
        self._length = 0
        """Timestamp of the last packet in order, and the samples in it."""
        self.sent_at: Micros = 0
        self.packets = 0
        self.octets = 0
        self.splices = 0
        self.origin: object | None = None
        self._origin_ssrc = -1
        self._origin_first = self._origin_sequence = 0
        self._origin_timestamp = self._origin_moment = 0
        """The same instant, by the origin's count and by ours."""
        self._sequence_shift = self._timestamp_shift = 0

    @property
    def timestamp(self) -> int:
        """Of the next packet of ours."""
        return (self._moment + self._length) & 0xFFFFFFFF

    @timestamp.setter
    def timestamp(self, value: int) -> None:
        self._moment, self._length = value & 0xFFFFFFFF, 0

    def write(self, packet: bytearray, payload_type: int, marker: bool, now: Micros) -> None:
        """Put the header of one 20 ms frame of ours into `packet`."""
        if self.origin is not None:
            self.origin = None
            marker = True
        if now - self.sent_at > BREATH_MICROS:
            self._pass_time(now)
        self.sequence = (self.sequence + 1) & 0xFFFF
        second = payload_type | MARKER if marker else payload_type
        self._moment, self._length = self.timestamp, FRAME
        write_header(packet, 0, PLAIN, second, self.sequence, self._moment, self.ssrc)
        self.sent_at = now
        self.packets += 1
        self.octets += FRAME

    def carry(
        self,
        packet: bytearray,
        second: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        origin: object,
        samples: int,
        now: Micros,
    ) -> bool:
        """Rewrite the header of a packet that came from `origin`.

        Args:
            packet: a plain RTP packet, rewritten in place.
            second: marker bit and the payload type the phone knows.
            sequence: number that `origin` gave it, as are `timestamp` and `ssrc`.
            timestamp: of its first sample.
            ssrc: of the stream it belongs to.
            origin: whose packet it is, compared by identity.
            samples: what it lasts; the next packet of ours comes after that.

        Returns:
            False for a duplicate or a packet from before the splice: not to be sent.
        """
        step = timestamp - self._origin_timestamp
        if (
            origin is self.origin
            and ssrc == self._origin_ssrc
            and 0 < sequence - self._origin_sequence <= LEAP_PACKETS
            and 0 <= step <= LEAP_SAMPLES
        ):
            self._origin_sequence = sequence
            self._origin_timestamp = timestamp
            moment = self._origin_moment + step
            if moment >= TIMESTAMPS:
                moment -= TIMESTAMPS
            self._origin_moment = moment
        elif (
            origin is not self.origin
            or ssrc != self._origin_ssrc
            or self._is_leap(sequence, timestamp)
        ):
            second |= self._splice(sequence, timestamp, ssrc, origin, now)
            moment = self._origin_moment
        elif self._follows(sequence, timestamp):
            moment = self._origin_moment
        else:
            return self._carry_late(packet, second, sequence, timestamp)
        self.sequence = (sequence + self._sequence_shift) & 0xFFFF
        write_header(packet, 0, PLAIN, second, self.sequence, moment, self.ssrc)
        self._moment = moment
        self._length = samples
        self.sent_at = now
        self.packets += 1
        self.octets += samples
        return True

    def carry_event(
        self,
        packet: bytearray,
        second: int,
        fields: tuple[int, int, int],
        origin: object,
        now: Micros,
    ) -> bool:
        """Rewrite the header of a telephone event, whose timestamp stays while it lasts.

        Our time goes on by the clock meanwhile, whatever duration the event claims.
        """
        sequence, timestamp, ssrc = fields
        if origin is not self.origin or ssrc != self._origin_ssrc:
            second |= self._splice(sequence, timestamp, ssrc, origin, now)
        moment = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
        if not -EVENT_SAMPLES_MAX < timestamp_ahead(moment, self.timestamp) < LEAP_SAMPLES:
            return False
        place = (sequence + self._sequence_shift) & 0xFFFF
        if sequence_ahead(sequence, self._origin_sequence) > 0:
            self._origin_sequence = sequence
            self.sequence = place
        write_header(packet, 0, PLAIN, second, place, moment, self.ssrc)
        passed = min(now - self.sent_at, PAUSE_MICROS_MAX) if self.sent_at else FRAME_MICROS
        self.timestamp += passed * CLOCK // SECOND
        self.sent_at = now
        self.packets += 1
        return True

    def skip(self) -> None:
        """The origin's last packet was not carried (the phone cannot take it): leave no hole."""
        self._sequence_shift = (self._sequence_shift - 1) & 0xFFFF

    def rest(self) -> None:
        """Nothing is carried any more; our own packets may go on at once."""
        self.origin = None

    def resume(self, elapsed: Micros, spare: int = 0) -> None:
        """Go on after a restart `elapsed` after these numbers were noted.

        Timestamps follow the time that passed; the sequence leaves room for packets sent after
        the note, and for `spare` ones.
        """
        frames = elapsed // FRAME_MICROS + 1
        self.sequence = (self.sequence + frames + 2 + spare) & 0xFFFF
        self.timestamp += frames * FRAME

    def _is_leap(self, sequence: int, timestamp: int) -> bool:
        """Whether the origin began anew, rather than being late or repeating an event."""
        ahead = sequence_ahead(sequence, self._origin_sequence)
        step = timestamp_ahead(timestamp, self._origin_timestamp)
        return not -LEAP_PACKETS < ahead <= LEAP_PACKETS or not -LEAP_SAMPLES < step <= LEAP_SAMPLES

    def _follows(self, sequence: int, timestamp: int) -> bool:
        """Whether it is ahead in both numbers, one of which may just have wrapped."""
        ahead = sequence_ahead(sequence, self._origin_sequence)
        step = timestamp_ahead(timestamp, self._origin_timestamp)
        if ahead <= 0 or step < 0:
            return False
        self._origin_sequence, self._origin_timestamp = sequence, timestamp
        self._origin_moment = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
        return True

    def _carry_late(self, packet: bytearray, second: int, sequence: int, timestamp: int) -> bool:
        """A packet out of order keeps its place; the line itself does not move back."""
        if sequence == self._origin_sequence or sequence_ahead(sequence, self._origin_first) < 0:
            return False
        if sequence_ahead(sequence, self._origin_sequence) > 0:
            self._origin_sequence = sequence
            self.sequence = (sequence + self._sequence_shift) & 0xFFFF
        place = (sequence + self._sequence_shift) & 0xFFFF
        moment = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
        write_header(packet, 0, PLAIN, second, place, moment, self.ssrc)
        self.packets += 1
        return True

    def _splice(self, sequence: int, timestamp: int, ssrc: int, origin: object, now: Micros) -> int:
        if now - self.sent_at > BREATH_MICROS:
            self._pass_time(now)
        self.origin = origin
        self._origin_ssrc = ssrc
        self._origin_first = self._origin_sequence = sequence
        self._origin_timestamp = timestamp
        self._origin_moment = self.timestamp
        self._sequence_shift = (self.sequence + 1 - sequence) & 0xFFFF
        self._timestamp_shift = (self._origin_moment - timestamp) & 0xFFFFFFFF
        self.splices += 1
        return MARKER

    def _pass_time(self, now: Micros) -> None:
        if self.sent_at:
            pause = min(now - self.sent_at, PAUSE_MICROS_MAX) - FRAME_MICROS
            frames = pause // FRAME_MICROS
            self.timestamp += frames * FRAME
