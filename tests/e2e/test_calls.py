"""The stories, on a good network and on a bad one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.e2e import stories
from tests.e2e.harness import Center, People, people, run
from tests.e2e.relay import LossyRelay

pytestmark = pytest.mark.e2e

Story = Callable[[People], Coroutine[Any, Any, None]]
LOSS = 0.05


@pytest.mark.parametrize("story", stories.ALL, ids=lambda story: story.__name__)
def test_story(center: Center, story: Story) -> None:
    async def tell() -> None:
        async with people(center) as those:
            await story(those)

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

    run(tell(), 120)


def test_what_the_stories_left_is_counted_exactly(center: Center) -> None:
    """offered = answered + abandoned + flowed out + callbacks + waiting, per queue."""
    for row in center.api("queues")["queues"]:
        parts = ("answered", "abandoned", "flowed_out", "callbacks", "waiting")
        assert row["offered"] == sum(row[part] for part in parts), row
