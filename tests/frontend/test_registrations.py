"""We register with a line: before it ends, again; where it does not answer, ever less often."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from callcenter.frontend.registrations import PAUSE_SECONDS_MAX, State
from callcenter.frontend.turn import FlowClosed, Trunk
from callcenter.sip import endpoint as sip
from callcenter.sip.digest import find_authorization, ha1, verify
from callcenter.sip.flow import Flow
from tests.frontend.world import SERVER, TRUNK, TRUNK_HOST, Phone, World

REGISTERS = replace(TRUNK, register_seconds=600)
REALM = "provider"


class Registrar(Phone):
    """The provider's: asks for a password, and says for how long it keeps us."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "trunk", TRUNK_HOST)
        world.phones[self.flow.local] = self
        self.grants: str = "600"
        self.says: list[tuple[int, tuple[tuple[str, str], ...]]] = []
        """Answers before the usual ones."""
        self.asked: list[Any] = []
        self.right = 0

    def heard(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, sip.RequestReceived):
                self.asked.append(event.request.request)
                status, headers = self._answer(event.request.request)
                self.endpoint.respond(event.request, status, headers=headers, now=self.world.now)

    def _answer(self, request: Any) -> tuple[int, tuple[tuple[str, str], ...]]:
        if self.says:
            return self.says.pop(0)
        sent = find_authorization(request.headers.get_all("Authorization"), REALM)
        if sent is None:
            asked = f'Digest realm="{REALM}", nonce="n{len(self.asked)}", algorithm=MD5, qop="auth"'
            return 401, (("WWW-Authenticate", asked),)
        known = ha1("acme", REALM, "secret-trunk", "MD5")
        assert verify(sent, "REGISTER", known, known, request.uri, "standard")
        self.right += 1
        contact = f"{request.header('Contact')};expires={self.grants}"
        return 200, (("Contact", f"<sip:other@192.0.2.99>;expires=5, {contact}"),)


def line(*, trunk: Trunk = REGISTERS) -> tuple[World, Registrar]:
    world = World()
    registrar = Registrar(world)
    configure(world, trunk)
    return world, registrar


def configure(world: World, *trunks: Trunk) -> None:
    world.feed(world.frontend.hands.config._replace(trunks=trunks))


def state(world: World) -> State:
    return world.frontend.registrations.lines["provider"].state


def times(world: World, registrar: Registrar, seconds: int) -> list[float]:
    """When it was asked during that time, from now on; challenges do not count."""
    found, started = [], world.now
    for _ in range(seconds):
        before = len(registrar.asked)
        world.wait(1)
        if len(registrar.asked) > before:
            found.append((world.now - started) / 1_000_000)
    return found


def test_the_account_is_registered_with_our_address() -> None:
    world, registrar = line()
    assert state(world) is State.REGISTERED
    first, second = registrar.asked
    assert first.uri == f"sip:{TRUNK_HOST}:5060"
    assert first.to.uri == f"sip:acme@{TRUNK_HOST}:5060"
    assert first.header("Contact") == "<sip:acme@192.0.2.1:5060>"
    assert first.header("Expires") == "600"
    assert (first.call_id, first.cseq.number) == (second.call_id, second.cseq.number - 1)
    assert world.frontend.counts["registration.registered"] == 1


def test_it_is_renewed_before_it_ends_with_the_same_call_id() -> None:
    world, registrar = line()
    (renewed,) = times(world, registrar, 460)
    assert 600 * 0.60 <= renewed <= 600 * 0.75 + 1
    assert len({request.call_id for request in registrar.asked}) == 1
    numbers = [request.cseq.number for request in registrar.asked]
    assert numbers == sorted(set(numbers)), "each has a number of its own (10.2.4)"


def test_what_the_registrar_grants_counts_and_not_what_others_have_there() -> None:
    world, registrar = line()
    registrar.grants = "100"
    world.wait(460)
    (renewed,) = times(world, registrar, 30) or times(world, registrar, 50)[:1]
    assert renewed <= 76


