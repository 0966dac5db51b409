"""What the file says about calling back, and the roads that lines are called by."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from callcenter.app.config import Settings, load_settings
from callcenter.app.config_check import check_settings
from callcenter.app.roles.roads import flows_of, with_roads
from callcenter.domain.center import Callback
from callcenter.domain.errors import Problem
from callcenter.frontend.turn import Trunk

FILE = """
[[trunk]]
name = "provider"
address = "127.0.0.1:5070"
dial = ["+1555", "0"]
caller = "+15550100"
username = "account"
password = "secret"

[[queue]]
id = "sales"
[queue.callback]
trunk = "provider"
retry_minutes = 5
"""


def written(folder: Path, text: str = FILE) -> Path:
    path = folder / "callcenter.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def settings(folder: Path) -> Settings:
    return load_settings(written(folder), {})


def error(folder: Path, text: str) -> Problem:
    _, problems = check_settings(written(folder, text), {})
    return next(problem for problem in problems if problem.severity == "error")


def test_a_queue_says_how_its_callers_are_called_back(tmp_path: Path) -> None:
    (queue,) = settings(tmp_path).center().queues
    assert queue.callback == Callback(trunk="provider", retry_minutes=5)


def test_what_may_be_dialled_and_the_password_are_not_in_the_journal(tmp_path: Path) -> None:
    center = repr(settings(tmp_path).center())
    assert "secret" not in center
    assert "+1555" not in center


@pytest.mark.parametrize(
    ("was", "put", "field", "words"),
    [
        ('trunk = "provider"', 'trunk = "provdier"', "callback.trunk", "did you mean 'provider'?"),
        ('dial = ["+1555", "0"]', "", "callback.trunk", "numbers that it may call"),
        ('"0"]', '"*"]', "dial", "the beginning of numbers"),
        ('caller = "+15550100"', 'caller = "a b"', "caller", "a number or name"),
        ("retry_minutes = 5", "retry_minutes = 0", "callback.retry_minutes", ""),
        ("retry_minutes = 5", "attempts_max = 21", "callback.attempts_max", ""),
        ("retry_minutes = 5", "ring_seconds = 121", "callback.ring_seconds", ""),
        ("retry_minutes = 5", "again = 5", "callback.again", ""),
    ],
)
def test_mistakes_are_told_with_their_place(
    tmp_path: Path, was: str, put: str, field: str, words: str
) -> None:
    wrong = error(tmp_path, FILE.replace(was, put))
    assert field in wrong.field
    assert words in f"{wrong.message} {wrong.hint}"
    assert wrong.line > 1


def test_a_line_is_called_by_the_socket_on_which_it_calls(tmp_path: Path) -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as provider,
        socket.socket(type=socket.SOCK_DGRAM) as line,
    ):
        provider.bind(("127.0.0.1", 0))
        line.bind(("127.0.0.1", 0))
        line.connect(provider.getsockname())
        flows = flows_of({"trunk-provider": line, "sip-udp-0": provider})
        assert flows["provider"].remote == provider.getsockname()
        plain = Trunk(name="provider")
        (found,) = with_roads([plain], settings(tmp_path), flows)
        assert (found.flow, found.dial) == (flows["provider"], ("+1555", "0"))
        assert (found.username, found.password) == ("account", "secret")
        assert "secret" not in repr(found)
        (without,) = with_roads([plain], settings(tmp_path), {})
        assert without.flow is None
