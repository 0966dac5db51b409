"""Bindings of phones, after RFC 3261 10.3 and with the tolerance that simple phones need."""

import msgspec
import pytest

from callcenter.domain.units import SECOND, Micros
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, parse_message
from callcenter.sip.registrar import BINDINGS_MAX, STALE_SECONDS, Registrar
from tests.sip.network import CALLED
from tests.sip.stage import a_request

HOME = Flow("udp", CALLED, ("192.0.2.1", 5060))
AWAY = Flow("udp", CALLED, ("198.51.100.9", 40_000))
TCP = Flow("tcp", CALLED, ("192.0.2.1", 50_000), 4)
ANN = "<sip:ann@192.0.2.1:5060;transport=UDP>"


def a_register(*contacts: str, expires: str = "", call_id: str = "reg", number: int = 1) -> Request:
    message = parse_message(
        a_request(
            "REGISTER", Contact=", ".join(contacts), Expires=expires, Call_ID=call_id,
            CSeq=f"{number} REGISTER",
        )
    )  # fmt: skip
    assert isinstance(message, Request)
    return message


def register(
    registrar: Registrar,
    *contacts: str,
    now: Micros = 0,
    flow: Flow = HOME,
    profile: str = "standard",
    expires: str = "",
    call_id: str = "reg",
    number: int = 1,
) -> tuple[int, list[str]]:
    """Status and the Contacts (or Min-Expires) of the answer."""
    request = a_register(*contacts, expires=expires, call_id=call_id, number=number)
    status, headers = registrar.register(request, flow, "ann", now, profile)
    return status, [value for _, value in headers]


def contacts_of(registrar: Registrar, now: Micros = 0) -> list[str]:
    return [binding.contact for binding in registrar.bindings("ann", now)]


def test_a_phone_is_reached_over_the_flow_that_its_register_came_by() -> None:
    registrar = Registrar()
    status, answer = register(registrar, ANN, expires="600", flow=AWAY)
    assert (status, answer) == (200, ["<sip:ann@192.0.2.1:5060;transport=UDP>;expires=600"])
    (binding,) = registrar.bindings("ann", 0)
    assert (binding.contact, binding.flow) == ("sip:ann@192.0.2.1:5060;transport=UDP", AWAY)


@pytest.mark.parametrize(
    ("profile", "contact", "field", "granted"),
    [
        ("standard", "", "", 3600),
        ("standard", "", "600", 600),
        ("standard", ";expires=90", "600", 90),
        ("standard", "", "100000", 3600),
        ("standard", ";expires=4294967295", "", 3600),
        ("standard", ";expires=soon", "600", 600),
        ("standard", "", "60", 60),
        ("legacy", "", "120", 120),
        ("legacy", "", "30", 120),
        ("legacy", ";expires=10", "", 120),
        ("legacy", "", "7200", 3600),
    ],
)
def test_the_expiry_that_is_granted(profile: str, contact: str, field: str, granted: int) -> None:
    registrar = Registrar()
    status, answer = register(registrar, ANN + contact, profile=profile, expires=field)
    assert status == 200
    assert answer[0].endswith(f";expires={granted}")


def test_a_standard_phone_that_asks_for_too_little_is_told_the_least() -> None:
    registrar = Registrar()
    assert register(registrar, ANN, expires="59") == (423, ["60"])
    assert register(Registrar(5), ANN, expires="5")[0] == 200
    assert register(Registrar(5), ANN, expires="4") == (423, ["5"])
    assert registrar.bindings("ann", 0) == []


def test_a_query_shows_all_bindings_and_what_is_left_of_them() -> None:
    registrar = Registrar()
    register(registrar, ANN, expires="100")
    register(registrar, "<sip:ann@192.0.2.8>", expires="200", call_id="desk", now=SECOND)
    status, answer = register(registrar, now=10 * SECOND)
    assert status == 200
    assert answer == ["<sip:ann@192.0.2.8>;expires=191", f"{ANN};expires=90"]


def test_a_refresh_replaces_the_binding_of_an_equal_contact() -> None:
    registrar = Registrar()
    register(registrar, ANN, number=1)
    register(registrar, "<sip:ann@192.0.2.1:5060;transport=udp>", number=2, flow=AWAY)
    (binding,) = registrar.bindings("ann", 0)
    assert (binding.flow, binding.cseq) == (AWAY, 2)


def test_a_phone_that_comes_from_another_port_is_known_by_its_instance() -> None:
    registrar = Registrar()
    instance = ';+sip.instance="<urn:uuid:ABC>"'
    register(registrar, f"<sip:ann@192.0.2.1:1000>{instance};reg-id=1", call_id="one")
    _, answer = register(registrar, f"<sip:ann@192.0.2.1:2000>{instance};reg-id=1", call_id="two")
    assert answer == [f"<sip:ann@192.0.2.1:2000>{instance};reg-id=1;expires=3600"]
    register(registrar, f"<sip:ann@192.0.2.1:3000>{instance};reg-id=2", call_id="three")
    assert len(contacts_of(registrar)) == 2


def test_a_contact_with_expires_0_removes_only_itself() -> None:
    registrar = Registrar()
    register(registrar, ANN, "<sip:ann@192.0.2.8>")
    status, answer = register(registrar, f"{ANN};expires=0", number=2)
    assert (status, answer) == (200, ["<sip:ann@192.0.2.8>;expires=3600"])


def test_contact_star_with_expires_0_removes_everything() -> None:
    registrar = Registrar()
    register(registrar, ANN, "<sip:ann@192.0.2.8>")
    assert register(registrar, "*", expires="0", number=2) == (200, [])
    assert registrar.agents == []


