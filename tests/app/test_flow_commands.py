"""`callcenter flow`, as typed."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from callcenter.app.flow_commands import flow
from callcenter.app.flow_files import audio_files, flow_files, read_flow_files
from callcenter.app.shipped import flows_directory
from callcenter.domain.errors import WrongInput

MAIN_LINE = str(flows_directory() / "main-line.yaml")

GOOD = """\
flow: good
entry: a
languages: [en]
prompts: { ask: { en: Press 1. } }
nodes:
  a: { menu: ask, keys: { "1": b }, no_input: c, no_match: c }
  b: { queue: %s, answered: c, timeout: c, full: c, unstaffed: c, closed: c, left: c }
  c: { hangup: normal }
tests:
  - { name: one, do: [ { press: "1" } ], expect: { queue: %s } }
  - { name: none, expect: { ended: %s } }
"""


def call(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(flow, list(arguments), input=stdin)


def good(folder: Path, queue: str = "sales", ended: str = "normal") -> str:
    path = folder / "good.yaml"
    path.write_text(GOOD % (queue, queue, ended), "utf-8")
    return str(path)


def test_a_good_flow_is_good() -> None:
    result = call("check", MAIN_LINE)
    assert result.exit_code == 0
    assert "main-line is good: 33 nodes, en, es, te, 21 tests" in result.stdout
    assert result.stderr == ""


def test_a_flow_that_no_number_would_find_is_warned_about(tmp_path: Path) -> None:
    path = Path(good(tmp_path)).rename(tmp_path / "better.yaml")
    result = call("check", str(path))
    assert result.exit_code == 0
    assert f"{path}:1: warning: flow: 'good' is not the name of its file" in result.stderr
    assert "(flow: better)" in result.stderr


def test_a_wrong_flow_fails_with_its_place_on_stderr(tmp_path: Path) -> None:
    path = good(tmp_path)
    Path(path).write_text(Path(path).read_text("utf-8").replace("no_input: c", "no_input: x"))
    result = call("check", path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{path}:6:47: error: nodes.a.no_input: unknown node 'x'" in result.stderr


def test_names_are_checked_against_a_configuration(tmp_path: Path) -> None:
    config = tmp_path / "callcenter.toml"
    config.write_text('[[queue]]\nid = "sales"\ntitle = "Sales"\n', "utf-8")
    assert call("check", good(tmp_path), "--config", str(config)).exit_code == 0
    result = call("check", good(tmp_path, "sale"), "--config", str(config))
    assert result.exit_code == 1
    assert "unknown queue 'sale' (did you mean \"sales\"?)" in result.stderr


def test_a_directory_is_checked_as_a_whole(tmp_path: Path) -> None:
    good(tmp_path)
    (tmp_path / "other.yml").write_text(GOOD % ("a", "a", "normal"), "utf-8")
    result = call("check", str(tmp_path))
    assert result.exit_code == 1
    assert "flow 'good' also stands in" in result.stderr


def test_problems_come_as_json(tmp_path: Path) -> None:
    document = json.loads(call("check", MAIN_LINE, "--json").stdout)
    assert document["ok"]
    assert document["flows"][0]["flow"] == "main-line"
    bad = tmp_path / "bad.yaml"
    bad.write_text("flow: x\n", "utf-8")
    result = call("check", str(bad), "--json")
    assert result.exit_code == 1
    problem = json.loads(result.stdout)["problems"][0]
    assert (problem["line"], problem["severity"]) == (1, "error")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"\x00" * 10, b"[" * 9000, b"x" * 400_000])
def test_any_bytes_are_refused_without_a_traceback(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(data)
    result = call("check", str(path))
    assert result.exit_code == 1
    assert f"{path}:" in result.stderr
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "no-such-file.yaml"],
        ["show", MAIN_LINE, "--format", "png"],
        ["run", MAIN_LINE, "--calendar", "office"],
        ["run", MAIN_LINE, "--calendar", "office=shut"],
        ["run", MAIN_LINE, "--wait", "sales"],
        ["run", MAIN_LINE, "--wait", "sales=long"],
        ["run", MAIN_LINE, "--queue", "sales=lost"],
        ["dance"],
    ],
)
def test_wrong_use_exits_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_a_flow_is_drawn_as_svg_and_mermaid(tmp_path: Path) -> None:
    ET.fromstring(call("show", MAIN_LINE).stdout)
    assert call("show", MAIN_LINE, "--format", "mermaid").stdout.startswith("flowchart TD\n")
    out = tmp_path / "flow.svg"
    result = call("show", MAIN_LINE, "--output", str(out), "--json")
    assert json.loads(result.stdout)["output"] == str(out)
    ET.fromstring(out.read_text("utf-8"))


def test_a_call_is_played_from_lines() -> None:
    lines = "listen\nlisten\n3\n13\nwait 40s\n*\n0\nqueue answered\n"
    result = call("run", MAIN_LINE, stdin=lines)
    assert result.exit_code == 0
    for words in ("Thank you for calling Example.", "waiting in queue sales", "[after_waiting]",
                  "waiting in queue reception (language=te, type=inquiry)",
                  "the flow hangs up (flow_hung_up)"):  # fmt: skip
        assert words in result.stdout


def test_a_call_is_summed_up_as_json() -> None:
    result = call(
        "run", MAIN_LINE, "--json", "--customer", "tier=gold", "--queue", "sales=closed",
        stdin="1\nlisten\n1\n",
    )  # fmt: skip
    document = json.loads(result.stdout)
    assert document["ended"] == "queue_closed"
    assert "welcome_back" in document["visited"]
    assert document["queue"] is None


def test_after_the_last_line_the_caller_only_listens() -> None:
    assert json.loads(call("run", MAIN_LINE, "--json").stdout)["queue"] == "reception"
    hung_up = json.loads(call("run", MAIN_LINE, "--json", stdin="hangup\n1\n").stdout)
    assert hung_up["ended"] == "caller_hung_up"


@pytest.mark.parametrize("line", ["dance", "wait long", "wait 9999m", "queue away", "1 2", "wait"])
def test_a_line_that_no_caller_can_do_is_wrong_use(line: str) -> None:
    result = call("run", MAIN_LINE, stdin=f"1\n{line}\n")
    assert result.exit_code == 2
    assert "line 2" in result.stderr


def test_at_a_terminal_keys_act_at_once_in_real_time() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "callcenter.app", "flow", "run", MAIN_LINE]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen: list[str] = []
        for line in process.stdout:
            seen.append(line)
            if "[welcome]" in line:
                os.write(ours, b"11")
            elif "[to_sales]" in line:
                os.write(ours, b"#")
            elif "waiting in queue sales" in line:
                os.write(ours, b"f")
            elif "[too_many]" in line:
                os.write(ours, b"q")
        assert process.wait(timeout=10) == 0
    os.close(ours)
    os.close(theirs)
    assert "hung up" in seen[-1]


def test_the_tests_of_a_flow_are_run(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    result = call("test", MAIN_LINE, "--junit", str(report))
    assert result.exit_code == 0
    assert "21 passed, 0 failed" in result.stdout
    suite = ET.fromstring(report.read_text("utf-8"))
    assert (suite.get("tests"), suite.get("failures")) == ("21", "0")


def test_a_test_that_fails_is_told_and_exits_with_1(tmp_path: Path) -> None:
    path = good(tmp_path, ended="closed")
    result = call("test", path)
    assert result.exit_code == 1
    assert "1 passed, 1 failed" in result.stdout
    assert f"{path}:11: error: none: ended: expected 'closed', got 'normal'" in result.stderr
    document = json.loads(call("test", path, "--json").stdout)
    assert (document["passed"], document["failed"]) == (1, 1)
    assert document["nodes_not_visited"] == {"good": []}


def test_flow_files_are_found_and_read_together(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="holds no flow"):
        flow_files([tmp_path])
    good(tmp_path)
    (tmp_path / "prompts").mkdir()
    assert list(read_flow_files([tmp_path])) == [str(tmp_path / "good.yaml")]
    with pytest.raises(WrongInput, match=r"gone\.yaml"):
        read_flow_files([tmp_path / "gone.yaml"])


def test_audio_is_named_by_flow_language_and_prompt() -> None:
    audio = audio_files(flows_directory())
    assert audio["main-line/te/welcome"].is_file()
    assert audio["system/es/ready"].is_file()


LONG = """
flow: long
entry: start
languages: [en]
nodes:
  start: { when: [{ if: "queue.expected_wait > 300", next: end }], else: sales }
  sales: { queue: sales, answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end }
  end: { hangup: normal }
"""


@pytest.mark.parametrize(
    ("given", "queue"),
    [((), "sales"), (("--wait", "sales=301"), None), (("--wait", "sales=300"), "sales")],
)
def test_whoever_plays_the_caller_says_how_long_the_wait_is(
    tmp_path: Path, given: tuple[str, ...], queue: str | None
) -> None:
    file = tmp_path / "long.yaml"
    file.write_text(LONG)
    done = call("run", str(file), *given, "--json", stdin="")
    assert json.loads(done.stdout)["queue"] == queue
