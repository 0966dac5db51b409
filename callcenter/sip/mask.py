"""Secrets in a message, covered before it is shown or sent to a capture server.

Why: whoever looks at a trace sees who called whom; nobody needs to see what proves a password, the
key that audio is encrypted with, a browser's password of ICE, or the digits of a card that were typed. Lengths stay as they were
where that costs nothing, so that a message still reads as it was framed.

Sources: RFC 3261 22.4 (digest), RFC 4568 (keys in SDP), `security.md` 5.
"""

import re

_PROOF = re.compile(
    rb"^((?:Proxy-)?Authorization[ \t]*:[ \t]*)([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_HIDDEN = re.compile(rb'\b(response|cnonce|nonce)[ \t]*=[ \t]*(?:"[^"]*"|[^,\s]*)', re.IGNORECASE)
_KEY = re.compile(rb"^(a=crypto:[^\r\n]*inline:)[^\r\n]*", re.MULTILINE)
_ICE = re.compile(rb"^(a=ice-pwd:)[^\r\n]*", re.MULTILINE)
_SIGNAL = re.compile(rb"^(Signal[ \t]*=[ \t]*)[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_DTMF = re.compile(
    rb"^(?:Content-Type|c)[ \t]*:[ \t]*application/dtmf", re.IGNORECASE | re.MULTILINE
)


def masked(message: bytes) -> bytes:
    """The message without what must not be seen by somebody who reads traces."""
    if b"inline:" in message or b"ice-pwd:" in message:  # wherever: its lines may end in any way
        message = _ICE.sub(rb"\1***", _KEY.sub(rb"\1***", message))
    head, blank, body = message.partition(b"\r\n\r\n")
    if b"uthorization" in head or b"UTHORIZATION" in head:
        head = _PROOF.sub(_cover, head)
    if body and _DTMF.search(head):
        body = _SIGNAL.sub(rb"\1*", body) if _SIGNAL.search(body) else b"*"
    return head + blank + body


def _cover(proof: re.Match[bytes]) -> bytes:
    """A digest keeps who and for what; any other scheme keeps its name."""
    scheme, _, rest = proof[2].strip(b" \t").partition(b" ")
    if scheme.lower() != b"digest":
        return proof[1] + scheme + b" ***"
    return proof[1] + scheme + b" " + _HIDDEN.sub(rb'\1="***"', rest)
