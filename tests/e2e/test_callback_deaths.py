"""Whatever dies while a caller is called back, she is called once, and talks."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.callback_line import (
    LineCenter,
    customer,
    leaves_a_callback,
    no_number_in_the_journal,
    provider,
    self_answered,
    they_hear_each_other,
)
from tests.e2e.harness import Books, people, run

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("role", ["frontend", "control", "media", "worker", "store"])
@pytest.mark.parametrize("when", ["the agent rings", "the customer rings"])
def test_a_death_in_the_middle_of_it_calls_the_customer_once(
    line_center: LineCenter, role: str, when: str
) -> None:
    books = Books(line_center)

    async def tell() -> None:
        async with people(line_center) as those, provider(line_center) as line:
            phone = customer(line, 3, answers=False)
            anna = await those.agent("anna", ready=False, answers=when != "the agent rings")
            await leaves_a_callback(those, 3)
            await asyncio.to_thread(line_center.make_ready, "anna")
            await anna.until_called()
            if when == "the customer rings":
                await phone.until_called()
            await asyncio.to_thread(line_center.kill, role)
            await asyncio.sleep(0.5)
            at_desk = await self_answered(anna)
            await phone.until_called(seconds=15)
            at_home = await self_answered(phone)
            await they_hear_each_other(at_desk, "anna", at_home)
            assert len(phone.calls) == 1, "the customer was called twice"
            at_home.hang_up()
            assert await at_desk.until_over(8)

    run(tell())
    books.balance({"flowed_out": 1, "served": 1})


def test_the_number_is_in_no_event(line_center: LineCenter) -> None:
    no_number_in_the_journal(line_center)
