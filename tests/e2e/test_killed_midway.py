"""kill -9 at awkward moments: while a phone rings, twice in a row, the whole server at once.

What must hold: whoever is there is served, no phone rings for nobody, and each ending has a name.
One server lives through all of it, so every test begins where the last death left it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callcenter.app.phones.audio import AGENT_TONES
from callcenter.app.phones.line import PhoneCall
from tests.e2e.harness import (
    AGENTS,
    Books,
    Center,
    Desk,
    People,
    eventually_async,
    people,
    reach_queue,
    run,
)

pytestmark = pytest.mark.e2e


def hears(call: PhoneCall, agent: str, seconds: float = 10) -> Any:
    """Wait until the caller newly hears this agent's tone."""
    tone = AGENT_TONES[AGENTS.index(agent)]
    before = call.rtp.ear.windows.get(tone, 0)
    return call.until(lambda: call.rtp.ear.windows.get(tone, 0) >= before + 5, seconds)


async def caller_in_queue(those: People, number: int) -> PhoneCall:
    """Somebody waits, and the wall shows it."""
    waiting = those.center.queue("sales")["waiting"]
    call = those.caller(number).dial("100")
    await reach_queue(call)
    await eventually_async(
        lambda: those.center.queue("sales")["waiting"] == waiting + 1, 10, "not in the queue"
    )
    return call


async def rings_once_and_is_answered(desk: Desk, call: PhoneCall) -> PhoneCall:
    """The agent takes the one call that rings at her desk; the caller hears her."""
    ringing: list[PhoneCall] = []

    def is_ringing() -> bool:
        ringing[:] = [one for one in desk.calls if not one.is_over]
        return bool(ringing)

    await eventually_async(is_ringing, 15, "nothing rings")
    assert len(ringing) == 1, "one caller rings twice"
    ringing[0].speak()
    ringing[0].answer()
    assert await hears(call, desk.phone.user)
    return ringing[0]


async def rings_at_anna(those: People) -> tuple[Desk, PhoneCall, PhoneCall]:
    """Her desk, a caller who waits, and the call at her phone, which she lets ring."""
    anna = await those.agent("anna", answers=False)
    call = those.caller(0).dial("100")
    await reach_queue(call)
    return anna, call, await anna.until_called()


@pytest.mark.parametrize("role", ["frontend", "control", "media", "worker", "store"])
def test_a_death_while_a_phone_rings_costs_no_call_and_leaves_no_ghost(
    killed_center: Center, role: str
) -> None:
    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those:
            anna, call, _ = await rings_at_anna(those)
            await asyncio.to_thread(killed_center.kill, role)
            await asyncio.sleep(0.5)
            at_desk = await rings_once_and_is_answered(anna, call)
            call.hang_up()
            assert await at_desk.until_over(8)
            assert [one for one in anna.calls if not one.is_over] == [], "a ghost rings"

    run(tell())
    books.balance({"served": 1})


def test_a_caller_who_leaves_while_the_front_end_is_down_rings_nobody(
    killed_center: Center,
) -> None:
    """Her BYE waits in the socket; the phone that rang for her is told."""

    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those:
            _, call, at_desk = await rings_at_anna(those)
            await asyncio.sleep(1.1)
            await asyncio.to_thread(killed_center.kill, "frontend")
            call.hang_up()
            assert await at_desk.until_over(8), "a ghost rings"
            assert not at_desk.is_answered

    run(tell())
    books.balance({"abandoned": 1})


def test_an_agent_who_answers_while_the_front_end_is_down_is_connected(
    killed_center: Center,
) -> None:
    """Her 200 waits in the socket too."""

    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those:
            _, call, at_desk = await rings_at_anna(those)
            await asyncio.to_thread(killed_center.kill, "frontend")
            at_desk.speak()
            at_desk.answer()
            assert await hears(call, "anna")
            call.hang_up()
            assert await at_desk.until_over(8)

    run(tell())
    books.balance({"served": 1})


def test_the_front_end_dies_twice_in_a_row(killed_center: Center) -> None:
    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those:
            anna = await those.agent("anna")
            talking = those.caller(0).dial("100")
            await reach_queue(talking)
            at_anna = await anna.until_called()
            assert await hears(talking, "anna")
            waiting = await caller_in_queue(those, 1)
            for _ in range(2):
                killed = await asyncio.to_thread(killed_center.kill, "frontend")
                await asyncio.to_thread(killed_center.until_back, "frontend", killed)
            assert await hears(talking, "anna")
            assert not waiting.is_over
            ben = await those.agent("ben", ready=False)
            await asyncio.to_thread(killed_center.make_ready, "ben")
            at_ben = await ben.until_called(seconds=15)
            assert await hears(waiting, "ben")
            assert len(anna.calls) == 1, "a talking agent was rung again"
            for call, desk in ((talking, at_anna), (waiting, at_ben)):
                call.hang_up()
                assert await desk.until_over(8)

    run(tell(), 90)
    books.balance({"served": 2})


def test_the_whole_server_is_killed_and_started_again(killed_center: Center) -> None:
    """Who is still there keeps line, place and company; who has left ends by name."""

    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those, people(killed_center, seed=2) as others:
            anna = await those.agent("anna")
            talking = those.caller(0).dial("100")
            await reach_queue(talking)
            at_anna = await anna.until_called()
            assert await hears(talking, "anna")
            first = await caller_in_queue(those, 1)
            await caller_in_queue(others, 2)
            last = await caller_in_queue(those, 3)

            await asyncio.to_thread(killed_center.kill_server)
            await others.line.stop()
            await asyncio.to_thread(killed_center.start)

            assert await hears(talking, "anna"), "the talking pair lost each other"
            assert not first.is_over
            assert not last.is_over
            ben = await those.agent("ben", ready=False)
            await asyncio.to_thread(killed_center.make_ready, "ben")
            for call in (first, last):
                at_ben = await rings_next(ben, call)
                call.hang_up()
                assert await at_ben.until_over(8)
            assert len(anna.calls) == 1, "a talking agent was rung again"
            talking.hang_up()
            assert await at_anna.until_over(8)
            await eventually_async(
                lambda: killed_center.queue("sales")["waiting"] == 0, 60, "a dead caller waits on"
            )

    async def rings_next(desk: Desk, caller: PhoneCall) -> PhoneCall:
        """The agent's next caller is this one; she hangs up where nobody speaks."""
        for _ in range(8):
            if await hears(caller, "ben", 3):
                return desk.call
            if desk.call.is_answered and not desk.call.is_over:
                desk.call.hang_up()
        raise AssertionError("the caller is never served")

    run(tell(), 150)
    counted = {part: books.counted(part) for part in Books.PARTS}
    assert books.counted("offered") == sum(counted.values()), counted
