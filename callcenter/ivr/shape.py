"""What a flow is: named nodes with one verb each, every exit by name; prompts apart from logic.

Why: the file *is* the graph, so checking, drawing, testing and running all read the same value.
A `Flow` is immutable and complete: a call that began with it needs nothing else until it ends.
Durations are microseconds (`Micros`); languages are the flow's own words, the first one is what a
caller hears who chose none.
"""

import hashlib
from typing import TypeAlias

import msgspec

from callcenter.domain.errors import Problem
from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, Micros
from callcenter.ivr.expression import Expression

SCHEMA = 1
KEYS = "0123456789*#"
ALWAYS = "always"
"""The calendar that needs no configuration: open at any time."""

Exits: TypeAlias = tuple[tuple[str, str], ...]

HANGUPS: dict[str, Reason] = {
    "normal": Reason.FLOW_HUNG_UP,
    "closed": Reason.QUEUE_CLOSED,
    "full": Reason.QUEUE_FULL,
    "unstaffed": Reason.QUEUE_UNSTAFFED,
    "timeout": Reason.WAIT_LIMIT,
    "left": Reason.LEFT_BY_KEY,
    "callback": Reason.CALLBACK_PROMISED,
    "voicemail": Reason.VOICEMAIL_LEFT,
}
"""What may stand after `hangup:`; the contact ends with that reason."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The names a flow may use, from the configuration. `None` means: not checked."""

    queues: frozenset[str] | None = None
    calendars: frozenset[str] | None = None
    skills: frozenset[str] | None = None
    agents: frozenset[str] | None = None
    asking_language: frozenset[str] = frozenset()
    """Queues that ask for the caller's language."""
    audio: frozenset[str] | None = None
    """References `flow/language/prompt` that exist as audio."""


