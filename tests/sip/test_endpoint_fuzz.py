"""Whatever comes, an endpoint answers or refuses it, raises nothing and forgets everything in time."""

from collections.abc import Callable
from random import Random

import pytest

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.sip.endpoint import (
    CallConfirmed,
    CallReinvited,
    IncomingCall,
    RequestReceived,
    decode_record,
    encode_record,
)
from callcenter.sip.errors import SipError
from callcenter.sip.events import SipEvent
from callcenter.sip.flow import Flow
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, OTHER_SDP, Line
from tests.sip.stage import stage

SPICE = [
    b"\r\n", b"\r\n\r\n", b"\0", b"\xff\xfe", b";", b",", b"<", b">", b'"', b"\\", b"%", b"*",
    b"tag=", b";tag=x", b"SIP/2.0", b"sip:", b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n",
    b"Contact: *\r\n", b"Route: <sip:x;lr>\r\n", b"Require: timer\r\n", b"999999999999999999999",
    b"-1", b"ACK", b"CANCEL", b"BYE", b"INVITE", b"Record-Route: bad,,\r\n", b"Expires: 0\r\n",
    b"Content-Type: multipart/mixed;boundary=x\r\n",
]  # fmt: skip


def recorded() -> tuple[dict[tuple[str, int], list[bytes]], bytes]:
    """Everything that each side received in one long call, and the tag of the called."""
    scene = stage()
    carry = scene.network._carry
    heard: dict[tuple[str, int], list[bytes]] = {CALLER: [], CALLED: []}

    def tap(flow: Flow, data: bytes) -> None:
        heard[flow.remote].append(data)
        carry(flow, data)

    scene.network._carry = tap  # type: ignore[method-assign]  # the road is listened to
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step()
    scene.come.send_request("OPTIONS", scene.now)
    scene.out.send_request("UPDATE", scene.now, (), OTHER_SDP)
    scene.step()
    scene.out.bye(scene.now)
    scene.step()
    return heard, scene.come.id.encode()


HEARD, TAG = recorded()


def spoiled(data: bytes, chance: Random) -> bytes:
    """`data` with a few of its octets cut, doubled, replaced or spiced."""
    for _ in range(chance.choice([0, 0, 0, 1, 1, 3])):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.randint(0, 12))
        middle = chance.choice([b"", data[start:end] * 2, chance.choice(SPICE)])
        data = data[:start] + middle + data[end:]
    return data


def lively(line: Line, chance: Random) -> None:
    """A user that answers, changes, refuses and hangs up as the seed says."""

    def act(event: SipEvent, now: Micros) -> None:
        acts: list[Callable[[], None]] = [lambda: None]
        match event:
            case IncomingCall(call=call):
                acts = [
                    lambda: call.answer(ANSWER_SDP, now),
                    lambda: call.answer(ANSWER_SDP, now),
                    lambda: call.ringing(now),
                    lambda: call.reject(486, now),
                    lambda: call.reject(401, now, stateless=True),
                    lambda: call.bye(now),
                ]
            case CallReinvited(call=call):
                acts = [
                    lambda: call.answer_reinvite(ANSWER_SDP, now),
                    lambda: call.reject_reinvite(488, now),
                    lambda: None,
                ]
            case CallConfirmed(call=call):
                acts = [lambda: call.reinvite(OTHER_SDP, now), lambda: None]
            case RequestReceived(request=request):
                acts = [lambda: line.endpoint.respond(request, 200, now=now)]
        chance.choice(acts)()

    line.on_event = act


@pytest.mark.parametrize("seed", range(40))
def test_spoiled_traffic_raises_nothing_and_leaves_nothing(seed: int) -> None:
    chance = Random(seed)
    line = Line(CALLED)
    lively(line, chance)
    flow = Flow(chance.choice(["udp", "tcp"]), CALLED, CALLER, 0)
    now = 0

    def tell(events: list[SipEvent]) -> None:
        for event in events:
            line.on_event(event, now)

    for _ in range(150):
        now += chance.randrange(200 * MILLISECOND)
        side = chance.choice([CALLER, CALLED, CALLED])
        data = spoiled(chance.choice(HEARD[side]), chance)
        if chance.random() < 0.5:
            data = data.replace(b"z9hG4bK", b"z9hG4bK%d" % now)
        if line.endpoint.calls:
            data = data.replace(TAG, chance.choice(line.endpoint.calls).id.encode())
        tell(line.endpoint.receive(data, flow, now))
        tell(line.endpoint.tick(now))
        for call in line.endpoint.calls:
            decode_record(encode_record(call.record()))
    for call in line.endpoint.calls:
        call.bye(now)
    for _ in range(400):
        now += SECOND
        tell(line.endpoint.tick(now))
    assert line.endpoint.calls == []
    assert line.endpoint.transactions == 0
    assert line.endpoint.deadline is None


@pytest.mark.parametrize("seed", range(20))
def test_a_spoiled_record_is_taken_or_refused_and_never_an_accident(seed: int) -> None:
    chance = Random(seed)
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.ringing(scene.now)
    record = scene.come.record()
    for name in chance.sample(["call_id", "remote", "target", "invite", "answer"], 2):
        value = spoiled(getattr(record, name), chance)
        record = type(record)(
            **({f: getattr(record, f) for f in record.__struct_fields__} | {name: value})
        )
    line = Line(CALLED)
    try:
        call = line.endpoint.restore(record, 0)
    except SipError:
        assert (line.endpoint.calls, line.endpoint.transactions) == ([], 0)
        return
    call.bye(0)
    for at in range(0, 200 * SECOND, SECOND):
        line.endpoint.tick(at)
    assert (line.endpoint.calls, line.endpoint.transactions) == ([], 0)
