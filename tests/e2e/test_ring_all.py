"""Several real phones ring for one caller: one has her, the others are let go at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from callcenter.app.phones.audio import CALLER_TONES
from callcenter.app.phones.line import PhoneCall
from callcenter.frontend.endings import ELSEWHERE
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import Books, Center, Desk, People, eventually, people, reach_queue, run
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e

LET_GO_SECONDS = 0.1
RING_ALL = 'agent_choice = "ring_all"\nring_width = 3\nshort_abandon_seconds = 1\n'
NAMES = ("anna", "ben", "chandra")


@pytest.fixture(scope="module")
def ringing_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """Sales rings up to three at once."""
    center = Center(tmp_path_factory.mktemp("ring-all"))
    text = center.config.read_text("utf-8")
    center.config.write_text(text.replace("short_abandon_seconds = 1\n", RING_ALL, 1), "utf-8")
    center.start()
    yield center
    center.stop()


@pytest.fixture
def center(ringing_center: Center) -> Iterator[Center]:
    """It, empty before and after."""
    yield ringing_center
    leave_nothing_behind(ringing_center)


async def all_ring(those: People, *, answers: bool) -> tuple[PhoneCall, list[Desk]]:
    """A caller for whom three phones ring."""
    desks = [await those.agent(name, answers=answers) for name in NAMES]
    caller = those.caller(0).dial("100")
    await reach_queue(caller)
    for desk in desks:
        await desk.until_called()
    return caller, desks


async def talk(caller: PhoneCall, desk: Desk) -> None:
    """Both hear each other, and the caller hears nobody else."""
    assert await caller.until(lambda: caller.hears((tone_of(desk),), HEARD) is not None, 10)
    assert await desk.call.until(lambda: desk.call.hears((CALLER_TONES[0],), HEARD) is not None, 10)


def nobody_bears_it(center: Center, beaten: list[Desk]) -> None:
    """On duty as before, and nothing counted against them."""
    names = [desk.phone.user for desk in beaten]
    eventually(lambda: {center.agent(n)["presence"] for n in names} == {"ready"}, 5, "not ready")
    for row in map(center.agent, names):
        assert (row["missed"], row["declined"]) == (0, 0)


def test_one_answers_and_the_others_stop_at_once(center: Center) -> None:
    books = Books(center)
    beaten: list[Desk] = []

    async def tell() -> None:
        async with people(center) as those:
            caller, desks = await all_ring(those, answers=False)
            ben = desks[1]
            beaten.extend(desk for desk in desks if desk is not ben)
            ben.call.speak()
            ben.call.answer()
            for desk in beaten:
                assert await desk.call.until_over(2)
                assert desk.call.ended_at - ben.call.answered_at < LET_GO_SECONDS
                assert desk.call.reason == ELSEWHERE[1]
                assert not desk.call.is_answered
            await talk(caller, ben)
            await asyncio.to_thread(nobody_bears_it, center, beaten)
            caller.hang_up()
            assert await ben.call.until_over(5)

    run(tell())
    books.balance({"served": 1})
    assert books.counted("answered") == 1


def test_two_answer_in_the_same_instant_and_one_has_the_caller(center: Center) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those:
            caller, desks = await all_ring(those, answers=False)
            for desk in desks:
                desk.call.speak()
                desk.call.answer()
            assert all(desk.call.is_answered for desk in desks), "all of them picked up"
            for desk in desks:
                await desk.call.until_over(1.0)
            (winner,) = [desk for desk in desks if not desk.call.is_over]
            beaten = [desk for desk in desks if desk is not winner]
            for desk in beaten:
                assert desk.call.ended_at - desk.call.answered_at < LET_GO_SECONDS
                assert desk.call.reason == ELSEWHERE[1]
                assert not desk.call.ended_by_us
            await talk(caller, winner)
            assert caller.hears(tuple(tone_of(desk) for desk in beaten), 1) is None
            await asyncio.to_thread(nobody_bears_it, center, beaten)
            caller.hang_up()
            assert await winner.call.until_over(5)

    run(tell())
    books.balance({"served": 1})
    assert books.counted("answered") == 1


def test_the_caller_hangs_up_and_every_phone_stops(center: Center) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those:
            caller, desks = await all_ring(those, answers=False)
            caller.hang_up()
            for desk in desks:
                assert await desk.call.until_over(2)
            await asyncio.to_thread(nobody_bears_it, center, desks)

    run(tell())
    books.balance({"abandoned": 1})
    assert books.counted("abandoned") == 1
