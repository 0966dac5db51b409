"""All flows together, and their revisions."""

import pytest

from callcenter.domain.errors import WrongInput
from callcenter.ivr.flow import Known
from callcenter.ivr.library import REVISIONS_MAX, Library

FLOW = """\
flow: {name}
entry: a
languages: [en]
numbers: ["{number}"]
prompts: {{ hello: {{ en: {words} }} }}
nodes:
  a: {{ say: hello, next: b }}
  b: {{ hangup: normal }}
"""


def text(name: str = "one", words: str = "Hello", number: str = "100") -> str:
    return FLOW.format(name=name, words=words, number=number)


def test_changed_files_are_taken_and_calls_keep_their_revision() -> None:
    old = Library().replace({"one.yaml": text()})
    before = old.flows["one"]
    new = old.replace({"one.yaml": text(words="Good morning"), "two.yaml": text("two", number="2")})
    after = new.flows["one"]
    assert new.names == {"one", "two"}
    assert before.revision != after.revision
    assert new.get("one") == after
    assert new.get("one", before.revision) == before
    assert set(new.revisions) == {before.revision, after.revision, new.flows["two"].revision}
    assert old.names == {"one"}


def test_one_wrong_file_keeps_all_the_good_old_ones() -> None:
    library = Library().replace({"one.yaml": text()})
    with pytest.raises(WrongInput) as wrong:
        library.replace({"one.yaml": text(words="Bye"), "two.yaml": "flow: two\nentry: nowhere\n"})
    assert all(problem.file == "two.yaml" for problem in wrong.value.problems)
    assert library.flows["one"].prompts["hello"]["en"] == "Hello"


def test_the_same_name_or_number_in_two_files_is_refused() -> None:
    with pytest.raises(WrongInput, match=r"b.yaml: error: flow: flow 'one' also stands in a.yaml"):
        Library().replace({"a.yaml": text(), "b.yaml": text(number="5")})
    with pytest.raises(WrongInput, match="number '100' also stands in a"):
        Library().replace({"a.yaml": text(), "b.yaml": text("two")})


def test_a_file_that_is_gone_starts_no_calls_and_ends_none() -> None:
    library = Library().replace({"one.yaml": text()})
    revision = library.flows["one"].revision
    empty = library.replace({})
    assert empty.get("one") is None
    assert empty.get("one", revision) is not None


def test_a_file_taken_back_is_the_old_revision_again() -> None:
    library = Library().replace({"a.yaml": text()})
    first = library.flows["one"].revision
    library = library.replace({"a.yaml": text(words="Bye")}).replace({"a.yaml": text()})
    assert library.flows["one"].revision == first
    assert len(library.revisions) == 2


def test_old_revisions_are_limited() -> None:
    library = Library()
    for number in range(REVISIONS_MAX + 5):
        library = library.replace({"a.yaml": text(words=f"Hello {number}")})
    assert len(library.revisions) == REVISIONS_MAX
    assert library.get("one", library.flows["one"].revision) is not None


def test_warnings_of_all_flows_are_kept() -> None:
    library = Library().replace({"a.yaml": text()}, Known(audio=frozenset()))
    assert any("has no audio" in str(problem) for problem in library.warnings)
