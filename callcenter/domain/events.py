"""What happened, in the order a contact lives it.

Why: the journal of these is the truth; every screen, counter and record is a fold of it. Events
hold ids, never a number, an address, a name, typed digits or text.

Who acts: control decides and commits; adapters act on committed events only, and at most once per
event id (batch sequence, index). An event that asks for an effect carries `act_before`.

Tags are never reused and fields are only added, with a default.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from callcenter.domain.agent_call_events import (
    CallActAsked as CallActAsked,
)
from callcenter.domain.agent_call_events import (
    CallPlaced as CallPlaced,
)
from callcenter.domain.agent_call_events import (
    Conferenced as Conferenced,
)
from callcenter.domain.agent_call_events import (
    ConsultMade as ConsultMade,
)
from callcenter.domain.agent_call_events import (
    ConsultUnanswered as ConsultUnanswered,
)
from callcenter.domain.agent_call_events import (
    ContactTransferred as ContactTransferred,
)
from callcenter.domain.agent_call_events import (
    DialAsked as DialAsked,
)
from callcenter.domain.agent_call_events import (
    HandedOver as HandedOver,
)
from callcenter.domain.agent_call_events import (
    OutsideDialled as OutsideDialled,
)
from callcenter.domain.center import Center, Channel
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.event import Evt as Evt
from callcenter.domain.letter_events import FaxChanged as FaxChanged
from callcenter.domain.letter_events import FaxPlaced as FaxPlaced
from callcenter.domain.letter_events import LetterChanged as LetterChanged
from callcenter.domain.termination import Termination
from callcenter.domain.units import (
    SECOND,
    AgentId,
    CommandId,
    ContactId,
    CustomerId,
    FrontendId,
    Micros,
    OfferId,
    PartyId,
    QueueId,
    SegmentId,
)


class QueueExit(StrEnum):
    """How a flow goes on after `queue`, by name (all six are wired or the flow is refused)."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    FULL = "full"
    UNSTAFFED = "unstaffed"
    CLOSED = "closed"
    LEFT = "left"


ESTIMATE_GOOD_FOR: Micros = 75 * SECOND
"""An estimate of a wait that is older says nothing: whoever makes them is gone."""


class ContactArrived(Evt, frozen=True, kw_only=True):
    contact: ContactId
    channel: Channel
    frontend: FrontendId
    dialled: str
    party: PartyId = PartyId("")
    blob: str = ""
    """What is to be read, by its hash."""
    reply_to: ContactId = ContactId("")
    """An earlier contact, over by now, that this one continues."""
    lasting: bool = False
    """A chat at whose other end nobody sits and waits."""


class ReplyArrived(Evt, frozen=True, kw_only=True):
    """The customer wrote again about a living contact: `reply` is no contact of its own.

    Who put it aside gets it back at once.
    """

    contact: ContactId
    reply: ContactId
    blob: str = ""


class ContactPutAside(Evt, frozen=True, kw_only=True):
    """It rests until then, or until its customer writes; then it waits for this agent again."""

    contact: ContactId
    segment: SegmentId
    agent: AgentId
    queue: QueueId
    until: Micros


class FlowStarted(Evt, frozen=True, kw_only=True):
    contact: ContactId
    flow: str
    revision: str


class StepEntered(Evt, frozen=True, kw_only=True):
    contact: ContactId
    node: str


class DigitsCollected(Evt, frozen=True, kw_only=True):
    contact: ContactId
    node: str
    count: int


class CustomerIdentified(Evt, frozen=True, kw_only=True):
    contact: ContactId
    customer: CustomerId


class ContactQueued(Evt, frozen=True, kw_only=True):
    """A queue visit began. `key` orders the queue: arrival minus what its priority is worth."""

    contact: ContactId
    queue: QueueId
    channel: Channel
    visit: int
    """1 for the first stay of this contact in any queue."""
    skills: dict[str, int] = {}
    """The whole requirement: the queue's and the contact's."""
    priority: int
    since: Micros
    """Start of waiting in this queue; kept over RONA."""
    expires: Micros
    attributes: dict[str, str] = {}
    asked: dict[str, int] = {}
    """What the contact needs by itself, language included: it takes this to another queue."""
    preferred: dict[str, int] = {}
    excluded: tuple[AgentId, ...] = ()
    agent: AgentId = AgentId("")
    """Waited for alone until `agent_until`."""
    agent_until: Micros = 0
    announcement: str = ""
    """The emergency announcement in force."""
    not_before: Micros = 0
    """A callback rests until then: its queue is closed, or its caller still on the line."""
    place_from: Micros = 0
    """From when its place counts, where it has waited before an agent had it; else `since`."""
    passed_by: AgentId = AgentId("")
    """Who handed it on: others come first."""


