"""What a waiting caller is told of her place and her wait: which words, and when none.

    position   next in line, number two … ten, ten or more ahead
    wait       a range of minutes whose upper end is the promise: four of five wait no longer

Why: a number that is wrong is worse than music. So nothing is said where nothing is known, a wait is
said as a range in whole minutes, and neither ever goes up as if nothing had happened: a slightly
longer wait is passed over in silence, a much longer one is admitted first. A place that went up
(somebody urgent came) is not said at all.

The words are prompts of the telephone itself (`ivr_flows/prompts/system`), in every language that
it speaks; they can be replaced by recordings like any other.
"""

from typing import NamedTuple

from callcenter.domain.units import MINUTE, SECOND, Micros

POSITION, ESTIMATED_WAIT = "position", "estimated_wait"
ANNOUNCED = (POSITION, ESTIMATED_WAIT)
"""What may stand in `announce` beside prompts of the flow."""

GOOD_FOR: Micros = 75 * SECOND
"""An estimate that was not renewed for so long is no longer known."""

PLACES: tuple[tuple[str, str], ...] = (
    ("position_1", "You are next in line."),
    ("position_2", "You are number two in line."),
    ("position_3", "You are number three in line."),
    ("position_4", "You are number four in line."),
    ("position_5", "You are number five in line."),
    ("position_6", "You are number six in line."),
    ("position_7", "You are number seven in line."),
    ("position_8", "You are number eight in line."),
    ("position_9", "You are number nine in line."),
    ("position_10", "You are number ten in line."),
    ("position_many", "Ten or more callers are ahead of you."),
)


class Range(NamedTuple):
    """A range of minutes up to `most`, and how it is said."""

    most: Micros
    prompt: str
    text: str


RANGES: tuple[Range, ...] = (
    Range(1 * MINUTE, "wait_1", "The expected wait is less than one minute."),
    Range(2 * MINUTE, "wait_2", "The expected wait is one to two minutes."),
    Range(3 * MINUTE, "wait_3", "The expected wait is two to three minutes."),
    Range(5 * MINUTE, "wait_5", "The expected wait is three to five minutes."),
    Range(10 * MINUTE, "wait_10", "The expected wait is five to ten minutes."),
    Range(15 * MINUTE, "wait_15", "The expected wait is ten to fifteen minutes."),
    Range(20 * MINUTE, "wait_20", "The expected wait is fifteen to twenty minutes."),
    Range(30 * MINUTE, "wait_30", "The expected wait is twenty to thirty minutes."),
)
VERY_LONG = ("wait_long", "The expected wait is more than thirty minutes.")
LONGER = ("wait_longer", "It takes longer than expected.")
STEP_SILENT = 1
"""A wait that is so many ranges longer than what was said is not mentioned."""

WORDS: dict[str, str] = dict(
    (*PLACES, *((one.prompt, one.text) for one in RANGES), VERY_LONG, LONGER)
)


def place_words(place: int, said: int) -> str:
    """The prompt for a place, after `said` was said last (0 for none); empty for silence."""
    if place < 1 or (said and place > said):
        return ""
    return PLACES[min(place, len(PLACES)) - 1][0]


def range_of(promised: Micros) -> int:
    """The number of the range that keeps the promise, counted from 1; the last has no end."""
    return next((n for n, one in enumerate(RANGES, 1) if promised <= one.most), len(RANGES) + 1)


def wait_words(number: int, said: int) -> tuple[str, ...]:
    """The prompts for a range, after `said` was said last (0 for none); empty for silence."""
    words = RANGES[number - 1].prompt if number <= len(RANGES) else VERY_LONG[0]
    if not said or number <= said:
        return (words,)
    return (LONGER[0], words) if number > said + STEP_SILENT else ()
