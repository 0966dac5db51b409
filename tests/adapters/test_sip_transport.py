"""SIP over real sockets on loopback: datagrams, framing in the kernel, limits, new lives."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
import uvloop
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.python import log as twisted_log

from callcenter.adapters import sip_stream
from callcenter.adapters.sip_stream import Stream
from callcenter.adapters.sip_transport import SipTransports, TransportLimits
from callcenter.sip.flow import Flow

Result = TypeVar("Result")


def message(number: int, body: bytes = b"") -> bytes:
    return (
        b"OPTIONS sip:cc.example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%d\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\n"
        b"Content-Length: %d\r\n\r\n" % (number, number, len(body))
    ) + body


def duplicate(connection: socket.socket) -> socket.socket:
    """What the holder keeps. (`socket.dup` would make both of them block again.)"""
    return socket.socket(fileno=os.dup(connection.fileno()))


class Bench:
    """A loop, a reactor on it, transports, and what they reported."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.reactor = AsyncioSelectorReactor(self.loop)
        self.received: list[tuple[bytes, Flow]] = []
        self.closed: list[Flow] = []
        self.kept: dict[int, socket.socket] = {}
        self.answer: Callable[[bytes, Flow], None] = lambda data, flow: None
        self._changed = asyncio.Event()
        self._open: list[SipTransports] = []
        self._sockets: list[socket.socket] = []

    def transports(self, first_connection: int = 1, **held: Any) -> SipTransports:
        made = SipTransports(
            self.reactor,
            self.loop,
            self._on_data,
            self._on_closed,
            keep=self._keep,
            drop=self._drop,
            first_connection=first_connection,
            transport_limits=TransportLimits(**held),
        )
        self._open.append(made)
        return made

    def _on_data(self, data: bytes, flow: Flow) -> None:
        self.received.append((data, flow))
        self._changed.set()
        self.answer(data, flow)

    def _on_closed(self, flow: Flow) -> None:
        self.closed.append(flow)
        self._changed.set()

    def _keep(self, connection: socket.socket, number: int) -> None:
        self.kept[number] = duplicate(connection)

    def _drop(self, number: int) -> None:
        self.kept.pop(number).close()

    def listener(self) -> socket.socket:
        opened = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(opened)
        return opened

    def datagram(self) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        opened.bind(("127.0.0.1", 0))
        self._sockets.append(opened)
        return opened

    def phone(self, address: tuple[str, int]) -> socket.socket:
        """A TCP peer."""
        opened = socket.create_connection(address)
        opened.setblocking(False)
        self._sockets.append(opened)
        return opened

    def run(self, story: Awaitable[Result]) -> Result:
        return self.loop.run_until_complete(asyncio.wait_for(story, 10))

    def until(self, condition: Callable[[], object]) -> None:
        async def story() -> None:
            while not condition():
                self._changed.clear()
                await self._changed.wait()

        self.run(story())

    def heard_by(self, phone: socket.socket, size: int = 65_536) -> bytes:
        return self.run(self.loop.sock_recv(phone, size))

    def end(self) -> None:
        for made in self._open:
            made.close()
        for opened in (*self._sockets, *self.kept.values()):
            opened.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param())
    yield made
    made.end()


def test_a_datagram_is_handed_on_with_the_flow_back(bench: Bench) -> None:
    transports, phone = bench.transports(), bench.datagram()
    ours = transports.add_udp(bench.datagram())
    phone.setblocking(False)
    phone.sendto(b"hello", ours)
    bench.until(lambda: bench.received)
    data, flow = bench.received[0]
    assert (data, flow) == (b"hello", Flow("udp", ours, phone.getsockname(), 0))
    transports.send(flow, b"answer")
    assert bench.heard_by(phone) == b"answer"


def test_many_datagrams_arrive_in_order_in_few_turns(bench: Bench) -> None:
    transports, phone = bench.transports(), bench.datagram()
    ours = transports.add_udp(bench.datagram())
    for number in range(400):
        phone.sendto(b"%d" % number, ours)
    turns = iter(range(100))
    while len(bench.received) < 400:
        next(turns)
        bench.run(asyncio.sleep(0))
    assert [int(data) for data, _ in bench.received] == list(range(400))


