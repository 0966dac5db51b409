"""Where a call stands, from its first INVITE to its end, as a table for both ends.

    we are called (uas)                        we call (uac)

    proceeding --ring--> early                 calling --1xx--> proceeding --18x--> early
        |                  |                      |                 |                |
        +----- answer -----+                      +------ cancel ---+----------------+
                V                                 |                 V
            answered (200, no ACK yet)            |             cancelling --2xx--> ending
                |                                 |                 |
               ACK                               2xx           300-699, time
                V                                 V                 V
            confirmed --------- BYE sent ------> ending          ended
                |                                 |
                +---- BYE received --> ended <----+ answered, or given up

Why: what crosses on the road (a CANCEL and a 200, two BYEs) meets a call in a state where it means
something else or nothing. A step without a row is ignored; that is the rule for everything that
comes too late, from the peer and from our own user alike.

Sources: RFC 3261 9, 13, 15; RFC 5407 (races).
"""

from enum import StrEnum


class CallState(StrEnum):
    """The states of a call."""

    CALLING = "calling"
    PROCEEDING = "proceeding"
    EARLY = "early"
    CANCELLING = "cancelling"
    ANSWERED = "answered"
    """A 2xx that lacks its ACK: ours that was not acknowledged, or theirs with an offer."""
    CONFIRMED = "confirmed"
    ENDING = "ending"
    ENDED = "ended"


class Step(StrEnum):
    """What moves a call on."""

    HEARD = "1xx without a dialog came"
    RINGS = "1xx with a To tag was sent or came"
    ANSWERS = "2xx was sent, or came with an offer"
    CONFIRMS = "ACK came or was sent"
    REFUSES = "300-699 was sent or came, or no answer will come"
    CANCELS = "our user wants the INVITE no more"
    CANCELLED = "their CANCEL came, or their Expires ran out"
    SAYS_BYE = "BYE was sent"
    HEARS_BYE = "BYE came"
    BYE_OVER = "our BYE was answered, or given up"


_S = CallState
UAS_STEPS: dict[tuple[CallState, Step], CallState] = {
    (_S.PROCEEDING, Step.RINGS): _S.EARLY,
    (_S.PROCEEDING, Step.ANSWERS): _S.ANSWERED,
    (_S.PROCEEDING, Step.REFUSES): _S.ENDED,
    (_S.PROCEEDING, Step.CANCELLED): _S.ENDED,
    (_S.EARLY, Step.RINGS): _S.EARLY,
    (_S.EARLY, Step.ANSWERS): _S.ANSWERED,
    (_S.EARLY, Step.REFUSES): _S.ENDED,
    (_S.EARLY, Step.CANCELLED): _S.ENDED,
    (_S.ANSWERED, Step.CONFIRMS): _S.CONFIRMED,
    (_S.ANSWERED, Step.HEARS_BYE): _S.ENDED,
    (_S.ANSWERED, Step.SAYS_BYE): _S.ENDING,
    (_S.CONFIRMED, Step.SAYS_BYE): _S.ENDING,
    (_S.CONFIRMED, Step.HEARS_BYE): _S.ENDED,
    (_S.ENDING, Step.HEARS_BYE): _S.ENDED,
    (_S.ENDING, Step.BYE_OVER): _S.ENDED,
}
"""A BYE for a call that is not answered counts as `CANCELLED` (15.1.2)."""

UAC_STEPS: dict[tuple[CallState, Step], CallState] = {
    (_S.CALLING, Step.HEARD): _S.PROCEEDING,
    (_S.CALLING, Step.RINGS): _S.EARLY,
    (_S.CALLING, Step.ANSWERS): _S.ANSWERED,
    (_S.CALLING, Step.CONFIRMS): _S.CONFIRMED,
    (_S.CALLING, Step.REFUSES): _S.ENDED,
    (_S.CALLING, Step.CANCELS): _S.CANCELLING,
    (_S.PROCEEDING, Step.RINGS): _S.EARLY,
    (_S.PROCEEDING, Step.ANSWERS): _S.ANSWERED,
    (_S.PROCEEDING, Step.CONFIRMS): _S.CONFIRMED,
    (_S.PROCEEDING, Step.REFUSES): _S.ENDED,
    (_S.PROCEEDING, Step.CANCELS): _S.CANCELLING,
    (_S.EARLY, Step.RINGS): _S.EARLY,
    (_S.EARLY, Step.ANSWERS): _S.ANSWERED,
    (_S.EARLY, Step.CONFIRMS): _S.CONFIRMED,
    (_S.EARLY, Step.REFUSES): _S.ENDED,
    (_S.EARLY, Step.CANCELS): _S.CANCELLING,
    (_S.CANCELLING, Step.REFUSES): _S.ENDED,
    (_S.CANCELLING, Step.SAYS_BYE): _S.ENDING,
    (_S.ANSWERED, Step.CONFIRMS): _S.CONFIRMED,
    (_S.ANSWERED, Step.HEARS_BYE): _S.ENDED,
    (_S.CONFIRMED, Step.SAYS_BYE): _S.ENDING,
    (_S.CONFIRMED, Step.HEARS_BYE): _S.ENDED,
    (_S.ENDING, Step.HEARS_BYE): _S.ENDED,
    (_S.ENDING, Step.BYE_OVER): _S.ENDED,
}
