"""Queues of Asterisk: what is written, what is reported, and that the engine honours it."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.app.importers import asterisk_file
from callcenter.app.importers.asterisk import convert
from callcenter.app.importers.draft import Draft
from callcenter.app.importers.report import Outcome, Report
from callcenter.domain.center import AgentChoice, ContactChoice
from callcenter.domain.commands import OfferOutcome
from callcenter.domain.errors import WrongInput
from tests.app.imports import GOLDEN, house_of, loaded, told, write

QUEUES, RULES = GOLDEN / "queues.conf", GOLDEN / "queuerules.conf"
TAKEN, APPROXIMATED, NONE = Outcome.TAKEN, Outcome.APPROXIMATED, Outcome.NONE


def imported(*paths: Path, **penalties: int) -> tuple[Draft, Report]:
    report = Report()
    return convert(list(paths), report, penalties), report


def a_queue(folder: Path, *lines: str, **penalties: int) -> tuple[Draft, Report]:
    """One queue `q` with these settings."""
    return imported(write(folder, "queues.conf", "[q]\n" + "\n".join(lines) + "\n"), **penalties)


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a file, without the folder it stands in."""
    with pytest.raises(WrongInput) as wrong:
        imported(write(folder, "queues.conf", text))
    return [str(problem).replace(f"{folder}/", "") for problem in wrong.value.problems]


# ---- what is written --------------------------------------------------------------------------


def test_a_grown_center_is_taken_over(tmp_path: Path) -> None:
    draft, _ = imported(QUEUES, RULES)
    center = loaded(draft, tmp_path).center()
    sales, billing, desk = center.queues
    assert (sales.ring_seconds, sales.wrap_up_seconds, sales.target_seconds) == (12, 20, 300)
    assert (sales.waiting_max, sales.unstaffed_exit) == (40, False)
    assert [(s.after_seconds, s.lower) for s in sales.plan.steps] == [
        (30, {"sales": 9}), (60, {"sales": 8}),
    ]  # fmt: skip
    assert billing.unstaffed_exit, "nobody is let in later there"
    assert billing.agent_choice is AgentChoice.ROUND_ROBIN
    assert (desk.id, desk.title, desk.ring_seconds) == ("front-desk", "front desk", 180)
    assert (center.contact_choice, sales.priority, billing.priority) == (ContactChoice.STRICT, 6, 5)
    assert {a.id: a.name for a in center.agents} == {
        "1001": "Anna Berg", "1002": "Ben ; the tall", "1003": "Chandra", "1004": "Dora",
        "1005": "Emil", "dahdi-4": "Attic",
    }  # fmt: skip


def test_defaults_that_decide_who_is_asked_are_asterisks(tmp_path: Path) -> None:
    draft, report = a_queue(tmp_path, "strategy = random", "member => SIP/1")
    [queue] = loaded(draft, tmp_path).queues
    assert (queue.ring_seconds, queue.wrap_up_seconds) == (15, 0)
    words = [str(finding) for finding in report.findings()]
    assert any("timeout (default 15): taken over as ring_seconds = 15" in one for one in words)


# ---- the engine honours it --------------------------------------------------------------------


def test_the_lowest_penalty_is_asked_first_and_the_next_when_she_is_busy(tmp_path: Path) -> None:
    draft, _ = a_queue(
        tmp_path, "strategy=leastrecent", "member => SIP/c,7", "member => SIP/a,0", "member => SIP/b,3",
        "member => SIP/a2,0",
    )  # fmt: skip
    house = house_of(draft, tmp_path)
    for number in range(4):
        house.call(f"c{number}", "q")
    assert [house.rung(f"c{number}") for number in range(4)] == ["a", "a2", "b", "c"]


@pytest.mark.parametrize("strategy", ["rrmemory", "linear", "fewestcalls"])
def test_every_strategy_keeps_the_order_of_penalties(tmp_path: Path, strategy: str) -> None:
    draft, _ = a_queue(
        tmp_path, f"strategy={strategy}", "member => SIP/d,9", "member => SIP/c,7",
        "member => SIP/b,3", "member => SIP/a,0",
    )  # fmt: skip
    house = house_of(draft, tmp_path)
    for number in range(4):
        house.call(f"c{number}", "q")
    assert [house.rung(f"c{number}") for number in range(4)] == ["a", "b", "c", "d"]


