"""Which address of ours a peer is told."""

from __future__ import annotations

from callcenter.app.addresses import PEERS_MAX, OwnAddresses


def test_an_address_that_was_bound_is_told_as_it_is() -> None:
    assert OwnAddresses(lambda _: "never").reachable("192.0.2.1", "198.51.100.7") == "192.0.2.1"


def test_behind_every_address_each_peer_is_asked_for_once() -> None:
    asked: list[str] = []

    def towards(remote: str) -> str:
        asked.append(remote)
        return "192.0.2.1"

    own = OwnAddresses(towards)
    assert [own.reachable("0.0.0.0", peer) for peer in ("a", "b", "a")] == ["192.0.2.1"] * 3
    assert asked == ["a", "b"]


def test_peers_are_forgotten_when_there_are_too_many_the_longest_unheard_first() -> None:
    asked: list[str] = []

    def towards(remote: str) -> str:
        asked.append(remote)
        return "192.0.2.1"

    own = OwnAddresses(towards)
    for number in range(PEERS_MAX):
        own.reachable("::", str(number))
    own.reachable("::", "0")
    own.reachable("::", "new")
    asked.clear()
    own.reachable("::", "0")
    own.reachable("::", "1")
    assert asked == ["1"]


def test_a_peer_that_no_road_leads_to_breaks_nothing() -> None:
    def towards(remote: str) -> str:
        raise OSError("unreachable")

    assert OwnAddresses(towards).reachable("0.0.0.0", "203.0.113.1") == "0.0.0.0"


def test_the_kernel_knows_the_way_on_this_machine() -> None:
    assert OwnAddresses().reachable("0.0.0.0", "127.0.0.1") == "127.0.0.1"
