"""The tests at the end of a flow file.

Why: a flow without a test is a flow that nobody dares to change. The same file holds both, so a
change of one is seen beside the other.
"""

from callcenter.domain.center import PRIORITY_MAX, PROFICIENCY_MAX
from callcenter.domain.events import QueueExit
from callcenter.domain.units import HOUR, Micros
from callcenter.ivr.reader import Reader, shown, suggest
from callcenter.ivr.shape import HANGUPS, KEYS, Expectation, FlowTest
from callcenter.ivr.tree import Table, Text, Tree

TESTS_MAX = 200
WAIT_MAX: Micros = 2 * HOUR
WAIT_SECONDS_MAX = 1_000_000
VALUED_STEPS = ("press", "wait", "queue")
BARE_STEPS = ("listen", "hang_up")
CALENDAR_STATES = ("open", "closed", "holiday")
FACTS = ("caller_registered", "caller_attested", "dialled")
MESSAGES = ("saved", "too_short", "failed")
ENDINGS = (*HANGUPS, "failed", "steps_limit", "caller_hung_up")
_EXITS = tuple(exit_.value for exit_ in QueueExit)


def read_tests(reader: Reader, tree: Tree | None) -> tuple[FlowTest, ...]:
    """All tests of the file."""
    items = reader.items(tree, "tests")
    if tree is not None and len(items) > TESTS_MAX:
        reader.error(tree, "tests", f"more than {TESTS_MAX} tests")
    return tuple(_test(reader, item, f"tests.{n}") for n, item in enumerate(items[:TESTS_MAX], 1))


def _test(reader: Reader, tree: Tree, field: str) -> FlowTest:
    table = reader.table(tree, field, ("name", "given", "do", "expect"), need=("name", "expect"))
    given = {}
    if "given" in table:
        keys = (
            "customer", "calendars", "queues", "waits", "call", "number", "callbacks", "messages",
        )  # fmt: skip
        given = reader.table(table["given"], f"{field}.given", keys)
    return FlowTest(
        name=reader.text(table.get("name"), f"{field}.name"),
        line=tree.line,
        column=tree.column,
        customer=_customer(reader, given.get("customer"), f"{field}.given.customer"),
        facts=_facts(reader, given.get("call"), f"{field}.given.call"),
        calendars=_words(
            reader, given.get("calendars"), f"{field}.given.calendars", CALENDAR_STATES
        ),
        queues={
            queue: QueueExit(exit_)
            for queue, exit_ in _words(
                reader, given.get("queues"), f"{field}.given.queues", _EXITS
            ).items()
        },
        number=reader.text(given.get("number"), f"{field}.given.number"),
        callbacks=reader.flag(given.get("callbacks"), f"{field}.given.callbacks", default=True),
        waits={
            queue.value: reader.integer(value, f"{field}.given.waits", 0, WAIT_SECONDS_MAX, 0)
            for queue, value in reader.entries(given.get("waits"), f"{field}.given.waits")
        },
        messages=_one_of(
            reader, given.get("messages"), f"{field}.given.messages", MESSAGES, "saved"
        ),
        steps=tuple(
            step
            for item in reader.items(table.get("do"), f"{field}.do")
            if (step := _step(reader, item, f"{field}.do"))
        ),
        expect=_expect(reader, table.get("expect"), f"{field}.expect"),
    )


def _one_of(
    reader: Reader, tree: Tree | None, field: str, allowed: tuple[str, ...], usual: str
) -> str:
    plain = reader.plain(tree, field)
    if plain is not None and plain.value not in allowed:
        message = f"{shown(plain.value)} is not possible here"
        reader.error(plain, field, message, suggest(plain.value, allowed))
        return usual
    return plain.value if plain else usual


def _customer(reader: Reader, tree: Tree | None, field: str) -> dict[str, str] | None:
    if tree is None or (isinstance(tree, Text) and tree.value == "unknown"):
        return None
    return {key.value: reader.text(value, field) for key, value in reader.entries(tree, field)}


