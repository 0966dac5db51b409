"""A trunk that is found by name: the first of its machines that lives is called."""

from __future__ import annotations

from msgspec.structs import replace

from callcenter.frontend.dialling import road_to
from callcenter.frontend.targets import ASK_DEAD_SECONDS, ASK_SECONDS
from callcenter.frontend.turn import TargetsFound
from callcenter.sip.flow import Address, Flow
from tests.frontend.world import SERVER, TRUNK, Phone, World

NAMED = replace(TRUNK, address="provider.test:5060", addresses=frozenset(), flow=None, local=SERVER)
FIRST, SECOND, THIRD = (("192.0.2.201", 5060), ("192.0.2.202", 5060), ("192.0.2.203", 5060))


def found(*addresses: Address) -> tuple[World, dict[Address, Phone]]:
    """The DNS said so; each of them is there."""
    world = World()
    machines = {}
    for address in (FIRST, SECOND, THIRD):
        machines[address] = Phone(world, "trunk", address[0])
        world.phones[address] = machines[address]
    world.feed(world.frontend.hands.config._replace(trunks=(NAMED,)))
    world.feed(TargetsFound("provider", addresses))
    return world, machines


def called(world: World) -> Address | None:
    """Where a call to the outside would go now."""
    road = road_to(world.frontend.hands, "+15550777")
    return road.trunk.flow.remote if road is not None and road.trunk.flow is not None else None


def test_before_the_dns_has_answered_there_is_no_road() -> None:
    world = World()
    world.feed(world.frontend.hands.config._replace(trunks=(NAMED,)))
    assert called(world) is None


def test_the_first_in_the_dns_order_that_answers_is_called() -> None:
    world, machines = found(SECOND, FIRST)
    assert called(world) == SECOND
    machines[SECOND].is_dead = True
    world.wait(ASK_SECONDS + 40)
    assert called(world) == FIRST
    machines[SECOND].is_dead = False
    world.wait(ASK_DEAD_SECONDS + 40)
    assert called(world) == SECOND, "back to the order that the provider wants"
    assert world.frontend.counts["target.down"] == 1


def test_where_none_answers_the_first_is_tried_all_the_same() -> None:
    world, machines = found(FIRST, SECOND)
    for machine in machines.values():
        machine.is_dead = True
    world.wait(120)
    assert called(world) == FIRST


def test_calls_from_any_of_them_are_the_trunks_and_nobody_elses() -> None:
    world, _ = found(FIRST, SECOND)
    trunks = world.frontend.hands.config.trunks
    for address, known in (
        (FIRST, True),
        (SECOND, True),
        (THIRD, False),
        (("192.0.2.201", 9), False),
    ):
        flow = Flow("udp", SERVER, address)
        assert (world.frontend.trunks.of(flow, trunks) is not None) == known


def test_machines_that_moved_are_followed_and_what_is_known_of_the_others_is_kept() -> None:
    world, machines = found(FIRST, SECOND)
    machines[FIRST].is_dead = True
    world.wait(ASK_SECONDS + 40)
    world.feed(TargetsFound("provider", (FIRST, THIRD)))
    assert called(world) == THIRD
    world.feed(TargetsFound("provider", ()))
    assert called(world) == THIRD, "a DNS that says nothing takes nothing away"


def test_what_was_found_outlives_a_new_configuration_and_goes_with_its_trunk() -> None:
    world, _ = found(FIRST)
    world.feed(world.frontend.hands.config._replace(trunks=(NAMED,)))
    assert called(world) == FIRST
    world.feed(world.frontend.hands.config._replace(trunks=()))
    assert world.frontend.targets.of == {}


def test_it_is_registered_where_it_is_called() -> None:
    world, machines = found()
    registers = replace(NAMED, register_seconds=600)
    world.feed(world.frontend.hands.config._replace(trunks=(registers,)))
    world.feed(TargetsFound("provider", (FIRST, SECOND)))
    asked = [data for data in world.packets[FIRST[0]] if data.startswith(b"REGISTER")]
    assert len(asked) == 1
    machines[FIRST].is_dead = True
    world.wait(ASK_SECONDS + 40)
    assert any(data.startswith(b"REGISTER") for data in world.packets[SECOND[0]])
