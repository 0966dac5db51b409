"""A dialog: what two ends of a call must both know to go on talking about it.

Who we are and who they are (tags), where they are (remote target), the road between (route set),
and who counts how far (CSeq, each side its own). A caller may have several early dialogs, one per
To tag, because a proxy may ring several phones; the first 2xx makes one of them the call.

Why the texts: From and To of later requests must be those of the first, word for word (RFC 2543
compares them), so their text is kept and not their parts.

Sources: RFC 3261 12 (12.1.1 server, 12.1.2 client, 12.2.1.1 requests, 12.2.2 order), 16.12.1.1
(route sets, strict routers).
"""

from collections.abc import Sequence

from callcenter.sip.errors import SipError
from callcenter.sip.headers import Headers, NameAddr, one_line, parse_name_addr
from callcenter.sip.message import Message, Request, Response
from callcenter.sip.uri import parse_uri

MAX_FORWARDS = "70"


class Dialog:
    """The state of RFC 3261 12.

    Attributes:
        local: our From or To text in this dialog, tag included.
        remote: theirs.
        target: Request-URI of requests to them.
        routes: the route set in the order of travel, each a Route value.
        local_number: CSeq of our last request.
        remote_number: CSeq of theirs; -1 before the first.
    """

    __slots__ = (
        "call_id",
        "local",
        "local_number",
        "local_tag",
        "remote",
        "remote_number",
        "remote_tag",
        "routes",
        "target",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local_tag: str,
        remote_tag: str,
        local: str,
        remote: str,
        target: str,
        routes: Sequence[str] = (),
        local_number: int = 0,
        remote_number: int = -1,
    ) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag
        self.local = local
        self.remote = remote
        self.target = target
        self.routes = list(routes)
        self.local_number = local_number
        self.remote_number = remote_number

    @classmethod
    def of_invite(cls, invite: Request, local_tag: str) -> "Dialog":
        """The server's side (12.1.1).

        Raises:
            SipError: 400 where the INVITE does not say how to reach its sender.
        """
        contacts = invite.contacts
        if len(contacts) != 1:
            raise SipError(400, "an INVITE needs one Contact", request=invite)
        return cls(
            call_id=invite.call_id,
            local_tag=local_tag,
            remote_tag=invite.from_.tag,
            local=f"{invite.headers.get('To')};tag={local_tag}",
            remote=invite.headers.get("From") or "",
            target=contacts[0].uri,
            routes=[str(route) for route in invite.record_routes],
            remote_number=invite.cseq.number,
        )

    @classmethod
    def of_response(cls, invite: Request, response: Response) -> "Dialog":
        """The client's side (12.1.2): one per To tag of the responses to `invite`."""
        contacts = response.contacts
        return cls(
            call_id=invite.call_id,
            local_tag=invite.from_.tag,
            remote_tag=response.to.tag,
            local=invite.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            target=contacts[0].uri if contacts else invite.uri,
            routes=[str(route) for route in reversed(response.record_routes)],
            local_number=invite.cseq.number,
        )

    def request(self, method: str, via: str, number: int | None = None) -> Request:
        """A request in this dialog (12.2.1.1), without Contact and body.

        Args:
            via: with a branch of its own.
            number: CSeq of an ACK: that of its INVITE. Anything else counts on.
        """
        if number is None:
            self.local_number += 1
            number = self.local_number
        uri, routes = self._way()
        lines: dict[str, list[str]] = {
            "Via": [via],
            "Max-Forwards": [MAX_FORWARDS],
            "From": [self.local],
            "To": [self.remote],
            "Call-ID": [self.call_id],
            "CSeq": [f"{number} {method}"],
        }
        if routes:
            lines["Route"] = routes
        return Request(method, uri, Headers.of_lines(lines))

    def _way(self) -> tuple[str, list[str]]:
        """Request-URI and Route. A strict router (no `lr`) wants to be the Request-URI itself."""
        if not self.routes:
            return self.target, []
        first = parse_name_addr(self.routes[0]).uri
        if is_loose(first):
            return self.target, list(self.routes)
        return first, [*self.routes[1:], f"<{self.target}>"]

    def takes(self, request: Request) -> bool:
        """Whether `request` is in order: CSeq must rise (12.2.2). Notes it if so."""
        number = request.cseq.number
        if number <= self.remote_number:
            return False
        self.remote_number = number
        return True

    def refresh(self, message: Message) -> None:
        """A re-INVITE, an UPDATE or their 2xx may say that they are elsewhere now (12.2.1.2)."""
        contacts = message.contacts
        if len(contacts) == 1 and contacts[0].uri != "*":
            self.target = contacts[0].uri


def is_loose(uri: str) -> bool:
    """Whether a Route URI names a loose router; `lr` may have any value or none."""
    try:
        return "lr" in parse_uri(uri).params
    except SipError:
        return True


def bracketed(address: str) -> str:
    """`address` as a header value: a bare URI in angle brackets, anything else as it is."""
    address = one_line(address)
    return address if "<" in address else f"<{address}>"


def tagged(address: str, tag: str) -> str:
    """A From value of ours: `address` with `tag`."""
    parsed: NameAddr = parse_name_addr(bracketed(address))
    return str(parsed.with_params(tag=tag))
