"""What a test starts gets ports that are nobody else's, whoever plays tests beside it."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.ports import BLOCKS, CENTER_PORTS, audio_ports, free_ports

ROUND = 150
"""So many are given out before the first one comes again, at least."""


def block_of(port: int) -> int:
    return port // BLOCKS.step


def test_two_processes_have_no_port_in_common() -> None:
    asked = (
        "from tests.ports import audio_ports, free_ports; print(*free_ports(3), audio_ports(40))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    theirs = {block_of(int(port)) for port in done.stdout.split()}
    ours = {block_of(port) for port in (*free_ports(3), audio_ports(40), audio_ports(CENTER_PORTS))}
    assert (len(theirs), len(ours)) == (1, 1)
    assert theirs != ours


def test_a_port_comes_again_late() -> None:
    given = [free_ports(1)[0] for _ in range(ROUND)]
    assert len(set(given)) == ROUND


def test_what_is_in_use_is_passed_over() -> None:
    (taken,) = free_ports(1)
    with socket.socket() as held:
        held.bind(("127.0.0.1", taken))
        assert taken not in (*free_ports(ROUND), *free_ports(ROUND)), "once round and more"
    begin = audio_ports(4)
    with socket.socket(type=socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", begin + 1))
        round_of_them = {audio_ports(4) for _ in range(ROUND)}
    assert len(round_of_them) > 1
    assert begin not in round_of_them
