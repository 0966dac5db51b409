"""JSON with the line of every value, so that a report can say where something stands.

Why: the parser of the library keeps no places. This one reads the same language (RFC 8259), with
limits, and says line and column of what is wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in its stubs
from pathlib import Path
from typing import Any

from callcenter.domain.errors import Problem, WrongInput

FILE_BYTES_MAX = 4_000_000
NUMBER_MAX = 100
NESTED_MAX = 50

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")


@dataclass(eq=False)
class Node:
    """One value where it begins. `inner` is a dict or list of nodes, or a plain value."""

    inner: Any
    line: int

    def member(self, key: str) -> Node | None:
        """The member of an object; None when it has none, or is no object."""
        found: Node | None = self.inner.get(key) if isinstance(self.inner, dict) else None
        return found

    @property
    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.inner, dict):
            return {key: node.plain for key, node in self.inner.items()}
        if isinstance(self.inner, list):
            return [node.plain for node in self.inner]
        return self.inner

    @property
    def text(self) -> str:
        """As it is shown: strings as they are, the rest as JSON."""
        plain = self.plain
        return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def read_json(path: Path) -> Node:
    """The document in a file. Raises `WrongInput` with the place of what is wrong."""
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "there is no such file")
        if path.stat().st_size > FILE_BYTES_MAX:
            raise OSError(27, f"it is larger than {FILE_BYTES_MAX // 1_000_000} MB")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise _wrong(str(path), 0, 0, "is not UTF-8 text", "save it as UTF-8") from wrong
    except OSError as wrong:
        words = f"cannot be read: {wrong.strerror}"
        raise _wrong(str(path), 0, 0, words, "correct the path") from wrong
    return parse(text, str(path))


def parse(text: str, file: str) -> Node:
    """The document in a text. Raises `WrongInput`."""
    parser = _Parser(text, file)
    node, end = parser.value(parser.skip(0), 0)
    if parser.skip(end) != len(text):
        raise parser.wrong(parser.skip(end), "something stands behind the document")
    return node


def _wrong(file: str, line: int, column: int, message: str, hint: str) -> WrongInput:
    return WrongInput([Problem(file=file, line=line, column=column, message=message, hint=hint)])


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._counted = (0, 1)

    def skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def wrong(self, at: int, message: str) -> WrongInput:
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        return _wrong(self._file, line, column, f"is not JSON: {message}", "mend it there")

    def _line(self, at: int) -> int:
        """The line of a place; places are asked for in order."""
        before, line = self._counted
        self._counted = at, line + self._text.count("\n", before, at)
        return self._counted[1]

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        """The value that begins at `at`, and where it ends."""
        if depth > NESTED_MAX:
            raise self.wrong(at, f"more than {NESTED_MAX} levels deep")
        line, sign = self._line(at), self._text[at : at + 1]
        if sign == "{":
            return self._object(at + 1, depth, line)
        if sign == "[":
            return self._array(at + 1, depth, line)
        if sign == '"':
            string, end = self._string(at)
            return Node(string, line), end
        found = _PLAIN.match(self._text, at)
        if found is None:
            raise self.wrong(at, "a value is expected")
        if len(found[0]) > NUMBER_MAX:
            raise self.wrong(at, f"a number has more than {NUMBER_MAX} characters")
        return Node(json.loads(found[0]), line), found.end()

    def _string(self, at: int) -> tuple[str, int]:
        try:
            string, end = scanstring(self._text, at + 1, True)
        except json.JSONDecodeError as wrong:
            raise self.wrong(wrong.pos, wrong.msg) from wrong
        return str(string), int(end)

    def _object(self, at: int, depth: int, line: int) -> tuple[Node, int]:
        members: dict[str, Node] = {}
        at = self.skip(at)
        if self._text[at : at + 1] == "}":
            return Node(members, line), at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise self.wrong(at, "a name in quotes is expected")
            key, end = self._string(at)
            if key in members:
                raise self.wrong(at, f"{key!r} is there twice")
            at = self.skip(end)
            if self._text[at : at + 1] != ":":
                raise self.wrong(at, "a colon is expected")
            members[key], end = self.value(self.skip(at + 1), depth + 1)
            at = self.skip(end)
            if (sign := self._text[at : at + 1]) == "}":
                return Node(members, line), at + 1
            if sign != ",":
                raise self.wrong(at, "a comma or } is expected")
            at = self.skip(at + 1)

    def _array(self, at: int, depth: int, line: int) -> tuple[Node, int]:
        nodes: list[Node] = []
        at = self.skip(at)
        if self._text[at : at + 1] == "]":
            return Node(nodes, line), at + 1
        while True:
            node, end = self.value(at, depth + 1)
            nodes.append(node)
            at = self.skip(end)
            if (sign := self._text[at : at + 1]) == "]":
                return Node(nodes, line), at + 1
            if sign != ",":
                raise self.wrong(at, "a comma or ] is expected")
            at = self.skip(at + 1)
