"""One number outside is called for a contact: dialled once, by one trunk, until it has answered or not.

    dialled ──► answered: its owner connects it ──► over
       └──► busy, no answer, failed, given up: its owner is told

Why: an agent's own call, a caller who is handed on and somebody who is asked outside differ in who
waits for the answer and in nothing else. Each dial is told to control, with what became of it, by
whom it was asked for and by which trunk; the number itself stands in the erasable place.

One attempt dials once, whatever dies: the INVITE leaves when its record is kept, and the next life
goes on with that INVITE.

Sources: RFC 3261 13.2, 9.1, 22.2; RFC 3725.
"""

from collections.abc import Callable

import msgspec

from callcenter.domain.commands import DialKind, DialReported, DialStage
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, CommandId, ContactId, Micros, PartyId
from callcenter.frontend.dialling import STAGES, Road, dial, outcome_of_refusal
from callcenter.frontend.endings import RANG_OUT, ending
from callcenter.frontend.hands import Hands, Story
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.secrecy import rule_of
from callcenter.frontend.turn import KeepParty, Message
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent
from callcenter.sip.record import DialogRecord

RINGBACK = "music/ringback"
"""What is heard by whoever waits while the number rings."""
DIAL_SECONDS = 60
"""How long a number outside rings, at most."""


class Wanted(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is to be dialled, for whom and why."""

    kind: DialKind
    agent: AgentId
    party: PartyId = PartyId("")
    duty: str = ""
    by: str = ""
    request: CommandId = CommandId("")
    """What the first report of it answers."""

    def told(self, contact: ContactId, stage: DialStage, trunk: str = "") -> DialReported:
        """A report of it; the first one answers who asked."""
        request, self.request = self.request, CommandId("")
        return DialReported(
            contact=contact,
            agent=self.agent,
            kind=self.kind,
            stage=stage,
            party=self.party,
            trunk=trunk,
            duty=self.duty,
            by=self.by,
            request=request,
        )


class OutsideRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of it."""

    wanted: Wanted
    number: str
    trunk: str
    until: Micros
    """Center time: then it is given up."""
    media: LegRecord
    dialog: DialogRecord | None = None
    answer: bytes = b""


class Outside:
    """One number outside, from the dialling to the answer."""

    def __init__(
        self,
        hands: Hands,
        story: Story,
        record: OutsideRecord,
        *,
        answered: Callable[["Outside"], None],
        over: Callable[["Outside", DialStage], None],
    ) -> None:
        """`answered`: it can be connected now. `over`: it will not be; that was told already."""
        self.hands = hands
        self.story = story
        self.record = record
        self.media = MediaLeg(hands, record.media, said=lambda: None)
        self.call: sip.Call | None = None
        self.rings: Callable[[], None] = lambda: None
        """Called when it is said to ring."""
        self._answered = answered
        self._ended = over
        self._over = False

    @property
    def contact(self) -> ContactId:
        """What it is dialled for."""
        return ContactId(self.story.id)

    # ---- it is dialled --------------------------------------------------------------------

    def dial(self, road: Road, partner: MediaLeg, caller: str) -> None:
        """Once the engine has a leg for it. `caller` is the number of ours that is shown."""
        hands, record = self.hands, self.record

        def ready() -> None:
            if self._over or self.call is not None:
                return
            self.call = dial(hands, road, self.media.offer_sdp(), caller=caller)
            hands.follow(self.call, self.story)
            hands.dialling[self.story.id] = self.story
            if record.wanted.party:
                hands.act(KeepParty(record.wanted.party, record.number))
            self._tell(DialStage.DIALLED)

        hands.wake(self.story.id, max(0, record.until - hands.center_now()))
        assert road.trunk.flow is not None
        rule = rule_of(road.trunk.srtp, road.trunk.flow)
        if rule.forbids_call:
            self._end(DialStage.FAILED, None)
            return
        self.media.tell(road.trunk.flow, rule)
        self.media.open_for_phone(partner, ready, self._failed)

    def _failed(self, _: Message) -> None:
        self._end(DialStage.FAILED, ending(Reason.MEDIA_UNAVAILABLE).reason_header)

    # ---- what is heard of it --------------------------------------------------------------

    def heard(self, event: CallEvent) -> None:
        """Something happened in its dialog, before it was connected."""
        match event:
            case sip.CallProgress():
                self.rings()
            case sip.CallAnswered(sdp=answer):
                self.record.answer = answer or b""
                self._connect()
            case sip.CallRejected(status=status):
                self.call = None
                self._end(STAGES[outcome_of_refusal(status)], None)
            case sip.CallEnded():
                self.call = None
                self._end(DialStage.NO_ANSWER, None)
            case _:
                pass

    def _connect(self) -> None:
        def ready() -> None:
            if not self._over:
                self._over = True
                self._unlist()
                self._tell(DialStage.ANSWERED)
                self._answered(self)

        if not self.media.answered(self.record.answer, ready, self._failed):
            self._failed({})

    def tick(self) -> None:
        """It rings no longer than that."""
        if not self._over and self.hands.center_now() >= self.record.until:
            self._end(DialStage.NO_ANSWER, RANG_OUT)

    # ---- it ends --------------------------------------------------------------------------

    def give_up(self, reason: Reason) -> None:
        """Nobody waits for it any more; its owner is not told again."""
        self._ended = _nobody
        self._end(DialStage.GIVEN_UP, ending(reason).reason_header)

    def _end(self, stage: DialStage, why: tuple[str, str] | None) -> None:
        if self._over:
            return
        self._over = True
        if self.call is not None and why is not None:
            if self.call.state is sip.CallState.CONFIRMED:
                self.call.bye(self.hands.now, headers=(why,))
            else:
                self.call.cancel(self.hands.now, headers=(why,))
            self.hands.let_go(self.call)
        self.media.close()
        self._unlist()
        self._tell(stage)
        self._ended(self, stage)

    def _unlist(self) -> None:
        self.hands.dialling.pop(self.story.id, None)

    def _tell(self, stage: DialStage) -> None:
        wanted = self.record.wanted
        self.hands.counts[f"dial.{wanted.kind}/{stage}"] += 1
        self.hands.report(wanted.told(self.contact, stage, self.record.trunk))

    # ---- what is kept of it ---------------------------------------------------------------

    def kept(self) -> OutsideRecord:
        """As the store keeps it."""
        self.record.dialog = self.call.record() if self.call is not None else None
        return self.record

    def take_up(self) -> None:
        """Go on after a restart; what was not dialled yet is not dialled any more."""
        hands, record = self.hands, self.record
        hands.wake(self.story.id, max(0, record.until - hands.center_now()))
        if record.dialog is None:
            self._end(DialStage.FAILED, None)
            return
        self.call = hands.endpoint.restore(record.dialog, hands.now)
        hands.follow(self.call, self.story)
        hands.dialling[self.story.id] = self.story
        if record.answer:
            self._connect()


def _nobody(_outside: Outside, _stage: DialStage) -> None:
    """Whoever wanted it is gone."""


def until(hands: Hands, seconds: int = DIAL_SECONDS) -> Micros:
    """When one that is dialled now is given up: center time."""
    return hands.center_now() + min(seconds, DIAL_SECONDS) * SECOND


def not_allowed(hands: Hands, contact: ContactId, wanted: Wanted) -> None:
    """It may not be dialled: nothing was sent, and that is told."""
    hands.counts[f"dial.{wanted.kind}/{DialStage.NOT_ALLOWED}"] += 1
    hands.report(wanted.told(contact, DialStage.NOT_ALLOWED))
