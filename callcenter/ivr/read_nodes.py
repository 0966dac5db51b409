"""The verbs of a flow, key by key.

    say menu digits      speak and ask        hours when set lookup      decide
    queue                wait for an agent    callback voicemail hangup  end

Why: exactly one verb per node and every exit by name, so that the file is the graph. The six
exits of `queue` are keys of the node itself; no shorthand hides one.
"""

from collections.abc import Callable

import msgspec

from callcenter.domain.center import PRIORITY_MAX, PROFICIENCY_MAX
from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import MINUTE, SECOND, Micros
from callcenter.ivr.expression import (
    Expression,
    ExpressionError,
    Literal,
    Name,
    parse_expression,
)
from callcenter.ivr.reader import NAME, VARIABLE, Reader, nearest, shown, suggest
from callcenter.ivr.shape import (
    HANGUPS,
    KEYS,
    AnyNode,
    Callback,
    Case,
    Choice,
    Digits,
    HangUp,
    Hours,
    Lookup,
    Menu,
    Queue,
    Say,
    Set,
    Voicemail,
    When,
)
from callcenter.ivr.tree import Items, Table, Text, Tree

LATER_VERBS = ("survey", "transfer", "record", "http", "goto")
RESERVED = frozenset(
    {"customer", "call", "queue", "and", "or", "not", "in", "true", "false", "null"}
)
DIGITS_MAX = 32
ATTRIBUTE_CHARACTERS_MAX = 100
NUMBER_DIGITS_MIN, NUMBER_DIGITS_MAX = 3, 17
"""Of a number to be called back: an extension, and E.164 with `00` before it."""
CASES_MAX = 50
SKILLS_MAX = 20
EXCLUDED_MAX = 20
QUEUE_KEYS = ("skills", "prefer", "agent", "exclude", "language", "priority", "comfort")
ANY = "any"
"""As `language:` of a queue: whatever the caller speaks, nothing is asked for."""
MESSAGE_MAX: Micros = 10 * MINUTE
_LONGEST = MINUTE
_SHORTEST = SECOND // 2


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What a node takes when it says nothing itself."""

    input_timeout: Micros = 5 * SECOND
    digit_timeout: Micros = 3 * SECOND
    retries: int = 2
    on_error: str = ""


class _Place(msgspec.Struct, frozen=True):
    """The node being read."""

    reader: Reader
    key: Text
    tree: Table
    defaults: Defaults

    @property
    def field(self) -> str:
        return f"nodes.{self.key.value}"

    def table(self, *keys: str, need: tuple[str, ...] = ()) -> dict[str, Tree]:
        return self.reader.table(self.tree, self.field, (*keys, *need, "on_error"), need)

    def at(self, name: str) -> str:
        return f"{self.field}.{name}"

    def to(self, table: dict[str, Tree], exit_: str) -> str:
        return self.reader.target(table.get(exit_), self.at(exit_))

    def on_error(self, table: dict[str, Tree]) -> str:
        return self.to(table, "on_error")

    def every_language(self, table: dict[str, Tree]) -> bool:
        plain = self.reader.plain(table.get("languages"), self.at("languages"))
        if plain and plain.value != "all":
            message = "must be `all`, or be left out for the caller's language"
            self.reader.error(plain, self.at("languages"), message)
        return plain is not None

    def time(self, table: dict[str, Tree], key: str, default: Micros) -> Micros:
        return self.reader.duration(table.get(key), self.at(key), _SHORTEST, _LONGEST, default)

    def count(self, table: dict[str, Tree], key: str, low: int, high: int, default: int) -> int:
        return self.reader.integer(table.get(key), self.at(key), low, high, default)


def read_node(reader: Reader, key: Text, tree: Tree, defaults: Defaults) -> AnyNode | None:
    """The node named `key`; `None` when its verb is not known."""
    field = f"nodes.{key.value}"
    if not isinstance(tree, Table):
        reader.error(tree, field, "a node must be a mapping", "as { say: welcome, next: menu }")
        return None
    verbs = [name for name, _ in tree.entries if name.value in _VERBS]
    if len(verbs) == 1:
        return _VERBS[verbs[0].value](_Place(reader, key, tree, defaults))
    if verbs:
        both = " and ".join(f"`{verb.value}`" for verb in verbs[:3])
        reader.error(verbs[1], field, f"{both} in one node", "one verb per node; use two nodes")
        return None
    known = ", ".join(_VERBS)
    for name, _ in tree.entries:
        if name.value in LATER_VERBS:
            message = f"`{name.value}` is not a verb of this version"
            reader.error(name, field, message, f"known verbs: {known}")
            return None
    names = [name.value for name, _ in tree.entries]
    hint = next((near for name in names if (near := nearest(name, _VERBS))), "")
    reader.error(key, field, "no verb in this node", hint or f"known verbs: {known}")
    return None


def _say(place: _Place) -> Say:
    table = place.table("say", "interruptible", "languages", need=("next",))
    return Say(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        prompts=place.reader.named("prompt", table.get("say"), place.at("say")),
        every_language=place.every_language(table),
        interruptible=place.reader.flag(
            table.get("interruptible"), place.at("interruptible"), default=True
        ),
        next=place.to(table, "next"),
    )


def _menu(place: _Place) -> Menu:
    table = place.table(
        "menu",
        "timeout",
        "retries",
        "again",
        "languages",
        need=("keys", "no_input", "no_match"),
    )
    choices: dict[str, Choice] = {}
    for key, value in place.reader.entries(table.get("keys"), place.at("keys")):
        if len(key.value) != 1 or key.value not in KEYS:
            message = f"{shown(key.value)} is no key of a phone"
            place.reader.error(key, place.at("keys"), message, "0-9, * or #")
        else:
            choices[key.value] = _choice(place, key.value, value)
    if "keys" in table and not choices:
        place.reader.error(table["keys"], place.at("keys"), "a menu needs at least one key")
    return Menu(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        prompts=place.reader.named("prompt", table.get("menu"), place.at("menu")),
        every_language=place.every_language(table),
        keys=choices,
        no_input=place.to(table, "no_input"),
        no_match=place.to(table, "no_match"),
        input_timeout=place.time(table, "timeout", place.defaults.input_timeout),
        retries=place.count(table, "retries", 0, 9, place.defaults.retries),
        again=place.reader.named("prompt", table.get("again"), place.at("again"))
        if "again" in table
        else (),
    )


def _choice(place: _Place, key: str, tree: Tree) -> Choice:
    field = place.at(f"keys.{key}")
    if isinstance(tree, Text):
        return Choice(next=place.reader.target(tree, field))
    table = place.reader.table(tree, field, ("set", "next"), need=("next",))
    return Choice(
        next=place.reader.target(table.get("next"), field),
        set=_values(place.reader, table.get("set"), f"{field}.set"),
    )


def _values(reader: Reader, tree: Tree | None, field: str) -> dict[str, str]:
    """Constants only, so that no typed digit can get into what the journal holds."""
    values: dict[str, str] = {}
    for key, value in reader.entries(tree, field):
        if not VARIABLE.fullmatch(key.value) or key.value in RESERVED:
            hint = "small letters, digits and _; not customer or call"
            reader.error(key, field, f"{shown(key.value)} is no name of a variable", hint)
        elif plain := reader.plain(value, f"{field}.{key.value}"):
            reader.refer("set", key, field)
            if len(plain.value) > ATTRIBUTE_CHARACTERS_MAX:
                reader.error(plain, field, f"longer than {ATTRIBUTE_CHARACTERS_MAX} characters")
            if key.value == "language":
                reader.refer("language", plain, field)
            values[key.value] = plain.value
    return values


def _digits(place: _Place) -> Digits:
    table = place.table("digits", need=("next", "no_input", "no_match"))
    reader, field = place.reader, place.at("digits")
    keys = ("prompt", "min", "max", "finish", "timeout", "pause", "retries", "again", "languages")
    inner = reader.table(table["digits"], field, (*keys, "as"), need=("prompt", "max", "as"))
    minimum = place.count(inner, "min", 1, DIGITS_MAX, 1)
    maximum = place.count(inner, "max", 1, DIGITS_MAX, DIGITS_MAX)
    if minimum > maximum:
        reader.error(inner.get("min", table["digits"]), field, "`min` is more than `max`")
    variable = reader.plain(inner.get("as"), f"{field}.as")
    if variable and (not VARIABLE.fullmatch(variable.value) or variable.value in RESERVED):
        reader.error(variable, f"{field}.as", f"{shown(variable.value)} is no name of a variable")
    elif variable:
        reader.refer("typed", variable, f"{field}.as")
    return Digits(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        prompts=reader.named("prompt", inner.get("prompt"), f"{field}.prompt"),
        every_language=place.every_language(inner),
        next=place.to(table, "next"),
        no_input=place.to(table, "no_input"),
        no_match=place.to(table, "no_match"),
        variable=variable.value if variable else "",
        minimum=minimum,
        maximum=maximum,
        finish=_finish(reader, inner.get("finish"), f"{field}.finish"),
        input_timeout=place.time(inner, "timeout", place.defaults.input_timeout),
        digit_timeout=place.time(inner, "pause", place.defaults.digit_timeout),
        retries=place.count(inner, "retries", 0, 9, place.defaults.retries),
        again=reader.named("prompt", inner.get("again"), f"{field}.again")
        if "again" in inner
        else (),
    )


def _finish(reader: Reader, tree: Tree | None, field: str) -> str:
    plain = reader.plain(tree, field)
    if plain is None or plain.value == "none":
        return "" if plain else "#"
    if plain.value not in ("#", "*"):
        reader.error(plain, field, 'must be "#", "*" or none', "in quotes, # begins a comment")
    return plain.value


def _hours(place: _Place) -> Hours:
    table = place.table("hours", need=("open", "closed", "holiday"))
    field = place.at("hours")
    inner = place.reader.table(table["hours"], field, ("calendar",), need=("calendar",))
    calendar = place.reader.plain(inner.get("calendar"), field)
    return Hours(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        calendar=place.reader.refer("calendar", calendar, field) if calendar else "",
        open=place.to(table, "open"),
        closed=place.to(table, "closed"),
        holiday=place.to(table, "holiday"),
    )


def _when(place: _Place) -> When:
    table = place.table("when", need=("else",))
    items = place.reader.items(table["when"], place.at("when"))
    if not items or len(items) > CASES_MAX:
        message = f"needs 1 to {CASES_MAX} lines"
        place.reader.error(table["when"], place.at("when"), message, "- { if: …, next: … }")
    return When(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        cases=tuple(_case(place, item) for item in items),
        otherwise=place.to(table, "else"),
    )


def _case(place: _Place, tree: Tree) -> Case:
    field = place.at("when")
    table = place.reader.table(tree, field, ("if", "next"), need=("if", "next"))
    condition = place.reader.plain(table.get("if"), field)
    return Case(
        condition=_condition(place.reader, condition, field),
        next=place.reader.target(table.get("next"), field),
    )


def _expression(reader: Reader, text: Text, field: str, what: str = "") -> Expression | None:
    try:
        return parse_expression(text.value)
    except ExpressionError as error:
        message = f"{what}{error.message}"
        reader.error(text, field, message, error.hint, text.offset + error.offset)
        return None


def _condition(reader: Reader, text: Text | None, field: str) -> Expression:
    expression = _expression(reader, text, field, "condition: ") if text is not None else None
    if text is None or expression is None:
        return parse_expression("false")
    for name in expression.names:
        place = Text(".".join(name.path), text.line, text.column + text.offset + name.offset)
        reader.refer("condition", place, field)
    return expression


def _set(place: _Place) -> Set:
    table = place.table("set", need=("next",))
    values = _values(place.reader, table["set"], place.at("set"))
    if not values:
        place.reader.error(table["set"], place.at("set"), "sets nothing", "set: { type: order }")
    return Set(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        values=values,
        next=place.to(table, "next"),
    )


def _lookup(place: _Place) -> Lookup:
    table = place.table("lookup", need=("found", "unknown"))
    field = place.at("lookup")
    inner = place.reader.table(table["lookup"], field, ("by", "from"), need=("by",))
    by = place.reader.text(inner.get("by"), f"{field}.by")
    variable = ""
    if by and by not in ("caller_number", "customer_number"):
        message = f"cannot look up by {shown(by)}"
        place.reader.error(inner["by"], f"{field}.by", message, "caller_number, customer_number")
    if by == "customer_number":
        source = inner.get("from") or Text(by, inner["by"].line, inner["by"].column)
        plain = place.reader.plain(source, f"{field}.from")
        variable = place.reader.refer("typed variable", plain, field) if plain else ""
    elif "from" in inner:
        place.reader.error(inner["from"], f"{field}.from", "only with by: customer_number")
    return Lookup(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        by=by,
        variable=variable,
        found=place.to(table, "found"),
        unknown=place.to(table, "unknown"),
    )


def _queue(place: _Place) -> Queue:
    exits = tuple(exit_.value for exit_ in QueueExit)
    for name, value in place.tree.entries:
        if name.value in ("next", "overflow", "exits"):
            hint = f"wire each way out by name: {', '.join(exits)}"
            place.reader.error(name, place.field, f"`{name.value}` is no key of a queue", hint)
            return _queue(msgspec.structs.replace(place, tree=_without(place.tree, value)))
    table = place.table("queue", *QUEUE_KEYS, need=exits)
    reader = place.reader
    language = reader.plain(table.get("language"), place.at("language"))
    queue = reader.plain(table.get("queue"), place.at("queue"))
    comfort = reader.plain(table.get("comfort"), place.at("comfort"))
    return Queue(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        queue=reader.refer("queue", queue, place.at("queue")) if queue else "",
        skills=_skills(place, table.get("skills"), "skills"),
        prefer=_skills(place, table.get("prefer"), "prefer"),
        agent=_naming(place, table.get("agent"), "agent"),
        exclude=_excluded(place, table.get("exclude")),
        language=None
        if language and language.value == ANY
        else _naming(place, language, "language", names="skill"),
        any_language=language is not None and language.value == ANY,
        priority=place.count(table, "priority", 0, PRIORITY_MAX, 0)
        if "priority" in table
        else None,
        comfort=reader.refer("comfort", comfort, place.at("comfort")) if comfort else "",
        ways={exit_: place.to(table, exit_.value) for exit_ in QueueExit},
    )


def _without(tree: Table, value: Tree) -> Table:
    entries = tuple(entry for entry in tree.entries if entry[1] is not value)
    return Table(entries, tree.line, tree.column)


def _excluded(place: _Place, tree: Tree | None) -> tuple[Expression, ...]:
    trees = tree.items if isinstance(tree, Items) else (tree,)
    named = (_naming(place, one, "exclude") for one in trees)
    found = tuple(expression for expression in named if expression is not None)
    if len(found) > EXCLUDED_MAX and tree is not None:
        place.reader.error(tree, place.at("exclude"), f"more than {EXCLUDED_MAX} people")
    return found


def _naming(place: _Place, tree: Tree | None, key: str, names: str = "agent") -> Expression | None:
    """A variable, a customer's field or a quoted text that names an agent or a skill."""
    reader, field = place.reader, place.at(key)
    plain = reader.plain(tree, field)
    if plain is None:
        return None
    expression = _expression(reader, plain, field)
    if expression is None:
        return None
    match expression.term:
        case Name(path=path):
            here = Text(".".join(path), plain.line, plain.column + plain.offset)
            reader.refer(f"named {names}", here, field)
        case Literal(value=str(value)):
            reader.refer(names, Text(value, plain.line, plain.column), field)
        case _:
            hint = "customer.agent, a variable, or \"'text'\" in quotes of both kinds"
            reader.error(plain, field, "must be one name or one text", hint)
    return expression


