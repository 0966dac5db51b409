"""A role's way to `/metrics`: what it counts, written to the store every second.

    metrics = MetricsPublisher(context.name, keys.metrics, writer.call, families)
    … metrics.run() as a task, where `families()` gives `records.published.Family` values

Why: counting must cost the hot path nothing but an addition. So a role counts in a plain
`collections.Counter`, and only once a second its figures are made into a document.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.resp import StoreError
from callcenter.records.published import Family, Published, encode_published

PUBLISH_SECONDS = 1.0
ANSWER_SECONDS = 0.1
"""What `survey` asks for is answered by then, or stands in the next document."""


class MetricsPublisher:
    """Writes `families()` under the role's name, again and again.

    `survey` asks others for figures that are not ours, a moment before they are written.
    """

    def __init__(
        self,
        role: str,
        key: str,
        call: Callable[..., Awaitable[Any]],
        families: Callable[[], Iterable[Family]],
        survey: Callable[[], None] = lambda: None,
    ) -> None:
        self._role = role
        self._key = key
        self._call = call
        self._families = families
        self._survey = survey

    async def publish(self) -> None:
        """Write once. Raises what `call` raises when the store is away."""
        document = Published(
            role=self._role, at=time.time_ns() // 1000, families=list(self._families())
        )
        await self._call("HSET", self._key, self._role, encode_published(document))

    async def run(self) -> None:
        """Write until cancelled; a store that is away is tried again at the next turn."""
        while True:
            self._survey()
            await asyncio.sleep(ANSWER_SECONDS)
            try:
                await self.publish()
            except (OSError, StoreError, StoreUnavailable):
                pass  # figures are worth no alarm: the store's absence is told elsewhere
            await asyncio.sleep(PUBLISH_SECONDS - ANSWER_SECONDS)


def counted(
    name: str, help_text: str, label: str, counts: Mapping[str, float], prefix: str = ""
) -> Family:
    """A counter family from a `Counter`, with one label; `prefix` selects and is cut off."""
    samples: list[tuple[tuple[str, ...], float]] = [
        ((key.removeprefix(prefix),), float(value))
        for key, value in sorted(counts.items())
        if key.startswith(prefix)
    ]
    return Family(name=name, kind="counter", help=help_text, labels=(label,), samples=samples)


def gauge(name: str, help_text: str, value: float) -> Family:
    """A gauge family without labels."""
    return Family(name=name, kind="gauge", help=help_text, samples=[((), value)])
