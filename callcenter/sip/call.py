"""One call, at either end of it: trying, ringing, answered, changed, over.

    uas: ringing → answer | reject          uac: (Endpoint.invite) → cancel
    both: reinvite, answer_reinvite | reject_reinvite, send_request, bye

The user calls these and hears events; what crosses on the road is settled here. A method that
comes too late for the state of the call does nothing (`call_states`), because the event that says
so may be on its way to the user.

Sources: RFC 3261 9, 12, 13, 15; RFC 5407 (races). Changes of the session are in `changes`.
"""

from typing import TYPE_CHECKING, Literal

from callcenter.domain.errors import LocalError
from callcenter.domain.units import Micros
from callcenter.sip.call_record import record_of
from callcenter.sip.call_states import UAC_STEPS, UAS_STEPS, CallState, Step
from callcenter.sip.changes import Changes
from callcenter.sip.core import Core, Credentials, HeaderFields, put, sdp_of
from callcenter.sip.dialog import Dialog
from callcenter.sip.events import (
    AckTimeout,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRejected,
    ReinviteAnswered,
    RequestReceived,
)
from callcenter.sip.flow import Flow
from callcenter.sip.headers import Headers
from callcenter.sip.invite_in import IncomingInvite
from callcenter.sip.invite_out import OutgoingInvite
from callcenter.sip.message import Request, Response
from callcenter.sip.requests import ClientRequest, ServerRequest
from callcenter.sip.session_timer import SessionTimer

if TYPE_CHECKING:
    from callcenter.sip.record import DialogRecord
    from callcenter.sip.transaction import Transaction


