"""Our caller against our called over a bad road: every call is set up and ended, nothing is left."""

import pytest

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.sip.endpoint import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallReinvited,
    IncomingCall,
    ReinviteAnswered,
)
from callcenter.sip.events import SipEvent
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, OTHER_SDP, SDP, Line, Network, pair

CALLS = 20


def phone(line: Line, *, hangs_up: bool) -> None:
    """Rings and answers; when the session was changed, one of the two hangs up."""

    def act(event: SipEvent, now: Micros) -> None:
        match event:
            case IncomingCall(call=call):
                call.ringing(now)
                call.answer(ANSWER_SDP, now)
            case CallAnswered(call=call):
                call.reinvite(OTHER_SDP, now)
            case CallReinvited(call=call):
                call.answer_reinvite(ANSWER_SDP, now)
                if not hangs_up:
                    call.send_request("OPTIONS", now)
            case ReinviteAnswered(call=call) if hangs_up:
                call.bye(now)

    line.on_event = act


def place_calls(caller: Line, network: Network) -> None:
    for number in range(CALLS):
        caller.endpoint.invite(
            to_uri=f"sip:{number}@192.0.2.2",
            request_uri=f"sip:{number}@192.0.2.2",
            from_addr="sip:a@192.0.2.1",
            flow=network.flow(CALLER, CALLED),
            sdp=SDP,
            now=network.now,
        )
        network.run(100 * MILLISECOND)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "weather",
    [
        {"loss": 0.1},
        {"doubling": 0.5},
        {"jitter": 300 * MILLISECOND},
        {"loss": 0.1, "doubling": 0.1, "jitter": 50 * MILLISECOND},
    ],
    ids=["loss", "doubling", "reordering", "everything"],
)
def test_every_call_is_set_up_changed_and_ended_over_a_bad_road(
    weather: dict[str, float], seed: int
) -> None:
    caller, called, network = pair(seed=seed, **weather)
    phone(caller, hangs_up=True)
    phone(called, hangs_up=False)
    place_calls(caller, network)
    network.run(300 * SECOND)
    out: tuple[type, ...] = (CallAnswered, ReinviteAnswered, CallEnded)
    come: tuple[type, ...] = (IncomingCall, CallConfirmed, CallReinvited, CallEnded)
    assert [len(caller.told(kind)) for kind in out] == [CALLS] * 3
    assert [len(called.told(kind)) for kind in come] == [CALLS] * 4
    for line in (caller, called):
        assert line.endpoint.calls == []
        assert line.endpoint.transactions == 0
        assert line.endpoint.deadline is None


@pytest.mark.parametrize("seed", range(10))
def test_calls_that_are_cancelled_while_they_are_answered_leave_nothing(seed: int) -> None:
    caller, called, network = pair(seed=seed, loss=0.1, doubling=0.1, jitter=20 * MILLISECOND)
    phone(called, hangs_up=False)
    for number in range(CALLS):
        call = caller.endpoint.invite(
            to_uri="sip:b@192.0.2.2",
            request_uri="sip:b@192.0.2.2",
            from_addr="sip:a@192.0.2.1",
            flow=network.flow(CALLER, CALLED),
            sdp=SDP,
            now=network.now,
        )
        network.run(number * 2 * MILLISECOND)
        call.bye(network.now)
    network.run(400 * SECOND)
    for line in (caller, called):
        assert line.endpoint.calls == []
        assert line.endpoint.transactions == 0
        assert line.endpoint.deadline is None
