"""Bencode, the second tongue of the ng protocol.

Why: rtpengine speaks bencode in every version and JSON only in newer ones; a client may use
either on the same port. Strings are bytes on the wire. SDP is text of unknown encoding, so bytes
that are not UTF-8 survive as surrogate escapes and come out again as they went in.

Sources: BEP 3 ("bencoding"); the limits are ours.
"""

from typing import Any

DEPTH_MAX = 16
DIGITS_MAX = 20


class BencodeError(ValueError):
    """Not bencode, or deeper than anyone needs."""


def dumps(value: Any) -> bytes:
    """Encode dictionaries (keys sorted), lists, text, bytes and whole numbers."""
    out: list[bytes] = []
    _write(value, out)
    return b"".join(out)


def loads(data: bytes) -> Any:
    """Decode exactly one value.

    Raises:
        BencodeError: for anything else, trailing octets included.
    """
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise BencodeError("octets after the value")
    return value


def _write(value: Any, out: list[bytes]) -> None:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        out.append(b"%d:" % len(value))
        out.append(value)
    elif isinstance(value, int):
        out.append(b"i%de" % value)
    elif isinstance(value, (list, tuple)):
        out.append(b"l")
        for item in value:
            _write(item, out)
        out.append(b"e")
    elif isinstance(value, dict):
        out.append(b"d")
        for key in sorted(value):
            _write(str(key), out)
            _write(value[key], out)
        out.append(b"e")
    elif isinstance(value, float):
        _write(str(value), out)
    else:
        raise TypeError(f"bencode has no {type(value).__name__}")


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > DEPTH_MAX:
        raise BencodeError("nested too deep")
    kind = data[at : at + 1]
    if kind == b"i":
        return _number(data, at + 1, b"e")
    if kind == b"l":
        return _read_list(data, at + 1, depth)
    if kind == b"d":
        return _read_dictionary(data, at + 1, depth)
    if kind.isdigit():
        return _read_text(data, at)
    raise BencodeError(f"no value at octet {at}")


def _number(data: bytes, at: int, until: bytes) -> tuple[int, int]:
    end = data.find(until, at, at + DIGITS_MAX + 1)
    digits = data[at:end] if end >= 0 else b""
    if not digits.removeprefix(b"-").isdigit():
        raise BencodeError(f"no number at octet {at}")
    return int(digits), end + 1


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    length, start = _number(data, at, b":")
    end = start + length
    if length < 0 or end > len(data):
        raise BencodeError(f"text at octet {at} is longer than the message")
    return data[start:end].decode("utf-8", "surrogateescape"), end


def _read_list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while data[at : at + 1] != b"e":
        item, at = _read(data, at, depth + 1)
        items.append(item)
    return items, at + 1


def _read_dictionary(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    items: dict[str, Any] = {}
    while data[at : at + 1] != b"e":
        if not data[at : at + 1].isdigit():
            raise BencodeError(f"no key at octet {at}")
        key, at = _read_text(data, at)
        items[key], at = _read(data, at, depth + 1)
    return items, at + 1
