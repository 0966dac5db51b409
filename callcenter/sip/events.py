"""What an endpoint tells: the happenings of calls, in the words of the phone.

Why: whoever uses the endpoint never sees a message of a call, a retransmission or a timer. Each
call ends with exactly one of `CallCancelled`, `CallRejected` and `CallEnded`, unless its user
rejected it. An event is told once; requests of the user that cross it are ignored.
"""

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from callcenter.sip.flow import Flow
from callcenter.sip.headers import Headers
from callcenter.sip.message import Response

if TYPE_CHECKING:
    from callcenter.sip.call import Call
    from callcenter.sip.requests import ClientRequest, ServerRequest


class CallEvent(msgspec.Struct, frozen=True):
    """Root of what happens to one call."""

    call: "Call"


class IncomingCall(CallEvent, frozen=True):
    """Somebody calls us; 100 is on its way. `call.request` is the INVITE."""


class CallCancelled(CallEvent, frozen=True):
    """The caller gave up before we answered (CANCEL, BYE, or its Expires); 487 is on its way."""

    reason: str = ""
    """Its Reason field."""


class CallConfirmed(CallEvent, frozen=True):
    """The caller has our 200. `sdp` is its answer where the offer was ours."""

    sdp: bytes | None = None


class AckTimeout(CallEvent, frozen=True):
    """Our 200 was never acknowledged. We say BYE by ourselves; `CallEnded` follows."""


class CallProgress(CallEvent, frozen=True):
    """It rings, is queued, or has early media (`sdp`). Forked calls tell this per phone."""

    status: int
    sdp: bytes | None = None


class CallAnswered(CallEvent, frozen=True):
    """They took it; ACK is on its way, except where `sdp` is an offer (see `Call.acknowledge`)."""

    sdp: bytes | None = None


class CallRejected(CallEvent, frozen=True):
    """They did not take it. 408 nobody answered, 503 the road is gone, 487 we cancelled."""

    status: int
    phrase: str
    headers: Headers


class CallReinvited(CallEvent, frozen=True):
    """They change the session; we owe `answer_reinvite` or `reject_reinvite`.

    `sdp` is their offer; None asks for ours, with every codec that we have.
    """

    sdp: bytes | None = None


class ReinviteAnswered(CallEvent, frozen=True):
    """The session is as we wanted; or the answer to an offer that they had asked us for."""

    sdp: bytes | None = None


class ReinviteRejected(CallEvent, frozen=True):
    """The session stays as it was."""

    status: int


class CallEnded(CallEvent, frozen=True):
    """An answered call is over: their BYE, or ours was answered or given up.

    `reason` is their Reason field.
    """

    reason: str = ""
    by_remote: bool = False


class RequestReceived(msgspec.Struct, frozen=True):
    """A request that is nobody's but the user's to answer, with `Endpoint.respond`."""

    request: "ServerRequest"


class ResponseReceived(msgspec.Struct, frozen=True):
    """The final answer to a request of ours."""

    request: "ClientRequest"
    response: Response


class RequestTimeout(msgspec.Struct, frozen=True):
    """No final answer will come: 408 time is up, 503 the road is gone."""

    request: "ClientRequest"
    status: int = 408


class Malformed(msgspec.Struct, frozen=True):
    """Something came that was refused with `status`, or dropped where nothing can be answered."""

    flow: Flow
    status: int
    detail: str


SipEvent: TypeAlias = (
    IncomingCall
    | CallCancelled
    | CallConfirmed
    | AckTimeout
    | CallProgress
    | CallAnswered
    | CallRejected
    | CallReinvited
    | ReinviteAnswered
    | ReinviteRejected
    | CallEnded
    | RequestReceived
    | ResponseReceived
    | RequestTimeout
    | Malformed
)
