"""The main job in one story: an agent's phone, a caller, the menu, the queue, a talk.

Everything is real: processes, sockets, store, audio. The agent uses nothing but her phone.
"""

from __future__ import annotations

import asyncio

import pytest

from callcenter.app.phones.audio import CALLER_TONES
from tests.e2e.harness import Center, people, reach_queue, run
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e


def test_a_caller_goes_through_the_menu_and_talks_with_an_agent_who_used_only_her_phone(
    center: Center,
) -> None:
    async def story() -> None:
        async with people(center) as cast:
            anna = await cast.agent("anna", ready=False)
            code = anna.phone.dial("*11")
            assert await code.until_answered(5)
            assert await code.until_over(10), "the code is confirmed and the call ends by itself"
            assert code.rtp.ear.loud >= 5, "the confirmation is spoken"

            call = cast.caller(0).dial("100")
            await reach_queue(call)
            desk = await anna.until_called()
            assert desk.sip.request is not None
            shown = desk.sip.request.from_.display
            assert shown.startswith("Sales · 0:0")
            assert shown.endswith("+15550000000")
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
            heard = lambda: desk.hears((CALLER_TONES[0],), HEARD) is not None  # noqa: E731
            assert await desk.until(heard, 5)
            call.hang_up()
            assert await desk.until_over(5)
            assert "Caller hung up" in desk.reason

            code = anna.phone.dial("*10")
            assert await code.until_over(10)
            row = await asyncio.to_thread(center.agent, "anna")
            assert row["presence"] == "logged_out"

    run(story())


def test_a_front_end_that_dies_takes_its_callers_back(own_center: Center) -> None:
    async def story() -> None:
        async with people(own_center) as cast:
            anna = await cast.agent("anna")
            talking = cast.caller(0).dial("100")
            await reach_queue(talking)
            desk = await anna.until_called()
            hears = lambda: talking.hears((tone_of(anna),), HEARD) is not None  # noqa: E731
            assert await talking.until(hears, 10)
            waiting = cast.caller(1).dial("100")
            await reach_queue(waiting)
            await asyncio.sleep(1)

            own_center.kill("frontend")
            await asyncio.sleep(2)
            assert not talking.is_over
            assert not waiting.is_over

            talking.hang_up()
            assert await desk.until_over(20), "the bridge was taken back"
            second = await anna.until_called(2, 20)
            hears = lambda: waiting.hears((tone_of(anna),), HEARD) is not None  # noqa: E731
            assert await waiting.until(hears, 10), "the waiting caller kept her place"
            second.hang_up()
            assert await waiting.until_over(5)

    run(story())
