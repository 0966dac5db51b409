"""How a queue visit ended, as the one who counts sees it.

What happens here: every stay in a queue ends exactly once, in one of four ways. Which one follows
from the event that ended it, by the tables below; nobody else decides it.

Why: the wall, the intervals, the records and the metrics must show the same numbers, and

    offered = answered + abandoned + flowed out + callbacks + still waiting

must hold exactly, per queue, at every moment. So a visit that our own failure ended is counted too:
as abandoned (the caller got nobody), with `lost` beside it.

A callback has a visit of its own, beside the one in which its caller had waited and which flowed
out. It ends as `callback` whether the customer was reached or not: nobody waited on the line, so
neither the service level nor the speed of answer is about it. Only where a failure of ours ended it
is it counted like any other.

Sources: the definitions of Amazon Connect, Genesys Cloud and RingCentral for offered, abandoned and
short abandoned; a transfer or overflow keeps the contact and is no abandon.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.events import ContactMoved, QueueExit
from callcenter.domain.termination import Reason, Result, Termination
from callcenter.domain.units import AgentId, ContactId, Micros, QueueId


class Outcome(StrEnum):
    """The four ends of a visit."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    FLOWED_OUT = "flowed_out"
    CALLBACK = "callback"


OUTCOME_OF_RESULT: dict[Result, Outcome] = {
    Result.SERVED: Outcome.FLOWED_OUT,
    Result.ABANDONED: Outcome.ABANDONED,
    Result.FLOWED_OUT: Outcome.FLOWED_OUT,
    Result.REFUSED: Outcome.FLOWED_OUT,
    Result.FAILED: Outcome.ABANDONED,
    Result.LOST: Outcome.ABANDONED,
}
"""A contact that ended while it waited: what its result makes of the visit."""

OUTCOME_OF_REASON: dict[Reason, Outcome] = {
    Reason.CALLER_HUNG_UP: Outcome.ABANDONED,
    Reason.AGENT_HUNG_UP: Outcome.ABANDONED,
    Reason.VISITOR_LEFT: Outcome.ABANDONED,
    Reason.CHAT_IDLE: Outcome.ABANDONED,
}
"""Where the reason says more than the result: whoever hangs up just as an agent answers, or waits
again after one, waited in this visit for nobody."""

OUTCOME_OF_EXIT: dict[QueueExit, Outcome] = {
    QueueExit.ANSWERED: Outcome.ANSWERED,
    QueueExit.TIMEOUT: Outcome.FLOWED_OUT,
    QueueExit.FULL: Outcome.FLOWED_OUT,
    QueueExit.UNSTAFFED: Outcome.FLOWED_OUT,
    QueueExit.CLOSED: Outcome.FLOWED_OUT,
    QueueExit.LEFT: Outcome.FLOWED_OUT,
}
"""A contact that went on in its flow: what the exit makes of the visit."""

REACHED = "reached"
"""Why the visit of a callback ended when the customer answered."""

LOST_RESULTS = frozenset({Result.FAILED, Result.LOST})
"""Ours to answer for, not the caller's impatience: never a *short* abandon."""


def outcome_of_end(termination: Termination) -> Outcome:
    """What the end of a contact makes of the visit in which it still waited."""
    usual = OUTCOME_OF_RESULT[termination.result]
    return OUTCOME_OF_REASON.get(termination.reason, usual)


def reason_of_move(event: ContactMoved) -> str:
    """Why a visit ended though its contact goes on waiting: the plan, or somebody by hand."""
    return "moved" if event.by else "overflow"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One ended stay in one queue."""

    contact: ContactId
    visit: int
    queue: QueueId
    channel: Channel
    since: Micros
    left: Micros
    waited: Micros
    outcome: Outcome
    in_target: bool
    """Within the queue's target time; told for answered and for abandoned visits."""
    short: bool = False
    """Abandoned by the caller within the short-abandon time."""
    lost: bool = False
    agent: AgentId = AgentId("")
    reason: str = ""
