"""What a child's death costs those who talk to it: nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callcenter.app import holder as holders
from callcenter.app.holder import Child, Holder, StartFailed, pause_after
from callcenter.app.sockets import enlarge

ECHO = (sys.executable, "-m", "tests.app.echo_child")


def udp_socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind(("127.0.0.1", 0))
    enlarge(opened)
    return opened


def tcp_socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setblocking(False)
    opened.bind(("127.0.0.1", 0))
    opened.listen(16)
    return opened


def hold(tmp_path: Path, children: list[Child], story: Callable[[Holder], Awaitable[None]]) -> None:
    """Run a holder around `story`, and stop it in order afterwards."""

    async def whole() -> None:
        holder = Holder(children, state_directory=tmp_path)
        held = asyncio.create_task(holder.run())
        try:
            async with asyncio.timeout(20):
                await story(holder)
        finally:
            holder.stopping.set()
            await held

    asyncio.run(whole())


async def restarted(child: Child, pid: int) -> int:
    """Wait for the child's next life; its process id."""
    while child.process is None or child.process.pid == pid:
        await asyncio.sleep(0.002)
    return child.process.pid


def test_no_datagram_is_lost_when_a_child_is_killed(tmp_path: Path) -> None:
    udp = udp_socket()
    child = Child("echo", sockets={"udp": udp}, command=ECHO)

    async def story(_holder: Holder) -> None:
        await child.ready.wait()
        loop = asyncio.get_running_loop()
        phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        phone.setblocking(False)
        enlarge(phone)  # hundreds of echoes come at once
        phone.connect(udp.getsockname())
        heard: set[bytes] = set()

        async def listen() -> None:
            while len(heard) < 1000:
                heard.add(await loop.sock_recv(phone, 2048))

        listening = asyncio.create_task(listen())
        for number in range(1000):
            await loop.sock_sendall(phone, b"%d" % number)
            if number in (300, 700):
                assert child.process is not None
                child.process.send_signal(signal.SIGKILL)
            await asyncio.sleep(0.001)
        # A datagram the dying process had already read would be lost by nature; an idle echo
        # between two of them has none.
        while len(heard) < 998:
            await asyncio.sleep(0.01)
        listening.cancel()
        assert child.restarts == 2
        phone.close()

    hold(tmp_path, [child], story)


def test_an_accepted_connection_outlives_the_process_that_accepted_it(tmp_path: Path) -> None:
    tcp = tcp_socket()
    child = Child("echo", sockets={"tcp": tcp}, command=ECHO)

    async def story(_holder: Holder) -> None:
        await child.ready.wait()
        reader, writer = await asyncio.open_connection(*tcp.getsockname())
        writer.write(b"before\n")
        first = (await reader.readline()).split()
        assert child.process is not None
        pid = child.process.pid
        assert first == [str(pid).encode(), b"before"]
        child.process.kill()
        writer.write(b"meanwhile\n")
        second = (await reader.readline()).split()
        assert second == [str(await restarted(child, pid)).encode(), b"meanwhile"]
        assert len(child.kept) == 1
        writer.close()
        while child.kept:
            await asyncio.sleep(0.002)

    hold(tmp_path, [child], story)


def test_a_later_role_begins_when_the_earlier_one_is_ready(tmp_path: Path) -> None:
    order: list[str] = []
    earlier = Child("earlier", sockets={"udp": udp_socket()}, command=ECHO)
    later = Child("later", after=("earlier",), sockets={"udp": udp_socket()}, command=ECHO)

    async def note(child: Child) -> None:
        await child.ready.wait()
        order.append(child.role)

    async def story(_holder: Holder) -> None:
        await asyncio.gather(note(later), note(earlier))
        assert order == ["earlier", "later"]

    hold(tmp_path, [later, earlier], story)


def test_every_life_has_a_greater_epoch_even_without_a_disk(tmp_path: Path) -> None:
    child = Child("echo", sockets={"udp": udp_socket()}, command=ECHO)

    async def story(_holder: Holder) -> None:
        await child.ready.wait()
        assert child.process is not None
        first = child.epoch
        assert first >= time.time() - 10
        child.process.kill()
        await restarted(child, child.process.pid)
        assert child.epoch > first

    hold(tmp_path, [child], story)


def test_the_first_restart_is_fast_and_the_later_ones_wait_longer() -> None:
    pauses = [pause_after(failures) for failures in range(1, 20)]
    assert pauses[0] < 0.05
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5


def test_after_a_long_life_the_restart_is_fast_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []
    monkeypatch.setattr(holders, "STEADY_SECONDS", 0)

    def note(failures: int) -> float:
        waited.append(failures)
        return 0.0

    monkeypatch.setattr(holders, "pause_after", note)
    child = Child("echo", sockets={"udp": udp_socket()}, command=ECHO)

    async def story(_holder: Holder) -> None:
        await child.ready.wait()
        for _ in range(3):
            assert child.process is not None
            pid = child.process.pid
            child.process.kill()
            await restarted(child, pid)

    hold(tmp_path, [child], story)
    assert waited == [1, 1, 1]


def test_a_role_that_never_starts_ends_the_start(tmp_path: Path) -> None:
    child = Child("broken", command=(sys.executable, "-c", "raise SystemExit(1)"))

    async def story() -> None:
        holder = Holder([child], state_directory=tmp_path)
        with pytest.raises(StartFailed, match="broken-0"):
            async with asyncio.timeout(20):
                await holder.run()

    asyncio.run(story())


def test_a_role_that_does_not_drain_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal,time;signal.signal(signal.SIGTERM,signal.SIG_IGN);time.sleep(60)"
    child = Child("stubborn", stop_seconds=0.3, command=(sys.executable, "-c", stubborn))

    async def story(_holder: Holder) -> None:
        while child.process is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)

    hold(tmp_path, [child], story)
    assert child.process is not None
    assert child.process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


def test_a_killed_holder_leaves_no_orphans(tmp_path: Path) -> None:
    configuration = tmp_path / "callcenter.toml"
    configuration.write_text("[store]\n")
    holder = subprocess.Popen(
        [sys.executable, "-m", "callcenter.app", "run", "--role", "store", "-c", configuration],
        stderr=subprocess.PIPE,
    )
    directory = tmp_path / "var" / "store"
    pid = 0
    deadline = time.monotonic() + 15
    while not (tmp_path / "var" / "run-store.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.resolve() == directory.resolve():
                pid = int(entry.parent.name)
        except OSError:
            continue
    assert pid, "the store runs"
    holder.kill()
    holder.communicate()
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError("the store was orphaned")
