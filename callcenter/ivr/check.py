"""What a whole flow must keep: every name exists, every way leads on, no caller is trapped.

    error    unknown node, prompt, language, comfort, queue, skill, agent, calendar, variable;
             a prompt missing in a language; a cycle that needs neither a key nor a wait;
             a callback without a queue that no way through a queue leads to
    warning  unreachable node, prompt never said or too long or without audio,
             a menu of more than five keys, no way to a human,
             a language that a queue asks for and nobody can be good at

Why: a mistake that only a caller would find is found here, with its place and a remedy.
"""

from collections.abc import Callable, Collection, Iterator

from callcenter.domain.errors import Problem
from callcenter.domain.events import QueueExit
from callcenter.ivr import waits
from callcenter.ivr.estimate import ANNOUNCED
from callcenter.ivr.read import Reading
from callcenter.ivr.read_tests import FACTS
from callcenter.ivr.reader import Reference, nearest, shown, suggest
from callcenter.ivr.shape import (
    ALWAYS,
    AnyNode,
    Callback,
    Digits,
    Flow,
    Known,
    Menu,
    Queue,
    Spoken,
    Voicemail,
)

MENU_KEYS_GOOD = 5
PROMPT_CHARACTERS_GOOD = 350
"""About 25 s of speech."""

_IMMEDIATE_QUEUE_EXITS = (QueueExit.FULL, QueueExit.UNSTAFFED, QueueExit.CLOSED)


def check_names(reading: Reading, known: Known) -> list[Problem]:
    """Every name a flow refers to exists, here or in the configuration."""
    names = _Names(reading, known)
    problems = [problem for reference in reading.references for problem in names.check(reference)]
    return [*problems, *_check_prompts(reading, known), *_check_languages(reading.flow, known)]


