"""A flood: INVITEs and REGISTERs from many addresses of loopback, as fast as asked.

`python -m tests.e2e.flood PORT SECONDS INVITES_PER_SECOND REGISTERS_PER_SECOND SOURCES`
"""

from __future__ import annotations

import socket
import sys
import time

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0\r\n"
)


def message(method: str, host: str, number: int) -> bytes:
    body = SDP if method == "INVITE" else b""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bKf{number}"
        f"\r\nMax-Forwards: 70\r\nFrom: <sip:anna@{host}>;tag=f{number}\r\nTo: <sip:anna@127.0.0.1>"
        f"\r\nCall-ID: f{number}@{host}\r\nCSeq: 1 {method}\r\nContact: <sip:anna@{host}>\r\n"
        f"User-Agent: friendly-scanner\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def main(port: int, seconds: float, invites: int, registers: int, sources: int) -> None:
    """Send; answers are not read."""
    hosts = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(sources)]
    opened = []
    for host in hosts:
        one = socket.socket(type=socket.SOCK_DGRAM)
        one.bind((host, 0))
        one.setblocking(False)
        opened.append(one)
    each = invites + registers
    began, number = time.monotonic(), 0
    while (past := time.monotonic() - began) < seconds:
        while number < past * each:
            number += 1
            method = "INVITE" if number % each < invites else "REGISTER"
            at = number % sources
            try:
                opened[at].sendto(message(method, hosts[at], number), ("127.0.0.1", port))
            except OSError:
                pass  # our own buffer is full: the flood goes on
        time.sleep(0.002)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), *(int(word) for word in sys.argv[3:6]))