@pytest.mark.parametrize(("contacts", "expires"), [(("*",), ""), (("*",), "60"), (("*", ANN), "0")])
def test_contact_star_in_any_other_way_is_refused_and_changes_nothing(
    contacts: tuple[str, ...], expires: str
) -> None:
    registrar = Registrar()
    register(registrar, ANN)
    assert register(registrar, *contacts, expires=expires, number=2)[0] == 400
    assert len(contacts_of(registrar)) == 1


def test_all_contacts_of_a_register_are_taken_or_none() -> None:
    registrar = Registrar()
    status, _ = register(registrar, f"{ANN};expires=600", "<sip:ann@192.0.2.8>;expires=5")
    assert status == 423
    assert contacts_of(registrar) == []


@pytest.mark.parametrize(
    ("flow", "later", "status"),
    [
        (HOME, 0, 200),
        (AWAY, 0, 500),
        (AWAY, STALE_SECONDS * SECOND, 200),
    ],
    ids=["same host", "elsewhere at once", "elsewhere, after a while"],
)
def test_the_same_call_id_with_a_number_that_does_not_rise(
    flow: Flow, later: Micros, status: int
) -> None:
    """A phone that was restarted must not be locked out; what was overtaken must not count."""
    registrar = Registrar()
    register(registrar, ANN, number=5)
    assert register(registrar, ANN, number=1, flow=flow, now=later)[0] == status


def test_the_same_instance_may_begin_again_from_anywhere() -> None:
    registrar = Registrar()
    contact = f'{ANN};+sip.instance="<urn:uuid:ABC>"'
    register(registrar, contact, number=5)
    assert register(registrar, contact, number=1, flow=AWAY)[0] == 200


def test_a_new_call_id_for_each_refresh_is_taken() -> None:
    registrar = Registrar()
    register(registrar, ANN, call_id="first", number=9)
    assert register(registrar, ANN, call_id="second", number=1, flow=AWAY)[0] == 200
    assert len(contacts_of(registrar)) == 1


def test_the_phone_refreshed_longest_ago_gives_way_when_there_are_too_many() -> None:
    registrar = Registrar()
    for number in range(BINDINGS_MAX + 1):
        contact = f"<sip:ann@192.0.2.1:{6000 + number}>"
        register(registrar, contact, call_id=str(number), now=number * SECOND)
    living = contacts_of(registrar, 10 * SECOND)
    assert len(living) == BINDINGS_MAX
    assert "sip:ann@192.0.2.1:6000" not in living


def test_a_binding_that_is_not_refreshed_expires() -> None:
    registrar = Registrar()
    register(registrar, ANN, expires="60")
    assert registrar.deadline == 60 * SECOND
    assert registrar.tick(59 * SECOND) == []
    assert registrar.tick(60 * SECOND) == ["ann"]
    assert registrar.agents == []
    assert registrar.deadline is None


def test_a_binding_that_was_refreshed_does_not_expire_at_its_old_time() -> None:
    registrar = Registrar()
    register(registrar, ANN, expires="60")
    register(registrar, ANN, expires="60", number=2, now=30 * SECOND)
    assert registrar.tick(60 * SECOND) == []
    assert len(contacts_of(registrar, 60 * SECOND)) == 1
    assert registrar.tick(90 * SECOND) == ["ann"]


def test_of_two_bindings_each_expires_at_its_own_time() -> None:
    registrar = Registrar()
    register(registrar, f"{ANN};expires=60", "<sip:ann@192.0.2.8>;expires=120")
    assert registrar.tick(60 * SECOND) == ["ann"]
    assert contacts_of(registrar, 60 * SECOND) == ["sip:ann@192.0.2.8"]
    assert registrar.tick(120 * SECOND) == ["ann"]


def test_a_connection_that_closes_takes_its_bindings_along() -> None:
    registrar = Registrar()
    register(registrar, ANN, flow=TCP)
    register(registrar, "<sip:ann@192.0.2.8>", call_id="desk")
    assert registrar.flow_closed(TCP) == ["ann"]
    assert contacts_of(registrar) == ["sip:ann@192.0.2.8"]
    assert registrar.flow_closed(TCP) == []


def test_bindings_survive_a_restart_with_the_time_they_have_left() -> None:
    before = Registrar()
    register(before, f'{ANN};+sip.instance="<urn:uuid:ABC>"', expires="600", flow=TCP, number=3)
    record = before.record("ann", 100 * SECOND)
    after = Registrar()
    after.restore("ann", record, 7 * SECOND)
    (binding,) = after.bindings("ann", 7 * SECOND)
    assert (binding.flow, binding.cseq, binding.expires) == (TCP, 3, 507 * SECOND)
    assert after.tick(507 * SECOND) == ["ann"]


def test_nobody_has_an_empty_record_and_rubbish_is_refused() -> None:
    registrar = Registrar()
    assert registrar.record("ann", 0) == b""
    registrar.restore("ann", b"", 0)
    assert registrar.agents == []
    with pytest.raises(msgspec.MsgspecError):
        registrar.restore("ann", b"\xffrubbish", 0)


def test_a_contact_that_is_no_address_of_ours_is_kept_word_for_word() -> None:
    registrar = Registrar()
    _, answer = register(registrar, "<sip:%61nn@[2001:db8::1]:5070;ob;x=%20>")
    assert answer == ["<sip:%61nn@[2001:db8::1]:5070;ob;x=%20>;expires=3600"]
