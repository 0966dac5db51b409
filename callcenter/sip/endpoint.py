"""The SIP endpoint: bytes and time in, events and bytes out.

    receive(data, flow, now) ─┐                          ┌─► list of events (`events`)
    tick(now) at `deadline`  ─┼─► transactions ─► calls ─┤
    flow_closed(flow, now)   ─┘                          └─► take_outgoing(): (flow, bytes)

Every INVITE is answered 100 at once; its call is told as `IncomingCall`. Requests in a dialog go
to their call. What is left (REGISTER; OPTIONS if wanted) is told as `RequestReceived`.

Why no socket and no clock: one may hold back what wants to leave until what was told is stored;
tests move time; and two endpoints can talk in memory over a network as bad as we like.

What is refused here, without keeping anything of it (RFC 3261 8.2.7): malformed requests, those
for an unknown dialog (481), what a proxy has doubled (482), and everything over the limits (503).

Sources: RFC 3261 8.2 (UAS), 9.2 (CANCEL), 12.2.2, 18.2 (answers), RFC 3581 (rport), RFC 5626 4.4.1
(pings on a stream).
"""

from collections.abc import Callable, Sequence
from typing import cast

from callcenter.domain.units import Micros
from callcenter.sip.call import Call
from callcenter.sip.call_record import take_up
from callcenter.sip.call_states import CallState
from callcenter.sip.changes import Changes
from callcenter.sip.core import (
    ALLOW,
    ALLOWED,
    SUPPORTED,
    Core,
    Credentials,
    HeaderFields,
    put,
    sdp_of,
)
from callcenter.sip.dialog import MAX_FORWARDS, Dialog, bracketed, tagged
from callcenter.sip.errors import SipError
from callcenter.sip.events import (
    AckTimeout,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallProgress,
    CallReinvited,
    CallRejected,
    IncomingCall,
    Malformed,
    ReinviteAnswered,
    ReinviteRejected,
    RequestReceived,
    RequestTimeout,
    ResponseReceived,
    SipEvent,
)
from callcenter.sip.flow import Flow
from callcenter.sip.headers import Headers, parse_name_addr
from callcenter.sip.invite_in import IncomingInvite
from callcenter.sip.invite_out import InviteNames, OutgoingInvite
from callcenter.sip.message import (
    Request,
    Response,
    is_keepalive,
    note_source,
    parse_message,
    validate_request,
    validate_response,
)
from callcenter.sip.record import DialogRecord, decode_record, encode_record, text
from callcenter.sip.requests import ClientRequest, ServerRequest
from callcenter.sip.session_timer import refusal
from callcenter.sip.transaction import Transaction

__all__ = [
    "AckTimeout",
    "Call",
    "CallAnswered",
    "CallCancelled",
    "CallConfirmed",
    "CallEnded",
    "CallEvent",
    "CallProgress",
    "CallReinvited",
    "CallRejected",
    "CallState",
    "ClientRequest",
    "Credentials",
    "DialogRecord",
    "Endpoint",
    "IncomingCall",
    "InviteNames",
    "Malformed",
    "ReinviteAnswered",
    "ReinviteRejected",
    "RequestReceived",
    "RequestTimeout",
    "ResponseReceived",
    "ServerRequest",
    "SipEvent",
    "decode_record",
    "encode_record",
]

TRANSACTIONS_MAX = 100_000
"""Beyond: new requests outside dialogs get 503."""
CALLS_MAX = 10_000
"""Beyond: new INVITEs get 503."""
RETRY_AFTER_SECONDS = 5