def test_a_linear_queue_rings_in_the_order_of_its_file(tmp_path: Path) -> None:
    draft, _ = a_queue(tmp_path, "strategy=linear", "member => SIP/z", "member => SIP/a")
    house = house_of(draft, tmp_path)
    house.call("c1", "q")
    assert house.rung("c1") == "z"


def test_higher_penalties_are_asked_when_the_rule_lets_them_in(tmp_path: Path) -> None:
    draft, _ = imported(QUEUES, RULES)
    house = house_of(draft, tmp_path, only=("1003", "1004"))
    house.call("c1", "sales")
    assert house.rung("c1") == "", "penalties 5 and 10 are more than 0"
    house.wait(29)
    assert house.rung("c1") == ""
    house.wait(1)
    assert house.rung("c1") == "1003", "penalty 5, after 30 s"
    house.report("c1", OfferOutcome.EXPIRED)
    house.wait(30)
    assert house.rung("c1") == "1004", "penalty 10, after 60 s"


def test_what_the_dialplan_sets_is_given_with_the_import(tmp_path: Path) -> None:
    draft, report = imported(QUEUES, RULES, sales=5)
    house = house_of(draft, tmp_path, only=("1003",))
    house.call("c1", "sales")
    assert house.rung("c1") == "1003"
    assert told(report, "queues.conf", 27)[0][0] is TAKEN


def test_weights_come_before_waiting(tmp_path: Path) -> None:
    draft, _ = imported(
        write(
            tmp_path, "queues.conf",
            "[slow]\nweight=1\nstrategy=linear\nmember=>SIP/a\n"
            "[quick]\nweight=9\nstrategy=linear\nmember=>SIP/a\n",
        )
    )  # fmt: skip
    house = house_of(draft, tmp_path, only=())
    house.call("busy", "slow")
    house.accept("busy")
    house.call("old", "slow")
    house.wait(300)
    house.call("new", "quick")
    house.hang_up("busy")
    house.wait(1)
    assert (house.rung("new"), house.rung("old")) == ("a", "")


# ---- what is reported -------------------------------------------------------------------------


def test_every_setting_of_the_source_is_in_the_report() -> None:
    _, report = imported(QUEUES, RULES)
    for name in ("queues.conf", "queuerules.conf", "members-billing.conf"):
        lines = (GOLDEN / name).read_text("utf-8").splitlines()
        hidden = False
        for number, line in enumerate(lines, 1):
            hidden = (hidden or line.startswith(";--")) and not line.startswith("--;")
            if line and not hidden and line[0] not in "[;-":
                assert told(report, name, number), line


@pytest.mark.parametrize(
    ("file", "line", "outcome", "words"),
    [
        ("queues.conf", 3, NONE, "in the journal"),
        ("queues.conf", 24, TAKEN, "target_seconds = 300"),
        ("queues.conf", 32, TAKEN, "the end of servicelevel of line 24"),
        ("queues.conf", 31, NONE, "wrapuptime 45"),
        ("queues.conf", 45, APPROXIMATED, "dahdi cannot be rung"),
        ("queues.conf", 47, NONE, "not known to this importer"),
        ("members-billing.conf", 3, APPROXIMATED, "another phone of hers"),
        ("queuerules.conf", 6, NONE, "min 5: a ring widens"),
        ("queuerules.conf", 7, NONE, "raise r2"),
        ("queuerules.conf", 8, NONE, "never narrows"),
        ("queuerules.conf", 11, NONE, "no queue has it as its defaultrule"),
    ],
)
def test_what_became_of_a_setting(file: str, line: int, outcome: Outcome, words: str) -> None:
    _, report = imported(QUEUES, RULES)
    assert any(found is outcome and words in text for found, text in told(report, file, line))


def test_a_rule_that_was_not_given_is_named(tmp_path: Path) -> None:
    _, report = a_queue(tmp_path, "strategy=random", "defaultrule = gone")
    [(outcome, words)] = told(report, "queues.conf", 3)
    assert (outcome, "import queuerules.conf with it" in words) == (NONE, True)


def test_more_than_ten_penalties_become_ten_and_are_told(tmp_path: Path) -> None:
    draft, report = a_queue(
        tmp_path, "strategy=leastrecent", *(f"member => SIP/a{n},{n}" for n in range(12))
    )
    assert loaded(draft, tmp_path).agents[11].skills["q"] == 1
    assert any("ten rungs" in finding.words for finding in report.findings())


