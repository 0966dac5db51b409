"""What an agent is shown as, what follows a missed offer, and what she may ask for.

    work in hand                              shown as
    a call                                    talking
    an offer                                  reserved
    work after a contact                      wrap-up
    a mail, fax or chat                       talking
    nothing                                   what she asked for next, else her duty

    an offer ended by her with                leads to
    declined (she said no)                    not ready, `declined`
    expired (it rang to the end, RONA)        not ready, `rona`
    busy (her phone was in another call)      not ready, `phone-busy`, ready again after 10 s
    unreachable (no phone answered)           unreachable until her phone is heard again
    failed (our side could not ring)          ready: not her fault

Why: an agent who does not take offers must stop receiving them, or one caller after another
rings into an empty chair; and the supervisor must see which of the five it was. A next state that
she asked for herself wins over all of these.
"""

from callcenter.agents.agent import AgentState
from callcenter.domain.center import Channel
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import SECOND, ContactId, Micros

PHONE_BUSY = "phone-busy"
REMOVED = "removed"
PHONE_LOST = "phone-lost"
"""Her phone vanished in the middle of a call."""
PHONE_BUSY_SECONDS = 10
REASON_AFTER: dict[OfferOutcome, str] = {
    OfferOutcome.DECLINED: "declined",
    OfferOutcome.EXPIRED: "rona",
    OfferOutcome.BUSY: PHONE_BUSY,
}
SYSTEM_REASONS = frozenset({*REASON_AFTER.values(), REMOVED, PHONE_LOST})
"""Reasons that only we give; a center may not use them for its own."""

ASKED_FOR = (Presence.READY, Presence.NOT_READY, Presence.LOGGED_OUT)


def shown(agent: AgentState) -> tuple[Presence, str, ContactId]:
    """Presence, reason and the contact it is about."""
    for work in agent.segments.values():
        if work.channel is Channel.VOICE:
            return Presence.TALKING, "", work.contact
    for work in agent.offers.values():
        return Presence.RESERVED, "", work.contact
    for wrap_up in agent.wrap_ups.values():
        return Presence.WRAP_UP, "", wrap_up.contact
    for work in agent.segments.values():
        return Presence.TALKING, "", work.contact
    if agent.next is not None:
        return agent.next, agent.next_reason, ContactId("")
    return agent.duty, agent.duty_reason, ContactId("")


def refusal(presence: Presence, reason: str, reasons: tuple[str, ...]) -> str:
    """Why this may not be asked for, in words; empty when it may."""
    if presence not in ASKED_FOR:
        return f"{presence} cannot be asked for; ask for ready, not_ready or logged_out"
    if presence is Presence.NOT_READY and reason not in reasons:
        return f"not_ready needs a reason, one of: {', '.join(reasons)}"
    return ""


def pause_ends(agent: AgentState) -> Micros | None:
    """When a pause that we made ends by itself."""
    if agent.presence is Presence.NOT_READY and agent.reason == PHONE_BUSY:
        return agent.since + PHONE_BUSY_SECONDS * SECOND
    return None
