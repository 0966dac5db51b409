"""Who calls, as far as anyone may know, and how an agent's phone shows it.

Why: an agent should know before she answers what the call is about: which queue, how long the
caller waited, who it is. A caller who withheld her number stays anonymous even though the trunk
told us (RFC 3323): it is neither shown nor kept.

Sources: RFC 3261 20.20 (From), RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity), RFC 3966.
"""

from callcenter.domain.units import SECOND, Micros
from callcenter.sip.errors import SipError
from callcenter.sip.headers import parse_name_addr
from callcenter.sip.message import Request
from callcenter.sip.uri import parse_uri

SHOWN_CHARACTERS_MAX = 40
_SEPARATORS = str.maketrans("", "", " -.()/")


def dialled_user(request: Request) -> str:
    """The user part of the Request-URI, as dialled; empty when there is none."""
    try:
        return parse_uri(request.uri).user
    except SipError:
        return ""


def caller_of(request: Request, *, is_trusted: bool = True) -> str:
    """The caller's number or name; empty when she withheld it. What is *asserted* counts only from
    a trunk (`is_trusted`): anybody else could assert anything (RFC 3325 5)."""
    if "id" in (request.header("Privacy") or "").replace(" ", "").split(";"):
        return ""
    asserted = request.header("P-Asserted-Identity") if is_trusted else None
    try:
        address = parse_name_addr(asserted) if asserted else request.from_
        user = parse_uri(address.uri).user
    except SipError:
        return ""
    shown = "".join(character for character in user if character.isprintable())
    return "" if shown.lower() in ("anonymous", "unavailable") else shown[:SHOWN_CHARACTERS_MAX]


def plain_number(dialled: str) -> str:
    """A number without what people write between its digits; `00` is how a phone says `+`."""
    bare = dialled.translate(_SEPARATORS)
    if not bare.lstrip("+").isdigit():
        return dialled.lower()
    return "+" + bare[2:] if bare.startswith("00") else bare


def screen_name(queue: str, waited: Micros, caller: str) -> str:
    """`Sales · 0:42 · +15550123`, safe inside quotes."""
    minutes, seconds = divmod(max(0, waited) // SECOND, 60)
    who = caller or "number withheld"
    text = f"{queue} · {minutes}:{seconds:02d} · {who}"
    return text.replace("\\", " ").replace('"', "'")


def screen_user(caller: str) -> str:
    """The user part of the From address that a phone calls back to."""
    safe = "".join(c for c in caller if c.isalnum() or c in "+-._*#")
    return safe if safe and safe.isascii() else "anonymous"


def digit_in(info: Request) -> str:
    """The key that an INFO reports (`Signal=5`, or the bare key); empty for anything else."""
    kind = info.content_type
    text = info.body.decode("ascii", "replace").strip()
    if kind == "application/dtmf-relay":
        signal = next((line for line in text.splitlines() if line.lower().startswith("signal")), "")
        text = signal.partition("=")[2].strip()
    elif kind != "application/dtmf":
        return ""
    return text if len(text) == 1 and text in "0123456789*#" else ""
