"""Ask the control center for something from a terminal: one command, and the event that answers it.

Why: a request is good when it is in the journal. So a command line does what every screen does: it
appends the command and waits for the answer that names it. What a person asks for is meant for now:
while nobody leads nothing is appended that would be done hours later, when the server is back.
"""

from __future__ import annotations

import os
import pwd
import time
from typing import Any

from callcenter.adapters.store.client import open_client
from callcenter.adapters.store.embedded import StoreUnavailable, store_url
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import seq_of
from callcenter.adapters.store.wire import ONCE, read_batch
from callcenter.app.config import Settings
from callcenter.domain.commands import Command, Envelope, encode_envelope
from callcenter.domain.errors import CallcenterError
from callcenter.domain.events import CommandAnswered
from callcenter.domain.units import CommandId

ANSWER_SECONDS = 5.0
LEADER_SECONDS = 1.5
"""Another leader takes over within one; then nobody does."""


class RequestRefused(CallcenterError):
    """The control center said no; the text is its reason."""


class Journal:
    """The store of a center, as one who asks for something needs it."""

    def __init__(self, settings: Settings, source: str, hint: str = "") -> None:
        """`source` names who asks, `hint` what else may be done while the server is away."""
        self.keys = Keys(settings.store.namespace)
        self._source = f"{ONCE}{source}-{os.getpid()}"
        self._epoch = time.time_ns() // 1_000_000
        try:
            self.client = open_client(store_url(settings.store.url, settings.store_directory))
        except StoreUnavailable as away:
            raise StoreUnavailable(
                f"{str(away).rstrip('.')}. Is the server running?{hint}"
            ) from away

    @property
    def request(self) -> CommandId:
        """The name to be answered by."""
        return CommandId(f"{self._source}:{self._epoch}:1")

    def ask(self, command: Command) -> CommandAnswered:
        """Append `command`, which names `request`, and wait for the answer.

        Raises `StoreUnavailable` when nobody leads, and when nobody answers: then the request
        stands and may still be taken.
        """
        from redis import RedisError

        try:
            self._until_led()
            return self._asked(command)
        except RedisError as away:
            raise StoreUnavailable(f"the store does not answer any more: {away}") from away

    def _until_led(self) -> None:
        deadline = time.monotonic() + LEADER_SECONDS
        while not self.client.exists(self.keys.lease):
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    "no control center leads, so nothing was asked. Is the server running?"
                )
            time.sleep(0.05)

    def _asked(self, command: Command) -> CommandAnswered:
        envelope = Envelope(self._source, self._epoch, 1, self._epoch * 1000, (command,))
        head: Any = self.client.hget(self.keys.head, "seq")
        self.client.xadd(self.keys.cmds, {"e": encode_envelope(envelope)})
        return self._answer(int(head or 0))

    def _answer(self, after: int) -> CommandAnswered:
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            reply: Any = self.client.xread({self.keys.events: f"{after}-0"}, block=500)
            streams = reply.items() if isinstance(reply, dict) else reply or ()
            for entry_id, fields in (entry for _, entries in streams for entry in entries):
                after = seq_of(entry_id)
                for event in read_batch(fields[b"b"]).events:
                    if isinstance(event, CommandAnswered) and event.request == self.request:
                        return event
        raise StoreUnavailable(
            "the control center does not answer: the request stands in the journal and is decided "
            "when it is back"
        )


def login() -> str:
    """The user of this process, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
