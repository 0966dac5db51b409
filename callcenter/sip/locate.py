"""Where a SIP server is, from what the DNS says: which names to ask for, and in which order to try.

    NAPTR  ──► SRV name for our transport, lowest order and preference first
    SRV    ──► host and port; lowest priority first, within one priority by weight
    A, AAAA ──► addresses

Why: a provider moves its load and survives the loss of a machine by these records, so their order is
not ours to improve. Nothing here asks: the answers come in, and so does chance.

Sources: RFC 3263 4.1 and 4.2, RFC 2782 (weights), RFC 3403 (NAPTR).
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

SERVICES = {"udp": "SIP+D2U", "tcp": "SIP+D2T", "tls": "SIPS+D2T"}
"""NAPTR services by our transports (RFC 3263 4.1)."""
SRV_PREFIXES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
"""Where the SRV records stand when no NAPTR names another place."""
TARGETS_MAX = 16
"""Addresses of one trunk; what is behind them is not tried."""


class Naptr(NamedTuple):
    """A NAPTR record, as far as SIP needs it."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record."""

    priority: int
    weight: int
    port: int
    host: str


def srv_name(domain: str, transport: str, records: Iterable[Naptr]) -> str:
    """Where to ask for SRV records."""
    wanted = SERVICES[transport]
    fits = [r for r in records if r.flags.lower() == "s" and r.service.upper() == wanted]
    fits = [record for record in fits if record.replacement]
    if not fits:
        return SRV_PREFIXES[transport] + domain
    return min(fits, key=lambda record: (record.order, record.preference)).replacement


def in_order(records: Iterable[Srv], chance: Callable[[], float]) -> list[Srv]:
    """As they are to be tried. `chance` is 0 to 1, drawn once for each record (RFC 2782).

    A single record whose host is `.` says that the service is not there: nothing.
    """
    left = [record for record in records if record.host.rstrip(".")]
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in left}):
        # those without weight first, so that chance may take them at all
        group = sorted((r for r in left if r.priority == priority), key=lambda r: (r.weight, r))
        while group:
            drawn, sum_so_far = chance() * sum(r.weight for r in group), 0
            for record in group:
                sum_so_far += record.weight
                if drawn <= sum_so_far:
                    break
            group.remove(record)
            ordered.append(record)
    return ordered[:TARGETS_MAX]