def test_front_ends_do_not_ask_in_one_moment() -> None:
    moments = set()
    for epoch in range(1, 6):
        world, _ = line()
        world.frontend.registrations.hands.rules = replace_epoch(world, epoch)
        world.wait(460)
        moments.add(world.frontend.registrations.lines["provider"].due)
    assert len(moments) == 5


def replace_epoch(world: World, epoch: int) -> Any:
    import dataclasses

    return dataclasses.replace(world.frontend.hands.rules, epoch=epoch)


@pytest.mark.parametrize(
    ("status", "counted"), [(403, "refused"), (404, "refused"), (500, "failed"), (503, "failed")]
)
def test_who_is_refused_asks_ever_less_often(status: int, counted: str) -> None:
    world = World()
    registrar = Registrar(world)
    registrar.says = [(status, ())] * 100
    configure(world, REGISTERS)
    assert state(world) is State.FAILED
    asked = times(world, registrar, 1200)
    pauses = [later - sooner for sooner, later in zip([0, *asked], asked, strict=False)]
    assert pauses[0] <= 6
    assert max(pauses) <= PAUSE_SECONDS_MAX + 1
    assert len(asked) <= 14
    assert world.frontend.counts[f"registration.{counted}"] == len(asked) + 1
    registrar.says = []
    world.wait(PAUSE_SECONDS_MAX)
    assert state(world) is State.REGISTERED


def test_a_wrong_password_is_shown_once_in_each_attempt() -> None:
    world = World()
    registrar = Registrar(world)
    challenge = (401, (("WWW-Authenticate", f'Digest realm="{REALM}", nonce="x"'),))
    registrar.says = [challenge, challenge]
    configure(world, REGISTERS)
    assert len(registrar.asked) == 2
    assert world.frontend.counts["registration.refused"] == 1


def test_a_registrar_that_wants_longer_gets_longer() -> None:
    world = World()
    registrar = Registrar(world)
    registrar.says = [(423, (("Min-Expires", "1800"),))]
    registrar.grants = "1800"
    configure(world, REGISTERS)
    world.wait(1)
    assert registrar.asked[-1].header("Expires") == "1800"
    assert state(world) is State.REGISTERED


def test_one_that_does_not_answer_is_asked_again_and_the_old_one_stands_until_it_ends() -> None:
    world, registrar = line()
    registrar.is_dead = True
    world.wait(500)
    assert state(world) is State.REGISTERED, "the provider may still know us"
    world.wait(200)
    assert state(world) is State.FAILED
    assert world.frontend.counts["registration.no_answer"] >= 1
    registrar.is_dead = False
    world.wait(PAUSE_SECONDS_MAX + 40)
    assert state(world) is State.REGISTERED


def test_a_line_with_another_road_is_registered_there_at_once() -> None:
    world, registrar = line()
    road = Flow("tcp", SERVER, (TRUNK_HOST, 5060), 7)
    asked = len(registrar.asked)
    configure(world, replace(REGISTERS, flow=None))
    world.feed(FlowClosed(road))
    configure(world, replace(REGISTERS, flow=road))
    world.wait(1)
    assert len(registrar.asked) > asked


def test_without_a_road_or_a_wish_nobody_is_asked() -> None:
    world, registrar = line(trunk=replace(REGISTERS, flow=None))
    world.wait(60)
    configure(world, TRUNK)
    world.wait(60)
    assert registrar.asked == []
    assert world.frontend.registrations.lines == {}


def test_a_restart_registers_again() -> None:
    world, registrar = line()
    world.restart()
    configure(world, REGISTERS)
    assert registrar.right == 2


def test_a_registrar_that_answers_nonsense_is_believed_in_what_was_asked_for() -> None:
    world = World()
    registrar = Registrar(world)
    registrar.says = [
        (200, (("Contact", "<sip:somebody@192.0.2.9>;expires=9"), ("Expires", "soon")))
    ]
    configure(world, REGISTERS)
    assert state(world) is State.REGISTERED
    assert world.faults == []
    assert world.frontend.registrations.lines["provider"].ends == world.now + 600_000_000
