"""The conditions of a `when` node: a language so small that nothing can go wrong in it. A `queue`
node names people and languages by single operands of it.

    condition := all ("or" all)*          all := not ("and" not)*       not := "not" not | compare
    compare   := operand [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") operand]
    operand   := 'text' | 12 | true | false | null | name(.name)* | [operand, …] | ( condition )

Why: conditions are written by flow authors and run for every call. There are no calls, no
arithmetic and no way to reach an object; reading and evaluating are linear in the length, which
is limited like the depth. Nothing raises while a call runs: a name that is not there is `null`,
comparing what cannot be compared is false.

Texts come from tables and keys, so `12 < customer.orders` compares numbers when both sides read
as numbers, and the texts "", "0", "no" and "false" count as false.
"""

import re
from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

import msgspec

LENGTH_MAX = 500
DEPTH_MAX = 16

Value: TypeAlias = str | int | bool | tuple["Value", ...] | Mapping[str, "Value"] | None


class ExpressionError(ValueError):
    """The condition cannot be read; `offset` counts characters from its start."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


class Literal(msgspec.Struct, frozen=True):
    value: str | int | bool | None


class Name(msgspec.Struct, frozen=True):
    path: tuple[str, ...]
    offset: int


class Listing(msgspec.Struct, frozen=True):
    items: tuple["Term", ...]


class Not(msgspec.Struct, frozen=True):
    term: "Term"


class AllOf(msgspec.Struct, frozen=True):
    terms: tuple["Term", ...]


class AnyOf(msgspec.Struct, frozen=True):
    terms: tuple["Term", ...]


class Compare(msgspec.Struct, frozen=True):
    operator: str
    left: "Term"
    right: "Term"


Term: TypeAlias = Literal | Name | Listing | Not | AllOf | AnyOf | Compare


class Expression(msgspec.Struct, frozen=True):
    """A condition that was read: its text, its term and the names it uses."""

    text: str
    term: Term
    names: tuple[Name, ...]

    def holds(self, names: Mapping[str, Value]) -> bool:
        """Whether the condition is true for these names. Never raises."""
        return _truth(_value(self.term, names))

    def named(self, names: Mapping[str, Value]) -> str:
        """The text that it names for these names; empty for what is no text. Never raises."""
        value = _value(self.term, names)
        return value.strip() if isinstance(value, str) else ""


_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d{1,15}(?![\w.]))|(?P<name>[A-Za-z_]\w*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign>==|!=|<=|>=|<|>|\.|\(|\)|\[|\]|,))",
    re.ASCII,
)
_WORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_HINTS = {
    "=": "compare with ==",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "+": "there is no arithmetic",
    "*": "there is no arithmetic",
    "'": "the text has no closing quote",
    '"': "the text has no closing quote",
}


def parse_expression(text: str) -> Expression:
    """Read a condition. Raises `ExpressionError`, nothing else."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(f"longer than {LENGTH_MAX} characters", 0, "use several `when` nodes")
    parser = _Parser(text)
    term = parser.condition(0)
    parser.end()
    return Expression(text, term, tuple(parser.names))


