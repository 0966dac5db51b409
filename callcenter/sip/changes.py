"""How the session of a call is changed while it is up: re-INVITE and UPDATE, both ways.

There is at most one offer at a time in a call, in either direction:

    theirs comes while ours is open          491; both wait and try again (14.1)
    theirs comes while theirs is open        500 with Retry-After (14.2)
    theirs comes while our 200 has no ACK    the ACK was lost; they have our 200, or 491 if that
                                             200 held an offer that still lacks its answer
    ours is wanted while any is open         it waits; the last wish counts
    ours gets 491                            again after a pause, eight times
    ours gets 408, 481, or nothing           their end of the dialog is gone: BYE (12.2.1.2)
    theirs repeats what was agreed           a session timer's refresh: answered with what was agreed

A change that is refused changes nothing.

Sources: RFC 3261 14; RFC 3311 (UPDATE); RFC 4028 10 (refreshes); RFC 5407 3.1, 3.2 (races).
"""

from hashlib import sha256
from typing import TYPE_CHECKING

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.sip import session_timer
from callcenter.sip.call_states import CallState
from callcenter.sip.core import ALLOW, Core, HeaderFields, put, sdp_of
from callcenter.sip.events import CallReinvited, ReinviteAnswered, ReinviteRejected
from callcenter.sip.flow import Flow
from callcenter.sip.invite_in import IncomingInvite
from callcenter.sip.invite_out import OutgoingInvite
from callcenter.sip.message import Request, Response
from callcenter.sip.requests import ServerRequest
from callcenter.sip.transaction import Transaction

if TYPE_CHECKING:
    from callcenter.sip.call import Call
    from callcenter.sip.dialog import Dialog

GLARES_MAX = 8
"""How often a re-INVITE is tried again after 491 before it is given up."""
RETRY_AFTER = ("Retry-After", "3")
PATIENCE: Micros = 60 * SECOND
"""How long a re-INVITE of ours may stay without a final answer, provisional ones or not."""


