"""The ng client over a real socket against an engine that loses, repeats and refuses."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from callcenter.adapters.ng_client import TIMED_OUT, MediaEars, NgClient
from callcenter.media import ng


class Engine:
    """An engine on loopback; `answers` may drop or delay what it would say."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.datagrams = 0
        self.asker: tuple[str, int] | None = None
        self.deaf_for = 0
        self.mute = False
        self.reply: dict[str, Any] = {"result": "ok"}
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.socket.getsockname()
        return host, port

    def _readable(self) -> None:
        data, sender = self.socket.recvfrom(65535)
        self.asker = sender
        if self.deaf_for:
            self.deaf_for -= 1
            return
        self.datagrams += 1
        for part in ng.parts(data):
            cookie, body = ng.decode(part)
            self.heard.append((cookie, body))
            if not self.mute:
                self.socket.sendto(ng.encode(cookie, self.reply), sender)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()


def run(story: Callable[[Engine, asyncio.Queue[Any]], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        engine, answers = Engine(), asyncio.Queue[Any]()
        try:
            await asyncio.wait_for(story(engine, answers), 10)
        finally:
            engine.close()

    asyncio.run(tell())


def client_of(engine: Engine, answers: asyncio.Queue[Any], **how: Any) -> NgClient:
    return NgClient(
        [engine.address], lambda cookie, reply: answers.put_nowait((cookie, reply)), **how
    )


def test_a_question_is_answered_under_its_cookie() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        client = client_of(engine, answers)
        client.ask("c1", {"command": "ping", "call-id": "x/c"})
        assert await answers.get() == ("c1", {"result": "ok"})
        assert engine.heard == [("c1", {"command": "ping", "call-id": "x/c"})]
        client.close()

    run(story)


def test_the_end_of_a_leg_is_asked_until_it_is_answered_and_its_answer_bothers_nobody() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        engine.deaf_for = 1
        engine.reply = {"result": "ok", "totals": {"RTP": {"packets": 7}}}
        client = client_of(engine, answers, tries=(0.02, 5.0))
        client.ask("c1", {"command": "delete", "call-id": "x/c"})
        while not engine.heard:
            await asyncio.sleep(0)
        client.ask("c2", {"command": "ping", "call-id": "x/c"})
        assert (await answers.get())[0] == "c2"
        assert client.counts["repeated"] == 1
        assert not client.counts["late"]
        client.close()

    run(story)


def test_a_lost_question_is_asked_again_under_the_same_cookie() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        engine.deaf_for = 1
        client = client_of(engine, answers)
        client.ask("c1", {"command": "ping", "call-id": "x/c"})
        assert (await answers.get())[0] == "c1"
        assert client.counts["repeated"] == 1
        client.close()

    run(story)


def test_what_is_asked_in_one_turn_goes_to_our_own_engine_in_one_datagram() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        client = client_of(engine, answers)
        for cookie in ("c1", "c2", "c3"):
            client.ask(cookie, {"command": "ping", "call-id": "x/c"})
        assert [(await answers.get())[0] for _ in range(3)] == ["c1", "c2", "c3"]
        assert engine.datagrams == 1
        client.close()

    run(story)


def test_questions_too_long_for_one_datagram_go_in_several() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        client = client_of(engine, answers)
        for number in range(20):
            client.ask(f"c{number}", {"command": "ping", "call-id": "x/c", "sdp": "v" * 5000})
        assert [(await answers.get())[0] for _ in range(20)] == [f"c{n}" for n in range(20)]
        assert engine.datagrams == 7
        client.close()

    run(story)


def test_answers_that_share_a_datagram_are_each_heard() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        engine.mute = True
        client = client_of(engine, answers)
        for cookie in ("c1", "c2"):
            client.ask(cookie, {"command": "ping", "call-id": "x/c"})
        while len(engine.heard) < 2:
            await asyncio.sleep(0)
        both = [ng.encode(cookie, {"result": cookie}) for cookie, _ in engine.heard]
        assert engine.asker is not None
        engine.socket.sendto(ng.SEPARATOR.join(both), engine.asker)
        assert [await answers.get() for _ in both] == [(c, {"result": c}) for c in ("c1", "c2")]
        client.close()

    run(story)


def test_an_engine_that_never_answers_is_an_error_by_name() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        engine.mute = True
        client = client_of(engine, answers, tries=(0.01, 0.01))
        client.ask("c1", {"command": "ping", "call-id": "x/c"})
        assert await answers.get() == ("c1", TIMED_OUT)
        client.close()

    run(story)


def test_a_threaded_engine_gets_the_messages_of_one_leg_one_by_one() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        client = client_of(engine, answers, pipelined=False)
        engine.deaf_for = 1
        client.ask("first", {"command": "offer", "call-id": "x/c"})
        client.ask("second", {"command": "answer", "call-id": "x/c"})
        client.ask("other", {"command": "offer", "call-id": "y/c"})
        got = [(await answers.get())[0] for _ in range(3)]
        assert got.index("first") < got.index("second")
        assert got[0] == "other"
        client.close()

    run(story)


def test_legs_of_one_contact_meet_in_one_engine() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        other = Engine()
        client = NgClient(
            [engine.address, other.address], lambda cookie, _: answers.put_nowait(cookie)
        )
        for contact in range(6):
            for leg in ("c", "a1", "a2"):
                client.ask(f"{contact}{leg}", {"command": "ping", "call-id": f"f-{contact}/{leg}"})
        for _ in range(18):
            await answers.get()
        for one in (engine, other):
            contacts = [body["call-id"].partition("/")[0] for _, body in one.heard]
            assert contacts
            assert all(contacts.count(contact) == 3 for contact in contacts)
        client.close()
        other.close()

    run(story)


def test_what_is_no_ng_message_or_comes_too_late_is_counted() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        client = client_of(engine, answers)
        client.ask("c1", {"command": "ping", "call-id": "x/c"})
        await answers.get()
        where = client._socket.getsockname()[1]
        for data in (b"rubbish", ng.encode("nobody-asked", {"result": "ok"})):
            engine.socket.sendto(data, ("127.0.0.1", where))
        while client.counts["late"] + client.counts["malformed"] < 2:
            await asyncio.sleep(0.01)
        assert answers.empty()
        client.close()

    run(story)


def test_an_engine_whose_uptime_fell_was_restarted() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        restarts = asyncio.Event()
        client = client_of(engine, answers, restarted=restarts.set)
        for uptime in (100, 3):
            said = {
                "currentstatistics": {"sessionstotal": 7},
                "totalstatistics": {"uptime": uptime},
            }
            engine.reply = {"result": "ok", "statistics": said}
            before = client.statistics.get(0)
            client.survey()
            while client.statistics.get(0) is before:
                await asyncio.sleep(0.005)
            assert client.statistics[0] == said
            assert restarts.is_set() == (uptime == 3)
        client.close()

    run(story)


def test_keys_and_ended_files_are_heard() -> None:
    async def story(engine: Engine, answers: asyncio.Queue[Any]) -> None:
        ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ears.bind(("127.0.0.1", 0))
        heard = MediaEars(ears, answers.put_nowait)
        for data in (
            b"rubbish",
            b"[" * 9000,
            b'{"a":"\xff"}',
            b"[]",
            json.dumps({"type": "DTMF", "event": 5}).encode(),
        ):
            engine.socket.sendto(data, ears.getsockname())
        assert await answers.get() == {"type": "DTMF", "event": 5}
        assert heard.malformed == 3
        heard.close()
        ears.close()

    run(story)
