"""What is done to the packets of a phone whose audio is encrypted.

Why: the room decides who has which keys and when; the cipher itself is a library's, and given to it
from outside (`adapters/srtp.py`), as sockets are.

Sources: RFC 3711.
"""

from typing import Protocol

from callcenter.media.sdes import Crypto

REFUSED, REPLAYED = 0, -1
"""What `Guard.open` says of a packet that is not to be heard."""


class Guard(Protocol):
    """Encrypts and checks packets under a pair of keys."""

    def open(self, packet: bytearray, size: int) -> int:
        """Make plain RTP of the SRTP in `packet`, in place; its size, `REFUSED` or `REPLAYED`."""
        ...

    def seal(self, packet: bytes) -> bytes:
        """SRTP of a plain packet; empty where its index was used before."""
        ...

    def open_control(self, data: bytes) -> bytes:
        """Plain RTCP of SRTCP; empty when it is not to be believed."""
        ...

    def seal_control(self, data: bytes) -> bytes:
        """SRTCP of plain RTCP."""
        ...

    def rekey(self, ours: Crypto, theirs: Crypto) -> None:
        """Go on under other keys."""
        ...

    @property
    def progress(self) -> "Progress":
        """How far the counters are."""
        ...


class Progress(Protocol):
    """Counters of a guard; see `adapters/srtp.py`."""
