"""Requests other than INVITE: those that we send, and those that the user must answer.

Why: one kind of thing for REGISTER, OPTIONS and BYE: it is sent, perhaps challenged, and has one
final answer or none. A challenge is answered once, and once more when the server says that only
the nonce was too old; never with credentials for another realm (a peer that challenges a request
of ours might only want to harvest a digest).

Sources: RFC 3261 8.1, 22 (22.1: `stale`; 22.2 and 22.3: which realm), RFC 8760.
"""

from typing import TYPE_CHECKING

from callcenter.domain.units import Micros
from callcenter.sip.core import Core, Credentials
from callcenter.sip.digest import authorization, best_challenge, parse_challenge
from callcenter.sip.errors import SipError
from callcenter.sip.events import RequestTimeout, ResponseReceived
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response
from callcenter.sip.transaction import Transaction

if TYPE_CHECKING:
    from callcenter.sip.call import Call

CHALLENGES_MAX = 4
"""How many challenges one request is carried through: two servers, each stale once."""

_ANSWERS = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}


def with_credentials(
    request: Request, response: Response, credentials: Credentials | None, cnonce: str
) -> Request | None:
    """`request` once more, with the answer to the challenge in `response`; None if there is none.

    The caller replaces Via and CSeq (RFC 3261 8.1.3.5).
    """
    fields = _ANSWERS.get(response.status)
    if fields is None or credentials is None:
        return None
    asked, answered = fields
    text = best_challenge(response.headers.get_all(asked))
    try:
        challenge = parse_challenge(text) if text else None
        if text is None or challenge is None:
            return None
        if credentials.realm and challenge.realm != credentials.realm:
            return None
        if answered in request.headers and not challenge.stale:
            return None
        value = authorization(
            text, request.method, request.uri, credentials.user, credentials.password, cnonce,
            body=request.body,
        )  # fmt: skip
    except SipError:
        return None
    again = Request(request.method, request.uri, request.headers.copy(), request.body)
    again.headers.set(answered, value)
    return again


class ClientRequest:
    """A request of ours, in or out of a dialog.

    Attributes:
        request: as it was sent last.
        call: the call that it belongs to, or None.
        response: the final one, once it is there.
    """

    __slots__ = ("_core", "_credentials", "_tries", "call", "flow", "quiet", "request", "response")

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        *,
        call: "Call | None" = None,
        credentials: Credentials | None = None,
        quiet: bool = False,
    ) -> None:
        self._core = core
        self._credentials = credentials
        self._tries = 0
        self.call = call
        self.flow = flow
        self.quiet = quiet
        self.request = request
        self.response: Response | None = None

    @property
    def method(self) -> str:
        """Its method."""
        return self.request.method

    @property
    def call_id(self) -> str:
        """Its Call-ID; a refresh of a registration uses it again."""
        return self.request.call_id

    def start(self, now: Micros) -> None:
        """Send it."""
        self._core.layer.send(self.request, self.flow, self, now)

    def responded(self, _transaction: Transaction, response: Response, now: Micros) -> None:
        """An answer came (see `ClientUser`)."""
        if response.status < 200:
            return
        again = with_credentials(self.request, response, self._credentials, self._core.new_id())
        if again is not None and self._tries < CHALLENGES_MAX:
            self._tries += 1
            self._send_again(again, now)
            return
        self.response = response
        if self.quiet and self.call is not None:
            self.call.bye_over(now)
        elif not self.quiet:
            self._core.tell(ResponseReceived(self, response))

    def unanswered(self, _transaction: Transaction, status: int, now: Micros) -> None:
        """No answer will come (see `ClientUser`)."""
        if self.quiet and self.call is not None:
            self.call.bye_over(now)
        elif not self.quiet:
            self._core.tell(RequestTimeout(self, status))

    def _send_again(self, again: Request, now: Micros) -> None:
        number = again.cseq.number + 1
        if self.call is not None:
            number = self.call.next_number()
        again.headers.set("CSeq", f"{number} {again.method}")
        again.headers.set("Via", self._core.via(self.flow))
        self.request = again
        self.start(now)


class ServerRequest:
    """A request that the user answers with `Endpoint.respond`.

    Attributes:
        call: the call in whose dialog it came, or None.
    """

    __slots__ = ("call", "flow", "request", "transaction")

    def __init__(
        self, request: Request, transaction: Transaction, call: "Call | None" = None
    ) -> None:
        self.request = request
        self.transaction = transaction
        self.flow = transaction.flow
        self.call = call

    @property
    def method(self) -> str:
        """Its method."""
        return self.request.method