class Changes:
    """What changes one call's session.

    Attributes:
        due: when to try again after a glare.
    """

    __slots__ = ("_call", "_core", "_glares", "_update", "_wanted_sdp", "due")

    def __init__(self, core: Core, call: "Call") -> None:
        self._core = core
        self._call = call
        self._glares = 0
        self._update: ServerRequest | None = None
        self._wanted_sdp: bytes | None = None
        self.due: Micros | None = None

    # ---- ours -----------------------------------------------------------------------------

    def want(self, sdp: bytes, now: Micros) -> None:
        """The user wants another session."""
        self._wanted_sdp = sdp
        self._glares = 0
        self.due = None
        self.go_on(now)

    def wish_nothing(self) -> None:
        """The user wants no other session any more."""
        self._wanted_sdp = None
        self.due = None

    def go_on(self, now: Micros) -> None:
        """Send the re-INVITE that is wanted, if there is one and the road is free."""
        call = self._call
        if self._wanted_sdp is None or self.due is not None or call.dialog is None:
            return
        if call.state is not CallState.CONFIRMED or self._why_not_now() is not None:
            return
        if call.incoming is not None and call.incoming.waits_for_ack:
            return
        sdp, self._wanted_sdp = self._wanted_sdp, None
        self._send(call.dialog, sdp, now)

    def _send(self, dialog: "Dialog", sdp: bytes, now: Micros) -> None:
        call = self._call
        request = dialog.request("INVITE", self._core.via(call.flow))
        request.headers.set("Contact", self._core.contact(call.flow))
        request.headers.set("Allow", ALLOW)
        put(request, call.timer.fields(), sdp)
        invite = OutgoingInvite(self._core, call, request, call.flow, call.credentials)
        call.outgoing = invite
        invite.start(now)
        invite.give_up_at(now + PATIENCE)

    def accepted(self, invite: OutgoingInvite, response: Response, now: Micros) -> None:
        """2xx to our re-INVITE, acknowledged already."""
        call = self._call
        if call.state is not CallState.CONFIRMED:
            return
        call.local_sdp = invite.request.body or call.local_sdp
        call.timer.accepted(response, now)
        call.remote_sdp = sdp_of(response) or call.remote_sdp
        self._core.tell(ReinviteAnswered(call, sdp_of(response)))
        self.go_on(now)

    def refused(self, invite: OutgoingInvite, status: int, now: Micros) -> None:
        """300 to 699 to our re-INVITE, or 408 and 503 of our own."""
        call = self._call
        if call.state is not CallState.CONFIRMED:
            return
        if status == 491 and self._glares < GLARES_MAX:
            self._glares += 1
            self._wanted_sdp = self._wanted_sdp or invite.request.body
            self.due = now + self._pause(invite.request)
            self._core.wake(self)
            return
        self._core.tell(ReinviteRejected(call, status))
        if status in (408, 481):
            call.bye(now)
        else:
            self.go_on(now)

    def _pause(self, invite: Request) -> Micros:
        """14.1: the owner of the Call-ID waits 2.1 to 4 s, the other 0 to 2, in steps of 10 ms."""
        chance = int.from_bytes(sha256(invite.top_via.branch.encode()).digest()[:2], "big")
        if self._call.role == "uac":
            return 2_100 * MILLISECOND + chance % 191 * 10 * MILLISECOND
        return chance % 201 * 10 * MILLISECOND

    def run_out(self, now: Micros) -> None:
        """The pause after a glare is over."""
        self.due = None
        self.go_on(now)

    # ---- theirs ---------------------------------------------------------------------------

    def reinvited(self, request: Request, flow: Flow, now: Micros) -> None:
        """Their re-INVITE."""
        call, core = self._call, self._core
        refusal = self._too_short(request) or self._why_not_now()
        if refusal is not None or call.dialog is None:
            status, headers = refusal or (481, ())
            transaction = core.layer.open(request, flow, None, now)
            core.reply(transaction, request, status, now, headers)
            return
        if call.incoming is not None and call.incoming.waits_for_ack:
            call.incoming.taken_as_acknowledged(None, now)
        call.dialog.refresh(request)
        call.incoming = IncomingInvite.received(core, call, request, flow, call.id, now)
        self._ask(sdp_of(request), now)

    def updated(self, request: Request, transaction: Transaction, now: Micros) -> None:
        """Their UPDATE; one without an offer changes no session and is never refused."""
        offer = sdp_of(request)
        refusal = self._too_short(request)
        if refusal is None and offer is not None:
            refusal = self._why_not_now()
        if refusal is not None:
            self._core.reply(transaction, request, refusal[0], now, refusal[1])
            return
        if self._call.dialog is not None:
            self._call.dialog.refresh(request)
        update = ServerRequest(request, transaction, self._call)
        if offer is None:
            self._answer_update(update, b"", (), now)
        else:
            self._update = update
            self._ask(offer, now)

    def _ask(self, offer: bytes | None, now: Micros) -> None:
        call = self._call
        if offer is not None and offer == call.remote_sdp and call.local_sdp:
            self._core.count("refreshes_answered")
            self.answer(call.local_sdp, (), now)
        else:
            self._core.tell(CallReinvited(call, offer))

    def answer(self, sdp: bytes, headers: HeaderFields, now: Micros) -> None:
        """200 to what they asked."""
        update, invite = self._take_update(), self._open_invite()
        if update is not None:
            self._agree(update.request, sdp)
            self._answer_update(update, sdp, headers, now)
            self.go_on(now)
        elif invite is not None:
            self._agree(invite.request, sdp)
            agreed = self._call.timer.accepts(invite.request, now)
            invite.accept(sdp, (*headers, *agreed), now)

    def refuse(self, status: int, phrase: str, headers: HeaderFields, now: Micros) -> None:
        """300 to 699 to what they asked."""
        update, invite = self._take_update(), self._open_invite()
        if update is not None:
            response = self._core.response(update.request, status, phrase, "", headers)
            self._core.layer.answer(update.transaction, response, now)
        elif invite is not None:
            invite.refuse(status, phrase, headers, now)
        self.go_on(now)

    def drop(self, now: Micros) -> None:
        """The call ends: what is wanted is forgotten, what is open refused (15.1.2)."""
        self._wanted_sdp = None
        self.due = None
        update, incoming = self._take_update(), self._call.incoming
        if update is not None:
            self._core.reply(update.transaction, update.request, 487, now)
        if incoming is not None:
            incoming.refuse(487, "", (), now)

    @property
    def is_open(self) -> bool:
        """Whether a change is under way, in either direction."""
        return self._why_not_now() is not None or self._wanted_sdp is not None

    def _why_not_now(self) -> tuple[int, HeaderFields] | None:
        """Status and fields that refuse a change of the session now, or None."""
        call, incoming = self._call, self._call.incoming
        if call.outgoing is not None and call.outgoing.is_open:
            return 491, ()
        if self._update is not None or (incoming is not None and incoming.is_open):
            return 500, (RETRY_AFTER,)
        if incoming is not None and incoming.waits_for_ack and incoming.offered:
            return 491, ()
        if call.state not in (CallState.CONFIRMED, CallState.ANSWERED):
            return 481, ()
        return None

    @staticmethod
    def _too_short(request: Request) -> tuple[int, HeaderFields] | None:
        """A session timer that nobody may ask for (RFC 4028 9)."""
        fields = session_timer.refusal(request)
        return (422, fields) if fields is not None else None

    def _take_update(self) -> ServerRequest | None:
        update, self._update = self._update, None
        return update

    def _open_invite(self) -> IncomingInvite | None:
        invite = self._call.incoming
        is_open = self._call.state is CallState.CONFIRMED and invite is not None and invite.is_open
        return invite if is_open else None

    def _agree(self, request: Request, sdp: bytes) -> None:
        self._call.remote_sdp = sdp_of(request) or self._call.remote_sdp
        self._call.local_sdp = sdp

    def _answer_update(
        self, update: ServerRequest, sdp: bytes, headers: HeaderFields, now: Micros
    ) -> None:
        agreed = self._call.timer.accepts(update.request, now)
        response = self._core.response(update.request, 200, "", "", (*headers, *agreed), sdp)
        response.headers.set("Contact", self._core.contact(self._call.flow))
        self._core.layer.answer(update.transaction, response, now)
