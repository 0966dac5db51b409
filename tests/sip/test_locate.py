"""In which order the machines of a provider are tried."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from callcenter.sip.locate import TARGETS_MAX, Naptr, Srv, in_order, srv_name


def test_a_naptr_for_our_transport_says_where_the_srv_records_are() -> None:
    records = [
        Naptr(20, 10, "s", "SIP+D2U", "_sip._udp.late.test"),
        Naptr(10, 50, "s", "SIP+D2U", "_sip._udp.second.test"),
        Naptr(10, 10, "S", "sip+d2u", "_sip._udp.first.test"),
        Naptr(1, 1, "s", "SIPS+D2T", "_sips._tcp.first.test"),
        Naptr(1, 1, "u", "SIP+D2U", "_sip._udp.regexp.test"),
        Naptr(1, 1, "s", "SIP+D2U", ""),
    ]
    assert srv_name("p.test", "udp", records) == "_sip._udp.first.test"
    assert srv_name("p.test", "tls", records) == "_sips._tcp.first.test"
    assert srv_name("p.test", "tcp", records) == "_sip._tcp.p.test"


def test_a_lower_priority_comes_first_whatever_its_weight() -> None:
    records = [Srv(20, 100, 5060, "b"), Srv(10, 0, 5060, "a"), Srv(30, 0, 5060, "c")]
    assert [record.host for record in in_order(records, lambda: 0.99)] == ["a", "b", "c"]


def test_within_a_priority_the_weights_share_the_load() -> None:
    records = [Srv(1, 75, 5060, "big"), Srv(1, 25, 5060, "small"), Srv(1, 0, 5060, "none")]
    chance = Random(1)
    first = Counter(in_order(records, chance.random)[0].host for _ in range(4000))
    assert first["big"] == pytest.approx(3000, abs=150)
    assert first["small"] == pytest.approx(1000, abs=150)
    assert {len(in_order(records, chance.random)) for _ in range(10)} == {3}


def test_a_dot_says_that_the_service_is_not_there() -> None:
    assert in_order([Srv(0, 0, 0, ".")], lambda: 0.0) == []


def test_no_provider_has_us_try_more_than_a_few() -> None:
    many = [Srv(1, 1, 5060, f"h{n}") for n in range(100)]
    assert len(in_order(many, lambda: 0.5)) == TARGETS_MAX
