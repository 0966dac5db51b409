"""What is known of a leg and of the engine, in the shape of rtpengine's replies.

Why: tools that read rtpengine's `query` and `statistics` read ours. What rtpengine knows only from
RTCP of both ends (jitter, loss, MOS) we measure ourselves, so it is there for every phone.

Units as in rtpengine: jitter in ms, round trip in µs, MOS times ten.

Sources: rtpengine `docs/ng_control_protocol.md`; ITU-T G.107 (E-model, reduced to delay and loss),
G.113 Appendix I (G.711 with concealment: Ie 0, Bpl 25.1).
"""

from collections.abc import Iterable

from callcenter.domain.units import SECOND, Micros
from callcenter.media.leg import Leg
from callcenter.media.ng import Body
from callcenter.media.ports import Ports
from callcenter.media.side import Drops, Side

PLAYOUT_DELAY_MS = 60
"""What a phone's jitter buffer and packetisation usually add."""


def leg_report(leg: Leg, address: str, now: Micros) -> Body:
    """The reply to `query` and `delete`, without `result`."""
    phone = leg.phone
    return {
        "created": leg.created_at // SECOND,
        "last signal": leg.touched_at // SECOND,
        "duration_ms": (now - leg.created_at) // 1000,
        "SSRC": {str(phone.reception.ssrc): _quality(leg)} if phone.reception.ssrc >= 0 else {},
        "tags": {side.tag: _tag(side, address, now) for side in (leg.phone, leg.inner)},
        "totals": {
            "RTP": {
                "packets": phone.reception.packets,
                "bytes": phone.reception.octets,
                "errors": phone.strays,
            }
        },
    }


def engine_report(legs: Iterable[Leg], counts: dict[str, int], drops: Drops, ports: Ports) -> Body:
    """The reply to `statistics`: sessions, what was refused, what is left."""
    all_legs = list(legs)
    return {
        "currentstatistics": {
            "sessionstotal": len(all_legs),
            "sessionsown": len(all_legs),
            "bridged": sum(1 for leg in all_legs if leg.phone.to is not None),
            "encrypted": sum(1 for leg in all_legs if leg.phone.guard is not None),
            "playing": sum(1 for leg in all_legs if leg.playback is not None),
            "silent": sum(1 for leg in all_legs if leg.silent),
        },
        "totalstatistics": dict(counts),
        "dropped": drops.as_dict(),
        "ports": {"total": ports.total, "free": ports.free},
    }


def mos(delay_ms: float, loss: float) -> float:
    """Listening quality from 1.0 to 4.5 for one-way `delay_ms` and `loss` from 0 to 1."""
    rating = 93.2 - 0.024 * delay_ms - (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0)
    rating -= 95 * loss * 100 / (loss * 100 + 25.1)
    if rating <= 0:
        return 1.0
    score = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    return min(max(score, 1.0), 4.5)


def _quality(leg: Leg) -> Body:
    reception, control = leg.phone.reception, leg.phone.control
    expected = reception.packets + reception.lost
    loss = reception.lost / expected if expected else 0.0
    trip = control.round_trip or 0
    score = mos(trip / 2000 + PLAYOUT_DELAY_MS + 2 * reception.jitter_ms, loss)
    return {
        "average MOS": {
            "MOS": round(score * 10),
            "jitter": round(reception.jitter_ms),
            "packet loss": round(loss * 100),
            "round-trip time": trip,
        },
        "jitter_us": round(reception.jitter_ms * 1000),
        "packets lost": reception.lost,
        "packets lost by phone": control.peer_lost,
        "timestamp leaps": reception.leaps,
        "streams": reception.restarts + 1,
    }


def _tag(side: Side, address: str, now: Micros) -> Body:
    endpoint, told = side.address, side.latch.advertised
    stream = {
        "local address": address,
        "local port": side.port,
        "endpoint": _endpoint(endpoint),
        "advertised endpoint": _endpoint(told),
        "latched": int(side.latch.source is not None),
        "last packet ms": (now - side.heard_at) // 1000 if side.heard_at else -1,
        "strays": side.strays,
        "sent": {"packets": side.line.packets, "bytes": side.line.octets},
        "stats": {
            "packets": side.reception.packets,
            "bytes": side.reception.octets,
            "errors": side.strays,
        },
    }
    if side.guard is not None:
        stream["encrypted"] = 1
    codecs = [] if side.codec is None else [side.codec]
    return {"tag": side.tag, "medias": [{"index": 1, "codecs": codecs, "streams": [stream]}]}


def _endpoint(address: tuple[str, int] | None) -> Body:
    if address is None:
        return {}
    family = "IPv6" if ":" in address[0] else "IPv4"
    return {"family": family, "address": address[0], "port": address[1]}
