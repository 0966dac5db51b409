"""`callcenter config apply`: what would change, then one command, all or nothing.

Why: the journal is the truth. The difference is shown between the center in force and the one the
file describes, in the file's words, and nothing is sent before the operator has seen it. The answer
comes as the event that names our request: done, or refused with the reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import msgspec

from callcenter.app.asking import Journal
from callcenter.app.config import Settings, file_version
from callcenter.domain.center import Center
from callcenter.domain.commands import ConfigurationRequested
from callcenter.domain.events import CommandAnswered

SOURCE = "config-apply"


class Applying:
    """The center in force beside the one of a file."""

    def __init__(self, settings: Settings) -> None:
        self._journal = Journal(settings, SOURCE, " A changed file is also taken when it starts")
        self.wanted = settings.center()
        self.version = file_version(self.wanted)
        found: Any = self._journal.client.hmget(self._journal.keys.center, ["data", "version"])
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

    def commit(self, by: str) -> CommandAnswered:
        """Ask for the file's center. Raises `StoreUnavailable` when nobody leads or answers."""
        command = ConfigurationRequested(
            center=self.wanted, version=self.version, by=by, request=self._journal.request
        )
        return self._journal.ask(command)


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
