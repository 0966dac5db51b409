"""`callcenter config apply`: what would change, then one command, all or nothing.

Why: the journal is the truth. The difference is shown between the center in force and the one the
file describes, in the file's words, and nothing is sent before the operator has seen it. The answer
comes as the event that names our request: done, or refused with the reason.
"""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from callcenter.adapters.store.client import open_client
from callcenter.adapters.store.embedded import StoreUnavailable, store_url
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import seq_of
from callcenter.adapters.store.wire import read_batch
from callcenter.app.config import Settings, file_version
from callcenter.domain.center import Center
from callcenter.domain.commands import ConfigurationRequested, Envelope, encode_envelope
from callcenter.domain.events import CommandAnswered
from callcenter.domain.units import CommandId

ANSWER_SECONDS = 5.0
SOURCE = "config-apply"


class Applying:
    """The center in force beside the one of a file."""

    def __init__(self, settings: Settings) -> None:
        url = store_url(settings.store.url, settings.store_directory)
        self._keys = Keys(settings.store.namespace)
        try:
            self._client = open_client(url)
        except StoreUnavailable as away:
            raise StoreUnavailable(
                f"{away}. Is the server running? A changed file is also taken when it starts"
            ) from away
        self.wanted = settings.center()
        self.version = file_version(self.wanted)
        found: Any = self._client.hmget(self._keys.center, ["data", "version"])
        data, version = found
        self.current = msgspec.msgpack.decode(data, type=Center) if data is not None else Center()
        self.current_version = bytes(version).decode() if version else ""

    def difference(self) -> list[str]:
        """A unified diff, one line per setting; empty when nothing would change."""
        old, new = (list(_lines(center)) for center in (self.current, self.wanted))
        found = difflib.unified_diff(
            old, new, f"in force ({self.current_version or 'none'})", f"file ({self.version})",
            lineterm="", n=0,
        )  # fmt: skip
        return [line for line in found if not line.startswith("@@")]

    def commit(self, by: str) -> str:
        """Ask for the file's center; empty when it is in force, else why it was refused.

        Raises `StoreUnavailable` when nobody answers: the request stands and may still be taken.
        """
        epoch = time.time_ns() // 1_000_000
        request = CommandId(f"{SOURCE}:{epoch}:1")
        command = ConfigurationRequested(
            center=self.wanted, version=self.version, by=by, request=request
        )
        envelope = Envelope(f"{SOURCE}-{os.getpid()}", epoch, 1, epoch * 1000, (command,))
        head: Any = self._client.hget(self._keys.head, "seq")
        self._client.xadd(self._keys.cmds, {"e": encode_envelope(envelope)})
        return self._answer(request, int(head or 0))

    def _answer(self, request: CommandId, after: int) -> str:
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            reply: Any = self._client.xread({self._keys.events: f"{after}-0"}, block=500)
            streams = reply.items() if isinstance(reply, dict) else reply or ()
            for entry_id, fields in (entry for _, entries in streams for entry in entries):
                after = seq_of(entry_id)
                for event in read_batch(fields[b"b"]).events:
                    if isinstance(event, CommandAnswered) and event.request == request:
                        return "" if event.accepted else event.reason
        raise StoreUnavailable(
            "the control center does not answer: the request stands in the journal and is decided "
            "when it is back"
        )


def _lines(center: Center) -> Iterator[str]:
    """One line per setting: `queue.sales.target_seconds = 20`."""
    plain: dict[str, Any] = msgspec.to_builtins(center)
    for key, value in plain.items():
        if key in ("queues", "agents", "calendars", "numbers"):
            for row in sorted(value, key=_name):
                for field, inner in sorted(row.items()):
                    yield f"{key[:-1]}.{_name(row)}.{field} = {_shown(inner)}"
        else:
            yield f"{key} = {_shown(value)}"


def _name(row: dict[str, Any]) -> str:
    return str(row.get("id") or row.get("number") or row["name"])


def _shown(value: Any) -> str:
    if isinstance(value, set | frozenset):
        value = sorted(value)
    return msgspec.json.Encoder(order="deterministic").encode(value).decode()
