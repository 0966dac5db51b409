"""A real DNS server on loopback: records, order, memory, silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.names import authority, server
from twisted.names import dns as untyped

from callcenter.adapters.sip_names import NEGATIVE_SECONDS, TTL_SECONDS_MIN, Located, SipNames

DOMAIN = "provider.test"
dns: Any = untyped
FACTORY: Any = server.DNSServerFactory
AUTHORITY: Any = authority.FileAuthority


class Clock:
    """Time that the test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Zone(AUTHORITY):  # type: ignore[misc]
    """A zone that is written in the test."""

    def __init__(self, records: dict[str, list[Any]]) -> None:
        self._written = records
        self.asked = 0
        super().__init__("written in the test")

    def loadFile(self, filename: str) -> None:  # noqa: N802 its name there
        soa = dns.Record_SOA(mname="ns.provider.test", rname="root.provider.test", ttl=60)
        self.soa = (DOMAIN.encode(), soa)
        self.records = {name.encode(): [*rows] for name, rows in self._written.items()}
        self.records[DOMAIN.encode()].append(soa)

    def query(self, query: Any, timeout: Any = None) -> Any:
        self.asked += 1
        return super().query(query, timeout)


def srv(priority: int, weight: int, host: str, ttl: int = 60) -> Any:
    return dns.Record_SRV(priority, weight, 5060, host, ttl)


def zone() -> dict[str, list[Any]]:
    return {
        DOMAIN: [dns.Record_NAPTR(10, 10, b"s", b"SIP+D2U", b"", f"_sip._udp.{DOMAIN}", ttl=300)],
        f"_sip._udp.{DOMAIN}": [srv(20, 1, f"b.{DOMAIN}"), srv(10, 1, f"a.{DOMAIN}")],
        f"a.{DOMAIN}": [dns.Record_A("192.0.2.1", 60), dns.Record_AAAA("2001:db8::1", 60)],
        f"b.{DOMAIN}": [dns.Record_A("192.0.2.2", 60)],
        f"plain.{DOMAIN}": [dns.Record_A("192.0.2.9", 2)],
    }


@asynccontextmanager
async def asking(records: dict[str, list[Any]]) -> AsyncIterator[tuple[SipNames, Zone, Clock, Any]]:
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    there = Zone(records)
    protocol = dns.DNSDatagramProtocol(FACTORY(authorities=[there]), reactor=reactor)
    port = reactor.listenUDP(0, protocol, interface="127.0.0.1")  # type: ignore[no-untyped-call]
    clock = Clock()
    names = SipNames(
        (("127.0.0.1", port.getHost().port),), reactor=reactor, clock=clock, chance=lambda: 0.5,
        timeouts=(1,),
    )  # fmt: skip
    try:
        yield names, there, clock, port
    finally:
        await asyncio.wrap_future(_gone(port))


def _gone(port: Any) -> Any:
    import concurrent.futures

    done: Any = concurrent.futures.Future()
    stopped = port.stopListening()
    if stopped is None:
        done.set_result(None)
    else:
        stopped.addBoth(lambda _: done.set_result(None))
    return done


def told(story: Callable[[], Any]) -> None:
    asyncio.run(story())


def test_naptr_srv_and_addresses_give_the_targets_in_their_order() -> None:
    async def story() -> None:
        async with asking(zone()) as (names, _, _, _):
            found = await names.locate(DOMAIN, 5060, "udp")
            assert found == Located(
                (("192.0.2.1", 5060), ("2001:db8::1", 5060), ("192.0.2.2", 5060)), 60.0
            )

    told(story)


def test_a_name_without_such_records_is_its_addresses() -> None:
    async def story() -> None:
        async with asking(zone()) as (names, _, _, _):
            found = await names.locate(f"plain.{DOMAIN}", 5070, "udp")
            assert found.addresses == (("192.0.2.9", 5070),)
            assert found.seconds >= TTL_SECONDS_MIN, "two seconds are too short to believe"

    told(story)


def test_what_is_known_is_not_asked_again_before_its_time_nor_what_is_absent() -> None:
    async def story() -> None:
        async with asking(zone()) as (names, there, clock, _):
            await names.locate(DOMAIN, 5060, "udp")
            asked = there.asked
            clock.now += NEGATIVE_SECONDS - 1
            await names.locate(DOMAIN, 5060, "udp")
            assert there.asked == asked
            clock.now += 2
            await names.locate(DOMAIN, 5060, "udp")
            assert there.asked == asked + 1, "that b has no IPv6 is asked anew, the rest is known"
            assert names.counts["absent"] == 2

    told(story)


def test_a_dns_that_is_away_costs_nothing_that_was_known() -> None:
    async def story() -> None:
        async with asking(zone()) as (names, _, clock, port):
            before = await names.locate(DOMAIN, 5060, "udp")
            await asyncio.wrap_future(_gone(port))
            clock.now += 4000
            after = await names.locate(DOMAIN, 5060, "udp")
            assert after.addresses == before.addresses
            assert names.counts["failed"] >= 1

    told(story)


def test_the_loop_goes_on_while_nobody_answers() -> None:
    async def story() -> None:
        async with asking(zone()) as (names, _, _, port):
            await asyncio.wrap_future(_gone(port))
            task = asyncio.create_task(names.locate("nobody.test", 5060, "udp"))
            turns = 0
            while not task.done():
                await asyncio.sleep(0.01)
                turns += 1
            assert turns > 20
            assert task.result().addresses == ()

    told(story)
