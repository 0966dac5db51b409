"""How long the wall is wrong when a part of the center dies: `python tests/bench/killed.py [--json]`.

What happens here: a demo runs with its calls. The leader, the standby and the store are killed
(SIGKILL) one after the other, `--rounds` times. From each death on an agent is asked to change her
state by the API until control accepts it, and the API that feeds the wall is read until it shows the
change: the time from the kill to that moment is the sample. That every call stayed connected and
none was lost is the demo's own account, by the tones of both ends, at its end.

Goal: 2 s for each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

GOAL_SECONDS = 2.0
PARTS = ("control", "standby", "store")
CALM_SECONDS = 6.0
"""Between two deaths, so that each meets a whole center with calls in every state."""
GIVE_UP_SECONDS = 30.0
STATES: tuple[dict[str, str], ...] = (
    {"presence": "not_ready", "reason": "break"},
    {"presence": "ready"},
)


class Demo:
    """A running demo, and its API."""

    def __init__(self, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "callcenter", "demo", "--json", "--seed", str(seed)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        self.where: dict[str, Any] = json.loads(self._process.stdout.readline())

    def api(self, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        """One request. Raises `OSError` when it is refused or not answered."""
        request = urllib.request.Request(
            f"{self.where['web']}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.where['token']}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def kill(self, part: str) -> None:
        """End a role's process at once."""
        written = Path(self.where["config"]).parent / "state" / "run.json"
        while not written.exists():
            time.sleep(0.02)
        named: dict[str, int] = json.loads(written.read_text("utf-8"))["processes"]
        os.kill(
            next(p for name, p in named.items() if name.rpartition("-")[0] == part), signal.SIGKILL
        )

    def calls(self) -> int:
        """How many are at the front end now."""
        request = urllib.request.Request(
            f"{self.where['web']}/metrics",
            headers={"Authorization": f"Bearer {self.where['token']}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in lines
            if line.startswith("callcenter_frontend_calls{")
        )

    def until_shown(self, number: int) -> float:
        """Seconds until a change of state that is asked for now is decided and shown."""
        agent, wanted = self.where["agent"]["user"], STATES[number % len(STATES)]
        began = time.monotonic()
        accepted = False
        while time.monotonic() < began + GIVE_UP_SECONDS:
            try:
                accepted = accepted or bool(
                    self.api(f"agents/{agent}/presence", wanted)["accepted"]
                )
                rows = {row["id"]: row for row in self.api("agents")["agents"]}
                if accepted and rows[agent]["presence"] == wanted["presence"]:
                    return time.monotonic() - began
            except (OSError, urllib.error.HTTPError):
                pass  # the store is away: asked again
            time.sleep(0.01)
        return GIVE_UP_SECONDS

    def end(self) -> tuple[int, dict[str, Any]]:
        """Exit code and summary."""
        self._process.send_signal(signal.SIGINT)
        out, _ = self._process.communicate(timeout=120)
        return self._process.returncode, json.loads(out.splitlines()[-1])


def main() -> int:
    """0 when the goal is met and no call was lost."""
    parser = argparse.ArgumentParser(description="How long the wall is wrong after a death.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    demo = Demo(asked.seed)
    samples: dict[str, list[float]] = {"nobody": [], **{part: [] for part in PARTS}}
    number = 0
    for _ in range(asked.rounds):
        for part, seconds in samples.items():
            time.sleep(CALM_SECONDS)
            if part in PARTS:
                demo.kill(part)
            seconds.append(round(demo.until_shown(number), 3))
            number += 1
    code, summary = demo.end()
    slowest = max(max(samples[part]) for part in PARTS)
    met = slowest <= GOAL_SECONDS and code == 0 and summary["lost"] == 0
    account = {k: summary[k] for k in ("placed", "answered", "audio_verified", "lost")}
    document = {"seconds": samples, "slowest": slowest, "goal": GOAL_SECONDS, "met": met, **account}
    if asked.json:
        print(json.dumps(document))
    else:
        for part, seconds in samples.items():
            print(f"{part:10} dies: wall right again after {seconds} s")
        print(f"slowest {slowest} s (goal {GOAL_SECONDS} s); {account}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
