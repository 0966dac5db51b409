"""What a role is given when it starts: its settings, its sockets, and a line to its holder.

Why: a role opens nothing by itself that must outlive it. Listening sockets, accepted TCP
connections and the socket that hears digits belong to the holder (DESIGN 4), so that what comes in
while a role restarts waits in the kernel. A role says when it is ready, which connections to keep,
and when one is closed; the holder says when to begin, and tells a standby that the leader died.

Socket names (`RoleContext.sockets`):

    sip-udp-0, sip-tcp-0, …   one pair per `[sip] listen`, in order           frontend
    trunk-NAME                UDP, connected to that trunk                     frontend
    media-events              UDP, hears digits and ended prompts              frontend
    media-ng                  UDP, ng requests of this worker                  media
    fax-ng                    UDP, requests for the fax worker                 fax
    lmtp                      TCP, listening, where mails are handed over      intake
    web                       TCP, listening                                   web

Addresses of *all* of them are in `RoleContext.addresses`, `media-ng-0`, `media-ng-1`… per worker.
All sockets are non-blocking already.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callcenter.app.config import Settings

LINE_BYTES_MAX = 65536


@dataclass(frozen=True)
class KeptConnection:
    """An accepted connection that outlived the process that accepted it."""

    id: int
    socket: socket.socket
    note: dict[str, Any]
    """What its keeper wrote beside it, such as the listener it came by."""


class HolderLine:
    """The child's end of the line to its holder: one JSON object per packet.

    Child to holder: `ready`, `keep` (with a descriptor), `drop`. Holder to child: `kept` (with a
    descriptor), `begin`, `gone` (another role's process died).
    """

    def __init__(self, line: socket.socket | None) -> None:
        self._line = line
        self._next_id = 1

    def fileno(self) -> int:
        """For `select`; -1 without a holder."""
        return self._line.fileno() if self._line else -1

    def begin(self) -> list[KeptConnection]:
        """Wait until the holder says begin; what it kept for us."""
        kept: list[KeptConnection] = []
        while self._line is not None:
            message, fds = self.receive()
            if not message or message["op"] == "begin":
                break
            if message["op"] == "kept" and fds:
                connection = socket.socket(fileno=fds[0])
                connection.setblocking(False)
                kept.append(KeptConnection(message["id"], connection, message["note"]))
        self._next_id = max((k.id for k in kept), default=0) + 1
        return kept

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """One message; empty when the holder is gone. Blocks."""
        assert self._line is not None
        data, fds, _flags, _address = socket.recv_fds(self._line, LINE_BYTES_MAX, 4)
        return (json.loads(data) if data else {}), fds

    def ready(self, **facts: Any) -> None:
        """Say that the role serves. Everything that waits for it may begin."""
        self._send({"op": "ready", **facts})

    def keep(self, connection: socket.socket, **note: Any) -> int:
        """Have the holder keep a duplicate of `connection`; the id to drop it by."""
        kept, self._next_id = self._next_id, self._next_id + 1
        self._send({"op": "keep", "id": kept, "note": note}, connection)
        return kept

    def drop(self, kept: int) -> None:
        """Say that the connection is closed."""
        self._send({"op": "drop", "id": kept})

    def _send(self, message: dict[str, Any], connection: socket.socket | None = None) -> None:
        if self._line is None:
            return
        fds = [connection.fileno()] if connection is not None else []
        try:
            socket.send_fds(self._line, [json.dumps(message).encode()], fds)
        except OSError:
            pass  # the holder is gone: the death signal is on its way


@dataclass
class RoleContext:
    """Everything a role needs from outside."""

    role: str
    index: int
    """Which of several processes of this role, from 0."""
    settings: Settings
    sockets: dict[str, socket.socket]
    addresses: dict[str, tuple[str, int]]
    store_url: str
    """`unix:///path` or `redis://…`"""
    state_directory: Path
    epoch: int
    """Greater in every life of this role: the epoch of its commands."""
    line: HolderLine
    config_file: Path | None = None
    kept: list[KeptConnection] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`frontend-0`: names the process in the journal, keys and logs."""
        return f"{self.role}-{self.index}"

    @property
    def media_addresses(self) -> list[tuple[str, int]]:
        """Where the ng requests of each media worker go."""
        url = self.settings.media.url
        if url != "embedded":
            from callcenter.app.addresses import host_port

            return [host_port(url.removeprefix("ng://"))]
        names = (f"media-ng-{n}" for n in range(self.settings.media.workers))
        return [self.addresses[name] for name in names if name in self.addresses]

    def reload(self) -> Settings:
        """Read the configuration again. Raises `WrongInput`; the old settings stay in force."""
        from callcenter.app.config import load_settings

        return load_settings(self.config_file)