def _skills(place: _Place, tree: Tree | None, where: str) -> dict[str, int]:
    field = place.at(where)
    skills: dict[str, int] = {}
    for key, value in place.reader.entries(tree, field):
        plain = key.value.removeprefix("$")
        if not NAME.fullmatch(plain):
            place.reader.error(key, field, f"{shown(key.value)} is no name of a skill")
            continue
        kind = "skill variable" if key.value.startswith("$") else "skill"
        place.reader.refer(kind, Text(plain, key.line, key.column), field)
        level = place.reader.integer(value, f"{field}.{plain}", 1, PROFICIENCY_MAX, 1)
        skills[key.value] = level
    if len(skills) > SKILLS_MAX and tree is not None:
        place.reader.error(tree, field, f"more than {SKILLS_MAX} skills")
    return skills


def _callback(place: _Place) -> Callback:
    table = place.table("callback", need=("promised", "refused", "no_input", "no_match"))
    reader, field = place.reader, place.at("callback")
    keys = ("queue", "number", "min", "max", "timeout", "pause", "retries", "again")
    inner = reader.table(
        table["callback"], field, (*keys, "confirm", "ask"), need=("confirm", "ask")
    )
    minimum = place.count(inner, "min", 1, NUMBER_DIGITS_MAX, NUMBER_DIGITS_MIN)
    maximum = place.count(inner, "max", 1, NUMBER_DIGITS_MAX, NUMBER_DIGITS_MAX)
    if minimum > maximum:
        reader.error(inner.get("min", table["callback"]), field, "`min` is more than `max`")
    queue = reader.plain(inner.get("queue"), f"{field}.queue")
    return Callback(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        queue=reader.refer("queue", queue, f"{field}.queue") if queue else "",
        number_is=_said(reader, inner, "number", field),
        confirm=reader.named("prompt", inner.get("confirm"), f"{field}.confirm"),
        prompts=reader.named("prompt", inner.get("ask"), f"{field}.ask"),
        again=_said(reader, inner, "again", field),
        minimum=minimum,
        maximum=maximum,
        input_timeout=place.time(inner, "timeout", place.defaults.input_timeout),
        digit_timeout=place.time(inner, "pause", place.defaults.digit_timeout),
        retries=place.count(inner, "retries", 0, 9, place.defaults.retries),
        promised=place.to(table, "promised"),
        refused=place.to(table, "refused"),
        no_input=place.to(table, "no_input"),
        no_match=place.to(table, "no_match"),
    )


