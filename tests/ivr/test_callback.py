"""A caller would rather be called back: which number, is it right, and then the promise."""

from __future__ import annotations

import pytest

from callcenter.domain.errors import WrongInput
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND
from callcenter.ivr.draw import draw_mermaid
from callcenter.ivr.flow import load_flow
from callcenter.ivr.play import Caller, World
from callcenter.ivr.session import (
    AskCallback,
    CallbackAnswered,
    CheckNumber,
    Collected,
    Digit,
    HangUp,
    NumberChecked,
    PromptFinished,
    Say,
    Session,
)
from callcenter.ivr.shape import Flow, Known

TEXT = """
flow: later
entry: call_me
languages: [en]
prompts:
  number_is: { en: Your number is }
  right: { en: 1 for yes, }
  which: { en: Which number? }
  again: { en: Sorry. }
nodes:
  call_me:
    callback: { QUEUE number: number_is, confirm: right, ask: which, again: again, retries: 1 }
    promised: promised
    refused: refused
    no_input: silent
    no_match: wrong
  promised: { hangup: callback }
  refused: { hangup: full }
  silent: { hangup: normal }
  wrong: { hangup: left }
"""


def flow(queue: str = "queue: sales,") -> Flow:
    return load_flow(TEXT.replace("QUEUE", queue), "later.yaml", Known())


def told(session: Session, happened: object, now: int = 0) -> list[object]:
    return list(session.react(happened, now))  # type: ignore[arg-type]


def keys(session: Session, typed: str, now: int = 0) -> list[object]:
    return [action for key in typed for action in told(session, Digit(key), now)]


def begun(number: str = "+15550123") -> tuple[Session, list[object]]:
    """She calls from `number` and hears the first question."""
    session = Session(flow())
    assert session.start(0)[-1] == CheckNumber("")
    return session, told(session, NumberChecked(number))


def said(actions: list[object]) -> list[str]:
    return [name for one in actions if isinstance(one, Say) for name in one.prompts]


def test_the_number_she_calls_from_is_read_out_digit_by_digit() -> None:
    _, actions = begun("+15550")
    assert said(actions) == [
        "later/en/number_is",
        *(f"system/en/{digit}" for digit in "15550"),
        "later/en/right",
    ]


def test_one_key_takes_it_and_the_promise_is_asked_for() -> None:
    session, _ = begun()
    actions = keys(session, "1")
    assert actions[-1] == AskCallback("+15550123", "sales", {"language": "en"})
    assert told(session, CallbackAnswered(True))[-1] == HangUp(Reason.CALLBACK_PROMISED)


def test_what_is_refused_goes_on_by_name() -> None:
    session, _ = begun()
    keys(session, "1")
    assert told(session, CallbackAnswered(False))[-1] == HangUp(Reason.QUEUE_FULL)


def test_a_number_that_may_not_be_called_is_not_offered() -> None:
    _, actions = begun("")
    assert said(actions) == ["later/en/which"]


def test_another_number_is_typed_checked_and_read_out() -> None:
    session, _ = begun()
    keys(session, "2")
    actions = keys(session, "15550199#")
    assert actions[-1] == CheckNumber("15550199")
    assert Collected("call_me", 8) in actions
    actions = told(session, NumberChecked("+15550199"))
    assert said(actions)[1] == "system/en/1"
    assert keys(session, "1")[-1] == AskCallback("+15550199", "sales", {"language": "en"})


def test_star_begins_the_number_anew() -> None:
    session, _ = begun("")
    assert keys(session, "99*123#")[-1] == CheckNumber("123")


def test_the_last_possible_digit_and_a_pause_end_a_number() -> None:
    session, _ = begun("")
    assert keys(session, "12345678901234567")[-1] == CheckNumber("12345678901234567")
    session, _ = begun("")
    keys(session, "1234", SECOND)
    assert session.deadline == 4 * SECOND
    assert session.tick(4 * SECOND)[-1] == CheckNumber("1234")


def test_a_number_that_no_trunk_may_dial_is_asked_again_and_then_given_up() -> None:
    session, _ = begun("")
    keys(session, "900123#")
    assert said(told(session, NumberChecked(""))) == ["later/en/again", "later/en/which"]
    keys(session, "900124#")
    assert told(session, NumberChecked(""))[-1] == HangUp(Reason.LEFT_BY_KEY)


def test_a_wrong_key_at_the_confirmation_reads_the_number_once_more() -> None:
    session, _ = begun("+155")
    assert said(keys(session, "7"))[:3] == ["later/en/again", "later/en/number_is", "system/en/1"]
    assert keys(session, "8")[-1] == HangUp(Reason.LEFT_BY_KEY)


def test_silence_is_asked_again_and_then_left_by_name() -> None:
    session, actions = begun()
    for _ in range(2):
        play = next(one.play for one in actions if isinstance(one, Say))
        told(session, PromptFinished(play))
        assert session.deadline is not None
        actions = list(session.tick(session.deadline))
    assert actions[-1] == HangUp(Reason.FLOW_HUNG_UP)


def test_keys_of_the_node_before_confirm_nothing() -> None:
    session = Session(flow())
    session.start(0)
    keys(session, "1")
    assert not any(isinstance(a, AskCallback) for a in told(session, NumberChecked("+15550123")))


def test_after_a_restart_the_same_is_asked_again() -> None:
    session, _ = begun()
    keys(session, "1")
    again = Session.restore(flow(), session.record())
    assert again.resume(0) == [AskCallback("+15550123", "sales", {"language": "en"})]
    session, _ = begun("")
    keys(session, "1234#")
    again = Session.restore(flow(), session.record())
    assert again.resume(0) == [CheckNumber("1234")]


def test_a_promise_that_nobody_answers_for_is_a_failure_of_the_node() -> None:
    session, _ = begun()
    keys(session, "1")
    assert session.deadline is not None
    assert session.tick(session.deadline)[-1] == HangUp(Reason.FLOW_FAILED)


def test_an_exit_that_is_not_wired_is_told_with_its_place() -> None:
    with pytest.raises(WrongInput) as wrong:
        load_flow(
            TEXT.replace("    refused: refused\n", "").replace("QUEUE", ""), "f.yaml", Known()
        )
    assert "`refused` is missing" in str(wrong.value)


def test_a_callback_that_nobody_waited_for_must_name_its_queue() -> None:
    with pytest.raises(WrongInput) as wrong:
        flow(queue="")
    assert "in which queue does it wait" in str(wrong.value)


def test_a_queue_that_nobody_configured_is_told() -> None:
    with pytest.raises(WrongInput) as wrong:
        load_flow(
            TEXT.replace("QUEUE", "queue: sails,"), "f.yaml", Known(queues=frozenset({"sales"}))
        )
    assert "unknown queue" in str(wrong.value)


def test_a_drawing_shows_where_it_waits() -> None:
    assert "callback sales" in draw_mermaid(flow())


def test_a_caller_on_a_virtual_clock_is_called_back() -> None:
    caller = Caller(flow(), World(number="+15550123"))
    caller.press("1")
    assert caller.called_back is not None
    assert caller.ended is Reason.CALLBACK_PROMISED
