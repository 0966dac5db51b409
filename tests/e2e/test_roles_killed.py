"""kill -9 of each role while people wait and talk: nobody is lost, nobody is rung twice.

One server lives through all deaths. What must hold: a talking pair goes on hearing each other, a
waiting caller keeps her place and is served afterwards, and the counts stay exact.
"""

from __future__ import annotations

import asyncio

import pytest

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.app.phones.line import PhoneCall
from tests.e2e.harness import (
    AGENTS,
    Books,
    Center,
    People,
    eventually_async,
    people,
    reach_queue,
    run,
)

pytestmark = pytest.mark.e2e

ROLES = ("frontend", "control", "standby", "media", "worker", "records", "web", "store")


async def talking_pair(those: People) -> tuple[PhoneCall, PhoneCall]:
    """Anna talks with a caller."""
    anna = await those.agent("anna")
    call = those.caller(0).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    assert await call.until(lambda: call.hears((AGENT_TONES[0],), 3) is not None, 10)
    return call, at_desk


async def still_hear_each_other(call: PhoneCall, at_desk: PhoneCall) -> None:
    """New windows of the other's tone, on both sides."""
    agent_tone = AGENT_TONES[AGENTS.index("anna")]
    before = call.rtp.ear.windows.get(agent_tone, 0)
    before_desk = at_desk.rtp.ear.windows.get(CALLER_TONES[0], 0)
    assert await call.until(lambda: call.rtp.ear.windows.get(agent_tone, 0) >= before + 5, 8), (
        "the caller no longer hears the agent"
    )
    assert await at_desk.until(
        lambda: at_desk.rtp.ear.windows.get(CALLER_TONES[0], 0) >= before_desk + 5, 8
    ), "the agent no longer hears the caller"


@pytest.mark.parametrize("role", ROLES)
def test_a_killed_role_loses_nobody(killed_center: Center, role: str) -> None:
    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those:
            call, at_desk = await talking_pair(those)
            waiting = those.caller(1).dial("100")
            await reach_queue(waiting)
            await eventually_async(lambda: killed_center.queue("sales")["waiting"] == 1, 10)

            await asyncio.to_thread(killed_center.kill, role)

            await still_hear_each_other(call, at_desk)
            assert not waiting.is_over
            await eventually_async(killed_center.is_ready, 20, f"{role} did not come back")
            await asyncio.sleep(0.5)
            ben = await those.agent("ben", ready=False)
            await asyncio.to_thread(killed_center.make_ready, "ben")
            at_ben = await ben.until_called(seconds=20)
            assert await waiting.until(lambda: waiting.hears((AGENT_TONES[1],), 3) is not None, 10)
            assert len(at_desk.phone.line.phones) >= 2
            assert not at_desk.is_over, "a talking agent was cut off"
            call.hang_up()
            assert await at_desk.until_over(8)
            waiting.hang_up()
            assert await at_ben.until_over(8)
            await eventually_async(lambda: books.counted("answered") == 2, 10, "counted wrongly")

    run(tell(), 90)
    books.balance({"served": 2})


def test_a_call_that_comes_while_the_front_end_is_down_is_answered(killed_center: Center) -> None:
    """The holder keeps the socket: the INVITE waits in the kernel."""

    books = Books(killed_center)

    async def tell() -> None:
        async with people(killed_center) as those:
            anna = await those.agent("anna")
            await asyncio.to_thread(killed_center.kill, "frontend")
            call = those.caller(2).dial("100")
            await reach_queue(call)
            await anna.until_called(seconds=15)
            assert await call.until(lambda: call.hears((AGENT_TONES[0],), 3) is not None, 10)
            call.hang_up()

    run(tell())
    books.balance({"served": 1})
