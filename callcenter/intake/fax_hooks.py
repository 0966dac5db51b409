"""Faxes that a provider took and posts to us: whether it was that provider, and what it says.

    ours     JSON; `X-Callcenter-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 of `SECONDS.BODY`
    phaxio   multipart or form; `X-Phaxio-Signature`, HMAC-SHA1 of the address, the fields, the files

Why: whoever can reach an address can post to it, so nothing is read before its signature fits. Ours
carries its time: what is older than `WINDOW_SECONDS` is a copy somebody kept. Phaxio's (now Sinch)
carries none, so a copy of it is known by the fax's own id, like every repetition by the provider.

A form of another provider becomes a function here that gives a `Posted`.

Sources: RFC 2104 (HMAC); Phaxio, "Verifying callback authenticity"; Stripe's scheme of `t` and `v1`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

WINDOW_SECONDS = 300
FILE_BYTES_MAX = 25 * 1024 * 1024
BODY_BYTES_MAX = FILE_BYTES_MAX * 4 // 3 + 64 * 1024
KINDS = (b"%PDF", b"II*\0", b"MM\0*")
"""How a PDF and a TIFF begin."""


class HookRefused(ValueError):
    """Why it is not taken: `kind` is `unsigned`, `replayed`, `malformed` or `no_pages`."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Posted(NamedTuple):
    """A fax as a provider posts it."""

    id: str
    """The provider's, by which it is known again."""
    sender: str
    pages: str
    file: bytes


class _Ours(msgspec.Struct, forbid_unknown_fields=False):
    id: str
    file_base64: str
    sender: str = msgspec.field(default="", name="from")
    pages: int = 0


class _Phaxio(msgspec.Struct):
    id: int | str
    direction: str = "received"
    num_pages: int = 0
    from_number: str = ""


def _equal(wanted: str, shown: str) -> bool:
    return hmac.compare_digest(wanted.encode(), shown.encode("utf-8", "replace"))


def ours(body: bytes, signature: str, secret: str, now_seconds: float) -> Posted:
    """Our own form. Raises `HookRefused`."""
    fields = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    told, shown = fields.get("t", ""), fields.get("v1", "")
    if not told.isdecimal() or len(told) > 12 or not shown:
        raise HookRefused("unsigned", "sign it: X-Callcenter-Signature: t=SECONDS,v1=HEX")
    wanted = hmac.new(secret.encode(), told.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not _equal(wanted, shown.lower()):
        raise HookRefused("unsigned", "the signature does not fit")
    if abs(now_seconds - int(told)) > WINDOW_SECONDS:
        raise HookRefused("replayed", f"signed more than {WINDOW_SECONDS} s ago")
    try:
        found = msgspec.json.decode(body, type=_Ours)
        file = base64.b64decode(found.file_base64, validate=True)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as wrong:
        raise HookRefused("malformed", f"id, from, file_base64: {wrong}") from wrong
    return _checked(Posted(found.id, found.sender, str(found.pages or ""), file))


def sign_ours(body: bytes, secret: str, at_seconds: int) -> str:
    """The header that belongs to a body."""
    mac = hmac.new(secret.encode(), b"%d." % at_seconds + body, hashlib.sha256)
    return f"t={at_seconds},v1={mac.hexdigest()}"


def phaxio(
    url: str, fields: Sequence[tuple[str, str]], files: Mapping[str, bytes], signature: str,
    secret: str,
) -> Posted | None:  # fmt: skip
    """Phaxio's form, posted to `url` as the provider knows it; None for what is no fax to us (a
    fax of theirs was sent, say). Raises `HookRefused`."""
    if not _equal(sign_phaxio(url, fields, files, secret), signature.lower()):
        raise HookRefused("unsigned", "the signature does not fit the address, fields and files")
    named = dict(fields)
    try:
        fax = msgspec.json.decode(named.get("fax", ""), type=_Phaxio)
    except msgspec.MsgspecError as wrong:
        raise HookRefused("malformed", f"fax: {wrong}") from wrong
    if named.get("direction", fax.direction) != "received":
        return None
    file = next(iter(files.values()), b"")
    return _checked(Posted(str(fax.id), fax.from_number, str(fax.num_pages or ""), file))


def sign_phaxio(
    url: str, fields: Sequence[tuple[str, str]], files: Mapping[str, bytes], secret: str
) -> str:
    """What the header holds: address, then names and values of the fields by name, then names and
    SHA-1 of the files by name."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(fields))
    digests = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
    text += "".join(f"{name}{digests[name]}" for name in sorted(digests))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()


def _checked(posted: Posted) -> Posted:
    if not 0 < len(posted.id) <= 200:
        raise HookRefused("malformed", "id: name the fax, in 1 to 200 letters")
    if len(posted.sender) > 40:
        raise HookRefused("malformed", "from: a number of at most 40 letters")
    if posted.file[:4] not in KINDS:
        raise HookRefused("no_pages", "the file is neither a PDF nor a TIFF")
    if len(posted.file) > FILE_BYTES_MAX:
        raise HookRefused("no_pages", f"the file has more than {FILE_BYTES_MAX} bytes")
    return posted