def test_a_trunk_has_a_socket_of_its_own(bench: Bench) -> None:
    transports, trunk, stranger = bench.transports(), bench.datagram(), bench.datagram()
    public, private = bench.datagram(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for shared in (public, private):
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    private.bind(public.getsockname())
    private.connect(trunk.getsockname())
    ours = transports.add_udp(public)
    assert transports.add_udp(private) == ours
    trunk.sendto(b"from the trunk", ours)
    stranger.sendto(b"from a stranger", ours)
    bench.until(lambda: len(bench.received) == 2)
    assert sorted(data for data, _ in bench.received) == [b"from a stranger", b"from the trunk"]
    trunk.setblocking(False)
    for data, flow in bench.received:
        transports.send(flow, data.upper())
    assert bench.heard_by(trunk) == b"FROM THE TRUNK"
    assert stranger.recv(100) == b"FROM A STRANGER"


def test_what_cannot_be_sent_is_counted(bench: Bench) -> None:
    transports = bench.transports()
    ours = transports.add_udp(bench.datagram())
    transports.send(Flow("udp", ours, ("127.0.0.1", 9)), b"x" * 70_000)
    transports.send(Flow("udp", ours, ("255.255.255.255", 9)), b"x")
    transports.send(Flow("udp", ("192.0.2.1", 1), ("127.0.0.1", 9)), b"x")
    assert transports.counts["datagrams_not_sent"] == 3


def test_a_trunk_that_refused_hears_the_next_message(bench: Bench) -> None:
    transports, trunk = bench.transports(), bench.datagram()
    there, private = trunk.getsockname(), bench.datagram()
    private.connect(there)
    ours = transports.add_udp(private)
    trunk.close()
    transports.send(Flow("udp", ours, there), b"refused")
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    again.bind(there)
    transports.send(Flow("udp", ours, there), b"heard")
    assert again.recv(100) == b"heard"
    again.close()


def test_keepalives_and_faults_stop_nothing(bench: Bench) -> None:
    transports, phone = bench.transports(), bench.datagram()
    ours = transports.add_udp(bench.datagram())

    def fail(data: bytes, flow: Flow) -> None:
        if data == b"bad":
            raise ZeroDivisionError

    bench.answer = fail
    for data in (b"\r\n\r\n", b"\0\0\0\0", b"bad", b"good"):
        phone.sendto(data, ours)
    bench.until(lambda: len(bench.received) == 2)
    assert bench.received[1][0] == b"good"
    assert transports.counts["keepalives"] == 2
    assert transports.counts["faults"] == 1


def test_messages_come_out_whole_however_they_went_in(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    messages = [message(1), message(2, b"body"), b"\r\n" + message(3), message(4, b"x" * 3_000)]
    stream = b"".join(messages)

    async def speak() -> None:
        position = 0
        for span in (1, 40, 7, 500, 3, 900, 2, 2_000, 10_000):
            await bench.loop.sock_sendall(phone, stream[position : position + span])
            position += span
            await asyncio.sleep(0.002)

    bench.run(speak())
    bench.until(lambda: len(bench.received) == 4)
    assert [data for data, _ in bench.received] == [m.lstrip() for m in messages]
    assert len({flow for _, flow in bench.received}) == 1


def test_an_answer_goes_back_over_the_connection(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    bench.answer = lambda data, flow: transports.send(flow, b"SIP/2.0 200 OK\r\n\r\n")
    phone.send(message(1))
    assert bench.heard_by(phone) == b"SIP/2.0 200 OK\r\n\r\n"
    flow = bench.received[0][1]
    assert (flow.transport, flow.remote, flow.connection) == ("tcp", phone.getsockname(), 1)


def test_more_messages_than_one_turn_takes_are_all_taken(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    count = 3 * sip_stream.MESSAGES_PER_TURN_MAX + 1
    bench.run(bench.loop.sock_sendall(phone, b"".join(message(n) for n in range(count))))
    bench.until(lambda: len(bench.received) == count)


def test_half_a_message_stays_in_the_kernel_for_the_next_life(bench: Bench) -> None:
    first = bench.transports()
    phone = bench.phone(first.add_tcp_listener(bench.listener()))
    data = message(2, b"body")
    phone.send(message(1) + data[:50])
    bench.until(lambda: bench.received)
    connection = duplicate(bench.kept[1])
    first.close()
    assert bench.closed == []
    assert connection.recv(1_000, socket.MSG_PEEK) == data[:50]
    second = bench.transports()
    flow = second.adopt_tcp(connection, 1)
    phone.send(data[50:])
    bench.until(lambda: len(bench.received) == 2)
    assert bench.received[1] == (data, flow)
    assert bench.received[0][1] == flow


def test_a_message_that_waited_whole_is_taken_by_the_next_life(bench: Bench) -> None:
    first = bench.transports()
    phone = bench.phone(first.add_tcp_listener(bench.listener()))
    phone.send(message(1)[:50])
    bench.until(lambda: bench.kept)
    bench.run(asyncio.sleep(0.01))
    connection = duplicate(bench.kept[1])
    first.close()
    phone.send(message(1)[50:])
    bench.transports().adopt_tcp(connection, 1)
    bench.until(lambda: bench.received)
    assert bench.received[0][0] == message(1)


LIFE = """
import asyncio, socket, sys
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from callcenter.adapters.sip_stream import Stream
from callcenter.adapters.sip_transport import SipTransports
loop = asyncio.new_event_loop()
transports = None
def on_data(data, flow):
    transports.send(flow, b"heard %d\\n" % len(data))
transports = SipTransports(AsyncioSelectorReactor(loop), loop, on_data, lambda flow: None)
transports.adopt_tcp(socket.socket(fileno=int(sys.argv[1])), 1)
loop.run_forever()
"""


def test_a_killed_process_leaves_its_unread_message_to_its_successor(bench: Bench) -> None:
    listener = bench.listener()
    phone = bench.phone(listener.getsockname())
    held, _ = listener.accept()
    command = [sys.executable, "-c", LIFE, str(held.fileno())]
    life = subprocess.Popen(command, pass_fds=[held.fileno()])
    phone.send(message(1) + message(2, b"body")[:60])
    assert bench.heard_by(phone) == b"heard %d\n" % len(message(1))
    os.kill(life.pid, signal.SIGKILL)
    life.wait()
    bench.transports().adopt_tcp(held, 1)
    phone.send(message(2, b"body")[60:])
    bench.until(lambda: bench.received)
    assert bench.received[0][0] == message(2, b"body")


def test_half_a_message_keeps_nobody_busy(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(message(1)[:50])
    bench.until(lambda: bench.kept)
    stream = transports._streams[1]
    calls: list[int] = []
    assert isinstance(stream, Stream)
    look = stream.doRead

    def counted() -> None:
        calls.append(1)
        look()

    stream.doRead = counted  # type: ignore[method-assign]
    bench.run(asyncio.sleep(0.2))
    assert len(calls) <= 15
    phone.send(message(1)[50:])
    bench.until(lambda: bench.received)


def test_a_ping_is_answered_by_a_pong(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(b"\r\n\r\n")
    assert bench.heard_by(phone) == b"\r\n"
    phone.send(b"\r\n" + message(1))
    bench.until(lambda: bench.received)
    assert bench.received[0][0] == message(1)


@pytest.mark.parametrize("last", [b"", b"OPTIONS sip:", b"no message\r\n\r\n"])
def test_a_peer_that_has_gone_is_not_read_on_when_its_ping_cannot_be_answered(
    bench: Bench, last: bytes
) -> None:
    """The first pong finds nobody, the second cannot be sent any more."""
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(b"\r\n\r\n" + message(1) + b"\r\n\r\n" + last)
    phone.close()
    faults: list[dict[str, Any]] = []
    twisted_log.addObserver(faults.append)
    try:
        bench.until(lambda: bench.closed)
        bench.run(asyncio.sleep(0))
    finally:
        twisted_log.removeObserver(faults.append)
    assert [data for data, _ in bench.received] == [message(1)]
    assert [fault for fault in faults if fault["isError"]] == []
    assert transports.counts["tcp_reset"] == 1


@pytest.mark.parametrize(
    ("sent", "counted"), [(b"", "first_message_timeout"), (b"OPTIONS sip:", "message_timeout")]
)
def test_a_peer_that_takes_too_long_is_hung_up(bench: Bench, sent: bytes, counted: str) -> None:
    transports = bench.transports(first_message_seconds=0.05, rest_of_message_seconds=0.02)
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(sent)
    bench.until(lambda: bench.closed)
    assert transports.counts[f"tcp_{counted}"] == 1
    assert bench.heard_by(phone) == b""
    assert bench.kept == {}


def test_a_phone_that_spoke_once_may_be_silent(bench: Bench) -> None:
    transports = bench.transports(first_message_seconds=0.05, rest_of_message_seconds=0.02)
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(message(1))
    bench.until(lambda: bench.received)
    bench.run(asyncio.sleep(0.1))
    assert bench.closed == []


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        (message(1).replace(b"Length: 0", b"Length: 65000"), b"413"),
        (message(1).replace(b"Length: 0", b"Length: -1"), b"400"),
        (message(1).replace(b"Content-Length: 0\r\n", b""), b"400"),
        (message(1).replace(b"From", b"X: " + b"x" * 40_000 + b"\r\nFrom"), b"513"),
    ],
)
def test_a_stream_without_framing_is_answered_and_closed(
    bench: Bench, broken: bytes, status: bytes
) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    bench.run(bench.loop.sock_sendall(phone, broken))
    assert bench.heard_by(phone).startswith(b"SIP/2.0 " + status)
    assert bench.heard_by(phone) == b""
    assert bench.received == []
    assert transports.counts["tcp_bad_framing"] == 1


def test_endless_rubbish_is_cut_off(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))

    async def pour() -> None:
        try:
            while not bench.closed:
                await bench.loop.sock_sendall(phone, b"x" * 65_536)
        except OSError:
            pass  # that is what the flood gets

    bench.run(pour())
    bench.until(lambda: bench.closed)
    assert transports.connections == 0


@pytest.mark.parametrize("sent", [b"", message(1)[:50]])
def test_a_peer_that_hangs_up_is_reported_at_once(bench: Bench, sent: bytes) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(sent)
    bench.until(lambda: bench.kept)
    bench.run(asyncio.sleep(0.01))
    phone.close()
    bench.until(lambda: bench.closed)
    assert bench.closed[0].connection == 1
    assert bench.kept == {}


def test_a_host_has_only_so_many_connections(bench: Bench) -> None:
    transports = bench.transports(connections_per_host_max=2)
    address = transports.add_tcp_listener(bench.listener())
    phones = [bench.phone(address) for _ in range(3)]
    assert bench.heard_by(phones[2]) == b""
    assert transports.counts["tcp_refused"] == 1
    phones[0].close()
    bench.until(lambda: bench.closed)
    bench.phone(address).send(message(1))
    bench.until(lambda: bench.received)


def test_output_that_nobody_fetches_ends_the_connection(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(message(1))
    bench.until(lambda: bench.received)
    flow = bench.received[0][1]
    while not bench.closed:
        transports.send(flow, b"x" * 100_000)
    assert transports.counts["tcp_output_not_fetched"] == 1


def test_output_waits_for_a_slow_reader(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(message(1))
    bench.until(lambda: bench.received)
    flow = bench.received[0][1]
    transports.send(flow, b"x" * 900_000)
    for _ in range(40):
        transports.send(flow, b"y" * 5_000)

    async def fetch() -> bytes:
        data = b""
        while len(data) < 1_100_000:
            data += await bench.loop.sock_recv(phone, 65_536)
        return data

    assert bench.run(fetch()) == b"x" * 900_000 + b"y" * 200_000


def test_a_connection_of_ours_carries_what_was_sent_before_it_was_up(bench: Bench) -> None:
    transports, listener = bench.transports(), bench.listener()
    flow = transports.connect_tcp(listener.getsockname(), "127.0.0.1")
    transports.send(flow, message(1))
    trunk, address = listener.accept()
    trunk.setblocking(False)
    assert bench.heard_by(trunk) == message(1)
    assert address == flow.local
    trunk.send(message(2))
    bench.until(lambda: bench.received)
    assert bench.received[0] == (message(2), flow)
    trunk.close()


def test_a_connection_that_does_not_come_about_is_reported(bench: Bench) -> None:
    transports, listener = bench.transports(), bench.listener()
    nowhere = listener.getsockname()
    listener.close()
    flow = transports.connect_tcp(nowhere)
    transports.send(flow, message(1))
    bench.until(lambda: bench.closed)
    assert bench.closed == [flow]


def test_a_message_for_a_connection_that_is_gone_reports_its_flow(bench: Bench) -> None:
    flow = Flow("tcp", ("127.0.0.1", 1), ("127.0.0.1", 2), 77)
    bench.transports().send(flow, message(1))
    assert bench.closed == []
    bench.until(lambda: bench.closed)
    assert bench.closed == [flow]


def test_a_flow_is_closed_after_what_was_sent_over_it(bench: Bench) -> None:
    transports = bench.transports()
    phone = bench.phone(transports.add_tcp_listener(bench.listener()))
    phone.send(message(1))
    bench.until(lambda: bench.received)
    flow = bench.received[0][1]
    transports.send(flow, b"bye")
    transports.close_flow(flow)
    assert bench.heard_by(phone) == b"bye"
    assert bench.heard_by(phone) == b""


def test_numbers_of_connections_are_never_used_again(bench: Bench) -> None:
    transports, listener = bench.transports(first_connection=500), bench.listener()
    phone = bench.phone(listener.getsockname())
    adopted = transports.adopt_tcp(listener.accept()[0], 7_000)
    assert adopted is not None
    assert adopted.remote == phone.getsockname()
    bench.phone(transports.add_tcp_listener(listener)).send(message(1))
    bench.until(lambda: bench.received)
    assert bench.received[0][1].connection == 7_001


def test_a_connection_that_ended_between_two_lives_is_not_adopted(bench: Bench) -> None:
    ended = socket.socket()
    bench.kept[9] = duplicate(ended)
    assert bench.transports().adopt_tcp(ended, 9) is None
    assert bench.kept == {}
