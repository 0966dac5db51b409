"""An INVITE of theirs, first or repeated within a call: our answers, and the wait for the ACK.

Why apart from the transaction: a 2xx is repeated by us and not by the transaction, over reliable
roads too, because it must reach the caller and not only the next proxy. Until the ACK is there we
may not say BYE: the caller might not know the call yet (RFC 3261 15).

Sources: RFC 3261 13.3.1 (13.3.1.4: 2xx and its repetition), 8.2.6, 14.2, RFC 6026 8.5.
"""

from typing import TYPE_CHECKING

from callcenter.domain.units import SECOND, Micros
from callcenter.sip.core import ALLOW, Core, HeaderFields, put, sdp_of
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response, response_to
from callcenter.sip.reliable import Provisionals, requires
from callcenter.sip.transaction import PATIENCE, T1, T2, Transaction

if TYPE_CHECKING:
    from callcenter.sip.call import Call

EXPIRES_SECONDS_LONGEST = 3600


class IncomingInvite:
    """One INVITE that we answer.

    Attributes:
        request: the INVITE; kept until the ACK.
        is_open: no final answer of ours yet.
        waits_for_ack: a 2xx of ours is being repeated.
        due: when to look again: repeat the 2xx, give up, or the caller's Expires.
    """

    __slots__ = (
        "_call",
        "_core",
        "_gives_up_at",
        "_octets",
        "_pause",
        "_success",
        "due",
        "is_open",
        "offered",
        "provisionals",
        "request",
        "tag",
        "transaction",
        "waits_for_ack",
    )

    def __init__(
        self, core: Core, call: "Call", request: Request, transaction: Transaction, tag: str
    ) -> None:
        self._core = core
        self._call = call
        self.request = request
        self.transaction = transaction
        self.tag = tag
        self.is_open = True
        self.waits_for_ack = False
        self.offered = False
        self.provisionals = Provisionals(core, call, self)
        self.due: Micros | None = None
        self._octets = b""
        self._success = b""
        self._pause: Micros = 0
        self._gives_up_at: Micros = 0
        transaction.user = self

    @classmethod
    def received(
        cls, core: Core, call: "Call", request: Request, flow: Flow, tag: str, now: Micros
    ) -> "IncomingInvite":
        """A new INVITE: its transaction begins, 100 goes out, its Expires runs."""
        transaction = core.layer.open(request, flow, None, now)
        invite = cls(core, call, request, transaction, tag)
        core.layer.answer(transaction, response_to(request, 100), now)
        expires = request.expires
        if expires is not None:
            invite.due = now + min(expires, EXPIRES_SECONDS_LONGEST) * SECOND
            core.wake(invite)
        return invite

    @property
    def octets(self) -> bytes:
        """The INVITE as it is stored."""
        if not self._octets:
            self._octets = self.request.encode()
        return self._octets

    # ---- answering ------------------------------------------------------------------------

    def provisional(
        self, status: int, phrase: str, sdp: bytes | None, headers: HeaderFields, now: Micros
    ) -> None:
        """180, 183 and the like: they make an early dialog."""
        response = self._dialog_response(status, phrase)
        put(response, headers, sdp or b"")
        if requires(self.request):
            self.provisionals.send(response, now)
        else:
            self._core.layer.answer(self.transaction, response, now)

    def accept(self, sdp: bytes, headers: HeaderFields, now: Micros) -> None:
        """200, repeated until the ACK. `offered` is noted where the INVITE had no description."""
        response = self._dialog_response(200, "")
        response.headers.set("Allow", ALLOW)
        response.headers.set("Server", self._core.user_agent)
        put(response, headers, sdp)
        self.offered = not self.request.body
        self.provisionals.stop()
        self._core.layer.answer(self.transaction, response, now)
        self._repeat_success(self.transaction.last, now)

    def _repeat_success(self, success: bytes, now: Micros) -> None:
        self._success = success
        self.is_open = False
        self.waits_for_ack = True
        self._pause = T1
        self._gives_up_at = now + PATIENCE
        self.due = now + T1
        self._core.wake(self)

    def refuse(self, status: int, phrase: str, headers: HeaderFields, now: Micros) -> None:
        """300 to 699; the transaction repeats it until the ACK."""
        if not self.is_open:
            return
        self._close()
        response = self._core.response(self.request, status, phrase, self.tag, headers)
        self._core.layer.answer(self.transaction, response, now)
        self.transaction.user = None

    def _dialog_response(self, status: int, phrase: str) -> Response:
        response = response_to(self.request, status, phrase, self.tag, record_route=True)
        response.headers.set("Contact", self._core.contact(self._call.flow))
        return response

    def _close(self) -> None:
        self.provisionals.stop()
        self.is_open = False
        self.due = None

    def stop(self) -> None:
        """The call is over: repeat nothing more."""
        self._close()
        self.waits_for_ack = False
        self.transaction.user = None

    # ---- the ACK, and time ----------------------------------------------------------------

    def acknowledged(self, ack: Request, now: Micros) -> None:
        """The ACK of our 2xx (see `ServerUser`); it may come many times."""
        if self.waits_for_ack and ack.cseq.number == self.request.cseq.number:
            self.taken_as_acknowledged(sdp_of(ack), now)

    def taken_as_acknowledged(self, sdp: bytes | None, now: Micros) -> None:
        """They have our 2xx: the ACK says so, or a later request that they could not have sent."""
        self.waits_for_ack = False
        self.due = None
        self._success = b""
        self._call.invite_acknowledged(self, sdp, now)

    def cancelled(self, reason: str, now: Micros) -> None:
        """Their CANCEL came while it was open."""
        self._call.receive_cancel(reason, now)

    def run_out(self, now: Micros) -> None:
        """Our point in time has come."""
        if self.is_open:
            self.due = None
            self._call.invite_expired(now)
        elif now >= self._gives_up_at:
            self.due = None
            self.waits_for_ack = False
            self._call.invite_unacknowledged(now)
        else:
            self._core.send(self.transaction.flow, self._success)
            self._core.count("retransmissions_sent")
            self._pause = min(2 * self._pause, T2)
            self.due = min(now + self._pause, self._gives_up_at)
            self._core.wake(self)

    # ---- after a restart ------------------------------------------------------------------

    def resume(self, answer: bytes, now: Micros) -> None:
        """What went out last goes out again; a 2xx is repeated from the beginning."""
        self._core.layer.answered_before(self.transaction, answer, now)
        if answer[8:9] == b"2":
            self.offered = not self.request.body
            self._repeat_success(answer, now)
