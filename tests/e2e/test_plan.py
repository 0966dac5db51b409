"""A queue's plan, from the file to the phones: the ring widens, the wait goes on in another queue
or ends by an exit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.app.phones.audio import CALLER_TONES
from tests.e2e.harness import (
    Books,
    Center,
    eventually,
    eventually_async,
    people,
    reach_queue,
    run,
)
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


OVERFLOW = f"""\
short_abandon_seconds = 1
[[queue.plan.steps]]
after_seconds = {WIDENS_SECONDS}
queue = "billing"
"""


def started(directory: Path, plan: str) -> Center:
    """A center in which nobody is good enough for sales, but for its plan."""
    center = Center(directory)
    text = center.config.read_text("utf-8")
    text = text.replace("skills = { sales = 3 }", "skills = { sales = 9 }", 1)
    center.config.write_text(text.replace("short_abandon_seconds = 1\n", plan, 1), "utf-8")
    center.start()
    return center


@pytest.fixture
def planned_center(tmp_path: Path) -> Iterator[Center]:
    """After three seconds everybody is good enough."""
    center = started(tmp_path, PLAN)
    yield center
    center.stop()


@pytest.fixture
def overflowing_center(tmp_path: Path) -> Iterator[Center]:
    """After three seconds she goes on waiting in another queue."""
    center = started(tmp_path, OVERFLOW)
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


def test_she_overflows_to_another_queue_and_is_answered_there(overflowing_center: Center) -> None:
    center = overflowing_center

    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna")
            served = those.caller(0).dial("100")
            await reach_queue(served)
            at_desk = await anna.until_called()
            assert await served.until(lambda: served.hears((tone_of(anna),), HEARD) is not None, 10)
            assert await at_desk.until(
                lambda: at_desk.hears((CALLER_TONES[0],), HEARD) is not None, 10
            )
            served.hang_up()
            assert await at_desk.until_over(8)

    run(tell())
    eventually(lambda: bool(center.api("contacts?state=ended")["contacts"]), 10, "no record")
    [record] = center.api("contacts?state=ended")["contacts"]
    assert (record["queue"], record["result"]) == ("billing", "served")
    assert WIDENS_SECONDS <= record["waited_seconds"] < LEAVES_SECONDS
    lines = [s["words"] for s in center.api(f"contacts/{record['contact']}")["timeline"]]
    assert any("overflowed to billing" in words for words in lines), lines
    counts = {
        name: {part: center.queue(name)[part] for part in ("offered", *Books.PARTS)}
        for name in ("sales", "billing")
    }
    nothing = dict.fromkeys(("offered", *Books.PARTS), 0)
    assert counts == {
        "sales": {**nothing, "offered": 1, "flowed_out": 1},
        "billing": {**nothing, "offered": 1, "answered": 1},
    }
