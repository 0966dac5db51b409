"""What in a source would let the server know that it is shown or tested, or live without a store.

Why: a server that behaves otherwise under a demo or a test proves nothing in either. Names are cut
into their words (`is_demo`, `DemoCenter`), strings are read too (an environment variable or a
module is asked for by a string); only docstrings may speak of such things.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

ANYWHERE = (
    "demo", "pytest", "unittest", "mock", "fakeredis", "fakestore", "shortcut", "shortcircuit",
    "undertest", "testmode", "istest", "intest", "testenv", "inmemory", "memorystore",
    "memoryjournal", "memorybackend", "memoryredis", "inprocessstore",
)  # fmt: skip
"""Forbidden in a name or a text, however its words are joined."""
PHRASES = (
    ("in", "process"), ("under", "test"), ("in", "memory"), ("memory", "store"),
)  # fmt: skip
"""Forbidden as neighbouring words of a name: `main_process` is none of them."""
TEST_WORDS = {"test", "tests", "testing", "tested", "fake", "stub"}
"""Forbidden as a word of its own, in names and in texts."""
WHOLE_TEXTS = {"memory", ":memory:", "inprocess"}
"""Forbidden as a whole text: the value that would choose such a store."""

COMMAND_TOLD = "`callcenter demo`"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: `isDemo_MODE` is `is`, `demo`, `mode`."""
    return [word.lower() for word in _WORD.findall(name)]


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name that a source uses or gives, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield line, node.id
        elif isinstance(node, ast.Attribute):
            yield line, node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield line, node.name
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield line, node.arg
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield line, node.module
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            yield line, node.name
        elif isinstance(node, ast.alias):
            yield line, node.name
            if node.asname:
                yield line, node.asname


def texts_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text of a source that is no docstring; a text on a line of its own is one."""
    silent = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in silent:
            value = node.value
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if isinstance(text, str):
                yield node.lineno, text


def is_suspect_name(name: str, *, has_tests: bool = False) -> bool:
    """Whether a name speaks of a demo, a test or a store of our own. `has_tests`: a file that
    reads or runs the tests inside a flow file, where that word is the field's."""
    words = words_of(name)
    joined = "".join(words)
    return (
        any(part in joined for part in ANYWHERE)
        or any(pair in PHRASES for pair in pairwise(words))
        or (not has_tests and bool(TEST_WORDS & set(words)))
    )


def is_suspect_text(text: str, *, has_tests: bool = False) -> bool:
    """Whether a text does. Other than in a name, words stand by themselves; a person may be told
    of a command of ours."""
    text = text.replace(COMMAND_TOLD, "")
    words = words_of(text)
    joined = re.sub(r"[^a-z]+", "", text.lower()) if len(words) <= 4 else ""
    return (
        text.strip().lower() in WHOLE_TEXTS
        or "memory://" in text.lower()
        or any(part in word for word in words for part in ANYWHERE)
        or any(part in joined for part in ANYWHERE)
        or (not has_tests and bool(TEST_WORDS & set(words)))
    )


def shortcuts_in(source: str, *, has_tests: bool = False) -> list[tuple[int, str]]:
    """Line and word of everything in `source` that knows of a demo or a test."""
    tree = ast.parse(source)
    found = [
        (line, name) for line, name in names_in(tree) if is_suspect_name(name, has_tests=has_tests)
    ]
    found += [
        (line, text) for line, text in texts_in(tree) if is_suspect_text(text, has_tests=has_tests)
    ]
    found += [
        (node.lineno, "sys.modules")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("modules", "gettrace")
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
    ]
    return sorted(found)
