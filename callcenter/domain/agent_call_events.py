"""What agents do with a call they have: hand it on, ask a colleague, confer.

Why: these are of one piece, and beside the life of a contact (`events.py`), where they belong to
the one list of events.
"""

from callcenter.domain.center import Channel
from callcenter.domain.commands import CallAct, DialKind, DialStage, OfferOutcome
from callcenter.domain.event import Evt
from callcenter.domain.units import (
    AgentId,
    CommandId,
    ContactId,
    FrontendId,
    Micros,
    OfferId,
    PartyId,
    QueueId,
    SegmentId,
)


class ContactTransferred(Evt, frozen=True, kw_only=True):
    """`agent` handed it on: her segment ends, and it waits in `queue` in the place it had before.

    `to` names the agent who alone may have it at first. The owner lets go of `agent`.
    """

    contact: ContactId
    segment: SegmentId
    agent: AgentId
    queue: QueueId
    to: AgentId = AgentId("")
    by: str = ""


class ConsultMade(Evt, frozen=True, kw_only=True):
    """A grant: the owner may ring `agent` for the agent who talks in `segment`."""

    offer: OfferId
    contact: ContactId
    segment: SegmentId
    asked_by: AgentId
    agent: AgentId
    queue: QueueId
    channel: Channel
    frontend: FrontendId
    ring_seconds: int
    act_before: Micros


class ConsultUnanswered(Evt, frozen=True, kw_only=True):
    """She was not reached, or is not wanted any more. `outcome` is empty where we took it back."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    outcome: OfferOutcome | None = None
    reason: str = ""


class HandedOver(Evt, frozen=True, kw_only=True):
    """From now on the contact is `agent`'s, in her `to_segment`; that of `segment` ends."""

    contact: ContactId
    segment: SegmentId
    to_segment: SegmentId
    agent: AgentId


class Conferenced(Evt, frozen=True, kw_only=True):
    """All who are in the call hear each other (`joined`), or each only one other again."""

    contact: ContactId
    segment: SegmentId
    joined: bool


class CallActAsked(Evt, frozen=True, kw_only=True):
    """The owner is to do this to the call of `agent`, if it is read in time."""

    contact: ContactId
    segment: SegmentId
    agent: AgentId
    act: CallAct
    act_before: Micros
    by: str = ""


class CallPlaced(Evt, frozen=True, kw_only=True):
    """A grant: the owner may connect `agent` with a number outside. `rings_first`: her phone is
    rung for it; else she has dialled at it and waits."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    frontend: FrontendId
    channel: Channel
    party: PartyId = PartyId("")
    duty: str = ""
    rings_first: bool = False
    ring_seconds: int = 20
    dial_seconds: int = 60
    act_before: Micros = 0
    by: str = ""
    request: CommandId = CommandId("")


class DialAsked(Evt, frozen=True, kw_only=True):
    """The owner is to dial a number outside for the agent who talks in `segment`, if it may and if
    this is read in time; it answers `request`."""

    contact: ContactId
    segment: SegmentId
    agent: AgentId
    kind: DialKind
    party: PartyId = PartyId("")
    duty: str = ""
    act_before: Micros = 0
    by: str = ""
    request: CommandId = CommandId("")


class OutsideDialled(Evt, frozen=True, kw_only=True):
    """A number outside was dialled, or was not allowed, or this became of it: the audit of dialling.
    `party` names the number, which stands in the erasable place."""

    contact: ContactId
    agent: AgentId
    kind: DialKind
    stage: DialStage
    party: PartyId = PartyId("")
    trunk: str = ""
    duty: str = ""
    by: str = ""