class Call:
    """One call and its dialog.

    Attributes:
        id: our tag: unique, and the same after a restart.
        role: `uas` where they called, `uac` where we did.
        first: the INVITE that began it, or None after a restart of an answered call.
        local_sdp, remote_sdp: the last descriptions of ours and theirs.
        farewell: headers of our CANCEL or BYE, which a restart says again.
        flow: the road to the peer; it follows their requests, and may be set when a phone comes
            back over another connection.
    """

    __slots__ = (
        "_bye_headers",
        "_steps",
        "ack",
        "call_id",
        "changes",
        "core",
        "credentials",
        "dialog",
        "farewell",
        "first",
        "flow",
        "id",
        "incoming",
        "local_sdp",
        "outgoing",
        "remote_sdp",
        "role",
        "state",
        "timer",
    )

    def __init__(
        self,
        core: Core,
        role: Literal["uas", "uac"],
        call_id: str,
        local_tag: str,
        flow: Flow,
        credentials: Credentials | None = None,
    ) -> None:
        self.core = core
        self.credentials = credentials
        self._steps = UAS_STEPS if role == "uas" else UAC_STEPS
        self._bye_headers: HeaderFields | None = None
        self.farewell: HeaderFields = ()
        self.ack = b""
        self.call_id = call_id
        self.changes = Changes(core, self)
        self.timer = SessionTimer(core, self)
        self.dialog: Dialog | None = None
        self.flow = flow
        self.id = local_tag
        self.incoming: IncomingInvite | None = None
        self.local_sdp: bytes | None = None
        self.outgoing: OutgoingInvite | None = None
        self.remote_sdp: bytes | None = None
        self.first: Request | None = None
        self.role: Literal["uas", "uac"] = role
        self.state = CallState.PROCEEDING if role == "uas" else CallState.CALLING
        core.calls[call_id, local_tag] = self

    @property
    def request(self) -> Request:
        """The INVITE that began it.

        Raises:
            LocalError: after a restart of an answered call, whose INVITE is not kept.
        """
        if self.first is None:
            raise LocalError("the INVITE of a call that was taken up again is not kept")
        return self.first

    @property
    def local_tag(self) -> str:
        """Our tag."""
        return self.id

    @property
    def remote_tag(self) -> str:
        """Their tag; `""` until they have one."""
        return self.dialog.remote_tag if self.dialog else ""

    def register(self) -> None:
        """From now on an ACK finds the call by their tag alone."""
        self.core.by_remote[self.call_id, self.remote_tag] = self

    def record(self) -> "DialogRecord":
        """Everything that a new process needs to go on; see `Endpoint.restore`."""
        return record_of(self)

    def __repr__(self) -> str:
        return f"<Call {self.role} {self.state} {self.id}>"

    # ---- what the user does: called ------------------------------------------------------

    def ringing(
        self,
        now: Micros,
        sdp: bytes | None = None,
        status: int = 0,
        phrase: str = "",
        headers: HeaderFields = (),
    ) -> None:
        """180, or 183 with a description for early media, or another 1xx."""
        if self.incoming and self._step(Step.RINGS):
            if sdp is not None:
                self.local_sdp = sdp
            status = status or (183 if sdp else 180)
            self.incoming.provisional(status, phrase, sdp, headers, now)

    def answer(self, sdp: bytes, now: Micros, headers: HeaderFields = ()) -> None:
        """200 with our description: an answer, or an offer where the INVITE had none."""
        if self.incoming and self._step(Step.ANSWERS):
            self.local_sdp = sdp
            agreed = self.timer.accepts(self.incoming.request, now)
            self.incoming.accept(sdp, (*headers, *agreed), now)

    def reject(
        self,
        status: int,
        now: Micros,
        phrase: str = "",
        headers: HeaderFields = (),
        *,
        stateless: bool = False,
    ) -> None:
        """300 to 699; nothing more is told of this call.

        Args:
            stateless: send it once and keep nothing (8.2.7): for strangers, whom a repeated answer
                would only serve as an amplifier. A 100 that has not left yet is not sent: who
                has it repeats its INVITE no more, and this answer may be lost.
        """
        if self.incoming and self._step(Step.REFUSES):
            if stateless:
                self.core.layer.withdraw(self.incoming.transaction)
            self.incoming.refuse(status, phrase, headers, now)
            if stateless:
                self.core.layer.forget(self.incoming.transaction)
            self.drop()

    def invite_octets(self) -> bytes:
        """Their INVITE, to be taken again by another process; empty when there is none."""
        return self.incoming.octets if self.incoming else b""

    # ---- what the user does: calling -----------------------------------------------------

    def cancel(self, now: Micros, headers: HeaderFields = ()) -> None:
        """Want the call no more. `CallRejected` follows, or `CallEnded` where a 200 crossed: that
        is ended by a BYE with the same headers."""
        if self.outgoing and self._step(Step.CANCELS):
            self._bye_headers = self.farewell = headers
            self.outgoing.cancel(headers, now)

    def acknowledge(self, sdp: bytes, now: Micros) -> None:
        """ACK with our answer, where our INVITE had no offer and their 200 had it."""
        if self.outgoing and self.dialog and self._step(Step.CONFIRMS):
            self.local_sdp = sdp or None
            self._acknowledge(self.outgoing, sdp)
            self.changes.go_on(now)

    # ---- what the user does: both --------------------------------------------------------

    def bye(self, now: Micros, headers: HeaderFields = ()) -> None:
        """End the call, whatever state it is in. Of an answered one, `CallEnded` is told."""
        if self.role == "uas" and self.state in (CallState.PROCEEDING, CallState.EARLY):
            self.reject(480, now, headers=headers)
        elif self.role == "uas" and self.state is CallState.ANSWERED:
            self._bye_headers = self.farewell = headers
        elif self.state is CallState.ANSWERED:
            self.acknowledge(b"", now)
            self._say_bye(headers, now)
        elif self.state is CallState.CONFIRMED:
            self._say_bye(headers, now)
        else:
            self.cancel(now, headers)

    def reinvite(self, sdp: bytes, now: Micros) -> None:
        """Change the session, as soon as no other INVITE is open; the last wish counts."""
        self.changes.want(sdp, now)

    def keep_session(self) -> None:
        """No longer wish for another session; one that was asked for already stays asked for."""
        self.changes.wish_nothing()

    def answer_reinvite(self, sdp: bytes, now: Micros, headers: HeaderFields = ()) -> None:
        """200 to their re-INVITE or UPDATE."""
        self.changes.answer(sdp, headers, now)

    def reject_reinvite(
        self, status: int, now: Micros, phrase: str = "", headers: HeaderFields = ()
    ) -> None:
        """300 to 699 to their re-INVITE or UPDATE: the session stays as it was."""
        self.changes.refuse(status, phrase, headers, now)

    def send_request(
        self, method: str, now: Micros, headers: HeaderFields = (), body: bytes = b""
    ) -> ClientRequest | None:
        """INFO, OPTIONS or another request in the dialog; None while there is no dialog."""
        if self.dialog is None or self.state is CallState.ENDED:
            return None
        request = self.dialog.request(method, self.core.via(self.flow))
        put(request, headers, body)
        asked = ClientRequest(
            self.core, request, self.flow, call=self, credentials=self.credentials
        )
        asked.start(now)
        return asked

    # ---- what the peer does: requests in the dialog --------------------------------------

    def began_with(self, invite: Request) -> bool:
        """Whether `invite` is the one that began this call, on another way (8.2.2.2)."""
        first = self.first
        return first is not None and self.role == "uas" and first.cseq == invite.cseq

    def knows(self, remote_tag: str) -> bool:
        """Whether a request with this From tag is of this dialog, or of an early one of ours."""
        return self.dialog is None or self.dialog.remote_tag == remote_tag

    def receive(self, request: Request, flow: Flow, now: Micros) -> None:
        """A new request in the dialog, not ACK and not CANCEL."""
        layer = self.core.layer
        if self.dialog is not None and not self.dialog.takes(request):
            self.core.reply(layer.open(request, flow, None, now), request, 500, now)
            return
        self.flow = flow
        if request.method == "INVITE":
            self.changes.reinvited(request, flow, now)
            return
        transaction = layer.open(request, flow, None, now)
        if request.method == "BYE":
            self.core.reply(transaction, request, 200, now)
            self._hears_bye(request.header("Reason") or "", now)
        elif request.method == "PRACK":
            self._acknowledged(request, transaction, now)
        elif request.method == "UPDATE":
            self.changes.updated(request, transaction, now)
        elif request.method == "OPTIONS":
            self.core.reply(transaction, request, 200, now)
        else:
            self.core.tell(RequestReceived(ServerRequest(request, transaction, self)))

    def _acknowledged(self, prack: Request, transaction: "Transaction", now: Micros) -> None:
        if self.incoming is not None:
            self.incoming.provisionals.acknowledged(prack, transaction, now)
        else:
            self.core.reply(transaction, prack, 481, now)

    def unheard(self, now: Micros) -> None:
        """64*T1 went by without a PRACK of our provisional answer (RFC 3262 3)."""
        if self._step(Step.CANCELLED) and self.incoming:
            self.incoming.refuse(504, "", (), now)
            self.core.tell(CallCancelled(self, ""))
            self.drop()

    def receive_cancel(self, reason: str, now: Micros) -> None:
        """CANCEL of the INVITE that is open: 487."""
        if self._step(Step.CANCELLED) and self.incoming:
            self.incoming.refuse(487, "", (), now)
            self.core.tell(CallCancelled(self, reason))
            self.drop()
        elif self.state is CallState.CONFIRMED and self.incoming:
            self.incoming.refuse(487, "", (), now)
            self.changes.go_on(now)

    def receive_ack(self, ack: Request, now: Micros) -> None:
        """An ACK that found us by its tags; its branch is new, as it should be."""
        if self.incoming is not None:
            self.incoming.acknowledged(ack, now)

    def receive_late_success(self, response: Response) -> None:
        """A 2xx to an INVITE of ours whose transaction is gone: ACK it again."""
        self.core.count("acks_repeated")
        if self.dialog is None or self.dialog.remote_tag != response.to.tag:
            return
        if self.state is CallState.ANSWERED and self.role == "uac":
            return
        if not self.ack or response.cseq.number != self._acknowledged_number():
            via = self.core.via(self.flow)
            self.ack = self.dialog.request("ACK", via, response.cseq.number).encode()
        self.core.send(self.flow, self.ack)

    def _acknowledged_number(self) -> int:
        return self.outgoing.request.cseq.number if self.outgoing else -1

    def _hears_bye(self, reason: str, now: Micros) -> None:
        if self.state in (CallState.PROCEEDING, CallState.EARLY) and self.role == "uas":
            self.receive_cancel(reason, now)
        elif self.outgoing and self.outgoing.is_open and self.state is not CallState.CONFIRMED:
            self.cancel(now)
        else:
            ours = self.state is CallState.ENDING
            if self._step(Step.HEARS_BYE):
                self._end(reason, by_remote=not ours, now=now)

    # ---- what becomes of their INVITE (told by IncomingInvite) ---------------------------

    def invite_acknowledged(self, invite: IncomingInvite, sdp: bytes | None, now: Micros) -> None:
        """The ACK of our 2xx came; `sdp` is its answer if the offer was ours."""
        if invite.offered and sdp is not None:
            self.remote_sdp = sdp
        if self._step(Step.CONFIRMS):
            self.core.tell(CallConfirmed(self, sdp))
        elif invite.offered:
            self.core.tell(ReinviteAnswered(self, sdp))
        if self._bye_headers is not None:
            self._say_bye(self._bye_headers, now)
        else:
            self.changes.go_on(now)

    def invite_unacknowledged(self, now: Micros) -> None:
        """64*T1 went by without an ACK (13.3.1.4)."""
        self.core.count("answers_unacknowledged")
        self.core.tell(AckTimeout(self))
        self._say_bye(self._bye_headers or (), now)

    def invite_expired(self, now: Micros) -> None:
        """Their Expires ran out before we answered (13.3.1)."""
        self.receive_cancel("", now)

    # ---- what becomes of our INVITE (told by OutgoingInvite) -----------------------------

    def invite_progressed(self, response: Response) -> None:
        """100 only says that they have it; 101 to 199 are told."""
        if response.status == 100:
            self._step(Step.HEARD)
        elif self._step(Step.RINGS if response.to.tag else Step.HEARD) or self._is_setting_up():
            self.core.tell(CallProgress(self, response.status, sdp_of(response)))

    def invite_accepted(self, invite: OutgoingInvite, response: Response, now: Micros) -> None:
        """The first 2xx."""
        if self.dialog is not None:
            self.dialog.refresh(response)
            self._acknowledge(invite, b"")
            self.changes.accepted(invite, response, now)
            return
        self.dialog = Dialog.of_response(invite.request, response)
        early = invite.early_dialog(response.to.tag)
        if early is not None:
            self.dialog.local_number = early.local_number
        self.register()
        self.timer.accepted(response, now)
        self.remote_sdp = sdp_of(response)
        if self.state is CallState.CANCELLING:
            self.core.count("cancels_crossed")
            self._acknowledge(invite, b"")
            self._say_bye(self.farewell, now)
        elif self.local_sdp is None and self.remote_sdp is not None:
            self._step(Step.ANSWERS)
            self.core.tell(CallAnswered(self, self.remote_sdp))
        elif self._step(Step.CONFIRMS):
            self._acknowledge(invite, b"")
            self.core.tell(CallAnswered(self, self.remote_sdp))
            self.changes.go_on(now)

    def _acknowledge(self, invite: OutgoingInvite, sdp: bytes) -> None:
        assert self.dialog is not None
        invite.acknowledge(self.dialog, sdp)
        self.ack = invite.acks[self.dialog.remote_tag]

    def invite_refused(
        self, invite: OutgoingInvite, status: int, response: Response | None, now: Micros
    ) -> None:
        """300 to 699, 408 without an answer, 503 without a road."""
        if self.dialog is not None:
            self.changes.refused(invite, status, now)
        elif self._step(Step.REFUSES):
            headers = response.headers if response else Headers()
            phrase = response.phrase if response else ""
            self.core.tell(CallRejected(self, status, phrase, headers))
            self.drop()

    # ---- the end --------------------------------------------------------------------------

    def _say_bye(self, headers: HeaderFields, now: Micros) -> None:
        if self.dialog is None or not self._step(Step.SAYS_BYE):
            return
        self.farewell = headers
        self._stop(now)
        request = self.dialog.request("BYE", self.core.via(self.flow))
        put(request, headers, b"")
        ClientRequest(
            self.core, request, self.flow, call=self, credentials=self.credentials, quiet=True
        ).start(now)

    def bye_over(self, now: Micros) -> None:
        """Our BYE was answered, or never will be."""
        if self._step(Step.BYE_OVER):
            self._end("", by_remote=False, now=now)

    def _end(self, reason: str, *, by_remote: bool, now: Micros) -> None:
        self._stop(now)
        self.core.tell(CallEnded(self, reason, by_remote))
        self.drop()

    def _stop(self, now: Micros) -> None:
        """Whatever is open is refused, whatever is repeated is not any more."""
        self.timer.stop()
        self.changes.drop(now)
        if self.incoming is not None:
            self.incoming.stop()

    def drop(self) -> None:
        """Nothing finds the call any more."""
        if self.incoming is not None:
            self.incoming.stop()
        self.core.calls.pop((self.call_id, self.id), None)
        key = (self.call_id, self.remote_tag)
        if self.core.by_remote.get(key) is self:
            del self.core.by_remote[key]

    def next_number(self) -> int:
        """CSeq of the next request of ours."""
        if self.dialog is not None:
            self.dialog.local_number += 1
            return self.dialog.local_number
        return self.outgoing.request.cseq.number + 1 if self.outgoing else 1

    def _is_setting_up(self) -> bool:
        return self.state in (CallState.CALLING, CallState.PROCEEDING, CallState.EARLY)

    def _step(self, step: Step) -> bool:
        """Take the row of the table; False where there is none, and nothing must be done then."""
        state = self._steps.get((self.state, step))
        if state is None:
            return False
        self.state = state
        return True
