"""What people do with a contact center, as stories that run against any network.

Each story gets a running center and a line of phones. It asserts what the people see and hear;
the tests that call it assert what the center counted and that nothing is left behind.
"""

from __future__ import annotations

import asyncio

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from tests.e2e.harness import AGENTS, Desk, People, eventually_async, reach_queue

HEARD = 3
"""Windows of 100 ms."""


def tone_of(agent: Desk) -> int:
    """The agent's frequency."""
    return AGENT_TONES[AGENTS.index(agent.phone.user)]


async def a_caller_reaches_an_agent_and_hangs_up(people: People) -> None:
    """Menu by digits, agent answers, tones both ways, the caller ends the call."""
    anna = await people.agent("anna")
    call = people.caller(0).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
    assert await at_desk.until(lambda: at_desk.hears((CALLER_TONES[0],), HEARD) is not None, 5)
    assert len(call.rtp.sources) == 1, "the caller must hear one unbroken stream"
    call.hang_up()
    assert await at_desk.until_over(5)
    assert not at_desk.ended_by_us


async def an_agent_hangs_up(people: People) -> None:
    """The other way round."""
    anna = await people.agent("anna")
    call = people.caller(1).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
    at_desk.hang_up()
    assert await call.until_over(5)
    assert not call.ended_by_us


async def a_waiting_caller_hears_music_and_then_an_agent(people: People) -> None:
    """Nobody is ready at first; the caller hears something; then somebody comes."""
    anna = await people.agent("anna", ready=False)
    call = people.caller(2).dial("100")
    await reach_queue(call)
    await eventually_async(lambda: people.center.queue("sales")["waiting"] == 1, 10, "not queued")
    before = call.rtp.ear.loud
    await asyncio.sleep(1.5)
    assert call.rtp.ear.loud - before >= 10, "a waiting caller must hear music"
    assert anna.calls == []
    await asyncio.to_thread(people.center.make_ready, "anna")
    await anna.until_called()
    assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
    call.hang_up()
    assert await anna.call.until_over(5)


async def an_unanswered_call_goes_to_the_next_agent(people: People) -> None:
    """RONA: it rings to the end at one desk, then at the other; the caller keeps her place."""
    anna = await people.agent("anna", answers=False)
    call = people.caller(3).dial("100")
    await reach_queue(call)
    await anna.until_called()
    ben = await people.agent("ben")
    at_ben = await ben.until_called(seconds=15)
    assert anna.call.is_over
    assert await call.until(lambda: call.hears((tone_of(ben),), HEARD) is not None, 10)
    row = await asyncio.to_thread(people.center.agent, "anna")
    assert (row["presence"], row["reason"]) == ("not_ready", "rona")
    call.hang_up()
    assert await at_ben.until_over(5)


async def a_declined_call_goes_to_the_next_agent(people: People) -> None:
    """603 at one desk is no end for the caller."""
    anna = await people.agent("anna", answers=False)
    call = people.caller(4).dial("100")
    await reach_queue(call)
    at_anna = await anna.until_called()
    ben = await people.agent("ben")
    at_anna.reject(603)
    await ben.until_called(seconds=10)
    assert await call.until(lambda: call.hears((tone_of(ben),), HEARD) is not None, 10)
    call.hang_up()
    assert await ben.call.until_over(5)


async def a_caller_leaves_before_the_answer(people: People) -> None:
    """CANCEL as early as can be."""
    call = people.caller(5).dial("100")
    call.hang_up()
    await asyncio.sleep(0.5)


async def a_caller_leaves_in_the_menu(people: People) -> None:
    """BYE while the menu is read."""
    call = people.caller(6).dial("100")
    assert await call.until_answered(5)
    await asyncio.sleep(0.8)
    call.hang_up()


async def a_caller_leaves_while_waiting(people: People) -> None:
    """BYE in the queue: counted as abandoned, and gone from the wall."""
    call = people.caller(7).dial("100")
    await reach_queue(call)
    await eventually_async(lambda: people.center.queue("sales")["waiting"] == 1, 10, "not queued")
    await asyncio.sleep(1.1)
    call.hang_up()
    await eventually_async(lambda: people.center.queue("sales")["waiting"] == 0, 5, "still waiting")


async def a_caller_leaves_while_the_agent_rings(people: People) -> None:
    """The desk stops ringing at once and says why."""
    anna = await people.agent("anna", answers=False)
    call = people.caller(8).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    call.hang_up()
    assert await at_desk.until_over(5), "the agent's phone went on ringing"
    assert not at_desk.is_answered


async def a_caller_leaves_as_the_agent_answers(people: People) -> None:
    """The two cross on the wire: both phones must be free afterwards."""
    anna = await people.agent("anna", answers=False)
    call = people.caller(9).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    at_desk.speak()
    at_desk.answer()
    call.hang_up()
    assert await at_desk.until_over(10), "the agent was left in a call with nobody"


async def hold_plays_music_to_the_other_side(people: People) -> None:
    """The phone's own Hold key."""
    anna = await people.agent("anna")
    call = people.caller(10).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
    at_desk.hold(on=True)
    await asyncio.sleep(0.8)
    tone, loud = call.rtp.ear.windows.get(tone_of(anna), 0), call.rtp.ear.loud
    await asyncio.sleep(1.0)
    assert call.rtp.ear.windows.get(tone_of(anna), 0) <= tone + 1, "the caller hears a held agent"
    assert call.rtp.ear.loud >= loud + 5, "a held caller must hear music"
    at_desk.hold(on=False)
    tone = call.rtp.ear.windows.get(tone_of(anna), 0)
    assert await call.until(
        lambda: call.rtp.ear.windows.get(tone_of(anna), 0) >= tone + HEARD, 5
    ), "the call did not come back from hold"
    call.hang_up()
    assert await at_desk.until_over(5)


ALL = (
    a_caller_reaches_an_agent_and_hangs_up,
    an_agent_hangs_up,
    a_waiting_caller_hears_music_and_then_an_agent,
    an_unanswered_call_goes_to_the_next_agent,
    a_declined_call_goes_to_the_next_agent,
    a_caller_leaves_before_the_answer,
    a_caller_leaves_in_the_menu,
    a_caller_leaves_while_waiting,
    a_caller_leaves_while_the_agent_rings,
    a_caller_leaves_as_the_agent_answers,
    hold_plays_music_to_the_other_side,
)
