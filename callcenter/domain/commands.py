"""What is asked of the control center, and what is reported to it.

Why: every change enters as one of these through one stream, so the single writer sees them in one
order and a repeat is harmless. Two kinds:

- *facts* (`…Reported`) come from whoever holds the leg or the document. They are never refused:
  where journal and fact disagree the fact stands and control repairs.
- *requests* (`…Requested`) come from people and flows. Each is answered by an event that names
  the command: done, or refused with the reason.

Tags are never reused and fields are only added, with a default.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from callcenter.domain.center import Center, Channel
from callcenter.domain.command import Cmd as Cmd
from callcenter.domain.fax_commands import FaxCancelRequested as FaxCancelRequested
from callcenter.domain.fax_commands import FaxOutcome as FaxOutcome
from callcenter.domain.fax_commands import FaxReported as FaxReported
from callcenter.domain.fax_commands import FaxRequested as FaxRequested
from callcenter.domain.termination import Reason, Termination, ended
from callcenter.domain.units import (
    AgentId,
    CommandId,
    ContactId,
    CustomerId,
    FrontendId,
    LetterId,
    Micros,
    OfferId,
    PartyId,
    QueueId,
    SegmentId,
)


class Presence(StrEnum):
    """What an agent does. `unreachable` stands beside it, not in it."""

    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    READY = "ready"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAP_UP = "wrap_up"


class OfferOutcome(StrEnum):
    """What became of an offer at the owner of the leg."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    """The agent said no (603, 480 by her hand)."""
    BUSY = "busy"
    """Her phone was in another call (486, 600)."""
    UNREACHABLE = "unreachable"
    """No phone answered (408, 5xx, no binding)."""
    EXPIRED = "expired"
    """It rang to the end: RONA."""
    FAILED = "failed"
    """Our side could not ring (media, codecs); not her fault."""
    CUSTOMER_BUSY = "customer_busy"
    """A callback: the agent answered, the customer's phone was busy."""
    CUSTOMER_NO_ANSWER = "customer_no_answer"
    """A callback: it rang there to the end."""
    CUSTOMER_FAILED = "customer_failed"
    """A callback: the trunk could not or would not connect it."""


CUSTOMER_OUTCOMES = frozenset(
    (OfferOutcome.CUSTOMER_BUSY, OfferOutcome.CUSTOMER_NO_ANSWER, OfferOutcome.CUSTOMER_FAILED)
)
"""The agent took the offer and did nothing wrong: the customer was not reached."""


class ContactReported(Cmd, frozen=True, kw_only=True):
    """A contact arrived and has an owner; without one (`frontend` empty) it is a document, which
    needs nobody to live: a mail, a fax, a message."""

    contact: ContactId
    channel: Channel
    frontend: FrontendId
    dialled: str
    """The number or address that was dialled: ours, so no personal data."""
    party: PartyId = PartyId("")
    blob: str = ""
    """What arrived, where it was something to read: the hash by which it is kept."""
    reply_to: ContactId = ContactId("")
    """It continues that one: while that one lives no new contact is made."""
    lasting: bool = False
    """A chat at whose other end nobody sits and waits: it waits as long as a mail."""


class FlowReported(Cmd, frozen=True, kw_only=True):
    """An IVR flow began, in the revision the contact will keep."""

    contact: ContactId
    flow: str
    revision: str


class StepReported(Cmd, frozen=True, kw_only=True):
    """The flow entered a node."""

    contact: ContactId
    node: str


class DigitsReported(Cmd, frozen=True, kw_only=True):
    """Digits were typed: how many, never which."""

    contact: ContactId
    node: str
    count: int


class CustomerReported(Cmd, frozen=True, kw_only=True):
    """The contact belongs to a known customer."""

    contact: ContactId
    customer: CustomerId


