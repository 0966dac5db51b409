"""Who is heard: guesses are counted where they were made, and nobody else pays for them."""

from __future__ import annotations

from statistics import median
from time import perf_counter_ns

from callcenter.domain import events as e
from callcenter.domain.units import AgentId
from callcenter.frontend.call import CallStory
from callcenter.frontend.phones import Answer, Phones
from callcenter.frontend.turn import FlowClosed
from callcenter.sip.digest import authorization
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, parse_message
from tests.frontend.test_transfer import talking
from tests.frontend.world import World

SERVER = ("192.0.2.1", 5060)
OFFICE, ELSEWHERE = "192.0.2.77", "192.0.2.88"


def register(user: str, authorization: str = "") -> Request:
    """REGISTER of a phone of `user`."""
    lines = [
        "REGISTER sip:callcenter SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bK1",
        f"From: <sip:{user}@callcenter>;tag=1",
        f"To: <sip:{user}@callcenter>",
        "Call-ID: 1",
        "CSeq: 1 REGISTER",
        f"Contact: <sip:{user}@192.0.2.77>",
        "Content-Length: 0",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    request = parse_message("\r\n".join([*lines, "", ""]).encode())
    assert isinstance(request, Request)
    return request


def flow(host: str, port: int = 5060) -> Flow:
    return Flow("udp", SERVER, (host, port))


def challenge(phones: Phones, user: str, host: str) -> str:
    """What a phone without a password is told."""
    answer = phones.register(register(user), flow(host))
    assert answer.status == 401
    return answer.headers[0][1]


def answered(phones: Phones, user: str, password: str, host: str, asked: str = "") -> Answer:
    """A phone answers the challenge `asked`, or a new one that was sent to its host."""
    asked = asked or challenge(phones, user, host)
    proof = authorization(asked, "REGISTER", "sip:callcenter", user, password, "c")
    return phones.register(register(user, proof), flow(host))


def test_who_mistypes_in_an_office_silences_only_herself() -> None:
    phones = World("ana", "ben", ready=False).frontend.phones
    said = [answered(phones, "ana", "mistyped", OFFICE).status for _ in range(12)]
    assert said == [401] * 10 + [403] * 2
    assert answered(phones, "ben", "secret-ben", OFFICE).status == 200
    assert answered(phones, "ana", "secret-ana", ELSEWHERE).status == 200
    assert phones.rejected == {"wrong": 10, "locked": 2}


def test_a_host_that_guesses_at_everybody_is_refused_and_known_phones_beside_it_are_not() -> None:
    phones = World("ana", "ben", ready=False).frontend.phones
    assert answered(phones, "ben", "secret-ben", OFFICE).status == 200
    for number in range(100):
        assert answered(phones, f"user{number}", "guess", OFFICE).status == 401
    assert answered(phones, "ana", "secret-ana", OFFICE).status == 403
    assert answered(phones, "ben", "secret-ben", OFFICE).status == 200


def test_guesses_under_a_forged_address_lock_nobody_out() -> None:
    phones = World("ana", ready=False).frontend.phones
    stolen = challenge(phones, "ana", ELSEWHERE)
    for _ in range(20):
        assert answered(phones, "ana", "guess", OFFICE, stolen).status == 401
    assert answered(phones, "ana", "secret-ana", OFFICE).status == 200
    assert phones.rejected == {}


def test_an_old_challenge_does_not_tell_whether_the_password_was_right() -> None:
    phones = World("ana", ready=False).frontend.phones
    stolen = challenge(phones, "ana", ELSEWHERE)
    for password in ("secret-ana", "guess"):
        answer = answered(phones, "ana", password, OFFICE, stolen)
        assert answer.status == 401
        assert "stale=true" in answer.headers[0][1].lower()


def test_each_way_to_be_rejected_is_counted_by_name() -> None:
    phones = World("ana", ready=False).frontend.phones
    phones.register(register("ana", 'Digest username="ana"'), flow(OFFICE))
    proof = authorization(
        challenge(phones, "ana", OFFICE), "REGISTER", "sip:callcenter", "ana", "secret-ana", "c"
    )
    assert phones.register(register("ben", proof), flow(OFFICE)).status == 403
    answered(phones, "eve", "guess", OFFICE)
    assert phones.rejected == {"malformed": 1, "other_name": 1, "wrong": 1}


def test_a_phone_that_comes_back_over_another_connection_keeps_its_call() -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    (story,) = world.frontend.hands.stories.values()
    assert isinstance(story, CallStory)
    assert story.talk
    gone = Flow("tcp", SERVER, (ana.flow.local[0], 40_000), 7)
    story.talk.call.flow = gone
    world.feed(FlowClosed(gone))
    assert world.hears(caller) == world.leg_of(ana), "her sound goes on"
    ana.register()
    assert story.talk.call.flow.remote == ana.flow.local
    caller.hang_up()
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []


def test_whose_connection_and_sound_are_gone_has_lost_her_phone() -> None:
    world, caller = talking("ana")
    ana = world.agents["ana"]
    (story,) = world.frontend.hands.stories.values()
    assert isinstance(story, CallStory)
    assert story.talk
    world.wait(30)
    gone = Flow("tcp", SERVER, (ana.flow.local[0], 40_000), 7)
    story.talk.call.flow = gone
    ana.is_dead = True
    world.feed(FlowClosed(gone))
    world.goes_silent(ana)
    world.wait(5)
    found = world.control.state.agents[AgentId("ana")]
    assert (found.presence, found.reason) == ("not_ready", "phone-lost")
    assert world.hears(caller) == "default"
    assert world.last(e.ContactQueued).priority == 10


def secure(number: int) -> Flow:
    return Flow("tls", ("192.0.2.1", 5061), (OFFICE, 40_000 + number), number)


def registered_by(phones: Phones, road: Flow) -> None:
    """Ana's phone registers over a connection."""
    asked = phones.register(register("ana"), road).headers[0][1]
    proof = authorization(asked, "REGISTER", "sip:callcenter", "ana", "secret-ana", "c")
    assert phones.register(register("ana", proof), road).status == 200


def test_a_call_goes_on_over_the_connection_by_which_its_phone_came_back() -> None:
    world = World("ana", ready=False)
    phones, endpoint = world.frontend.phones, world.frontend.endpoint
    world.agents["ana"].register(expires=0)
    registered_by(phones, secure(1))
    call = endpoint.invite(
        to_uri="sip:ana@callcenter", request_uri="sip:ana@192.0.2.77", from_addr="sip:x@callcenter",
        flow=secure(1), sdp=b"", now=world.now,
    )  # fmt: skip
    phones.flow_closed(secure(1))
    assert phones.bindings(AgentId("ana")) == []
    registered_by(phones, secure(2))
    assert call.flow == secure(2)
    assert endpoint.counters["calls_moved"] == 1
    registered_by(phones, secure(3))
    assert call.flow == secure(2), "a second phone takes no calls of the first"


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    phones = World("ana", ready=False).frontend.phones
    took: dict[str, list[int]] = {"ana": [], "nobody": []}
    for number in range(400):
        for user, spent in took.items():
            road = flow(f"192.0.{number // 200 + 3}.{number % 200 + 1}")
            asked = phones.register(register(user), road).headers[0][1]
            proof = authorization(asked, "REGISTER", "sip:callcenter", user, "wrong", "c")
            request = register(user, proof)
            began = perf_counter_ns()
            answer = phones.register(request, road)
            spent.append(perf_counter_ns() - began)
            assert answer.status == 401
    known, unknown = (median(spent) for spent in took.values())
    assert abs(known - unknown) < 50_000, "nanoseconds"
