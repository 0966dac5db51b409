"""What a waiting caller is told of her place and her wait, and when she is told nothing."""

from __future__ import annotations

import pytest

from callcenter.domain.units import MINUTE, SECOND
from callcenter.ivr.estimate import GOOD_FOR, RANGES, WORDS, place_words, range_of, wait_words
from callcenter.ivr.session import Estimated, PromptFinished
from tests.ivr.flows import EXITS, flow_of
from tests.ivr.test_session import Try, said

NODES = f"  start: {{ queue: sales, comfort: told, {EXITS} }}"


def waiting(announce: str = "[position, estimated_wait]") -> Try:
    """A caller who waits, and hears one of these every 20 s."""
    return Try(flow_of(NODES, f"comfort: {{ told: {{ every: 20s, announce: {announce} }} }}\n"))


def hears(call: Try, position: int, promised_seconds: int | None = None) -> list[str]:
    """An estimate comes in; what she hears when the next announcement is due."""
    promised = None if promised_seconds is None else promised_seconds * SECOND
    call(PromptFinished(), Estimated(position, promised))
    return said(call.after(20))


def test_place_and_wait_are_said_in_turn() -> None:
    call = waiting()
    assert hears(call, 3, 200) == ["system/en/position_3"]
    assert hears(call, 2, 150) == ["system/en/wait_3"]
    assert hears(call, 2, 90) == ["system/en/position_2"]


def test_nothing_is_said_where_nothing_is_known() -> None:
    call = waiting()
    assert said(call.after(20)) == []
    assert hears(call, 3) == ["system/en/position_3"], "the place is known without the wait"
    assert hears(call, 2) == ["system/en/position_2"], "and is said in the turn of the wait"


def test_what_has_nothing_to_say_gives_its_turn_to_the_next() -> None:
    call = waiting("[position, estimated_wait, sorry]")
    assert said(call.after(20)) == ["try/en/sorry"]
    call(PromptFinished())
    assert said(call.after(20)) == ["try/en/sorry"]
    assert hears(call, 4) == ["system/en/position_4"]


def test_an_estimate_that_is_not_renewed_is_forgotten() -> None:
    call = waiting("estimated_wait")
    call(Estimated(1, 60 * SECOND))
    call.after(GOOD_FOR // SECOND)
    call(PromptFinished())
    assert said(call.after(20)) == []


def test_the_wait_is_what_is_left_of_it() -> None:
    call = waiting("estimated_wait")
    assert hears(call, 1, 130) == ["system/en/wait_2"], "130 s less the 20 s until it is said"


def test_a_wait_grown_by_little_is_passed_over_and_by_much_is_admitted() -> None:
    call = waiting("estimated_wait")
    assert hears(call, 4, 130) == ["system/en/wait_2"]
    assert hears(call, 4, 190) == [], "two to three minutes: not worth a contradiction"
    assert hears(call, 4, 300) == ["system/en/wait_longer", "system/en/wait_5"]
    assert hears(call, 4, 300) == ["system/en/wait_5"]


def test_a_place_that_went_up_is_not_said() -> None:
    call = waiting("position")
    assert hears(call, 2) == ["system/en/position_2"]
    assert hears(call, 3) == []
    assert hears(call, 2) == ["system/en/position_2"]


def test_a_new_visit_begins_without_what_was_said_in_the_last() -> None:
    assert place_words(5, 0) == "position_5"
    call = waiting("estimated_wait")
    hears(call, 1, 60)
    again = waiting("estimated_wait")
    assert hears(again, 1, 600) == ["system/en/wait_10"]


def test_a_prompt_of_the_flow_goes_before_the_words_of_the_telephone() -> None:
    head = "flow: try\nentry: start\nlanguages: [en]\nprompts:\n  position: { en: Be patient. }\n"
    rest = "comfort: { told: { every: 20s, announce: position } }\n"
    assert said(Try(flow_of(NODES, rest, head)).after(20)) == ["try/en/position"]


def test_a_restarted_process_remembers_what_was_said() -> None:
    call = waiting("estimated_wait")
    assert hears(call, 4, 130) == ["system/en/wait_2"]
    call.restart()
    assert hears(call, 4, 300) == ["system/en/wait_longer", "system/en/wait_5"]


@pytest.mark.parametrize(
    ("promised", "prompt"),
    [(0, "wait_1"), (60, "wait_1"), (61, "wait_2"), (300, "wait_5"), (601, "wait_15"), (1800, "wait_30"), (1801, "wait_long")],
)  # fmt: skip
def test_the_upper_end_of_what_is_said_keeps_the_promise(promised: int, prompt: str) -> None:
    assert wait_words(range_of(promised * SECOND), 0) == (prompt,)


def test_ranges_rise_and_all_their_words_exist() -> None:
    ends = [one.most for one in RANGES]
    assert ends == sorted(ends)
    assert ends[0] == MINUTE
    said = {word for n in range(1, len(RANGES) + 2) for word in wait_words(n, 0)}
    assert said | {"wait_longer"} | {place_words(n, 0) for n in range(1, 30)} == set(WORDS)
    assert place_words(0, 0) == ""