class _Parser:
    def __init__(self, text: str) -> None:
        self.names: list[Name] = []
        self._tokens = list(_tokens(text))
        self._at = 0

    def condition(self, depth: int) -> Term:
        terms = [self._all(depth)]
        while self._take("or"):
            terms.append(self._all(depth))
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def end(self) -> None:
        kind, token, offset = self._peek()
        if kind == "(":
            raise ExpressionError("a call", offset, "there are no functions here")
        if kind:
            raise ExpressionError(f"{token!r} is not expected here", offset, "join with and, or")

    def _all(self, depth: int) -> Term:
        terms = [self._not(depth)]
        while self._take("and"):
            terms.append(self._not(depth))
        return terms[0] if len(terms) == 1 else AllOf(tuple(terms))

    def _not(self, depth: int) -> Term:
        if self._take("not"):
            return Not(self._not(self._deeper(depth)))
        return self._compare(depth)

    def _compare(self, depth: int) -> Term:
        left = self._operand(depth)
        for operator in ("==", "!=", "<=", ">=", "<", ">", "in"):
            if self._take(operator):
                return Compare(operator, left, self._operand(depth))
        if self._peek()[0] == "not" and self._peek(1)[0] == "in":
            self._at += 2
            return Not(Compare("in", left, self._operand(depth)))
        return left

    def _operand(self, depth: int) -> Term:
        kind, token, offset = self._peek()
        self._at += 1
        if kind == "number":
            return Literal(int(token))
        if kind == "text":
            return Literal(token[1:-1])
        if kind in _CONSTANTS:
            return Literal(_CONSTANTS[kind])
        if kind == "name":
            return self._name(token, offset)
        if kind == "(":
            inner = self.condition(self._deeper(depth))
            self._need(")")
            return inner
        if kind == "[":
            return self._listing(self._deeper(depth))
        what = f"{token!r} is not expected here" if kind else "the condition ends too early"
        raise ExpressionError(what, offset)

    def _name(self, first: str, offset: int) -> Name:
        path = [first]
        while self._take("."):
            kind, token, at = self._peek()
            if kind != "name":
                raise ExpressionError("a name must follow the dot", at)
            self._at += 1
            path.append(token)
        if self._peek()[0] == "(":
            raise ExpressionError("a call", self._peek()[2], "there are no functions here")
        self.names.append(Name(tuple(path), offset))
        return self.names[-1]

    def _listing(self, depth: int) -> Listing:
        items: list[Term] = []
        while not self._take("]"):
            items.append(self._operand(depth))
            if self._peek()[0] != "]":
                self._need(",")
        return Listing(tuple(items))

    def _deeper(self, depth: int) -> int:
        if depth >= DEPTH_MAX:
            raise ExpressionError(f"nested deeper than {DEPTH_MAX}", self._peek()[2])
        return depth + 1

    def _peek(self, ahead: int = 0) -> tuple[str, str, int]:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _take(self, kind: str) -> bool:
        if self._peek()[0] != kind:
            return False
        self._at += 1
        return True

    def _need(self, kind: str) -> None:
        if not self._take(kind):
            raise ExpressionError(f"{kind!r} is missing", self._peek()[2])


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """(kind, token, offset) for each word; words and signs are their own kind; ends with ''."""
    found: list[tuple[str, str, int]] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionError(f"{text[at]!r} is not understood", at, _HINTS.get(text[at], ""))
        kind = match.lastgroup or ""
        token = match[kind]
        if kind == "sign" or token in _WORDS:
            kind = token
        found.append((kind, token, match.start(match.lastgroup or 0)))
        at = match.end()
    found.append(("", "", end))
    return found


def _value(term: Term, names: Mapping[str, Value]) -> Value:
    """Depth is limited by the parser, so is this recursion."""
    if isinstance(term, Literal):
        return term.value
    if isinstance(term, Name):
        return _look_up(term.path, names)
    if isinstance(term, Listing):
        return tuple(_value(item, names) for item in term.items)
    if isinstance(term, Not):
        return not _truth(_value(term.term, names))
    if isinstance(term, AllOf):
        return all(_truth(_value(part, names)) for part in term.terms)
    if isinstance(term, AnyOf):
        return any(_truth(_value(part, names)) for part in term.terms)
    return _compare(term.operator, _value(term.left, names), _value(term.right, names))


def _look_up(path: tuple[str, ...], names: Mapping[str, Value]) -> Value:
    value: Value = names
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _truth(value: Value) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "no", "false")
    return bool(value)


def _compare(operator: str, left: Value, right: Value) -> bool:
    if operator == "==":
        return _same(left, right)
    if operator == "!=":
        return not _same(left, right)
    if operator == "in":
        if isinstance(right, tuple):
            return any(_same(left, item) for item in right)
        return isinstance(left, str) and isinstance(right, str | Mapping) and left in right
    numbers = _number(left), _number(right)
    if None not in numbers:
        return _ORDER[operator](*numbers)
    if isinstance(left, str) and isinstance(right, str):
        return _ORDER[operator](left, right)
    return False


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, bool) and isinstance(right, str):
        return _truth(right) is left
    if isinstance(right, bool) and isinstance(left, str):
        return _truth(left) is right
    if isinstance(left, int) != isinstance(right, int):
        return _number(left) is not None and _number(left) == _number(right)
    return left == right


def _number(value: Value) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value):
        return int(value)
    return None
