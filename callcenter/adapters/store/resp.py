"""The store's protocol, as little of it as the hot path needs: one blocking and one asyncio client.

Why: on the hot path the client library is the bottleneck, not the store and not its disk (25–60 µs
a command in a full client against 2–3 µs here). Everything else uses redis-py.

Sources: the RESP2 specification; commands are packed and replies are read by hiredis.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

import hiredis

from callcenter.adapters.store.embedded import StoreUnavailable

Argument: TypeAlias = bytes | str | int
CONNECT_SECONDS = 2.0
CHUNK = 262_144


class StoreError(Exception):
    """The store answered with an error (`FENCED …`, `OOM …`, `LOADING …`)."""


class _Nothing:
    """No whole reply yet."""


_NOTHING = _Nothing()


def pack(*arguments: Argument) -> bytes:
    """One command as it goes over the wire."""
    packed: bytes = hiredis.pack_command(arguments)  # type: ignore[arg-type]  # of any length
    return packed


class Address(NamedTuple):
    """Where a store is: a unix socket's path, or host and port."""

    path: str
    host: str
    port: int
    tls: bool
    username: str
    password: str
    database: int

    def hello(self) -> list[bytes]:
        """What is said first."""
        said = []
        if self.password:
            said.append(pack("AUTH", *filter(None, (self.username, self.password))))
        if self.database:
            said.append(pack("SELECT", self.database))
        return said


def parse_url(url: str) -> Address:
    """`unix:///run/store/s`, `redis://user:password@host:6379/0`, `rediss://…`."""
    parts = urlsplit(url)
    database = parts.path.strip("/") if parts.scheme != "unix" else ""
    return Address(
        path=unquote(parts.path) if parts.scheme == "unix" else "",
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 6379,
        tls=parts.scheme == "rediss",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(database) if database.isdigit() else 0,
    )


def public_url(url: str) -> str:
    """The URL as it may stand in a message or a log: who asks, and with what, is left out."""
    scheme, mark, rest = url.partition("://")
    return url if scheme == "unix" else f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _reader() -> Any:
    return hiredis.Reader(replyError=StoreError, notEnoughData=_NOTHING)


class Connection:
    """A blocking connection. Raises `OSError` when the store is away."""

    def __init__(self, url: str) -> None:
        address = parse_url(url)
        self._reader = _reader()
        self._socket = _connect(address)
        for hello in address.hello():
            self.send(hello)
            self.read()

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def send(self, packed: bytes) -> None:
        """Send commands packed before; their replies are read in order."""
        self._socket.sendall(packed)

    def read(self, timeout: float = CONNECT_SECONDS) -> Any:
        """The next reply, errors raised. `timeout` in seconds, for each part of it."""
        while True:
            reply = self._reader.gets()
            if reply is not _NOTHING:
                if isinstance(reply, StoreError):
                    raise reply
                return reply
            self._socket.settimeout(timeout)
            data = self._socket.recv(CHUNK)
            if not data:
                raise ConnectionResetError("the store closed the connection")
            self._reader.feed(data)

    def wait(self, timeout: float, wake: int = -1) -> bool:
        """Wait until something can be read; false after `timeout` or when `wake` can be read."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if wake >= 0:
            poll.register(wake, select.POLLIN)
        ready = poll.poll(timeout * 1000)
        return any(descriptor == self._socket.fileno() for descriptor, _ in ready)

    def call(self, *arguments: Argument) -> Any:
        """One command and its reply."""
        self.send(pack(*arguments))
        return self.read()

    def calls(self, commands: Sequence[bytes]) -> list[Any]:
        """Several packed commands in one go; their replies, errors among them as values."""
        self.send(b"".join(commands))
        replies: list[Any] = []
        for _ in commands:
            try:
                replies.append(self.read())
            except StoreError as error:
                replies.append(error)
        return replies


def _connect(address: Address) -> socket.socket:
    if address.path:
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(CONNECT_SECONDS)
        connected.connect(address.path)
        return connected
    connected = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls:
        return ssl.create_default_context().wrap_socket(connected, server_hostname=address.host)
    return connected


class _Waiting(NamedTuple):
    expected: int
    replies: list[Any]
    future: asyncio.Future[list[Any]]


class AsyncConnection(asyncio.Protocol):
    """A connection on the running loop. Made by `connect`; `closed` resolves when it ends."""

    def __init__(self) -> None:
        self._reader = _reader()
        self._waiting: deque[_Waiting] = deque()
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(cls, url: str) -> AsyncConnection:
        """Connect and say hello. Raises `OSError`, `StoreError` or `TimeoutError`."""
        address = parse_url(url)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            if address.path:
                _, connection = await loop.create_unix_connection(cls, address.path)
            else:
                context = ssl.create_default_context() if address.tls else None
                _, connection = await loop.create_connection(
                    cls, address.host, address.port, ssl=context
                )
            for hello in address.hello():
                _raise_first(await connection.request(hello, 1))
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not _NOTHING:
            waiting = self._waiting[0]
            waiting.replies.append(reply)
            if len(waiting.replies) == waiting.expected:
                self._waiting.popleft()
                if not waiting.future.done():
                    waiting.future.set_result(waiting.replies)

    def connection_lost(self, exc: Exception | None) -> None:
        lost = StoreUnavailable(f"the store is away: {exc or 'connection closed'}")
        while self._waiting:
            future = self._waiting.popleft().future
            if not future.done():
                future.set_exception(lost)
        if not self.closed.done():
            self.closed.set_result(None)

    def request(self, packed: bytes, count: int) -> asyncio.Future[list[Any]]:
        """Send `count` packed commands; their replies in order, errors among them as values."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(StoreUnavailable("the store is away"))
            return future
        self._waiting.append(_Waiting(count, [], future))
        self._transport.write(packed)
        return future

    async def call(self, *arguments: Argument) -> Any:
        """One command and its reply. Raises `StoreError` or `StoreUnavailable`."""
        return _raise_first(await self.request(pack(*arguments), 1))

    def close(self) -> None:
        """Close it; what waits for a reply fails."""
        if self._transport is not None:
            self._transport.close()


def _raise_first(replies: list[Any]) -> Any:
    if isinstance(replies[0], StoreError):
        raise replies[0]
    return replies[0]