class QueueRequested(Cmd, frozen=True, kw_only=True):
    """The flow wants the contact to wait. Answered by `ContactQueued` or `QueueRefused`."""

    contact: ContactId
    queue: QueueId
    skills: dict[str, int] = {}
    """Needs beside the queue's own."""
    priority: int | None = None
    attributes: dict[str, str] = {}
    """IVR answers shown to the agent (type, language). No typed digits."""
    preferred: dict[str, int] = {}
    """Welcome skills beside the queue's own."""
    excluded: tuple[AgentId, ...] = ()
    """Not these people."""
    language: str = ""
    """A language to be served in: a skill, to the level that the queue asks for."""
    agent: AgentId = AgentId("")
    """Whoever knows the matter: waited for alone for the `sticky_seconds` of the queue's plan."""
    again: bool = False
    """Its agent's phone is gone, which is not the caller's fault: she keeps the place that she had
    when she first waited."""
    since: Micros = 0
    """It has waited since then already: a message takes the place of the caller who left it."""


class LeaveQueueRequested(Cmd, frozen=True, kw_only=True):
    """The caller pressed the key that leaves the queue; the flow goes on at `left`."""

    contact: ContactId


class CallbackRequested(Cmd, frozen=True, kw_only=True):
    """The caller of `origin` wants to be called back: a new contact is to wait in her place.

    `waits` names the new contact, the queue and what it needs there. Answered by `ContactPlaced`
    and `ContactQueued`, or by `CallbackRefused`. The number is kept by the owner, under `party`.
    """

    origin: ContactId
    frontend: FrontendId
    waits: QueueRequested
    dialled: str = ""
    """The number of ours that she had dialled."""
    party: PartyId = PartyId("")


class OfferReported(Cmd, frozen=True, kw_only=True):
    """The end of an offer. `segment` is set when accepted: the two are bridged."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    outcome: OfferOutcome
    segment: SegmentId = SegmentId("")
    beside: bool = False
    """She was asked by another agent who has the contact, and does not have it herself."""


class HoldReported(Cmd, frozen=True, kw_only=True):
    """A side put the other on hold, or took it back."""

    contact: ContactId
    agent: AgentId
    held: bool
    by_agent: bool = True


class SegmentEndReported(Cmd, frozen=True, kw_only=True):
    """The agent's part is over; wrap-up begins."""

    contact: ContactId
    segment: SegmentId
    agent: AgentId
    termination: Termination


class ContactEndReported(Cmd, frozen=True, kw_only=True):
    """The contact is over for its owner."""

    contact: ContactId
    termination: Termination


class PhoneReported(Cmd, frozen=True, kw_only=True):
    """An agent's phones: reachable while at least one binding lives."""

    agent: AgentId
    frontend: FrontendId
    reachable: bool
    cause: str = ""


class FrontendReported(Cmd, frozen=True, kw_only=True):
    """A front end (re)started and holds exactly these contacts; `agents` are reachable by it.

    Contacts of an earlier life that are not named end as `owner_lost`.
    """

    frontend: FrontendId
    epoch: int
    contacts: tuple[ContactId, ...] = ()
    agents: tuple[AgentId, ...] = ()
    offers: tuple[OfferId, ...] = ()
    faxes: tuple[ContactId, ...] = ()
    """Those that it sends."""


class PresenceRequested(Cmd, frozen=True, kw_only=True):
    """Make an agent ready, not ready (with a reason), or logged out.

    Asked for during a contact it becomes her *next* state and takes effect afterwards.
    """

    agent: AgentId
    presence: Presence
    reason: str = ""
    by: str = ""
    request: CommandId = CommandId("")


class WrapUpEndRequested(Cmd, frozen=True, kw_only=True):
    """The agent is done with the work after the contact."""

    agent: AgentId
    segment: SegmentId = SegmentId("")
    request: CommandId = CommandId("")


