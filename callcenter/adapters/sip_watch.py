"""What passed over the wire, kept for a while and shown to who may see it; a copy to a capture server.

Why: when a call went wrong it is over before anybody asks. The last messages are kept as they came:
two references and a clock reading each, nothing is read before somebody asks. The ring has a most of
messages and of bytes; registrations and OPTIONS, which would push everything else out, are left out.

Who asks does so over a socket in the state directory that only the server's user may open. Secrets
are covered before anything leaves, in the answer as in what goes to the capture server.

Sources: HEP3 (`sip/hep.py`).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from callcenter.sip.flow import Address, Flow
from callcenter.sip.hep import hep3
from callcenter.sip.ladder import Seen
from callcenter.sip.mask import masked

log = structlog.get_logger(__name__)

RING_BYTES_MAX = 32_000_000
QUESTION_BYTES_MAX = 1_024
ANSWER_MESSAGES_MAX = 500
SOCKET_PREFIX = "sip-trace-"
_LEFT_OUT = (b"REGISTER", b"OPTIONS ")


class Watch:
    """The ring of one front end, and its capture server.

    Args:
        messages_max: how many are kept; 0 keeps none.
        capture: address of a HEP3 server, or None.
        agent: tells front ends apart at the capture server.
    """

    def __init__(self, messages_max: int, capture: Address | None = None, agent: int = 1) -> None:
        self.captured = 0
        self.not_captured = 0
        self._ring: deque[Seen] = deque()
        self._bytes = 0
        self._max = messages_max
        self._agent = agent
        self._capture = capture
        self._socket: socket.socket | None = None
        if capture is not None:
            family = socket.AF_INET6 if ":" in capture[0] else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted of the messages."""
        return not self._max and self._socket is None

    def passed(self, data: bytes, flow: Flow, *, sent: bool) -> None:
        """One message came or went."""
        at = time.time()
        if self._max and not data.startswith(_LEFT_OUT):
            self._ring.append(Seen(at, flow.remote, flow.transport, sent, data))
            self._bytes += len(data)
            while len(self._ring) > self._max or self._bytes > RING_BYTES_MAX:
                self._bytes -= len(self._ring.popleft().data)
        if self._socket is not None:
            self._export(data, flow, at, sent=sent)

    def _export(self, data: bytes, flow: Flow, at: float, *, sent: bool) -> None:
        """A capture server that is not there costs nothing but a count."""
        packet = hep3(masked(data), flow, int(at * 1e6), sent=sent, agent=self._agent)
        try:
            assert self._socket is not None
            self._socket.sendto(packet, self._capture or ("", 0))
        except OSError:
            self.not_captured += 1
        else:
            self.captured += 1

    def of_calls(self, call_ids: Iterable[str]) -> list[Seen]:
        """What is kept of these Call-IDs, secrets covered; the oldest first."""
        wanted = [call_id.encode("utf-8", "surrogateescape") for call_id in call_ids if call_id]
        found = [seen for seen in list(self._ring) if any(name in seen.data for name in wanted)]
        return [seen._replace(data=masked(seen.data)) for seen in found[-ANSWER_MESSAGES_MAX:]]

    async def answer(
        self, directory: Path, frontend: str, calls_of: Callable[[str], list[str]]
    ) -> None:
        """Serve questions over a socket in `directory`. Runs until cancelled.

        Args:
            frontend: its name, which the socket has.
            calls_of: the Call-IDs of a contact; empty for one that is not known.
        """
        if not self._max:
            await asyncio.Event().wait()

        async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                line = await asyncio.wait_for(reader.readline(), 5)
                name = str(json.loads(line)["call"])
                call_ids = calls_of(name) or [name]
                seen = await asyncio.to_thread(self.of_calls, call_ids)
                told = [
                    one._replace(data=b"")._asdict() | {"text": _text(one.data)} for one in seen
                ]
                for row in told:
                    del row["data"]
                writer.write(json.dumps({"messages": told}).encode() + b"\n")
                await asyncio.wait_for(writer.drain(), 5)
            except (TimeoutError, ValueError, KeyError, TypeError, OSError):
                pass  # a question that is none; it is answered by the end of the connection
            finally:
                writer.close()

        with bound_in(directory, frontend) as opened:
            server = await asyncio.start_unix_server(asked, sock=opened, limit=QUESTION_BYTES_MAX)
            async with server:
                await server.serve_forever()

    def close(self) -> None:
        """Nothing more is captured."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def bound_in(directory: Path, frontend: str) -> socket.socket:
    """A socket in `directory`, however long its path is: 107 bytes are all that fit an address."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        path = f"/proc/self/fd/{folder}/{SOCKET_PREFIX}{frontend}"
        Path(path).unlink(missing_ok=True)
        opened.bind(path)
        Path(path).chmod(0o600)
    finally:
        os.close(folder)
    opened.setblocking(False)
    return opened


def ask(directory: Path, call: str, seconds: float = 5.0) -> list[Seen]:
    """What the front ends here keep of `call`. Raises `OSError` when none answers."""
    found: list[Seen] = []
    sockets = sorted(path.name for path in directory.glob(f"{SOCKET_PREFIX}*"))
    if not sockets:
        raise FileNotFoundError("no front end keeps messages here")
    for name in sockets:
        found += _ask(directory, name, call, seconds)
    return found


def _ask(directory: Path, name: str, call: str, seconds: float) -> list[Seen]:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(seconds)
            line.connect(f"/proc/self/fd/{folder}/{name}")
            line.sendall(json.dumps({"call": call}).encode() + b"\n")
            with line.makefile("rb") as answer:
                said = answer.readline()
    finally:
        os.close(folder)
    if not said:
        raise ConnectionError("the front end did not answer")
    return [
        Seen(
            row["at"], (row["peer"][0], row["peer"][1]), row["transport"], row["sent"],
            row["text"].encode("utf-8", "surrogateescape"),
        )
        for row in json.loads(said)["messages"]
    ]  # fmt: skip


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
