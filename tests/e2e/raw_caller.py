"""A caller of forty lines, to be run in a network namespace: prints what it was told as JSON.

`python tests/e2e/raw_caller.py HOST PORT OCTETS [REAL_HOST REAL_PORT]`: calls 100 with an INVITE of
so many octets, acknowledges and hangs up at the Contact that it was told. With REAL_… it is also
the 1:1 translator: what is sent to HOST:PORT is passed on to the real place, and the answers back.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading


def translate(public: tuple[str, int], real: tuple[str, int]) -> None:
    """One phone's datagrams, both ways."""
    family = socket.AF_INET6 if ":" in public[0] else socket.AF_INET
    outside = socket.socket(family, socket.SOCK_DGRAM)
    inside = socket.socket(family, socket.SOCK_DGRAM)
    outside.bind(public)
    inside.connect(real)
    phone: list[tuple[str, int]] = []

    def out() -> None:
        while True:
            data, where = outside.recvfrom(65_536)
            phone[:] = [where]
            inside.send(data)

    def back() -> None:
        while True:
            outside.sendto(inside.recv(65_536), phone[0])

    for work in (out, back):
        threading.Thread(target=work, daemon=True).start()


def main(host: str, port: int, octets: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    line = socket.socket(family, socket.SOCK_DGRAM)
    line.settimeout(5)
    line.connect((host, port))
    ours = line.getsockname()[0]
    shown = f"[{ours}]" if family == socket.AF_INET6 else ours
    there = f"[{host}]" if family == socket.AF_INET6 else host

    def ask(method: str, number: int, to: str, uri: str, body: str = "") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        padding = "x" * octets if body else ""
        line.send(
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {shown}:{line.getsockname()[1]};"
            f"branch=z9hG4bK{method};rport\r\nMax-Forwards: 70\r\nFrom: <sip:raw@{shown}>;tag=raw\r\n"
            f"To: {to}\r\nCall-ID: raw{octets}@{ours}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:raw@{shown}:{line.getsockname()[1]}>\r\nX-Padding: {padding[:7000]}\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    def final() -> str:
        while True:
            answer = line.recv(65_536).decode()
            if not answer.startswith("SIP/2.0 1"):
                return answer

    sdp = (
        "v=0\r\no=- 1 1 IN IP4 10.77.1.2\r\ns=-\r\nc=IN IP4 10.77.1.2\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 0\r\n"
    )
    ask("INVITE", 1, f"<sip:100@{there}>", f"sip:100@{there}", sdp)
    answer = final()
    told = {
        "status": answer[8:11],
        "contact": _in(r"\r\nContact: <([^>]*)>", answer),
        "media": _in(r"\r\nc=IN IP4 (\S+)", answer),
    }
    if told["status"] == "200":
        to = _in(r"\r\nTo: ([^\r]*)", answer)
        where = re.match(r"sip:[^@]*@(?:\[([^\]]+)\]|([^:;]+)):(\d+)", told["contact"])
        assert where is not None
        line.connect((where[1] or where[2], int(where[3])))
        ask("ACK", 1, to, told["contact"])
        ask("BYE", 2, to, told["contact"])
        told["bye"] = final()[8:11]
    print(json.dumps(told))


def _in(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


if __name__ == "__main__":
    place = (sys.argv[1], int(sys.argv[2]))
    if len(sys.argv) > 4:
        translate(place, (sys.argv[4], int(sys.argv[5])))
    main(*place, int(sys.argv[3]))
