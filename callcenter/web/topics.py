"""What changed in a document since it was last pushed.

What happens here: a topic keeps the document it pushed last. `refresh` lays the new one beside it
and makes one message of the difference: whole small parts (`set`), rows that are new or changed
(`put`) and rows that are gone (`drop`), under the next sequence number. The last messages are
kept, so that a screen that was away for a moment gets just those.

Why: a wall of a thousand agents must not be sent anew four times a second because one of them
picked up the phone.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

KEPT_MESSAGES = 120
"""Half a minute of changes at 4 a second."""

ROW_KEYS: dict[str, str] = {
    "queues": "id", "waiting": "contact", "agents": "id", "frontends": "id",
}  # fmt: skip
"""Parts that are lists of rows, and the field that tells the rows apart."""

_encode = msgspec.json.Encoder().encode


class Topic:
    """One document and its history."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seq = 0
        self._state: dict[str, Any] = {}
        self._snapshot: bytes | None = None
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT_MESSAGES)

    def refresh(self, document: msgspec.Struct) -> bytes | None:
        """Take the new document; the message that tells the difference, or None."""
        new = msgspec.structs.asdict(document)
        old, self._state = self._state, new
        self._snapshot = None
        if not old:
            return None
        change = difference(old, new)
        if not change:
            return None
        self.seq += 1
        message = {
            "type": "delta", "topic": self.name, "seq": self.seq, "at": new.get("at"), **change,
        }  # fmt: skip
        encoded = _encode(message)
        self._kept.append((self.seq, encoded))
        return encoded

    def snapshot(self) -> bytes:
        """The whole document."""
        if self._snapshot is None:
            self._snapshot = _encode(
                {"type": "snapshot", "topic": self.name, "seq": self.seq, "state": self._state}
            )
        return self._snapshot

    def since(self, seq: int) -> list[bytes] | None:
        """The messages after `seq`; None when they are no longer kept."""
        if seq == self.seq:
            return []
        if seq > self.seq or not self._kept or self._kept[0][0] > seq + 1:
            return None
        return [message for number, message in self._kept if number > seq]


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`set`, `put` and `drop`, each only where there is something. `at` alone is no change."""
    whole: dict[str, Any] = {}
    put: dict[str, list[Any]] = {}
    drop: dict[str, list[str]] = {}
    for part, value in new.items():
        before = old.get(part)
        if part == "at" or before == value:
            continue
        key = ROW_KEYS.get(part)
        if key is None or not isinstance(before, list):
            whole[part] = value
            continue
        known = {getattr(row, key): row for row in before}
        rows = [row for row in value if _differs(known.pop(getattr(row, key), None), row)]
        if rows:
            put[part] = rows
        if known:
            drop[part] = list(known)
    parts = {"set": whole, "put": put, "drop": drop}
    return {name: part for name, part in parts.items() if part}


def _differs(before: Any, row: Any) -> bool:
    """Rows that nobody touched are often the same object."""
    return before is not row and before != row
