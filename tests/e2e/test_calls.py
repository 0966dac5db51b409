"""The stories, on a good network and on a bad one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e import stories
from tests.e2e.harness import Center, People, eventually, people, run
from tests.e2e.relay import LossyRelay

pytestmark = pytest.mark.e2e

Story = Callable[[People], Coroutine[Any, Any, None]]
LOSS = 0.05
PARTS = ("answered", "abandoned", "flowed_out", "callbacks", "waiting")

ANSWERED, ABANDONED, NEVER_QUEUED = ("answered",), ("abandoned",), ()
COUNTED: dict[Story, tuple[tuple[str, ...], ...]] = {
    stories.a_caller_leaves_before_the_answer: (NEVER_QUEUED,),
    stories.a_caller_leaves_in_the_menu: (NEVER_QUEUED,),
    stories.a_caller_leaves_while_waiting: (ABANDONED,),
    stories.a_caller_leaves_while_the_agent_rings: (ABANDONED,),
    stories.a_caller_leaves_as_the_agent_answers: (ANSWERED, ABANDONED),
}
"""As what the one call of a story may be counted; where two cross on the wire, as either. A story
that is not here ends with an answered call."""


def counts(center: Center) -> dict[str, int]:
    """All queues together."""
    rows = center.api("queues")["queues"]
    return {name: sum(row[name] for row in rows) for name in ("offered", *PARTS)}


@contextmanager
def counted(center: Center, story: Story) -> Iterator[None]:
    """What happens inside is counted exactly once, as what it was."""
    before = counts(center)
    yield
    wanted = [
        Counter({"offered": len(way), **dict.fromkeys(way, 1)})
        for way in COUNTED.get(story, (ANSWERED,))
    ]

    def news() -> Counter[str]:
        return +(Counter(counts(center)) - Counter(before))

    eventually(lambda: news() in [+way for way in wanted], 10, f"wanted {wanted}, found {news()}")


@pytest.mark.parametrize("story", stories.ALL, ids=lambda story: story.__name__)
def test_story(center: Center, story: Story) -> None:
    async def tell() -> None:
        async with people(center) as those:
            await story(those)

    with counted(center, story):
        run(tell())


@pytest.mark.parametrize("story", stories.ALL, ids=lambda story: story.__name__)
def test_story_at_five_percent_loss(center: Center, story: Story) -> None:
    """Signalling through a relay that drops; audio dropped at the phones, both ways."""

    async def tell() -> None:
        relay = LossyRelay(center.sip, loss=LOSS, seed=len(story.__name__))
        relay.start()
        try:
            async with people(center, via=relay.address) as those:
                those.line.rtp_loss = LOSS
                await story(those)
            await asyncio.sleep(0.5)
        finally:
            relay.stop()
        assert relay.passed > 0

    with counted(center, story):
        run(tell(), 120)


def test_in_each_queue_the_parts_are_the_whole_after_all_stories(center: Center) -> None:
    """offered = answered + abandoned + flowed out + callbacks + waiting."""
    for row in center.api("queues")["queues"]:
        assert row["offered"] == sum(row[part] for part in PARTS), row