class _Names:
    """Looks references up, each kind where it belongs."""

    def __init__(self, reading: Reading, known: Known) -> None:
        flow = reading.flow
        self._file = flow.file
        self._flow = flow
        self._known = known
        self._values = settable(flow)
        self._typed = frozenset(r.name for r in reading.references if r.kind == "typed")
        self._places: dict[str, Collection[str] | None] = {
            "node": reading.declared_nodes,
            "prompt": flow.prompts,
            "announcement": {*flow.prompts, *ANNOUNCED},
            "comfort": flow.comfort,
            "language": flow.languages,
            "queue": known.queues,
            "skill": known.skills,
            "agent": known.agents,
            "calendar": None if known.calendars is None else known.calendars | {ALWAYS},
            "typed variable": self._typed,
        }
        self._rules: dict[str, Callable[[Reference], Iterator[Problem]]] = {
            "set": self._set,
            "typed": self._typed_name,
            "condition": self._condition,
            "skill variable": self._skill_variable,
            "named agent": lambda one: self._named(one, "agent", known.agents),
            "named skill": lambda one: self._named(one, "skill", known.skills),
        }

    def check(self, reference: Reference) -> Iterator[Problem]:
        rule = self._rules.get(reference.kind, self._exists)
        return rule(reference)

    def _exists(self, reference: Reference) -> Iterator[Problem]:
        words = self._places[reference.kind]
        if words is not None and reference.name not in words:
            kind = "prompt" if reference.kind == "announcement" else reference.kind
            message = f"unknown {kind} {shown(reference.name)}"
            yield self._problem(reference, message, suggest(reference.name, words))

    def _set(self, reference: Reference) -> Iterator[Problem]:
        if reference.name in self._typed:
            message = f"{shown(reference.name)} holds typed digits and cannot be set"
            yield self._problem(reference, message, "use another name")

    def _typed_name(self, reference: Reference) -> Iterator[Problem]:
        if reference.name == "language":
            yield self._problem(reference, "`language` cannot be typed", "set it by a menu key")

    def _condition(self, reference: Reference) -> Iterator[Problem]:
        first, *rest = reference.name.split(".")
        variables = self._typed | self._values.keys()
        if first == waits.ROOT:
            yield from self._wait(reference, rest)
        elif first == "call" and (len(rest) != 1 or rest[0] not in FACTS):
            hint = suggest(rest[0] if rest else "", [f"call.{fact}" for fact in FACTS])
            yield self._problem(reference, f"unknown fact {shown(reference.name)}", hint)
        elif first == "customer" and len(rest) > 1:
            hint = "customer.field, as in the imported table"
            yield self._problem(reference, "a customer's field holds no fields", hint)
        elif first not in ("call", "customer"):
            if first not in variables:
                hint = nearest(first, ["customer", "call", "queue", *variables]) or "set it first"
                yield self._problem(reference, f"unknown variable {shown(first)}", hint)
            elif rest:
                yield self._problem(reference, f"{shown(first)} holds no fields")

    def _wait(self, reference: Reference, rest: list[str]) -> Iterator[Problem]:
        """`queue.sales.expected_wait`, or without a name where the flow leads to one queue only."""
        here = waits.queues_of(self._flow)
        known = here if self._known.queues is None else map(waits.word_of, self._known.queues)
        words = sorted({*known})
        if not rest or rest[-1] not in waits.FIELDS or len(rest) > 2:
            hint = suggest(rest[-1] if rest else "", [f"queue.{field}" for field in waits.FIELDS])
            yield self._problem(reference, f"unknown value {shown(reference.name)}", hint)
        elif len(rest) == 2 and rest[0] not in words:
            yield self._problem(
                reference, f"unknown queue {shown(rest[0])}", suggest(rest[0], words)
            )
        elif len(rest) == 1 and len(here) != 1:
            which = "several queues" if here else "no queue"
            hint = f"queue.{(here or words or ['NAME'])[0]}.{rest[0]}"
            yield self._problem(reference, f"which queue? the flow leads to {which}", hint)

    def _skill_variable(self, reference: Reference) -> Iterator[Problem]:
        values = self._values.get(reference.name)
        if values is None:
            hint = suggest(reference.name, self._values)
            yield self._problem(reference, f"${reference.name} is never set", hint)
        elif self._known.skills is not None:
            for value in sorted(values - self._known.skills):
                message = f"${reference.name} can be {shown(value)}, which is no skill"
                yield self._problem(reference, message, suggest(value, self._known.skills))

    def _named(
        self, reference: Reference, kind: str, words: frozenset[str] | None
    ) -> Iterator[Problem]:
        """Whom a variable or a customer's field names. A field holds what it holds: who is
        unknown is not waited for."""
        if reference.name in self._typed:
            message = f"{shown(reference.name)} holds typed digits, which never leave the call"
            yield self._problem(reference, message, f"look the customer up: customer.{kind}")
        elif reference.name.split(".")[0] not in ("customer", "call", *self._values):
            message = f"unknown variable {shown(reference.name)}"
            hint = nearest(reference.name, self._values) or (
                f"customer.FIELD, a variable, or {reference.name!r} in quotes twice: "
                f"\"'{reference.name}'\""
            )
            yield self._problem(reference, message, hint)
        else:
            yield from self._condition(reference)
            for value in sorted(self._values.get(reference.name, frozenset()) - (words or set())):
                if words is not None:
                    message = f"{reference.name} can be {shown(value)}, which is no {kind}"
                    yield self._problem(reference, message, suggest(value, words))

    def _problem(self, reference: Reference, message: str, hint: str = "") -> Problem:
        return Problem(
            file=self._file,
            line=reference.line,
            column=reference.column,
            field=reference.field,
            message=message,
            hint=hint,
        )


def settable(flow: Flow) -> dict[str, frozenset[str]]:
    """Each variable that can be set -> the values it can take."""
    values: dict[str, set[str]] = {"language": set(flow.languages)}
    for node in flow.nodes.values():
        if isinstance(node, Menu):
            settings = [choice.set for choice in node.keys.values()]
        else:
            settings = [getattr(node, "values", {})]
        for setting in settings:
            for name, value in setting.items():
                values.setdefault(name, set()).add(value)
    return {name: frozenset(found) for name, found in values.items()}


def _check_prompts(reading: Reading, known: Known) -> Iterator[Problem]:
    flow = reading.flow
    said = {r.name for r in reading.references if r.kind in ("prompt", "announcement")}
    for prompt, wordings in flow.prompts.items():
        line, column = reading.places[prompt]

        def problem(
            message: str,
            hint: str = "",
            severity: str = "warning",
            *,
            at: tuple[str, int, int] = (prompt, line, column),
        ) -> Problem:
            return Problem(
                file=flow.file,
                line=at[1],
                column=at[2],
                field=f"prompts.{at[0]}",
                message=message,
                hint=hint,
                severity=severity,
            )

        missing = [language for language in flow.languages if language not in wordings]
        if missing:
            message = f"has no wording in {', '.join(missing)}"
            yield problem(message, "every prompt speaks every language of the flow", "error")
        if prompt not in said:
            yield problem("is never said", "remove it")
        if any(len(text) > PROMPT_CHARACTERS_GOOD for text in wordings.values()):
            yield problem("takes more than about 25 s to say", "callers stop listening; shorten it")
        if known.audio is not None:
            for language in sorted(wordings):
                if flow.reference(prompt, language) not in known.audio:
                    yield problem(f"has no audio in {language}", "the caller would hear nothing")


