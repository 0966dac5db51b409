"""A caller is called back: real processes, real audio, a customer's phone behind a real line.

Once sipp stands in for the line. What dies meanwhile is played in `test_callback_deaths.py`.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES, tone_frame
from callcenter.app.phones.line import PhoneCall
from tests.e2e.callback_line import (
    CUSTOMER_TONE,
    HEARD,
    LineCenter,
    customer,
    leaves_a_callback,
    no_number_in_the_journal,
    provider,
    they_hear_each_other,
)
from tests.e2e.harness import (
    Books,
    Center,
    eventually,
    eventually_async,
    people,
    reach_queue,
    run,
)
from tests.ports import audio_ports

pytestmark = pytest.mark.e2e


@pytest.fixture
def center(line_center: LineCenter) -> LineCenter:
    """The one with a line, in the place of the shared one."""
    return line_center


def reached(center: Center) -> float:
    """Customers who were called back and answered."""
    found = center.metrics().items()
    kind = "callcenter_callback_attempts_total"
    return sum(n for name, n in found if name.startswith(kind) and 'outcome="reached"' in name)


def test_a_caller_hangs_up_and_is_called_back_when_an_agent_is_free(center: LineCenter) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 1)
            anna = await those.agent("anna", ready=False)
            await leaves_a_callback(those, 1)
            row = center.api("queues/sales")["waiting"][0]
            assert row["callback"]
            assert row["caller"] == "••• 001"
            assert phone.calls == [], "called before an agent is there"
            await asyncio.to_thread(center.make_ready, "anna")
            at_desk = await anna.until_called()
            at_home = await phone.until_called()
            await they_hear_each_other(at_desk, "anna", at_home)
            at_home.hang_up()
            assert await at_desk.until_over(5)

    run(tell())
    books.balance({"flowed_out": 1, "served": 1})
    assert books.counted("callbacks") == 1
    assert books.counted("answered") == 0
    eventually(lambda: reached(center) >= 1, 15, "no attempt is counted")
    ended = center.api("contacts?state=ended&limit=2")["contacts"]
    called = next(row for row in ended if row["origin"])
    detail = center.api(f"contacts/{called['contact']}")
    words = [line["words"] for line in detail["timeline"]]
    assert words[0] == f"A callback for the caller of {called['origin']}"
    assert [visit["outcome"] for visit in detail["visits"]] == ["callback"]
    why = center.command("why", called["contact"], "--json")
    assert "600000" not in why
    assert "callback" in why


def test_a_busy_customer_is_called_once_more_a_minute_later(center: LineCenter) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 2, answers=False)
            anna = await those.agent("anna")
            await asyncio.to_thread(center.log_out, "anna")
            await leaves_a_callback(those, 2)
            await asyncio.to_thread(center.make_ready, "anna")
            at_home = await phone.until_called()
            at_home.reject(486)
            assert await anna.call.until_over(5), "the agent is left alone on the line"
            await eventually_async(
                lambda: center.agent("anna")["presence"] == "ready", 5, "she bears the blame"
            )
            phone.answers = True
            at_home = await phone.until_called(2, seconds=75)
            assert len(anna.calls) == 2
            await they_hear_each_other(anna.call, "anna", at_home)
            anna.call.hang_up()
            assert await at_home.until_over(5)

    run(tell(), 120)
    books.balance({"flowed_out": 1, "served": 1})
    assert books.counted("callbacks") == 1


def test_a_promise_outlives_the_whole_server(center: LineCenter) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those:
            await leaves_a_callback(those, 4)
        await asyncio.to_thread(center.stop)
        await asyncio.to_thread(center.start)
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 4)
            anna = await those.agent("anna")
            at_home = await phone.until_called(seconds=15)
            await they_hear_each_other(anna.call, "anna", at_home)
            at_home.hang_up()

    run(tell(), 90)
    books.balance({"flowed_out": 1, "served": 1})


def test_a_number_that_no_line_may_dial_is_never_called(center: LineCenter) -> None:
    """She withholds nothing, but her number is abroad; and then types one that is, too."""

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            abroad = line.phone("+49301234567", "", tone_frame(CUSTOMER_TONE))
            rung: list[PhoneCall] = []

            async def note(call: PhoneCall) -> None:
                rung.append(call)

            abroad.on_call = note
            caller = those.line.phone("+49301234567", "", tone_frame(CALLER_TONES[6]))
            call = caller.dial("100")
            await reach_queue(call, keys="11")
            await eventually_async(lambda: center.queue("sales")["waiting"] == 1, 15, "no queue")
            call.press("*2")
            for _ in range(2):
                await asyncio.sleep(1.5)
                call.press("00493012345#")
            assert await call.until_over(25)
            await those.agent("anna")
            await asyncio.sleep(1.0)
            assert rung == []
            assert center.queue("sales")["waiting"] == 0

    run(tell())


def test_sipp_is_called_back_and_its_echo_is_heard(center: LineCenter, tmp_path: Path) -> None:
    """Somebody else's telephone at the other end of the line: the agent hears herself."""
    sipp = subprocess.Popen(
        ["sipp", "-sn", "uas", "-rtp_echo", "-i", "127.0.0.1", "-p", str(center.line_port),
         "-mp", str(audio_ports(4)), "-m", "1", "-nostdin"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:

        async def tell() -> None:
            async with people(center) as those:
                anna = await those.agent("anna", ready=False)
                await leaves_a_callback(those, 5)
                await asyncio.to_thread(center.make_ready, "anna")
                at_desk = await anna.until_called()
                tone = AGENT_TONES[0]
                assert await at_desk.until(lambda: at_desk.hears((tone,), HEARD) is not None, 10)
                at_desk.hang_up()
                await eventually_async(lambda: sipp.poll() is not None, 15, "sipp hears no BYE")

        run(tell())
    finally:
        if sipp.poll() is None:
            sipp.kill()
        sipp.wait()
    assert sipp.returncode == 0, "sipp saw something that it did not expect"


def test_the_number_is_in_no_event(center: LineCenter) -> None:
    no_number_in_the_journal(center)
