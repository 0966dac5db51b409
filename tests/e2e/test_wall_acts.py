"""What a supervisor does on the wall, in a real browser, and what others do not see there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from callcenter.app.phones.audio import AGENT_TONES, tone_frame
from callcenter.app.phones.line import PhoneCall
from tests.e2e.browser import Scheme, Screen, Street, chromium, screen
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import Center, reach_queue
from tests.e2e.test_by_hand import au

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

FLOWS = Path(__file__).parents[2] / "ivr_flows"
REFUSED = ("409",)
"""A browser notes in its console that a request was refused."""
WIDTHS = (1440, 390)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """A center with one announcement that somebody recorded, in flows of its own."""
    here = tmp_path_factory.mktemp("hall")
    shutil.copytree(FLOWS, here / "flows")
    spoken = here / "flows" / "prompts" / "announcements" / "en"
    spoken.mkdir(parents=True, exist_ok=True)
    (spoken / "storm.au").write_bytes(au(tone_frame(AGENT_TONES[3]), 2))
    center = Center(here)
    text = center.config.read_text("utf-8")
    center.config.write_text(f'flows_directory = "{here / "flows"}"\n{text}', "utf-8")
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
    leave_nothing_behind(hall)


@pytest.fixture(autouse=True)
def as_before(hall: Center) -> Iterator[None]:
    """Each test finds the doors, the announcements and the agents as they are configured."""
    yield
    for queue in ("sales", "billing", "support"):
        hall.api(f"queues/{queue}/open", {"follow_calendar": True})
        hall.api(f"queues/{queue}/announcement", {"announcement": ""})
    hall.api("announcement", {"announcement": ""})
    hall.log_out("anna", "ben", "chandra")


@pytest.fixture
def wall(browser: Browser, hall: Center) -> Iterator[Screen]:
    with screen(browser, hall) as shown:
        shown.open("/")
        shown.page.wait_for_selector("[data-queue=sales]")
        yield shown


def call_sales(street: Street, number: int) -> PhoneCall:
    """Somebody calls and chooses English, then sales."""

    async def dial() -> PhoneCall:
        call = street.people.caller(number).dial("100")
        await reach_queue(call)
        return call

    return street.do(dial())


def waiting_rows(page: Page) -> Locator:
    return page.locator("#waiting tr[data-contact]")


def open_contact(page: Page) -> Locator:
    """The sheet of the only contact that waits."""
    expect(waiting_rows(page)).to_have_count(1)
    waiting_rows(page).locator("button").click()
    sheet = page.locator("dialog")
    expect(sheet.locator("[data-act=move]")).to_be_visible()
    return sheet


def open_queue(page: Page, queue: str = "sales") -> Locator:
    page.click(f"[data-queue-sheet={queue}]")
    sheet = page.locator("dialog")
    expect(sheet).to_contain_text("Goal")
    return sheet


def open_agent(page: Page, agent: str) -> Locator:
    page.get_by_text("Logged out", exact=False).first.click()
    page.click(f"[data-agent={agent}]")
    sheet = page.locator("dialog")
    expect(sheet).to_contain_text("Occupancy")
    return sheet


def outcome(sheet: Locator, act: str) -> Locator:
    return sheet.locator(f"[data-act={act}] .outcome, [data-acts={act}] .outcome").first


def train(hall: Center, agent: str, skill: str, days: int) -> None:
    """A passed training whose certificate ends in so many days."""
    expires = datetime.now(UTC) + timedelta(days=days)
    body = {
        "course": f"{skill}-course", "date": "2026-01-15", "passed": True, "trainer": "t1",
        "skill": skill, "level": 7, "expires": expires.isoformat(),
    }  # fmt: skip
    assert hall.api(f"agents/{agent}/trainings", body)["accepted"]


def test_who_waits_is_moved_ranked_and_assigned(wall: Screen, hall: Center, street: Street) -> None:
    page = wall.page
    call = call_sales(street, 1)
    sheet = open_contact(page)

    sheet.get_by_label("Priority", exact=True).fill("9")
    sheet.get_by_label("Priority", exact=True).press("Enter")
    expect(outcome(sheet, "priority")).to_have_text("Priority 9.")
    expect(sheet.locator("[data-act=priority]")).to_contain_text("now 9")

    sheet.get_by_label("Queue").select_option("billing")
    sheet.locator("[data-act=move] button").click()
    expect(outcome(sheet, "move")).to_have_text("Moved to Billing.")
    expect(page.locator("#waiting")).to_contain_text("Billing")
    assert page.evaluate("document.activeElement.textContent") == "Move", "the focus stays"

    street.do(street.people.agent("anna", ready=False))
    hall.api("agents/anna/presence", {"presence": "not_ready", "reason": "lunch"})
    expect(sheet.get_by_label("Agent").locator("option[value=anna]")).to_contain_text("not ready")
    sheet.get_by_label("Agent").select_option("anna")
    sheet.locator("[data-act=assign] button").click()
    refused = outcome(sheet, "assign")
    expect(refused).to_contain_text("Agent 'anna' is not on duty")
    expect(refused).to_have_class(re.compile("refused"))

    hall.make_ready("anna")
    expect(page.locator("dialog .notice")).to_contain_text("It waits no more")
    expect(page.locator("[data-agent=anna]")).to_have_attribute("data-presence", "talking")
    street.call(call.hang_up)
    wall.forgive(*REFUSED)


def test_a_form_in_progress_outlives_what_changes_around_it(wall: Screen, street: Street) -> None:
    page = wall.page
    first = call_sales(street, 2)
    sheet = open_contact(page)
    sheet.get_by_label("Queue").select_option("billing")
    priority = sheet.get_by_label("Priority", exact=True)
    priority.fill("7")
    second = call_sales(street, 3)
    expect(waiting_rows(page)).to_have_count(2)
    expect(sheet.get_by_label("Queue").locator("option[value=sales]")).to_have_count(0)
    expect(sheet.get_by_label("Queue")).to_have_value("billing")
    expect(priority).to_have_value("7")
    expect(priority).to_be_focused()
    street.call(first.hang_up)
    street.call(second.hang_up)


def test_who_could_take_it_if_trained_is_told(wall: Screen, street: Street) -> None:
    page = wall.page
    call = call_sales(street, 4)
    sheet = open_contact(page)
    sheet.locator(".trained button").click()
    expect(sheet.locator(".trained")).to_contain_text("It needs Sales 3")
    expect(sheet.locator(".trained")).to_contain_text("Anna")
    sheet.locator("#if-trained button").first.click()
    expect(sheet).to_contain_text("Occupancy")
    page.keyboard.press("Escape")
    street.call(call.hang_up)


def test_a_queue_is_closed_opened_and_left_to_its_calendar(
    wall: Screen, hall: Center, street: Street
) -> None:
    page = wall.page
    tile = page.locator("[data-queue=sales]")
    sheet = open_queue(page)
    sheet.locator("[data-door=closed]").click()
    expect(outcome(sheet, "door")).to_have_text("Closed. Who waits keeps the place.")
    expect(sheet).to_contain_text("Closed by hand by token")
    expect(tile.locator("[data-sign=door]")).to_have_text("closed by hand")
    sheet.locator("[data-door=open]").click()
    expect(tile.locator("[data-sign=door]")).to_have_text("open by hand")

    call = call_sales(street, 5)
    expect(page.locator("[data-queue=sales] [data-figure=waiting] b")).to_have_text("1")
    away = sheet.get_by_text("Close and send away who waits")
    away.click()
    expect(sheet.get_by_text("Keep them")).to_be_focused()
    page.keyboard.press("Enter")
    expect(away).to_be_focused()
    assert hall.queue("sales")["door"] == "open", "asking closes nothing"
    away.click()
    sheet.get_by_text("Send them away").click()
    expect(outcome(sheet, "door")).to_have_text("Closed; who waited was sent on.")
    assert street.do(call.until_over(8))
    expect(waiting_rows(page)).to_have_count(0)

    sheet.locator("[data-door=calendar]").click()
    expect(tile.locator("[data-sign=door]")).to_have_count(0)
    expect(sheet).to_contain_text("Open by the calendar")


def test_an_announcement_is_set_and_taken_back(wall: Screen) -> None:
    page = wall.page
    tile, other = page.locator("[data-queue=sales]"), page.locator("[data-queue=billing]")
    sheet = open_queue(page)
    sheet.get_by_label("Prompt").select_option("storm")
    sheet.get_by_text("Tell callers").click()
    expect(outcome(sheet, "announcement")).to_have_text("“storm” is told in Sales.")
    expect(tile.locator("[data-sign=announcement]")).to_have_text("announcement on")
    expect(other.locator("[data-sign=announcement]")).to_have_count(0)
    sheet.get_by_text("Take it back").click()
    expect(tile.locator("[data-sign=announcement]")).to_have_count(0)
    sheet.get_by_label("all queues").check()
    sheet.get_by_label("Prompt").select_option("storm")
    sheet.get_by_text("Tell callers").click()
    expect(other.locator("[data-sign=announcement]")).to_have_count(1)
    expect(sheet).to_contain_text("storm in all queues")
    sheet.get_by_text("Take it back").click()
    expect(other.locator("[data-sign=announcement]")).to_have_count(0)


def test_skills_are_set_by_hand_and_undone(wall: Screen, hall: Center) -> None:
    page = wall.page
    sheet = open_agent(page, "ben")
    sheet.get_by_label("Support, by hand").fill("8")
    sheet.get_by_label("Sales, by hand").fill("0")
    sheet.get_by_role("button", name="Set", exact=True).click()
    expect(outcome(sheet, "skills")).to_have_text("Set; they count at once.")
    expect(sheet.locator("[data-skill=support]")).to_contain_text("by hand")
    expect(sheet.locator("[data-skill=sales]")).to_contain_text("taken away by hand")
    assert hall.agent("ben")["skills"]["support"] == 8
    sheet.get_by_label("Billing, by hand").fill("9")
    sheet.get_by_text("Undo what was set by hand").click()
    expect(outcome(sheet, "skills")).to_have_text("As configured and trained again.")
    expect(sheet.locator("[data-skill=sales]")).to_contain_text("as configured")
    expect(sheet.get_by_label("Billing, by hand")).to_have_value("5")
    assert hall.agent("ben")["by_hand"] == {}


def test_a_training_is_recorded_and_its_certificate_is_watched(wall: Screen, hall: Center) -> None:
    page = wall.page
    train(hall, "chandra", "support", 10)
    alarm = page.locator("#certificates")
    expect(alarm).to_contain_text("1 expires within 30 days")
    alarm.click()
    sheet = page.locator("dialog")
    expect(sheet.locator("[data-certificate=expiring]")).to_contain_text("expires in 9 days")
    sheet.get_by_text("Chandra").click()
    expect(sheet.locator("[data-skill=support]")).to_contain_text("trained; expires in 9 days")
    sheet.get_by_text("Record a training").click()
    sheet.get_by_label("Course").fill("billing-2")
    sheet.get_by_label("Trainer").fill("t7")
    sheet.get_by_label("Grants").select_option("billing")
    sheet.get_by_label("Level").fill("9")
    sheet.get_by_label("Valid until").fill("2090-01-31")
    sheet.get_by_text("Record", exact=True).click()
    expect(outcome(sheet, "training")).to_have_text("Recorded billing-2.")
    expect(sheet.locator("[data-acts=trainings] table")).to_contain_text("billing-2")
    expect(sheet.locator("[data-skill=billing]")).to_contain_text("trained, until")
    assert hall.agent("chandra")["skills"]["billing"] == 9
    train(hall, "chandra", "support", 300)
    expect(alarm).to_have_count(0)


def test_an_agents_state_is_set_with_the_centers_reasons(wall: Screen, hall: Center) -> None:
    page = wall.page
    sheet = open_agent(page, "ben")
    sheet.locator("[data-acts=state] [data-reason=lunch]").click()
    expect(outcome(sheet, "state")).to_have_text("Not ready: lunch.")
    expect(sheet.locator(".facts")).to_contain_text("Not ready: lunch")
    expect(sheet.locator("[data-acts=state] [data-reason=lunch]")).to_be_focused()


def test_the_gaps_of_a_queue_are_reported(wall: Screen, street: Street) -> None:
    page = wall.page
    call = call_sales(street, 6)
    sheet = open_queue(page)
    sheet.get_by_text("Skill gaps today").click()
    expect(sheet.locator("h2")).to_have_text("Sales: skill gaps today")
    gap = sheet.locator("[data-skill=sales]")
    expect(gap).to_contain_text("needed by")
    expect(gap).to_contain_text("Anna")
    sheet.get_by_label("Count only who is logged in").check()
    expect(gap).to_contain_text("nobody can serve")
    sheet.get_by_text("Back").click()
    expect(sheet.locator("[data-acts=door]")).to_be_visible()
    page.keyboard.press("Escape")
    street.call(call.hang_up)


def test_a_wall_token_reads_everything_and_finds_no_button_to_act(
    browser: Browser, hall: Center, street: Street
) -> None:
    made = hall.command("token", "create", "hallway", "--scope", "wall", "--json")
    secret = re.search(r"cct_[\w-]+", made)
    assert secret is not None
    call = call_sales(street, 7)
    with screen(browser, hall) as shown:
        page = shown.open(f"/?t={secret.group()}", token=False)
        acts = page.locator("dialog").locator(".acts button, .acts input, .act, .why, .trained")
        waiting_rows(page).locator("button").click()
        expect(page.locator("dialog .story")).to_contain_text("Waits in sales")
        expect(acts).to_have_count(0)
        page.keyboard.press("Escape")
        open_queue(page)
        expect(acts).to_have_count(0)
        page.keyboard.press("Escape")
        sheet = open_agent(page, "ben")
        expect(sheet.locator("[data-skill=sales]")).to_contain_text("as configured")
        expect(acts).to_have_count(0)
    street.call(call.hang_up)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dialogs_with_acts_fit_the_window(
    browser: Browser, hall: Center, street: Street, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    hall.api("queues/billing/close", {})
    hall.api("queues/support/announcement", {"announcement": "storm"})
    train(hall, "anna", "billing", 12)
    anna = street.do(street.people.agent("anna"))
    calls = [call_sales(street, 8)]
    street.do(anna.until_called())
    calls.append(call_sales(street, 9))
    with screen(browser, hall, width=width, scheme=scheme) as shown:
        page = shown.open("/")

        def look(name: str) -> None:
            assert shown.overflow() <= 0, name
            body = page.locator("dialog .sheet-body")
            if body.count():
                wider: Any = body.evaluate("it => it.scrollWidth - it.clientWidth")
                assert wider <= 0, name
            page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png")

        expect(page.locator("[data-sign=door]")).to_have_text("closed by hand")
        look("wall")
        sheet = open_contact(page)
        sheet.locator(".trained button").click()
        expect(sheet.locator(".trained")).to_contain_text("It needs")
        sheet.get_by_label("Agent").select_option("anna")
        look("contact")
        sheet.locator(".sheet-body").evaluate("it => it.scrollTo(0, 500)")
        look("contact-below")
        page.keyboard.press("Escape")
        sheet = open_queue(page)
        sheet.get_by_text("Close and send away who waits").click()
        look("queue")
        sheet.get_by_text("Keep them").click()
        sheet.get_by_text("Skill gaps today").click()
        expect(sheet.locator("[data-skill=sales]")).to_be_visible()
        look("gaps")
        page.keyboard.press("Escape")
        page.locator("#certificates").click()
        look("certificates")
        sheet.get_by_text("Anna").click()
        expect(sheet.locator("[data-acts=trainings] table")).to_be_visible()
        look("agent")
        sheet.get_by_text("Record a training").click()
        sheet.get_by_label("Grants").select_option("billing")
        sheet.locator(".recording").scroll_into_view_if_needed()
        look("agent-training")
    for call in calls:
        street.call(call.hang_up)
