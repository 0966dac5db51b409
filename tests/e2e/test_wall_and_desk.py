"""The wall and the desk in a real browser, while real phones call."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from callcenter.app.phones.line import PhoneCall
from tests.e2e.browser import Scheme, Screen, Street, chromium, screen
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import PASSWORD, Center, eventually, reach_queue

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

SALES = "[data-queue=sales]"
WIDTHS = (1440, 390)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
UNSIGNED = ("401",)
"""A browser notes in its console that somebody is not signed in yet."""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """A center where two waiting callers are a warning and three are critical."""
    center = Center(tmp_path_factory.mktemp("hall"))
    text = center.config.read_text("utf-8")
    more = "wrap_up_seconds = 25\nthresholds = { waiting_warn = 2, waiting_critical = 3 }"
    center.config.write_text(text.replace("wrap_up_seconds = 0", more), "utf-8")
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def street(hall: Center) -> Iterator[Street]:
    with Street(hall) as phones:
        yield phones
    for row in hall.api("agents")["agents"]:
        if row["presence"] == "wrap_up":
            hall.api(f"agents/{row['id']}/wrap-up/end", {})
    leave_nothing_behind(hall)


@pytest.fixture
def wall(browser: Browser, hall: Center) -> Iterator[Screen]:
    with screen(browser, hall) as shown:
        shown.open("/")
        shown.page.wait_for_selector(SALES)
        yield shown


def call_sales(street: Street, number: int) -> PhoneCall:
    """Somebody calls and chooses English, then sales."""

    async def dial() -> PhoneCall:
        call = street.people.caller(number).dial("100")
        await reach_queue(call)
        return call

    return street.do(dial())


def hang_up(street: Street, *calls: PhoneCall) -> None:
    for call in calls:
        street.call(call.hang_up)


def figure(page: Page, name: str, queue: str = "sales") -> str:
    """What a number of a tile says."""
    return page.inner_text(f"[data-queue={queue}] [data-figure={name}] b")


def expect_figure(page: Page, name: str, value: str) -> None:
    expect(page.locator(f"{SALES} [data-figure={name}] b").first).to_have_text(value)


def test_the_numbers_change_as_calls_come_and_go(wall: Screen, street: Street) -> None:
    page = wall.page
    answered, abandoned = int(figure(page, "answered")), int(figure(page, "abandoned"))
    expect_figure(page, "waiting", "0")

    calls = [call_sales(street, number) for number in range(3)]
    expect_figure(page, "waiting", "3")
    expect(page.locator("#waiting tr[data-contact]")).to_have_count(3)
    expect(page.locator("#waiting tr[data-contact]").first).to_contain_text("Sales")
    expect(page.locator("#waiting tr[data-contact]").first).to_contain_text("••• 000")
    before = figure(page, "longest")
    expect(page.locator(f"{SALES} [data-figure=longest] b")).not_to_have_text(before)

    hang_up(street, calls.pop())
    expect_figure(page, "waiting", "2")
    expect_figure(page, "abandoned", str(abandoned + 1))

    street.do(street.people.agent("anna"))
    expect(page.locator("[data-agent=anna]")).to_have_attribute("data-presence", "talking")
    expect(page.locator("[data-agent=anna]")).to_contain_text("Talking")
    expect_figure(page, "answered", str(answered + 1))
    expect_figure(page, "waiting", "1")
    hang_up(street, *calls)
    expect(page.locator("[data-agent=anna]")).to_have_attribute("data-presence", "wrap_up")
    expect_figure(page, "waiting", "0")


def test_a_threshold_is_told_in_words_and_in_colour(wall: Screen, street: Street) -> None:
    page = wall.page
    tile = page.locator(SALES)
    calls = [call_sales(street, 3)]
    expect(tile.locator("p.level")).to_contain_text("Critical nobody is")
    street.do(street.people.agent("anna"))
    expect(page.locator("[data-agent=anna]")).to_have_attribute("data-presence", "talking")
    expect(tile).not_to_have_class(re.compile("bad"))
    calls += [call_sales(street, 4), call_sales(street, 13)]
    expect(tile.locator("p.level")).to_contain_text("Warning")
    expect(tile).to_have_class(re.compile("warn"))
    calls.append(call_sales(street, 5))
    expect(tile.locator("p.level")).to_contain_text("Critical 3 or more waiting")
    expect(tile).to_have_class(re.compile("bad"))
    expect(page.locator(".verdict")).to_contain_text("Critical: Sales")
    assert page.title().startswith("1 critical")
    hang_up(street, *calls)
    expect(tile).not_to_have_class(re.compile("bad"))


def test_a_number_opens_to_its_formula_its_contacts_and_their_story(
    wall: Screen, street: Street
) -> None:
    page = wall.page
    street.do(street.people.agent("anna"))
    call = call_sales(street, 6)
    expect(page.locator("[data-agent=anna]")).to_have_attribute("data-presence", "talking")
    hang_up(street, call)
    page.click(f"{SALES} [data-figure=service]")
    sheet = page.locator("dialog")
    expect(sheet).to_contain_text("answered within 20 s ÷")
    row = sheet.locator("tr[data-contact]", has_text="••• 006")
    expect(row).to_contain_text("Anna")
    row.locator("button").click()
    expect(sheet.locator(".story")).to_contain_text("Waits in sales")
    expect(sheet.locator(".story")).to_contain_text("anna answered")
    sheet.get_by_text("Show", exact=True).click()
    expect(sheet).to_contain_text("+15550000006")
    sheet.get_by_text("Back").click()
    expect(sheet).to_contain_text("service level today")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_sheets_of_a_contact_and_of_an_agent_answer_why(
    browser: Browser, hall: Center, street: Street, tmp_path: Path, width: int
) -> None:
    anna = street.do(street.people.agent("anna"))
    calls = [call_sales(street, 7)]
    street.do(anna.until_called())
    calls += [call_sales(street, 8), call_sales(street, 9)]
    with screen(browser, hall, width=width) as shown:
        page = shown.open("/")
        expect(page.locator("#waiting tr[data-contact]")).to_have_count(2)
        page.locator("#waiting tr[data-contact] button").last.click()
        sheet = page.locator("dialog")
        sheet.locator(".why button").click()
        why = sheet.locator(".why")
        expect(why).to_contain_text("Waits in Sales, 1 ahead of it", timeout=30_000)
        expect(why).to_contain_text("it leaves the queue at the exit")
        expect(why.locator("[data-rule=at_work]")).to_contain_text("Anna")
        assert shown.overflow() <= 0
        page.screenshot(path=tmp_path / f"why-contact-{width}.png")
        page.keyboard.press("Escape")
        page.click("[data-agent=anna]")
        sheet.locator(".why button").click()
        expect(why).to_contain_text("On contact", timeout=30_000)
        why.locator("summary").first.click()
        expect(why.locator(".decision [data-rule=logged_out]")).to_contain_text("Ben")
        assert shown.overflow() <= 0
        page.screenshot(path=tmp_path / f"why-agent-{width}.png")
    hang_up(street, *calls)


def test_the_keyboard_is_enough_and_keeps_its_place(wall: Screen, street: Street) -> None:
    page = wall.page
    first, second = call_sales(street, 7), call_sales(street, 8)
    rows = page.locator("#waiting tr[data-contact]")
    expect(rows).to_have_count(2)
    rows.nth(1).locator("button").focus()
    wanted = rows.nth(1).get_attribute("data-contact")
    hang_up(street, first)
    expect(rows).to_have_count(1)
    row_in_focus = "document.activeElement.closest('tr')?.dataset.contact"
    assert page.evaluate(row_in_focus) == wanted
    page.keyboard.press("Enter")
    expect(page.locator("dialog .story")).to_contain_text("Waits in sales")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.locator("dialog")).to_contain_text("waiting now")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("full screen")
    page.keyboard.press("Escape")
    hang_up(street, second)


def test_an_agent_works_from_her_desk(browser: Browser, hall: Center, street: Street) -> None:
    with screen(browser, hall) as shown:
        page = shown.sign_in("ben", "wrong")
        expect(page.locator("[role=alert]")).to_contain_text("The name or the password is wrong")
        shown.sign_in("ben", PASSWORD)
        expect(page.locator("#phone")).to_contain_text("not reachable")
        expect(page.locator("#phone")).to_contain_text("user ben")
        expect(page.locator("#sip")).to_have_text(f"127.0.0.1:{hall.sip_port}")

        ben = street.do(street.people.agent("ben", ready=False))
        expect(page.locator("#phone")).to_contain_text("Reachable")
        page.click("[data-presence=ready]")
        expect(page.locator("#presence")).to_have_text("Ready")

        ben.answer_after = 2.0
        call = call_sales(street, 9)
        expect(page.locator("#call")).to_contain_text("Ringing")
        expect(page.locator("#caller")).to_have_text("+15550000009")
        expect(page.locator("#queue")).to_have_text("Sales")
        expect(page.locator("#call")).to_contain_text("English")
        expect(page.locator("#call")).to_contain_text("Talking")

        page.click("[data-reason=lunch]")
        expect(page.locator("#next")).to_have_text("then lunch")
        street.call(lambda: ben.call.hold(on=True))
        expect(page.locator("#call")).to_contain_text("On hold")
        street.call(lambda: ben.call.hold(on=False))
        expect(page.locator("#call")).to_contain_text("Talking")

        hang_up(street, call)
        expect(page.locator("#wrap-up")).to_contain_text("left")
        page.keyboard.press("2")
        expect(page.locator("#wrap-up")).to_contain_text("filed as Follow up")
        page.click("#done")
        expect(page.locator("#presence")).to_have_text("Not ready")
        expect(page.locator(".states .now")).to_contain_text("Lunch")
        expect(page.locator("#today")).to_contain_text("1\nhandled", use_inner_text=True)
        page.get_by_text("Sign out").click()
        page.wait_for_url("**/login*")
        shown.forgive(*UNSIGNED)


def test_she_holds_hands_on_and_hangs_up_from_her_desk(
    browser: Browser, hall: Center, street: Street
) -> None:
    ben = street.do(street.people.agent("ben"))
    call = call_sales(street, 8)
    street.do(ben.until_called())
    with screen(browser, hall) as shown:
        page = shown.sign_in("ben", PASSWORD)
        expect(page.locator("#call")).to_contain_text("Talking")
        page.click("#hold")
        expect(page.locator("#call")).to_contain_text("On hold")
        page.click("#hold")
        expect(page.locator("#call")).to_contain_text("Talking")
        anna = street.do(street.people.agent("anna"))
        page.click("#transfer")
        page.fill("#transfer-to input", "ann")
        page.click("[data-target=anna]")
        street.do(anna.until_called())
        expect(page.locator("#call")).to_have_count(0)
        hang_up(street, call)
        hall.log_out("anna")
        page.click("#done")
        second = call_sales(street, 9)
        expect(page.locator("#hang-up")).to_be_visible()
        page.click("#hang-up")
        expect(page.locator("#call")).to_have_count(0)
        assert street.do(second.until_over(10))
        shown.forgive(*UNSIGNED)


def test_a_wish_that_is_refused_is_answered_in_words(
    browser: Browser, hall: Center, street: Street
) -> None:
    with screen(browser, hall) as shown:
        page = shown.sign_in("legacy", PASSWORD)
        page.wait_for_selector("#presence")
        page.route("**/api/v1/agents/*/presence", lambda route: route.abort())
        page.click("[data-presence=ready]")
        expect(page.locator("#trouble")).to_contain_text("The server does not answer")
        page.unroute("**/api/v1/agents/*/presence")
        page.click("[data-presence=ready]")
        expect(page.locator("#trouble")).to_have_count(0)
        expect(page.locator(".idle")).to_contain_text("your phone is not reachable")
        shown.forgive(*UNSIGNED, "ERR_FAILED")


def test_nobody_sees_the_desk_of_somebody_else(browser: Browser, hall: Center) -> None:
    with screen(browser, hall) as shown:
        page = shown.sign_in("anna", PASSWORD)
        page.wait_for_selector("#presence")
        shown.open("/desk?agent=ben", token=False)
        expect(page.locator(".boot")).to_contain_text("This belongs to another agent")
        shown.forgive(*UNSIGNED)


def test_a_link_that_is_no_longer_valid_says_so(browser: Browser, hall: Center) -> None:
    with screen(browser, hall) as shown:
        page = shown.open("/?t=cct_nobody", token=False)
        expect(page.locator("[role=alert]")).to_contain_text("no longer valid")
        shown.forgive(*UNSIGNED)


def test_old_numbers_are_stamped_while_the_server_says_nothing(wall: Screen, hall: Center) -> None:
    page = wall.page
    expect(page.locator(".bar .link")).to_have_text("Live")
    web = hall.role("web")
    os.kill(web, signal.SIGSTOP)
    try:
        expect(page.locator(".stamp")).to_contain_text("Stale since")
        shown = page.inner_text("header .now")
        page.wait_for_timeout(1500)
        assert page.inner_text("header .now") == shown, "the clock must stand still"
    finally:
        os.kill(web, signal.SIGCONT)
    expect(page.locator(".stamp")).to_have_count(0)
    expect(page.locator(".bar .link")).to_have_text("Live")


NOTE_THE_LINK = """() => {
  window.links = [];
  new MutationObserver(() => {
    window.links.push(document.querySelector(".bar .link").textContent.trim());
  }).observe(document.querySelector(".bar"), { subtree: true, childList: true, characterData: true });
}"""
"""The role may be back before anybody looks."""


def test_a_killed_web_role_comes_back_to_the_screens_by_itself(wall: Screen, hall: Center) -> None:
    page = wall.page
    loads = "performance.getEntriesByType('navigation').length + performance.timeOrigin"
    before = page.evaluate(loads)
    page.evaluate(NOTE_THE_LINK)
    hall.kill("web")
    page.wait_for_function("() => window.links.some(text => text !== 'Live')", polling=50)
    eventually(hall.is_ready, 30)
    hall.api("agents/chandra/presence", {"presence": "not_ready", "reason": "training"})
    expect(page.locator("[data-agent=chandra]")).to_contain_text("training", timeout=20_000)
    expect(page.locator(".bar .link")).to_have_text("Live")
    assert page.evaluate(loads) == before, "the page must not have been loaded anew"
    hall.log_out("chandra")
    wall.forgive("ERR_", "WebSocket")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_both_pages_fit_the_window(
    browser: Browser, hall: Center, street: Street, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    anna = street.do(street.people.agent("anna"))
    calls = [call_sales(street, number) for number in (10, 11, 12)]
    street.do(anna.until_called())
    with screen(browser, hall, width=width, scheme=scheme) as shown:
        page = shown.open("/")
        expect(page.locator("#waiting tr[data-contact]")).to_have_count(2)
        assert shown.overflow() <= 0
        page.screenshot(path=tmp_path / f"wall-{width}-{scheme}.png", full_page=width < 500)
        page.click(f"{SALES} [data-figure=abandoned]")
        page.wait_for_selector("dialog .sheet-body")
        assert shown.overflow() <= 0
    with screen(browser, hall, width=width, scheme=scheme) as shown:
        page = shown.sign_in("anna", PASSWORD)
        expect(page.locator("#call")).to_contain_text("Talking")
        assert shown.overflow() <= 0
        page.screenshot(path=tmp_path / f"desk-{width}-{scheme}.png", full_page=width < 500)
        shown.forgive(*UNSIGNED)
    hang_up(street, *calls)


def test_the_theme_can_be_chosen_and_is_kept(wall: Screen) -> None:
    page = wall.page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_text("Theme: as the system").click()
    page.get_by_text("Theme: light").click()
    expect(page.get_by_text("Theme: dark")).to_be_visible()
    assert page.evaluate(ground) != light
    page.reload()
    page.wait_for_selector(SALES)
    assert page.evaluate(ground) != light


def test_what_was_painted_is_told(wall: Screen, hall: Center) -> None:
    page = wall.page
    hall.api("agents/chandra/presence", {"presence": "not_ready", "reason": "meeting"})
    expect(page.locator("[data-agent=chandra]")).to_contain_text("meeting")
    since = hall.agent("chandra")["since"]
    page.wait_for_function("since => document.documentElement.dataset.painted >= since", arg=since)
    hall.log_out("chandra")
