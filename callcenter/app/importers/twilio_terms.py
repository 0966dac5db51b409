"""Expressions about workers, as skills that are needed.

    worker.skills HAS "sales" AND worker.levels.french >= 5     sales 1 and french 5

What can be said is a list of conditions joined by AND: something is had, or had to a level. What
depends on the task, or is joined by OR, or is not had, cannot be a need; it is named and left out,
which lets more people take the contact than before.

Sources: Twilio, "Using TaskRouter Expressions".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from callcenter.app.importers.draft import name_of
from callcenter.domain.center import PROFICIENCY_MAX

LENGTH_MAX = 10_000
NESTED_MAX = 30

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<number>-?\d+(?:\.\d+)?)
    |(?P<sign>==|!=|<>|>=|<=|=|>|<|\(|\)|\[|\]|,)|(?P<word>[A-Za-z_][\w.]*))""",
    re.VERBOSE,
)
_HAS = ("HAS", "CONTAINS")
_LISTS = ("skills", "languages", "skill", "language")
"""Attributes whose values are skills by their own name; of others the attribute comes before."""


class NotAnExpression(ValueError):
    """It cannot be read; the text says why."""


@dataclass
class Terms:
    """What of an expression can be needed, and what cannot, with the reason."""

    needs: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def need(self, skill: str, level: int) -> None:
        """One more need."""
        self.needs[skill] = max(self.needs.get(skill, 1), level)


def terms_of(expression: str) -> Terms:
    """The needs of an expression. Raises `NotAnExpression`."""
    if len(expression) > LENGTH_MAX:
        raise NotAnExpression(f"is longer than {LENGTH_MAX} characters")
    terms = Terms()
    _split(_tokens(expression), terms, 0)
    return terms


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotAnExpression(f"{text[at : at + 20]!r} cannot be read")
        tokens.append(found[0].strip())
        at = found.end()
    depth = 0
    for token in tokens:
        depth += (token in "([") - (token in ")]")
        if depth < 0:
            break
    if depth:
        raise NotAnExpression("a bracket has no partner")
    return tokens


def _parts(tokens: list[str], word: str) -> list[list[str]]:
    """The tokens between those of `word` that stand in no bracket."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in "([") - (token in ")]")
        if depth == 0 and token.upper() == word:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _split(tokens: list[str], terms: Terms, depth: int) -> None:
    if depth > NESTED_MAX:
        raise NotAnExpression("has too many brackets")
    if len(_parts(tokens, "OR")) > 1:
        terms.left_out.append(f"{' '.join(tokens)} (a contact needs all of its skills, not one of)")
        return
    parts = _parts(tokens, "AND")
    if len(parts) > 1:
        for part in parts:
            _split(part, terms, depth + 1)
    elif tokens[:1] == ["("] and tokens[-1:] == [")"] and len(_parts(tokens[1:-1], ")")) == 1:
        _split(tokens[1:-1], terms, depth + 1)
    elif tokens:
        _condition(tokens, terms)
    else:
        raise NotAnExpression("something is missing beside AND or OR")


def _condition(tokens: list[str], terms: Terms) -> None:
    shown = " ".join(tokens)
    if any(token.lower().startswith("task.") for token in tokens):
        terms.left_out.append(f"{shown} (it depends on the contact: a flow's `queue` node can ask "
                              "for skills)")  # fmt: skip
    elif len(tokens) != 3 or not _known(tokens[0], tokens[1].upper(), tokens[2], terms):
        terms.left_out.append(f"{shown} (only what somebody has can be needed)")


def _known(left: str, sign: str, right: str, terms: Terms) -> bool:
    """Whether the condition is a need, which it then is."""
    if sign == "IN" and _is_text(left) and _is_word(right):
        left, sign, right = right, "HAS", left
    if not _is_word(left):
        return sign in ("=", "==") and left == right
    if sign in (*_HAS, "=", "==") and _is_text(right):
        terms.need(_skill(left, right[1:-1]), 1)
    elif sign in ("=", "==") and right.lower() == "true":
        terms.need(name_of(_last(left)), 1)
    elif sign in (">", ">=") and re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", right):
        least = float(right)
        level = math.floor(least) + 1 if sign == ">" else math.ceil(least)
        terms.need(name_of(_last(left)), max(1, min(PROFICIENCY_MAX, level)))
    else:
        return False
    return True


def _skill(attribute: str, value: str) -> str:
    last = _last(attribute)
    return name_of(value if last.lower() in _LISTS else f"{last}-{value}")


def _last(attribute: str) -> str:
    return attribute.rpartition(".")[2]


def _is_text(token: str) -> bool:
    return token[:1] in "\"'"


def _is_word(token: str) -> bool:
    return token[:1].isalpha() and token.lower() not in ("true", "false", "null")
