"""What all calls of an endpoint share: transactions, names, the list of calls, and what is told.

Why: a call must send, wait and tell, but it must not know the endpoint that it lives in. This is
the smaller thing that both know.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from callcenter.domain.units import Micros
from callcenter.sip.dialog import bracketed
from callcenter.sip.events import SipEvent
from callcenter.sip.flow import Flow
from callcenter.sip.headers import parse_name_addr
from callcenter.sip.message import Request, Response, response_to
from callcenter.sip.sdp import find_sdp
from callcenter.sip.transaction import Timed, Transaction
from callcenter.sip.transaction_layer import TransactionLayer
from callcenter.sip.uri import parse_uri

if TYPE_CHECKING:
    from callcenter.sip.call import Call

HeaderFields = Sequence[tuple[str, str]]

ALLOWED = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "REGISTER",
    "REFER",
    "PRACK",
)
"""The methods that we answer; others get 405 (known ones) or 501."""
ALLOW = ", ".join(ALLOWED)
SUPPORTED = ("timer", "100rel")
"""Options that a request may require of us."""
SDP_TYPE = "application/sdp"


class Credentials(NamedTuple):
    """With what we answer a challenge, and whose: `realm` empty means any."""

    user: str
    password: str
    realm: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.user!r})"


class Core:
    """Shared by all calls of one endpoint.

    Attributes:
        calls: by Call-ID and our tag.
        by_remote: by Call-ID and their tag, because an ACK may come without our tag.
        events: told, not yet taken.
    """

    def __init__(
        self, new_id: Callable[[], str], user_agent: str, contact_for: Callable[[Flow], str]
    ) -> None:
        self.new_id = new_id
        self.user_agent = user_agent
        self._contact_for = contact_for
        self.layer = TransactionLayer()
        self.calls: dict[tuple[str, str], Call] = {}
        self.by_remote: dict[tuple[str, str], Call] = {}
        self.events: list[SipEvent] = []

    def tell(self, event: SipEvent) -> None:
        """Have the user of the endpoint hear of it."""
        self.events.append(event)

    def count(self, name: str) -> None:
        """One more of something."""
        self.layer.counters[name] += 1

    def wake(self, owner: Timed) -> None:
        """`owner.due` has changed."""
        self.layer.deadlines.note(owner)

    def send(self, flow: Flow, data: bytes) -> None:
        """Outside any transaction: an ACK of a 2xx, a 2xx again."""
        self.layer.outgoing.append((flow, data))

    # ---- names ----------------------------------------------------------------------------

    def contact(self, flow: Flow) -> str:
        """Our Contact value towards the other end of `flow`."""
        return bracketed(self._contact_for(flow))

    def via(self, flow: Flow, branch: str = "") -> str:
        """A Via of ours with a new branch; `rport`, because we may be behind a translator too."""
        uri = parse_uri(parse_name_addr(self.contact(flow)).uri)
        port = f":{uri.port}" if uri.port else ""
        transport = flow.transport.upper()
        return f"SIP/2.0/{transport} {uri.host}{port};branch=z9hG4bK{branch or self.new_id()};rport"

    # ---- messages -------------------------------------------------------------------------

    def response(
        self,
        request: Request,
        status: int,
        phrase: str = "",
        tag: str = "",
        headers: HeaderFields = (),
        body: bytes = b"",
    ) -> Response:
        """A response of ours to any request."""
        response = response_to(request, status, phrase, tag)
        put(response, headers, body)
        if 200 <= status < 300:
            response.headers.set("Server", self.user_agent)
            if request.method == "OPTIONS":
                response.headers.set("Allow", ALLOW)
                response.headers.set("Accept", SDP_TYPE)
                response.headers.set("Supported", ", ".join(SUPPORTED))
        return response

    def reply(
        self,
        transaction: Transaction,
        request: Request,
        status: int,
        now: Micros,
        headers: HeaderFields = (),
        tag: str = "",
    ) -> None:
        """Answer a request in its transaction."""
        response = self.response(request, status, "", tag or self.new_id(), headers)
        self.layer.answer(transaction, response, now)


def put(message: Request | Response, headers: Iterable[tuple[str, str]], body: bytes) -> None:
    """Add header fields and a body; a body without Content-Type is a session description."""
    for name, value in headers:
        message.headers.add(name, value)
    if body:
        message.body = body
        if "Content-Type" not in message.headers:
            message.headers.set("Content-Type", SDP_TYPE)


def sdp_of(message: Request | Response) -> bytes | None:
    """The session description in a message, or None."""
    if not message.body:
        return None
    return find_sdp(message.headers.get("Content-Type") or SDP_TYPE, message.body)