class DispositionRequested(Cmd, frozen=True, kw_only=True):
    """What the contact was, in the words of the queue."""

    agent: AgentId
    segment: SegmentId
    disposition: str
    request: CommandId = CommandId("")


class ConfigurationRequested(Cmd, frozen=True, kw_only=True):
    """Replace the center, all or nothing."""

    center: Center
    version: str
    by: str
    request: CommandId = CommandId("")


class TrainingRequested(Cmd, frozen=True, kw_only=True):
    """Record a training. Passed, it grants or renews `skill` until `expires` (0 for ever)."""

    agent: AgentId
    course: str
    date: str
    """Local date, `2026-11-28`."""
    passed: bool
    trainer: str
    """Who trained her: an id, never a name."""
    skill: str = ""
    level: int = 0
    expires: Micros = 0
    by: str = ""
    request: CommandId = CommandId("")


class SkillsRequested(Cmd, frozen=True, kw_only=True):
    """Let an agent have these proficiencies from now on instead of the configured ones.

    0 takes a skill away; what is not named stays as configured; nothing at all undoes it.
    """

    agent: AgentId
    skills: dict[str, int] = {}
    by: str = ""
    request: CommandId = CommandId("")


class MoveRequested(Cmd, frozen=True, kw_only=True):
    """Let a waiting contact wait in another queue, as long as it has waited already."""

    contact: ContactId
    queue: QueueId
    by: str = ""
    request: CommandId = CommandId("")


class AssignRequested(Cmd, frozen=True, kw_only=True):
    """Give a waiting contact to this agent: at once, or when she comes free within `seconds`."""

    contact: ContactId
    agent: AgentId
    seconds: int = 120
    by: str = ""
    request: CommandId = CommandId("")


class PriorityRequested(Cmd, frozen=True, kw_only=True):
    """Give a waiting contact another priority; its wait is kept."""

    contact: ContactId
    priority: int
    by: str = ""
    request: CommandId = CommandId("")


class QueueOpenRequested(Cmd, frozen=True, kw_only=True):
    """Open a queue whatever its calendar says, or let the calendar decide again."""

    queue: QueueId
    follow_calendar: bool = False
    by: str = ""
    request: CommandId = CommandId("")


class QueueCloseRequested(Cmd, frozen=True, kw_only=True):
    """Close a queue whatever its calendar says; `dismiss` sends away those who wait, too."""

    queue: QueueId
    dismiss: bool = False
    by: str = ""
    request: CommandId = CommandId("")


class AnnouncementRequested(Cmd, frozen=True, kw_only=True):
    """Set the emergency announcement of a queue (of all, without one); empty takes it back."""

    queue: QueueId = QueueId("")
    announcement: str = ""
    """Name of a prompt."""
    by: str = ""
    request: CommandId = CommandId("")


class OfferAnswerRequested(Cmd, frozen=True, kw_only=True):
    """The agent takes or declines, at her desk, what is offered to her: a document, a call that
    she looks at before it rings, or (to decline) a call that rings."""

    offer: OfferId
    agent: AgentId
    accept: bool
    by: str = ""
    request: CommandId = CommandId("")


class PutAsideRequested(Cmd, frozen=True, kw_only=True):
    """Let a document rest until a time, or (0) until its customer writes again.

    It frees her capacity and comes back to her.
    """

    contact: ContactId
    agent: AgentId
    until: Micros = 0
    request: CommandId = CommandId("")


class DoneRequested(Cmd, frozen=True, kw_only=True):
    """The agent is done with a document: it ends as resolved, filed as `disposition` if given."""

    contact: ContactId
    agent: AgentId
    disposition: str = ""
    request: CommandId = CommandId("")


class LetterStage(StrEnum):
    """Where a letter of ours is; see `control/letters.py`."""

    WAITING = "waiting"
    DUE = "due"
    SENT = "sent"
    UNSURE = "unsure"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    """It was sent, and came back: nobody has it."""


