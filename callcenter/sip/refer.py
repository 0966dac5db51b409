"""REFER: a phone asks us to bring the other side of its call to somebody else.

    REFER ──► 202 ──► NOTIFY "100 Trying" … NOTIFY "200 OK", and the subscription is over

Why apart: what is asked is read here, who may ask it and whether it is done is the user's. The
address is never dialled as it stands: it is read for the name in it.

Sources: RFC 3515 2.4 (REFER and its subscription), 3891 3 (Replaces), 3892 (Referred-By), 3420
(message/sipfrag).
"""

from typing import TYPE_CHECKING, NamedTuple

from callcenter.domain.units import Micros
from callcenter.sip.errors import SipError, reason_phrase
from callcenter.sip.headers import parse_name_addr
from callcenter.sip.message import Request
from callcenter.sip.uri import parse_uri

if TYPE_CHECKING:
    from callcenter.sip.call import Call

SUBSCRIBED_SECONDS = 60
FRAGMENT_TYPE = "message/sipfrag;version=2.0"


class Replaced(NamedTuple):
    """A dialog that is to be taken over, by the names that its far end has for it."""

    call_id: str
    to_tag: str
    from_tag: str


class Referred(NamedTuple):
    """What a REFER asks for."""

    user: str
    """The user part of the address."""
    replaces: Replaced | None
    """The dialog with that address in which the two are to be connected (an attended transfer)."""


def read_refer(request: Request) -> Referred:
    """Read a REFER.

    Raises:
        SipError: 400 where it names nobody or several; 420 for another method than INVITE.
    """
    values = request.headers.get_all("Refer-To")
    if len(values) != 1:
        raise SipError(400, "a REFER needs one Refer-To", request=request)
    uri = parse_uri(parse_name_addr(values[0]).uri)
    if uri.params.get("method", "INVITE").upper() != "INVITE":
        raise SipError(403, "only calls are referred", request=request)
    asked = next((value for name, value in uri.headers if name.lower() == "replaces"), "")
    return Referred(uri.user, read_replaces(asked) if asked else None)


def read_replaces(value: str) -> Replaced:
    """Read a Replaces value: `call-id;to-tag=…;from-tag=…`.

    Raises:
        SipError: 400 where one of the three is missing.
    """
    call_id, *params = (part.strip() for part in value.split(";"))
    found = dict(param.split("=", 1) for param in params if "=" in param)
    to_tag, from_tag = found.get("to-tag", ""), found.get("from-tag", "")
    if not (call_id and to_tag and from_tag):
        raise SipError(400, "a Replaces names a Call-ID and both tags")
    return Replaced(call_id, to_tag, from_tag)


def tell_progress(call: "Call", status: int, now: Micros) -> None:
    """NOTIFY how far what a REFER asked for has come; a final status ends the subscription."""
    over = status >= 200
    state = "terminated;reason=noresource" if over else f"active;expires={SUBSCRIBED_SECONDS}"
    headers = (
        ("Event", "refer"),
        ("Subscription-State", state),
        ("Contact", call.core.contact(call.flow)),
        ("Content-Type", FRAGMENT_TYPE),
    )
    line = f"SIP/2.0 {status} {reason_phrase(status)}\r\n"
    call.send_request("NOTIFY", now, headers, line.encode())
