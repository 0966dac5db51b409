"""A call that carries a fax, whichever way its pages go: the media leg, its worker, the change to T.38.

    theirs asks for T.38             yes, at any time before the fax is over; `never` says no
    back to sound in a T.38 fax      488 while pages come; answered once the fax is over
    a session refresh                answered with what was agreed; the fax does not notice

Why: receiving (`fax.py`) and sending (`fax_out.py`) differ in who begins and in what is reported at
the end; what happens on the line between is the same.

Sources: T.38 Annex D 2.2 and 2.4, RFC 3264, RFC 4028 (refreshes).
"""

from collections.abc import Callable
from typing import Protocol

from callcenter.domain.units import SECOND, Micros
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import Address, LegRecord, MediaLeg
from callcenter.frontend.talk import answer_reinvite
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.sdp_fax import wants_image

LOOK_SECONDS = 5
"""How often the worker is asked whether it still has the fax."""


class LineRecord(Protocol):
    """What every record of a fax call holds."""

    media: LegRecord
    asked_image: bool
    over: bool


class FaxLine:
    """What both kinds of fax calls have in common."""

    def __init__(self, hands: Hands, name: str, record: LineRecord) -> None:
        self.hands = hands
        self.id = name
        self.line = record
        self.media = MediaLeg(hands, record.media, said=lambda: None)
        self._looks_at: Micros = 0

    # ---- sound or T.38 --------------------------------------------------------------------

    def reinvited(self, call: sip.Call, offer: bytes | None) -> None:
        """They change the session, or only ask whether it is still there."""
        image = self.media.record.image
        if offer is not None and wants_image(offer):
            self._image_wanted(call, offer)
        elif not image:
            answer_reinvite(self.hands, call, self.media, offer)
        elif offer is None:
            call.answer_reinvite(self.media.image_offer_sdp(), self.hands.now)
        elif self.line.over:
            call.answer_reinvite(self.media.answer_to(offer), self.hands.now)
        else:
            call.reject_reinvite(488, self.hands.now)

    def _image_wanted(self, call: sip.Call, offer: bytes) -> None:
        hands = self.hands
        if self.line.over:
            call.answer_reinvite(self.media.image_answer_sdp(offer), hands.now)
            return
        if hands.rules.fax_t38 == "never":
            call.reject_reinvite(488, hands.now)
            return
        self.line.asked_image = True
        call.keep_session()

        def ready() -> None:
            call.answer_reinvite(self.media.image_answer_sdp(offer), hands.now)
            self.ask_worker("image", lambda _: None, peer=self.peer)

        def failed(_: Message) -> None:
            call.reject_reinvite(500, hands.now)

        if not self.media.open_for_image(offer, ready, failed):
            call.reject_reinvite(488, hands.now)

    # ---- what means nothing to a fax ------------------------------------------------------

    def digit(self, leg: str, digit: str) -> None:
        """Keys mean nothing to a fax."""

    def pressed(self, call: sip.Call, digit: str) -> None:
        """Nor do they by INFO."""

    def finished(self, leg: str, file: str) -> None:
        """Nothing is played to it."""

    def silent(self, leg: str, seconds: int) -> None:
        """T.30 has timers of its own for that."""

    def sound(self, leg: str) -> None:
        """As expected."""

    def legs(self) -> list[str]:
        """The other machine's only."""
        return [self.media.record.id]

    # ---- asking the worker ----------------------------------------------------------------

    def listen(self) -> None:
        """From now on the worker is asked now and then."""
        self._looks_at = self.hands.now + LOOK_SECONDS * SECOND
        self.hands.wake(self.id, LOOK_SECONDS * SECOND)

    def look(self) -> None:
        """Is the worker still there; is it over?"""
        if self._looks_at and self.hands.now >= self._looks_at:
            self.listen()
            self.ask_worker("state", self.looked)

    def looked(self, reply: Message) -> None:
        """What it said."""

    @property
    def peer(self) -> str:
        """Where the worker finds the other machine's leg."""
        host, port = self.media.record.inner or ("", 0)
        return f"{host}:{port}"

    def ask_worker(self, verb: str, done: Callable[[Message], None], **keys: object) -> None:
        """One question; an error, or no answer, is the machine's failure."""
        message = {"command": f"fax {verb}", "call-id": self.media.record.id, **keys}
        self.hands.ask(message, done, self.machine_failed)

    def machine_failed(self, reply: Message) -> None:
        """No machine was free, or it is gone in the middle."""


def far(reply: Message) -> Address:
    """Where the worker's machine is."""
    return str(reply.get("address", "")), int(reply.get("port", 0))
