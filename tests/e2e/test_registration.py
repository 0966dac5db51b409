"""The life of a registration: who can be reached, for how long, and on how many phones."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.phones import people as people_at_phones
from callcenter.app.phones.audio import AGENT_TONES, tone_frame
from callcenter.app.phones.line import Line
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.foreign_phones import baresip
from tests.e2e.harness import (
    AGENTS,
    PASSWORD,
    Center,
    Desk,
    eventually_async,
    people,
    reach_queue,
    run,
)
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e

SECONDS_MIN = 3
"""The shortest registration of this center; 60 s would be long to wait for."""


@pytest.fixture(scope="module")
def brief_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """A center that grants short registrations."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CALLCENTER__SIP__EXPIRES_SECONDS_MIN", str(SECONDS_MIN))
        center = Center(tmp_path_factory.mktemp("brief"))
        center.start()
        yield center
        center.stop()
    assert "Traceback" not in center.log.read_text("utf-8", "replace")


@pytest.fixture
def brief(brief_center: Center) -> Iterator[Center]:
    """It, empty before and after."""
    yield brief_center
    leave_nothing_behind(brief_center)


def reachable(center: Center, agent: str) -> Callable[[], bool]:
    """Whether a phone of hers is registered, as the wall shows it."""
    return lambda: bool(center.agent(agent)["reachable"])


def unreachable(center: Center, agent: str, cause: str) -> Callable[[], bool]:
    """Whether no phone of hers is registered any more, for this reason."""

    def is_gone() -> bool:
        row: dict[str, Any] = center.agent(agent)
        return not row["reachable"] and row["unreachable_cause"] == cause

    return is_gone


async def a_second_phone(center: Center, agent: str, seed: int) -> tuple[Line, Desk]:
    """Another phone of the same agent, at an address of its own."""
    line = Line(center.sip, "127.0.0.1", seed=seed)
    await line.start()
    desk = Desk(line.phone(agent, PASSWORD, tone_frame(AGENT_TONES[AGENTS.index(agent) + 8])))
    assert await desk.phone.register()
    return line, desk


def test_too_short_a_registration_is_refused_and_a_refresh_is_no_second_phone(
    brief: Center,
) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            anna = await those.agent("anna", ready=False)
            assert not await anna.phone.register(SECONDS_MIN - 1)
            assert anna.phone.registration_status == 423
            for _ in range(3):
                assert await anna.phone.register()
            await asyncio.to_thread(brief.make_ready, "anna")
            call = those.caller(0).dial("100")
            await reach_queue(call)
            await anna.until_called()
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
            assert len(anna.calls) == 1
            call.hang_up()

    run(tell())


def test_an_agent_of_the_demo_stays_registered_past_the_end_of_her_registration(
    brief: Center,
) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            phone = those.line.phone("anna", PASSWORD, tone_frame(AGENT_TONES[0]))
            habit = people_at_phones.Habit(register_seconds=SECONDS_MIN)
            anna = people_at_phones.Desk(phone, AGENT_TONES[0], habit, random.Random(1))
            await anna.begin()
            for _ in range(SECONDS_MIN * 10):
                assert await asyncio.to_thread(reachable(brief, "anna"))
                await asyncio.sleep(0.25)
            assert anna.failures == []

    run(tell())


def test_an_expired_phone_is_offered_nothing_until_it_is_back(brief: Center) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            anna = await those.agent("anna", ready=False)
            assert await anna.phone.register(SECONDS_MIN)
            await asyncio.to_thread(brief.make_ready, "anna")
            gone = unreachable(brief, "anna", "registration expired")
            await eventually_async(gone, SECONDS_MIN + 10, "the registration did not expire")
            call = those.caller(1).dial("100")
            await reach_queue(call)
            await eventually_async(
                lambda: brief.queue("sales")["waiting"] == 1, 10, "the caller is not waiting"
            )
            await asyncio.sleep(1)
            assert anna.calls == []
            assert brief.queue("sales")["offered"] >= 1
            assert await anna.phone.register()
            await anna.until_called()
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
            call.hang_up()

    run(tell())


