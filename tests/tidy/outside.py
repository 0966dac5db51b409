"""Where a source reads a clock, draws a chance or touches the world, by whatever name it took it.

Why: `from datetime import datetime as d` and `numpy.random` come from modules that a pure room may
import, so the import list alone does not see them. Names are followed through the imports and plain
assignments of the file to what they stand for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

CLOCKS = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today",
}  # fmt: skip
OUTSIDE = {
    "builtins.open", "builtins.input", "builtins.print", "builtins.eval", "builtins.exec",
    "builtins.__import__", "builtins.breakpoint",
    "io.open", "io.open_code", "io.FileIO",
}  # fmt: skip
MODULES = (
    "time", "random", "secrets", "uuid", "os", "sys", "socket", "importlib", "numpy.random",
    "urllib.request", "asyncio", "threading", "subprocess", "logging",
)  # fmt: skip
"""Whatever is taken from one of these."""
SEEDED = "numpy.random.default_rng"
HARMLESS = {"numpy.random.Generator"}
"""Of `numpy.random` a room may take a generator, if it gives it a seed."""
NOW = {"now", "utcnow", "today"}
"""Asking anything for one of these is asking a clock; a pure room is told `now`."""


def _imports(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, in full."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def _full(node: ast.AST, known: dict[str, str]) -> str:
    """What a name or a chain of attributes stands for; empty for anything else."""
    if isinstance(node, ast.Name):
        if node.id in known:
            return known[node.id]
        builtin = f"builtins.{node.id}"
        return builtin if builtin in OUTSIDE or node.id == "getattr" else ""
    if isinstance(node, ast.Attribute):
        base = _full(node.value, known)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _follow(tree: ast.AST, known: dict[str, str]) -> None:
    """Add names that were given another name by a plain assignment, however often."""
    for _ in range(5):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and (stands_for := _full(node.value, known)):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        known.setdefault(target.id, stands_for)


def _is_outside(full: str) -> bool:
    inside_module = any(full == module or full.startswith(f"{module}.") for module in MODULES)
    return full in CLOCKS or (inside_module and full not in HARMLESS)


def outside_in(source: str) -> list[tuple[int, str]]:
    """Line and full name of everything in `source` that is not computed from its arguments."""
    tree = ast.parse(source)
    known = _imports(tree)
    _follow(tree, known)
    harmless = _parts_of_harmless(tree, known)
    found = list(_imported(tree))
    for node in ast.walk(tree):
        full = _full(node, known)
        if full and _is_outside(full) and id(node) not in harmless:
            found.append((getattr(node, "lineno", 0), full))
        elif isinstance(node, ast.Call) and _asks_outside(node, known):
            found.append((node.lineno, ast.unparse(node)))
    return sorted(set(found))


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = [f"{module}.{a.name}" if module else a.name for a in node.names]
            yield from ((node.lineno, full) for full in names if _is_outside(full))


def _parts_of_harmless(tree: ast.AST, known: dict[str, str]) -> set[int]:
    """Nodes of `numpy.random` that name a type or a generator with a seed of its own."""
    parts: set[int] = set()
    for node in ast.walk(tree):
        seeded = isinstance(node, ast.Call) and _full(node.func, known) == SEEDED and _seed(node)
        whole = node.func if seeded and isinstance(node, ast.Call) else node
        if seeded or _full(node, known) in HARMLESS:
            parts |= {id(part) for part in ast.walk(whole)}
    return parts


def _seed(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(not (isinstance(g, ast.Constant) and g.value is None) for g in given)


def _asks_outside(call: ast.Call, known: dict[str, str]) -> bool:
    """`open("x")`, `clock.now()` of anything, `getattr(date, "today")`, `datetime64("now")`."""
    full = _full(call.func, known)
    if full in OUTSIDE:
        return True
    if isinstance(call.func, ast.Attribute) and call.func.attr in NOW:
        return call.func.attr != "today" or not call.args
    if full in ("builtins.getattr", "numpy.datetime64"):
        return any(isinstance(a, ast.Constant) and a.value in NOW for a in call.args)
    return False
