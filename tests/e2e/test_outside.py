"""Agents and numbers outside: from the desk and from a phone that is not ours, by a line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from tests.e2e.browser import Street, chromium, screen
from tests.e2e.callback_line import CUSTOMER_TONE, LineCenter, customer, provider
from tests.e2e.foreign_phones import baresip
from tests.e2e.harness import (
    PASSWORD,
    Books,
    eventually,
    eventually_async,
    people,
    reach_queue,
    run,
)
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineCenter]:
    made = LineCenter(tmp_path_factory.mktemp("outside"))
    rules = (
        '[[dialling]]\nname = "office"\nallow = ["+1555"]\nroles = ["agent", "supervisor"]\n'
        '[[duty]]\nname = "night"\nnumber = "+15550000042"\n'
    )
    made.config.write_text(made.config.read_text("utf-8") + rules, "utf-8")
    made.start()
    yield made
    made.stop()
    log = made.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert "+1555000" not in log, "a number is in the log"


def test_a_caller_is_handed_on_to_a_number_and_the_manager_on_duty_is_asked(
    center: LineCenter,
) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            phone, manager = customer(line, 7), customer(line, 42)
            anna = await those.agent("anna")
            call = those.caller(6).dial("100")
            await reach_queue(call)
            at_anna = await anna.until_called()
            assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)

            async def act(what: str, **body: object) -> None:
                await asyncio.to_thread(center.api, f"agents/anna/call/{what}", body)

            await act("consult", duty=True)
            at_manager = await manager.until_called()
            tones = (tone_of(anna),)
            assert await at_manager.until(lambda: at_manager.hears(tones, HEARD) is not None, 10)
            await act("consult-end")
            assert await at_manager.until_over(5)
            await act("transfer", number="+1 (555) 000-0007")
            assert await at_anna.until_over(5)
            outside = await phone.until_called()
            assert await call.until(lambda: call.hears((CUSTOMER_TONE,), HEARD) is not None, 10)
            heard = (CALLER_TONES[6],)
            assert await outside.until(lambda: outside.hears(heard, HEARD) is not None, 10)
            assert len(call.rtp.sources) == 1, "the caller must hear one unbroken stream"
            outside.hang_up()
            assert await call.until_over(10)

    run(tell())
    books.balance({"served": 1})
    ended = center.api("contacts?state=ended&limit=1")["contacts"][0]
    words = [line["words"] for line in center.api(f"contacts/{ended['contact']}")["timeline"]]
    assert "Outside number by trunk provider (night on duty): To ask, anna reached it" in words
    assert "Outside number by trunk provider: To hand it on, anna reached it" in words
    assert not any("555" in line and "Outside" in line for line in words)


def test_baresip_calls_out_by_itself_and_when_the_desk_asks(
    center: LineCenter, tmp_path: Path
) -> None:
    books = Books(center)

    async def tell() -> None:
        async with (
            provider(center) as line,
            baresip(
                tmp_path / "b", center.sip, "ben", AGENT_TONES[6], regint="120", answermode="auto"
            ) as phone,
        ):
            there = customer(line, 8)
            await eventually_async(lambda: center.agent("ben")["reachable"], 15, phone.log())
            await asyncio.to_thread(center.make_ready, "ben")
            await phone.command("dial", f"sip:+15550000008@127.0.0.1:{center.sip_port}")
            call = await there.until_called()
            assert await call.until(lambda: call.hears((AGENT_TONES[6],), HEARD) is not None, 15)
            assert center.agent("ben")["presence"] == "talking"
            call.hang_up()
            await phone.until("CALL_CLOSED")
            await eventually_async(
                lambda: center.agent("ben")["presence"] == "ready", 15, "not ready"
            )
            number = {"number": "+15550000008"}
            await asyncio.to_thread(center.api, "agents/ben/call/dial", number)
            again = await there.until_called(2, 15)
            assert await again.until(lambda: again.hears((AGENT_TONES[6],), HEARD) is not None, 15)
            again.hang_up()
            assert await again.until_over(5)

    run(tell())

    def ended() -> list[tuple[str, str, str]]:
        rows = center.api("contacts?state=ended&limit=2")["contacts"]
        return [(row["result"], row["agent"], row["queue"]) for row in rows]

    both = [("served", "ben", "")] * 2
    eventually(lambda: ended() == both, 15, f"not the last two of the history: {ended()}")
    assert books.counted("offered") == 0, "no queue has an agent's own call in its books"


@pytest.mark.browser
def test_the_desk_calls_a_number_and_whoever_is_on_duty(center: LineCenter) -> None:
    with chromium() as browser, Street(center) as street:
        anna = street.do(street.people.agent("anna"))
        with screen(browser, center) as shown:
            page = shown.sign_in("anna", PASSWORD)
            expect(page.locator("#dial-duty")).to_contain_text("night")
            page.fill("#dial-number", "+441234567")
            page.click("#dial-now")
            expect(page.locator("#trouble")).to_contain_text("This number may not be called")
            page.fill("#dial-number", "+15550000009")
            page.click("#dial-now")
            street.do(anna.until_called())
            expect(page.locator("#call")).to_contain_text("Your call")
            expect(page.locator("#decline")).to_have_count(0)
            shown.forgive("401", "409")
