"""A call as a ladder: who sent what to whom, one line a message, time downwards.

              192.0.2.7:5060            callcenter            192.0.2.9:5060
    0.000       │ INVITE +sdp ───────────►│                         │
    0.001       │◄─────────────── 100 INVITE                        │
    0.412       │                         │ INVITE +sdp ───────────►│

Why: most questions about a call (who hung up, what was never answered, which codec) are answered by
one look at this picture.
"""

from collections.abc import Sequence
from typing import NamedTuple

from callcenter.sip.errors import SipError
from callcenter.sip.flow import Address, host_port
from callcenter.sip.message import Request, Response, parse_message

WIDTH = 28
PEERS_MAX = 6
"""Columns beside ours; what further peers say is in the list, not in the picture."""


class Seen(NamedTuple):
    """One message as it passed: `at` in seconds of the wall clock, `sent` by us."""

    at: float
    peer: Address
    transport: str
    sent: bool
    data: bytes


class Step(NamedTuple):
    """One line: what it says of itself."""

    at: float
    peer: str
    sent: bool
    label: str


def steps(messages: Sequence[Seen]) -> list[Step]:
    """The messages in order of time, each in a few words."""
    return [
        Step(seen.at, f"{seen.transport} {host_port(seen.peer)}", seen.sent, label(seen.data))
        for seen in sorted(messages, key=lambda seen: seen.at)
    ]


def label(data: bytes) -> str:
    """`INVITE +sdp`, `200 INVITE +sdp`, `malformed`."""
    try:
        message = parse_message(data)
        method = message.cseq.method
    except SipError:
        return "malformed"
    described = " +sdp" if message.content_type == "application/sdp" else ""
    if isinstance(message, Response):
        return f"{message.status} {method}{described}"
    assert isinstance(message, Request)
    return f"{message.method}{described}"


def draw(found: Sequence[Step]) -> list[str]:
    """The picture, line by line; empty for no steps."""
    if not found:
        return []
    peers = list(dict.fromkeys(step.peer for step in found))[:PEERS_MAX]
    columns = [peers[0], "callcenter", *peers[1:]]
    began = found[0].at
    lines = [" " * 10 + "".join(name[: WIDTH - 2].center(WIDTH) for name in columns).rstrip()]
    for step in found:
        if step.peer not in peers:
            continue
        theirs = columns.index(step.peer)
        lines.append(f"{step.at - began:8.3f}  " + _rungs(len(columns), theirs, step))
    return lines


def _rungs(count: int, theirs: int, step: Step) -> str:
    """One line: rails, and the arrow between ours (the second) and theirs."""
    ours = 1
    rails = [WIDTH // 2 + n * WIDTH for n in range(count)]
    canvas = [" "] * (rails[-1] + 1)
    for rail in rails:
        canvas[rail] = "│"
    left, right = sorted((rails[ours], rails[theirs]))
    to_right = (rails[theirs] > rails[ours]) == step.sent
    room = right - left - 1
    text = f" {step.label} "[: room - 2]
    arrow = text + "─" * (room - len(text) - 1) + "►" if to_right else (
        "◄" + "─" * (room - len(text) - 1) + text
    )  # fmt: skip
    canvas[left + 1 : right] = list(arrow)
    return "".join(canvas)