class RingWidened(Evt, frozen=True, kw_only=True):
    """A step of the queue's plan was taken: the whole ring as it is from now on.

    The place is kept; a raised priority moves it forward. `agent` is waited for alone no more.
    """

    contact: ContactId
    queue: QueueId
    after_seconds: int
    skills: dict[str, int] = {}
    agents: tuple[AgentId, ...] = ()
    teams: tuple[str, ...] = ()
    priority: int
    plan: str = ""
    """Version of the plan."""
    refused: str = ""
    """The overflow that this step asked for, and why it could not be."""


class AgentReleased(Evt, frozen=True, kw_only=True):
    """The contact waited long enough for this agent alone: others may have it."""

    contact: ContactId
    agent: AgentId


class ContactMoved(Evt, frozen=True, kw_only=True):
    """A visit ended and the next began elsewhere, without the flow: overflow, or by hand.

    `since`, key and order are kept. `left` is the queue it came from, where it flowed out.
    """

    contact: ContactId
    channel: Channel
    left: QueueId
    left_visit: int
    waited: Micros
    queue: QueueId
    visit: int
    skills: dict[str, int] = {}
    preferred: dict[str, int] = {}
    excluded: tuple[AgentId, ...] = ()
    priority: int
    since: Micros
    expires: Micros
    by: str = ""
    """Empty for the plan."""


class ContactAssigned(Evt, frozen=True, kw_only=True):
    """By hand: this agent alone may have it until then, whatever she can."""

    contact: ContactId
    queue: QueueId
    agent: AgentId
    until: Micros
    by: str = ""


class PriorityChanged(Evt, frozen=True, kw_only=True):
    contact: ContactId
    queue: QueueId
    priority: int
    by: str = ""


class ContactPlaced(Evt, frozen=True, kw_only=True):
    """A contact that begins with us: the caller of `origin` is to be called back, or `agent` calls.

    Origin and callback are one conversation. `frontend` will place the call.
    """

    contact: ContactId
    channel: Channel
    frontend: FrontendId
    origin: ContactId
    dialled: str = ""
    party: PartyId = PartyId("")
    agent: AgentId = AgentId("")
    """Whose call it is, where an agent calls of her own accord: nobody waits for it."""


class CallbackRefused(Evt, frozen=True, kw_only=True):
    """No callback `contact` for the caller of `origin`; her flow goes on at `refused`."""

    contact: ContactId
    origin: ContactId
    queue: QueueId
    reason: str


class CallbackTried(Evt, frozen=True, kw_only=True):
    """The customer was dialled and not reached, for the `attempt`-th time.

    The contact keeps its place and is not offered before `again`; 0 when this was the last attempt.
    """

    contact: ContactId
    queue: QueueId
    attempt: int
    outcome: OfferOutcome
    again: Micros = 0


class CallbackFreed(Evt, frozen=True, kw_only=True):
    """Who asked for the callback has hung up: it may be offered, or from `not_before` on."""

    contact: ContactId
    not_before: Micros = 0


class QueueRefused(Evt, frozen=True, kw_only=True):
    """The contact may not wait there; no visit is counted and the flow goes on at `exit`."""

    contact: ContactId
    queue: QueueId
    exit: QueueExit


class ContactDequeued(Evt, frozen=True, kw_only=True):
    """A visit ended without an agent and the contact goes on in its flow at `exit`."""

    contact: ContactId
    queue: QueueId
    visit: int
    exit: QueueExit
    waited: Micros


class OfferMade(Evt, frozen=True, kw_only=True):
    """A grant: the owner may ring this agent for `ring_seconds`, and bridges who answers."""

    offer: OfferId
    contact: ContactId
    queue: QueueId
    channel: Channel
    agent: AgentId
    frontend: FrontendId
    ring_seconds: int
    act_before: Micros
    waited: Micros = 0
    attempt: int = 1
    dial_seconds: int = 0
    """Above 0 a callback: when she has answered, the customer's phone rings for so long."""
    evidence: str = ""
    """Why this agent, in at most 200 bytes: `idle 812 s; skills sales 4>=2; next best ben`."""
    preview_seconds: int = 0
    """Above 0 no grant yet: she looks at it for so long, and `OfferConfirmed` lets it ring."""
    auto_answer: bool = False
    """Her phone is to answer by itself, if it is the only one of hers."""


