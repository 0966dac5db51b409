"""A fax that we send: one attempt, from the word to call to what came of it.

    due ─► whose number ─► a machine is free ─► called ─► answered ─► the machine speaks ─► over
              │                  │                │            │               │
              └ not allowed      └ unavailable    └ busy, …    └ no machine    └ sent, cut off

Why: nobody is called twice for one attempt. The record of it is kept before the INVITE leaves, a
life that finds it goes on with that INVITE, and it goes in the same step in which control is told
what came of it. How many pages the other machine has for certain is what the worker wrote down, and
that is asked until it answers: a page that is there is never sent again.

The called side changes to T.38 if it wants to (`fax_line.py`); we follow and do not ask.

Sources: T.30 (phases, codes of the library), T.38 D.2.2 (who changes), RFC 3261 13.
"""

import msgspec

from callcenter.domain.commands import FaxOutcome, FaxReported, LetterStage, OfferOutcome
from callcenter.domain.events import FaxChanged
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, ContactId, Micros, PartyId
from callcenter.frontend.dialling import dial, outcome_of_refusal, road_to
from callcenter.frontend.endings import RANG_OUT, ending
from callcenter.frontend.fax_line import FaxLine, far
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.secrecy import rule_of
from callcenter.frontend.turn import FaxAttempted, FetchParty, Message
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent
from callcenter.sip.record import DialogRecord

RING_SECONDS = 60
"""A fax machine answers within some rings."""
ASK_SECONDS = 5
ASK_MAX_SECONDS = 900
"""A worker that does not say for so long what became of the pages leaves them unsure."""
SILENT_LOOKS_MAX = 6

COMPLETE, UNKNOWN, LOST = 0, -2, -3
"""Codes of the worker: every page; no such fax; it was cut off by a death of ours."""
NO_MACHINE_CODES = frozenset((2, 3, 19))
"""The library heard no fax machine: T0, T1 or no DIS."""
OWN_PAGES_CODES = frozenset((10, 12, 40, 41, 42, 43))
"""The library cannot send our own pages."""
OF_REFUSAL = {
    OfferOutcome.CUSTOMER_BUSY: FaxOutcome.BUSY,
    OfferOutcome.CUSTOMER_NO_ANSWER: FaxOutcome.NO_ANSWER,
    OfferOutcome.CUSTOMER_FAILED: FaxOutcome.NOT_CONNECTED,
}


class FaxOutRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of an attempt."""

    media: LegRecord
    fax: ContactId
    attempt: int
    blob: str
    first: int
    """Pages that are there already."""
    pages: int
    party: PartyId
    caller: str
    began: Micros
    """Center time."""
    legs: int = 1
    dialog: DialogRecord | None = None
    until: Micros = 0
    """Center time: then it has rung long enough."""
    answer: bytes = b""
    answered: bool = False
    """The machine speaks, or is about to."""
    asked_image: bool = True
    over: bool = False
    ends: FaxOutcome | None = None
    """What it is if the worker knows no better; the call was let go."""
    asks_until: Micros = 0


def name_of(hands: Hands, fax: str, attempt: int) -> str:
    """Of the story of an attempt: the same in every life."""
    return f"{hands.rules.frontend}-out-{fax}.{attempt}"


def begin(hands: Hands, due: FaxChanged) -> None:
    """The word to call was read."""
    name = name_of(hands, due.contact, due.attempt)
    if due.stage is not LetterStage.DUE or name in hands.stories:
        return
    if hands.center_now() > due.act_before:
        hands.counts[f"fax_out.{FaxOutcome.LATE}"] += 1
        hands.report(FaxReported(fax=due.contact, attempt=due.attempt, outcome=FaxOutcome.LATE))
        return
    record = FaxOutRecord(
        media=LegRecord(id=f"{name}/c1"),
        fax=due.contact,
        attempt=due.attempt,
        blob=due.blob,
        first=due.confirmed,
        pages=due.pages,
        party=due.party,
        caller=due.caller,
        began=hands.center_now(),
    )
    story = FaxOutStory(hands, name, record)
    hands.begin(story)
    story.start()


class FaxOutStory(FaxLine):
    """One attempt to send a fax."""

    def __init__(self, hands: Hands, name: str, record: FaxOutRecord) -> None:
        super().__init__(hands, name, record)
        self.record = record
        self.call: sip.Call | None = None
        self._silent_looks = 0
        self._speaks_already = False
        self._early: tuple[sip.Call, bytes | None] | None = None
        """They changed the session before our machine was connected: answered when it is."""
        self._closed_already = False

    # ---- 1. who is called, and by which machine -------------------------------------------

    def start(self) -> None:
        """The number stands in the erasable place only."""
        self.hands.act(FetchParty(ContactId(self.id), self.record.party))

    def fetched(self, number: str) -> None:
        """Whom it goes to. Nobody knows: it was erased, or the store is away, and is asked again."""
        if self.record.ends is not None or self.call is not None:
            return
        if not number:
            self._conclude(FaxOutcome.UNAVAILABLE)
            return
        road = road_to(self.hands, number, self.hands.rules.fax_trunk)
        if road is None:
            self._conclude(FaxOutcome.NOT_ALLOWED)
            return
        flow = road.trunk.flow
        assert flow is not None, "a road leads somewhere"
        rule = rule_of(road.trunk.srtp, flow)
        if rule.forbids_call:
            self._conclude(FaxOutcome.NOT_ALLOWED)
            return

        def called() -> None:
            if self.call is None and self.record.ends is None:
                self.call = dial(
                    self.hands, road, self.media.offer_sdp(), caller=self.record.caller
                )
                self.hands.follow(self.call, self)
                self.hands.dialling[self.id] = self
                self.record.until = self.hands.center_now() + RING_SECONDS * SECOND
                self.hands.wake(self.id, RING_SECONDS * SECOND)

        def free(_: Message) -> None:
            if self.record.ends is None:
                self.media.tell(flow, rule)
                self.media.open_for_phone(None, called, self._media_failed)

        self.ask_worker("ready", free, blob=self.record.blob)

    def _media_failed(self, _: Message) -> None:
        self._let_go(FaxOutcome.UNAVAILABLE)

    # ---- 2. somebody answers, or nobody ---------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened in its dialog."""
        if not isinstance(event, CallEvent) or event.call is not self.call:
            return
        match event:
            case sip.CallAnswered(sdp=answer):
                self._answered(answer or b"")
            case sip.CallRejected(status=status):
                self.call = None
                self._let_go(OF_REFUSAL[outcome_of_refusal(status)])
            case sip.CallReinvited(sdp=offer):
                if self._speaks_already:
                    self.reinvited(event.call, offer)
                else:
                    self._early = (event.call, offer)
            case sip.CallEnded():
                self.call = None
                self._let_go(FaxOutcome.CUT_OFF if self.record.answered else FaxOutcome.NO_ANSWER)
            case _:
                pass

    def _answered(self, answer: bytes) -> None:
        record = self.record
        record.answer = answer

        def ready() -> None:
            if record.ends is None and not record.answered:
                record.answered = True
                job = {
                    "fax": record.fax,
                    "attempt": record.attempt,
                    "blob": record.blob,
                    "first": record.first,
                    "pages": record.pages,
                    "ident": record.caller,
                }
                law = self.media.record.payload
                self.ask_worker("send", self._speaks, peer=self.peer, law=law, job=job)

        if not self.media.answered(answer, ready, self._media_failed):
            self._let_go(FaxOutcome.CUT_OFF)

    def _speaks(self, reply: Message) -> None:
        if self.record.ends is None:
            self.media.connect_to(far(reply), self.media.record.payload, self._media_failed)
            self.listen()
            self._speaks_already = True
            if self._early is not None:
                early, self._early = self._early, None
                self.reinvited(*early)

    # ---- 3. the machines speak ------------------------------------------------------------

    def looked(self, reply: Message) -> None:
        """Is it over?"""
        self._silent_looks = 0
        if reply.get("over"):
            self.fax_over()

    def fax_over(self) -> None:
        """The worker has said its last."""
        self.record.over = True
        self._let_go(FaxOutcome.CUT_OFF)

    def machine_failed(self, reply: Message) -> None:
        """Not free, not there, or silent. Once pages may be on their way it is asked again."""
        record = self.record
        if record.ends is not None:
            if self.hands.center_now() >= record.asks_until:
                self._conclude(FaxOutcome.UNSURE)
            else:
                self.hands.wake(self.id, ASK_SECONDS * SECOND)
                record.over = False  # asked again by `tick`
        elif not self._looks_at:
            unsendable = "No such pages" in str(reply.get("error-reason", ""))
            self._let_go(FaxOutcome.UNSENDABLE if unsendable else FaxOutcome.UNAVAILABLE)
        else:
            self._silent_looks += 1
            if self._silent_looks >= SILENT_LOOKS_MAX:
                self._let_go(FaxOutcome.UNSURE)

    # ---- 4. it ends -----------------------------------------------------------------------

    def _let_go(self, outcome: FaxOutcome, why: tuple[str, str] | None = None) -> None:
        """Hang up; then the worker tells what is there. `outcome` is what it was if it knows
        nothing of it."""
        record, hands = self.record, self.hands
        if record.ends is not None:
            return
        record.ends = outcome
        record.asks_until = hands.center_now() + ASK_MAX_SECONDS * SECOND
        hands.dialling.pop(self.id, None)
        if self.call is not None:
            header = why or (RANG_OUT if outcome is FaxOutcome.NO_ANSWER else _REASON.reason_header)
            if self.call.state is sip.CallState.CONFIRMED:
                self.call.bye(hands.now, headers=(header,))
            else:
                self.call.cancel(hands.now, headers=(header,))
            hands.let_go(self.call)
            self.call = None
        record.dialog = None
        self.media.close()
        if record.answered:
            self._ask_end()
        else:
            self._conclude(outcome)

    def _ask_end(self) -> None:
        self.record.over = True
        self.ask_worker("end", self._closed)

    def _closed(self, reply: Message) -> None:
        """What the worker wrote down."""
        if self._closed_already:
            return
        code, pages = int(reply.get("code", UNKNOWN)), int(reply.get("pages", 0))
        self._conclude(self._outcome(code, pages, begun=bool(reply.get("begun"))), pages)

    def _outcome(self, code: int, pages: int, *, begun: bool) -> FaxOutcome:
        if code == COMPLETE:
            return FaxOutcome.SENT
        if code == UNKNOWN:
            return self.record.ends or FaxOutcome.UNSURE
        if code == LOST:
            return FaxOutcome.UNSURE if begun else FaxOutcome.CUT_OFF
        if code in NO_MACHINE_CODES and not pages:
            return FaxOutcome.NO_MACHINE
        return FaxOutcome.UNSENDABLE if code in OWN_PAGES_CODES else FaxOutcome.CUT_OFF

    def _conclude(self, outcome: FaxOutcome, pages: int = 0) -> None:
        """Tell control, and be over, in one step."""
        record, hands = self.record, self.hands
        record.ends, self._closed_already = outcome, True
        hands.report(
            FaxReported(
                fax=record.fax,
                attempt=record.attempt,
                outcome=outcome,
                confirmed=record.first + pages,
            )
        )
        lived = max(0, hands.center_now() - record.began) / SECOND
        hands.act(
            FaxAttempted(
                record.fax, outcome.value, record.attempt, pages, self.media.record.image, lived
            )
        )
        hands.dialling.pop(self.id, None)
        hands.over(self)

    def end(self, reason: Reason) -> None:
        """We stop, or made a mistake: what is there counts."""
        self._let_go(FaxOutcome.UNAVAILABLE, ending(reason).reason_header)

    def tick(self) -> None:
        """Has it rung long enough; is the worker still there?"""
        record, now = self.record, self.hands.center_now()
        if record.ends is not None:
            if not record.over:
                self._ask_end()
        elif self.call is not None and not record.answer and now >= record.until:
            self._let_go(FaxOutcome.NO_ANSWER)
        elif now - record.began >= self.hands.rules.call_seconds_max * SECOND:
            self._let_go(FaxOutcome.CUT_OFF)
        else:
            self.look()

    @property
    def awaits_control(self) -> bool:
        """Nothing that control decides is waited for."""
        return False

    # ---- what is kept of it ---------------------------------------------------------------

    def kept(self) -> dict[str, bytes]:
        """All of it, until control was told what came of it."""
        if self._closed_already:
            return {}
        self.record.dialog = self.call.record() if self.call is not None else None
        return {f"faxout:{self.id}": msgspec.msgpack.encode(self.record)}

    def take_up(self) -> None:
        """Go on after a restart, where the last life left it."""
        hands, record = self.hands, self.record
        if record.ends is not None:
            self.media.close()
            self._ask_end()
        elif record.dialog is None:
            record.legs += 1
            record.media = LegRecord(id=f"{self.id}/c{record.legs}")
            self.media = MediaLeg(hands, record.media, said=_nothing)
            self.start()
        else:
            self.call = hands.endpoint.restore(record.dialog, hands.now)
            hands.follow(self.call, self)
            if record.answered:
                self._speaks_already = True
                self.listen()
                self.ask_worker("state", self.looked)
            elif record.answer:
                self._answered(record.answer)
            else:
                hands.dialling[self.id] = self
                hands.wake(self.id, max(0, record.until - hands.center_now()))


_REASON = ending(Reason.FAX_SENT)


def _nothing() -> None:
    """Nothing is played to it."""
