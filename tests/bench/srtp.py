"""What encryption adds to a call: `python -m tests.bench.srtp`, CPU seconds per call and minute.

Why: the media worker opens each packet of one phone and seals it for the other, in the loop that
must keep its 20 ms. Measured is what stands between reading and sending (`SrtpGuard`), in one
process, on packets as G.711 makes them; the relay itself is measured by `callcenter bench media`.

A bridged call has two directions of 50 packets a second; with both phones encrypted each packet is
opened and sealed once.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time

from callcenter.adapters.srtp import SrtpGuard
from callcenter.media.rtp import FRAME
from callcenter.media.sdes import SUITES, Crypto

PACKETS = 20_000
PER_CALL_MINUTE = 2 * 50 * 60
ROUNDS = 5


def measured(suite: str) -> dict[str, float]:
    """The best of some rounds, in microseconds per packet."""
    ours, theirs = (Crypto(1, suite, os.urandom(SUITES[suite])) for _ in range(2))
    best = {"seal": float("inf"), "open": float("inf")}
    for _ in range(ROUNDS):
        phone, guard = SrtpGuard(theirs, ours), SrtpGuard(ours, theirs)
        plain = [
            struct.pack(">BBHII", 0x80, 0, n & 0xFFFF, n * FRAME, 7) + bytes(FRAME)
            for n in range(PACKETS)
        ]
        began = time.process_time()
        sealed = [phone.seal(packet) for packet in plain]
        between = time.process_time()
        buffer = bytearray(2048)
        for data in sealed:
            size = len(data)
            buffer[:size] = data
            guard.open(buffer, size)
        ended = time.process_time()
        best["seal"] = min(best["seal"], (between - began) / PACKETS * 1e6)
        best["open"] = min(best["open"], (ended - between) / PACKETS * 1e6)
    return best


def main() -> None:
    """Print a line for each suite, or JSON."""
    rows = []
    for suite in SUITES:
        cost = measured(suite)
        minute = (cost["seal"] + cost["open"]) * PER_CALL_MINUTE / 1e6
        rows.append({"suite": suite, **cost, "cpu_seconds_per_call_minute": minute})
    if "--json" in sys.argv:
        print(json.dumps({"bench": "srtp", "rows": rows}))
        return
    for row in rows:
        print(
            f"{row['suite']:<26} open {row['open']:.1f} µs, seal {row['seal']:.1f} µs: "
            f"{row['cpu_seconds_per_call_minute']:.3f} CPU-s per call and minute"
        )


if __name__ == "__main__":
    main()
