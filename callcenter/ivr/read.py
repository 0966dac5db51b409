"""A flow file's tree becomes a `Flow`: prompts, defaults, nodes, comfort and tests.

Why: the schema of the format stands here and in `read_nodes.py`, key by key, in the order in
which an author writes it. Names are only noted here; whether they exist is `check.py`'s matter.
"""

import msgspec

from callcenter.domain.errors import Problem
from callcenter.domain.units import MINUTE, SECOND
from callcenter.ivr.read_nodes import Defaults, read_node
from callcenter.ivr.read_tests import read_tests
from callcenter.ivr.reader import Reader, Reference, shown, suggest
from callcenter.ivr.shape import KEYS, SCHEMA, AnyNode, Comfort, Flow, revision_of
from callcenter.ivr.tree import Table, Text, Tree, parse_tree

TOP_KEYS = (
    "flow",
    "schema",
    "title",
    "entry",
    "numbers",
    "languages",
    "defaults",
    "prompts",
    "nodes",
    "comfort",
    "tests",
)
DEFAULT_KEYS = ("input_timeout", "digit_timeout", "retries", "on_error")
COMFORT_KEYS = ("music", "every", "announce", "leave")
LANGUAGES_MAX = 20
NODES_MAX = 500
PROMPT_CHARACTERS_MAX = 2_000
ANNOUNCE_EVERY_MIN = 10 * SECOND
ANNOUNCE_EVERY_MAX = 10 * MINUTE
TIMEOUT_MIN = SECOND // 2
TIMEOUT_MAX = MINUTE
RETRIES_MAX = 9


class Reading(msgspec.Struct):
    """A flow as read, not yet checked: names it refers to and where everything stands."""

    flow: Flow
    problems: list[Problem]
    references: list[Reference]
    declared_nodes: frozenset[str]
    places: dict[str, tuple[int, int]]
    """Line and column of each prompt, `prompt` -> place."""


def read_flow(text: str, file: str) -> Reading:
    """Read a flow file.

    Raises:
        WrongInput: it is no YAML, or breaks a limit. Everything else is noted in the reading.
    """
    root, problems = parse_tree(text, file)
    reader = Reader(file)
    reader.problems += problems
    top = reader.table(root, "", TOP_KEYS, need=("flow", "entry", "languages", "nodes"))
    if not isinstance(root, Table):
        reader.problems[-1] = msgspec.structs.replace(
            reader.problems[-1], hint="a flow begins with `flow: its-name`"
        )
    reader.integer(top.get("schema"), "schema", SCHEMA, SCHEMA, SCHEMA)
    languages = _languages(reader, top.get("languages"))
    defaults = _defaults(reader, top.get("defaults"))
    nodes, declared = _nodes(reader, top.get("nodes"), defaults)
    flow = Flow(
        name=_name(reader, top.get("flow")),
        revision=revision_of(text),
        title=reader.text(top.get("title"), "title"),
        file=file,
        source=text,
        entry=reader.target(top.get("entry"), "entry"),
        languages=languages,
        numbers=_numbers(reader, top.get("numbers")),
        on_error=defaults.on_error,
        prompts=_prompts(reader, top.get("prompts"), languages),
        nodes=nodes,
        comfort=_comforts(reader, top.get("comfort")),
        tests=read_tests(reader, top.get("tests")),
    )
    places = {key.value: (key.line, key.column) for key in _keys(top.get("prompts"))}
    return Reading(flow, reader.problems, reader.references, declared, places)


def _keys(tree: Tree | None) -> list[Text]:
    return [key for key, _ in tree.entries] if isinstance(tree, Table) else []


def _name(reader: Reader, tree: Tree | None) -> str:
    plain = reader.plain(tree, "flow")
    return plain.value if plain and reader.name(plain, "flow") else ""


def _languages(reader: Reader, tree: Tree | None) -> tuple[str, ...]:
    languages: list[str] = []
    for item in reader.items(tree, "languages"):
        plain = reader.plain(item, "languages")
        if plain is None or not reader.name(plain, "languages"):
            continue
        if plain.value in languages:
            reader.error(plain, "languages", f"{shown(plain.value)} stands here twice")
        languages.append(plain.value)
    if tree is not None and not languages:
        reader.error(tree, "languages", "at least one language is needed", "languages: [en]")
    if tree is not None and len(languages) > LANGUAGES_MAX:
        reader.error(tree, "languages", f"more than {LANGUAGES_MAX} languages")
    return tuple(languages)


