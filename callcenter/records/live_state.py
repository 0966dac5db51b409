"""What is true now and what was counted today, as plain values: the fold's snapshot.

Why: the wall must survive a restart with its counters, and the reader of a snapshot must be able
to go on from the very batch it was taken at. So the state is one value, and every index over it is
made anew (`live.LiveState`).
"""

from enum import StrEnum

import msgspec

from callcenter.domain.center import Center, Channel
from callcenter.domain.commands import DialStage, FaxOutcome, LetterStage, Presence
from callcenter.domain.events import ESTIMATE_GOOD_FOR
from callcenter.domain.skills import Qualification
from callcenter.domain.units import (
    AgentId,
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
from callcenter.records.counters import Counters


class Stage(StrEnum):
    """Where a living contact is."""

    FLOW = "flow"
    WAITING = "waiting"
    RINGING = "ringing"
    TALKING = "talking"
    ASIDE = "aside"
    """Put aside by an agent: a document that waits for a time or a reply."""


ASKED_MAX = 100
"""Different needs that are counted apart, per queue and day."""

REPLIES_MAX = 100
"""Replies to one contact that are told apart; the newest stay."""

IN_QUEUE = frozenset({Stage.WAITING, Stage.RINGING})


class Estimate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was told of a wait. Spans count from `at`; none where too little is known."""

    at: Micros
    position: int = 0
    expected: Micros | None = None
    promised: Micros | None = None

    def stands(self, now: Micros) -> bool:
        """Is it still looked after?"""
        return now - self.at <= ESTIMATE_GOOD_FOR


class LiveLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was written to a customer, and where it is."""

    stage: LetterStage
    blob: str
    not_before: Micros = 0
    reason: str = ""


class LiveFax(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fax of ours, and where it is: the last `FAXES_MAX` that are over, too."""

    id: ContactId
    placed: Micros
    party: PartyId
    blob: str
    pages: int
    origin: ContactId = ContactId("")
    agent: AgentId = AgentId("")
    by: str = ""
    caller: str = ""
    stage: LetterStage = LetterStage.WAITING
    attempt: int = 0
    confirmed: int = 0
    outcome: FaxOutcome | None = None
    """Of the last attempt."""
    until: Micros = 0
    """When it is called for, or called again."""
    changed: Micros = 0

    @property
    def over(self) -> bool:
        """Nothing more is done about it."""
        return self.stage not in (LetterStage.WAITING, LetterStage.DUE)


class LiveContact(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A contact that has not ended. Queue fields belong to its present or last visit."""

    id: ContactId
    channel: Channel
    frontend: FrontendId
    arrived: Micros
    dialled: str = ""
    party: PartyId = PartyId("")
    customer: CustomerId = CustomerId("")
    flow: str = ""
    node: str = ""
    stage: Stage = Stage.FLOW
    stage_since: Micros = 0
    queue: QueueId = QueueId("")
    visit: int = 0
    since: Micros = 0
    waited: Micros = 0
    """Of the last visit, once it ended."""
    priority: int = 0
    key: Micros = 0
    order: int = 0
    """How many had come to a queue before it and with it: the order of equals."""
    skills: dict[str, int] = {}
    attributes: dict[str, str] = {}
    agent: AgentId = AgentId("")
    """Who rings (the first of them) or talks."""
    offer: OfferId = OfferId("")
    also: dict[OfferId, AgentId] = {}
    """Who else rings, where a queue rings several."""
    preview_until: Micros = 0
    """Nothing rings yet: its agent looks at it until then."""
    segment: SegmentId = SegmentId("")
    held: bool = False
    disposition: str = ""
    """Of the running segment."""
    estimate: Estimate | None = None
    """Of its wait, while it waits."""
    blob: str = ""
    """What is to be read, by its hash."""
    put_by: AgentId = AgentId("")
    due: Micros = 0
    """Who put it aside, and until when."""
    letters: dict[LetterId, LiveLetter] = {}
    """What was written to its customer, and where that is."""
    replies: tuple[ContactId, ...] = ()
    """What its customer wrote since, the newest last (`REPLIES_MAX`)."""

    @property
    def document(self) -> bool:
        """Nobody is on a line: a mail, a fax, a message."""
        return not self.frontend

    origin: ContactId = ContactId("")
    """Of a callback: the contact whose caller asked for it."""
    calls_back: bool = False
    """A callback that nobody was connected by yet: nobody is on the line."""
    placed: bool = False
    """An agent's own call that nobody has answered yet."""
    outside: DialStage | None = None
    """A number outside in the call, beside its agent or instead of her: being dialled, or there."""
    asked: AgentId = AgentId("")
    """Who is rung for the agent who has it."""
    beside: dict[SegmentId, AgentId] = {}
    """Who was brought in by her."""
    conference: bool = False
    """Whether all of them hear each other."""


class LiveWrapUp(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Work after a contact, until it is done."""

    segment: SegmentId
    contact: ContactId
    queue: QueueId
    channel: Channel = Channel.VOICE
    since: Micros = 0
    until: Micros = 0
    disposition: str = ""


class AgentDay(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one agent did today. Times in microseconds; the running state is not in it yet."""

    handled: int = 0
    missed: int = 0
    """Offers that rang to the end (RONA)."""
    declined: int = 0
    talked: Micros = 0
    held: Micros = 0
    wrapped: Micros = 0
    busy: Micros = 0
    """Talking and wrap-up."""
    idle: Micros = 0
    """Ready and not taken."""


class LiveAgent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One agent now. Her name and skills are in the center."""

    id: AgentId
    presence: Presence = Presence.LOGGED_OUT
    reason: str = ""
    since: Micros = 0
    reachable_by: FrontendId = FrontendId("")
    unreachable_cause: str = ""
    next: Presence | None = None
    next_reason: str = ""
    offers: dict[OfferId, ContactId] = {}
    segments: dict[SegmentId, ContactId] = {}
    wrap_ups: dict[SegmentId, LiveWrapUp] = {}
    last: LiveWrapUp | None = None
    """Her last ended segment: its disposition can still be set."""
    today: AgentDay = msgspec.field(default_factory=AgentDay)


class LiveQueue(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One queue's counters by channel. `before` holds the days that are over, so that
    `before + today` only ever grows (less the waiting that `today` took over at midnight)."""

    id: QueueId
    day_start: Micros = 0
    day_end: Micros = 0
    today: dict[Channel, Counters] = {}
    before: dict[Channel, Counters] = {}
    asked: dict[str, int] = {}
    """Visits of today by what they needed (`needs_key`); under the empty key those beyond
    `ASKED_MAX` different needs."""
    estimate: Estimate | None = None
    """Of the wait of somebody who would come now."""


class LiveDoor(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that somebody opened or closed by hand, whatever its calendar says."""

    open: bool
    since: Micros
    by: str = ""


class LiveAnnouncement(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency announcement in force."""

    prompt: str
    since: Micros
    by: str = ""


class LiveFrontend(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An owner of contacts."""

    id: FrontendId
    epoch: int = 0
    since: Micros = 0
    lost: bool = False


class LiveData(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything, as it goes into a snapshot. `at` is the time of the last event."""

    at: Micros = 0
    center: Center = Center()
    version: str = ""
    day_start: Micros = 0
    day_end: Micros = 0
    """The agents' day: the center's time zone."""
    contacts: dict[ContactId, LiveContact] = {}
    agents: dict[AgentId, LiveAgent] = {}
    queues: dict[QueueId, LiveQueue] = {}
    frontends: dict[FrontendId, LiveFrontend] = {}
    qualifications: dict[AgentId, Qualification] = {}
    """Training and changes by hand; kept while an agent is not configured."""
    queued: int = 0
    """Visits begun so far."""
    doors: dict[QueueId, LiveDoor] = {}
    faxes: dict[ContactId, LiveFax] = {}
    """What we fax and faxed lately, the oldest first."""
    announcements: dict[QueueId, LiveAnnouncement] = {}
    """Of all queues under the empty name."""
