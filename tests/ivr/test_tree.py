"""YAML that is read, and YAML that is refused."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.domain.errors import Problem, WrongInput
from callcenter.ivr.tree import DEPTH_MAX, FILE_BYTES_MAX, Items, Table, Text, parse_tree


def refused(text: str) -> str:
    with pytest.raises(WrongInput) as wrong:
        parse_tree(text, "f.yaml")
    return str(wrong.value)


def test_everything_knows_its_line_and_column() -> None:
    tree, problems = parse_tree("a:\n  b: [x, 'y']\n", "f.yaml")
    assert not problems
    assert isinstance(tree, Table)
    key, inner = tree.entries[0]
    assert (key.line, key.column) == (1, 1)
    assert isinstance(inner, Table)
    items = inner.entries[0][1]
    assert isinstance(items, Items)
    assert items.items == (Text("x", 2, 7), Text("y", 2, 10, 1))


def test_text_stays_text() -> None:
    tree, _ = parse_tree("[no, 1, 0x10, 2026-01-01, null, '']", "f.yaml")
    assert isinstance(tree, Items)
    values = [item.value for item in tree.items if isinstance(item, Text)]
    assert values == ["no", "1", "0x10", "2026-01-01", "null", ""]


def test_a_repeated_key_is_told_with_both_places() -> None:
    tree, problems = parse_tree("a: 1\nb: 2\na: 3\n", "f.yaml")
    assert isinstance(tree, Table)
    assert len(tree.entries) == 2
    assert str(problems[0]) == "f.yaml:3:1: error: 'a' stands here twice (line 1)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1", "f.yaml:1:4: error: an anchor"),
        ("a: *x", "f.yaml:1:4: error: an alias"),
        ("a: !!python/object:os.system x", "a tag"),
        ("a: !x y", "a tag"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document"),
        ("a: [1", "f.yaml:1:6"),
        ("a: b: c", "f.yaml:1:5"),
        ("\tx: 1", "f.yaml:1:1"),
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("a: \x07", "not readable"),
        ('a: "\\U99999999"', "not readable"),
        ("%YAML 7.0\n---\na: 1", "not readable"),
        ("a: " + "x" * 5000, "longer than"),
        ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "nested deeper"),
        ("a: 1\n" * (FILE_BYTES_MAX // 5 + 1), "larger than"),
        ("- x\n" * 20_001, "more than"),
    ],
)
def test_what_is_refused_names_its_place(text: str, words: str) -> None:
    assert words in refused(text)


def test_a_billion_laughs_are_refused_at_the_first() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    assert "an anchor" in refused(bomb)


def test_half_surrogates_and_controls_do_not_reach_the_screen() -> None:
    tree, _ = parse_tree('"\\ud800\\u009bA"', "f.yaml")
    assert isinstance(tree, Text)
    assert tree.value == "A"


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "'", '"\\x', "a: |\n ", "*a ", ": "])
def test_hostile_repetition_is_refused_quickly(piece: str) -> None:
    begun = time.perf_counter()
    try:
        parse_tree(piece * (20_000 // len(piece)), "f.yaml")
    except WrongInput:
        pass
    assert time.perf_counter() - begun < 5


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("ab:-[]{},#&*!|>'\"% \n\t?\\0@~"), max_size=120))
def test_any_text_becomes_a_tree_or_is_refused(text: str) -> None:
    problems: list[Problem] | None = None
    try:
        parse_tree(text, "f.yaml")
    except WrongInput as wrong:
        problems = wrong.problems
    assert problems is None or problems
