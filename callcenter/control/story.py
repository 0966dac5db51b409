"""A contact's life in decisions, and an agent's place in the center, each with its reasons.

Why: whoever asks "why" does not ask for one decision but for how it came about. These are the plain
values that the reading side fills and the screens put into words.
"""

import msgspec

from callcenter.control.explained import Refusal
from callcenter.control.state import Stage
from callcenter.control.why import Choice, Desk, Waiting
from callcenter.domain import events as e
from callcenter.domain.center import Center
from callcenter.domain.units import AgentId, ContactId, Micros, QueueId

MOMENTS_MAX = 300
"""Of a longer life the last ones."""

TOLD = (
    e.ContactArrived | e.ContactQueued | e.QueueRefused | e.RingWidened | e.AgentReleased
    | e.ContactMoved | e.ContactTransferred | e.ContactAssigned | e.PriorityChanged | e.OfferMade | e.OfferAccepted
    | e.OfferDeclined | e.OfferExpired | e.OfferRescinded | e.SegmentStarted | e.SegmentEnded
    | e.ContactDequeued | e.ContactEnded | e.ContactPutAside | e.ReplyArrived | e.ContactPlaced | e.CallbackTried
    | e.OfferConfirmed
)  # fmt: skip
"""Events of a contact that decide something about it; its way through the flow does not."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `choice` and `refusal` are there when it could be decided again."""

    event: e.Event
    engine: str
    choice: Choice | None = None
    refusal: Refusal | None = None
    redecided: bool | None = None
    """Whether deciding again gave the same batch; None when it was not tried."""
    untried: str = ""
    """Why it was not."""


class ContactStory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to say about one contact."""

    contact: ContactId
    at: Micros
    center: Center
    moments: tuple[Moment, ...]
    moments_more: int = 0
    stage: Stage | None = None
    """None when it has ended."""
    queue: QueueId = QueueId("")
    agent: AgentId = AgentId("")
    """Who talks with it."""
    waiting: Waiting | None = None
    whole: bool = True
    """Whether its arrival is in the journal still."""


class AgentStory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to say about one agent."""

    at: Micros
    center: Center
    desk: Desk
    offers: tuple[Moment, ...] = ()
    """Her last offers and what became of them; the last is explained."""
