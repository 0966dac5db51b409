"""Session timers: what is asked for, who refreshes, and what becomes of a call that nobody does."""

from __future__ import annotations

import pytest

from callcenter.domain.units import SECOND
from callcenter.sip.call_states import CallState
from callcenter.sip.endpoint import CallEnded, CallReinvited
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response, parse_message
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, OTHER_SDP, Line, Network
from tests.sip.stage import STEP, Stage, a_request, last, stage

TIMER = ("Supported", "timer")


def asking(*headers: tuple[str, str], answer: bool = True) -> Stage:
    """A call whose caller asks for a session timer."""
    scene = stage()
    scene.invite(headers=headers)
    scene.step()
    if answer:
        scene.come.answer(ANSWER_SDP, scene.now)
        scene.step()
    return scene


def seen(network: Network, line: str, since: int = 0) -> int:
    """How many messages of this kind were on the road."""
    return sum(text.startswith(line) for at, text, _ in network.log if at >= since)


def answer_to(line: Line, data: bytes) -> Response:
    line.endpoint.receive(data, Flow("udp", CALLED, CALLER), 0)
    answers = [parse_message(data) for _, data in line.endpoint.take_outgoing()]
    found = answers[-1]
    assert isinstance(found, Response)
    return found


def test_a_time_too_short_is_refused_with_what_we_take() -> None:
    answer = answer_to(Line(CALLED), a_request("INVITE", ("Session-Expires", "60"), TIMER))
    assert (answer.status, answer.header("Min-SE")) == (422, "90")


def test_a_time_that_is_none_is_refused() -> None:
    invite = a_request("INVITE", ("Session-Expires", "soon"), TIMER)
    assert answer_to(Line(CALLED), invite).status == 400


def test_who_requires_it_may_and_options_says_so() -> None:
    line = Line(CALLED)
    assert "timer" in (answer_to(line, a_request("OPTIONS")).header("Supported") or "")
    required = a_request("INVITE", ("Require", "timer"), Call_ID="other")
    assert answer_to(line, required).status == 100
    foreign = a_request("INVITE", ("Require", "foo"), Call_ID="third")
    assert answer_to(Line(CALLED), foreign).status == 420


@pytest.mark.parametrize(
    ("headers", "refresher"),
    [
        ((("Session-Expires", "1800"), TIMER), "them"),
        ((("Session-Expires", "1800;refresher=uac"), TIMER), "them"),
        ((("Session-Expires", "1800;refresher=uas"), TIMER), "us"),
        ((("Session-Expires", "1800"),), "us"),
        ((), ""),
    ],
)
def test_it_is_accepted_as_asked(headers: tuple[tuple[str, str], ...], refresher: str) -> None:
    scene = stage()
    heard: list[Response] = []

    def note(message: Request | Response, _to: object) -> bool:
        if isinstance(message, Response) and message.status == 200:
            heard.append(message)
        return False

    scene.network.drop = note
    scene.invite(headers=tuple(h for h in headers if h != TIMER))
    scene.step()
    if TIMER not in headers and headers:
        scene.come.incoming.request.headers.remove("Supported")  # type: ignore[union-attr]
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    assert scene.come.timer.refresher == refresher
    who = {"them": "1800;refresher=uac", "us": "1800;refresher=uas", "": None}[refresher]
    assert heard[0].header("Session-Expires") == who
    assert heard[0].header("Require") == ("timer" if refresher == "them" else None)
    mirrored = {"them": "us", "us": "them", "": ""}[refresher]
    assert scene.out.timer.refresher == mirrored, "the caller reads the same"


def test_we_refresh_with_an_update_at_half_time_and_the_call_lasts() -> None:
    scene = asking(("Session-Expires", "90;refresher=uas"))
    scene.step(400 * SECOND)
    assert seen(scene.network, "UPDATE") == 8
    assert scene.come.state is scene.out.state is CallState.CONFIRMED
    assert not scene.caller.told(CallReinvited), "no word of it to those who talk"


def test_a_phone_without_update_is_refreshed_with_what_was_agreed() -> None:
    scene = asking(("Session-Expires", "90;refresher=uas"))
    scene.come.timer.takes_update = False
    before = scene.network.now
    scene.step(50 * SECOND)
    assert seen(scene.network, "INVITE", before) == 1
    assert scene.out.remote_sdp == ANSWER_SDP
    assert not scene.caller.told(CallReinvited), "answered as a refresh"


def test_a_call_that_they_do_not_refresh_ends_a_little_early() -> None:
    scene = asking(("Session-Expires", "90;refresher=uac"))
    scene.network.drop = lambda message, to: message.start_line().startswith("UPDATE")
    scene.step(55 * SECOND)
    assert scene.come.state is CallState.CONFIRMED
    scene.step(10 * SECOND)
    assert "Session timer ran out" in last(scene.caller, CallEnded).reason
    scene.end()


def test_an_end_that_is_gone_is_noticed_by_who_refreshes() -> None:
    scene = asking(("Session-Expires", "90;refresher=uas"))
    scene.network.drop = lambda message, to: to == CALLER
    scene.step(46 * SECOND + 33 * SECOND)
    assert scene.come.state in (CallState.ENDING, CallState.ENDED)


def test_a_refresh_of_theirs_without_a_word_of_time_ends_the_timer() -> None:
    scene = asking(("Session-Expires", "90;refresher=uac"))
    scene.out.timer.seconds = 0
    scene.out.timer.due = None
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step()
    assert scene.come.timer.seconds == 0
    scene.step(300 * SECOND)
    assert scene.come.state is CallState.CONFIRMED


def test_what_they_refuse_as_too_short_is_asked_for_longer() -> None:
    scene = asking(("Session-Expires", "90;refresher=uas"))
    refused: list[Request] = []

    def refuse(message: Request | Response, _to: object) -> bool:
        if isinstance(message, Request) and message.method == "UPDATE" and not refused:
            refused.append(message)
            return True
        return False

    scene.network.drop = refuse
    timer = scene.come.timer
    response = parse_message(
        b"SIP/2.0 422 Session Interval Too Small\r\nMin-SE: 240\r\nVia: SIP/2.0/UDP x;branch=z\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 UPDATE\r\n\r\n"
    )
    assert isinstance(response, Response)
    timer.responded(response, scene.now)
    assert timer.seconds == 240
    scene.step(STEP)
    assert timer.due is not None


def test_the_timer_outlives_a_restart() -> None:
    scene = asking(("Session-Expires", "90;refresher=uas"))
    record = scene.come.record()
    assert (record.timer_seconds, record.timer_refresher, record.takes_update) == (90, "us", True)
    scene.called.endpoint = scene.called.start()
    scene.called.endpoint.restore(record, scene.now)
    scene.step(100 * SECOND)
    assert seen(scene.network, "UPDATE") == 2
    assert scene.out.state is CallState.CONFIRMED
