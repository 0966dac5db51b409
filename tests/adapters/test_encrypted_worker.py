"""A phone on IPv6 that encrypts, and one on IPv4 that does not: real worker, real sockets, libsrtp."""

from __future__ import annotations

import os
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pylibsrtp import Error, Policy, Session

from tests.adapters.media_phone import RTP, Engine, Packet, Phone, converse, describe, port_of

CALLER, AGENT = 440, 1000


class SecurePhone(Phone):
    """On IPv6, with SRTP by SDES."""

    def __init__(self, hertz: float) -> None:
        super().__init__(hertz)
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.bind(("::1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.key = os.urandom(30)
        self.out = Session(Policy(self.key, Policy.SSRC_ANY_OUTBOUND))
        self.into: Session
        self.refused: list[str] = []

    def sdp(
        self, formats: str = "0 8 101", direction: str = "sendrecv", port: int | None = None
    ) -> str:
        text = super().sdp(formats, direction, port).replace("IP4 127.0.0.1", "IP6 ::1")
        line = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{b64encode(self.key).decode()}\r\n"
        return text.replace("RTP/AVP", "RTP/SAVP") + line

    def told(self, reply: dict[str, Any]) -> None:
        """Where to send to, and the key under which the other end sends."""
        self.to = ("::1", port_of(reply))
        line = next(li for li in reply["sdp"].splitlines() if "_SHA1_80 inline:" in li)
        key = b64decode(line.partition("inline:")[2])
        self.into = Session(Policy(key, Policy.SSRC_ANY_INBOUND))

    def send(self, second: int, payload: bytes) -> None:
        assert self.to is not None
        head = RTP.pack(0x80, second, self.sequence, self.timestamp, self.ssrc)
        self.socket.sendto(self.out.protect(head + payload), self.to)

    def listen(self) -> None:
        while True:
            try:
                data, source = self.socket.recvfrom(4096)
            except BlockingIOError:
                return
            try:
                plain = self.into.unprotect(data)
            except Error as why:
                self.refused.append(str(why))
            else:
                self.heard.append(Packet(plain, source[:2], 0))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "run", address6="::1")
    yield made
    made.kill()


def bridged(engine: Engine) -> tuple[Phone, SecurePhone]:
    """A plain caller and an encrypted agent who hear each other."""
    caller, agent = Phone(CALLER), SecurePhone(AGENT)
    first = engine.caller("L1", caller)
    offer = engine.ask(
        "offer", "L2", from_tag="in", sdp=describe(first), endpoint_learning="off",
        transport_protocol="RTP/SAVP", address_family="IP6",
    )  # fmt: skip
    assert "c=IN IP6 ::1" in offer["sdp"]
    agent.told(offer)
    answer = engine.ask("answer", "L2", from_tag="in", to_tag="leg", sdp=agent.sdp())
    engine.connect("L1", caller, far=port_of(answer))
    return caller, agent


def test_they_hear_each_other_and_go_on_after_the_worker_was_killed(
    engine: Engine, tmp_path: Path
) -> None:
    caller, agent = bridged(engine)
    converse([caller, agent], 1.5)
    assert caller.hears(AGENT) > 0.95
    assert agent.hears(CALLER) > 0.95
    assert agent.is_unbroken()
    kept = [p for p in (tmp_path / "run").iterdir() if b"inline:" in p.read_bytes()]
    assert kept == []
    for _ in range(2):
        engine.kill()
        engine.start()
        caller.forget()
        agent.forget()
        converse([caller, agent], 1.0)
        assert caller.hears(AGENT) > 0.95
        assert agent.hears(CALLER) > 0.95
    assert agent.refused == [], "an index was used twice, or a key was forgotten"
    assert engine.ask("statistics")["statistics"]["currentstatistics"]["encrypted"] == 1


def test_plain_audio_and_what_was_heard_before_do_not_get_through(engine: Engine) -> None:
    caller, agent = bridged(engine)
    converse([caller, agent], 0.6)
    assert agent.to is not None
    again = agent.out.protect(
        RTP.pack(0x80, 0, agent.sequence + 1 & 0xFFFF, 0, agent.ssrc) + b"x" * 160
    )
    for _ in range(3):
        agent.socket.sendto(again, agent.to)
        agent.socket.sendto(RTP.pack(0x80, 0, 7, 7, agent.ssrc) + b"x" * 160, agent.to)
    converse([caller], 0.3)
    dropped = engine.ask("statistics")["statistics"]["dropped"]
    assert (dropped["replayed"], dropped["unauthentic"]) == (2, 3)
