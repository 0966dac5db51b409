"""Ports of loopback for what a test starts: of this process alone, whoever else runs tests.

Why: a server is given its ports before it opens them, seconds later where it is a whole center. A
port that the kernel gave away by itself may be somebody else's by then: a phone's, or a server's of
a test that runs beside this one. So each process takes a block of neighbouring ports below those
that the kernel gives away, and holds a few of them as long as it lives: whoever looks for a range
that is free, such as a demo or another run of these tests, finds it taken.

Sources: ip(7) `ip_local_port_range`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket

BLOCKS = range(10_000, 31_000, 1_000)
GUARDS = (0, 200, 801, 999)
"""Places in a block that are held. No range between two of them is as long as a demo's."""
SINGLE = range(1, 200)
CENTERS = range(202, 800)
"""For the audio of a whole center, or of a media engine."""
PHONES = range(802, 998)
"""For the audio of a phone."""
CENTER_PORTS = 400

_next = dict.fromkeys((SINGLE, CENTERS, PHONES), 0)


def free_ports(count: int) -> list[int]:
    """Ports of this process that are free for UDP and TCP; the least lately given out first."""
    found: list[int] = []
    for _ in SINGLE:
        port = _from(SINGLE, 1)
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"{count} ports are not free")


def audio_ports(count: int) -> int:
    """First of `count` UDP ports in a row that nobody has; it is even. In turn, too: they are given
    out again while nobody has opened them, for tests of one process play one after the other."""
    area = CENTERS if count > len(PHONES) // 2 else PHONES
    for _ in area:
        base = _from(area, count + count % 2)
        if _are_free(range(base, base + count)):
            return base
    raise AssertionError(f"no {count} ports in a row are free")


def _from(area: range, count: int) -> int:
    """The next `count` ports of an area, and again from its beginning."""
    begin = _next[area] if _next[area] + count <= len(area) else 0
    _next[area] = begin + count
    return _block()[0] + area[begin]


@functools.cache
def _block() -> tuple[int, list[socket.socket]]:
    """Where our block begins, and what guards it."""
    turn = os.getpid() % len(BLOCKS)
    for base in (*BLOCKS[turn:], *BLOCKS[:turn]):
        with contextlib.ExitStack() as if_it_fails, contextlib.suppress(OSError):
            guards = [if_it_fails.enter_context(_udp(base + place)) for place in GUARDS]
            if all(_are_free(range(base + a[0], base + a[-1] + 1)) for a in _next):
                if_it_fails.pop_all()
                return base, guards
    raise AssertionError("every block of ports has something in it")


def _udp(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


def _is_free(port: int) -> bool:
    try:
        with _udp(port), socket.socket() as tcp:
            tcp.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _are_free(ports: range) -> bool:
    with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
        for port in ports:
            opened.enter_context(_udp(port))
        return True
    return False
