"""Mails in the same queue as calls: handed over, worked at the desk, lost with no process."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import expect

from tests.adapters.intake_house import letter
from tests.e2e.browser import Street, chromium, screen
from tests.e2e.harness import PASSWORD, Center, eventually, people, run
from tests.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

OFFICE = "office@example.test"


class Outside:
    """The mail server of the house: what we hand over to it is kept."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(  # noqa: N802 the library calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 ok"


@pytest.fixture
def outside() -> Iterator[tuple[Outside, int]]:
    found, (port,) = Outside(), free_ports(1)
    server = Controller(found, hostname="127.0.0.1", port=port)
    server.start()
    yield found, port
    server.stop()


@pytest.fixture
def center(tmp_path: Path, outside: tuple[Outside, int]) -> Iterator[Center]:
    (port,) = free_ports(1)
    center = Center(
        tmp_path,
        f'[intake]\nlmtp_listen = "127.0.0.1:{port}"\n'
        f'[[mailbox]]\nname = "office"\naddresses = ["{OFFICE}"]\nqueue = "sales"\n'
        f'smtp = "smtp://127.0.0.1:{outside[1]}"\nundo_seconds = 0\n'
        'templates = { thanks = "Thank you." }\nacknowledge = "We have it."\n'
        '[[mailbox.rules]]\nwords = ["invoice"]\nqueue = "billing"\npriority = 8\n',
    )
    center.lmtp = port  # type: ignore[attr-defined]
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


def post(center: Center, mail: bytes) -> None:
    """What the mail server of the house does."""
    with smtplib.LMTP("127.0.0.1", center.lmtp, timeout=10) as server:  # type: ignore[attr-defined]
        assert not server.sendmail("customer@example.org", [OFFICE], mail)


def on_desk(center: Center, name: str, state: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = center.api(f"agents/{name}/desk")["documents"]
    return [row for row in rows if row["state"] == state]


def test_mails_are_taken_in_and_worked_whatever_process_dies(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            await those.agent("anna")
            await asyncio.to_thread(worked, center)

    run(tell())


def pending(center: Center) -> list[float]:
    """What the intake says is left; told every second, and gathered every two."""
    return [v for name, v in center.metrics().items() if "callcenter_intake_pending" in name]


def worked(center: Center) -> None:
    post(center, letter(1))
    eventually(lambda: bool(on_desk(center, "anna", "ringing")), 10, "no mail is offered")
    (offered,) = on_desk(center, "anna", "ringing")
    assert offered["subject"] == "Letter 1"
    center.api(f"offers/{offered['offer']}/answer", {"accept": True})
    eventually(lambda: bool(on_desk(center, "anna", "talking")))
    name = offered["contact"]
    center.log_out("anna")  # after this one nothing more
    for role in ("intake", "control", "web", "store"):
        killed = center.kill(role)
        if role == "intake":
            post(center, letter(2, "Your invoice"))  # waits in the kernel until it is back
        center.until_back(role, killed)
        eventually(center.is_ready, 20)
    (taken,) = on_desk(center, "anna", "talking")
    assert taken["contact"] == name
    assert center.api(f"contacts/{name}/document")["text"] == "Please look at matter 1."
    eventually(lambda: center.queue("billing")["waiting"] == 1, 10, "the second mail is lost")
    post(center, letter(2, "Your invoice"))
    assert center.queue("billing")["offered"] == 1, "it was taken twice"
    center.api(f"contacts/{name}/done", {"disposition": "resolved"})
    eventually(lambda: not on_desk(center, "anna", "talking"))
    sales = center.queue("sales")
    assert (sales["offered"], sales["answered"], sales["waiting"]) == (1, 1, 0)
    eventually(lambda: pending(center) == [0], 15, "something is left to do")


def test_an_agent_reads_answers_notes_and_puts_aside_a_mail_at_her_desk(
    center: Center, outside: tuple[Outside, int]
) -> None:
    page_of = (
        b"From: Eve <eve@example.org>\r\nTo: office@example.test\r\nSubject: <b>hello</b>\r\n"
        b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
        b"--x\r\nContent-Type: text/plain\r\n\r\nplain words\r\n"
        b"--x\r\nContent-Type: text/html\r\n\r\n<p>page <img src='http://127.0.0.1:9/x.png'>words"
        b"<script>document.title='owned'</script></p>\r\n--x--\r\n"
    )
    with Street(center) as street, chromium() as browser:
        street.do(street.people.agent("anna"))
        post(center, page_of)
        with screen(browser, center) as shown:
            shown.sign_in("anna", PASSWORD)
            page = shown.page
            expect(page.locator("#documents .subject")).to_have_text("<b>hello</b>")
            page.click("#documents .accept")
            expect(page.locator("#document .words").first).to_have_text("plain words")
            page.click("text=Show as a page")
            frame = page.frame_locator("#document iframe")
            expect(frame.locator("p")).to_have_text("page words")
            page.fill("[name=notes]", "knows the matter")
            eventually(lambda: noted(center) == "knows the matter", 10, "the notes were not kept")
            page.click("text=Thanks")
            page.click("#send")
            expect(page.locator(".letters [data-stage=sent]")).to_be_visible()
            page.click("[data-aside='In an hour']")
            expect(page.locator("#documents .document.aside")).to_be_visible()
            shown.forgive("401", "sandbox")
    told, answer = sorted(outside[0].mails, key=lambda mail: b"Thank you." in mail)
    assert b"Auto-Submitted: auto-replied" in told
    assert b"To: eve@example.org" in answer


def noted(center: Center) -> str:
    rows = center.api("agents/anna/desk")["documents"]
    return str(center.api(f"contacts/{rows[0]['contact']}/document")["notes"]) if rows else ""
