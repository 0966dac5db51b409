"""How a contact, a queue visit or a segment ended: the only vocabulary of endings.

Why: a SIP status, a metric label, a screen and a report must never disagree on what happened. All
of them are derived from one `Termination(result, reason)`; the table from reason to SIP is
`frontend/endings.py`, the one from visit to counters is `records/`.
"""

from enum import StrEnum

import msgspec


class Result(StrEnum):
    """What it meant for the one who contacted us."""

    SERVED = "served"
    """Spoke with an agent, or the flow did what it promised."""
    ABANDONED = "abandoned"
    """Left before an agent answered."""
    FLOWED_OUT = "flowed_out"
    """Left the queue by a rule of ours: overflow, voicemail, transfer."""
    REFUSED = "refused"
    """We said no: unknown number, full, closed, overloaded, not allowed."""
    FAILED = "failed"
    """Something broke, and we know what."""
    LOST = "lost"
    """We no longer know: the owner died or the far end vanished."""


class Reason(StrEnum):
    """Why it ended. Each has one result; see `RESULT_OF`."""

    CALLER_HUNG_UP = "caller_hung_up"
    """After an agent answered."""
    AGENT_HUNG_UP = "agent_hung_up"
    FLOW_HUNG_UP = "flow_hung_up"
    """The flow reached its `hangup` node."""
    RESOLVED = "resolved"
    """A mail, fax or chat was closed by the agent."""
    CALLER_LEFT_BEFORE_ANSWER = "caller_left_before_answer"
    """CANCEL before our 200."""
    CALLER_LEFT_IN_FLOW = "caller_left_in_flow"
    CALLER_LEFT_IN_QUEUE = "caller_left_in_queue"
    WAIT_LIMIT = "wait_limit"
    LEFT_BY_KEY = "left_by_key"
    QUEUE_FULL = "queue_full"
    QUEUE_CLOSED = "queue_closed"
    QUEUE_UNSTAFFED = "queue_unstaffed"
    MOVED = "moved"
    PUT_ASIDE = "put_aside"
    """An agent's part in a mail or fax that waits for a time or a reply."""
    CALLBACK_PROMISED = "callback_promised"
    """The flow ended with the promise to call back."""
    VOICEMAIL_LEFT = "voicemail_left"
    """The flow ended with a message that she left."""
    CALLBACK_UNREACHED = "callback_unreached"
    """Tried as often as the queue says, and nobody answered."""
    CALLBACK_TOO_LATE = "callback_too_late"
    """No agent came free for it in as many hours as the queue says."""
    TRANSFERRED = "transferred"
    """An agent handed the caller on."""
    CALL_UNREACHED = "call_unreached"
    """An agent's own call: busy, no answer, or not to be connected."""
    CALL_GIVEN_UP = "call_given_up"
    """An agent's own call: she hung up, or did not pick up, before anybody answered."""
    OUTSIDE_UNREACHED = "outside_unreached"
    """The number outside to which the call was handed on did not answer, and no queue had it before."""
    NO_SUCH_NUMBER = "no_such_number"
    NOT_ALLOWED = "not_allowed"
    NOT_ACCEPTABLE_MEDIA = "not_acceptable_media"
    ENCRYPTION_REQUIRED = "encryption_required"
    """The phone offers plain audio, or keys that others may read, where `srtp = "required"`."""
    ENCRYPTION_REFUSED = "encryption_refused"
    """The phone wants encrypted audio only, and `srtp = "off"` or its signalling is not secret."""
    BAD_REQUEST = "bad_request"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    STORE_UNAVAILABLE = "store_unavailable"
    FLOW_FAILED = "flow_failed"
    FLOW_STEPS_LIMIT = "flow_steps_limit"
    """A flow took more steps without the caller than a flow may."""
    MEDIA_UNAVAILABLE = "media_unavailable"
    NO_ACK = "no_ack"
    """Our 200 was never acknowledged (RFC 3261 13.3.1.4)."""
    CALL_LIMIT = "call_limit"
    """A call longer than the longest call allowed."""
    CALLER_VANISHED = "caller_vanished"
    """No RTP and no answer in the dialog."""
    AGENT_VANISHED = "agent_vanished"
    OWNER_LOST = "owner_lost"
    """The front end that held the call did not come back with it."""
    INTERNAL = "internal"
    FAX_CALLED = "fax_called"
    """The caller is a fax machine: the call goes on as a fax, a contact of its own."""
    FAX_RECEIVED = "fax_received"
    """Every page of it came over."""
    FAX_INCOMPLETE = "fax_incomplete"
    """The fax was cut off; what was confirmed of it is kept."""
    FAX_UNAVAILABLE = "fax_unavailable"
    """No fax machine of ours is free, or none is installed, or the disk is full."""
    FAX_SENT = "fax_sent"
    """Every page of ours was confirmed."""
    FAX_UNREACHED = "fax_unreached"
    """Called as often as it may be, and no fax machine answered."""
    FAX_NOT_SENT = "fax_not_sent"
    """Machines spoke, but not all pages came over in as many attempts as there may be."""
    FAX_UNSURE = "fax_unsure"
    """Our machine died over a page: a person decides whether to send the rest again."""
    FAX_TAKEN_BACK = "fax_taken_back"
    FAX_NOT_ALLOWED = "fax_not_allowed"
    """No trunk may dial the number."""
    FAX_UNSENDABLE = "fax_unsendable"
    """Its pages cannot be sent."""
    VISITOR_LEFT = "visitor_left"
    """Who chatted closed the chat after an agent answered."""
    CHAT_IDLE = "chat_idle"
    """Nobody wrote in a chat for as long as its limit says."""


