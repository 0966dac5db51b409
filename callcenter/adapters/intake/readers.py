"""The readers of a process: started when needed, stopped when they take too long.

Why: see `reader`. A reader lives on from file to file (its start costs more than most files), and
one that was killed is replaced by the next order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from callcenter.domain.center import Channel
from callcenter.intake.arrival import Note
from callcenter.intake.document import Document, decode_document, raw_view

READ_SECONDS_MAX = 20.0
LINE_BYTES_MAX = 16 * 1024 * 1024


class Readers:
    """So many reading processes at most. `counts` has what became of the orders."""

    def __init__(self, directory: Path, most: int = 2, seconds: float = READ_SECONDS_MAX) -> None:
        self._directory = directory
        self._seconds = seconds
        self._free: list[asyncio.subprocess.Process] = []
        self._room = asyncio.Semaphore(most)
        self.counts: Counter[str] = Counter()

    async def read(self, note: Note, path: Path) -> Document:
        """What there is to read; where it cannot be read, the file as it came."""
        order = json.dumps(
            {
                "kind": note.kind, "path": str(path), "blob": note.blob, "contact": note.contact,
                "channel": note.channel.value, "source": note.source, "received": note.received,
                "facts": note.facts,
            }
        ).encode()  # fmt: skip
        async with self._room:
            answer = await self._ask(order + b"\n")
        if "document" in answer:
            self.counts["read"] += 1
            return decode_document(json.dumps(answer["document"]).encode())
        self.counts[str(answer["failed"])] += 1
        size = path.stat().st_size if path.exists() else 0
        return raw_view(
            note.contact, Channel(note.channel), note.source, note.received, note.blob, size,
            "unreadable",
        )  # fmt: skip

    async def _ask(self, order: bytes) -> dict[str, object]:
        process = self._free.pop() if self._free else await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._seconds):
                process.stdin.write(order)
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            await _stop(process)
            return {"failed": "too_slow"}
        except (OSError, ValueError):
            line = b""
        if not line.endswith(b"\n"):
            await _stop(process)
            return {"failed": "died"}
        self._free.append(process)
        answer: dict[str, object] = json.loads(line)
        return answer

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter.adapters.intake.reader", str(self._directory),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=LINE_BYTES_MAX,
        )  # fmt: skip

    async def close(self) -> None:
        """End all of them."""
        for process in self._free:
            await _stop(process)
        self._free.clear()


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
