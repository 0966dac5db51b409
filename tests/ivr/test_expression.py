"""The conditions of `when`."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.ivr.expression import DEPTH_MAX, ExpressionError, Value, parse_expression

NAMES: dict[str, Value] = {
    "customer": {"tier": "gold", "orders": "12", "at_risk": "no", "name": "Asha"},
    "call": {"caller_registered": True},
    "language": "es",
    "count": 3,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("customer.tier == 'gold'", True),
        ('customer.tier != "gold"', False),
        ("customer.orders > 2", True),
        ("customer.orders >= 12 and customer.orders <= 12", True),
        ("customer.orders < '9'", False),
        ("customer.at_risk", False),
        ("not customer.at_risk", True),
        ("customer.at_risk == false", True),
        ("call.caller_registered == true", True),
        ("language in ['es', 'te']", True),
        ("language not in ['es', 'te']", False),
        ("'sh' in customer.name", True),
        ("'tier' in customer", True),
        ("customer.missing == null", True),
        ("customer.missing.deeper", False),
        ("nothing.at.all", False),
        ("customer.missing > 3", False),
        ("customer > 3", False),
        ("count == '3'", True),
        ("true or false and false", True),
        ("(true or false) and false", False),
        ("not not true", True),
        ("language < 'fr'", True),
        ("1 in 2", False),
        ("-1 < 0", True),
    ],
)
def test_conditions_mean_what_they_say(text: str, holds: bool) -> None:
    assert parse_expression(text).holds(NAMES) is holds


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("a = 1", 2, "compare with =="),
        ("a && b", 2, "write `and`"),
        ("exit(1)", 4, "no functions"),
        ("'x'('y')", 3, "no functions"),
        ("a b", 2, "not expected"),
        ("a ==", 4, "too early"),
        ("", 0, "too early"),
        ("(a", 2, "missing"),
        ("[a", 2, "missing"),
        ("a.1", 2, "follow the dot"),
        ("'open", 0, "closing quote"),
        ("1 + 1", 2, "arithmetic"),
        ("a == b == c", 7, "not expected"),
    ],
)
def test_what_cannot_be_read_is_told_by_place_and_remedy(
    text: str, offset: int, words: str
) -> None:
    with pytest.raises(ExpressionError) as told:
        parse_expression(text)
    assert told.value.offset == offset
    assert words in f"{told.value.message} {told.value.hint}"


def test_no_name_reaches_an_object() -> None:
    for text in ("__import__", "customer.__class__.__mro__", "call.keys", "language.upper"):
        assert parse_expression(text).holds(NAMES) is False


def test_depth_and_length_are_limited() -> None:
    deep = DEPTH_MAX + 1
    for text in ("(" * deep + "a" + ")" * deep, "not " * deep + "a", "[" * deep + "]" * deep):
        with pytest.raises(ExpressionError, match="deeper"):
            parse_expression(text)
    with pytest.raises(ExpressionError, match="longer"):
        parse_expression("a and " * 100 + "a")


def test_names_are_kept_with_their_place() -> None:
    names = parse_expression("not customer.tier or language == 'es'").names
    assert [(name.path, name.offset) for name in names] == [
        (("customer", "tier"), 4),
        (("language",), 21),
    ]


@given(st.text(max_size=600))
def test_any_text_is_read_or_refused(text: str) -> None:
    offset = 0
    try:
        parse_expression(text).holds(NAMES)
    except ExpressionError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)


_words = st.sampled_from(
    ["and", "or", "not", "in", "(", ")", "[", "]", ",", "==", "<", "customer", ".", "x", "'a'", "7"]
)


@given(st.lists(_words, max_size=120))
def test_any_order_of_words_is_read_or_refused_quickly(words: list[str]) -> None:
    begun = time.perf_counter()
    try:
        parse_expression(" ".join(words)).holds(NAMES)
    except ExpressionError:
        pass
    assert time.perf_counter() - begun < 0.5
