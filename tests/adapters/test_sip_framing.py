"""Messages are found in bytes however these are cut; rubbish ends the connection and nothing else."""

from random import Random

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, Request

from callcenter.adapters.sip_framing import StreamFraming, WebSocketFraming
from tests.adapters.test_sip_transport import message
from tests.e2e.mutations import mutation

MESSAGES = [message(1), message(2, b"\r\n\r\n"), message(3, b"x" * 5000)]


def test_any_cut_of_a_stream_gives_the_same_messages() -> None:
    whole = b"\r\n\r\n".join(MESSAGES)
    for seed in range(200):
        chance, framing, found, at = Random(seed), StreamFraming(), [], 0
        while at < len(whole):
            step = chance.choice((1, 7, 300, 4000))
            found += list(framing.receive(whole[at : at + step]))
            at += step
        assert found == MESSAGES
        assert not framing.is_incomplete


def opened() -> tuple[WebSocketFraming, WSConnection]:
    """A WebSocket after its handshake, both ends."""
    framing, client = WebSocketFraming(lambda _: True), WSConnection(ConnectionType.CLIENT)
    list(framing.receive(client.send(Request(host="x", target="/", subprotocols=["sip"]))))
    client.receive_data(framing.take_output())
    list(client.events())
    return framing, client


def test_any_cut_of_a_websocket_gives_the_same_messages() -> None:
    for seed in range(50):
        framing, client = opened()
        whole = b"".join(client.send(BytesMessage(data=one)) for one in MESSAGES)
        chance, found, at = Random(seed), [], 0
        while at < len(whole):
            step = chance.choice((1, 7, 300))
            found += list(framing.receive(whole[at : at + step]))
            at += step
        assert found == MESSAGES


def test_spoiled_handshakes_and_frames_end_the_connection_by_name() -> None:
    endings = set()
    for seed in range(3000):
        chance = Random(seed)
        framing, client = opened() if seed % 2 else (WebSocketFraming(lambda _: True), None)
        if client is None:
            sent = WSConnection(ConnectionType.CLIENT).send(
                Request(host="x", target="/", subprotocols=["sip"])
            )
        else:
            sent = client.send(BytesMessage(data=mutation(seed)))
        octets = bytearray(sent)
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        list(framing.receive(bytes(octets)))
        framing.take_output()
        framing.encode(b"answer")
        endings.add(framing.ended)
    assert endings <= {"", "bad_framing", "hung_up", "no_sip_subprotocol", "message_too_large"}


@pytest.mark.parametrize("field", ["Sec-WebSocket-Protocol: s\u00abip", "Sec-WebSocket-Version: 7"])
def test_a_handshake_that_cannot_be_read_is_refused(field: str) -> None:
    framing = WebSocketFraming(lambda _: True)
    asked = (
        f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n{field}\r\n\r\n"
    )
    assert list(framing.receive(asked.encode("latin-1"))) == []
    assert framing.ended == "bad_framing"
    assert framing.take_output().startswith(b"HTTP/1.1 400 ")
