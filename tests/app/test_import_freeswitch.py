"""Queues of FreeSWITCH: what is written, what is reported, and that the engine honours it."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.app.importers import freeswitch_file
from callcenter.app.importers.draft import Draft
from callcenter.app.importers.freeswitch import convert
from callcenter.app.importers.report import Outcome, Report
from callcenter.domain.center import AgentChoice
from callcenter.domain.errors import WrongInput
from tests.app.imports import GOLDEN, house_of, loaded, told, write

FILE = GOLDEN / "callcenter.conf.xml"
TAKEN, APPROXIMATED, NONE = Outcome.TAKEN, Outcome.APPROXIMATED, Outcome.NONE
AGENTS = "".join(f'<agent name="{name}" type="callback"/>\n' for name in ("a", "b", "c"))


def imported(path: Path) -> tuple[Draft, Report]:
    report = Report()
    return convert(path, report), report


def a_center(folder: Path, params: dict[str, str], tiers: str) -> tuple[Draft, Report]:
    """One queue `q`, the agents a, b and c, and these tiers."""
    lines = "\n".join(f'<param name="{k}" value="{v}"/>' for k, v in params.items())
    text = (
        f'<configuration name="callcenter.conf"><queues><queue name="q">\n{lines}\n</queue></queues>'
        f"<agents>\n{AGENTS}</agents><tiers>\n{tiers}\n</tiers></configuration>"
    )
    return imported(write(folder, "callcenter.conf.xml", text))


def tiers(*levels: tuple[str, int, int]) -> str:
    return "\n".join(
        f'<tier agent="{name}" queue="q" level="{level}" position="{position}"/>'
        for name, level, position in levels
    )


def problem(folder: Path, text: str) -> str:
    """The first thing wrong with a file, without the folder it stands in."""
    with pytest.raises(WrongInput) as wrong:
        imported(write(folder, "callcenter.conf.xml", text))
    return str(wrong.value.problems[0]).replace(f"{folder}/", "")


# ---- what is written, and that the engine honours it ------------------------------------------


def test_a_center_is_taken_over(tmp_path: Path) -> None:
    draft, _ = imported(FILE)
    center = loaded(draft, tmp_path).center()
    support, vip = center.queues
    assert (support.wait_seconds_max, support.ring_seconds, support.wrap_up_seconds) == (
        600,
        15,
        25,
    )
    assert [(s.after_seconds, s.lower) for s in support.plan.steps] == [
        (80, {"support": 9}), (120, {"support": 8}),
    ]  # fmt: skip
    assert (vip.agent_choice, vip.unstaffed_exit) == (AgentChoice.TOP_DOWN, True)
    assert {a.id: a.skills for a in center.agents} == {
        "1000": {"support": 10, "vip": 10}, "1001": {"support": 9},
        "1002": {"support": 8, "vip": 10},
    }  # fmt: skip


def test_levels_open_one_after_the_other(tmp_path: Path) -> None:
    draft, _ = imported(FILE)
    house = house_of(draft, tmp_path, only=("1001", "1002"))
    house.call("c1", "support")
    house.wait(79)
    assert house.rung("c1") == "", "level 1 is not there, and level 2 not yet asked"
    house.wait(1)
    assert house.rung("c1") == "1001", "level 2 after 2 times 40 s"


def test_without_multiplying_all_levels_open_at_once(tmp_path: Path) -> None:
    rules = {"tier-rules-apply": "true", "tier-rule-wait-second": "20"}
    draft, _ = a_center(tmp_path, rules, tiers(("a", 1, 1), ("b", 2, 1), ("c", 3, 1)))
    house = house_of(draft, tmp_path, only=("c",))
    house.call("c1", "q")
    house.wait(19)
    assert house.rung("c1") == ""
    house.wait(1)
    assert house.rung("c1") == "c"


def test_the_lowest_level_waits_too_where_it_must(tmp_path: Path) -> None:
    rules = {
        "tier-rules-apply": "true", "tier-rule-wait-second": "20",
        "tier-rule-wait-multiply-level": "true", "tier-rule-no-agent-no-wait": "false",
    }  # fmt: skip
    draft, _ = a_center(tmp_path, rules, tiers(("a", 1, 1), ("b", 2, 1)))
    house = house_of(draft, tmp_path)
    house.call("c1", "q")
    assert house.rung("c1") == ""
    house.wait(20)
    assert house.rung("c1") == "a"


@pytest.mark.parametrize("strategy", ["longest-idle-agent", "round-robin", "random"])
def test_without_rules_the_lowest_level_is_asked_first(tmp_path: Path, strategy: str) -> None:
    draft, _ = a_center(
        tmp_path, {"strategy": strategy}, tiers(("a", 3, 1), ("b", 2, 1), ("c", 1, 1))
    )
    house = house_of(draft, tmp_path)
    for number in range(3):
        house.call(f"c{number}", "q")
    assert [house.rung(f"c{number}") for number in range(3)] == ["c", "b", "a"]


def test_positions_are_the_order_of_a_sequential_queue(tmp_path: Path) -> None:
    draft, _ = a_center(
        tmp_path, {"strategy": "sequentially-by-agent-order"},
        tiers(("a", 1, 3), ("b", 1, 2), ("c", 1, 1)),
    )  # fmt: skip
    house = house_of(draft, tmp_path)
    for number in range(3):
        house.call(f"c{number}", "q")
    assert [house.rung(f"c{number}") for number in range(3)] == ["c", "b", "a"]


# ---- what is reported -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "line", "outcome", "words"),
    [
        ("callcenter.conf.xml", 2, TAKEN, "the value of $${level_wait}"),
        ("callcenter.conf.xml", 6, NONE, "[store] and [history]"),
        ("callcenter.conf.xml", 16, APPROXIMATED, "the lowest level asked at once"),
        ("callcenter.conf.xml", 23, APPROXIMATED, "every wait has an end here"),
        ("callcenter.conf.xml", 34, APPROXIMATED, "position 2 has no part"),
        ("agents.xml", 2, APPROXIMATED, "who does not answer is not ready at once"),
        ("agents.xml", 6, NONE, "not known to this importer"),
    ],
)
def test_what_became_of_a_setting(file: str, line: int, outcome: Outcome, words: str) -> None:
    _, report = imported(FILE)
    assert any(found is outcome and words in text for found, text in told(report, file, line))


def test_every_parameter_and_attribute_is_in_the_report_and_no_password() -> None:
    _, report = imported(FILE)
    for name in ("callcenter.conf.xml", "agents.xml"):
        for number, line in enumerate((GOLDEN / name).read_text("utf-8").splitlines(), 1):
            if any(mark in line for mark in ("<param ", "<agent ", "<tier ", "<X-PRE")):
                assert told(report, name, number), line
    shown = "\n".join(str(finding) for finding in report.findings())
    assert "hidden-word" not in shown
    assert "odbc-dsn = …" in shown


# ---- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a>\n<b></a>", "callcenter.conf.xml:2: error: is not XML: mismatched tag"),
        ("<other/>", 'there is no <configuration name="callcenter.conf">'),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "/etc/passwd">]><x>&e;</x>',
            "a document type is not read",
        ),
        ("<x>&gone;</x>", "is not XML: undefined entity"),
        ("<x>" * 60 + "</x>" * 60, "there are too many elements"),
        ('<X-PRE-PROCESS cmd="include" data="gone.xml"/>', "gone.xml cannot be read"),
        ('<X-PRE-PROCESS cmd="include" data="callcenter.conf.xml"/>', "it includes itself"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in problem(tmp_path, text)


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ('<queues><queue name="q"/>\n<queue name="q"/></queues>', ":2: error: [queue] name: is there twice"),
        ("<queues><queue/></queues>", "[queue] name: is not given"),
        ('<queues><queue name="q">\n<param name="strategy" value="best"/></queue></queues>',
         ":2: error: [q] strategy: 'best' is no strategy"),
        ('<queues><queue name="q">\n<param name="max-wait-time" value="long"/></queue></queues>',
         "[q] max-wait-time: 'long' is not a whole number"),
        ('<tiers><tier agent="a" queue="gone"/></tiers>', "there is no queue 'gone'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_line_field_and_remedy(
    tmp_path: Path, inner: str, said: str
) -> None:
    found = problem(tmp_path, f'<configuration name="callcenter.conf">{inner}</configuration>')
    assert said in found
    assert found.endswith(")")


def test_values_that_grow_without_end_are_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubles = "".join(
        f'<X-PRE-PROCESS cmd="set" data="v{n}=$${{v{n - 1}}}$${{v{n - 1}}}"/>' for n in range(1, 30)
    )
    text = f'<x><X-PRE-PROCESS cmd="set" data="v0=abcdefgh"/>{doubles}</x>'
    assert "more than 10000 characters" in problem(tmp_path, text)
    monkeypatch.setattr(freeswitch_file, "FILE_BYTES_MAX", 1_000_000)
    assert "larger than 1 MB" in problem(tmp_path, " " * 1_000_001)


@pytest.mark.parametrize("name", ["klingon", "shift_jis"])
def test_an_encoding_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    found = problem(tmp_path, f'<?xml version="1.0" encoding="{name}"?>\n<x/>')
    assert "an encoding that is not known here (save it as UTF-8)" in found


def test_a_pattern_that_is_none_is_told(tmp_path: Path) -> None:
    found = problem(tmp_path, '<x>\n<X-PRE-PROCESS cmd="include" data="**.xml"/></x>')
    assert ":2: error: '**.xml' is no pattern of file names" in found
