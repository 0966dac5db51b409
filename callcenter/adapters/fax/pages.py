"""Has the pages of a fax written by a process of its own; so many at once, and not for ever."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

import msgspec

from callcenter.intake.fax_order import CannotFax, FaxOrder

WRITE_SECONDS_MAX = 90.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024


class Pages:
    """The writers of a process. `counts` has what became of the orders."""

    def __init__(self, most: int = 2, seconds: float = WRITE_SECONDS_MAX) -> None:
        self._seconds = seconds
        self._room = asyncio.Semaphore(most)
        self.counts: Counter[str] = Counter()

    async def write(self, order: FaxOrder, pdf: bytes) -> tuple[bytes, int]:
        """The TIFF, and how many pages it has. Raises `CannotFax`, in words for whoever asked."""
        async with self._room:
            try:
                answer = await self._ask(msgspec.structs.replace(order, pdf_bytes=len(pdf)), pdf)
            except TimeoutError:
                self.counts["too_slow"] += 1
                raise CannotFax("it took too long to make pages of it") from None
        line, _, tiff = answer.partition(b"\n")
        head = json.loads(line) if line else {"wrong": "no pages can be made of it"}
        if "wrong" in head:
            self.counts["refused"] += 1
            raise CannotFax(head["wrong"])
        self.counts["written"] += 1
        return tiff, int(head["pages"])

    async def _ask(self, order: FaxOrder, pdf: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter.adapters.fax.writer",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=ANSWER_BYTES_MAX,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._seconds):
                answer, _ = await process.communicate(msgspec.json.encode(order) + b"\n" + pdf)
                return answer
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
