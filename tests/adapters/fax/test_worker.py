"""The fax worker over real sockets: RTP and UDPTL in, pages and a ledger out."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callcenter.adapters.fax.ledger import Fax, Ledger
from callcenter.adapters.fax.machine import from_linear, to_linear
from callcenter.adapters.fax.terminal import AudioFax, ImageFax
from callcenter.adapters.fax.worker import FaxConfig, FaxWorker
from callcenter.media import ng
from callcenter.media.rtp import HEADER_OCTETS, PCMA, PCMU
from callcenter.media.udptl import Receiver, Sender
from tests.adapters.fax import pages
from tests.adapters.fax.line import SENDER
from tests.ports import audio_ports

PACE_SECONDS = 0.02


class Office:
    """A worker, the one who asks it, and what was received."""

    def __init__(self, place: Path) -> None:
        self.received: list[Fax] = []
        self.said: list[dict[str, Any]] = []
        self.ledger = Ledger(place / "fax")
        self._asks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._asks.setblocking(False)
        self._ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ears.bind(("127.0.0.1", 0))
        self._ears.setblocking(False)
        questions = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        questions.bind(("127.0.0.1", 0))
        self._asks.connect(questions.getsockname())
        first = audio_ports(60)
        config = FaxConfig(
            events=self._ears.getsockname(), first_port=first, last_port=first + 59, faxes_max=25
        )
        self.worker = FaxWorker(config, questions, self.ledger, self.received.append)
        self._count = 0

    async def ask(self, command: str, name: str = "call/c", **keys: Any) -> ng.Body:
        self._count += 1
        message = {"command": command, "call-id": name, **keys}
        self._asks.send(ng.encode(f"t{self._count}", message))
        reply = await asyncio.get_running_loop().sock_recv(self._asks, ng.DATAGRAM_MAX)
        return ng.decode(reply)[1]

    def heard(self) -> list[dict[str, Any]]:
        while True:
            try:
                self.said.append(msgspec.json.decode(self._ears.recv(2000)))
            except BlockingIOError:
                return self.said


@asynccontextmanager
async def office(place: Path) -> AsyncIterator[Office]:
    made = Office(place)
    work = asyncio.create_task(made.worker.run())
    try:
        yield made
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        made.worker.close()


class Caller:
    """A fax machine on the other side, over RTP and then UDPTL, at the pace of a real line."""

    def __init__(self, office: Office, source: Path, law: int = PCMU, name: str = "call/c") -> None:
        self.office, self.law, self.name = office, law, name
        self.source = source
        self.door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.door.bind(("127.0.0.1", 0))
        self.door.setblocking(False)
        self.fax: AudioFax | ImageFax = AudioFax(SENDER, send=source)
        self._sequence = 65_530
        self._sender, self._receiver = Sender(), Receiver()

    @property
    def peer(self) -> str:
        host, port = self.door.getsockname()
        return f"{host}:{port}"

    async def dial(self, **about: Any) -> ng.Body:
        call = {"id": self.name.partition("/")[0], "dialled": "200", "queue": "faxes", **about}
        reply = await self.office.ask(
            "fax receive", self.name, peer=self.peer, law=self.law, call=call
        )
        if "port" in reply:
            self.door.connect((reply["address"], reply["port"]))
        return reply

    async def change_to_image(self) -> None:
        assert (await self.office.ask("fax image", self.name, peer=self.peer))["result"] == "ok"
        self.fax.hang_up()
        self.fax.close()
        self.fax = ImageFax(SENDER, send=self.source)

    async def talk(self, until: Callable[[], bool], seconds: float = 90) -> None:
        """Both ways, every 20 ms, until then or until this end is done."""
        due = time.monotonic()
        while not until() and not self.fax.is_over:
            assert time.monotonic() < due + seconds
            self._turn()
            due += PACE_SECONDS
            seconds -= PACE_SECONDS
            await asyncio.sleep(max(0, due - time.monotonic()))

    def _turn(self) -> None:
        fax = self.fax
        while True:
            try:
                data = self.door.recv(2000)
            except (BlockingIOError, ConnectionRefusedError):
                break
            if isinstance(fax, AudioFax):
                fax.hear(to_linear(data[HEADER_OCTETS:], self.law))
            else:
                for sequence, packet in self._receiver.receive(data):
                    fax.hear_packet(sequence, packet)
        if isinstance(fax, AudioFax):
            header = b"\x80" + bytes([self.law]) + self._sequence.to_bytes(2, "big") + bytes(8)
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._send(header + from_linear(fax.speak(), self.law))
        else:
            for packet, times in fax.step():
                datagram = self._sender.send(packet)
                for _ in range(times):
                    self._send(datagram)

    def _send(self, data: bytes) -> None:
        try:
            self.door.send(data)
        except ConnectionRefusedError:
            pass

    def close(self) -> None:
        self.fax.close()
        self.door.close()


def test_faxes_over_real_sockets_arrive_bit_by_bit(tmp_path: Path) -> None:
    """Three at once: both laws, and T.38; the last is told to be over until its call is ended."""

    async def story() -> None:
        async with office(tmp_path) as there:
            callers = []
            for seed, (law, image) in enumerate([(PCMU, False), (PCMA, False), (PCMU, True)]):
                source = pages.write(tmp_path / f"sent-{seed}.tif", [seed])
                caller = Caller(there, source, law, name=f"call-{seed}/c")
                await caller.dial()
                if image:
                    await caller.change_to_image()
                callers.append(caller)
            await asyncio.gather(*(caller.talk(lambda: False) for caller in callers))
            await asyncio.sleep(1.5)
            told = {"type": "fax-over", "callid": "call-2/c"}
            assert there.heard().count(told) >= 2
            state = await there.ask("fax state", "call-2/c")
            assert state == {"result": "ok", "over": 1, "pages": 1}
            for seed, caller in enumerate(callers):
                reply = await there.ask("fax end", caller.name)
                assert (reply["code"], reply["pages"]) == (0, 1)
                assert await there.ask("fax end", caller.name) == reply
                caller.close()
                fax = there.received[-1]
                assert (fax.is_partial, fax.queue) == (False, "faxes")
                assert fax.report.ident == SENDER.ident
                ((file, count),) = fax.pages
                assert count == 1
                assert pages.differing(file, [seed]) == [0]
                there.ledger.delivered(fax)
            assert len(there.received) == 3
            assert there.worker.counts["t38"] == 1
            assert there.ledger.left() == []

    asyncio.run(story())


def test_what_is_confirmed_of_a_fax_that_is_cut_off_is_delivered_as_a_part(tmp_path: Path) -> None:
    """By the end of its call, or by the next life of a worker that died in the middle."""

    async def story() -> None:
        source = pages.write(tmp_path / "sent.tif", [1, 2, 3], height=300)
        async with office(tmp_path) as there:
            caller = Caller(there, source)
            await caller.dial()
            await caller.change_to_image()
            await caller.talk(lambda: caller.fax.pages >= 1)
            found = Ledger(tmp_path / "fax").left()  # what a next life reads
            assert [fax.is_partial for fax in found] == [True]
            assert sum(count for _, count in found[0].pages) >= 1
            assert (await there.ask("fax end"))["pages"] >= 1
            caller.close()
            (fax,) = there.received
            assert fax.is_partial
            assert there.worker.counts["partial"] == 1
            assert pages.differing(fax.pages[0][0], [1], height=300) == [0]

    asyncio.run(story())


def test_without_room_on_the_disk_no_fax_is_taken(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as there:
            there.ledger.place = tmp_path / "gone"
            caller = Caller(there, tmp_path / "none.tif")
            assert (await caller.dial())["error-reason"] == "No room for a fax"
            assert there.worker.counts["refused"] == 1
            there.ledger.place = tmp_path / "fax"
            assert (await caller.dial())["result"] == "ok"
            caller.close()

    asyncio.run(story())


def test_a_worker_with_all_its_machines_busy_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as there:
            callers = [Caller(there, tmp_path / "none.tif", name=f"c{n}/c") for n in range(26)]
            replies = [await caller.dial() for caller in callers]
            assert [r["result"] for r in replies] == ["ok"] * 25 + ["error"]
            assert replies[-1]["error-reason"] == "Too many faxes"
            for caller in callers:
                caller.close()

    asyncio.run(story())


def test_where_the_library_is_missing_every_fax_is_refused_by_name(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as there:
            there.worker._missing = "libspandsp.so.2 is not on this machine"
            caller = Caller(there, tmp_path / "none.tif")
            assert (await caller.dial())["error-reason"] == "No fax on this machine"
            caller.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"peer": "127.0.0.1:5"}, "The call is not described"),
        ({"peer": "nowhere", "call": {"id": "1"}}, "No peer in message"),
        ({"peer": "127.0.0.1:99999", "call": {"id": "1"}}, "No peer in message"),
        ({"peer": "127.0.0.1:5", "call": {"id": 1}}, "The call is not described"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(
    keys: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with office(tmp_path) as there:
            assert (await there.ask("fax receive", **keys))["error-reason"] == reason
            assert (await there.ask("dance"))["error-reason"] == "Unrecognized command"
            assert (await there.ask("fax image", peer="127.0.0.1:5"))["error-reason"] == (
                "Unknown call-id"
            )
            assert there.worker.machines == {}

    asyncio.run(story())


def test_a_stranger_at_the_port_is_not_heard(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as there:
            caller = Caller(there, tmp_path / "none.tif")
            reply = await caller.dial()
            stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            stranger.sendto(b"\x80" + bytes(171), (reply["address"], reply["port"]))
            await asyncio.sleep(0.1)
            assert there.worker.machines["call/c"].strays == 1
            stranger.close()
            caller.close()

    asyncio.run(story())
