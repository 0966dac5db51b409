"""The nursery: a process with everything imported, from which the roles are forked.

    holder ── order (role, facts, sockets) ──► nursery ── forks ──► middle ── forks ──► role
       ▲                                                            (ends at once)       │
       └──────────── its child, by the kernel's rule for a subreaper ◄──────────────────┘

Why: a caller notices how long her front end is away, and nearly all of that was importing Python
modules: half a second of a whole core for each life of each role. The nursery imports a role when
it is asked for the first time and forks every life of it from then on, within milliseconds. Modules
that roles share are imported once per machine, and their memory is shared until it is written to.

A role is forked twice, so that it becomes the holder's own child: the holder waits for it, and its
death signal follows the holder. The nursery can be killed without any role noticing; the holder
starts another one, and as long as there is none it starts roles the slow way.

The nursery has one thread, no event loop and no sockets but the one to its holder: nothing that a
fork would copy half-way.

Sources: prctl(2) PR_SET_CHILD_SUBREAPER, fork(2), pidfd_open(2), proc(5) (`arg_start`).
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from callcenter.app.child import live, prepare
from callcenter.app.context import LINE_BYTES_MAX
from callcenter.app.roles import BY_NAME

DESCRIPTORS_MAX = 250
"""That one message may carry (the kernel allows 253)."""
BURY_SECONDS = 1.0
_PR_SET_CHILD_SUBREAPER = 36
_ROOM_FOR_NAME = 32
_ARGUMENTS_BEGIN = 47
"""Place of `arg_start` in `/proc/self/stat`, counted from 0; the next one is `arg_end`."""


class NurseryGone(Exception):
    """There is no nursery, or it cannot import the role: start it the slow way."""


class BornProcess:
    """A forked role, with what is used of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._ended)

    def _ended(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._over.set()

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        await self._over.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing happens when it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The holder's side: starts the nursery's process when it is needed, and orders from it."""

    def __init__(self, roles: Iterable[str] = ()) -> None:
        """`roles` are imported before they are asked for."""
        self._roles = ",".join(roles)
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """Have a nursery; it imports while we go on. Call it from the main thread."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "callcenter.app.nursery", str(theirs.fileno()),
                    self._roles, " " * _ROOM_FOR_NAME,
                ],
                stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(theirs.fileno(),),
            )  # fmt: skip
        finally:
            theirs.close()
        ours.setblocking(False)
        self._line = ours

    async def bear(
        self, role: str, facts: Mapping[str, Any], sockets: Mapping[str, int]
    ) -> BornProcess:
        """A new life of `role`. Raises `NurseryGone`."""
        descriptors = [*sockets.values(), facts["line"], facts["settings"]]
        if len(descriptors) > DESCRIPTORS_MAX:
            raise NurseryGone(f"{len(descriptors)} sockets are too many for one message")
        order = {"role": role, "facts": dict(facts), "sockets": list(sockets)}
        async with self._one_at_a_time:
            try:
                if self._process is None or self._process.poll() is not None:
                    self.start()
                return BornProcess(await self._order(json.dumps(order).encode(), descriptors))
            except OSError as gone:
                raise NurseryGone(str(gone)) from gone

    async def _order(self, order: bytes, descriptors: list[int]) -> int:
        assert self._line is not None
        socket.send_fds(self._line, [order], descriptors)
        answer = await asyncio.get_running_loop().sock_recv(self._line, LINE_BYTES_MAX)
        said: dict[str, Any] = json.loads(answer) if answer else {"wrong": "it ended"}
        if "pid" not in said:
            raise NurseryGone(said["wrong"])
        return int(said["pid"])

    @property
    def pids(self) -> set[int]:
        """Processes that are waited for here."""
        return {self._process.pid} if self._process else set()

    def close(self) -> None:
        """End the nursery; those who were born live on."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            self._process.kill()  # it has nothing to finish
            self._process.wait()
            self._process = None


async def bury_orphans(
    waited_for: Callable[[], set[int]], every_seconds: float = BURY_SECONDS
) -> None:
    """Take the last word of processes that became ours when their parent died. Runs for ever.

    Such is the media worker that plays on when its keeper was killed. Somebody else's process is
    left to whoever waits for it: one that is not known yet is only buried the second time.
    """
    seen = 0
    while True:
        await asyncio.sleep(every_seconds)
        while (pid := _dead()) and pid not in waited_for():
            if pid != seen:
                seen = pid
                break
            _bury(pid)


def _bury(dead: int) -> None:
    os.waitpid(dead, 0)


def _dead() -> int:
    """A child that has ended and that nobody has waited for; 0 when there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


# ---- inside the nursery -------------------------------------------------------------------


def serve(line: socket.socket, roles: Iterable[str]) -> int | None:
    """Import `roles` in quiet moments and fork what is ordered, until the holder hangs up.

    Returns in the nursery, with None, and once more in every role, with its exit code.
    """
    gc.disable()  # of what is imported nothing becomes garbage
    ahead = deque(roles)
    while True:
        while ahead and not select.select([line], [], [], 0)[0]:
            with suppress(ImportError):  # told to whoever orders it
                prepare(ahead.popleft())
        data, descriptors, _flags, _address = socket.recv_fds(line, LINE_BYTES_MAX, DESCRIPTORS_MAX)
        if not data:
            return None
        order = json.loads(data)
        try:
            prepare(order["role"])
        except ImportError as missing:
            answer: dict[str, Any] = {"wrong": str(missing)}
        else:
            answer = {"pid": _fork_twice()}
        if answer.get("pid") == 0:
            line.close()
            return _live(order, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        line.send(json.dumps(answer).encode())


def _fork_twice() -> int:
    """0 in the new process; in the nursery its id, when it is the holder's child already."""
    gc.freeze()  # collecting in the roles must not write to the pages they share
    hears, says = os.pipe()
    middle = os.fork()
    if middle == 0:
        middle = os.getpid()
        born = os.fork()
        if born == 0:
            os.close(hears)
            os.close(says)
            while os.getppid() == middle:
                time.sleep(0.0005)
            return 0
        os.write(says, b"%d" % born)
        os._exit(0)
    os.close(says)
    pid = int(os.read(hears, 20))
    os.close(hears)
    os.waitpid(middle, 0)
    return pid


def _live(order: dict[str, Any], descriptors: list[int]) -> int:
    """The life of a role, in its own process; its exit code."""
    gc.enable()
    os.setsid()
    facts = {**order["facts"], "line": descriptors[-2], "settings": descriptors[-1]}
    _rename(order["role"])
    sockets = dict(zip(order["sockets"], descriptors[:-2], strict=True))
    return live(order["role"], facts, sockets)


def _rename(role: str) -> None:
    """Look in `ps` as if the role had been started the slow way."""
    sys.argv = [sys.argv[0], role]
    words = [sys.executable, "-m", "callcenter.app.child", role]
    name = b"".join(word.encode() + b"\0" for word in words)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    begin, end = (int(fields[_ARGUMENTS_BEGIN - 2 + n]) for n in (0, 1))
    if 0 < len(name) <= end - begin:
        ctypes.memset(begin, 0, end - begin)
        ctypes.memmove(begin, name, len(name))


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the holder's: it drains in order
    with socket.socket(fileno=int(sys.argv[1])) as from_holder:
        code = serve(from_holder, filter(BY_NAME.__contains__, sys.argv[2].split(",")))
    sys.exit(code)
