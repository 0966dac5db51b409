"""What the control center remembers, as plain values.

Why: this is the snapshot. Everything else (who is free, who is next, which timer runs) is derived
from it, so a restored control center decides exactly as the one that wrote it would have.
"""

from enum import StrEnum

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.domain.center import Center, Channel, Queue
from callcenter.domain.commands import LetterStage
from callcenter.domain.events import OfferMade
from callcenter.domain.skills import Qualification
from callcenter.domain.units import (
    AgentId,
    ContactId,
    FrontendId,
    LetterId,
    Micros,
    OfferId,
    PartyId,
    QueueId,
    SegmentId,
)
from callcenter.routing.experience import Experience
from callcenter.routing.plan import NO_STEP


class Stage(StrEnum):
    """Where a contact is in its life. It is in exactly one of these until it has ended.

    flow ──queued──► waiting ──offer made──► offered ──accepted──► talking
     ▲                 │  ▲                     │                     │
     ├──left, timeout──┘  └──not taken──────────┘                     │
     └──segment ended─────────────────────────────────────────────────┘

    A document that an agent puts aside is in `aside` until a time or a reply; then it is queued.
    """

    FLOW = "flow"
    WAITING = "waiting"
    OFFERED = "offered"
    TALKING = "talking"
    ASIDE = "aside"


IN_QUEUE = (Stage.WAITING, Stage.OFFERED)


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The estimate that stands. Spans count from `at`; none while too little is known."""

    at: Micros
    position: int = 0
    expected: Micros | None = None
    promised: Micros | None = None


class ContactState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One living contact. `queue` and what follows it belong to its present or last visit."""

    id: ContactId
    channel: Channel
    frontend: FrontendId
    arrived: Micros
    stage: Stage = Stage.FLOW
    visits: int = 0
    queue: QueueId = QueueId("")
    skills: dict[str, int] = {}
    priority: int = 0
    since: Micros = 0
    key: Micros = 0
    order: int = 0
    expires: Micros = 0
    retry_at: Micros = 0
    """Not offered before then: our side could not ring the last one."""
    attempts: int = 0
    passed_by: AgentId = AgentId("")
    """Who did not take it last; others come first."""
    declined_by: tuple[AgentId, ...] = ()
    """Who said no while others are still rung for it: not these people until nobody is."""
    offer: OfferId = OfferId("")
    segment: SegmentId = SegmentId("")
    also: tuple[OfferId, ...] = ()
    """Further live offers, where several phones may ring for it."""
    asked: dict[str, int] = {}
    """Needed by the contact itself, whatever the queue."""
    preferred: dict[str, int] = {}
    excluded: tuple[AgentId, ...] = ()
    """Its own wishes; the queue's come beside them."""
    agents: tuple[AgentId, ...] = ()
    teams: tuple[str, ...] = ()
    """Who may take it too since its ring widened."""
    sticky: AgentId = AgentId("")
    sticky_until: Micros = 0
    assigned: bool = False
    """Only `sticky` may have it until then; assigned, whatever she can."""
    entered: Micros = 0
    """When it came to this queue; 0 when an older version wrote it down."""
    stepped: int = NO_STEP
    """`after_seconds` of the last step taken."""
    told: Told | None = None
    """What it was told of its wait, in this visit."""
    calls_back: bool = False
    """A callback: nobody is on the line, the customer is dialled when an agent has answered."""
    callback: ContactId = ContactId("")
    """By which its caller is to be called back."""
    tries: int = 0
    """How often the customer was dialled in vain."""
    put_by: AgentId = AgentId("")
    """Who put it aside, and gets it back."""
    attributes: dict[str, str] = {}
    """What is shown of it: it takes this along when it is handed on or comes back."""
    beside: tuple[SegmentId, ...] = ()
    """Parts of agents whom the one who has it brought in."""
    asked_in: OfferId = OfferId("")
    """The open offer to one whom she wants to ask."""
    place_from: Micros = 0
    """It waited before an agent had it: its place counts from then."""
    placed: bool = False
    """An agent's own call, until somebody has answered it."""
    lasting: bool = False
    """A chat at whose other end nobody sits and waits."""

    @property
    def document(self) -> bool:
        """Nobody is on a line, and no front end holds it: a mail, a fax, a message, a chat."""
        return not self.frontend

    @property
    def patient(self) -> bool:
        """A document of which nobody sits and waits: every one but a chat on a page."""
        return self.document and (self.lasting or self.channel is not Channel.CHAT)

    @property
    def stands_since(self) -> Micros:
        """What its place counts from."""
        return self.place_from or self.since

    @property
    def planned_from(self) -> Micros:
        """What the plan of its queue counts from."""
        return self.entered or self.since

    @property
    def live(self) -> tuple[OfferId, ...]:
        """Every open offer."""
        return (self.offer, *self.also) if self.offer else ()


