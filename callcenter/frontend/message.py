"""A caller leaves a message: it is recorded, kept, and lives on as a contact of its own.

    recording ──► the engine says it is over, or its time is ──► keeping ──► kept: it is a contact
                                                                    └──────► no message: forgotten

Why: she may hang up at any moment, and mostly that is how a message ends. So it is no part of her
call: its record, its file and its end are its own, and a front end that dies of it keeps it all the
same. The new contact takes her place in the queue; it needs nobody's line and no front end.

A message with less speech than it takes to say anything is none. What is on the disk is kept by its
content (`adapters/recordings.py`) before control hears of it; the file of the recording itself goes
when that is committed. Nothing that she said stands in a record or an event: only the name of the
file, and the hash that it is kept by.
"""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.commands import ContactReported, QueueRequested
from callcenter.domain.termination import Reason
from callcenter.domain.units import (
    MILLISECOND,
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    PartyId,
    QueueId,
)
from callcenter.frontend.call_record import CallRecord
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import MediaLeg
from callcenter.frontend.turn import DropRecording, KeepParty, KeepRecording, Message, RecordingKept
from callcenter.ivr.session import LeaveWord, Recorded, RecordedHow
from callcenter.sip import endpoint as sip

GRACE: Micros = 5 * SECOND
"""An engine that says nothing of a recording is believed to be done with it so much later."""
SUFFIX = ".au"

_encoder = msgspec.msgpack.Encoder()


class MessageStage(StrEnum):
    RECORDING = "recording"
    KEEPING = "keeping"


class MessageRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a message."""

    contact: ContactId
    origin: ContactId
    file: str
    waits: QueueRequested
    number: str
    dialled: str
    shortest: int
    """Milliseconds of speech."""
    until: Micros
    """Center time."""
    stage: MessageStage = MessageStage.RECORDING


def leave_word(
    hands: Hands, call: CallRecord, leg: MediaLeg, wish: LeaveWord, tell: Callable[[Recorded], None]
) -> None:
    """She leaves a message: her flow is told what became of it."""
    story = leave_message(hands, call, leg, wish)
    if story is None:
        tell(Recorded(RecordedHow.FAILED))
        return
    call.message = story.id
    wait_for_word(hands, call, tell)


def wait_for_word(hands: Hands, call: CallRecord, tell: Callable[[Recorded], None]) -> None:
    """Have it told what becomes of the message that she is leaving, if she is leaving one."""
    story = hands.stories.get(call.message)

    def recorded(how: RecordedHow) -> None:
        call.message = ""
        tell(Recorded(how))

    if isinstance(story, MessageStory):
        story.answered = recorded


def leave_message(
    hands: Hands, call: CallRecord, leg: MediaLeg, wish: LeaveWord
) -> "MessageStory | None":
    """Begin to record the caller of `call`; None where messages cannot be kept, or there is no
    queue for it."""
    queue = QueueId(wish.queue or (call.waits.queue if call.waits else ""))
    if not hands.rules.recordings or hands.queue(queue) is None:
        return None
    contact = hands.new_contact()
    before = call.waits or QueueRequested(contact=contact, queue=queue)
    record = MessageRecord(
        contact=contact,
        origin=call.contact,
        file=f"{hands.rules.recordings}/{contact}{SUFFIX}",
        waits=msgspec.structs.replace(
            before,
            contact=contact,
            queue=queue,
            attributes=wish.attributes,
            agent=AgentId(""),
            since=call.waits_since or hands.center_now(),
        ),
        number=call.caller,
        dialled=call.dialled,
        shortest=wish.shortest // MILLISECOND,
        until=hands.center_now() + wish.longest + GRACE,
    )
    story = MessageStory(hands, record)
    hands.messages.add(story.id)
    hands.begin(story)
    leg.record_to(record.file, wish.longest // SECOND, wish.silence // SECOND, story.refused)
    hands.wake(story.id, wish.longest + GRACE)
    return story


def message_of(file: str) -> str:
    """The contact that a recording is to become."""
    return file.rpartition("/")[2].removesuffix(SUFFIX)


class MessageStory:
    """A message and its owner."""

    def __init__(self, hands: Hands, record: MessageRecord) -> None:
        self.hands = hands
        self.record = record
        self.id: str = record.contact
        self.answered: Callable[[RecordedHow], None] = lambda _how: None
        """Tells the caller, while she is there."""
        self._over = False

    def refused(self, _reply: Message) -> None:
        """The engine does not record."""
        self._done(RecordedHow.FAILED)

    def ended(self, why: str) -> None:
        """The engine has no more of it."""
        if self._over or self.record.stage is MessageStage.KEEPING:
            return
        if why == "failed":
            self._done(RecordedHow.FAILED)
        else:
            self._keep()

    def _keep(self) -> None:
        record = self.record
        record.stage = MessageStage.KEEPING
        self.hands.act(
            KeepRecording(
                record.contact,
                record.file,
                record.shortest,
                record.dialled,
                record.number,
                self.hands.center_now(),
            )
        )

    def was_kept(self, kept: RecordingKept) -> None:
        """It is on the disk, or it is not; a second answer changes nothing."""
        if self._over:
            return
        if kept.blob:
            self._become_a_contact(kept.blob)
            self._done(RecordedHow.SAVED)
        else:
            self._done(RecordedHow.TOO_SHORT if kept.is_short else RecordedHow.FAILED)

    def _become_a_contact(self, blob: str) -> None:
        hands, record = self.hands, self.record
        party = PartyId(f"party-{record.contact}" if record.number else "")
        if party:
            hands.act(KeepParty(party, record.number))
        hands.report(
            ContactReported(
                contact=record.contact,
                channel=Channel.VOICEMAIL,
                frontend=FrontendId(""),
                dialled=record.dialled,
                party=party,
                blob=blob,
            )
        )
        hands.report(record.waits)

    def _done(self, how: RecordedHow) -> None:
        self._over = True
        self.hands.counts[f"message.{how}"] += 1
        self.hands.act(DropRecording(self.record.file))
        self.hands.messages.discard(self.id)
        self.hands.over(self)
        origin = self.hands.stories.get(self.record.origin)
        if origin is not None:
            self.hands.touch(origin)
            self.answered(how)

    def end(self, reason: Reason) -> None:
        """A mistake of ours costs the message; a server that stops keeps what there is of it."""
        if not self._over and reason is not Reason.DRAINING:
            self._done(RecordedHow.FAILED)

    # ---- the rest of a story --------------------------------------------------------------

    @property
    def awaits_control(self) -> bool:
        """It is kept, and reported; nobody waits for what follows."""
        return False

    def tick(self) -> None:
        """Nobody told of its end: what is on the disk is the message."""
        recording = self.record.stage is MessageStage.RECORDING
        if recording and self.hands.center_now() >= self.record.until:
            self._keep()

    def heard(self, event: sip.SipEvent) -> None:
        """It has no phone."""

    def digit(self, leg: str, digit: str) -> None:
        """And no keys."""

    def pressed(self, call: sip.Call, digit: str) -> None:
        """Nor these."""

    def finished(self, leg: str, file: str) -> None:
        """Nothing is played."""

    def silent(self, leg: str, seconds: int) -> None:
        """The engine looks after silence."""

    def sound(self, leg: str) -> None:
        """And after sound."""

    def legs(self) -> list[str]:
        """The leg is the caller's."""
        return []

    def kept(self) -> dict[str, bytes]:
        """All of it, until it is a contact or nothing."""
        return {} if self._over else {f"message:{self.id}": _encoder.encode(self.record)}

    def take_up(self) -> None:
        """Go on after a restart; what was asked to be kept may not have been."""
        self.hands.messages.add(self.id)
        if self.record.stage is MessageStage.KEEPING:
            self._keep()
        else:
            self.hands.wake(self.id, max(0, self.record.until - self.hands.center_now()))
