"""Reading values out of a tree: every wrong one is noted with its place, none stops the reading.

Why: an author who made four mistakes wants to see four lines, not one after the other. So a wrong
value becomes a harmless default here, the mistake stands in `problems`, and a flow with an error
among them is never used.
"""

import difflib
import re
from collections.abc import Collection, Iterable

import msgspec

from callcenter.domain.errors import Problem
from callcenter.domain.units import MILLISECOND, MINUTE, SECOND, Micros
from callcenter.ivr.tree import Items, Table, Text, Tree

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,6})(ms|s|m)", re.ASCII)
_UNITS = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE}
_SHOWN_MAX = 40


class Reference(msgspec.Struct, frozen=True):
    """A name that must exist somewhere: what kind of name, where it stands."""

    kind: str
    name: str
    line: int
    column: int
    field: str


def nearest(word: str, words: Iterable[str]) -> str:
    """`did you mean "…"?`, or nothing when no word is near."""
    close = difflib.get_close_matches(word[:64], [w[:64] for w in words], n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def suggest(word: str, words: Collection[str]) -> str:
    """The nearest of `words`, else all of them when they are few."""
    near = nearest(word, words)
    if near or not words or len(words) > 16:
        return near
    return "known: " + ", ".join(sorted(words))


def shown(value: str) -> str:
    """A value of the file as quoted in a message, never endless."""
    return repr(value if len(value) <= _SHOWN_MAX else value[:_SHOWN_MAX] + "…")


class Reader:
    """Takes values from trees of one file and keeps what was wrong and what was referred to."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.references: list[Reference] = []

    def error(self, at: Tree, field: str, message: str, hint: str = "", offset: int = 0) -> None:
        """Note a mistake at the place of `at`, `offset` characters further."""
        self.problems.append(
            Problem(
                file=self.file,
                line=at.line,
                column=at.column + offset,
                field=field,
                message=message,
                hint=hint,
            )
        )

    def refer(self, kind: str, text: Text, field: str) -> str:
        """Remember that `text` names something of `kind`; returns the name."""
        self.references.append(Reference(kind, text.value, text.line, text.column, field))
        return text.value

    def table(
        self, tree: Tree, field: str, keys: Collection[str], need: Collection[str] = ()
    ) -> dict[str, Tree]:
        """A mapping that may hold `keys` and must hold `need`."""
        entries = self.entries(tree, field)
        found: dict[str, Tree] = {}
        for key, value in entries:
            if key.value in keys:
                found[key.value] = value
            else:
                hint = suggest(key.value, keys)
                self.error(key, field, f"unknown key {shown(key.value)}", hint)
        for key_name in need:
            if key_name not in found and isinstance(tree, Table):
                self.error(tree, field, f"`{key_name}` is missing")
        return found

    def entries(self, tree: Tree | None, field: str) -> tuple[tuple[Text, Tree], ...]:
        """A mapping with names of the author's own."""
        if isinstance(tree, Table):
            return tree.entries
        if tree is not None and not (isinstance(tree, Text) and tree.value == ""):
            self.error(tree, field, "must be a mapping", "write `key: value` lines below it")
        return ()

    def items(self, tree: Tree | None, field: str) -> tuple[Tree, ...]:
        """A list."""
        if isinstance(tree, Items):
            return tree.items
        if tree is not None:
            self.error(tree, field, "must be a list", "write [a, b] or lines that begin with -")
        return ()

    def plain(self, tree: Tree | None, field: str) -> Text | None:
        """A text with something in it."""
        if isinstance(tree, Text):
            if tree.value.strip():
                return tree
            self.error(tree, field, "must not be empty")
        elif tree is not None:
            self.error(tree, field, "must be a text, not a list or mapping")
        return None

    def text(self, tree: Tree | None, field: str) -> str:
        """The characters of a text, or nothing."""
        plain = self.plain(tree, field)
        return plain.value if plain else ""

    def target(self, tree: Tree | None, field: str) -> str:
        """The name of a node."""
        plain = self.plain(tree, field)
        return self.refer("node", plain, field) if plain else ""

    def named(self, kind: str, tree: Tree | None, field: str) -> tuple[str, ...]:
        """One name of `kind`, or a list of them."""
        trees = tree.items if isinstance(tree, Items) else (tree,)
        plains = [plain for item in trees if (plain := self.plain(item, field))]
        return tuple(self.refer(kind, plain, field) for plain in plains)

    def name(self, text: Text, field: str) -> bool:
        """Whether `text` may be the name of something in a flow."""
        if NAME.fullmatch(text.value):
            return True
        hint = "letters, digits, - and _, at most 64"
        self.error(text, field, f"{shown(text.value)} is no name", hint)
        return False

    def integer(self, tree: Tree | None, field: str, low: int, high: int, default: int) -> int:
        """A whole number within limits."""
        plain = self.plain(tree, field)
        if plain is None:
            return default
        if re.fullmatch(r"-?[0-9]{1,9}", plain.value) and low <= int(plain.value) <= high:
            return int(plain.value)
        span = f"{low}" if low == high else f"a whole number from {low} to {high}"
        self.error(plain, field, f"must be {span}")
        return default

    def flag(self, tree: Tree | None, field: str, default: bool) -> bool:
        """true or false."""
        plain = self.plain(tree, field)
        if plain is None:
            return default
        if plain.value in ("true", "false"):
            return plain.value == "true"
        self.error(plain, field, "must be true or false")
        return default

    def duration(
        self, tree: Tree | None, field: str, low: Micros, high: Micros, default: Micros
    ) -> Micros:
        """A span such as 500ms, 5s or 2m within limits."""
        plain = self.plain(tree, field)
        if plain is None:
            return default
        match = _DURATION.fullmatch(plain.value)
        value = int(match[1]) * _UNITS[match[2]] if match else -1
        if low <= value <= high:
            return value
        limits = f"from {low / SECOND:g}s to {high / SECOND:g}s"
        self.error(plain, field, f"must be a time {limits}", "write 500ms, 5s or 2m")
        return default
