"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.tidy.outside import outside_in
from tests.tidy.shortcuts import is_suspect_name, shortcuts_in

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "callcenter"

PURE_ROOMS = (
    "domain", "sip", "media", "ivr", "intake", "routing", "agents", "care", "records",
    "frontend", "control",
)  # fmt: skip

COMPUTING_MODULES = {
    "__future__", "abc", "array", "base64", "binascii", "bisect", "builtins", "collections",
    "contextlib", "copy", "csv", "dataclasses", "datetime", "enum", "fractions", "functools", "hashlib",
    "heapq", "hmac", "html", "io", "ipaddress", "itertools", "json", "keyword", "math", "msgspec",
    "numbers", "numpy", "operator", "re", "ruamel", "statistics", "string", "struct", "textwrap",
    "types", "typing", "unicodedata", "urllib", "xml", "zoneinfo", "ast", "difflib", "calendar",
    "tokenize", "codecs", "email", "callcenter",
}  # fmt: skip
"""Standard and third-party modules that compute and touch nothing outside."""

TOP_LEVEL = {
    "pyproject.toml", "callcenter", "ivr_flows", "deploy", "tests", "README.md", "Makefile",
    "LICENSE", "CHANGELOG.md",
}  # fmt: skip


def tracked_files() -> list[str]:
    """What git would commit: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def python_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


def imported_modules(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules.add(node.module.split(".")[0])
    return modules


def test_the_top_level_holds_only_the_agreed_names() -> None:
    names = {name.split("/")[0] for name in tracked_files()}
    assert {n for n in names if not n.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_room_imports_only_what_computes(room: str) -> None:
    strangers = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in python_files(PACKAGE / room)
        for module in imported_modules(path) - COMPUTING_MODULES
    }
    assert strangers == set()


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_room_reads_no_clock_and_draws_no_chance(room: str) -> None:
    hits = [
        f"{path.relative_to(ROOT)}:{number} {what}"
        for path in python_files(PACKAGE / room)
        for number, what in outside_in(path.read_text("utf-8"))
    ]
    assert hits == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(PACKAGE)
        if len(path.read_text("utf-8").splitlines()) > 15
        and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_no_file_is_too_long_to_be_read() -> None:
    long = [
        f"{path.relative_to(ROOT)} {len(path.read_text('utf-8').splitlines())} lines"
        for path in python_files(PACKAGE)
        if len(path.read_text("utf-8").splitlines()) > 700
    ]
    assert long == []


def test_no_function_is_too_long_to_be_read() -> None:
    long = []
    for path in python_files(PACKAGE):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno
                if lines > 80:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {lines}")
    assert long == []


def test_nothing_is_left_open() -> None:
    pattern = re.compile(
        r"\b(" + "TO" + "DO|FIX" + "ME|XX" + "X|HA" + "CK|NotImplemented" + r"Error)\b"
    )
    hits = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files(PACKAGE)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert hits == []


def test_no_test_can_be_skipped() -> None:
    pattern = re.compile(r"pytest\.(ski" + r"p|xfail|importorskip)|mark\.(ski" + "p|skipif|xfail)")
    hits = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files(ROOT / "tests")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert hits == []


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_the_tests_of_a_pure_room_wait_for_nothing_and_patch_nothing(room: str) -> None:
    pattern = re.compile(r"\bsleep\(|monkeypatch|mock\.patch|mocker\b")
    folder = ROOT / "tests" / room
    hits = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (python_files(folder) if folder.is_dir() else [])
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert hits == []


SHOWN_AND_MEASURED = ("app/demo/", "app/bench/")
"""The demo and the benches: they use the server, it does not know them."""
FLOW_TESTS = ("ivr/", "app/flow_")
"""What reads and runs the tests inside flow files; there the word is the field's."""
REGISTERED = {
    "app/__main__.py": {
        "demo", "callcenter.app.demo.command", "Check, draw, try and test IVR flows.",
    },
    "adapters/store/leader.py": {"memory"},
}  # fmt: skip
"""The command line names its commands; the leader asks the store how much memory it uses (INFO)."""
PLAIN_TEXTS = (".mjs", ".html", ".css", ".lua", ".mako", ".svg")


def test_the_server_does_not_know_of_demo_or_test() -> None:
    """No branch on being demonstrated or tested, and no store that lives in memory."""
    hits = []
    for path in python_files(PACKAGE):
        place = path.relative_to(PACKAGE).as_posix()
        if place.startswith(SHOWN_AND_MEASURED):
            continue
        has_tests = place.startswith(FLOW_TESTS)
        for line, word in shortcuts_in(path.read_text("utf-8"), has_tests=has_tests):
            if word not in REGISTERED.get(place, set()):
                hits.append(f"{place}:{line} {word}")
    assert hits == []


def test_pages_and_scripts_do_not_know_of_demo_or_test_either() -> None:
    files = [
        path
        for path in PACKAGE.rglob("*")
        if path.suffix in PLAIN_TEXTS and "vendor" not in path.parts
    ]
    assert len(files) > 10
    hits = [
        f"{path.relative_to(PACKAGE)}:{number} {word}"
        for path in files
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for word in re.findall(r"[A-Za-z_]+", line)
        if is_suspect_name(word)
    ]
    assert hits == []


def test_the_readme_names_every_room() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rooms = sorted(p.name for p in PACKAGE.iterdir() if (p / "__init__.py").is_file())
    assert [room for room in rooms if f"`{room}/`" not in readme] == []


def test_no_text_names_a_machine_or_a_registry() -> None:
    pattern = re.compile(
        r"/work" + r"/|pypi\.or" + r"g/simple|registry\.npmj" + r"s|--index-ur" + "l"
    )
    hits = []
    for name in tracked_files():
        path = ROOT / name
        if path.suffix in {".au", ".png", ".dat", ".eml", ".bin", ".wav"} or "vendor" in name:
            continue
        if pattern.search(path.read_text("utf-8", errors="replace")):
            hits.append(name)
    assert hits == []