class OfferState(msgspec.Struct, frozen=True, kw_only=True):
    """One offer. In the hands of an owner, `until` is control's own timer, for one that is dead."""

    contact: ContactId
    agent: AgentId
    until: Micros
    made: Micros = 0
    preview: OfferMade | None = None
    """While she looks at it, until then: what will be granted when she accepts."""
    beside: bool = False
    """To ask her, not to give her the contact."""


class SegmentState(msgspec.Struct, kw_only=True):
    """One agent's part in one contact, while it lasts."""

    id: SegmentId
    contact: ContactId
    agent: AgentId
    queue: QueueId
    channel: Channel
    since: Micros
    held_by_agent: bool = False
    held_by_caller: bool = False
    held_since: Micros = 0
    held: Micros = 0


class LetterState(msgspec.Struct, frozen=True, kw_only=True):
    """A letter of ours that has not reached its end."""

    contact: ContactId
    stage: LetterStage
    agent: AgentId
    blob: str
    not_before: Micros


class FaxState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fax of ours that has not reached its end."""

    stage: LetterStage
    party: PartyId
    blob: str
    pages: int
    attempts_max: int
    retry_seconds: int
    origin: ContactId = ContactId("")
    caller: str = ""
    confirmed: int = 0
    attempt: int = 0
    not_before: Micros = 0
    """When it is called for; while it is, when it is given up."""
    frontend: FrontendId = FrontendId("")


class FrontendState(msgspec.Struct, kw_only=True):
    """An owner of contacts. `lost` is when its lease ran out; 0 while it holds it."""

    epoch: int = 0
    lost: Micros = 0


class State(msgspec.Struct, kw_only=True):
    """Everything, as it goes into a snapshot."""

    now: Micros = 0
    """Time of the last event: center time never goes back behind it."""
    center: Center = Center()
    version: str = ""
    contacts: dict[ContactId, ContactState] = {}
    offers: dict[OfferId, OfferState] = {}
    segments: dict[SegmentId, SegmentState] = {}
    agents: dict[AgentId, AgentState] = {}
    frontends: dict[FrontendId, FrontendState] = {}
    retired_queues: dict[QueueId, Queue] = {}
    """Removed from the configuration; their callers stay until they leave."""
    queued: int = 0
    """Visits begun so far: the order of equals."""
    offered: int = 0
    """Offers made so far: makes their ids."""
    segmented: int = 0
    """Segments begun so far: makes ids for those that were reported without one."""
    people: dict[AgentId, Qualification] = {}
    """Training and changes by hand; kept while an agent is not configured."""
    doors: dict[QueueId, bool] = {}
    """Queues that somebody opened (true) or closed by hand."""
    announcements: dict[QueueId, str] = {}
    """Emergency announcements in force; of all queues under the empty name."""
    turns: dict[QueueId, AgentId] = {}
    """Who was offered the last contact of a queue that goes round."""
    experience: dict[QueueId, Experience] = {}
    """What was seen of each queue's calls lately: estimates rest on it."""
    letters: dict[LetterId, LetterState] = {}
    """What we write to customers, until it is sent, taken back or given up."""
    faxes: dict[ContactId, FaxState] = {}
    """What we fax, until it is there, taken back or given up."""
    faxed: dict[ContactId, Micros] = {}
    """Faxes that are over, and when that was: for two days, so that none is sent twice."""
    told: dict[QueueId, Told] = {}
    """What somebody who came to a queue now would be told."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What `Control.snapshot` writes. `marks` belong to the leader's adapter."""

    state: State
    marks: dict[str, tuple[int, int]] = {}
