"""Phones that answer by themselves, and what an agent does at her desk about what is offered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.app.phones.line import PhoneCall
from tests.e2e.browser import Screen, Street, chromium, screen
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.foreign_phones import (
    Sipp,
    agent_scenario,
    baresip,
    seconds_of_tone,
    sipp_registered,
)
from tests.e2e.harness import (
    PASSWORD,
    Center,
    Desk,
    eventually,
    eventually_async,
    people,
    reach_queue,
    run,
)

pytestmark = pytest.mark.e2e

NOTES = (659, 880)
"""Of the tone that an agent hears before she is connected."""
LOOKS_SECONDS = 20


def with_agents(text: str, **auto_answer: str) -> str:
    """The configuration with phones that answer by themselves."""
    for name, how in auto_answer.items():
        text = text.replace(f'id = "{name}"\n', f'id = "{name}"\nauto_answer = "{how}"\n', 1)
    return text


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """Sales is looked at before it rings; billing rings at once; ben's and chandra's phones answer
    by themselves."""
    center = Center(tmp_path_factory.mktemp("hall"))
    text = center.config.read_text("utf-8")
    looks = f'id = "sales"\npreview_seconds = {LOOKS_SECONDS}\ndeclines_max = 9\n'
    text = text.replace('id = "sales"\n', looks, 1)
    text = with_agents(text, ben="call-info", chandra="call-info")
    center.config.write_text(text, "utf-8")
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


@pytest.fixture(autouse=True)
def nothing_left(hall: Center) -> Iterator[None]:
    yield
    leave_nothing_behind(hall)


BILLING = "121"
"""English, billing, and a key that cuts the announcement short."""


# --- phones that answer by themselves -------------------------------------------------------------


def test_a_phone_is_told_to_answer_in_the_header_that_it_understands(
    hall: Center, tmp_path: Path
) -> None:
    """sipp looks for it in the INVITE; then it hears the caller and is heard."""

    async def tell() -> None:
        async with people(hall) as those, sipp_registered(tmp_path, hall.sip, "chandra") as port:
            scenario = agent_scenario(tmp_path, "Call-Info", "answer-after=0")
            agent = Sipp(tmp_path, hall.sip, scenario, "-rtp_echo", port=port)
            await agent.start()
            await asyncio.to_thread(hall.make_ready, "chandra")
            call = those.caller(4).dial("100")
            await reach_queue(call, BILLING)
            assert await call.until(lambda: call.hears((CALLER_TONES[4],), 5) is not None, 15), (
                call.rtp.ear.windows
            )
            call.hang_up()
            await agent.finished()
            told = agent.errors.read_text("utf-8") if agent.errors.exists() else ""
            assert "Failed regexp" not in told, told

    run(tell())


def test_baresip_hears_the_tone_and_then_the_caller(hall: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with (
            people(hall) as those,
            baresip(
                tmp_path / "b", hall.sip, "ben", AGENT_TONES[6], regint="120", answermode="auto"
            ) as phone,
        ):
            await eventually_async(lambda: hall.agent("ben")["reachable"], 15, phone.log())
            await asyncio.to_thread(hall.make_ready, "ben")
            call = those.caller(5).dial("100")
            await reach_queue(call, BILLING)
            assert await call.until(lambda: call.hears((AGENT_TONES[6],), 5) is not None, 15), (
                call.rtp.ear.windows
            )
            await asyncio.sleep(1.5)
            await phone.command("hangup")
            assert await call.until_over(5)

    run(tell())
    (heard,) = sorted((tmp_path / "b").glob("dump-*dec.wav"))
    for note in NOTES:
        assert seconds_of_tone(heard, note) >= 0.1
    assert seconds_of_tone(heard, CALLER_TONES[5]) >= 1


# --- at the desk ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def street(hall: Center) -> Iterator[Street]:
    with Street(hall) as phones:
        yield phones


@pytest.fixture
def desk(browser: Browser, hall: Center) -> Iterator[Screen]:
    with screen(browser, hall) as shown:
        shown.sign_in("anna", PASSWORD)
        shown.page.wait_for_selector("#presence")
        shown.complaints.clear()
        yield shown


def calls(street: Street, keys: str = "111") -> PhoneCall:
    async def dial() -> PhoneCall:
        call = street.people.caller(7).dial("100")
        await reach_queue(call, keys)
        return call

    return street.do(dial())


def annas_phone(street: Street, *, answers: bool = True) -> Desk:
    return street.do(street.people.agent("anna", answers=answers))


def shows(page: Page, state: str) -> None:
    expect(page.locator("#call .state")).to_have_text(state)


@pytest.mark.browser
def test_she_sees_who_calls_before_it_rings_and_takes_it(desk: Screen, street: Street) -> None:
    phone, page = annas_phone(street), desk.page
    caller = calls(street)
    shows(page, "Offered")
    expect(page.locator("#caller")).to_have_text("+15550000007")
    expect(page.locator("#call [role=timer]")).to_contain_text(re.compile(r"0:1\d to decide"))
    assert not phone.calls, "nothing rings"
    page.click("#accept")
    shows(page, "Talking")
    assert len(phone.calls) == 1
    street.call(caller.hang_up)
    expect(page.locator("#call")).to_have_count(0)


@pytest.mark.browser
def test_she_passes_it_on_by_a_key_and_stays_ready(
    desk: Screen, street: Street, hall: Center
) -> None:
    phone, page = annas_phone(street), desk.page
    before = hall.agent("anna")["declined"]
    caller = calls(street)
    shows(page, "Offered")
    first = page.get_attribute("#call", "data-offer") or ""
    page.keyboard.press("x")
    eventually(lambda: hall.agent("anna")["declined"] == before + 1, 5, "not declined")
    expect(page.locator(f"#call[data-offer]:not([data-offer='{first}'])")).to_be_visible()
    shows(page, "Offered")  # nobody else is there
    page.keyboard.press("a")
    shows(page, "Talking")
    assert len(phone.calls) == 1
    street.call(caller.hang_up)


@pytest.mark.browser
def test_a_phone_that_rings_is_stopped_from_the_desk(
    desk: Screen, street: Street, hall: Center
) -> None:
    phone, page = annas_phone(street, answers=False), desk.page
    before = hall.agent("anna")["missed"]
    caller = calls(street, BILLING)
    shows(page, "Ringing")
    expect(page.locator("#accept")).to_have_count(0)
    page.click("#decline")
    expect(page.locator("#presence")).to_have_text("Not ready")
    assert street.do(phone.call.until_over(5))
    assert phone.call.reason == 'SIP;cause=200;text="Call completed elsewhere"'
    assert hall.agent("anna")["missed"] == before
    street.call(caller.hang_up)
