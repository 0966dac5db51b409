"""What came in from one phone: counts, loss and jitter as RFC 3550 defines them.

Why: the only measure of a caller's line that needs no help from the phone. It must also survive a
sender that lies: sequence numbers that leap are believed only when two in a row agree, and a
timestamp that leaps is left out of the jitter and counted.

Jitter is kept in samples at 8 kHz, times 16, as in the RFC's appendix; `jitter_ms` converts.

Sources: RFC 3550 6.4.1, A.1 (sequence validity), A.3 (loss), A.8 (jitter).
"""

from callcenter.domain.units import Micros
from callcenter.media.rtp import SEQUENCES

DROPOUT_MAX = 3000
MISORDER_MAX = 100
LEAP_SAMPLES = 8000
MICROS_PER_SAMPLE = 125


class Reception:
    """The receiving half of one RTP session; survives changes of SSRC."""

    __slots__ = (
        "_at",
        "_bad",
        "_base",
        "_cycles",
        "_highest",
        "_jitter16",
        "_lost_before",
        "_packets_before",
        "_reported",
        "_timestamp",
        "leaps",
        "octets",
        "packets",
        "restarts",
        "ssrc",
    )

    def __init__(self) -> None:
        self.ssrc = -1
        self.packets = 0
        self.octets = 0
        self.leaps = 0
        """Timestamps that cannot be; left out of the jitter."""
        self.restarts = 0
        """Streams after the first."""
        self._lost_before = 0
        self._base = self._highest = self._cycles = 0
        self._packets_before = 0
        self._bad = -1
        self._at: Micros = 0
        self._timestamp = 0
        self._jitter16 = 0
        self._reported = (0, 0)

    def arrived(
        self, sequence: int, timestamp: int, ssrc: int, size: int, now: Micros, timed: bool = True
    ) -> bool:
        """Count one packet. False when its sequence number is not to be believed (yet).

        `timed` is False for packets whose timestamp is not their sampling instant (RFC 4733).
        """
        if ssrc == self.ssrc and sequence == self._highest + 1:
            self._highest = sequence
        elif not self._place(sequence, ssrc, timestamp, now):
            return False
        self.packets += 1
        self.octets += size
        if timed:
            change = (now - self._at) // MICROS_PER_SAMPLE - (timestamp - self._timestamp)
            if change < 0:
                change = -change
            if change < LEAP_SAMPLES:
                self._jitter16 += change - ((self._jitter16 + 8) >> 4)
            else:
                self.leaps += 1
            self._at = now
            self._timestamp = timestamp
        return True

    def _place(self, sequence: int, ssrc: int, timestamp: int, now: Micros) -> bool:
        """A packet that is not simply the next one."""
        if ssrc != self.ssrc:
            self._restart(sequence, ssrc, timestamp, now)
            return True
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead < DROPOUT_MAX:
            if sequence < self._highest:
                self._cycles += SEQUENCES
            self._highest = sequence
        elif ahead <= SEQUENCES - MISORDER_MAX:
            if sequence != self._bad:
                self._bad = (sequence + 1) & 0xFFFF
                return False
            self._restart(sequence, ssrc, timestamp, now)
        return True

    def _restart(self, sequence: int, ssrc: int, timestamp: int, now: Micros) -> None:
        if self.ssrc >= 0:
            self._lost_before += self._lost_here()
            self.restarts += 1
        self.ssrc = ssrc
        self._base = self._highest = sequence
        self._cycles = 0
        self._packets_before = self.packets
        self._bad = -1
        self._at, self._timestamp = now, timestamp

    def _expected_here(self) -> int:
        return self._cycles + self._highest - self._base + 1

    def _lost_here(self) -> int:
        return max(self._expected_here() - (self.packets - self._packets_before), 0)

    @property
    def highest(self) -> int:
        """Extended highest sequence number received (RFC 3550 6.4.1)."""
        return self._cycles + self._highest

    @property
    def lost(self) -> int:
        """Packets that were sent and never came, over all streams."""
        return self._lost_before + (self._lost_here() if self.ssrc >= 0 else 0)

    @property
    def jitter(self) -> int:
        """Interarrival jitter in samples."""
        return self._jitter16 >> 4

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter in milliseconds."""
        return self._jitter16 / 128

    def fraction_lost(self) -> int:
        """Loss since the last call, in 1/256 (the field of a reception report)."""
        total = self.packets + self.lost
        expected, lost = total - self._reported[0], self.lost - self._reported[1]
        self._reported = (total, self.lost)
        return max(lost, 0) * 256 // expected if expected > 0 and lost < expected else 0
