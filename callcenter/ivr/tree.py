"""YAML text becomes a tree of three shapes, each knowing its line and column.

Why: a flow author needs `file:line:column` for every mistake, and a flow file is input from
outside: it must not hang, blow up or build objects. So only the event stream of ruamel.yaml is
used; text stays text (`no` is no boolean, `1` is a key like any other); anchors, aliases, tags
and several documents are refused; size, depth and number of values are limited.

Sources: YAML 1.2 chapters 3.2 and 7; ruamel.yaml `parse` events.
"""

from typing import Any, TypeAlias

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from callcenter.domain.errors import Problem, WrongInput

FILE_BYTES_MAX = 128 * 1024
DEPTH_MAX = 12
VALUES_MAX = 20_000
TEXT_CHARACTERS_MAX = 4_000

# What ruamel.yaml lets through beside its own errors for hostile escapes and directives.
_PARSER_ERRORS = (YAMLError, ValueError, OverflowError, AssertionError, AttributeError)


class Text(msgspec.Struct, frozen=True):
    """A scalar, as written. `offset` is 1 when a quote stands before its first character."""

    value: str
    line: int
    column: int
    offset: int = 0


class Items(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple["Tree", ...]
    line: int
    column: int


class Table(msgspec.Struct, frozen=True):
    """A mapping with its entries in the order of the file, without repeated keys."""

    entries: tuple[tuple[Text, "Tree"], ...]
    line: int
    column: int


Tree: TypeAlias = Text | Items | Table


def parse_tree(text: str, file: str) -> tuple[Tree, list[Problem]]:
    """The one document of `text`, and the problems that do not stop the reading.

    Raises:
        WrongInput: it is no YAML, or breaks a limit.
    """
    if len(text.encode("utf-8", "surrogatepass")) > FILE_BYTES_MAX:
        raise WrongInput(
            [
                Problem(
                    file=file, message=f"larger than {FILE_BYTES_MAX // 1024} KiB", hint="split it"
                )
            ]
        )
    builder = _Builder(file)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except MarkedYAMLError as error:
        raise WrongInput([_problem_of(error, file)]) from None
    except _PARSER_ERRORS as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise WrongInput([Problem(file=file, message=f"not readable as YAML: {first}")]) from None
    if builder.root is None:
        raise WrongInput([Problem(file=file, line=1, column=1, message="the file is empty")])
    return builder.root, builder.problems


def _problem_of(error: MarkedYAMLError, file: str) -> Problem:
    mark: Any = error.problem_mark or error.context_mark
    words = [str(word) for word in (error.context, error.problem) if word]
    hint = ""
    if error.problem and ("alias" in error.problem or "cannot start any token" in error.problem):
        hint = 'put keys and texts that begin with * # & ! @ % in quotes, as "*"'
    return Problem(
        file=file,
        line=mark.line + 1 if mark else 0,
        column=mark.column + 1 if mark else 0,
        message="not readable as YAML: " + (" ".join(words) or "syntax error"),
        hint=hint,
    )


def _may_stand(character: str) -> bool:
    """Controls and half surrogates are dropped; joiners of Indic scripts stay."""
    if character.isprintable() or character in "\n\t":
        return True
    return ord(character) > 0xFF and not 0xD800 <= ord(character) <= 0xDFFF


class _Open:
    """A list or mapping whose end has not come yet."""

    def __init__(self, mapping: bool, line: int, column: int) -> None:
        self.mapping = mapping
        self.line = line
        self.column = column
        self.values: list[Tree] = []

    def close(self, builder: "_Builder") -> Tree:
        if not self.mapping:
            return Items(tuple(self.values), self.line, self.column)
        entries: dict[str, tuple[Text, Tree]] = {}
        for key, value in zip(self.values[::2], self.values[1::2], strict=True):
            if not isinstance(key, Text):
                builder.say(key.line, key.column, "a key must be a plain text")
            elif key.value in entries:
                first = entries[key.value][0].line
                builder.say(key.line, key.column, f"{key.value!r} stands here twice (line {first})")
            else:
                entries[key.value] = (key, value)
        return Table(tuple(entries.values()), self.line, self.column)


class _Builder:
    """Folds parser events into a tree without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Tree | None = None
        self.problems: list[Problem] = []
        self._open: list[_Open] = []
        self._values = 0
        self._documents = 0

    def say(self, line: int, column: int, message: str, hint: str = "") -> None:
        self.problems.append(
            Problem(file=self.file, line=line, column=column, message=message, hint=hint)
        )

    def take(self, event: Any) -> None:
        """One parser event. Raises `WrongInput` for what is refused outright."""
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(line, column, "a second document", "one flow per file, no ---")
        elif isinstance(event, AliasEvent):
            self._refuse(line, column, "an alias", 'write it out; quote a "*" key')
        elif isinstance(event, ScalarEvent):
            self._count(event, line, column)
            self._scalar(event, line, column)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._count(event, line, column)
            if len(self._open) >= DEPTH_MAX:
                self._refuse(line, column, f"nested deeper than {DEPTH_MAX}")
            self._open.append(_Open(isinstance(event, MappingStartEvent), line, column))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._put(self._open.pop().close(self))

    def _count(self, event: Any, line: int, column: int) -> None:
        self._values += 1
        if self._values > VALUES_MAX:
            self._refuse(line, column, f"more than {VALUES_MAX} values")
        if event.anchor is not None:
            self._refuse(line, column, "an anchor", "write it out; quote a text with & before it")
        if event.ctag is not None and str(event.ctag) not in ("", "!", "None"):
            self._refuse(line, column, "a tag", "flows hold plain text only")

    def _scalar(self, event: Any, line: int, column: int) -> None:
        if len(event.value) > TEXT_CHARACTERS_MAX:
            self._refuse(line, column, f"a text longer than {TEXT_CHARACTERS_MAX} characters")
        value = "".join(filter(_may_stand, event.value))
        self._put(Text(value, line, column, 1 if event.style in ("'", '"') else 0))

    def _put(self, tree: Tree) -> None:
        if self._open:
            self._open[-1].values.append(tree)
        elif self.root is None:
            self.root = tree

    def _refuse(self, line: int, column: int, what: str, hint: str = "") -> None:
        raise WrongInput(
            [
                Problem(
                    file=self.file,
                    line=line,
                    column=column,
                    message=f"{what} is not allowed in a flow",
                    hint=hint,
                )
            ]
        )
