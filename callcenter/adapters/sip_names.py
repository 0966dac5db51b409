"""Names of trunks, asked of the DNS without ever stopping the loop, and remembered for their time.

Why: a resolver that does not answer must cost a trunk at most its newest addresses, never a caller
her turn. Answers are kept as long as they say, within limits: nobody may make us ask all day or
believe him for ever. That there is nothing is remembered too, for a shorter while. While the DNS is
away, what was known goes on to be true.

Sources: RFC 3263, RFC 2308 (negative answers), RFC 2782. The resolver is Twisted's.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from twisted.internet import defer, error
from twisted.names import client, dns
from twisted.names import error as names_error

from callcenter.sip.flow import Address
from callcenter.sip.locate import TARGETS_MAX, Naptr, Srv, in_order, srv_name

TTL_SECONDS_MIN, TTL_SECONDS_MAX = 5, 3600
NEGATIVE_SECONDS = 30
"""How long it is believed that a name has no such records."""
TIMEOUTS_SECONDS = (1, 2, 3)
NAMES_MAX = 1000
"""Answers kept; the oldest goes first."""

log = structlog.get_logger(__name__)


class Located(NamedTuple):
    """Where a trunk is, in the order to be tried, and for how many seconds that is believed."""

    addresses: tuple[Address, ...]
    seconds: float


class _Kept(NamedTuple):
    records: tuple[Any, ...]
    until: float


class SipNames:
    """One resolver and what it learned."""

    def __init__(
        self,
        servers: tuple[Address, ...] = (),
        *,
        reactor: Any = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        timeouts: tuple[int, ...] = TIMEOUTS_SECONDS,
    ) -> None:
        """`servers` are asked; those of /etc/resolv.conf when there are none."""
        resolv = None if servers else "/etc/resolv.conf"
        untyped: Any = client
        self._resolver: Any = untyped.Resolver(
            resolv=resolv, servers=list(servers) or None, timeout=timeouts, reactor=reactor
        )
        self._clock = clock
        self._chance = chance
        self._kept: dict[tuple[str, int], _Kept] = {}
        self.counts: Counter[str] = Counter()
        """`asked`, `remembered`, `absent`, `failed`: for the metrics."""

    async def locate(self, domain: str, port: int, transport: str) -> Located:
        """By NAPTR and SRV; where there are neither, the addresses of `domain` with `port`."""
        began = self._clock()
        naptr = await self._records(domain, dns.NAPTR)
        pointers = [
            Naptr(r.order, r.preference, _text(r.flags), _text(r.service), str(r.replacement))
            for r in naptr.records
        ]
        srv = await self._records(srv_name(domain, transport, pointers), dns.SRV)
        found = [Srv(r.priority, r.weight, r.port, str(r.target)) for r in srv.records]
        until = min(naptr.until, srv.until)
        addresses: list[Address] = []
        for record in in_order(found, self._chance) if found else [Srv(0, 0, port, domain)]:
            hosts, ends = await self._hosts(record.host)
            addresses += [(host, record.port) for host in hosts]
            until = min(until, ends)
        unique = tuple(dict.fromkeys(addresses))[:TARGETS_MAX]
        return Located(unique, max(TTL_SECONDS_MIN, until - began))

    async def _hosts(self, host: str) -> tuple[list[str], float]:
        found: list[str] = []
        ends = self._clock() + TTL_SECONDS_MAX
        for kind in (dns.A, dns.AAAA):
            kept = await self._records(host, kind)
            found += [_host(record, kind) for record in kept.records]
            ends = min(ends, kept.until) if kept.records else ends
        return found, ends

    async def _records(self, name: str, kind: int) -> _Kept:
        """What is known, asked for when that is too old; the old answer where nobody answers."""
        key, now = (name.lower().rstrip("."), kind), self._clock()
        kept = self._kept.get(key)
        if kept is not None and kept.until > now:
            self.counts["remembered"] += 1
            return kept
        self.counts["asked"] += 1
        try:
            answers, _, _ = await self._resolver.query(dns.Query(key[0], kind, dns.IN)).asFuture(
                asyncio.get_running_loop()
            )
        except (
            names_error.DNSNameError,
            names_error.DomainError,
            names_error.AuthoritativeDomainError,
        ):
            self.counts["absent"] += 1
            return self._keep(key, (), NEGATIVE_SECONDS)
        except (names_error.ResolverError, names_error.DNSQueryTimeoutError, error.ConnectError,
                defer.TimeoutError, OSError) as away:  # fmt: skip
            self.counts["failed"] += 1
            log.warning("the DNS does not answer", name=key[0], reason=type(away).__name__)
            return self._keep(key, kept.records if kept else (), TTL_SECONDS_MIN)
        fits = [answer for answer in answers if answer.type == kind]
        if not fits:
            self.counts["absent"] += 1
            return self._keep(key, (), NEGATIVE_SECONDS)
        least = min(answer.ttl for answer in fits)
        seconds = min(TTL_SECONDS_MAX, max(TTL_SECONDS_MIN, least))
        return self._keep(key, tuple(answer.payload for answer in fits), seconds)

    def _keep(self, key: tuple[str, int], records: tuple[Any, ...], seconds: float) -> _Kept:
        self._kept.pop(key, None)
        kept = self._kept[key] = _Kept(records, self._clock() + seconds)
        if len(self._kept) > NAMES_MAX:
            del self._kept[next(iter(self._kept))]
        return kept


def _host(record: Any, kind: int) -> str:
    """An address record's address as text."""
    family = socket.AF_INET if kind == dns.A else socket.AF_INET6
    return socket.inet_ntop(family, record.address)


def _text(value: Any) -> str:
    """A character string of a record."""
    return bytes(value.string if isinstance(value, dns.Charstr) else value).decode(
        "ascii", "replace"
    )
