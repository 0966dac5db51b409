"""Everything that a server on a public address is sent and never asked for.

Why: the parsers are tested with this set in memory; here it comes over real sockets, from an
address of its own (`127.0.0.66`), so that the limits which a bad source runs into do not hit the
phones of the story that goes on beside it.
"""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from callcenter.sip.sdp import build_audio

TORTURE = Path(__file__).parent.parent / "golden" / "sip-torture" / "rfc4475"
STRANGER = "127.0.0.66"
SOCKET_TABLE = Path("/proc/net/udp")


def torture() -> list[bytes]:
    """The messages of RFC 4475, in the order of their names."""
    return [file.read_bytes() for file in sorted(TORTURE.glob("*.dat"))]


def request(method: str, target: str, number: int, body: bytes = b"", kind: str = "") -> bytes:
    """A plain request from the stranger, as long as those of phones: no more is answered than came.
    `target` is the Request-URI."""
    head = (
        f"{method} {target} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {STRANGER}:5060;branch=z9hG4bKnoise{number};rport\r\n"
        f"From: <sip:stranger@{STRANGER}>;tag=noise{number}\r\n"
        f"To: <{target}>\r\n"
        f"Call-ID: noise{number}@{STRANGER}\r\n"
        f"CSeq: 1 {method}\r\n"
        f"Contact: <sip:stranger@{STRANGER}:5060>\r\n"
        f"Max-Forwards: 70\r\n"
        "User-Agent: stranger/1.0 (sends what nobody asked for, like other phones)\r\n"
        "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, SUBSCRIBE\r\n"
        + (f"Content-Type: {kind}\r\n" if kind else "")
        + f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def damaged(whole: bytes, dice: random.Random) -> bytes:
    """`whole` with a few octets changed, doubled, removed or cut off."""
    data = bytearray(whole)
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(data) or 1)
        match dice.randrange(5):
            case 0:
                data[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                data[place:place] = data[place : place + dice.randint(1, 40)]
            case 2:
                del data[place : place + dice.randint(1, 40)]
            case 3:
                data[place:place] = dice.randbytes(dice.randint(1, 8))
            case _:
                data = data[:place]
    return bytes(data)


def messages(seed: int, count: int) -> Iterator[bytes]:
    """Random octets and damaged messages. No INVITE among them is for a number of guests."""
    dice = random.Random(seed)
    offer = build_audio(STRANGER, 4000).encode()
    whole = [
        request("INVITE", "sip:200@127.0.0.1", 1, offer, "application/sdp"),
        request("REGISTER", "sip:127.0.0.1", 2),
        request("OPTIONS", "sip:127.0.0.1", 3),
        request("BYE", "sip:200@127.0.0.1", 4),
        request("CANCEL", "sip:200@127.0.0.1", 5),
        b"SIP/2.0 200 OK\r\n" + request("INVITE", "sip:a@b", 6).partition(b"\r\n")[2],
        *torture(),
    ]
    for _ in range(count):
        yield (
            dice.randbytes(dice.randint(0, 1500))
            if dice.random() < 0.2
            else damaged(dice.choice(whole), dice)
        )


def throw_udp(port: int, datagrams: Iterator[bytes], pause_every: int = 50) -> int:
    """Send `datagrams` to a port of ours, in bursts; how many."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thrower:
        thrower.bind((STRANGER, 0))
        for datagram in datagrams:
            with contextlib.suppress(OSError):  # too long, or refused by a port that closed
                thrower.sendto(datagram[:65000], ("127.0.0.1", port))
            sent += 1
            if sent % pause_every == 0:
                time.sleep(0.01)
    return sent


def throw_tcp(port: int, streams: Iterator[bytes]) -> int:
    """Each in a connection of its own, which is left without a word; how many."""
    sent = 0
    for stream in streams:
        with socket.socket() as thrower, contextlib.suppress(OSError):
            thrower.bind((STRANGER, 0))
            thrower.settimeout(2)
            thrower.connect(("127.0.0.1", port))
            thrower.sendall(stream)
            thrower.shutdown(socket.SHUT_WR)
            while thrower.recv(65536):
                pass
        sent += 1
    return sent


def ask(port: int, message: bytes, seconds: float = 5.0) -> bytes:
    """The first final answer that a datagram gets; empty for none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.bind((STRANGER, 0))
        asker.settimeout(seconds)
        asker.sendto(message, ("127.0.0.1", port))
        with contextlib.suppress(TimeoutError):
            while (answer := asker.recv(65536)).startswith(b"SIP/2.0 1"):
                pass
            return answer
    return b""


def udp_ports(pid: int) -> set[int]:
    """The UDP ports of loopback that a process has open."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            name = str(entry.readlink())
            if name.startswith("socket:["):
                inodes.add(name[8:-1])
    rows = (row.split() for row in SOCKET_TABLE.read_text("ascii").splitlines()[1:])
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in inodes}