class LetterRequested(Cmd, frozen=True, kw_only=True):
    """Let a letter go out, not before its time. The whole letter is in the blob already."""

    letter: LetterId
    contact: ContactId
    blob: str
    agent: AgentId = AgentId("")
    """Who wrote it; nobody for an acknowledgement."""
    not_before: Micros = 0
    request: CommandId = CommandId("")


class LetterCancelRequested(Cmd, frozen=True, kw_only=True):
    """Take a letter back that has not gone out."""

    letter: LetterId
    agent: AgentId
    request: CommandId = CommandId("")


class LetterReported(Cmd, frozen=True, kw_only=True):
    """What became of a letter: sent, failed with a reason in words, or nobody knows."""

    letter: LetterId
    stage: LetterStage
    reason: str = ""


class LetterReturned(Cmd, frozen=True, kw_only=True):
    """A delivery report gives a letter of ours up for good."""

    letter: LetterId
    contact: ContactId


class TransferRequested(Cmd, frozen=True, kw_only=True):
    """`agent` hands the caller she talks with on: to `queue`, or to the agent `to`."""

    contact: ContactId
    agent: AgentId
    queue: QueueId = QueueId("")
    to: AgentId = AgentId("")
    by: str = ""
    request: CommandId = CommandId("")


class CallAct(StrEnum):
    """What an agent may do to the call she has, without another phone."""

    HOLD = "hold"
    RESUME = "resume"
    HANG_UP = "hang_up"
    SWAP = "swap"
    """Talk with the other of the two: her caller, or the colleague she asked."""
    CONFERENCE = "conference"
    """All of them hear each other."""
    COMPLETE = "complete"
    """Leave her caller with the colleague."""
    CONSULT_END = "consult_end"
    """Let the colleague go, asked or still ringing, and take the caller back."""


class ConsultRequested(Cmd, frozen=True, kw_only=True):
    """`agent` wants to ask the agent `to` while her caller holds the line."""

    contact: ContactId
    agent: AgentId
    to: AgentId
    by: str = ""
    request: CommandId = CommandId("")


class PickUpRequested(Cmd, frozen=True, kw_only=True):
    """`agent`, who is free, wants a contact that waits or rings at a colleague."""

    contact: ContactId
    agent: AgentId
    by: str = ""
    request: CommandId = CommandId("")


class HandOverReported(Cmd, frozen=True, kw_only=True):
    """The agent of `segment` left her caller to that of `to_segment`, whom she had asked."""

    contact: ContactId
    segment: SegmentId
    to_segment: SegmentId
    termination: Termination = ended(Reason.TRANSFERRED)
    """How the first agent's part ended: she left, or her phone vanished."""


class ConferenceReported(Cmd, frozen=True, kw_only=True):
    """Caller, agent and the colleagues she brought in hear each other; or no more."""

    contact: ContactId
    segment: SegmentId
    joined: bool


class CallActRequested(Cmd, frozen=True, kw_only=True):
    """Have the owner of the call do it. What came of it is reported as a fact of its own."""

    contact: ContactId
    agent: AgentId
    act: CallAct
    by: str = ""
    request: CommandId = CommandId("")


class DialKind(StrEnum):
    """For what a number outside is dialled."""

    CALL = "call"
    """An agent's call of her own."""
    TRANSFER = "transfer"
    """Her caller goes there, and she leaves."""
    CONSULT = "consult"
    """She asks there while her caller holds the line."""
    CALLBACK = "callback"
    """A customer who was promised it."""


class DialStage(StrEnum):
    """What became of a number that was to be dialled."""

    ALLOWED = "allowed"
    """It may be; the agent's phone rings first."""
    NOT_ALLOWED = "not_allowed"
    """By her rule, or no trunk's. Nothing was sent."""
    DIALLED = "dialled"
    """An INVITE is on its way by a trunk."""
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    """The trunk, or our side, could not or would not connect it."""
    GIVEN_UP = "given_up"
    """Whoever had it dialled is gone."""
    OVER = "over"
    """They have spoken, and it has ended."""


