"""A queue's plan, from the file to the phones: the ring widens, and the wait ends by its exit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.app.phones.audio import CALLER_TONES
from tests.e2e.harness import Center, eventually_async, people, reach_queue, run
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e

WIDENS_SECONDS, LEAVES_SECONDS = 3, 8
PLAN = f"""\
short_abandon_seconds = 1
[[queue.plan.steps]]
after_seconds = {WIDENS_SECONDS}
lower = {{ sales = 3 }}
[[queue.plan.steps]]
after_seconds = {LEAVES_SECONDS}
exit = "timeout"
"""


@pytest.fixture
def planned_center(tmp_path: Path) -> Iterator[Center]:
    """Nobody is good enough for sales at first; after three seconds everybody is."""
    center = Center(tmp_path)
    text = center.config.read_text("utf-8")
    text = text.replace("skills = { sales = 3 }", "skills = { sales = 9 }", 1)
    center.config.write_text(text.replace("short_abandon_seconds = 1\n", PLAN, 1), "utf-8")
    center.start()
    yield center
    center.stop()


def test_the_ring_widens_and_the_wait_ends_by_the_plan(planned_center: Center) -> None:
    async def tell() -> None:
        async with people(planned_center) as those:
            anna = await those.agent("anna")
            served = those.caller(0).dial("100")
            await reach_queue(served)
            at_desk = await anna.until_called()
            assert await served.until(lambda: served.hears((tone_of(anna),), HEARD) is not None, 10)
            assert await at_desk.until(
                lambda: at_desk.hears((CALLER_TONES[0],), HEARD) is not None, 10
            )
            [talk] = planned_center.api("contacts?state=active")["contacts"]
            assert WIDENS_SECONDS <= talk["waited_seconds"] < LEAVES_SECONDS
            served.hang_up()
            assert await at_desk.until_over(8)
            await asyncio.to_thread(planned_center.log_out, "anna")

            unserved = those.caller(1).dial("100")
            await reach_queue(unserved)
            await eventually_async(
                lambda: planned_center.queue("sales")["flowed_out"] == 1, 20, "she waits on"
            )
            unserved.hang_up()

    run(tell())
    row = planned_center.queue("sales")
    assert (row["offered"], row["answered"], row["flowed_out"]) == (2, 1, 1)
