"""A caller is handed on: from the desk, and with the Transfer key of a phone that is not ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.app.phones.line import PhoneCall
from tests.e2e.foreign_phones import baresip
from tests.e2e.harness import Books, Center, eventually, eventually_async, people, reach_queue, run
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e


def test_from_the_desk_she_is_held_taken_back_and_handed_on(center: Center) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna")
            call = those.caller(6).dial("100")
            await reach_queue(call)
            at_anna = await anna.until_called()
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
            ben = await those.agent("ben")
            await asyncio.to_thread(center.api, "agents/anna/call/hold", {})
            heard = at_anna.rtp.ear.loud
            await asyncio.sleep(1.0)
            assert at_anna.rtp.ear.loud - heard <= 5, "she still hears her caller"
            await asyncio.to_thread(center.api, "agents/anna/call/resume", {})
            assert await at_anna.until(lambda: at_anna.rtp.ear.loud > heard + 10, 5), (
                "she does not hear her caller again"
            )
            await asyncio.to_thread(center.api, "agents/anna/call/transfer", {"agent": "ben"})
            assert await at_anna.until_over(5)
            at_ben = await ben.until_called()
            assert await call.until(lambda: call.hears((tone_of(ben),), HEARD) is not None, 10)
            assert await at_ben.until(
                lambda: at_ben.hears((CALLER_TONES[6],), HEARD) is not None, 5
            )
            assert len(call.rtp.sources) == 1, "the caller must hear one unbroken stream"
            call.hang_up()
            assert await at_ben.until_over(5)

    run(tell())
    eventually(lambda: books.results() == {"served": 1}, 10, "one contact, however often handed on")
    assert books.counted("offered") == books.counted("answered") == 2, "a visit for each agent"


def test_baresip_hands_its_caller_on_with_its_own_key(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with (
            people(center) as those,
            baresip(
                tmp_path / "b", center.sip, "ben", AGENT_TONES[6], regint="120", answermode="auto"
            ) as phone,
        ):
            await eventually_async(lambda: center.agent("ben")["reachable"], 15, phone.log())
            await asyncio.to_thread(center.make_ready, "ben")
            call = those.caller(5).dial("100")
            await reach_queue(call)
            assert await call.until(lambda: call.hears((AGENT_TONES[6],), 5) is not None, 15)
            await asyncio.to_thread(
                center.api, "agents/ben/presence", {"presence": "not_ready", "reason": "lunch"}
            )
            anna = await those.agent("anna")
            await phone.command("transfer", f"sip:sales@127.0.0.1:{center.sip_port}")
            await anna.until_called(seconds=15)
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
            await phone.until("CALL_CLOSED")
            call.hang_up()
            assert await anna.call.until_over(5)

    run(tell())


async def hears_two_at_once(call: PhoneCall) -> bool:
    """For a second it hears something in which neither of two equal tones prevails."""
    loud, single = call.rtp.ear.loud, sum(call.rtp.ear.windows.values())
    await asyncio.sleep(1.0)
    ear = call.rtp.ear
    return ear.loud - loud >= 6 and sum(ear.windows.values()) - single <= 2


def test_a_colleague_is_asked_joined_and_left_with_the_caller(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna")
            call = those.caller(7).dial("100")
            await reach_queue(call)
            at_anna = await anna.until_called()
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
            ben = await those.agent("ben")

            async def act(what: str, **body: str) -> None:
                await asyncio.to_thread(center.api, f"agents/anna/call/{what}", body)

            await act("consult", agent="ben")
            at_ben = await ben.until_called()
            assert await at_ben.until(lambda: at_ben.hears((tone_of(anna),), HEARD) is not None, 8)
            assert await at_anna.until(lambda: at_anna.hears((tone_of(ben),), HEARD) is not None, 5)
            await act("conference")
            await asyncio.sleep(0.5)
            for one in (call, at_anna, at_ben):
                assert await hears_two_at_once(one)
            await act("complete")
            assert await at_anna.until_over(5)
            ringless = at_ben.rtp.ear.loud
            assert await at_ben.until(lambda: at_ben.rtp.ear.loud > ringless + 10, 5)
            assert len(call.rtp.sources) == 1, "the caller must hear one unbroken stream"
            call.hang_up()
            assert await at_ben.until_over(5)

    run(tell())
