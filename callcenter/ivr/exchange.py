"""What goes between a session and the front end that drives it: inputs and actions.

Why: they are values, so a test, a terminal and a telephone can drive the same flow.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import Micros
from callcenter.ivr.shape import Comfort


# What comes in
class Digit(msgspec.Struct, frozen=True):
    """The caller pressed a key (0-9 * #)."""

    digit: str


class PromptFinished(msgspec.Struct, frozen=True):
    """What `Say` asked for was played to its end. 0 means: the one that plays now."""

    play: int = 0


class LookupDone(msgspec.Struct, frozen=True):
    """The answer to `AskLookup`. `fields` may be used in conditions."""

    found: bool
    fields: dict[str, str] = {}
    customer: str = ""


class CalendarState(msgspec.Struct, frozen=True):
    """The answer to `AskCalendar`: open, closed or holiday."""

    state: str


class WaitsKnown(msgspec.Struct, frozen=True):
    """The answer to `AskWaits`: per queue what is known, in seconds; see `waits.py`."""

    waits: dict[str, dict[str, int]] = {}


class AgentTalking(msgspec.Struct, frozen=True):
    """An agent answered: no announcements, no keys until `QueueLeft(ANSWERED)`."""


class Estimated(msgspec.Struct, frozen=True):
    """How long she will still wait, as far as it is known; counted from now."""

    position: int
    promised: Micros | None = None


class QueueLeft(msgspec.Struct, frozen=True):
    """The queue visit is over; for `ANSWERED`, the talk is over and the caller is still there."""

    exit: QueueExit


class NumberChecked(msgspec.Struct, frozen=True):
    """The answer to `CheckNumber`: the number as it would be dialled; empty when it may not be."""

    number: str = ""


class CallbackAnswered(msgspec.Struct, frozen=True):
    """The answer to `AskCallback`: she will be called back, or not."""

    promised: bool


class RecordedHow(StrEnum):
    """What became of a message."""

    SAVED = "saved"
    TOO_SHORT = "too_short"
    FAILED = "failed"
    """The disk is full, the recording broke, nobody takes messages."""


class Recorded(msgspec.Struct, frozen=True):
    """The message that `LeaveWord` asked for is over."""

    how: RecordedHow


class Failed(msgspec.Struct, frozen=True):
    """What the current node asked for cannot be done."""

    what: str = ""


Input: TypeAlias = (
    Digit
    | PromptFinished
    | LookupDone
    | CalendarState
    | WaitsKnown
    | AgentTalking
    | Estimated
    | QueueLeft
    | NumberChecked
    | CallbackAnswered
    | Recorded
    | Failed
)


# What is to be done


class Enter(msgspec.Struct, frozen=True):
    """The flow entered a node."""

    node: str


class Say(msgspec.Struct, frozen=True):
    """Play these prompts in order, then report `PromptFinished(play)`.

    `prompts` are audio references `flow/language/prompt`, `texts` their wording. A new `Say`
    replaces one that still plays. While queued, music goes on when it ends.
    """

    prompts: tuple[str, ...]
    texts: tuple[str, ...]
    interruptible: bool
    play: int


class StopSaying(msgspec.Struct, frozen=True):
    """Stop what `Say` plays; its end need not be reported."""


class Collected(msgspec.Struct, frozen=True):
    """Keys were taken: how many, never which."""

    node: str
    count: int


class AskLookup(msgspec.Struct, frozen=True):
    """Look for the customer. `by` is caller_number (the front end knows it; `value` is empty)
    or customer_number (`value` holds what was typed; it must not be journalled)."""

    by: str
    value: str


class AskCalendar(msgspec.Struct, frozen=True):
    """Ask whether a calendar is open now."""

    name: str


class AskWaits(msgspec.Struct, frozen=True):
    """Ask how long somebody would wait who went to these queues now (`waits.word_of`)."""

    queues: tuple[str, ...]


class Enqueue(msgspec.Struct, frozen=True):
    """Wait in a queue. `attributes` holds the variables written by `set`, never typed digits.

    `agent`, `exclude` and `language` may come from the customer's table: whoever hands them on
    takes only those that name somebody or something of the center.
    """

    queue: str
    skills: dict[str, int]
    priority: int | None
    attributes: dict[str, str]
    comfort: Comfort
    prefer: dict[str, int] = {}
    agent: str = ""
    exclude: tuple[str, ...] = ()
    language: str | None = None
    """None for the caller's, where the queue asks for it; empty for any."""


class LeaveQueue(msgspec.Struct, frozen=True):
    """The caller pressed the leave key; report `QueueLeft` when the visit is over."""


class CheckNumber(msgspec.Struct, frozen=True):
    """May this number be called back? Empty asks for the one she calls from. It must not be
    journalled."""

    number: str


class AskCallback(msgspec.Struct, frozen=True):
    """Promise her a callback at `number` (which must not be journalled). `queue` is empty for the
    one she waited in last."""

    number: str
    queue: str
    attributes: dict[str, str]


class LeaveWord(msgspec.Struct, frozen=True):
    """Keep what she says: until she is silent, `#`, or `longest`; report `Recorded`. What is shorter
    than `shortest` is no message. `queue` is empty for the one she waited in last."""

    queue: str
    longest: Micros
    shortest: Micros
    silence: Micros
    attributes: dict[str, str]


class StopRecording(msgspec.Struct, frozen=True):
    """She pressed the key that ends her message."""


class HangUp(msgspec.Struct, frozen=True):
    """The flow is over: end the call with this reason."""

    reason: Reason


Action: TypeAlias = (
    Enter
    | Say
    | StopSaying
    | Collected
    | AskLookup
    | AskCalendar
    | AskWaits
    | Enqueue
    | LeaveQueue
    | CheckNumber
    | AskCallback
    | LeaveWord
    | StopRecording
    | HangUp
)