def _facts(reader: Reader, tree: Tree | None, field: str) -> dict[str, str]:
    if tree is None:
        return {}
    table = reader.table(tree, field, FACTS)
    return {key: reader.text(value, field) for key, value in table.items()}


def _words(
    reader: Reader, tree: Tree | None, field: str, allowed: tuple[str, ...]
) -> dict[str, str]:
    words: dict[str, str] = {}
    for key, value in reader.entries(tree, field):
        plain = reader.plain(value, field)
        if plain and plain.value in allowed:
            words[key.value] = plain.value
        elif plain:
            message = f"{shown(plain.value)} is not possible here"
            reader.error(plain, field, message, suggest(plain.value, allowed))
    return words


def _step(reader: Reader, tree: Tree, field: str) -> tuple[str, str] | None:
    """`press: "12#"`, `wait: 5s`, `queue: timeout`, or the words `listen` and `hang_up`."""
    if isinstance(tree, Text) and tree.value in BARE_STEPS:
        return tree.value, ""
    if not isinstance(tree, Table) or len(tree.entries) != 1:
        hint = '{ press: "1" }, { wait: 5s }, { queue: timeout }, listen, hang_up'
        reader.error(tree, field, "is no step of a test", hint)
        return None
    key, value = tree.entries[0]
    plain = reader.plain(value, field)
    if key.value not in VALUED_STEPS:
        hint = suggest(key.value, VALUED_STEPS + BARE_STEPS)
        reader.error(key, field, f"unknown step {shown(key.value)}", hint)
        return None
    if plain is None:
        return None
    if key.value == "press" and not set(plain.value) <= set(KEYS):
        reader.error(plain, field, f"{shown(plain.value)} cannot be typed", "0-9, * and #")
    if key.value == "wait":
        reader.duration(plain, field, 0, WAIT_MAX, 0)
    if key.value == "queue" and plain.value not in _EXITS:
        reader.error(plain, field, "no way out of a queue", suggest(plain.value, _EXITS))
        return None
    return key.value, plain.value


def _expect(reader: Reader, tree: Tree | None, field: str) -> Expectation:
    if tree is None:
        return Expectation()
    keys = (
        "queue",
        "priority",
        "skills",
        "agent",
        "language",
        "attributes",
        "visited",
        "said",
        "ended",
        "callback",
    )
    table = reader.table(tree, field, keys)
    if isinstance(tree, Table) and not tree.entries:
        reader.error(tree, field, "expects nothing", "queue, ended, visited, said, …")
    ended = reader.plain(table.get("ended"), f"{field}.ended")
    if ended and ended.value not in ENDINGS:
        message = f"{shown(ended.value)} is no ending"
        reader.error(ended, f"{field}.ended", message, suggest(ended.value, ENDINGS))
    priority = reader.integer(table.get("priority"), f"{field}.priority", 0, PRIORITY_MAX, 0)
    skills = {
        key.value: reader.integer(value, f"{field}.skills", 1, PROFICIENCY_MAX, 1)
        for key, value in reader.entries(table.get("skills"), f"{field}.skills")
    }
    return Expectation(
        queue=reader.text(table.get("queue"), f"{field}.queue") if "queue" in table else None,
        priority=priority if "priority" in table else None,
        skills=skills if "skills" in table else None,
        agent=reader.text(table.get("agent"), field) if "agent" in table else None,
        language=reader.text(table.get("language"), field) if "language" in table else None,
        attributes={
            key.value: reader.text(value, f"{field}.attributes")
            for key, value in reader.entries(table.get("attributes"), f"{field}.attributes")
        },
        visited=reader.named("node", table.get("visited"), f"{field}.visited")
        if "visited" in table
        else (),
        said=reader.named("prompt", table.get("said"), f"{field}.said") if "said" in table else (),
        ended=ended.value if ended else None,
        callback=reader.text(table.get("callback"), f"{field}.callback")
        if "callback" in table
        else None,
    )
