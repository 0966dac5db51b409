"""Phones by the hundred, in a process of their own, for the media bench.

Why: who measures the engine must share nothing with it. So this file imports nothing of ours, has
its own ten lines of RTP, and takes the time of arrival from the kernel (SO_TIMESTAMPNS), so that
its own waiting is not counted as the engine's. How far it strayed from its own 20 ms is measured
and printed; a run in which that exceeds a limit is void.

Protocol with the bench: it prints the ports of its phones, reads where each sends to, runs, prints
what it heard. One JSON document per line.

Hearing is dearer than saying, so only every `HEARD_EVERY`th phone is listened to all the time;
that the others hear too is made sure at the end.

Each packet says when it was sent, in its first octets of sound, so the delay through the engine is
known where packets are forwarded unchanged.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from typing import Any

RTP = struct.Struct("!BBHII")
STAMP = struct.Struct("!IQ")
MAGIC = 0x52544C44
SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("@ll")
FRAME = 0.020
TICK = 0.001
"""Packets are sent by the millisecond: that much unevenness is our own."""
HEARD_EVERY = 5
LAST_LISTEN_SECONDS = 0.3
NANOS = 1_000_000_000


class Phone:
    """One socket that sends 160 octets every 20 ms and notes what comes."""

    __slots__ = (
        "deviations",
        "fd",
        "gap_max",
        "last",
        "packets",
        "sequence",
        "socket",
        "ssrc",
        "to",
    )

    def __init__(self, index: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.fd = self.socket.fileno()
        self.ssrc = 0x10000 + index
        self.sequence = index
        self.to: tuple[str, int] = ("", 0)
        self.last = 0
        self.packets = 0
        self.gap_max = 0
        self.deviations: list[int] = []


class Load:
    """All phones of this process."""

    def __init__(self, phones: int) -> None:
        self.phones = [Phone(n) for n in range(phones)]
        self.by_fd = {phone.fd: phone for phone in self.phones}
        self.heard = self.phones[::HEARD_EVERY]
        self.epoll = select.epoll()
        for phone in self.heard:
            phone.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.epoll.register(phone.fd, select.EPOLLIN)
        self.delays: list[int] = []
        self.send_late: list[int] = []
        self.packet = bytearray(172)
        self.packet[12:] = b"\xff" * 160

    def run(self, seconds: float, settle: float) -> dict[str, Any]:
        """Send and hear; what comes in the first `settle` seconds is not counted."""
        count = len(self.phones)
        step = FRAME / count
        began = time.monotonic() + 0.05
        turns = int(seconds / FRAME) * count
        turn = 0
        counting = False
        while turn < turns:
            now = time.monotonic()
            if not counting and now - began > settle:
                counting = True
                self._forget()
            while turn < turns and began + turn * step <= now:
                self._send(self.phones[turn % count], turn // count, now - began - turn * step)
                turn += 1
            for fd, _ in self.epoll.poll(0, 256):
                self._hear(self.by_fd[fd])
            time.sleep(TICK)
        return self._report(seconds - settle, self._deaf_phones(began, turn))

    def _send(self, phone: Phone, frame: int, late: float) -> None:
        packet = self.packet
        sequence = (phone.sequence + frame) & 0xFFFF
        RTP.pack_into(packet, 0, 0x80, 0, sequence, frame * 160 & 0xFFFFFFFF, phone.ssrc)
        STAMP.pack_into(packet, 12, MAGIC, time.time_ns())
        try:
            phone.socket.sendto(packet, phone.to)
        except OSError:
            return
        self.send_late.append(int(late * NANOS))

    def _hear(self, phone: Phone) -> None:
        try:
            data, ancillary, _, _ = phone.socket.recvmsg(2048, 64)
        except OSError:
            return
        seconds, nanos = TIMESPEC.unpack(ancillary[0][2])
        at = seconds * NANOS + nanos
        if len(data) != 172:
            return
        if phone.last:
            gap = at - phone.last
            phone.deviations.append(abs(gap - NANOS // 50))
            phone.gap_max = max(phone.gap_max, gap)
        phone.last = at
        phone.packets += 1
        magic, sent = STAMP.unpack_from(data, 12)
        if magic == MAGIC:
            self.delays.append(at - sent)

    def _deaf_phones(self, began: float, turn: int) -> int:
        """Phones that do not hear at the end: what had come before is thrown away first."""
        for phone in self.phones:
            _drain(phone.socket)
        count = len(self.phones)
        for later in range(turn, turn + int(LAST_LISTEN_SECONDS / FRAME) * count):
            due = began + later * FRAME / count
            time.sleep(max(due - time.monotonic(), 0))
            self._send(self.phones[later % count], later // count, 0)
        return sum(1 for phone in self.phones if not _drain(phone.socket))

    def _forget(self) -> None:
        self.delays.clear()
        self.send_late.clear()
        for phone in self.heard:
            phone.deviations.clear()
            phone.packets = phone.gap_max = 0

    def _report(self, seconds: float, deaf: int) -> dict[str, Any]:
        deviations = [d for phone in self.heard for d in phone.deviations]
        expected = seconds / FRAME
        return {
            "phones": len(self.phones),
            "heard_share": round(
                sum(phone.packets for phone in self.heard) / (expected * len(self.heard)), 4
            ),
            "deaf_phones": deaf,
            "deviation_ms": percentiles(deviations),
            "delay_ms": percentiles(self.delays),
            "own_deviation_ms": percentiles(self.send_late),
            "longest_gap_ms": round(max(p.gap_max for p in self.heard) / 1e6, 2),
            "cpu_seconds": round(time.process_time(), 2),
        }


def _drain(phone: socket.socket) -> int:
    """Take everything that waits; how many packets."""
    for packets in range(10_000):
        try:
            phone.recv(2048)
        except OSError:
            return packets
    return 10_000


def percentiles(nanos: list[int]) -> dict[str, float]:
    """p50, p99 and the maximum, in milliseconds."""
    ordered = sorted(nanos) or [0]
    places = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[int(last * share)] / 1e6, 3) for name, share in places.items()}


def main() -> None:
    """Do one job: `{"phones": N, "core": K | null}`, then `{"to": [...], "seconds", "settle"}`."""
    job = json.loads(sys.argv[1])
    if job["core"] is not None:
        os.sched_setaffinity(0, {job["core"]})
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(4))
    except OSError:
        pass  # then the run may be void on a machine that is busy otherwise
    load = Load(job["phones"])
    print(json.dumps([phone.socket.getsockname()[1] for phone in load.phones]), flush=True)
    order = json.loads(sys.stdin.readline())
    for phone, port in zip(load.phones, order["to"], strict=True):
        phone.to = ("127.0.0.1", port)
    print(json.dumps(load.run(order["seconds"], order["settle"])), flush=True)


if __name__ == "__main__":
    main()
