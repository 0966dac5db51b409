"""HEP3: one SIP message as a capture server (Homer, sngrep, heplify) takes it.

    "HEP3"  total length (2)
    chunk:  vendor (2) = 0   type (2)   length with these six (2)   value

Why: an operator looks at calls of many servers in one place. The packet says where the message came
from and went to, when, and the Call-ID that ties its parts together.

Sources: HEP3 network protocol specification (sipcapture), revision 36, table of chunks.
"""

from ipaddress import ip_address
from struct import pack

from callcenter.sip.flow import Address, Flow

HEP_BYTES_MAX = 65_000
_UDP, _TCP = 17, 6
_SIP = 1


def hep3(
    message: bytes, flow: Flow, at: int, *, sent: bool, agent: int, call_id: str = ""
) -> bytes:
    """The packet. `at` is the wall clock in microseconds; `agent` tells our captures apart."""
    source, target = (flow.local, flow.remote) if sent else (flow.remote, flow.local)
    seconds, micros = divmod(at, 1_000_000)
    chunks = [
        *_addresses(source, target),
        _chunk(2, pack("!B", _UDP if flow.transport == "udp" else _TCP)),
        _chunk(7, pack("!H", source[1])),
        _chunk(8, pack("!H", target[1])),
        _chunk(9, pack("!I", seconds & 0xFFFFFFFF)),
        _chunk(10, pack("!I", micros)),
        _chunk(11, pack("!B", _SIP)),
        _chunk(12, pack("!I", agent)),
    ]
    if call_id:
        chunks.append(_chunk(17, call_id.encode("utf-8", "surrogateescape")[:256]))
    chunks.append(_chunk(15, message[:HEP_BYTES_MAX]))
    body = b"".join(chunks)
    return b"HEP3" + pack("!H", min(len(body) + 6, 65_535)) + body


def _addresses(source: Address, target: Address) -> list[bytes]:
    """Family and both addresses; a name or a link's zone is none."""
    try:
        first, second = (ip_address(a[0].partition("%")[0]) for a in (source, target))
    except ValueError:
        first = second = ip_address("0.0.0.0")
    if first.version == 6:
        return [_chunk(1, b"\x0a"), _chunk(5, first.packed), _chunk(6, second.packed)]
    return [_chunk(1, b"\x02"), _chunk(3, first.packed), _chunk(4, second.packed)]


def _chunk(kind: int, value: bytes) -> bytes:
    return pack("!HHH", 0, kind, len(value) + 6) + value