class DialRequested(Cmd, frozen=True, kw_only=True):
    """`agent` wants a number outside, or who is on duty, to be dialled.

    `party` names the number, which stands in the erasable place; it is empty with `duty`. For a
    call of her own `contact` is empty where her phone is to ring first (then her front end makes
    the contact), or the one that `frontend` has made as she dialled at her phone.
    """

    agent: AgentId
    kind: DialKind
    contact: ContactId = ContactId("")
    frontend: FrontendId = FrontendId("")
    party: PartyId = PartyId("")
    duty: bool = False
    by: str = ""
    request: CommandId = CommandId("")


class DialReported(Cmd, frozen=True, kw_only=True):
    """A fact about a number outside. `request` is what it answers, if anything."""

    contact: ContactId
    agent: AgentId
    kind: DialKind
    stage: DialStage
    party: PartyId = PartyId("")
    trunk: str = ""
    duty: str = ""
    by: str = ""
    request: CommandId = CommandId("")


class Outlook(msgspec.Struct, frozen=True, array_like=True):
    """What somebody who waits, or would, has to expect; no spans where too little is known."""

    expected: Micros | None = None
    promised: Micros | None = None
    """Four of five wait no longer."""


class WaitsReported(Cmd, frozen=True, kw_only=True):
    """Whoever follows the center looked ahead: how long they will wait, as it stood at `at`."""

    at: Micros
    contacts: dict[ContactId, tuple[int, Outlook]] = {}
    """Position and outlook."""
    queues: dict[QueueId, Outlook] = {}


Command: TypeAlias = (
    ContactReported
    | FlowReported
    | StepReported
    | DigitsReported
    | CustomerReported
    | QueueRequested
    | LeaveQueueRequested
    | OfferReported
    | HoldReported
    | SegmentEndReported
    | ContactEndReported
    | PhoneReported
    | FrontendReported
    | PresenceRequested
    | WrapUpEndRequested
    | DispositionRequested
    | ConfigurationRequested
    | TrainingRequested
    | SkillsRequested
    | MoveRequested
    | AssignRequested
    | PriorityRequested
    | QueueOpenRequested
    | QueueCloseRequested
    | AnnouncementRequested
    | WaitsReported
    | CallbackRequested
    | OfferAnswerRequested
    | PutAsideRequested
    | DoneRequested
    | LetterRequested
    | LetterCancelRequested
    | LetterReported
    | LetterReturned
    | TransferRequested
    | CallActRequested
    | ConsultRequested
    | DialRequested
    | DialReported
    | HandOverReported
    | ConferenceReported
    | PickUpRequested
    | FaxRequested
    | FaxCancelRequested
    | FaxReported
)


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """What one source appended in one loop turn: commands with consecutive sequence numbers.

    The id of the n-th command is (`source`, `epoch`, `first` + n). Control keeps one high-water
    mark per source, so a repeat is skipped. `at` is the source's idea of center time.
    """

    source: str
    epoch: int
    first: int
    at: Micros
    commands: tuple[Command, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode_envelope(envelope: Envelope) -> bytes:
    """The envelope as it stands in the command stream."""
    return _encoder.encode(envelope)


def encode_around_first(
    source: str, epoch: int, at: Micros, commands: tuple[Command, ...]
) -> tuple[bytes, bytes]:
    """An envelope before and after its `first`, which only the store will know: between the two
    goes an unsigned 64-bit number (0xcf and eight bytes, big endian)."""
    encode = _encoder.encode
    return b"\x95" + encode(source) + encode(epoch), encode(at) + encode(commands)


def decode_envelope(data: bytes) -> Envelope:
    """Read an envelope. Raises `msgspec.DecodeError` or `ValidationError` for anything else."""
    return _decoder.decode(data)
