"""Every planted defect still fits the code, and the planting itself can be trusted.

Whether each is caught is shown by `make sabotage`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.sabotage.__main__ import try_all
from tests.sabotage.defects import (
    ROOT,
    Defect,
    Verdict,
    copy_tree,
    defects,
    planted,
    try_defect,
)

ALL = defects()
NAMES = [defect.name for defect in ALL]


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_each_defect_has_a_name_of_its_own_and_there_are_many() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 12


@pytest.mark.parametrize("defect", ALL, ids=NAMES)
def test_a_defect_changes_todays_code_into_other_code(defect: Defect) -> None:
    assert defect.file.startswith("callcenter/")
    sound = (ROOT / defect.file).read_text("utf-8")
    spoilt = planted(defect, ROOT)
    if defect.file.endswith(".py"):
        assert ast.dump(ast.parse(spoilt)) != ast.dump(ast.parse(sound))


@pytest.mark.parametrize("defect", ALL, ids=NAMES)
def test_a_defect_names_tests_that_there_are(defect: Defect) -> None:
    assert defect.tests
    for test in defect.tests:
        file, _, name = test.partition("::")
        assert name in functions(ROOT / file), test


CODE = "def double(n: int) -> int:\n    return 2 * n\n"
TESTS = """\
from callcenter.sums import double


def test_three_doubled_is_six() -> None:
    assert double(3) == 6


def test_nothing_doubled_is_nothing() -> None:
    assert double(0) == 0
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    files = {
        "callcenter/__init__.py": "",
        "callcenter/sums.py": CODE,
        "tests/test_sums.py": TESTS,
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n',
    }
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    return copy_tree(root, tmp_path)


def defect(put: str, test: str) -> Defect:
    return Defect("d", "sums", "callcenter/sums.py", "2 * n", put, [f"tests/test_sums.py::{test}"])


@pytest.mark.parametrize(
    ("put", "test", "verdict"),
    [
        ("3 * n", "test_three_doubled_is_six", Verdict.CAUGHT),
        ("3 * n", "test_nothing_doubled_is_nothing", Verdict.SURVIVED),
        ("2 * (", "test_three_doubled_is_six", Verdict.BROKEN),
        ("3 * n", "test_that_is_not_there", Verdict.BROKEN),
    ],
)
def test_a_defect_is_caught_when_its_test_runs_and_fails(
    tree: Path, put: str, test: str, verdict: Verdict
) -> None:
    found, _, _ = try_defect(defect(put, test), tree)
    assert found is verdict
    assert (tree / "callcenter/sums.py").read_text() == CODE, "what was planted is taken out again"


def test_our_own_tests_run_in_a_copy_and_catch_a_defect(tmp_path: Path) -> None:
    quick = ALL[NAMES.index("rung-twice")]
    verdict, _, output = try_defect(quick, copy_tree(ROOT, tmp_path))
    assert verdict is Verdict.CAUGHT, output


def test_a_survivor_is_shown_with_what_it_breaks_and_fails_the_run(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caught = defect("3 * n", "test_three_doubled_is_six")
    survivor = defect("3 * n", "test_nothing_doubled_is_nothing")._replace(breaks="sums are wrong")
    assert try_all([caught], tree) == 0
    assert try_all([caught, survivor], tree) == 1
    told = capsys.readouterr().out
    assert "NOT CAUGHT by test_nothing_doubled_is_nothing" in told
    assert "sums are wrong" in told
    assert told.endswith("1 of 2 planted defects were caught.\n")


def test_text_that_does_not_stand_there_once_is_told(tree: Path) -> None:
    (tree / "callcenter/sums.py").write_text(CODE + CODE)
    with pytest.raises(LookupError, match="found 2 times"):
        planted(defect("3 * n", "test_three_doubled_is_six"), tree)
