"""What a dead front end costs those on the line: `python -m tests.bench.restart [--rounds N] [--json]`.

What happens here: a demo runs with its calls, of which each end says by tones whether it hears the
other. `--rounds` times the front end is killed (SIGKILL) with callers in menus, in queues and
talking. At that moment a new caller sends her INVITE, once, as phones do it again after half a
second, a second, two: the time from the kill to the 200 is the sample. At its end the demo accounts
for every call: who was lost, who was heard.

Goal: a new call is answered within 1 s, and none of the others is lost.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import sys
import time

from callcenter.sip.sdp import build_audio
from tests.bench.killed import CALM_SECONDS, Demo

GOAL_SECONDS = 1.0
GIVE_UP_SECONDS = 20.0
FIRST_REPEAT_SECONDS, LAST_REPEAT_SECONDS = 0.5, 4.0
"""Timer A of RFC 3261 17.1.1.2, and where its doubling ends here."""


class Caller:
    """One new caller, who hangs up as soon as she is answered."""

    def __init__(self, place: str, number: str) -> None:
        host, _, port = place.rpartition(":")
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.connect((host, int(port)))
        self._line.settimeout(0.01)
        self._ours = "{}:{}".format(*self._line.getsockname())
        self._place, self._number, self._name = place, number, secrets.token_hex(8)

    def _message(self, method: str, number: int, to: str, body: str = "") -> bytes:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        branch = f"z9hG4bK{self._name}{method if method == 'BYE' else number}"
        branch += "ack" if method == "ACK" else ""
        return (
            f"{method} sip:{self._number}@{self._place} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self._ours};branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:probe@{self._ours}>;tag={self._name}\r\nTo: {to}\r\n"
            f"Call-ID: {self._name}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:probe@{self._ours}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def until_answered(self) -> float:
        """Seconds from now to the 200; what has been waited for where none comes."""
        body = build_audio("127.0.0.1", 9).encode().decode()
        invite = self._message("INVITE", 1, f"<sip:{self._number}@{self._place}>", body)
        began, repeat, wait = time.monotonic(), 0.0, FIRST_REPEAT_SECONDS
        while (now := time.monotonic()) < began + GIVE_UP_SECONDS:
            if now - began >= repeat:
                self._send(invite)
                repeat, wait = now - began + wait, min(2 * wait, LAST_REPEAT_SECONDS)
            answer = self._heard()
            if answer.startswith("SIP/2.0 200"):
                self._hang_up(answer)
                return time.monotonic() - began
            if answer.startswith("SIP/2.0 1"):
                repeat = GIVE_UP_SECONDS  # it is heard: a phone repeats it no more
        return GIVE_UP_SECONDS

    def _send(self, data: bytes) -> None:
        try:
            self._line.send(data)
        except ConnectionRefusedError:
            pass

    def _heard(self) -> str:
        try:
            return self._line.recv(65_536).decode("latin-1")
        except (TimeoutError, ConnectionRefusedError):
            return ""

    def _hang_up(self, answer: str) -> None:
        to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
        whom = to.partition(":")[2].strip()
        self._send(self._message("ACK", 1, whom))
        self._send(self._message("BYE", 2, whom))
        end = time.monotonic() + 5
        while time.monotonic() < end and "BYE" not in self._heard():
            pass


def main() -> int:
    """0 when the goal is met."""
    parser = argparse.ArgumentParser(description="What a dead front end costs.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    demo = Demo(asked.seed)
    place, number = str(demo.where["sip"]), str(demo.where["number"])
    calm: list[float] = []
    killed: list[float] = []
    held: list[int] = []
    for _ in range(asked.rounds):
        time.sleep(CALM_SECONDS)
        calm.append(round(Caller(place, number).until_answered(), 3))
        held.append(demo.calls())
        demo.kill("frontend")
        killed.append(round(Caller(place, number).until_answered(), 3))
    code, summary = demo.end()
    slowest = max(killed)
    met = slowest <= GOAL_SECONDS and code == 0 and summary["lost"] == 0
    account = {k: summary[k] for k in ("placed", "answered", "audio_verified", "lost")}
    document = {
        "calls_held": held, "calm_seconds": calm, "killed_seconds": killed, "slowest": slowest,
        "goal": GOAL_SECONDS, "met": met, **account,
    }  # fmt: skip
    if asked.json:
        print(json.dumps(document))
    else:
        print(f"calls on the line at each kill: {held}")
        print(f"a new call is answered after {calm} s; after a kill {killed} s")
        print(f"slowest {slowest} s (goal {GOAL_SECONDS} s); {account}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