RESULT_OF: dict[Reason, Result] = {
    Reason.CALLER_HUNG_UP: Result.SERVED,
    Reason.AGENT_HUNG_UP: Result.SERVED,
    Reason.FLOW_HUNG_UP: Result.SERVED,
    Reason.RESOLVED: Result.SERVED,
    Reason.CALLER_LEFT_BEFORE_ANSWER: Result.ABANDONED,
    Reason.CALLER_LEFT_IN_FLOW: Result.ABANDONED,
    Reason.CALLER_LEFT_IN_QUEUE: Result.ABANDONED,
    Reason.WAIT_LIMIT: Result.FLOWED_OUT,
    Reason.LEFT_BY_KEY: Result.FLOWED_OUT,
    Reason.QUEUE_FULL: Result.REFUSED,
    Reason.QUEUE_CLOSED: Result.REFUSED,
    Reason.QUEUE_UNSTAFFED: Result.REFUSED,
    Reason.MOVED: Result.FLOWED_OUT,
    Reason.PUT_ASIDE: Result.FLOWED_OUT,
    Reason.CALLBACK_PROMISED: Result.FLOWED_OUT,
    Reason.VOICEMAIL_LEFT: Result.FLOWED_OUT,
    Reason.CALLBACK_UNREACHED: Result.FLOWED_OUT,
    Reason.CALLBACK_TOO_LATE: Result.FLOWED_OUT,
    Reason.TRANSFERRED: Result.FLOWED_OUT,
    Reason.CALL_UNREACHED: Result.FLOWED_OUT,
    Reason.CALL_GIVEN_UP: Result.FLOWED_OUT,
    Reason.OUTSIDE_UNREACHED: Result.FLOWED_OUT,
    Reason.NO_SUCH_NUMBER: Result.REFUSED,
    Reason.NOT_ALLOWED: Result.REFUSED,
    Reason.NOT_ACCEPTABLE_MEDIA: Result.REFUSED,
    Reason.ENCRYPTION_REQUIRED: Result.REFUSED,
    Reason.ENCRYPTION_REFUSED: Result.REFUSED,
    Reason.BAD_REQUEST: Result.REFUSED,
    Reason.OVERLOADED: Result.REFUSED,
    Reason.DRAINING: Result.REFUSED,
    Reason.STORE_UNAVAILABLE: Result.REFUSED,
    Reason.FLOW_FAILED: Result.FAILED,
    Reason.FLOW_STEPS_LIMIT: Result.FAILED,
    Reason.MEDIA_UNAVAILABLE: Result.FAILED,
    Reason.NO_ACK: Result.FAILED,
    Reason.CALL_LIMIT: Result.FAILED,
    Reason.CALLER_VANISHED: Result.LOST,
    Reason.AGENT_VANISHED: Result.LOST,
    Reason.OWNER_LOST: Result.LOST,
    Reason.INTERNAL: Result.FAILED,
    Reason.FAX_CALLED: Result.FLOWED_OUT,
    Reason.FAX_RECEIVED: Result.SERVED,
    Reason.FAX_INCOMPLETE: Result.FAILED,
    Reason.FAX_UNAVAILABLE: Result.REFUSED,
    Reason.FAX_SENT: Result.SERVED,
    Reason.FAX_UNREACHED: Result.FAILED,
    Reason.FAX_NOT_SENT: Result.FAILED,
    Reason.FAX_UNSURE: Result.LOST,
    Reason.FAX_TAKEN_BACK: Result.FLOWED_OUT,
    Reason.FAX_NOT_ALLOWED: Result.REFUSED,
    Reason.FAX_UNSENDABLE: Result.FAILED,
    Reason.VISITOR_LEFT: Result.SERVED,
    Reason.CHAT_IDLE: Result.SERVED,
}


class Termination(msgspec.Struct, frozen=True):
    """How something ended: what it meant, and why."""

    result: Result
    reason: Reason


def ended(reason: Reason) -> Termination:
    """The ending that `reason` always means."""
    return Termination(RESULT_OF[reason], reason)