class Endpoint:
    """All calls and transactions of one process.

    Args:
        new_id: makes a token that was never made before and cannot be guessed (at least 64 bits);
            letters and digits only.
        user_agent: for Server and User-Agent.
        contact_for: our Contact URI towards the other end of a flow.
        answers_options: answer OPTIONS from anybody; otherwise they are told as `RequestReceived`.
        overload_headers: of the 503 that is answered when a limit below is reached.
    """

    def __init__(
        self,
        *,
        new_id: Callable[[], str],
        user_agent: str,
        contact_for: Callable[[Flow], str],
        answers_options: bool = True,
        transactions_max: int = TRANSACTIONS_MAX,
        calls_max: int = CALLS_MAX,
        overload_headers: HeaderFields = (("Retry-After", str(RETRY_AFTER_SECONDS)),),
    ) -> None:
        self._core = Core(new_id, user_agent, contact_for)
        self._layer = self._core.layer
        self._answers_options = answers_options
        self._transactions_max = transactions_max
        self._calls_max = calls_max
        self._overload_headers = overload_headers
        self._stateless_tag = new_id()
        self.trusts: Callable[[Flow], bool] = lambda _: True
        """Whether the address at the other end of a flow is no forgery; see `_is_too_long`."""
        self._size = 0
        """Of the message that is being received."""

    # ---- the outside ----------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: Micros) -> list[SipEvent]:
        """One datagram, or one whole message of a stream."""
        if is_keepalive(data):
            if flow.reliable and data.count(b"\r\n") >= 2:
                self._core.send(flow, b"\r\n")
            return self._take_events()
        try:
            self._size = len(data)
            message = parse_message(data, stream=flow.stream)
            if isinstance(message, Response):
                self._receive_response(message, now)
            else:
                self._receive_request(message, flow, now)
        except SipError as error:
            self._refuse_malformed(error, flow)
        return self._take_events()

    def tick(self, now: Micros) -> list[SipEvent]:
        """Everything whose time has come; call it at `deadline`."""
        deadlines = self._layer.deadlines
        while (owner := deadlines.pop(now)) is not None:
            if isinstance(owner, Transaction):
                self._layer.tick(owner, now)
            else:
                cast(IncomingInvite | OutgoingInvite | Changes, owner).run_out(now)
        return self._take_events()

    @property
    def deadline(self) -> Micros | None:
        """When `tick` is wanted next; 0 if there are events to be told at once."""
        return 0 if self._core.events else self._layer.deadlines.next()

    @property
    def unsent(self) -> int:
        """How many messages want to be sent."""
        return len(self._layer.outgoing)

    def take_outgoing(self) -> list[tuple[Flow, bytes]]:
        """What wants to be sent, in order; it is forgotten here."""
        outgoing, self._layer.outgoing = self._layer.outgoing, []
        return outgoing

    def flow_closed(self, flow: Flow, now: Micros) -> list[SipEvent]:
        """A connection is gone: what waits for an answer over it has failed."""
        self._layer.lose(flow, now)
        return self._take_events()

    def moved(self, lost: Flow, found: Flow) -> None:
        """A phone whose connection `lost` is gone came back by `found`: its calls go on there."""
        for call in self._core.calls.values():
            if call.flow == lost:
                call.flow = found
                self._layer.counters["calls_moved"] += 1

    def _take_events(self) -> list[SipEvent]:
        events, self._core.events = self._core.events, []
        return events

    # ---- figures --------------------------------------------------------------------------

    @property
    def counters(self) -> dict[str, int]:
        """How often what happened."""
        return self._layer.counters

    @property
    def calls(self) -> list[Call]:
        """The calls that are not over."""
        return list(self._core.calls.values())

    @property
    def transactions(self) -> int:
        """How many transactions are kept, those included that only wait for repetitions."""
        return len(self._layer)

    # ---- responses ------------------------------------------------------------------------

    def _receive_response(self, response: Response, now: Micros) -> None:
        self._layer.counters["responses_received"] += 1
        validate_response(response)
        _ = response.record_routes
        if self._layer.receive_response(response, now):
            return
        call = self._core.calls.get((response.call_id, response.from_.tag))
        if call is not None and 200 <= response.status < 300 and response.cseq.method == "INVITE":
            call.receive_late_success(response)
        else:
            self._layer.counters["responses_stray"] += 1

    # ---- requests -------------------------------------------------------------------------

    def _receive_request(self, request: Request, flow: Flow, now: Micros) -> None:
        self._layer.counters["requests_received"] += 1
        try:
            note_source(request, *flow.remote)
            if request.method == "ACK":
                self._receive_ack(request, now)
            elif not self._layer.receive_again(request, now):
                validate_request(request, methods=ALLOWED, supported=SUPPORTED)
                self._receive_new(request, flow, now)
        except SipError as error:
            error.request = request
            raise

    def _receive_new(self, request: Request, flow: Flow, now: Micros) -> None:
        if request.method == "CANCEL":
            self._receive_cancel(request, flow, now)
        elif request.to.tag:
            self._receive_in_dialog(request, flow, now)
        elif len(self._layer) >= self._transactions_max:
            self._refuse_overload(request, flow)
        elif request.method == "INVITE":
            self._receive_invite(request, flow, now)
        elif request.method == "OPTIONS" and self._answers_options:
            transaction = self._layer.open(request, flow, None, now)
            self._layer.answer(transaction, self._abilities(request, flow), now)
        elif request.method in ("REGISTER", "OPTIONS"):
            transaction = self._layer.open(request, flow, None, now)
            self._core.tell(RequestReceived(ServerRequest(request, transaction)))
        else:
            self._refuse(request, flow, 481)

    def _receive_invite(self, request: Request, flow: Flow, now: Micros) -> None:
        core, call_id, remote_tag = self._core, request.call_id, request.from_.tag
        if len(core.calls) >= self._calls_max:
            self._refuse_overload(request, flow)
            return
        too_short = refusal(request)
        if too_short is not None:
            self._refuse(request, flow, 422, too_short)
            return
        twin = core.by_remote.get((call_id, remote_tag))
        if twin is not None and twin.began_with(request):
            self._layer.counters["requests_merged"] += 1
            self._refuse(request, flow, 482)
            return
        tag = core.new_id()
        dialog = Dialog.of_invite(request, tag)
        call = Call(core, "uas", call_id, tag, flow)
        call.first = request
        call.dialog = dialog
        call.remote_sdp = sdp_of(request)
        call.register()
        call.incoming = IncomingInvite.received(core, call, request, flow, tag, now)
        core.tell(IncomingCall(call))

    def _receive_in_dialog(self, request: Request, flow: Flow, now: Micros) -> None:
        call = self._core.calls.get((request.call_id, request.to.tag))
        if call is None or not call.knows(request.from_.tag):
            self._layer.counters["dialogs_unknown"] += 1
            self._refuse(request, flow, 481)
        else:
            call.receive(request, flow, now)

    def _receive_ack(self, ack: Request, now: Micros) -> None:
        """By its branch; by our tag; by theirs, because some phones invent ours."""
        if self._layer.receive_ack(ack, now):
            return
        calls, call_id = self._core.calls, ack.call_id
        call = calls.get((call_id, ack.to.tag)) or self._core.by_remote.get(
            (call_id, ack.from_.tag)
        )
        if call is not None and call.knows(ack.from_.tag):
            call.receive_ack(ack, now)
        else:
            self._layer.counters["acks_stray"] += 1

    def _receive_cancel(self, cancel: Request, flow: Flow, now: Micros) -> None:
        invite = self._layer.invite_of(cancel)
        if invite is None or invite.flow.remote[0] != flow.remote[0]:
            self._refuse(cancel, flow, 481)
            return
        user = invite.user
        transaction = self._layer.open(cancel, flow, None, now)
        tag = user.tag if isinstance(user, IncomingInvite) else self._stateless_tag
        self._core.reply(transaction, cancel, 200, now, tag=tag)
        if isinstance(user, IncomingInvite) and user.is_open:
            user.cancelled(cancel.header("Reason") or "", now)

    # ---- refusing -------------------------------------------------------------------------

    def _refuse_malformed(self, error: SipError, flow: Flow) -> None:
        self._layer.counters["malformed"] += 1
        self._core.tell(Malformed(flow, error.status, error.detail))
        request = error.request
        if request is not None and request.method != "ACK" and "Via" in request.headers:
            self._refuse(request, flow, error.status, error.headers, error.phrase)

    def _refuse_overload(self, request: Request, flow: Flow) -> None:
        self._layer.counters["overload_refused"] += 1
        if request.method == "INVITE":
            self._layer.counters["calls_refused"] += 1
        self._refuse(request, flow, 503, self._overload_headers)

    def _refuse(
        self,
        request: Request,
        flow: Flow,
        status: int,
        headers: HeaderFields = (),
        phrase: str = "",
    ) -> None:
        response = self._core.response(request, status, phrase, self._stateless_tag, headers)
        self._layer.counters["requests_refused"] += 1
        if self._is_too_long(response, flow):
            self._layer.counters["refusals_withheld"] += 1
            return
        self._core.send(flow, response.encode())

    def _abilities(self, request: Request, flow: Flow) -> Response:
        """The answer to OPTIONS, without what we can where that would be too long."""
        response = self._core.response(request, 200, tag=self._core.new_id())
        if self._is_too_long(response, flow):
            for name in ("Server", "Accept", "Allow"):
                response.headers.remove(name)
        return response

    def _is_too_long(self, response: Response, flow: Flow) -> bool:
        """Whether an answer would make more of a request than it was, at an address that may be
        forged: a small request must not send a large answer to somebody else."""
        if flow.reliable or self.trusts(flow):
            return False
        return len(response.encode()) > self._size

    # ---- what the user does ---------------------------------------------------------------

    def respond(
        self,
        request: ServerRequest,
        status: int,
        phrase: str = "",
        headers: HeaderFields = (),
        body: bytes = b"",
        *,
        now: Micros,
    ) -> None:
        """Answer a `RequestReceived`; a second final answer is dropped."""
        tag = self._core.new_id()
        response = self._core.response(request.request, status, phrase, tag, headers, body)
        self._layer.answer(request.transaction, response, now)

    def invite(
        self,
        *,
        to_uri: str,
        request_uri: str,
        from_addr: str,
        flow: Flow,
        sdp: bytes | None,
        now: Micros,
        headers: HeaderFields = (),
        route_set: Sequence[str] = (),
        credentials: Credentials | None = None,
        names: InviteNames | None = None,
        sent_before: bool = False,
    ) -> Call:
        """Call somebody.

        Args:
            to_uri: whom: a URI, or a name-addr with a display name.
            request_uri: where: the Contact of a binding, a trunk's URI.
            from_addr: who calls: a URI or a name-addr, without a tag.
            flow: the road.
            sdp: our offer; None asks for theirs (see `Call.acknowledge`).
            route_set: Route values to begin with.
            credentials: for a 401 or 407, at any time in the call.
            names: of an INVITE that must be known again; each is used for one INVITE only.
            sent_before: an earlier process may have sent it: it is not sent, and can be cancelled
                at once, whether or not the phone ever had it.
        """
        core = self._core
        names = names or InviteNames(core.new_id(), core.new_id(), core.new_id())
        call = Call(core, "uac", names.call_id, names.tag, flow, credentials)
        address = tagged(from_addr, names.tag)
        request = self._new_request(
            "INVITE", request_uri, to_uri, address, flow, branch=names.branch
        )
        request.headers.set("Call-ID", call.call_id)
        request.headers.set_all("Route", route_set)
        request.headers.set("Allow", ALLOW)
        can = SUPPORTED if sdp else SUPPORTED[:1]  # an offer in a 180 could not be answered
        request.headers.set("Supported", ", ".join(can))
        put(request, headers, sdp or b"")
        call.first = request
        call.local_sdp = sdp
        call.outgoing = OutgoingInvite(core, call, request, flow, credentials)
        if sent_before:
            call.outgoing.resume(now, heard=True, cancelling=False)
        else:
            call.outgoing.start(now)
        return call

    def request(
        self,
        method: str,
        *,
        to_uri: str,
        request_uri: str,
        from_addr: str,
        flow: Flow,
        now: Micros,
        headers: HeaderFields = (),
        route_set: Sequence[str] = (),
        credentials: Credentials | None = None,
        body: bytes = b"",
        call_id: str = "",
        number: int = 1,
    ) -> ClientRequest:
        """A request outside any dialog: REGISTER, OPTIONS.

        Args:
            call_id, number: of an earlier REGISTER, counted on (10.2.4).
        """
        address = tagged(from_addr, self._core.new_id())
        request = self._new_request(method, request_uri, to_uri, address, flow)
        request.headers.set("Call-ID", call_id or self._core.new_id())
        request.headers.set("CSeq", f"{number} {method}")
        request.headers.set_all("Route", route_set)
        if any(name.lower() == "contact" for name, _ in headers):
            request.headers.remove("Contact")
        put(request, headers, body)
        asked = ClientRequest(self._core, request, flow, credentials=credentials)
        asked.start(now)
        return asked

    def contact(self, flow: Flow) -> str:
        """Our own address towards the other end of `flow`, a URI."""
        return str(parse_name_addr(self._core.contact(flow)).uri)

    def new_id(self) -> str:
        """A token that nobody has or can guess."""
        return self._core.new_id()

    def _new_request(
        self,
        method: str,
        uri: str,
        to_uri: str,
        from_value: str,
        flow: Flow,
        *,
        branch: str = "",
    ) -> Request:
        lines = {
            "Via": [self._core.via(flow, branch)],
            "Max-Forwards": [MAX_FORWARDS],
            "From": [from_value],
            "To": [bracketed(to_uri)],
            "Call-ID": [""],
            "CSeq": [f"1 {method}"],
            "Contact": [self._core.contact(flow)],
            "User-Agent": [self._core.user_agent],
        }
        return Request(method, uri, Headers.of_lines(lines))

    def restore(self, record: DialogRecord, now: Micros) -> Call:
        """Take up a call that another process wrote down.

        Raises:
            SipError: for a record that makes no sense; nothing of it is kept.
        """
        core = self._core
        call = Call(core, record.role, text(record.call_id), record.local_tag, record.flow)
        try:
            take_up(call, record, now)
        except (SipError, ValueError) as error:
            call.drop()
            for invite in (call.incoming, call.outgoing):
                if invite is not None and invite.transaction is not None:
                    self._layer.forget(invite.transaction)
            raise SipError(500, "a record that cannot be taken up") from error
        return call
