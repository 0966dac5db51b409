"""Which keys one phone's side uses, and when they change.

    offered by the phone   choose ──► agree: its key, and one of ours for the same suite
    offered by us          offer: a key of ours for each suite ──► its answer: choose ──► agree
    offered anew           the same keys: nothing happens; another key of the phone's: rekeyed
    offered without keys   plain audio from then on

Why: our keys are drawn once for each suite and kept as long as the leg lives, so that asking again
(after a restart, for hold, for a transfer) gives the same answer and never starts a key stream
anew. What is done to packets with the keys is the guard's work, which is given from outside.

Sources: RFC 4568 5.1 (choosing), 7.1.4 (offered again); RFC 3711 3.3.1 (the rollover counter is
not reset by a new key); RFC 8643 (keys offered with plain `RTP/AVP`).
"""

from collections.abc import Callable, Collection

from callcenter.media.guard import Guard
from callcenter.media.ng import NgError
from callcenter.media.sdes import SUITES, Crypto
from callcenter.media.sdp import Description

PLAIN, SDES = "RTP/AVP", "RTP/SAVP"
MakeGuard = Callable[[Crypto, Crypto], Guard]
"""From our key and the phone's."""


class Secrecy:
    """The keys of one phone."""

    __slots__ = ("_draw", "_make", "guard", "keys", "offers", "ours", "theirs")

    def __init__(self, draw: Callable[[int], int], make: MakeGuard) -> None:
        """`draw(bits)` answers with that many random bits."""
        self._draw = draw
        self._make = make
        self.keys: dict[str, bytes] = {}
        """Ours, by suite."""
        self.offers: tuple[str, ...] = ()
        """Suites that the phone was offered last."""
        self.ours: Crypto | None = None
        self.theirs: Crypto | None = None
        self.guard: Guard | None = None

    def key(self, suite: str) -> bytes:
        """Our key for a suite."""
        if suite not in self.keys:
            self.keys[suite] = self._draw(8 * SUITES[suite]).to_bytes(SUITES[suite])
        return self.keys[suite]

    def offer(self, without: Collection[str] = ()) -> list[str]:
        """What an offer of ours holds: a line for each suite, the one in use first."""
        used = self.ours.suite if self.ours is not None else ""
        suites = [s for s in sorted(SUITES, key=lambda s: s != used) if s not in without]
        self.offers = tuple(suites)
        return [Crypto(tag, suite, self.key(suite)).value for tag, suite in enumerate(suites, 1)]

    def choose(self, phone: Description, *, opportunistic: bool) -> Crypto | None:
        """The key that a phone's description lets us hear it with; None for plain audio.

        Raises:
            NgError: when it asks for encryption and names nothing that we can do.
        """
        takes = phone.is_secure or opportunistic or self.ours is not None or bool(self.offers)
        chosen = phone.crypto[0] if phone.crypto and takes else None
        if phone.is_secure and chosen is None:
            raise NgError("The SDP holds no crypto suite that we know")
        return chosen

    def agree(self, theirs: Crypto | None) -> None:
        """From now on the phone sends under this key, and we under ours for the same suite."""
        if theirs is None:
            if self.guard is not None:
                self.keys.clear()  # used: another guard would begin its key stream anew
            self.guard = self.ours = self.theirs = None
            return
        ours = Crypto(theirs.tag, theirs.suite, self.key(theirs.suite))
        if self.guard is None:
            self.guard = self._make(ours, theirs)
        elif self.theirs is None or self.theirs[1:] != theirs[1:]:
            self.guard.rekey(ours, theirs)
        self.ours, self.theirs = ours, theirs
