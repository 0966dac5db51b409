"""Two legs are one conversation: bridged, held by either side, ended by either side.

Why: the bridge is made the moment the agent answers and only then reported; what the phones do to
it afterwards (hold, resume, another address, silence) are facts of theirs. Moving media never
needs SIP to the other side, because the engine keeps the ports.

Sources: RFC 3264 8.4 (hold), RFC 3261 12.2 and 14 (requests in a dialog).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from callcenter.domain.center import PhoneProfile
from callcenter.domain.commands import (
    DialStage,
    HoldReported,
    OfferOutcome,
    OfferReported,
    SegmentEndReported,
)
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, ContactId, Micros, OfferId, QueueId, SegmentId
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands, Story
from callcenter.frontend.media_leg import LegRecord, MediaLeg, failure, read
from callcenter.frontend.outside import Outside, Wanted
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.errors import SipError
from callcenter.sip.record import DialogRecord
from callcenter.sip.sdp import is_held


class Side(StrEnum):
    """Whose phone."""

    CALLER = "caller"
    AGENT = "agent"
    DESK = "desk"
    """The agent's too, but asked for on her desk page: her phone knows nothing of it."""


class TalkRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a conversation."""

    offer: OfferId
    segment: SegmentId
    agent: AgentId
    queue: QueueId
    dialog: DialogRecord
    media: LegRecord
    since: Micros = 0
    """Center time of the answer."""
    bridged: bool = False
    held_by: list[Side] = []
    taken_from: SegmentId = SegmentId("")
    """Part of the agent who left her caller to this one."""
    outside: Wanted | None = None
    """Not an agent but a number outside: what it was dialled for. It has no segment."""
    trunk: str = ""


class Speaker(Story, Protocol):
    """The contact whose caller talks."""

    def bridge_failed(self) -> None:
        """The agent answered, but the two cannot hear each other."""
        ...


class Talk:
    """The caller and an agent, from the answer to the end of the segment."""

    def __init__(
        self, hands: Hands, speaker: Speaker, caller: MediaLeg, call: sip.Call, record: TalkRecord
    ) -> None:
        self.hands = hands
        self.speaker = speaker
        self.caller = caller
        self.call = call
        self.record = record
        self.media = MediaLeg(hands, record.media, said=self._heard)
        self._warned = False
        """Whether she hears, or heard, that a call is coming: her phone answered by itself."""

    # ---- the bridge -----------------------------------------------------------------------

    def begin(self, answer: bytes, heard: Sequence[str] = ()) -> None:
        """She answered: connect both ways, then report it. Before that she hears these files, and
        the caller her music.

        Her answer goes to the engine at once. Until it replies nothing is kept of the two: a next
        life hears the same answer again, because her phone repeats it until it is acknowledged.
        """

        def ready() -> None:
            if self._warned or self.record.bridged:
                return
            if not heard:
                self._bridge()
                return
            self._warned = True
            self.media.connect(None, self._failed)
            self.media.say(heard)

        if not self.media.answered(answer, ready, self._failed, ahead=True):
            self.speaker.bridge_failed()

    def _heard(self) -> None:
        """She knows: now they are connected."""
        if self._warned and not self.record.bridged:
            self.media.connect(self.caller, self._failed)
            self._bridge()

    def _bridge(self) -> None:
        self.record.bridged = True
        self.caller.quiet()
        self.caller.connect(self.media, self._failed)
        self._report(OfferOutcome.ACCEPTED)

    def join(self, *, beside: bool = False) -> None:
        """Both are on the line already (a callback, or her own call, which no queue offered:
        `beside`): let the agent hear the other, then report."""
        self.record.bridged = True
        self.media.quiet()
        self.media.connect(self.caller, self._failed)
        self._report(OfferOutcome.ACCEPTED, beside=beside)

    def _failed(self, _: Message) -> None:
        self.speaker.bridge_failed()

    def report_failed(self, *, by_her: bool = False) -> None:
        """The offer ends by our fault; or by hers, who hung up on the tone."""
        declined = by_her and self._warned
        self._report(OfferOutcome.DECLINED if declined else OfferOutcome.FAILED)

    def _report(self, outcome: OfferOutcome, *, beside: bool = False) -> None:
        accepted = outcome is OfferOutcome.ACCEPTED
        self.hands.report(
            OfferReported(
                offer=self.record.offer,
                contact=ContactId(self.speaker.id),
                agent=self.record.agent,
                outcome=outcome,
                segment=self.record.segment if accepted else SegmentId(""),
                beside=beside,
            )
        )

    # ---- hold -----------------------------------------------------------------------------

    def reinvited(self, side: Side, call: sip.Call, offer: bytes | None, music: str) -> None:
        """A phone changes its media: hold, resume, or another address."""
        mine = self.caller if side is Side.CALLER else self.media
        answer_reinvite(self.hands, call, mine, offer)
        if offer is None or not self.record.bridged:
            return
        self._hold(side, is_on_hold(offer), music)

    def hold(self, held: bool, music: str) -> None:
        """The agent's desk asks for it: the caller hears music, her phone nothing."""
        if self.record.bridged:
            self._hold(Side.DESK, held, music)

    def _hold(self, side: Side, held: bool, music: str) -> None:
        if held == (side in self.record.held_by):
            return
        by_agent = side is not Side.CALLER
        before = self._is_held(by_agent=by_agent)
        others = [s for s in self.record.held_by if s is not side]
        self.record.held_by = [*others, side] if held else others
        if side is Side.DESK:
            self.media.connect(None if held else self.caller, lambda _: None)
        if self._is_held(by_agent=by_agent) == before:
            return  # held at the phone and at the desk: the caller hears no difference
        self._hear(by_agent=by_agent, held=held, music=music)
        if self.record.outside is not None:
            return
        self.hands.report(
            HoldReported(
                contact=ContactId(self.speaker.id),
                agent=self.record.agent,
                held=held,
                by_agent=by_agent,
            )
        )

    def _is_held(self, *, by_agent: bool) -> bool:
        sides = (Side.AGENT, Side.DESK) if by_agent else (Side.CALLER,)
        return any(side in self.record.held_by for side in sides)

    def _hear(self, *, by_agent: bool, held: bool, music: str) -> None:
        """The other side hears music while held, and the holder's voice again after."""
        mine, other = (self.media, self.caller) if by_agent else (self.caller, self.media)
        if held:
            other.connect(None, lambda _: None)
            if music:
                other.play_music(music)
        else:
            other.quiet()
            other.connect(mine, lambda _: self.speaker.bridge_failed())

    @property
    def is_legacy(self) -> bool:
        """Whether her phone is one that answers no questions."""
        agents = self.hands.center.agents
        profile = next((a.phone for a in agents if a.id == self.record.agent), None)
        return profile is PhoneProfile.LEGACY

    # ---- the end --------------------------------------------------------------------------

    def end(self, headers: tuple[tuple[str, str], ...], *, say_bye: bool) -> None:
        """The agent's leg goes; the caller's is the speaker's business."""
        if say_bye:
            self.call.bye(self.hands.now, headers=headers)
            self.hands.let_go(self.call, self.record.agent or None)
        self.media.close()

    def kept(self) -> TalkRecord:
        """As the store keeps it."""
        self.record.dialog = self.call.record()
        return self.record


