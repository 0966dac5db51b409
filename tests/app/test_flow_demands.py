"""What a way through a flow asks for and nobody configured has is warned of, where it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.app.flow_demands import unserved
from callcenter.app.flow_files import check_flows, known_names
from callcenter.domain.center import Agent, Center, Number, Plan, PlanStep, Queue
from callcenter.domain.units import AgentId, QueueId
from callcenter.ivr.flow import load_flow

FLOW = """
flow: main
entry: topic
languages: [en, es]
prompts:
  ask: { en: Press 1., es: Oprima 1. }
nodes:
  topic:
    menu: ask
    keys: { "1": { set: { topic: lines }, next: help }, "2": { set: { topic: bills }, next: help } }
    no_input: help
    no_match: help
  help:
    queue: sales
    MORE
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: end
    left: end
  end: { hangup: normal }
"""


def center(*people: dict[str, int], steps: tuple[PlanStep, ...] = (), level: int = 0) -> Center:
    return Center(
        skills=("sales", "lines", "bills", "en", "es"),
        queues=(
            Queue(
                id=QueueId("sales"), title="Sales", skills={"sales": 2}, language_level=level,
                plan=Plan(steps=steps),
            ),
            Queue(id=QueueId("other"), title="Other"),
        ),
        agents=tuple(
            Agent(id=AgentId(f"a{n}"), name="", skills=skills) for n, skills in enumerate(people)
        ),
        numbers=(Number(number="100", flow="main"),),
    )  # fmt: skip


def told(center: Center, more: str = "") -> list[str]:
    flow = load_flow(FLOW.replace("MORE", more), "main.yaml", known_names(center))
    return [problem.message for problem in unserved(center, flow)]


NOBODY = "nobody is configured who could serve queue sales with "


@pytest.mark.parametrize(
    ("more", "level", "people", "missing"),
    [
        ("", 0, [{"sales": 2}], []),
        ("", 3, [{"sales": 2, "en": 3}], ["es 3"]),
        ("", 3, [{"sales": 2, "en": 3}, {"sales": 2, "es": 2}], ["es 3"]),
        ("", 3, [{"sales": 2, "en": 3, "es": 3}], []),
        ("language: any", 3, [{"sales": 2}], []),
        ("""language: "'es'" """, 0, [{"sales": 2}], ["es 1"]),
        ("language: language", 0, [{"sales": 2, "es": 1}], ["en 1"]),
        ("language: customer.language", 5, [{"sales": 2}], []),
        ("skills: { lines: 4 }", 0, [{"sales": 2, "lines": 3}, {"lines": 9}], ["lines 4"]),
        ("skills: { $topic: 2, lines: 1 }", 0, [{"sales": 2, "lines": 2}], ["bills 2, lines 1"]),
        ("skills: { lines: 4 }", 0, [], []),
    ],
)
def test_each_need_of_a_way_must_be_somebodys(
    more: str, level: int, people: list[dict[str, int]], missing: list[str]
) -> None:
    assert told(center(*people, level=level), more) == [NOBODY + words for words in missing]


def test_a_step_that_drops_the_skill_or_another_queue_will_do() -> None:
    people = {"sales": 2}
    for step in (
        PlanStep(after_seconds=30, drop=("lines",)),
        PlanStep(after_seconds=30, queue=QueueId("other")),
    ):
        assert told(center(people, steps=(step,)), "skills: { lines: 4 }") == []


def test_it_is_a_warning_at_the_node_and_config_check_tells_it(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(FLOW.replace("MORE", "skills: { lines: 4 }"), "utf-8")
    (found,) = [p for p in check_flows(center({"sales": 2}), tmp_path) if NOBODY in p.message]
    line = FLOW.splitlines().index("  help:") + 1
    assert (found.severity, found.line, found.field) == ("warning", line, "nodes.help")
    assert "add an agent with these skills" in found.hint
