"""What is remembered of one agent at work.

Why: her skills and capacity are configuration and live in `domain.center`; this is only what has
happened to her, so that a changed configuration leaves a talking agent talking.
"""

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.commands import Presence
from callcenter.domain.units import (
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
)


class Work(msgspec.Struct, frozen=True):
    """A contact in her hands: being offered, or talked with."""

    contact: ContactId
    channel: Channel


class WrapUp(msgspec.Struct, frozen=True, kw_only=True):
    """Work after a contact, until the timer or the agent ends it."""

    contact: ContactId
    queue: QueueId
    since: Micros
    until: Micros


class AgentState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One agent. `presence` is what is shown; `duty` is what she returns to after work.

    `next` was asked for during work and takes effect after it. `reachable_by` names the front end
    that last heard her phone; empty means unreachable. `retired` agents are gone from the
    configuration and forgotten as soon as they are logged out.
    """

    id: AgentId
    presence: Presence = Presence.LOGGED_OUT
    reason: str = ""
    since: Micros = 0
    duty: Presence = Presence.LOGGED_OUT
    duty_reason: str = ""
    next: Presence | None = None
    next_reason: str = ""
    reachable_by: FrontendId = FrontendId("")
    idle_since: Micros = 0
    offers: dict[OfferId, Work] = {}
    segments: dict[SegmentId, Work] = {}
    wrap_ups: dict[SegmentId, WrapUp] = {}
    last_segment: SegmentId = SegmentId("")
    last_contact: ContactId = ContactId("")
    last_queue: QueueId = QueueId("")
    retired: bool = False
    declines: int = 0
    """Offers declined in a row."""
    busy: Micros = 0
    idle: Micros = 0
    """At work, and idle and ready, since she logged in."""
    rest_until: Micros = 0
    """Offered nothing before then: her occupancy is at its ceiling."""

    @property
    def at_work(self) -> bool:
        """Has she anything in hand that a change of presence must wait for?"""
        return bool(self.offers or self.segments or self.wrap_ups)
