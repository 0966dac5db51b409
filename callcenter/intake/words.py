"""Bytes that people and programs wrote, as text: headers, charsets, and the lies about both.

Why: half of what is wrong with mail is a charset that is not the one it says. So what is said is
tried first, and only believed if the bytes agree; nothing here ever fails, and nothing leaves a lone
surrogate behind, which breaks JSON and every store.

Sources: RFC 2047 (encoded words), RFC 2231 (parameters), WHATWG Encoding (labels and their aliases).
"""

import base64
import binascii
import codecs
import re
from email.utils import getaddresses

HEADER_MAX = 20_000
"""Characters of one header field that are looked at."""
ADDRESSES_MAX = 200
PARENTHESES_MAX = 100
"""Open parentheses in an address header: each is a level of recursion in the parser."""

ALIASES = {
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949", "gb2312": "gb18030",
    "gbk": "gb18030", "big5": "big5hkscs", "iso-8859-1": "cp1252", "latin1": "cp1252",
    "us-ascii": "ascii", "x-sjis": "cp932", "shift_jis": "cp932", "shift-jis": "cp932",
    "unicode-1-1-utf-7": "utf-7", "x-unknown": "", "unknown-8bit": "", "8bit": "", "binary": "",
    "iso-8859-8-i": "iso-8859-8", "utf8": "utf-8", "unknown": "", "default": "",
}  # fmt: skip
"""What a label means in practice, where that is not what it says."""
_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?]{0,2000})\?=")
_PLAIN = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255}")
_BETWEEN = re.compile(r"(\?=)[ \t\r\n]+(=\?)")


def codec_of(label: str) -> str:
    """The name of the codec that a label asks for; empty when nobody knows it."""
    plain = label.strip().strip("\"'").lower().partition("*")[0]
    name = ALIASES.get(plain, plain)
    try:
        found = codecs.lookup(name).name if name else ""
    except (LookupError, ValueError, UnicodeError):
        return ""
    return "" if found in ("hex", "rot13", "zlib", "bz2", "base64", "quopri", "uu", "idna",
                           "punycode", "unicode_escape", "raw_unicode_escape") else found  # fmt: skip


def text_of(data: bytes, label: str = "") -> tuple[str, str]:
    """The text, and what was wrong with the charset: empty, or `charset`."""
    codec = codec_of(label)
    for byte_order, name in ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe", "utf-16-le"),
                             (b"\xfe\xff", "utf-16-be")):  # fmt: skip
        if data.startswith(byte_order):
            return clean(data[len(byte_order) :].decode(name, "replace")), ""
    tries = [codec] if codec else []
    if codec in ("", "ascii", "cp1252"):
        tries = ["utf-8", codec or "cp1252", "cp1252"]
    for number, name in enumerate(dict.fromkeys((*tries, "utf-8"))):
        try:
            told = "charset" if number and codec not in ("", "ascii", "cp1252") else ""
            return clean(data.decode(name)), told
        except (UnicodeError, LookupError):
            continue
    return clean(data.decode(codec or "cp1252", "replace")), "charset"


def clean(text: str) -> str:
    """Without what breaks those who read on: lone surrogates, zeros; line ends as one sign."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def header_text(value: str) -> str:
    """A header field as people read it: encoded words decoded, one line, no control characters."""
    value = value[:HEADER_MAX]
    raw = value.encode("utf-8", "surrogateescape")
    if not raw.isascii():
        value = text_of(raw)[0]
    value = _BETWEEN.sub(r"\1\2", value.replace("\r", "").replace("\n", " "))
    value = _WORD.sub(_decoded, value)
    return " ".join("".join(c if c.isprintable() else " " for c in clean(value)).split())


def _decoded(found: re.Match[str]) -> str:
    label, how, words = found.groups()
    data = words.encode("ascii", "replace")
    if how in "qQ":
        data = _quoted(data.replace(b"_", b" "))
    else:
        try:
            data = base64.b64decode(data + b"=" * (-len(data) % 4))
        except (ValueError, binascii.Error):
            return found.group(0)
    return text_of(data, label)[0]


def _quoted(data: bytes) -> bytes:
    return re.sub(rb"=([0-9A-Fa-f]{2})", lambda m: bytes((int(m.group(1), 16),)), data)


def addresses(value: str) -> list[tuple[str, str]]:
    """Names and addresses of a header field, the decoded names; nothing from a bomb."""
    value = value[:HEADER_MAX]
    if value.count("(") > PARENTHESES_MAX:
        return [("", address.lower()) for address in _PLAIN.findall(value)[:ADDRESSES_MAX]]
    raw = value.encode("utf-8", "surrogateescape")
    if not raw.isascii():
        value = text_of(raw)[0]
    try:
        found = getaddresses([value.replace("\r", "").replace("\n", " ")])
    except (ValueError, RecursionError, IndexError):
        found = []
    pairs = [
        (header_text(name), address)
        for name, address in ((n, plain_address(a)) for n, a in found[:ADDRESSES_MAX])
        if address
    ]
    return pairs or [("", address.lower()) for address in _PLAIN.findall(value)[:ADDRESSES_MAX]]


def plain_address(address: str) -> str:
    """An address in one line of printable characters; empty when it is none."""
    address = "".join(c for c in clean(address) if c.isprintable() and not c.isspace())
    return address.lower() if 3 <= len(address) <= 320 and "@" in address[1:-1] else ""