def _check_languages(flow: Flow, known: Known) -> Iterator[Problem]:
    """A queue asks for the caller's language, and nobody can be good at it."""
    for node in flow.nodes.values():
        silent = isinstance(node, Queue) and node.language is None and not node.any_language
        if not isinstance(node, Queue) or not silent or node.queue not in known.asking_language:
            continue
        for language in flow.languages:
            if known.skills is not None and language not in known.skills:
                message = (
                    f"queue {node.queue} asks for the caller's language; {language} is no skill"
                )
                hint = f'[[skill]] name = "{language}", or `language: any` here'
                yield _of_node(flow, node, message, hint, "warning")


def check_graph(flow: Flow) -> list[Problem]:
    """Where the ways of a flow lead; called only when all names exist."""
    return [
        *_check_unreachable(flow),
        *_check_cycles(flow),
        *_check_menus(flow),
        *_check_human(flow),
        *_check_callbacks(flow),
    ]


def reachable(flow: Flow, start: str) -> set[str]:
    """Every node that can be entered from `start`, errors included."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in flow.nodes:
            continue
        seen.add(name)
        node = flow.nodes[name]
        waiting += [target for _, target in node.exits()]
        waiting += [name for name in (node.on_error, flow.on_error) if name]
    return seen


def _check_unreachable(flow: Flow) -> Iterator[Problem]:
    seen = reachable(flow, flow.entry)
    for name, node in flow.nodes.items():
        if name not in seen:
            yield _of_node(flow, node, "no way leads here", "wire it or remove it", "warning")


def _immediate(node: AnyNode) -> tuple[str, ...]:
    """Where a node can lead without a key of the caller and without waiting for an agent."""
    if isinstance(node, Menu | Digits | Callback):
        return (node.no_input,)
    if isinstance(node, Voicemail):
        return (node.failed,)
    if isinstance(node, Queue):
        return tuple(node.ways[exit_] for exit_ in _IMMEDIATE_QUEUE_EXITS)
    return tuple(target for _, target in node.exits())


def _check_cycles(flow: Flow) -> Iterator[Problem]:
    """Depth-first; a way back into the current path is a cycle. Each is told once."""
    done: set[str] = set()
    for start in flow.nodes:
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif name in on_path:
                circle = path[path.index(name) :]
                words = " → ".join([*circle[:6], "…"] if len(circle) > 6 else [*circle, name])
                message = f"goes round without the caller: {words}"
                hint = "let a menu, a key or a hangup break the circle"
                yield _of_node(flow, flow.nodes[name], message, hint, "error")
            elif name not in done:
                path.append(name)
                on_path.add(name)
                stack.append((name, True))
                stack += [(target, False) for target in _immediate(flow.nodes[name])]


def _check_menus(flow: Flow) -> Iterator[Problem]:
    for node in flow.nodes.values():
        if isinstance(node, Menu) and len(node.keys) > MENU_KEYS_GOOD:
            message = f"a menu of {len(node.keys)} keys"
            hint = f"callers keep {MENU_KEYS_GOOD} at most; split it"
            yield _of_node(flow, node, message, hint, "warning")


def _check_human(flow: Flow) -> Iterator[Problem]:
    seen = reachable(flow, flow.entry)
    asks = any(isinstance(flow.nodes[name], Spoken) for name in seen)
    if asks and not any(isinstance(flow.nodes[name], Queue) for name in seen):
        entry = flow.nodes[flow.entry]
        yield _of_node(flow, entry, "no way leads to a human", "add a `queue` node", "warning")


def _check_callbacks(flow: Flow) -> Iterator[Problem]:
    """Whoever was in no queue before has no place to keep."""
    waited: set[str] = set()
    for node in flow.nodes.values():
        if isinstance(node, Queue):
            for target in node.ways.values():
                waited |= reachable(flow, target)
    for node in flow.nodes.values():
        if isinstance(node, Callback | Voicemail) and not node.queue and node.name not in waited:
            verb = "callback" if isinstance(node, Callback) else "voicemail"
            hint = f"name it: {verb}: {{ queue: sales, … }}"
            message = "in which queue does it wait? no way here leads through one"
            yield _of_node(flow, node, message, hint, "error")


def _of_node(flow: Flow, node: AnyNode, message: str, hint: str, severity: str) -> Problem:
    return Problem(
        file=flow.file,
        line=node.line,
        column=node.column,
        field=f"nodes.{node.name}",
        message=message,
        hint=hint,
        severity=severity,
    )
