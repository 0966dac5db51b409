"""A call that is a fax, from its first tone to its last page.

    dialled a fax number ─► worker ready ─► answered ─► sound ──► T.38 ──► over ─► BYE
    a voice number, CNG ──► worker ready ───────────────┘  └──────────────┘

Why: T.30 is spoken by the fax worker, at the far side of the caller's media leg; here it is only
decided how the call is carried. Who changes to T.38, and when:

    theirs asks for T.38             yes, at any time before the fax is over, by the rules below
    nobody asked for `delay`         we ask, once; a refusal is taken for good, the sound goes on
    theirs asks while ours is open   491 to them; ours goes on (`sip/changes.py`)
    theirs asks, ours got a 491      theirs is taken, ours is no longer wanted
    T.38 in the first INVITE         alone: T.38 from the start; beside sound: the sound first
    back to sound in a T.38 fax      488 while pages come; answered once the fax is over
    the fax is over                  whatever they offer is answered, nothing begins again; BYE
    a session refresh                answered with what was agreed; the fax does not notice

What is received is the worker's to deliver, whatever becomes of this process.

Sources: T.38 Annex D 2.2 and 2.4, T.30 4.1 (CNG), RFC 3264, RFC 4028 (refreshes), RFC 6913.
"""

from collections.abc import Callable

import msgspec

from callcenter.domain.center import Number
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, Micros
from callcenter.frontend.endings import ending
from callcenter.frontend.fax_line import FaxLine, far
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, failure
from callcenter.frontend.turn import FaxClosed, Message
from callcenter.sip import endpoint as sip
from callcenter.sip.record import DialogRecord
from callcenter.sip.sdp_fax import wants_image


class FaxRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a call that is a fax."""

    media: LegRecord
    dialog: DialogRecord | None = None
    dialled: str = ""
    queue: str = ""
    caller: str = ""
    began: Micros = 0
    """Center time."""
    answered: bool = False
    asked_image: bool = False
    """Our one question for T.38 was asked, or need not be any more."""
    over: bool = False
    """The worker has said its last; the call is being let go."""


class FaxStory(FaxLine):
    """One call that is a fax."""

    def __init__(self, hands: Hands, name: str, call: sip.Call, record: FaxRecord) -> None:
        super().__init__(hands, name, record)
        self.call = call
        self.record = record
        self._ends: Reason | None = None
        self._asks_image_at: Micros = 0

    # ---- 1. it comes ----------------------------------------------------------------------

    def arrive(self) -> None:
        """An INVITE for a fax number."""
        offer = self.call.remote_sdp
        if offer is None:
            self.media.open_for_phone(None, self._late_offer, self._media_failed)
        elif self.media.open_for_caller(offer, self._find_machine, self._media_failed):
            pass
        elif self.hands.rules.fax_t38 == "never" or not self.media.open_for_image(
            offer, self._find_machine, self._media_failed
        ):
            self.end(self.media.refusal)

    def take_over(self) -> None:
        """A voice call whose caller turned out to be a fax machine."""
        self._find_machine()

    def _late_offer(self) -> None:
        """They left the offer to us: the machine is looked for when their answer is there."""
        if not self.record.answered and self._ends is None:
            self.record.answered = True
            self.call.answer(self.media.offer_sdp(), self.hands.now)

    def _find_machine(self) -> None:
        """The caller's leg is open: who takes the pages?"""
        if self._ends is not None or self.media.record.inner is None:
            return
        record = self.record
        call = {
            "id": f"fax-{self.id}",
            "dialled": record.dialled,
            "queue": record.queue,
            "caller": record.caller,
            "began": record.began,
            "sub_addresses": dict(self.hands.rules.fax_sub_addresses),
        }
        self.ask_worker("receive", self._found, peer=self.peer, law=record.media.payload, call=call)

    def _found(self, reply: Message) -> None:
        if self._ends is not None:
            return
        if self.media.record.image:
            self.ask_worker("image", self._found_image, peer=self.peer)
            return
        self.media.connect_to(far(reply), self.media.record.payload, self._media_failed)
        self._answer(self.media.answer_sdp)
        self._listen()

    def _found_image(self, reply: Message) -> None:
        if self._ends is not None:
            return
        self.record.asked_image = True
        self.media.image_to(far(reply), self._media_failed)
        offer = self.call.remote_sdp or b""
        self._answer(lambda: self.media.image_answer_sdp(offer))
        self._listen()

    def _answer(self, sdp: Callable[[], bytes]) -> None:
        if not self.record.answered:
            self.record.answered = True
            self.call.answer(sdp(), self.hands.now)

    def _listen(self) -> None:
        """From now on the worker is asked now and then, and they may be asked for T.38."""
        rules, hands = self.hands.rules, self.hands
        self.listen()
        if rules.fax_t38 == "offer" and not self.record.asked_image:
            self._asks_image_at = hands.now + rules.fax_t38_delay_seconds * SECOND
            hands.wake(self.id, rules.fax_t38_delay_seconds * SECOND)

    def _confirmed(self, late_answer: bytes | None) -> None:
        if late_answer is not None and not self.media.answered(
            late_answer, self._find_machine, self._media_failed
        ):
            self.end(self.media.refusal)

    def _media_failed(self, reply: Message) -> None:
        self.end(failure(reply))

    # ---- 2. sound or T.38 -----------------------------------------------------------------

    def _ask_for_image(self) -> None:
        """Once: they did not change by themselves."""
        self._asks_image_at = 0
        if not self.record.asked_image and not self.media.record.image:
            self.record.asked_image = True
            self.call.reinvite(self.media.image_offer_sdp(), self.hands.now)

    def _image_agreed(self, answer: bytes | None) -> None:
        """200 to our question."""
        if answer is None or not wants_image(answer):
            self.call.reinvite(self.media.offer_sdp(), self.hands.now)
        elif not self.media.record.image and self.media.image_answered(answer, self._media_failed):
            self.ask_worker("image", lambda _: None, peer=self.peer)

    # ---- 3. it ends -----------------------------------------------------------------------

    def over(self) -> None:
        """The worker has said its last."""
        self.record.over = True
        self.end(Reason.FAX_RECEIVED)

    def end(self, reason: Reason, *, they_left: bool = False) -> None:
        """Let go of them, and hear from the worker what came over."""
        if self._ends is not None:
            return
        self._ends = reason
        row, now = ending(reason), self.hands.now
        if they_left:
            pass
        elif self.record.answered:
            self.call.bye(now, headers=(row.reason_header,))
            self.hands.let_go(self.call)
        else:
            self.call.reject(row.status, now, headers=row.headers)
        self.media.close()
        self.ask_worker("end", self._closed)

    def _closed(self, reply: Message) -> None:
        """How it went; the story is over."""
        pages, code = int(reply.get("pages", 0)), int(reply.get("code", -1))
        reason = self._ends or Reason.INTERNAL
        if code == 0 and pages:
            reason = Reason.FAX_RECEIVED
        elif reason in (Reason.FAX_RECEIVED, Reason.CALLER_HUNG_UP):
            reason = Reason.FAX_INCOMPLETE
        row = ending(reason)
        lived = max(0, self.hands.center_now() - self.record.began) / SECOND
        self.hands.act(
            FaxClosed(self.id, row.label, row.fault, lived, pages, self.media.record.image)
        )
        self.hands.over(self)

    def machine_failed(self, _: Message) -> None:
        """No machine was free, or it is gone in the middle."""
        if self._ends is None:
            self.end(Reason.FAX_UNAVAILABLE)
        else:
            self._closed({})

    # ---- what is heard of it --------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened in its dialog."""
        match event:
            case sip.CallConfirmed(sdp=late_answer):
                self._confirmed(late_answer)
            case sip.CallReinvited(sdp=offer):
                self.reinvited(self.call, offer)
            case sip.ReinviteAnswered(sdp=answer) if self._ends is None:
                self._image_agreed(answer)
            case sip.CallCancelled() | sip.CallEnded():
                self.end(Reason.CALLER_HUNG_UP, they_left=True)
            case sip.AckTimeout():
                self.end(Reason.NO_ACK, they_left=True)
            case _:
                pass

    def tick(self) -> None:
        """Is it time to ask for T.38; is the worker still there?"""
        if self._ends is not None:
            return
        hands = self.hands
        longest = hands.rules.call_seconds_max * SECOND
        if hands.center_now() - self.record.began >= longest:
            self.end(Reason.CALL_LIMIT)
            return
        if self._asks_image_at and hands.now >= self._asks_image_at:
            self._ask_for_image()
        self.look()

    def looked(self, reply: Message) -> None:
        if reply.get("over") and self._ends is None:
            self.over()

    @property
    def awaits_control(self) -> bool:
        """Control hears of a fax when it is over, from others."""
        return False

    # ---- what is kept of it ---------------------------------------------------------------

    def kept(self) -> dict[str, bytes]:
        """Nothing before we have answered, nothing after."""
        if self._ends is not None or not self.record.answered:
            return {}
        self.record.dialog = self.call.record()
        return {f"fax:{self.id}": msgspec.msgpack.encode(self.record)}

    def take_up(self) -> None:
        """Go on after a restart: worker and media engine went on without us."""
        self._listen()
        self.ask_worker("state", self.looked)


def takes_fax(number: Number | None) -> bool:
    """Whether faxes to this number are taken."""
    return number is not None and bool(number.fax)
