"""Where in a TOML file a key stands, so that an error can point at it.

Why: `tomllib` forgets lines. A person who mistyped a key wants `callcenter.toml:31`, not a path of
indexes. This scanner only looks for places; what the file means is `tomllib`'s business. Keys of
inline tables are found on the line of the key they belong to.

Sources: TOML 1.0 (keys, tables, arrays of tables, multi-line strings).
"""

from __future__ import annotations

import re
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

KeyPath: TypeAlias = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^(\s*)((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")  # fmt: skip
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_STRINGS = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')


class Places:
    """The places of all keys of one file."""

    def __init__(self, text: str) -> None:
        self._places: dict[KeyPath, Place] = {}
        self._scan(text)

    def find(self, path: KeyPath) -> Place:
        """The place of `path`, else of the nearest key above it, else (0, 0)."""
        while path:
            if path in self._places:
                return self._places[path]
            path = path[:-1]
        return (0, 0)

    def _scan(self, text: str) -> None:
        table: KeyPath = ()
        counts: dict[KeyPath, int] = {}
        pending = ""
        depth = 0
        for number, line in enumerate(text.splitlines(), 1):
            if pending:
                if pending not in line:
                    continue
                line = " " + line.split(pending, 1)[1]
                pending = ""
            elif depth == 0:
                if header := _HEADER.match(line):
                    table = self._open_table(header, number, counts)
                    continue
                if key := _KEY.match(line):
                    self._note(table + _parts(key[2]), (number, len(key[1]) + 1))
            change, pending = _nesting(line)
            depth = max(0, depth + change)

    def _open_table(
        self, header: re.Match[str], number: int, counts: dict[KeyPath, int]
    ) -> KeyPath:
        path: KeyPath = ()
        parts = _parts(header[2])
        for index, part in enumerate(parts):
            path += (part,)
            last = index == len(parts) - 1
            if last and header[1] == "[[":
                counts[path] = counts.get(path, -1) + 1
                self._note(path, (number, 1))
            if path in counts:
                path += (counts[path],)
        self._places[path] = (number, 1)
        return path

    def _note(self, path: KeyPath, place: Place) -> None:
        for length in range(1, len(path) + 1):
            self._places.setdefault(path[:length], place)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _nesting(line: str) -> tuple[int, str]:
    """How much deeper in brackets the line ends, and the quotes of a string left open."""
    rest = line
    kept = ""
    while match := _STRINGS.search(rest):
        kept += rest[: match.start()]
        rest = rest[match.end() :]
        if match[0] in ('"""', "'''"):
            if match[0] not in rest:
                return (_brackets(kept), match[0])
            rest = rest.split(match[0], 1)[1]
    return (_brackets(kept + rest), "")


def _brackets(text: str) -> int:
    return sum(text.count(c) for c in "[{") - sum(text.count(c) for c in "]}")
