"""Callers wait, and wherever one looks the same is told of their waits. Everything is real."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.harness import Center, eventually_async, people, reach_queue, run

pytestmark = pytest.mark.e2e


def waiting(center: Center) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = center.api("contacts?state=waiting")["contacts"]
    return sorted(rows, key=lambda row: str(row["arrived"]))


def places(center: Center) -> list[int | None]:
    return [row["place"] for row in waiting(center)]


def test_who_waits_has_a_place_and_moves_up_when_another_leaves(center: Center) -> None:
    async def story() -> None:
        async with people(center) as cast:
            calls = []
            for number in range(3):
                calls.append(cast.caller(number).dial("100"))
                await reach_queue(calls[-1])
            await eventually_async(lambda: places(center) == [1, 2, 3], 15, "each has a place")
            wall = await asyncio.to_thread(center.api, "wall")
            assert sorted(row["place"] for row in wall["waiting"]) == [1, 2, 3]
            row = (await asyncio.to_thread(waiting, center))[0]
            assert row["expected_at"] is None, "no agent is there, so no time is told"

            calls[0].hang_up()
            await eventually_async(lambda: places(center) == [1, 2], 15, "they moved up")
            for call in calls[1:]:
                call.hang_up()
            await eventually_async(lambda: places(center) == [], 10, "nobody waits")

    run(story())
