"""A caller leaves a message: words, a beep, and a named end."""

from __future__ import annotations

import pytest

from callcenter.domain.errors import WrongInput
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND
from callcenter.ivr.draw import draw_mermaid
from callcenter.ivr.flow import load_flow
from callcenter.ivr.play import Caller, World
from callcenter.ivr.session import (
    Digit,
    HangUp,
    LeaveWord,
    Phase,
    PromptFinished,
    Recorded,
    RecordedHow,
    Say,
    Session,
    StopRecording,
)
from callcenter.ivr.shape import Flow, Known

TEXT = """
flow: word
entry: leave
languages: [en]
prompts:
  speak: { en: Speak after the beep. }
nodes:
  leave:
    voicemail: { prompt: speak, QUEUE max: 90s, min: 1s, silence: 4s }
    saved: saved
    too_short: short
    failed: failed
  saved: { hangup: voicemail }
  short: { hangup: left }
  failed: { hangup: full }
"""


def flow(queue: str = "queue: sales,") -> Flow:
    return load_flow(TEXT.replace("QUEUE", queue), "word.yaml", Known())


def recording() -> Session:
    session = Session(flow())
    said = next(one for one in session.start(0) if isinstance(one, Say))
    assert said.prompts == ("word/en/speak", "music/beep")
    actions = session.react(PromptFinished(said.play), SECOND)
    assert actions == [LeaveWord("sales", 90 * SECOND, SECOND, 4 * SECOND, {"language": "en"})]
    return session


def test_the_beep_is_the_last_thing_that_is_said_before_it_is_recorded() -> None:
    session = recording()
    assert session.phase is Phase.RECORDING
    assert session.deadline == (1 + 90 + 15) * SECOND


def test_keys_before_the_beep_cut_nothing_short() -> None:
    session = Session(flow())
    session.start(0)
    assert session.react(Digit("1"), 0) == []
    assert session.phase is Phase.SAYING


def test_only_pound_ends_a_message() -> None:
    session = recording()
    assert session.react(Digit("1"), SECOND) == []
    assert session.react(Digit("#"), SECOND) == [StopRecording()]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (RecordedHow.SAVED, Reason.VOICEMAIL_LEFT),
        (RecordedHow.TOO_SHORT, Reason.LEFT_BY_KEY),
        (RecordedHow.FAILED, Reason.QUEUE_FULL),
    ],
)
def test_each_end_has_its_exit(how: RecordedHow, reason: Reason) -> None:
    assert recording().react(Recorded(how), SECOND)[-1] == HangUp(reason)


def test_a_message_of_which_nobody_tells_ends_by_name() -> None:
    session = recording()
    assert session.deadline is not None
    actions = session.tick(session.deadline)
    assert actions[0] == StopRecording()
    assert actions[-1] == HangUp(Reason.QUEUE_FULL)


def test_after_a_restart_it_is_still_recording() -> None:
    again = Session.restore(flow(), recording().record())
    assert again.resume(0) == []
    assert again.react(Recorded(RecordedHow.SAVED), 0)[-1] == HangUp(Reason.VOICEMAIL_LEFT)


@pytest.mark.parametrize(
    ("was", "put", "message"),
    [
        ("    failed: failed\n", "", "`failed` is missing"),
        ("max: 90s", "max: 11m", "must be a time from 5s to 600s"),
        ("prompt: speak, ", "", "`prompt` is missing"),
        ("QUEUE", "", "in which queue does it wait"),
    ],
)
def test_mistakes_are_told_with_their_place(was: str, put: str, message: str) -> None:
    with pytest.raises(WrongInput) as wrong:
        load_flow(TEXT.replace(was, put).replace("QUEUE", "queue: sales,"), "word.yaml", Known())
    assert message in str(wrong.value)


def test_a_drawing_and_a_virtual_caller_know_it() -> None:
    assert "voicemail sales" in draw_mermaid(flow())
    caller = Caller(flow(), World())
    caller.rest()
    assert caller.left_word is not None
    assert caller.ended is Reason.VOICEMAIL_LEFT
    caller = Caller(flow(), World(messages="too_short"))
    caller.rest()
    assert caller.left_word is None
