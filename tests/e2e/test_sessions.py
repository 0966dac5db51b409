"""What trunks ask of a session, asked by sipp: session timers, late offers, UPDATE, hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.foreign_phones import SDP, Sipp, _send
from tests.e2e.harness import Center, run

pytestmark = pytest.mark.e2e

HEAD = """
{method} {uri} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "sipp" <sip:+15557770001@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
{to}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{fields}"""
FIRST_TO = "To: <sip:[service]@[remote_ip]:[remote_port]>"
WITH_SDP = "Content-Type: application/sdp\nContent-Length: [len]\n\n" + SDP.strip()
EMPTY = "Content-Length: 0\n"


def request(method: str, number: int, fields: str, *, first: bool = False) -> str:
    """One message of sipp's, in its dialog unless it is the first."""
    uri = "sip:[service]@[remote_ip]:[remote_port]" if first else "[next_url]"
    to = FIRST_TO if first else "[last_To:]"
    return HEAD.format(method=method, number=number, fields=fields, uri=uri, to=to)


def expects(status: int, header: str = "", pattern: str = "", more: str = "") -> str:
    """An answer, and what must stand in one of its fields."""
    if not header:
        return f'  <recv response="{status}" {more}/>\n'
    return (
        f'  <recv response="{status}" {more}>\n    <action><ereg regexp="{pattern}" search_in="hdr"'
        f' header="{header}:" check_it="true" assign_to="1"/></action>\n  </recv>\n'
    )


def scenario(directory: Path, name: str, *steps: str) -> Path:
    body = "".join(steps)
    used = '  <Reference variables="1"/>\n' if 'assign_to="1"' in body else ""
    path = directory / f"{name}.xml"
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{body}{used}</scenario>\n',
        "utf-8",
    )
    return path


def play(center: Center, directory: Path, path: Path) -> None:
    async def tell() -> None:
        sipp = Sipp(directory, center.sip, path, "-s", "100")
        await sipp.start()
        await sipp.finished()

    run(tell())


def test_a_late_offer_with_a_session_timer_is_answered_refreshed_and_ended(
    center: Center, tmp_path: Path
) -> None:
    timer = "Supported: timer\nSession-Expires: 1800;refresher=uac\nRequire: 100rel\n"
    again = "Supported: timer\nSession-Expires: 900;refresher=uac\n"
    path = scenario(
        tmp_path,
        "late-offer",
        _send(request("INVITE", 1, timer + EMPTY, first=True), 'retrans="500"'),
        '  <recv response="100" optional="true"/>\n',
        expects(200, "Session-Expires", "1800;refresher=uac", 'rrs="true"'),
        _send(request("ACK", 1, WITH_SDP)),
        '  <pause milliseconds="700"/>\n',
        _send(request("UPDATE", 2, again + EMPTY), 'retrans="500"'),
        expects(200, "Session-Expires", "900;refresher=uac"),
        _send(request("INVITE", 3, again + WITH_SDP), 'retrans="500"'),
        '  <recv response="100" optional="true"/>\n',
        expects(200, "Session-Expires", "900"),
        _send(request("ACK", 3, EMPTY)),
        '  <pause milliseconds="300"/>\n',
        _send(request("BYE", 4, EMPTY), 'retrans="500"'),
        expects(200),
    )
    play(center, tmp_path, path)


def test_a_session_timer_too_short_is_refused_with_what_we_take(
    center: Center, tmp_path: Path
) -> None:
    short = "Supported: timer\nSession-Expires: 30\n"
    path = scenario(
        tmp_path,
        "too-short",
        _send(request("INVITE", 1, short + WITH_SDP, first=True), 'retrans="500"'),
        '  <recv response="100" optional="true"/>\n',
        expects(422, "Min-SE", "90"),
        _send(request("ACK", 1, EMPTY, first=True).replace(FIRST_TO, "[last_To:]")),
    )
    play(center, tmp_path, path)


def test_a_one_legged_call_is_held_asked_and_ended(center: Center, tmp_path: Path) -> None:
    """Nobody but the flow is at the other side; a hold is answered all the same."""
    path = scenario(
        tmp_path,
        "one-leg",
        _send(request("INVITE", 1, WITH_SDP, first=True), 'retrans="500"'),
        '  <recv response="100" optional="true"/>\n',
        expects(200, more='rrs="true"'),
        _send(request("ACK", 1, EMPTY)),
        '  <pause milliseconds="300"/>\n',
        _send(
            request("INVITE", 2, WITH_SDP.replace("s=-", "s=held") + "\na=sendonly"),
            'retrans="500"',
        ),
        '  <recv response="100" optional="true"/>\n',
        expects(200),
        _send(request("ACK", 2, EMPTY)),
        _send(request("OPTIONS", 3, EMPTY), 'retrans="500"'),
        expects(200, "Supported", "100rel"),
        _send(request("BYE", 4, EMPTY), 'retrans="500"'),
        expects(200),
    )
    play(center, tmp_path, path)
