"""Keeps one media worker alive: a parent that has everything imported and forks the next one.

Why: a phone notices silence of half a second, and that is what starting Python costs. The keeper
does nothing but wait; when its worker dies, the next one is forked within milliseconds, takes the
calls back from the journal and goes on. What can break (sockets, packets, files) lives in the
worker, what cannot in the keeper.

If the keeper itself is killed, its worker plays on. The next keeper's worker finds it by the lock
beside the journal and relieves it, so even then no phone hears more than a breath. A worker ends
by itself when the holder, which owns the sockets, is gone.

::

    holder ── starts ──► keeper ── forks ──► worker ── holds ──► lock, ports
       ▲                                        │
       └────────── watched (pidfd) ─────────────┘
"""

import fcntl
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callcenter.adapters.media_worker import Worker, WorkerConfig

QUICK_DEATH_SECONDS = 1.0
QUICK_DEATHS_MAX = 5
RELIEF_SECONDS = 2.0
READY = b"r"


class Keeper:
    """Forks workers for one configuration, one at a time."""

    def __init__(self, config: WorkerConfig, ng_socket: socket.socket, holder: int) -> None:
        """`holder` is the process whose end ends everything."""
        self._config = config
        self._ng = ng_socket
        self._holder = holder
        self._worker = 0
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> None:
        """Keep a worker until SIGTERM. Raises `SystemExit` when workers die at once."""
        signal.signal(signal.SIGTERM, self._stop)
        quick_deaths = 0
        first = True
        while not self._stopping:
            began = time.monotonic()
            if self._start() and first:
                first = False
                ready()
            os.waitpid(self._worker, 0)
            quick = time.monotonic() - began < QUICK_DEATH_SECONDS
            quick_deaths = quick_deaths + 1 if quick else 0
            if quick_deaths >= QUICK_DEATHS_MAX and not self._stopping:
                raise SystemExit(1)

    def _stop(self, *_: Any) -> None:
        self._stopping = True
        if self._worker:
            try:
                os.kill(self._worker, signal.SIGTERM)
            except ProcessLookupError:
                pass  # it died a moment before

    def _start(self) -> bool:
        """Fork a worker and wait until it serves; False when it died before that."""
        hears, says = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._worker = os.fork()
        if self._worker == 0:
            os.close(hears)
            self._be_worker(says)
        os.close(says)
        if self._stopping:
            self._stop()
        try:
            return os.read(hears, 1) == READY
        finally:
            os.close(hears)

    def _be_worker(self, says: int) -> None:
        """The life of the child. Never returns."""
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            lock = relieve(Path(self._config.directory))
            worker = Worker(self._config, self._ng)
            worker.end_with(self._holder)
            worker.run(lambda: _say_ready(says))
            os.close(lock)
            code = 0
        except BaseException:  # noqa: BLE001 a fork must never run on in its parent's code
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


def _say_ready(says: int) -> None:
    try:
        os.write(says, READY)
    except BrokenPipeError:
        pass  # the keeper was killed meanwhile: play on, the next one relieves us
    os.close(says)


def relieve(directory: Path) -> int:
    """Take the lock of a run directory, ending the worker that holds it; the descriptor."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not _try_lock(lock):
        text = os.pread(lock, 20, 0)
        if text.isdigit():
            _end(int(text))
        until = time.monotonic() + RELIEF_SECONDS
        while not _try_lock(lock):
            if time.monotonic() > until:
                raise TimeoutError(f"{directory} is used by another media worker")
            time.sleep(0.002)
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d" % os.getpid(), 0)
    return lock


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(pid: int) -> None:
    """Ask the process to stop; make it, when it does not."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not select.select([process], [], [], RELIEF_SECONDS / 2)[0]:
            signal.pidfd_send_signal(process, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it went by itself
    finally:
        os.close(process)
