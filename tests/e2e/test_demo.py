"""The demo as a stranger runs it: its own sum and the tones of its phones must agree."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.phones.audio import SILENCE_FRAME
from callcenter.app.phones.line import Line, PhoneCall
from tests.e2e.harness import ROOT, is_alive
from tests.ports import free_ports

pytestmark = pytest.mark.e2e

PARTS = ("answered", "abandoned", "flowed_out", "callbacks", "waiting")


def start_demo(*words: str) -> subprocess.Popen[str]:
    sip, web = free_ports(2)
    return subprocess.Popen(
        [
            sys.executable, "-m", "callcenter", "demo", "--json", "--sip", f"127.0.0.1:{sip}",
            "--web", f"127.0.0.1:{web}", *words,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def summary_of(demo: subprocess.Popen[str], seconds: float = 120) -> dict[str, Any]:
    out, err = demo.communicate(timeout=seconds)
    assert demo.returncode == 0, err + out[-2000:]
    document: dict[str, Any] = json.loads(out.splitlines()[-1])
    return document


def check(summary: dict[str, Any]) -> None:
    assert summary["offered"] == sum(summary[part] for part in PARTS), summary
    assert summary["lost"] == 0
    assert summary["waiting"] == summary["callbacks_waiting"], "nobody waits on a line"
    assert summary["active"] == summary["surplus"] == summary["unexplained"] == []
    assert summary["placed"] == summary["recorded"] == summary["known"] + summary["refused_unknown"]
    ways = ("talked", "left", "promised", "ended", "drained", "refused")
    assert summary["placed"] == sum(summary[way] for way in ways), summary
    answered = summary["answered"] - summary["answered_by_people"]
    assert answered >= 3
    assert summary["audio_verified"] + summary["audio_too_short"] == answered, summary
    assert summary["talked"] <= answered <= summary["talked"] + summary["audio_too_short"]
    assert summary["audio_too_short"] <= summary["audio_too_short_max"]
    assert summary["cross_talk"] == []
    assert summary["chats_whole"] == summary["chats_told"] == summary["chats"]
    assert summary["first_answer_seconds"] > 0


def test_thirty_seconds_of_demo_prove_every_answered_call() -> None:
    check(summary_of(start_demo("--duration", "30", "--seed", "1")))


@pytest.mark.alone
def test_two_demos_of_one_seed_run_side_by_side() -> None:
    both = [start_demo("--duration", "12", "--seed", "4") for _ in range(2)]
    for demo in both:
        check(summary_of(demo))


def test_a_softphone_of_ones_own_registers_and_is_called() -> None:
    demo = start_demo("--duration", "30", "--seed", "6", "--scenario", "understaffed")
    assert demo.stdout
    agent = json.loads(demo.stdout.readline())["agent"]
    assert agent["desk"].endswith(f"/desk?agent={agent['user']}")
    host, _, port = agent["server"].rpartition(":")

    async def answer() -> bool:
        line = Line((host, int(port)), host, seed=1)
        await line.start()
        phone = line.phone(agent["user"], agent["password"], SILENCE_FRAME)
        rang = asyncio.Event()

        async def take(call: PhoneCall) -> None:
            call.ring()
            call.answer()
            rang.set()
            await call.until_over(600)

        phone.on_call = take
        assert await phone.register(), phone.registration_status
        code = phone.dial("*11")
        assert await code.until_answered(10), code.status
        await asyncio.wait_for(rang.wait(), 30)
        await asyncio.sleep(3)
        await line.stop()
        return rang.is_set()

    assert asyncio.run(answer())
    summary = summary_of(demo)
    check(summary)
    assert summary["answered_by_people"] >= 1


def started_by(pid: int) -> list[int]:
    """Its children and theirs, all the way down."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found[1:]


def role_process(config: str, role: str) -> int:
    """The process of a role, as the server wrote it when all were ready last."""
    written = Path(config).parent / "state" / "run.json"
    end = time.monotonic() + 20
    while not written.exists():
        assert time.monotonic() < end, "the server is not ready again"
        time.sleep(0.05)
    named: dict[str, int] = json.loads(written.read_text("utf-8"))["processes"]
    return next(pid for name, pid in named.items() if name.rpartition("-")[0] == role)


def test_killing_every_role_in_turn_loses_no_contact() -> None:
    demo = start_demo("--duration", "40", "--seed", "2")
    assert demo.stdout
    where = json.loads(demo.stdout.readline())
    time.sleep(8)
    for role in ("control", "frontend", "media", "records", "web", "standby", "store"):
        os.kill(role_process(where["config"], role), signal.SIGKILL)
        time.sleep(3.5)
    check(summary_of(demo))
    assert where["number"] == "100"


def test_ctrl_c_ends_the_demo_and_everything_it_started() -> None:
    demo = start_demo("--seed", "3")
    assert demo.stdout
    where = json.loads(demo.stdout.readline())
    request = urllib.request.Request(
        f"{where['web']}/api/v1/queues", headers={"Authorization": f"Bearer {where['token']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert len(json.loads(answer.read())["queues"]) == 5
    started = started_by(demo.pid)
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)
    assert demo.returncode in (0, 1), err
    assert json.loads(out.splitlines()[-1])["lost"] == 0
    assert [pid for pid in started if is_alive(pid)] == []


def test_a_demo_whose_terminal_is_closed_and_one_that_is_killed_leave_nothing_behind() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
    demos = {number: start_demo("--seed", "4") for number in (signal.SIGHUP, signal.SIGKILL)}
    signal.signal(signal.SIGHUP, before)
    started: list[int] = []
    for demo in demos.values():
        assert demo.stdout
        demo.stdout.readline()
        started += started_by(demo.pid)
    assert len(started) > 2 * len(("store", "media", "control", "frontend", "records", "web"))
    for number, demo in demos.items():
        demo.send_signal(number)
    for demo in demos.values():
        demo.communicate(timeout=60)
    end = time.monotonic() + 20
    while time.monotonic() < end and any(map(is_alive, started)):
        time.sleep(0.1)
    assert [pid for pid in started if is_alive(pid)] == []
