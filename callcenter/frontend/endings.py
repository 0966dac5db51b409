"""From every reason a call can end to what the peer is told and what is counted.

Why: who failed is decided in one place. A status chosen where the failure is noticed would soon
differ from the metric, the report and the journal.

A leg that was never answered gets `status`; an answered one gets BYE. Both carry the same
`Reason` header, so that a trunk's own records name the same cause.

Sources: RFC 3261 21 (status codes), RFC 3326 (Reason), ITU-T Q.850 table 1 (causes).
"""

from enum import StrEnum
from typing import NamedTuple

from callcenter.domain.commands import OfferOutcome
from callcenter.domain.termination import Reason


class Fault(StrEnum):
    """Whose doing an ending was."""

    NOBODY = "nobody"
    CALLER = "caller"
    AGENT = "agent"
    OURS = "ours"


class Ending(NamedTuple):
    """One row: what is said before an answer, the Q.850 cause, the metric's label, whose fault."""

    status: int
    cause: int
    text: str
    label: str
    fault: Fault
    retry_after_seconds: int = 0
    warning: str = ""
    """Code and text of a Warning (RFC 3261 20.43), for who must change a setting."""

    @property
    def reason_header(self) -> tuple[str, str]:
        """The RFC 3326 header for a BYE, a CANCEL or a final response."""
        return ("Reason", f'Q.850;cause={self.cause};text="{self.text}"')

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers of the final response of a call that was never answered."""
        headers = [self.reason_header]
        if self.retry_after_seconds:
            headers.append(("Retry-After", str(self.retry_after_seconds)))
        return (*headers, *self.warnings)

    @property
    def warnings(self) -> tuple[tuple[str, str], ...]:
        """The Warning header, if there is one."""
        code, _, text = self.warning.partition(" ")
        return (("Warning", f'{code} callcenter "{text}"'),) if code else ()


_NOBODY, _CALLER, _AGENT, _OURS = Fault.NOBODY, Fault.CALLER, Fault.AGENT, Fault.OURS

ENDINGS: dict[Reason, Ending] = {
    # reason                                 status cause text                       label
    Reason.CALLER_HUNG_UP:            Ending(487, 16, "Caller hung up",            "caller_hung_up", _NOBODY),
    Reason.AGENT_HUNG_UP:             Ending(480, 16, "Agent hung up",             "agent_hung_up", _NOBODY),
    Reason.FLOW_HUNG_UP:              Ending(480, 16, "Flow ended",                "flow_hung_up", _NOBODY),
    Reason.RESOLVED:                  Ending(480, 16, "Resolved",                  "resolved", _NOBODY),
    Reason.CALLER_LEFT_BEFORE_ANSWER: Ending(487, 16, "Caller left",               "caller_left_before_answer", _CALLER),
    Reason.CALLER_LEFT_IN_FLOW:       Ending(487, 16, "Caller left",               "caller_left_in_flow", _CALLER),
    Reason.CALLER_LEFT_IN_QUEUE:      Ending(487, 16, "Caller left",               "caller_left_in_queue", _CALLER),
    Reason.WAIT_LIMIT:                Ending(480, 19, "Longest wait reached",      "wait_limit", _OURS),
    Reason.LEFT_BY_KEY:               Ending(480, 16, "Left the queue by key",     "left_by_key", _NOBODY),
    Reason.QUEUE_FULL:                Ending(486, 17, "Queue full",                "queue_full", _OURS),
    Reason.QUEUE_CLOSED:              Ending(480, 31, "Closed",                    "queue_closed", _NOBODY),
    Reason.QUEUE_UNSTAFFED:           Ending(480, 18, "Nobody there",              "queue_unstaffed", _OURS),
    Reason.PUT_ASIDE:                 Ending(480, 16, "Put aside",                 "put_aside", _NOBODY),
    Reason.MOVED:                     Ending(480, 16, "Moved",                     "moved", _NOBODY),
    Reason.PUT_ASIDE:                 Ending(480, 16, "Put aside",                 "put_aside", _NOBODY),
    Reason.CALLBACK_PROMISED:         Ending(480, 16, "Callback promised",         "callback_promised", _NOBODY),
    Reason.VOICEMAIL_LEFT:            Ending(480, 16, "Message left",              "voicemail_left", _NOBODY),
    Reason.CALLBACK_UNREACHED:        Ending(480, 19, "Customer not reached",      "callback_unreached", _CALLER),
    Reason.CALLBACK_TOO_LATE:         Ending(480, 19, "No agent in time",          "callback_too_late", _OURS),
    Reason.TRANSFERRED:               Ending(480, 16, "Transferred",               "transferred", _NOBODY),
    Reason.CALL_UNREACHED:            Ending(480, 19, "Number not reached",        "call_unreached", _NOBODY),
    Reason.CALL_GIVEN_UP:             Ending(487, 16, "Call given up",             "call_given_up", _AGENT),
    Reason.OUTSIDE_UNREACHED:         Ending(480, 19, "Number not reached",        "outside_unreached", _NOBODY),
    Reason.NO_SUCH_NUMBER:            Ending(404, 1, "No such number",             "no_such_number", _CALLER),
    Reason.NOT_ALLOWED:               Ending(403, 21, "Not allowed",               "not_allowed", _CALLER),
    Reason.NOT_ACCEPTABLE_MEDIA:      Ending(488, 88, "No common codec",           "not_acceptable_media", _CALLER),
    Reason.ENCRYPTION_REQUIRED:       Ending(488, 88, "Encryption required",       "encryption_required", _CALLER, warning="302 audio must be encrypted (SRTP, keys by SDES over TLS)"),
    Reason.ENCRYPTION_REFUSED:        Ending(488, 88, "Encryption refused",        "encryption_refused", _CALLER, warning="302 encrypted audio needs keys sent over TLS, and srtp allowed"),
    Reason.BAD_REQUEST:               Ending(400, 95, "Bad request",               "bad_request", _CALLER),
    Reason.OVERLOADED:                Ending(503, 42, "Overloaded",                "overloaded", _OURS, 5),
    Reason.DRAINING:                  Ending(503, 42, "Going down for service",    "draining", _OURS, 5),
    Reason.STORE_UNAVAILABLE:         Ending(503, 41, "Store unavailable",         "store_unavailable", _OURS, 2),
    Reason.FLOW_FAILED:               Ending(500, 41, "Flow failed",               "flow_failed", _OURS),
    Reason.FLOW_STEPS_LIMIT:          Ending(500, 41, "Flow went in circles",      "flow_steps_limit", _OURS),
    Reason.MEDIA_UNAVAILABLE:         Ending(503, 47, "Media unavailable",         "media_unavailable", _OURS, 2),
    Reason.NO_ACK:                    Ending(480, 102, "Answer not acknowledged",  "no_ack", _CALLER),
    Reason.CALL_LIMIT:                Ending(480, 31, "Longest call reached",      "call_limit", _OURS),
    Reason.CALLER_VANISHED:           Ending(480, 27, "Caller vanished",           "caller_vanished", _CALLER),
    Reason.AGENT_VANISHED:            Ending(480, 27, "Agent vanished",            "agent_vanished", _AGENT),
    Reason.OWNER_LOST:                Ending(500, 41, "Owner lost",                "owner_lost", _OURS),
    Reason.INTERNAL:                  Ending(500, 41, "Internal error",            "internal", _OURS),
    Reason.FAX_CALLED:                Ending(480, 16, "A fax calls",               "fax_called", _NOBODY),
    Reason.FAX_RECEIVED:              Ending(480, 16, "Fax received",              "fax_received", _NOBODY),
    Reason.FAX_INCOMPLETE:            Ending(480, 27, "Fax incomplete",            "fax_incomplete", _CALLER),
    Reason.FAX_UNAVAILABLE:           Ending(486, 17, "No fax machine free",       "fax_unavailable", _OURS),
    Reason.FAX_SENT:                  Ending(480, 16, "Fax sent",                  "fax_sent", _NOBODY),
    Reason.FAX_UNREACHED:             Ending(480, 19, "No fax machine reached",    "fax_unreached", _CALLER),
    Reason.FAX_NOT_SENT:              Ending(480, 27, "Fax not sent",              "fax_not_sent", _CALLER),
    Reason.FAX_UNSURE:                Ending(480, 27, "Fax unsure",                "fax_unsure", _OURS),
    Reason.FAX_TAKEN_BACK:            Ending(480, 16, "Fax taken back",            "fax_taken_back", _NOBODY),
    Reason.FAX_NOT_ALLOWED:           Ending(403, 21, "Fax not allowed",           "fax_not_allowed", _OURS),
    Reason.FAX_UNSENDABLE:            Ending(480, 41, "Fax unsendable",            "fax_unsendable", _OURS),
    Reason.VISITOR_LEFT:              Ending(480, 16, "Visitor left",              "visitor_left", _NOBODY),
    Reason.CHAT_IDLE:                 Ending(480, 16, "Nobody wrote any more",     "chat_idle", _NOBODY),
}  # fmt: skip


def ending(reason: Reason) -> Ending:
    """The row of `reason`. Every reason has one; a test holds that."""
    return ENDINGS[reason]


ELSEWHERE: tuple[str, str] = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
"""On the CANCEL of a phone that need not ring any more: it shows no missed call (RFC 3326)."""

RANG_OUT: tuple[str, str] = ("Reason", 'Q.850;cause=19;text="No answer"')
"""On the CANCEL of an offer that rang to its end: the phone shows a missed call."""


def outcome_of_status(status: int) -> OfferOutcome:
    """What a phone's refusal says about its agent.

    486 and 600 are a phone in use, 603 and 480 her own no; anything else (408, 404, 5xx, a
    redirect she did not ask us to follow) means the phone could not be reached.
    """
    if status in (486, 600):
        return OfferOutcome.BUSY
    if status in (603, 480, 403, 607):
        return OfferOutcome.DECLINED
    if status in (488, 415, 606):
        return OfferOutcome.FAILED
    return OfferOutcome.UNREACHABLE
