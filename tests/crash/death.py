"""Dying on purpose: at which exchange with the store, and how.

    before     killed before anything of it was sent
    half       killed when half of it was sent
    sent       killed when it was sent, before the answer
    answered   killed when the answer was read, before anything else
    stalled    stands still before it, until another has taken over and done everything
    cut        the connection is lost before it was sent
    lost       the connection is lost after it was sent: the answer never comes
    fallen     the store is killed before it was sent, and started again
    felled     the store is killed after it was sent, before the answer was read

Killed is SIGKILL, by the process itself: nothing of it runs afterwards. A process is forked from a
warmed one, so that a death costs milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from callcenter.adapters.store.resp import CONNECT_SECONDS, Connection


class How(StrEnum):
    BEFORE = "before"
    HALF = "half"
    SENT = "sent"
    ANSWERED = "answered"
    STALLED = "stalled"
    CUT = "cut"
    LOST = "lost"
    FALLEN = "fallen"
    FELLED = "felled"


KILLED = (How.BEFORE, How.HALF, How.SENT, How.ANSWERED)
STORE_KILLED = (How.FALLEN, How.FELLED)


@dataclass(frozen=True)
class Point:
    """The n-th exchange (from 1) of a story, and what happens there. The 0-th never comes."""

    number: int = 0
    how: How = How.BEFORE

    def __str__(self) -> str:
        return f"{self.number}:{self.how}"


def die() -> None:
    """kill -9, now."""
    os.kill(os.getpid(), signal.SIGKILL)


class Fate:
    """Counts exchanges and lets the point happen. `stall` stands still there, `fell` kills the
    store and starts it again."""

    def __init__(
        self,
        point: Point,
        stall: Callable[[], None] = lambda: None,
        fell: Callable[[], None] = lambda: None,
    ) -> None:
        self.count = 0
        self._point = point
        self._stall = stall
        self.fell = fell

    def is_now(self, how: How) -> bool:
        """Has the point come?"""
        return self.count == self._point.number and self._point.how is how

    def before(self) -> None:
        """One more exchange begins."""
        self.count += 1
        if self.is_now(How.BEFORE):
            die()
        if self.is_now(How.STALLED):
            self._stall()
        if self.is_now(How.FALLEN):
            self.fell()


class Line(Connection):
    """A connection to the store on which the point happens.

    `wait` is called before the next commands are read, so that the outside may live; when it says
    that nothing is left to be decided, the story is over.
    """

    def __init__(self, url: str, fate: Fate, wait: Callable[[], bool] = lambda: False) -> None:
        super().__init__(url)
        self.over = False
        self._fate = fate
        self._wait = wait

    def send(self, packed: bytes) -> None:
        fate = self._fate
        fate.before()
        if fate.is_now(How.CUT):
            self._socket.shutdown(socket.SHUT_RDWR)
        if fate.is_now(How.HALF):
            self._socket.sendall(packed[: len(packed) // 2])
            die()
        super().send(packed)
        if fate.is_now(How.SENT):
            die()
        if fate.is_now(How.FELLED):
            fate.fell()
        if fate.is_now(How.LOST):
            self._socket.shutdown(socket.SHUT_RDWR)

    def read(self, timeout: float = CONNECT_SECONDS) -> Any:
        if timeout != CONNECT_SECONDS and not self._wait():
            self.over = True
            return None
        try:
            return super().read(timeout)
        finally:
            if self._fate.is_now(How.ANSWERED):
                die()


class Life:
    """A forked process and the line to it. Messages are single bytes, or ends with the process."""

    def __init__(self, run: Callable[[socket.socket], None]) -> None:
        mine, theirs = socket.socketpair()
        self.line = mine
        self.pid = os.fork()
        if self.pid == 0:
            mine.close()
            _live(run, theirs)
        theirs.close()

    def hear(self) -> bytes:
        """The next byte it says; none when it is gone."""
        try:
            return self.line.recv(1)
        except ConnectionResetError:
            return b""

    def say(self, what: bytes) -> None:
        self.line.sendall(what)

    def kill(self) -> None:
        """It is not needed any more, or gone already."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.line.close()

    def end(self) -> int:
        """Wait for its end: its exit code, or minus the signal that killed it."""
        _, status = os.waitpid(self.pid, 0)
        self.line.close()
        return os.waitstatus_to_exitcode(status)


def _live(run: Callable[[socket.socket], None], line: socket.socket) -> None:
    """The child: never comes back into the parent's code."""
    code = 1
    try:
        run(line)
        code = 0
    except BaseException:  # noqa: BLE001  # told on stderr, and by the exit code
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)