def report_end(hands: Hands, contact: ContactId, record: TalkRecord, reason: Reason) -> None:
    """An agent's segment is over, or a number outside has gone."""
    if record.outside is not None:
        hands.report(record.outside.told(contact, DialStage.OVER, record.trunk))
        return
    hands.report(
        SegmentEndReported(
            contact=contact,
            segment=record.segment,
            agent=record.agent,
            termination=ended(reason),
        )
    )


def outside_talk(hands: Hands, outside: Outside) -> TalkRecord:
    """Somebody outside who has answered, in the place of an agent."""
    assert outside.call is not None
    return TalkRecord(
        offer=OfferId(""),
        segment=SegmentId(""),
        agent=AgentId(""),
        queue=QueueId(""),
        dialog=outside.call.record(),
        media=outside.record.media,
        since=hands.center_now(),
        bridged=True,
        outside=outside.record.wanted,
        trunk=outside.record.trunk,
    )


def is_on_hold(offer: bytes) -> bool:
    """Whether a phone's description asks for silence (`sendonly`, `inactive`, `0.0.0.0`)."""
    try:
        return is_held(read(offer))
    except SipError:
        return False


def answer_reinvite(hands: Hands, call: sip.Call, leg: MediaLeg, offer: bytes | None) -> None:
    """Answer a re-INVITE: our ports stay, its direction is mirrored (RFC 3264 6.1)."""
    if offer is None:
        call.answer_reinvite(leg.offer_sdp(), hands.now)
        return

    def ready() -> None:
        call.answer_reinvite(leg.answer_sdp(), hands.now)

    def refuse(reason: Reason) -> None:
        row = ending(reason)
        theirs = row.status == 488
        call.reject_reinvite(row.status if theirs else 500, hands.now, headers=row.headers)

    if not leg.renegotiate(offer, ready, lambda reply: refuse(failure(reply))):
        refuse(leg.refusal)
