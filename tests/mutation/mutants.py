"""Small mistakes, made by machine in `routing/`, `agents/` and `control/`.

    compare    < becomes <=, == becomes !=, in becomes not in, is becomes is not …
    boolean    and becomes or, not is dropped, True becomes False
    number     n becomes n + 1
    arithmetic + becomes -, & becomes |, << becomes >> …
    condition  if x becomes if not x
    value      return x becomes return None, but for False: None is as false, and True is a mutant
    statement  a call or an assignment to an attribute or item is dropped

Type annotations, docstrings, words in texts and the version of the engine are left alone: they
decide nothing.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import CodeType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ROOMS = ("routing", "agents", "control")
ROOMS_TESTS = (
    "tests/agents",
    "tests/control",
    "tests/routing",
    "tests/simulation/test_day.py",
    "tests/simulation/test_told.py",
)

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitXor: ast.BitOr, ast.Mod: ast.Mult,
}  # fmt: skip


class Mutant(NamedTuple):
    """The n-th place of a file that can be changed, and what it is changed to.

    `lines` are those of the whole statement; `function` is the outermost function around it by its
    qualified name, empty where there is none, or where it is a default or a decorator.
    """

    file: str
    number: int
    line: int
    what: str
    lines: range
    function: str

    @property
    def code(self) -> CodeType:
        """Its whole module with the change, compiled when it is asked for."""
        path = ROOT / self.file
        tree = _Changer(self.file, self.number).visit(ast.parse(path.read_text("utf-8")))
        assert isinstance(tree, ast.Module)
        return compile(ast.fix_missing_locations(tree), str(path), "exec")

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"


def changed(node: ast.AST) -> tuple[str, ast.AST] | None:
    """What a node becomes, with a word for it; None where nothing is to be changed. The node is
    changed, and nothing below it."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARE:
        node.ops = [_COMPARE[type(node.ops[0])](), *node.ops[1:]]
        return "compare", node
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return "boolean", node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return "boolean", node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return "boolean", ast.Constant(not node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return "number", ast.Constant(node.value + 1)
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        node.op = _ARITHMETIC[type(node.op)]()
        return "arithmetic", node
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return "condition", node
    if isinstance(node, ast.Return) and not _is_nothing(node.value):
        node.value = ast.Constant(None)
        return "value", node
    if _does_something(node):
        return "statement", ast.Pass()
    return None


def _is_nothing(node: ast.expr | None) -> bool:
    return node is None or (
        isinstance(node, ast.Constant) and (node.value is None or node.value is False)
    )


def _does_something(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)


class _Changer(ast.NodeTransformer):
    """Changes the n-th place (from 1); finds them all, where none is changed."""

    def __init__(self, file: str, number: int) -> None:
        self.file, self.number = file, number
        self.found: list[Mutant] = []
        self._classes: list[str] = []
        self._inside = ""
        self._statement: ast.stmt | None = None

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.AnnAssign | ast.arg) or (
            isinstance(node, ast.Assign) and _is_table(node)
        ):
            return node
        if isinstance(node, ast.keyword) and node.arg == "strict":
            return node  # of `zip`: guards against us only
        if isinstance(node, ast.ClassDef):  # `frozen` and `kw_only` guard against us only
            self._classes.append(node.name)
            node.body = [self.visit(child) for child in node.body]  # type: ignore[misc]
            self._classes.pop()
            return node
        if isinstance(node, ast.FunctionDef) and not self._inside:
            node.args = self.visit(node.args)  # type: ignore[assignment]
            node.returns = None
            self._inside = ".".join((*self._classes, node.name))
            node.body = [self.visit(child) for child in node.body]  # type: ignore[misc]
            self._inside = ""
            return node
        if isinstance(node, ast.stmt):
            self._statement = node
        was = copy.copy(node)
        found = changed(copy.copy(node)) if hasattr(node, "lineno") else None
        if found is not None:
            number, line = len(self.found) + 1, getattr(was, "lineno", 0)
            lines = _lines(self._statement, line)
            self.found.append(Mutant(self.file, number, line, found[0], lines, self._inside))
            if number == self.number:
                return ast.copy_location(ast.fix_missing_locations(found[1]), was)
        return self.generic_visit(node)


def _lines(statement: ast.stmt | None, line: int) -> range:
    """Those of a statement, without the body of one that has a body."""
    if statement is None:
        return range(line, line + 1)
    body: list[ast.stmt] = getattr(statement, "body", [])
    end = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, max(end, line) + 1)


def _is_table(node: ast.Assign) -> bool:
    """Names in capitals are tables, units and versions; slots are no decision."""
    return all(
        isinstance(t, ast.Name) and (t.id.isupper() or t.id == "__slots__") for t in node.targets
    )


def mutants(path: Path) -> list[Mutant]:
    """All of a file."""
    changer = _Changer(str(path.relative_to(ROOT)), 0)
    changer.visit(ast.parse(path.read_text("utf-8")))
    return changer.found


def files() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / "callcenter" / room).glob("*.py"))


def sample(count: int, seed: int, part: str = "") -> list[Mutant]:
    """So many of all mutants, by seed; of the files with `part` in their name."""
    chosen = [path for path in files() if part in str(path.relative_to(ROOT))]
    every = [one for path in chosen for one in mutants(path)]
    return Random(seed).sample(every, min(count, len(every)))