def test_a_phone_that_refreshes_in_time_stays_reachable(brief: Center) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            anna = await those.agent("anna", ready=False)
            assert await anna.phone.register(SECONDS_MIN)
            for _ in range(3):
                await asyncio.sleep(SECONDS_MIN / 2)
                assert await anna.phone.register(SECONDS_MIN)
            assert await asyncio.to_thread(reachable(brief, "anna"))

    run(tell())


def test_a_phone_that_says_goodbye_is_unreachable_at_once(brief: Center) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            anna = await those.agent("anna", ready=False)
            await eventually_async(reachable(brief, "anna"), 5, "she is not registered")
            assert await anna.phone.register(0)
            await eventually_async(unreachable(brief, "anna", "unregistered"), 5, "she still is")

    run(tell())


def test_two_phones_ring_and_the_first_to_answer_has_the_call(brief: Center) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            slow = await those.agent("ben", ready=False, answers=False)
            line, quick = await a_second_phone(brief, "ben", seed=21)
            try:
                await asyncio.to_thread(brief.make_ready, "ben")
                call = those.caller(2).dial("100")
                await reach_queue(call)
                (at_slow, at_quick) = await asyncio.gather(
                    slow.until_called(), quick.until_called()
                )
                tone = AGENT_TONES[AGENTS.index("ben") + 8]
                assert await call.until(lambda: call.hears((tone,), HEARD) is not None, 10)
                assert await at_slow.until_over(5), "the other phone went on ringing"
                assert 'cause=200;text="Call completed elsewhere"' in at_slow.reason
                assert (at_slow.is_answered, at_quick.is_answered) == (False, True)
                row = await asyncio.to_thread(brief.agent, "ben")
                assert (row["presence"], row["missed"]) == ("talking", 0)
                call.hang_up()
                assert await at_quick.until_over(5)
                assert await quick.phone.register(0)
            finally:
                await line.stop()

    run(tell())


def test_two_phones_that_answer_at_once_make_one_talk(brief: Center) -> None:
    async def tell() -> None:
        async with people(brief) as those:
            first = await those.agent("ben", ready=False, answers=False)
            line, second = await a_second_phone(brief, "ben", seed=22)
            second.answers = False
            try:
                await asyncio.to_thread(brief.make_ready, "ben")
                call = those.caller(3).dial("100")
                await reach_queue(call)
                both = await asyncio.gather(first.until_called(), second.until_called())
                for one in both:
                    one.speak()
                    one.answer()
                lost = lambda: [one.is_over for one in both].count(True) == 1  # noqa: E731
                await eventually_async(lost, 10, "both phones or none kept the call")
                (kept,) = [one for one in both if not one.is_over]
                tones = (tone_of(first), AGENT_TONES[AGENTS.index("ben") + 8])
                assert await call.until(lambda: call.hears(tones, HEARD) is not None, 10)
                call.hang_up()
                assert await kept.until_over(5)
                assert await second.phone.register(0)
            finally:
                await line.stop()

    run(tell())


def test_a_phone_is_lost_with_its_connection(brief: Center, tmp_path: Path) -> None:
    """baresip over TCP: it is called over the connection it opened, and dies."""

    async def tell() -> None:
        options = {"regint": "120", "answermode": "auto"}
        async with (
            people(brief) as those,
            baresip(
                tmp_path / "b", brief.sip, "chandra", AGENT_TONES[6], transport="tcp", **options
            ) as phone,
        ):
            await eventually_async(reachable(brief, "chandra"), 15, phone.log())
            await asyncio.to_thread(brief.make_ready, "chandra")
            call = those.caller(4).dial("100")
            await reach_queue(call)
            assert await call.until(lambda: call.hears((AGENT_TONES[6],), HEARD) is not None, 15)
            call.hang_up()
            assert phone.process is not None
            phone.process.kill()
            gone = unreachable(brief, "chandra", "connection lost")
            await eventually_async(gone, 10, "her phone is believed to be there")

    run(tell())