class Node(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One step. `on_error` is where its failure leads, empty for the flow's own."""

    name: str
    line: int
    column: int
    on_error: str = ""

    def exits(self) -> Exits:
        """Each way out: its label and the name of the node it leads to."""
        return ()


class Spoken(Node, frozen=True, kw_only=True):
    """A step that speaks. With `every_language` each prompt is said in all languages in turn."""

    prompts: tuple[str, ...] = ()
    every_language: bool = False


class Say(Spoken, frozen=True, kw_only=True):
    """Speak, then go on. A digit ends it early and is kept, unless it may not be interrupted."""

    next: str
    interruptible: bool = True

    def exits(self) -> Exits:
        return (("next", self.next),)


class Asking(Spoken, frozen=True, kw_only=True):
    """A step that waits for keys: asked `retries` times again before it gives up."""

    no_input: str
    no_match: str
    input_timeout: Micros
    retries: int
    again: tuple[str, ...] = ()
    """Said before the question is repeated."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What one key of a menu does."""

    next: str
    set: dict[str, str] = {}


class Menu(Asking, frozen=True, kw_only=True):
    """One key chooses."""

    keys: dict[str, Choice]

    def exits(self) -> Exits:
        chosen = tuple((key, choice.next) for key, choice in self.keys.items())
        return (*chosen, ("no_input", self.no_input), ("no_match", self.no_match))


class Digits(Asking, frozen=True, kw_only=True):
    """Several keys: at least `minimum`, ended by `finish`, by `maximum` or by a pause."""

    next: str
    variable: str
    minimum: int
    maximum: int
    finish: str
    digit_timeout: Micros

    def exits(self) -> Exits:
        return (("next", self.next), ("no_input", self.no_input), ("no_match", self.no_match))


class Hours(Node, frozen=True, kw_only=True):
    """Ask a calendar by name."""

    calendar: str
    open: str
    closed: str
    holiday: str

    def exits(self) -> Exits:
        return (("open", self.open), ("closed", self.closed), ("holiday", self.holiday))


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a `when` node."""

    condition: Expression
    next: str


class When(Node, frozen=True, kw_only=True):
    """The first condition that holds decides."""

    cases: tuple[Case, ...]
    otherwise: str

    def exits(self) -> Exits:
        conditions = tuple((f"if {case.condition.text}", case.next) for case in self.cases)
        return (*conditions, ("else", self.otherwise))


class Set(Node, frozen=True, kw_only=True):
    """Remember something about the contact; the agent sees it."""

    values: dict[str, str]
    next: str

    def exits(self) -> Exits:
        return (("next", self.next),)


class Lookup(Node, frozen=True, kw_only=True):
    """Look for the customer, by the caller's number or by typed digits in `variable`."""

    by: str
    variable: str
    found: str
    unknown: str

    def exits(self) -> Exits:
        return (("found", self.found), ("unknown", self.unknown))


class Queue(Node, frozen=True, kw_only=True):
    """Wait for an agent. A skill `$name` is the one that the variable names."""

    queue: str
    skills: dict[str, int] = {}
    prefer: dict[str, int] = {}
    """Welcome skills."""
    priority: int | None = None
    agent: Expression | None = None
    """Names whoever knows the matter; the queue's plan says how long she is waited for alone."""
    exclude: tuple[Expression, ...] = ()
    """Name people who are not asked."""
    language: Expression | None = None
    """Names the language to be served in; the caller's own, where the queue asks for it."""
    any_language: bool = False
    """Whatever the queue asks for."""
    comfort: str = ""
    ways: dict[QueueExit, str]

    def exits(self) -> Exits:
        return tuple((exit_.value, target) for exit_, target in self.ways.items())


class Callback(Asking, frozen=True, kw_only=True):
    """Promise a callback: which number is confirmed by key. `prompts` ask for another one."""

    queue: str = ""
    """Where it waits; empty for the queue that the caller waited in last."""
    number_is: tuple[str, ...] = ()
    """Said before the number is read out."""
    confirm: tuple[str, ...]
    """Said after it: 1 takes it, 2 types another one."""
    minimum: int
    maximum: int
    digit_timeout: Micros
    promised: str
    refused: str

    def exits(self) -> Exits:
        return (
            ("promised", self.promised),
            ("refused", self.refused),
            ("no_input", self.no_input),
            ("no_match", self.no_match),
        )


class Voicemail(Spoken, frozen=True, kw_only=True):
    """Let the caller leave a message, after a beep."""

    queue: str = ""
    """Where it waits for an agent; empty for the queue that the caller waited in last."""
    longest: Micros
    shortest: Micros
    silence: Micros
    saved: str
    too_short: str
    failed: str

    def exits(self) -> Exits:
        return (("saved", self.saved), ("too_short", self.too_short), ("failed", self.failed))


class HangUp(Node, frozen=True, kw_only=True):
    """End the call."""

    reason: Reason


AnyNode: TypeAlias = (
    Say | Menu | Digits | Hours | When | Set | Lookup | Queue | Callback | Voicemail | HangUp
)


class Comfort(msgspec.Struct, frozen=True, kw_only=True):
    """What a waiting caller hears, and the key that takes her out of the queue (or none)."""

    music: str = "default"
    every: Micros = 30 * SECOND
    announce: tuple[str, ...] = ()
    leave_key: str = ""


class FlowTest(msgspec.Struct, frozen=True, kw_only=True):
    """One test of a flow file: what is given, what the caller does, what must come of it."""

    name: str
    line: int = 0
    column: int = 0
    customer: dict[str, str] | None = None
    """Fields of the customer that a lookup finds; `None`: unknown."""
    facts: dict[str, str] = {}
    calendars: dict[str, str] = {}
    queues: dict[str, QueueExit] = {}
    """Queues that let the caller out at once, and how."""
    number: str = ""
    """What she calls from, as far as it may be called back."""
    callbacks: bool = True
    """Whether callbacks are promised."""
    waits: dict[str, int] = {}
    """Expected wait of queues in seconds; of others it is not known."""
    messages: str = "saved"
    """What becomes of a message."""
    steps: tuple[tuple[str, str], ...] = ()
    expect: "Expectation"


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What a test compares; `None` compares nothing."""

    queue: str | None = None
    priority: int | None = None
    skills: dict[str, int] | None = None
    agent: str | None = None
    language: str | None = None
    attributes: dict[str, str] = {}
    visited: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    ended: str | None = None
    callback: str | None = None
    """The number that a callback was promised at."""


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A checked flow in one revision."""

    name: str
    revision: str
    """Hash of the file's text: equal text, equal revision."""
    title: str
    file: str
    source: str
    """The file's text, so that a call's revision outlives the file."""
    entry: str
    languages: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    """Numbers the flow is written for; the configuration decides."""
    on_error: str = ""
    prompts: dict[str, dict[str, str]]
    nodes: dict[str, AnyNode]
    comfort: dict[str, Comfort]
    tests: tuple[FlowTest, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def reference(self, prompt: str, language: str) -> str:
        """Name of a prompt's audio: `flow/language/prompt`."""
        return f"{self.name}/{language}/{prompt}"


def revision_of(text: str) -> str:
    """Content hash of a flow file; line ends do not count."""
    unix = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    return hashlib.sha256(unix).hexdigest()[:16]
