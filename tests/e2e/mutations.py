"""Messages that nobody should send: RFC 4475 and our own traffic, spoiled by a seed.

Why: a parser is found out by what its author did not think of. Each message is made from a seed
alone, so a finding is a number. Some changes know the grammar (a header twice, a parameter without
its value, a length that lies, a number at its limit, an escape cut short), others know nothing
(octets cut, doubled, turned over). `python -m tests.e2e.mutations SEED` prints one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

TORTURE = Path(__file__).resolve().parents[1] / "golden" / "sip-torture"
SPICE = (
    b"\r\n", b"\r\n\r\n", b"\0", b"\xff\xfe", b"\xc3\x28", b";", b",", b"<", b">", b'"', b"\\", b"%",
    b"%0", b"%00", b"%0d%0a", b"*", b"::", b"[::1]", b"tag=", b";tag=x", b"SIP/2.0", b"sip:", b"sips:",
    b"tel:+1", b"Contact: *\r\n", b"Route: <sip:x;lr>\r\n", b"Require: timer\r\n", b"-1", b"0",
    b"Content-Length: 99999999999\r\n", b"l: 5\r\n", b"Expires: 0\r\n", b"Max-Forwards: 0\r\n",
    b"Replaces: x;to-tag=1;from-tag=2\r\n", b"Refer-To: <sip:x?Replaces=a%3bto-tag>\r\n",
    b"Authorization: Digest username=\"a\",,\r\n", b"Identity: a.b.c;info=<x>;ppt=shaken\r\n",
    b"Content-Type: multipart/mixed;boundary=x\r\n", b"Content-Encoding: gzip\r\n",
    b"Session-Expires: 1\r\n", b"RAck: 1 1 INVITE\r\n", b" " * 300, b"a" * 9000,
)  # fmt: skip
NUMBERS = (b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"4294967296", b"9" * 40, b"1e9")
METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"REGISTER", b"OPTIONS", b"INFO", b"UPDATE",
           b"PRACK", b"REFER", b"NOTIFY", b"MESSAGE", b"invite", b"X" * 70)  # fmt: skip

CALL = (
    b"INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bKseed;rport\r\n"
    b'Max-Forwards: 70\r\nFrom: "A" <sip:+15550001@127.0.0.1>;tag=seed\r\nTo: <sip:100@127.0.0.1>\r\n'
    b"Call-ID: seed@127.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:5099>\r\n"
    b"P-Asserted-Identity: <sip:+15550001@x>\r\nSupported: timer, 100rel\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b"
)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
CALL %= (len(SDP), SDP)
REGISTER = (
    b"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bKseed;rport\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:anna@127.0.0.1>;tag=seed\r\nTo: <sip:anna@127.0.0.1>\r\n"
    b"Call-ID: seed\r\nCSeq: 2 REGISTER\r\nExpires: 120\r\n"
    b'Contact: <sip:anna@127.0.0.1:5099;transport=udp>;+sip.instance="<urn:uuid:X>";reg-id=1\r\n'
    b'Authorization: Digest username="anna", realm="callcenter", nonce="00", uri="sip:127.0.0.1", '
    b'response="00", algorithm=MD5, cnonce="x", qop=auth, nc=00000001\r\nContent-Length: 0\r\n\r\n'
)


def _others() -> list[bytes]:
    """Every other method, in and out of a dialog, and answers that nobody asked for."""
    head, _, _ = CALL.partition(b"Content-Type")
    made = [
        head.replace(b"INVITE", method).replace(b"To: <sip:100@127.0.0.1>", to)
        + b"Content-Length: 0\r\n\r\n"
        for method in METHODS[1:]
        for to in (b"To: <sip:100@127.0.0.1>", b"To: <sip:100@127.0.0.1>;tag=ours")
    ]
    answers = (b"SIP/2.0 200 OK", b"SIP/2.0 401 No", b"SIP/2.0 183 Soon", b"SIP/2.0 699 Never")
    return made + [line + CALL[CALL.index(b"\r\n") :] for line in answers]


SEEDS: tuple[bytes, ...] = (
    *(path.read_bytes() for path in sorted(TORTURE.glob("*.dat"))),
    *([CALL] * 8), *([REGISTER] * 8), *_others(),
)  # fmt: skip

_NUMBER = re.compile(rb"\d+")
_PARAMETER = re.compile(rb";[^;,\r\n>]*")


def _lines(data: bytes, chance: Random, change: Callable[[list[bytes], int], None]) -> bytes:
    lines = data.split(b"\r\n")
    change(lines, chance.randrange(len(lines)))
    return b"\r\n".join(lines)


def _double(lines: list[bytes], at: int) -> None:
    lines.insert(at, lines[at])


def _drop(lines: list[bytes], at: int) -> None:
    del lines[at]


def _fold(lines: list[bytes], at: int) -> None:
    lines[at] = lines[at].replace(b" ", b"\r\n ", 1)


def _swap(lines: list[bytes], at: int) -> None:
    lines[at], lines[0] = lines[0], lines[at]


def _many(lines: list[bytes], at: int) -> None:
    lines[at:at] = [lines[at]] * 60


def _replace(
    pattern: re.Pattern[bytes], by: tuple[bytes, ...], data: bytes, chance: Random
) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(by) + data[one.end() :]


def _spoil(data: bytes, chance: Random) -> bytes:
    """One change."""
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(12)
    if kind < 5:
        return _lines(data, chance, (_double, _drop, _fold, _swap, _many)[kind])
    if kind == 5:
        return _replace(_NUMBER, NUMBERS, data, chance)
    if kind == 6:
        return _replace(_PARAMETER, (b";", b";=", b';a="', b";x=%", b""), data, chance)
    if kind == 7:
        return data.replace(data[: data.find(b" ")] or b"x", chance.choice(METHODS), 1)
    if kind == 8:
        return data[:at] + chance.choice(SPICE) + data[at:]
    if kind == 9:
        return data[:at] + data[at + chance.randint(1, 40) :]
    if kind == 10:
        return data[:at]
    octets = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


def mutation(seed: int) -> bytes:
    """The message of a seed: at most 65,000 octets, so that it fits a datagram."""
    chance = Random(seed)
    data = chance.choice(SEEDS)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 5))):
        data = _spoil(data, chance)
    return data.replace(b"seed", b"s%d" % seed)[:65_000] or b"\r\n"


def mutations(first: int, count: int) -> Iterator[bytes]:
    """So many of them, from a seed on."""
    return (mutation(seed) for seed in range(first, first + count))


if __name__ == "__main__":
    sys.stdout.buffer.write(mutation(int(sys.argv[1])))
