"""A changed file changes nothing until it is applied; then all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.app.__main__ import callcenter
from callcenter.domain.errors import WrongInput
from tests.adapters.store_server import Led, StoreServer, seed, until

FILE = """\
[store]
url = "{url}"
[[skill]]
name = "sales"
[[queue]]
id = "sales"
title = "Sales"
skills = {{ sales = {level} }}
[[agent]]
id = "ana"
name = "Ana"
password = "hidden-word"
skills = {{ sales = 5 }}
"""


@pytest.fixture
def led(tmp_path: Path) -> Iterator[Led]:
    store = StoreServer(tmp_path / "store")
    store.start()
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    leader = Led(store)
    until(leader.ready.is_set)
    yield leader
    leader.end()
    store.close()


def apply(folder: Path, led: Led, level: int, *options: str, **arguments: str) -> Result:
    file = folder / "callcenter.toml"
    file.write_text(FILE.format(url=led.store.url, level=level))
    file.chmod(0o600)
    command = ["config", "apply", "-c", str(file), *options]
    return CliRunner().invoke(callcenter, command, **arguments)  # type: ignore[arg-type]


def test_the_difference_is_shown_and_nothing_is_done_without_a_yes(
    tmp_path: Path, led: Led
) -> None:
    answer = apply(tmp_path, led, 2, input="n\n")
    assert answer.exit_code == 1
    assert '-queue.sales.skills = {"sales":1}' in answer.output
    assert '+queue.sales.skills = {"sales":2}' in answer.output
    assert "hidden-word" not in answer.output
    assert led.leader.replica.control.state.center.queues[0].skills == {"sales": 1}


def test_an_applied_file_is_in_force_and_then_there_is_nothing_to_change(
    tmp_path: Path, led: Led
) -> None:
    answer = apply(tmp_path, led, 3, "--yes", "--by", "olga")
    assert answer.exit_code == 0, answer.output
    assert "applied: file:" in answer.output
    assert led.leader.replica.control.state.center.queues[0].skills == {"sales": 3}
    again = apply(tmp_path, led, 3, "--yes")
    assert "nothing to change" in again.output


def test_without_a_server_the_reason_is_told(tmp_path: Path, led: Led) -> None:
    led.store.kill()
    answer = apply(tmp_path, led, 3, "--yes")
    assert answer.exit_code == 1
    assert "Is the server running?" in str(answer.exception)
    led.store.start()


def test_a_center_that_its_flows_do_not_fit_is_not_even_asked_for(tmp_path: Path, led: Led) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    exits = ", ".join(f"{e}: end" for e in ("answered", "timeout", "full", "unstaffed", "closed"))
    (flows / "main.yaml").write_text(
        "flow: main\nentry: wait\nlanguages: [en]\nnodes:\n"
        f"  wait: {{ queue: support, {exits}, left: end }}\n  end: {{ hangup: normal }}\n"
    )
    before = led.leader.replica.seq
    file = tmp_path / "callcenter.toml"
    file.write_text(
        'flows_directory = "flows"\n[[number]]\nnumber = "100"\nflow = "main"\n'
        + FILE.format(url=led.store.url, level=3)
    )
    answer = CliRunner().invoke(callcenter, ["config", "apply", "-c", str(file), "--yes"])
    assert isinstance(answer.exception, WrongInput)
    (problem,) = answer.exception.problems
    assert (Path(problem.file).name, problem.line) == ("main.yaml", 5)
    assert "unknown queue 'support'" in problem.message
    assert led.leader.replica.seq == before