def _voicemail(place: _Place) -> Voicemail:
    table = place.table("voicemail", need=("saved", "too_short", "failed"))
    reader, field = place.reader, place.at("voicemail")
    keys = ("queue", "max", "min", "silence")
    inner = reader.table(table["voicemail"], field, (*keys, "prompt"), need=("prompt",))
    queue = reader.plain(inner.get("queue"), f"{field}.queue")
    return Voicemail(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        on_error=place.on_error(table),
        prompts=reader.named("prompt", inner.get("prompt"), f"{field}.prompt"),
        queue=reader.refer("queue", queue, f"{field}.queue") if queue else "",
        longest=reader.duration(
            inner.get("max"), f"{field}.max", 5 * SECOND, MESSAGE_MAX, 2 * MINUTE
        ),
        shortest=reader.duration(
            inner.get("min"), f"{field}.min", SECOND // 2, 10 * SECOND, 2 * SECOND
        ),
        silence=reader.duration(
            inner.get("silence"), f"{field}.silence", 2 * SECOND, MINUTE, 5 * SECOND
        ),
        saved=place.to(table, "saved"),
        too_short=place.to(table, "too_short"),
        failed=place.to(table, "failed"),
    )


def _said(reader: Reader, table: dict[str, Tree], key: str, field: str) -> tuple[str, ...]:
    """Prompts that may be left out."""
    return reader.named("prompt", table[key], f"{field}.{key}") if key in table else ()


def _hangup(place: _Place) -> HangUp:
    table = place.reader.table(place.tree, place.field, ("hangup",), ("hangup",))
    plain = place.reader.plain(table.get("hangup"), place.at("hangup"))
    if plain and plain.value not in HANGUPS:
        message = f"{shown(plain.value)} is no way to hang up"
        place.reader.error(plain, place.at("hangup"), message, suggest(plain.value, HANGUPS))
    return HangUp(
        name=place.key.value,
        line=place.key.line,
        column=place.key.column,
        reason=HANGUPS.get(plain.value, Reason.FLOW_HUNG_UP) if plain else Reason.FLOW_HUNG_UP,
    )


_VERBS: dict[str, Callable[[_Place], AnyNode]] = {
    "say": _say,
    "menu": _menu,
    "digits": _digits,
    "hours": _hours,
    "when": _when,
    "set": _set,
    "lookup": _lookup,
    "queue": _queue,
    "callback": _callback,
    "voicemail": _voicemail,
    "hangup": _hangup,
}
VERBS = tuple(_VERBS)