def test_a_plan_that_would_be_too_long_is_cut_and_told(tmp_path: Path) -> None:
    rules = "".join(f"penaltychange => {n * 10},{n}\n" for n in range(1, 10))
    members = "".join(f"member => SIP/a{n},{n}\n" for n in range(10))
    file = write(
        tmp_path, "queues.conf",
        f"[q]\nstrategy=random\ndefaultrule=r\n{members}[r]\n{rules}",
    )  # fmt: skip
    draft, _ = imported(file)
    assert len(loaded(draft, tmp_path).queues[0].plan.steps) == 9


# ---- how files are written --------------------------------------------------------------------


def test_a_section_goes_on_and_a_second_of_its_name_is_not_read(tmp_path: Path) -> None:
    file = write(
        tmp_path, "queues.conf",
        "[q]\nstrategy=random\ntimeout=5\n[q](+)\ntimeout=7\n[q]\ntimeout=9\n",
    )  # fmt: skip
    draft, report = imported(file)
    assert loaded(draft, tmp_path).queues[0].ring_seconds == 7
    assert told(report, "queues.conf", 3) == [(NONE, "line 5 says it again")]
    assert told(report, "queues.conf", 7)[0][1].startswith("Asterisk reads only the first [q]")


def test_several_files_are_included_by_a_pattern_and_a_command_is_never_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path, f"members.d/{name}.conf", f"member => SIP/{name}\n")
    draft, report = a_queue(
        tmp_path, "strategy=random", "#include members.d/*.conf", "#tryinclude gone.conf",
        "#exec rm -rf /",
    )  # fmt: skip
    assert list(draft.agents) == ["a", "b"]
    assert told(report, "queues.conf", 4) == [(TAKEN, "0 files read here")]
    assert told(report, "queues.conf", 5)[0][0] is NONE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[q]\nstrategy=fastest\n", "queues.conf:2: error: [q] strategy: 'fastest' is no strategy"),
        ("[q]\ntimeout=soon\n", "queues.conf:2: error: [q] timeout: 'soon' is not a whole number"),
        ("[q]\nringinuse=maybe\n", "[q] ringinuse: 'maybe' is neither yes nor no"),
        ("[q]\nmember => SIP/1,low\n", "penalty 'low' is not a whole number"),
        ("[q]\nmember => ,1\n", "a member has no interface"),
        ("[r]\npenaltychange => soon,+1\n", "does not begin with seconds and a maximum"),
        ("[r]\npenaltychange => 5,a\n", "'a' is no penalty"),
        ("[q](gone)\n", "queues.conf:1: error: [q]: it inherits from 'gone'"),
        ("[q](+)\n", "there is no such section before it"),
        ("[q\n", "a section is not closed"),
        ("timeout=5\n", "queues.conf:1: error: timeout: stands before any section"),
        ("[q]\nnonsense\n", "is neither a section nor a setting"),
        ("[q]\n#frob x\n", "is no directive"),
        ("[q]\n#include **.conf\n", "queues.conf:2: error: #include: '**.conf' is no pattern of file names"),
        ("[q]\n#include gone.conf\n", "gone.conf cannot be read: there is no such file"),
        ("[q]\n#include queues.conf\n", "it includes itself"),
        ("[q]\n#include /dev/zero\n", "/dev/zero cannot be read: there is no such file"),
        ("[q]\n;-- for ever\n", "a comment begun with ;-- never ends"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_field_and_remedy(
    tmp_path: Path, text: str, said: str
) -> None:
    found = problems(tmp_path, text)
    assert any(said in line for line in found), found
    assert all(line.endswith(")") for line in found), "a remedy in brackets"


def test_limits_of_a_source_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk_file, "FILE_BYTES_MAX", 1_000_000)
    assert "larger than 1 MB" in problems(tmp_path, "; " + "x" * 1_000_001)[0]
    monkeypatch.setattr(asterisk_file, "SETTINGS_MAX", 2)
    assert "more than 2 settings" in problems(tmp_path, "[q]\na=1\nb=1\nc=1\nd=1\n")[0]
    for number in range(12):
        write(tmp_path, f"{number}.conf", f"#include {number + 1}.conf\n")
    assert "deeper than 10 files" in problems(tmp_path, "[q]\n#include 0.conf\n")[0]
