"""One agent whose telephone is pyVoIP, in a process of its own.

Why: somebody else's SIP stack among the agents keeps ours honest. Speaks the same lines as
`load.py`: orders in as one JSON document, `ready` and `result` out; pyVoIP's own chatter goes to
standard error.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from typing import Any, TextIO

import msgspec
import numpy as np
from pyVoIP.VoIP.status import PhoneStatus
from pyVoIP.VoIP.VoIP import CallState

from callcenter.app.demo.load import DRAIN_SECONDS, HANGING_UP_SECONDS
from callcenter.app.phones.audio import FRAME, RATE, WINDOW, ToneEar
from callcenter.app.phones.command import free_port
from callcenter.app.phones.foreign import ForeignCall, ForeignPhone, start_talking
from callcenter.app.phones.people import READY_CODE, WRAP_UP_DONE_CODE, Heard


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What this agent is to do."""

    server: tuple[str, int]
    user: str
    password: str
    tone: int
    seed: int
    rtp_ports: tuple[int, int]
    """First and last; nobody else's."""
    wrap_up_seconds: float = 2.0


class ForeignDesk:
    """The agent and her phone. Each call runs in a thread of pyVoIP's."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.dice = random.Random(orders.seed)
        self.records: list[Heard] = []
        self.on_shift = True
        self.talking = False
        cycle = 2 * np.pi * orders.tone * np.arange(FRAME) / RATE
        self.frame = bytes(np.round(128 + 60 * np.sin(cycle)).astype(np.uint8))
        self.phone = ForeignPhone(
            orders.server, orders.user, orders.password, sip_port=free_port(),
            rtp_ports=orders.rtp_ports, on_call=self.take,
        )  # fmt: skip

    def begin(self) -> bool:
        """Register and log in; whether both worked."""
        self.phone.start()
        deadline = time.monotonic() + 10
        while self.phone.get_status() != PhoneStatus.REGISTERED:
            if time.monotonic() > deadline or self.phone.get_status() == PhoneStatus.FAILED:
                return False
            time.sleep(0.05)
        time.sleep(1.1)  # pyVoIP begins to listen a second after it has registered
        return self.dial_code(READY_CODE)

    def dial_code(self, code: str) -> bool:
        """Dial a feature code; whether the center answered."""
        call = self.phone.call(code)
        deadline = time.monotonic() + 8
        answered = False
        while call.state != CallState.ENDED and time.monotonic() < deadline:
            answered = answered or call.state == CallState.ANSWERED
            time.sleep(0.05)
        if call.state == CallState.ANSWERED:
            call.hangup()
        return answered

    def take(self, call: ForeignCall) -> None:
        """The phone rang a second ago."""
        record = Heard(self.orders.user, self.orders.tone, time.monotonic())
        if call.state != CallState.RINGING or not self.on_shift:
            return
        self.talking = True
        call.answer()
        record.answered = time.monotonic()
        start_talking(call, self.frame)
        ear = ToneEar()
        self._listen(call, ear)
        record.ended, record.outcome = time.monotonic(), "talked"
        record.tones = dict(ear.windows)
        self.records.append(record)
        self.talking = False
        time.sleep(self.orders.wrap_up_seconds)
        if self.on_shift:
            self.dial_code(WRAP_UP_DONE_CODE)

    def _listen(self, call: ForeignCall, ear: ToneEar) -> None:
        due = time.monotonic()
        while call.state == CallState.ANSWERED:
            data = call.read_audio(WINDOW, blocking=False)
            ear.measure((np.frombuffer(data, dtype=np.uint8).astype(np.float64) - 128) * 256)
            due += WINDOW / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    def finish(self) -> None:
        """Take no more calls, and let the last one end, as long as callers may stay."""
        self.on_shift = False
        deadline = time.monotonic() + DRAIN_SECONDS + HANGING_UP_SECONDS
        while self.talking and time.monotonic() < deadline:
            time.sleep(0.1)


def _say(out: TextIO, kind: str, **more: Any) -> None:
    out.write(json.dumps({"kind": kind, **more}) + "\n")
    out.flush()


def main() -> None:
    """Orders in, a shift at the phone, a result out."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        orders = msgspec.json.decode(sys.stdin.readline(), type=Orders)
        desk = ForeignDesk(orders)
        _say(out, "ready", agents=int(desk.begin()))
        sys.stdin.readline()
        desk.finish()
        records = [record.document() for record in desk.records]
        _say(out, "result", agents=records, failures=[])
        desk.phone.stop()


if __name__ == "__main__":
    main()
