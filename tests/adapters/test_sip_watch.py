"""The last messages, asked for over a socket, and copied to a capture server."""

import asyncio
import socket
import stat
from pathlib import Path

import pytest

from callcenter.adapters.sip_watch import Watch, ask
from callcenter.sip.flow import Flow

FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5099))


def message(call_id: str, method: str = "INVITE") -> bytes:
    return (
        f"{method} sip:x SIP/2.0\r\nCall-ID: {call_id}\r\n"
        'Authorization: Digest response="secret"\r\n\r\n'
    ).encode()


def test_the_messages_of_a_call_are_kept_and_its_secrets_are_not_told() -> None:
    watch = Watch(10)
    for call_id in ("a", "b", "a"):
        watch.passed(message(call_id + "@x"), FLOW, sent=False)
    found = watch.of_calls(["a@x"])
    assert len(found) == 2
    assert all(b"secret" not in seen.data for seen in found)
    assert watch.of_calls([""]) == []


def test_only_the_last_messages_are_kept_and_no_registrations() -> None:
    watch = Watch(2)
    for number in range(5):
        watch.passed(message(f"call{number}"), FLOW, sent=True)
        watch.passed(message("call", "REGISTER"), FLOW, sent=True)
        watch.passed(message("call", "OPTIONS"), FLOW, sent=True)
    assert [len(watch.of_calls([f"call{number}"])) for number in range(5)] == [0, 0, 0, 1, 1]
    assert len(watch.of_calls(["call"])) == 2


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    assert Watch(0).is_idle
    assert not Watch(1).is_idle


def test_a_call_is_asked_for_over_a_socket_that_only_we_may_open(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    watch = Watch(10)
    watch.passed(message("mine@x"), FLOW, sent=True)

    async def story() -> None:
        serving = asyncio.create_task(
            watch.answer(deep, "frontend-0", {"contact-1": ["mine@x"]}.get)  # type: ignore[arg-type]
        )
        place = deep / "sip-trace-frontend-0"
        while not place.exists():
            await asyncio.sleep(0.01)
        for name in ("contact-1", "mine@x"):
            [seen] = await asyncio.to_thread(ask, deep, name)
            assert (seen.peer, seen.sent, seen.transport) == (FLOW.remote, True, "udp")
            assert seen.data.startswith(b"INVITE sip:x")
        assert await asyncio.to_thread(ask, deep, "another") == []
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        serving.cancel()

    asyncio.run(asyncio.wait_for(story(), 10))


def test_where_no_front_end_is_the_question_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ask(tmp_path, "x")


def test_a_capture_server_gets_a_copy_without_secrets_and_may_be_away() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as homer:
        homer.bind(("127.0.0.1", 0))
        watch = Watch(0, homer.getsockname())
        watch.passed(message("a"), FLOW, sent=False)
        packet = homer.recv(65_536)
    assert packet.startswith(b"HEP3")
    assert b"Call-ID: a" in packet
    assert b"secret" not in packet
    for _ in range(3):
        watch.passed(message("a"), FLOW, sent=False)
    assert watch.captured + watch.not_captured == 4
    watch.close()
    watch.passed(message("a"), FLOW, sent=False)
