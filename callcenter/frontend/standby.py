"""While a caller waits, the media leg of the agent who will get her stands by.

    waits: opened ──► a grant takes it ──► not answered: closed with the offer, another one opened
      └──► she leaves, by whatever way: closed

Why: from a grant to a ringing phone nobody should wait for the media engine. The leg does not
depend on who will be offered, so it is asked for together with the place in the queue, and its
address is there before control has decided. That costs one leg more for each waiting caller, with
its ports, in the engine's limits.

Only the name is kept, and that before the engine is asked: an engine that is asked again under a
name it knows gives the ports that it gave before. A leg that could not be opened is no error until
a grant needs one; then the engine is asked once more.

Sources: rtpengine ng protocol (`offer` of a known call-id).
"""

from collections.abc import Callable

from callcenter.domain.units import HOUR, Micros
from callcenter.frontend.call_record import CallRecord
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg, Replied
from callcenter.frontend.turn import Message

FRESH: Micros = HOUR // 2
"""A leg that stood by for longer is not used: engines give up what is never heard, the earliest
(rtpengine's `offer-timeout`) after an hour."""


class StandbyLeg:
    """One leg towards a phone that is not known yet."""

    def __init__(self, hands: Hands, name: str, caller: MediaLeg | None) -> None:
        """Ask the engine for it; `caller`, or nobody yet, is at the far side."""
        self.media = MediaLeg(hands, LegRecord(id=name), said=lambda: None)
        self.failure: Message | None = None
        self._is_ready = False
        self._since = hands.now
        self._ready: Callable[[], None] = lambda: None
        self._failed: Replied = lambda _: None
        self.media.open_for_phone(caller, self._opened, self._refused)

    def when_ready(self, ready: Callable[[], None], failed: Replied) -> None:
        """Call one of them, now if the engine has answered already."""
        self._ready, self._failed = ready, failed
        if self.failure is not None:
            failed(self.failure)
        elif self._is_ready:
            ready()

    def fits(self, caller: MediaLeg) -> bool:
        """Whether it still is what `caller` needs: she may have changed her codec since."""
        mine, hers = self.media.record, caller.record
        is_fresh = self.media.hands.now - self._since < FRESH
        same = (mine.far, mine.far_payload) == (hers.inner, hers.payload)
        return self.failure is None and is_fresh and same

    def _opened(self) -> None:
        self._is_ready = True
        self._ready()

    def _refused(self, reply: Message) -> None:
        self.failure = reply
        self._failed(reply)


class Standby:
    """The leg that stands by for one caller, if one does."""

    def __init__(self, hands: Hands, record: CallRecord, caller: MediaLeg) -> None:
        self.hands = hands
        self.record = record
        self.caller = caller
        self._leg: StandbyLeg | None = None

    def open(self) -> None:
        """Have a leg that fits."""
        if self._leg is not None and self._leg.fits(self.caller):
            return
        self.close()
        self.record.legs += 1
        self.record.standby = f"{self.record.contact}/a{self.record.legs}"
        self.take_up()

    def take_up(self) -> None:
        """After a restart: ask for the leg of the earlier life, by its name."""
        if self.record.standby:
            self._leg = StandbyLeg(self.hands, self.record.standby, self.caller)

    def take(self) -> StandbyLeg:
        """For an offer, whose leg it is from now on."""
        self.open()
        leg, self._leg, self.record.standby = self._leg, None, ""
        assert leg is not None
        return leg

    def close(self) -> None:
        """Nobody will need it."""
        if self._leg is not None:
            self._leg.media.close()
        self._leg, self.record.standby = None, ""

    def legs(self) -> list[str]:
        """Its media leg."""
        return [self.record.standby] if self.record.standby else []
