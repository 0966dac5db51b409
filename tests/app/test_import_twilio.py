"""A TaskRouter workflow: what is written, what is reported, and that the engine honours it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callcenter.app.importers.draft import Draft
from callcenter.app.importers.report import Outcome, Report
from callcenter.app.importers.twilio import convert
from callcenter.app.importers.twilio_file import parse
from callcenter.app.importers.twilio_terms import terms_of
from callcenter.domain.center import Agent, AgentChoice, ContactChoice
from callcenter.domain.errors import WrongInput
from callcenter.domain.units import AgentId
from tests.app.imports import GOLDEN, loaded, told, write
from tests.control.house import House

FILE = GOLDEN / "workflow.json"
TAKEN, APPROXIMATED, NONE = Outcome.TAKEN, Outcome.APPROXIMATED, Outcome.NONE


def imported(path: Path) -> tuple[Draft, Report]:
    report = Report()
    return convert(path, report), report


def a_workflow(folder: Path, *targets: dict[str, Any], **more: Any) -> Path:
    document = {"task_routing": {"filters": [{"targets": list(targets)}], **more}}
    return write(folder, "workflow.json", json.dumps(document))


def problem(folder: Path, text: str) -> str:
    """The first thing wrong with a file, without the folder it stands in."""
    with pytest.raises(WrongInput) as wrong:
        imported(write(folder, "workflow.json", text))
    return str(wrong.value.problems[0]).replace(f"{folder}/", "")


def with_people(draft: Draft, folder: Path, **people: dict[str, int]) -> House:
    """A center of these settings with workers, whom a workflow does not name."""
    center = loaded(draft, folder).center()
    agents = tuple(Agent(id=AgentId(n), name=n, skills=s) for n, s in people.items())
    return House().open(msgspec.structs.replace(center, agents=agents))


# ---- what is written, and that the engine honours it ------------------------------------------


def test_filters_are_queues_and_targets_their_plans(tmp_path: Path) -> None:
    draft, _ = imported(FILE)
    center = loaded(draft, tmp_path).center()
    default, french, later, sales = center.queues
    assert [q.id for q in center.queues] == ["default", "French-support", "French-support.3",
                                             "Sales"]  # fmt: skip
    assert french.skills == {"WQ-support": 1, "french": 1, "network": 5}
    assert [(s.after_seconds, s.drop, s.lower, s.raise_priority, s.queue) for s in french.plan.steps] == [
        (30, ("french",), {"network": 2}, 1, ""), (90, (), {}, 0, "French-support.3"),
    ]  # fmt: skip
    assert later.skills == {"WQ-everybody": 1}
    assert [(s.after_seconds, s.queue) for s in later.plan.steps] == [(120, "default")]
    assert (sales.agent_choice, sales.plan.steps) == (AgentChoice.MOST_SKILLED, ())
    assert default.skills == {"WQ-everybody": 1}
    assert (center.contact_choice, french.priority) == (ContactChoice.STRICT, 1)


def test_a_later_target_of_the_same_queue_lets_others_in(tmp_path: Path) -> None:
    draft, _ = imported(FILE)
    house = with_people(draft, tmp_path, ben={"WQ-support": 5, "network": 3})
    house.call("c1", "French-support")
    house.wait(29)
    assert house.rung("c1") == "", "he speaks no French"
    house.wait(1)
    assert house.rung("c1") == "ben"


def test_a_target_of_another_queue_is_an_overflow(tmp_path: Path) -> None:
    draft, _ = imported(FILE)
    house = with_people(
        draft, tmp_path, eve={"WQ-everybody": 1}, ann={"WQ-support": 1, "french": 1}
    )
    house.call("c1", "French-support")
    house.wait(89)
    assert house.rung("c1") == ""
    house.wait(1)
    assert house.rung("c1") == "eve"


def test_a_known_worker_is_waited_for_alone_for_the_first_targets_time(tmp_path: Path) -> None:
    first = {"queue": "A", "known_worker_friendly_name": "task.agent", "timeout": 20}
    draft, _ = imported(a_workflow(tmp_path, first, {"queue": "A", "timeout": 60}))
    house = with_people(draft, tmp_path, ann={"A": 1}, ben={"A": 1})
    house.call("c0", "filter-1", agent="ann")
    house.accept("c0")
    house.call("c1", "filter-1", agent="ann")
    house.wait(19)
    assert house.rung("c1") == "", "ann talks, and ben is not asked"
    house.wait(1)
    assert house.rung("c1") == "ben"


def test_a_known_worker_of_a_later_target_has_no_equivalent(tmp_path: Path) -> None:
    later = {"queue": "A", "known_worker_sid": "task.agent"}
    draft, report = imported(a_workflow(tmp_path, {"queue": "A", "timeout": 5}, later))
    assert "plan.sticky_seconds" not in draft.queues["filter-1"].settings
    assert any(got is NONE and "only at first" in text
               for got, text in told(report, "workflow.json", 1))  # fmt: skip


def test_after_the_last_target_comes_the_default_or_the_end(tmp_path: Path) -> None:
    with_default = a_workflow(tmp_path, {"queue": "A", "timeout": 5}, default_filter={"queue": "B"})
    draft, _ = imported(with_default)
    assert draft.queues["filter-1"].steps == [{"after_seconds": 5, "queue": "default"}]
    draft, _ = imported(a_workflow(tmp_path, {"queue": "A", "timeout": 5}))
    assert draft.queues["filter-1"].steps == [{"after_seconds": 5, "exit": "timeout"}]


def test_a_workflow_as_the_api_answers_it_is_taken_too(tmp_path: Path) -> None:
    inner = {"task_routing": {"filters": [{"targets": [{"queue": "A"}]}]}}
    outer = {"sid": "WW1", "configuration": json.dumps(inner)}
    draft, report = imported(write(tmp_path, "workflow.json", json.dumps(outer)))
    assert list(draft.queues) == ["filter-1"]
    assert any("of the workflow's own record" in f.words for f in report.findings())


# ---- expressions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "needs", "left_out"),
    [
        ('worker.skills HAS "sales"', {"sales": 1}, 0),
        ("'fr' IN languages", {"fr": 1}, 0),
        ("(skills HAS 'a') AND (levels.a >= 5)", {"a": 5}, 0),
        ("level > 4.5 AND x.deep >= 99", {"level": 5, "deep": 10}, 0),
        ("region == 'north' and certified = true", {"region-north": 1, "certified": 1}, 0),
        ("1 == 1", {}, 0),
        ("skills HAS 'a' OR skills HAS 'b'", {}, 1),
        ("skills HAS 'a' AND (b == 'c' OR d == 'e')", {"a": 1}, 1),
        ("skills HAS task.topic AND skills HAS 'a'", {"a": 1}, 1),
        ("NOT skills HAS 'a'", {}, 1),
        ("worker.busy != true AND level < 3", {}, 2),
    ],
)
def test_what_can_be_needed_of_an_expression(
    expression: str, needs: dict[str, int], left_out: int
) -> None:
    terms = terms_of(expression)
    assert (terms.needs, len(terms.left_out)) == (needs, left_out)


# ---- what is reported -------------------------------------------------------------------------


def test_every_value_of_the_source_is_in_the_report() -> None:
    _, report = imported(FILE)
    for number, line in enumerate(FILE.read_text("utf-8").splitlines(), 1):
        if '": ' in line and not line.rstrip().endswith(("{", "[")):
            assert told(report, "workflow.json", number), line


@pytest.mark.parametrize(
    ("line", "outcome", "words"),
    [
        (5, TAKEN, "queue French-support"),
        (6, NONE, "a flow decides on the queue"),
        (9, APPROXIMATED, "to be given to the workers of that TaskQueue"),
        (10, TAKEN, "french 1, network 5"),
        (11, TAKEN, "priority 1"),
        (22, NONE, "a plan goes by time alone"),
        (33, NONE, "needs all of its skills"),
        (34, APPROXIMATED, "plan.sticky_seconds = 3600; the flow names her: `agent:`"),
        (35, APPROXIMATED, "most_skilled"),
        (37, NONE, "no task comes here"),
        (41, APPROXIMATED, "queue default"),
    ],
)
def test_what_became_of_a_setting(line: int, outcome: Outcome, words: str) -> None:
    _, report = imported(FILE)
    found = told(report, "workflow.json", line)
    assert any(got is outcome and words in text for got, text in found), found


def test_a_ring_never_narrows_and_a_priority_never_falls(tmp_path: Path) -> None:
    file = a_workflow(
        tmp_path, {"queue": "A", "priority": 9, "timeout": 5},
        {"queue": "A", "priority": 2, "expression": "skills HAS 'x'", "timeout": 5},
    )  # fmt: skip
    _, report = imported(file)
    words = [finding.words for finding in report.findings()]
    assert any("a ring widens" in one for one in words)
    assert any("never lowers it" in one for one in words)


# ---- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n  nonsense", "workflow.json:2:3: error: is not JSON: a name in quotes is expected"),
        ('{"a": 1,\n"a": 2}', "workflow.json:2:1: error: is not JSON: 'a' is there twice"),
        ("[" * 60, "more than 50 levels deep"),
        ('{"a": tru}', "a value is expected"),
        ("{} {}", "something stands behind the document"),
        ("{}", "there is no object task_routing"),
        ('{"task_routing": {}}', "there is no such list"),
        ('{"task_routing": {"filters": [1]}}', "'1' is no object"),
        ('{"task_routing": {"filters": [{}]}}', "there is no such list"),
        ('{"task_routing": {"filters": [{"targets": []}]}}', "there is no target"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in problem(tmp_path, text)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"timeout": 5}, "the first target names no queue"),
        ({"queue": "A", "timeout": "soon"}, "'soon' are not seconds"),
        ({"queue": "A", "timeout": -1}, "'-1' are not seconds"),
        ({"queue": "A", "priority": "high"}, "'high' is not a number"),
        ({"queue": "A", "expression": "skills HAS ("}, "a bracket has no partner"),
        ({"queue": "A", "expression": "a AND"}, "something is missing beside AND or OR"),
        ({"queue": "A", "expression": "a § b"}, "cannot be read"),
    ],
)
def test_a_wrong_value_is_told_with_its_field(
    tmp_path: Path, target: dict[str, Any], said: str
) -> None:
    found = problem(tmp_path, a_workflow(tmp_path, target).read_text("utf-8"))
    assert said in found
    assert "filter filter-1 target 1" in found
    assert found.endswith(")")


def test_a_number_that_is_too_long_is_told_or_is_no_level(tmp_path: Path) -> None:
    long = a_workflow(tmp_path, {"queue": "A", "timeout": int("9" * 4000)})
    assert "a number has more than 100 characters" in problem(tmp_path, long.read_text("utf-8"))
    odd = a_workflow(tmp_path, {"queue": "A", "expression": f"worker.level >= {'9' * 400}"})
    draft, _ = imported(odd)
    assert list(draft.skills) == ["A"], "the queue alone"


def test_places_of_values_are_known() -> None:
    node = parse('{\n "a": [\n 1,\n "x"],\n "b": {"c": null}}', "x.json")
    a = node.member("a")
    assert a is not None
    assert [(n.plain, n.line) for n in a.inner] == [(1, 3), ("x", 4)]
    assert node.plain == {"a": [1, "x"], "b": {"c": None}}