def _numbers(reader: Reader, tree: Tree | None) -> tuple[str, ...]:
    return tuple(
        plain.value
        for item in reader.items(tree, "numbers")
        if (plain := reader.plain(item, "numbers"))
    )


def _defaults(reader: Reader, tree: Tree | None) -> Defaults:
    base = Defaults()
    if tree is None:
        return base
    table = reader.table(tree, "defaults", DEFAULT_KEYS)
    return Defaults(
        input_timeout=reader.duration(
            table.get("input_timeout"),
            "defaults.input_timeout",
            TIMEOUT_MIN,
            TIMEOUT_MAX,
            base.input_timeout,
        ),
        digit_timeout=reader.duration(
            table.get("digit_timeout"),
            "defaults.digit_timeout",
            TIMEOUT_MIN,
            TIMEOUT_MAX,
            base.digit_timeout,
        ),
        retries=reader.integer(
            table.get("retries"), "defaults.retries", 0, RETRIES_MAX, base.retries
        ),
        on_error=reader.target(table.get("on_error"), "defaults.on_error"),
    )


def _prompts(
    reader: Reader, tree: Tree | None, languages: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    prompts: dict[str, dict[str, str]] = {}
    for key, value in reader.entries(tree, "prompts"):
        if not reader.name(key, "prompts"):
            continue
        field = f"prompts.{key.value}"
        prompts[key.value] = {}
        for language, wording in reader.entries(value, field):
            if language.value not in languages:
                hint = suggest(language.value, languages)
                message = f"{shown(language.value)} is no language of this flow"
                reader.error(language, field, message, hint)
            elif plain := reader.plain(wording, f"{field}.{language.value}"):
                if len(plain.value) > PROMPT_CHARACTERS_MAX:
                    reader.error(plain, field, f"longer than {PROMPT_CHARACTERS_MAX} characters")
                prompts[key.value][language.value] = " ".join(plain.value.split())
    return prompts


def _nodes(
    reader: Reader, tree: Tree | None, defaults: Defaults
) -> tuple[dict[str, AnyNode], frozenset[str]]:
    entries = reader.entries(tree, "nodes")
    if tree is not None and not entries:
        reader.error(tree, "nodes", "a flow needs at least one node")
    if tree is not None and len(entries) > NODES_MAX:
        reader.error(tree, "nodes", f"more than {NODES_MAX} nodes", "split the flow")
        return {}, frozenset(key.value for key, _ in entries)
    nodes: dict[str, AnyNode] = {}
    for key, value in entries:
        if reader.name(key, "nodes") and (node := read_node(reader, key, value, defaults)):
            nodes[key.value] = node
    return nodes, frozenset(key.value for key, _ in entries)


def _comforts(reader: Reader, tree: Tree | None) -> dict[str, Comfort]:
    return {
        key.value: _comfort(reader, f"comfort.{key.value}", value)
        for key, value in reader.entries(tree, "comfort")
        if reader.name(key, "comfort")
    }


def _comfort(reader: Reader, field: str, tree: Tree) -> Comfort:
    base = Comfort()
    table = reader.table(tree, field, COMFORT_KEYS)
    leave = reader.plain(table.get("leave"), f"{field}.leave")
    if leave and leave.value not in tuple(KEYS):
        reader.error(leave, f"{field}.leave", "must be one key", "one of 0-9, * or #, in quotes")
    music = reader.plain(table.get("music"), f"{field}.music")
    if music and reader.name(music, f"{field}.music"):
        base = msgspec.structs.replace(base, music=music.value)
    return Comfort(
        music=base.music,
        every=reader.duration(
            table.get("every"),
            f"{field}.every",
            ANNOUNCE_EVERY_MIN,
            ANNOUNCE_EVERY_MAX,
            base.every,
        ),
        announce=reader.named("announcement", table.get("announce"), f"{field}.announce"),
        leave_key=leave.value if leave else "",
    )