class OfferConfirmed(Evt, frozen=True, kw_only=True):
    """She will have what she looked at: from now on it is the owner's to bring, by `grant`."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    grant: OfferMade
    by_time: bool = False
    """She did not say so: the queue takes her silence for it."""


class OfferAccepted(Evt, frozen=True, kw_only=True):
    offer: OfferId
    contact: ContactId
    agent: AgentId


class OfferDeclined(Evt, frozen=True, kw_only=True):
    """Not taken: `outcome` tells declined, busy, unreachable and failed apart."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    outcome: OfferOutcome


class OfferExpired(Evt, frozen=True, kw_only=True):
    """RONA: it rang to the end. The contact is back in its place, the agent not ready."""

    offer: OfferId
    contact: ContactId
    agent: AgentId


class OfferRescinded(Evt, frozen=True, kw_only=True):
    """Taken back by us: the contact left, moved, or another answered. The owner stops ringing."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    reason: str = ""


class SegmentStarted(Evt, frozen=True, kw_only=True):
    segment: SegmentId
    contact: ContactId
    agent: AgentId
    queue: QueueId
    channel: Channel
    visit: int
    waited: Micros
    beside: bool = False
    """She was brought in by the agent who has the contact: no visit is answered by it."""


class Held(Evt, frozen=True, kw_only=True):
    contact: ContactId
    agent: AgentId
    by_agent: bool = True


class Resumed(Evt, frozen=True, kw_only=True):
    contact: ContactId
    agent: AgentId
    by_agent: bool = True


class SegmentEnded(Evt, frozen=True, kw_only=True):
    segment: SegmentId
    contact: ContactId
    agent: AgentId
    queue: QueueId
    channel: Channel
    termination: Termination
    talked: Micros
    """From start to end, holds included."""
    held: Micros = 0


class WrapUpStarted(Evt, frozen=True, kw_only=True):
    segment: SegmentId
    contact: ContactId
    agent: AgentId
    queue: QueueId
    until: Micros


class DispositionSet(Evt, frozen=True, kw_only=True):
    segment: SegmentId
    contact: ContactId
    agent: AgentId
    disposition: str


class WrapUpEnded(Evt, frozen=True, kw_only=True):
    segment: SegmentId
    contact: ContactId
    agent: AgentId
    queue: QueueId
    wrapped: Micros


class ContactEnded(Evt, frozen=True, kw_only=True):
    """The end. `queue` and `visit` are set when it was waiting: that visit ends with it."""

    contact: ContactId
    channel: Channel
    termination: Termination
    queue: QueueId = QueueId("")
    visit: int = 0
    waited: Micros = 0
    lived: Micros = 0


class PresenceChanged(Evt, frozen=True, kw_only=True):
    """`previous` lasted `lasted`: what occupancy is summed from."""

    agent: AgentId
    presence: Presence
    reason: str = ""
    previous: Presence = Presence.LOGGED_OUT
    lasted: Micros = 0
    contact: ContactId = ContactId("")


class NextPresenceSet(Evt, frozen=True, kw_only=True):
    """Asked for during a contact; takes effect after it. `presence` empty withdraws it."""

    agent: AgentId
    presence: Presence
    reason: str = ""


class AgentReachable(Evt, frozen=True, kw_only=True):
    agent: AgentId
    frontend: FrontendId


class AgentUnreachable(Evt, frozen=True, kw_only=True):
    agent: AgentId
    cause: str = ""


class FrontendStarted(Evt, frozen=True, kw_only=True):
    frontend: FrontendId
    epoch: int


class FrontendLost(Evt, frozen=True, kw_only=True):
    frontend: FrontendId


class TrainingRecorded(Evt, frozen=True, kw_only=True):
    """A training, kept beside the agent. Passed, it is the certificate for `skill`."""

    agent: AgentId
    course: str
    date: str
    passed: bool
    trainer: str
    skill: str = ""
    level: int = 0
    expires: Micros = 0
    by: str = ""


class CertificateExpiring(Evt, frozen=True, kw_only=True):
    """Told once, 30 days ahead."""

    agent: AgentId
    skill: str
    expires: Micros


class CertificateExpired(Evt, frozen=True, kw_only=True):
    """From now on the skill is not hers, configured or not, until it is renewed."""

    agent: AgentId
    skill: str


class SkillsChanged(Evt, frozen=True, kw_only=True):
    """By hand: these proficiencies instead of the configured ones, 0 for none."""

    agent: AgentId
    skills: dict[str, int] = {}
    by: str = ""


class QueueOpened(Evt, frozen=True, kw_only=True):
    """By hand: against the calendar, or back to it."""

    queue: QueueId
    follow_calendar: bool = False
    by: str = ""


class QueueClosed(Evt, frozen=True, kw_only=True):
    """By hand, whatever the calendar says."""

    queue: QueueId
    by: str = ""


class AnnouncementSet(Evt, frozen=True, kw_only=True):
    """The emergency announcement of a queue, or of all without one; empty ends it."""

    queue: QueueId = QueueId("")
    announcement: str = ""
    by: str = ""


class WaitEstimated(Evt, frozen=True, kw_only=True):
    """How long a waiting contact will still wait, from `at` until an agent has answered.

    Told when it has changed noticeably and every half minute; older than `ESTIMATE_GOOD_FOR` it
    is no longer known. Without spans too little was seen to tell.
    """

    contact: ContactId
    queue: QueueId
    position: int
    """1, and one more for each who stands before it and whom the same agents could serve, on duty or
    not; 0 where nobody could."""
    expected: Micros | None = None
    promised: Micros | None = None
    """Four of five wait no longer."""


class QueueEstimated(Evt, frozen=True, kw_only=True):
    """The same for somebody who would come to the queue now."""

    queue: QueueId
    expected: Micros | None = None
    promised: Micros | None = None


class ConfigurationChanged(Evt, frozen=True, kw_only=True):
    center: Center
    version: str
    by: str


class CommandAnswered(Evt, frozen=True, kw_only=True):
    """The answer to a request: done, or refused with the reason in words."""

    request: CommandId
    accepted: bool
    reason: str = ""
    warnings: tuple[str, ...] = ()
    """What was taken all the same, but should be looked at."""


Event: TypeAlias = (
    ContactArrived
    | FlowStarted
    | StepEntered
    | DigitsCollected
    | CustomerIdentified
    | ContactQueued
    | QueueRefused
    | ContactDequeued
    | OfferMade
    | OfferAccepted
    | OfferDeclined
    | OfferExpired
    | OfferRescinded
    | SegmentStarted
    | Held
    | Resumed
    | SegmentEnded
    | WrapUpStarted
    | DispositionSet
    | WrapUpEnded
    | ContactEnded
    | PresenceChanged
    | NextPresenceSet
    | AgentReachable
    | AgentUnreachable
    | FrontendStarted
    | FrontendLost
    | ConfigurationChanged
    | CommandAnswered
    | RingWidened
    | AgentReleased
    | ContactMoved
    | ContactAssigned
    | PriorityChanged
    | TrainingRecorded
    | CertificateExpiring
    | CertificateExpired
    | SkillsChanged
    | QueueOpened
    | QueueClosed
    | AnnouncementSet
    | WaitEstimated
    | QueueEstimated
    | OfferConfirmed
    | ContactPlaced
    | CallbackRefused
    | CallbackTried
    | CallbackFreed
    | ReplyArrived
    | ContactPutAside
    | LetterChanged
    | FaxPlaced
    | FaxChanged
    | ContactTransferred
    | CallActAsked
    | CallPlaced
    | DialAsked
    | OutsideDialled
    | ConsultMade
    | ConsultUnanswered
    | HandedOver
    | Conferenced
)


class InputKind(StrEnum):
    """What the leader can feed to control; see `control.center.Control`."""

    COMMAND = "command"
    """The next command after the cursor that was no repeat: `Control.react`."""
    TICK = "tick"
    """A deadline came: `Control.tick`."""
    LOST = "lost"
    """The lease of the front end `name` ran out: `Control.frontend_lost`."""


class Input(msgspec.Struct, frozen=True, array_like=True):
    """One input as it was fed to control. An input that made no event may be left out, unless
    it is a command."""

    now: Micros
    kind: InputKind = InputKind.COMMAND
    name: str = ""


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What one commit appended: the unit of the journal.

    `seq` counts commits from 1 without a hole. `cursor` is the last command-stream id it
    consumed, `marks` the high-water marks it moved (source to epoch and sequence), `inputs` what
    was fed to control in which order and at which center time, so that the same engine re-decides
    it exactly (`control/replay.py`).
    """

    seq: int
    epoch: int
    at: Micros
    cursor: str
    marks: dict[str, tuple[int, int]]
    inputs: tuple[Input, ...]
    engine: str
    configuration: str
    events: tuple[Event, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def encode_batch(batch: Batch) -> bytes:
    """The batch as it stands in the event stream."""
    return _encoder.encode(batch)


def decode_batch(data: bytes) -> Batch:
    """Read a batch. Raises `msgspec.DecodeError` or `ValidationError` for anything else."""
    return _decoder.decode(data)
