"""A visitor of somebody else's page chats with agents at their desks: in Chromium, whatever dies."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, Locator, Page, expect

from callcenter.intake.messenger import signature
from tests.e2e.browser import BROKEN_POLICIES, PATIENCE_MS, Street, chromium, screen
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import PASSWORD, Center, eventually
from tests.e2e.test_mail import Outside
from tests.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

EVIL = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


class Site:
    """Somebody else's web page, with a strict policy, on an address of its own."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.origin = f"http://127.0.0.1:{self.port}"
        self.center = ""
        self.answers: list[dict[str, str]] = []
        """What was posted to it."""

    def page(self) -> tuple[str, bytes]:
        """Its policy and its text."""
        socket = self.center.replace("http", "ws")
        policy = (
            f"default-src 'none'; script-src {self.center}; connect-src {self.center} {socket}; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        text = (
            '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Shop</title><h1>Shop</h1>"
            f'<script src="{self.center}/chat.js" data-chat="website" async></script>'
        )
        return policy, text.encode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                policy, text = site.page()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(text)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                site.answers.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    with site.serving():
        yield site


@pytest.fixture(scope="module")
def outside() -> Iterator[tuple[Outside, int]]:
    found, (port,) = Outside(), free_ports(1)
    server = Controller(found, hostname="127.0.0.1", port=port)
    server.start()
    yield found, port
    server.stop()


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, site: Site, outside: tuple[Outside, int]
) -> Iterator[Center]:
    (lmtp,) = free_ports(1)
    center = Center(
        tmp_path_factory.mktemp("chat"),
        f'[intake]\nlmtp_listen = "127.0.0.1:{lmtp}"\n'
        '[[mailbox]]\nname = "office"\naddresses = ["office@example.test"]\nqueue = "sales"\n'
        f'smtp = "smtp://127.0.0.1:{outside[1]}"\nundo_seconds = 0\n'
        f'[[chat]]\nname = "website"\nqueue = "sales"\ntitle = "Ask the shop"\n'
        f'origins = ["{site.origin}"]\nmailbox = "office"\naway_seconds = 20\n'
        'templates = { thanks = "Thank you for waiting." }\n'
        '[[chat.rules]]\nwords = ["invoice"]\nqueue = "billing"\n'
        f'[[messenger]]\nname = "sms"\nqueue = "support"\nsecret = "whsec_c2VjcmV0"\n'
        f'url = "http://127.0.0.1:{site.port}/answers"\n',
    )
    text = center.config.read_text("utf-8")
    center.config.write_text(text.replace("ring_seconds = 4", "ring_seconds = 90"), "utf-8")
    site.center = center.web
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert "parcel" not in log


@pytest.fixture
def center(whole: Center) -> Iterator[Center]:
    end_all(whole)
    yield whole
    end_all(whole)
    eventually(whole.is_whole, 20, "a part did not come back")
    leave_nothing_behind(whole)


def end_all(center: Center) -> None:
    """What a test that failed has left on desks."""
    for contact in center.api("contacts?state=active&limit=50")["contacts"]:
        if contact["state"] == "talking":
            center.api(f"contacts/{contact['contact']}/done", {"disposition": ""})


@contextmanager
def visitor(browser: Browser, site: Site, width: int = 1280) -> Iterator[Page]:
    """A visitor's browser on the shop's page, which must break no policy and throw nothing."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    context.add_init_script(BROKEN_POLICIES)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.text.startswith("policy") else None,
    )
    page.goto(site.origin)
    try:
        yield page
    finally:
        context.close()
    assert complaints == []


def begin(page: Page, text: str, name: str = "Cleo", email: str = "") -> None:
    page.click(".launch")
    page.fill("[name=name]", name)
    page.fill("[name=email]", email)
    page.fill("[name=text]", text)
    page.click("text=Start the chat")


def write(page: Page, text: str) -> None:
    page.fill(".write textarea", text)
    page.press(".write textarea", "Enter")


def reply(desk: Page, text: str) -> None:
    desk.fill("[name=say]", text)
    desk.press("[name=say]", "Enter")


def said(where: Locator) -> list[str]:
    """What is shown, in its order, without times."""
    found: list[str] = where.evaluate_all(
        "all => all.map((one) => (one.querySelector('p') ?? one.childNodes[0]).textContent)"
    )
    return found


def shows(where: Locator, wanted: list[str]) -> None:
    """Each message once and in order, before long; nothing of it is only on its way."""
    eventually(lambda: said(where) == wanted, 60, f"not {wanted}")


def test_both_sides_see_every_message_once_and_in_order_whatever_dies(
    center: Center, site: Site, outside: tuple[Outside, int]
) -> None:
    before, outside[0].mails = center.queue("sales"), []
    words = [f"My parcel is lost. {EVIL}"]
    with Street(center) as street, chromium() as browser, screen(browser, center) as shown:
        street.do(street.people.agent("anna"))
        desk = shown.sign_in("anna", PASSWORD)
        at_desk = desk.locator("#chat .message:not(.waiting)")
        with visitor(browser, site) as page:
            on_page = page.locator(".said:not(.pending)")
            begin(page, words[0], name=EVIL, email="cleo@example.org")
            expect(desk.locator("#chats .who-chats")).to_have_text(EVIL[:80].strip())
            desk.click("#chats .accept")
            expect(page.locator(".status")).to_have_text("Anna is with you.")
            shows(at_desk, words)
            desk.type("[name=say]", "Which")
            expect(page.locator(".hint")).to_contain_text("Anna is typing")
            for text in ("Which one?", EVIL):
                reply(desk, text)
            words += ["Which one?", EVIL]
            shows(on_page, words)
            write(page, "Number 7")
            words.append("Number 7")
            shows(at_desk, words)

            page.reload()
            shows(on_page, words)
            expect(page.locator(".status")).to_have_text("Anna is with you.")

            killed = center.kill("web")
            write(page, "Are you still there?")
            write(page, "Hello?")
            center.until_back("web", killed)
            words += ["Are you still there?", "Hello?"]
            shows(on_page, words)
            expect(desk.locator(".link")).to_have_text("Live", timeout=30_000)
            shows(at_desk, words)
            reply(desk, "Yes, I am.")
            words.append("Yes, I am.")
            for role in ("store", "control"):
                killed = center.kill(role)
                write(page, f"{role} gone?")
                words.append(f"{role} gone?")
                center.until_back(role, killed)
                eventually(center.is_ready, 30)
                shows(on_page, words)
            shows(at_desk, words)

            page.set_input_files(
                "input[type=file]",
                {"name": "photo.exe", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nx"},
            )
            link = at_desk.last.locator("a")
            expect(link).to_have_text("photo.exe.png")
            with desk.expect_download() as saved:
                link.click()
            assert Path(saved.value.path()).read_bytes() == b"\x89PNG\r\n\x1a\nx"

            page.click("text=Mail me a copy")
            expect(page.locator("text=A copy goes to")).to_be_visible()
            desk.click("[data-done=resolved]")
            expect(page.locator(".status")).to_contain_text("This chat is over.")
            expect(desk.locator("#chats")).to_have_count(0)
            assert (desk.title(), page.title()) == ("Ready – desk", "Shop")
        shown.forgive("WebSocket", "401", "503", "Failed to load")
    row = center.queue("sales")
    grown = [row[name] - before[name] for name in ("offered", "answered", "waiting")]
    assert grown == [1, 1, 0]
    ended = center.api("contacts?state=ended&limit=9")["contacts"][0]
    assert (ended["channel"], ended["reason"]) == ("chat", "resolved")
    eventually(lambda: bool(outside[0].mails), 20, "no transcript was sent")
    (mail,) = outside[0].mails
    assert mail.index(b"Number 7") < mail.index(b"store gone?")


def test_several_at_once_handed_on_left_and_left_unanswered(center: Center, site: Site) -> None:
    with Street(center) as street, chromium() as browser, screen(browser, center) as shown:
        street.do(street.people.agent("anna"))
        desk = shown.sign_in("anna", PASSWORD)
        with visitor(browser, site, 390) as one, visitor(browser, site) as other:
            begin(one, "First", name="One")
            desk.click("#chats .accept")
            shows(desk.locator("#chat .message"), ["First"])
            before = center.queue("billing")["answered"]
            begin(other, "About an invoice", name="Other")
            desk.click("#chats .accept")
            shows(desk.locator("#chat .message"), ["About an invoice"])
            assert center.queue("billing")["answered"] == before + 1
            write(one, "Anybody?")
            expect(desk.locator(".chat-line:not(.open) .unread")).to_have_text("1")
            desk.click(".chat-line:not(.open) .line")
            shows(desk.locator("#chat .message"), ["First", "Anybody?"])
            desk.click("text=Thanks")
            desk.click("#say")
            expect(one.locator(".said.agent")).to_contain_text("Thank you for waiting.")

            street.do(street.people.agent("ben"))
            desk.click("#chat-transfer")
            desk.click("[data-target=ben]")
            expect(one.locator(".status")).to_contain_text("in a moment")
            (offered,) = waiting_at(center, "ben")
            center.api(f"offers/{offered['offer']}/answer", {"accept": True})
            expect(one.locator(".status")).to_have_text("Ben is with you.")
            found = center.api(f"contacts/{offered['contact']}/chat")["messages"]
            assert [m["text"] for m in found] == ["First", "Anybody?", "Thank you for waiting."]

            one.click("text=End the chat")
            one.click("text=Really end it")
            expect(one.locator(".status")).to_have_text("You have left the chat.")
            center.log_out("anna", "ben")
            other.click("text=End the chat")
            other.click("text=Really end it")
            other.click("text=New chat")
            expect(other.locator(".greeting")).to_contain_text("Nobody is here")
            other.fill("[name=email]", "other@example.org")
            other.fill("[name=text]", "Please write to me.")
            other.click("text=Leave the message")
            expect(other.locator(".greeting")).to_contain_text("answer by mail")

    def last_two() -> list[str]:
        """The history is a second late."""
        return [c["reason"] for c in center.api("contacts?state=ended&limit=2")["contacts"]]

    eventually(lambda: last_two() == ["visitor_left"] * 2, 20, "they did not end by leaving")
    eventually(lambda: center.queue("sales")["waiting"] == 1, 15, "the word left is lost")
    with Street(center) as street:
        street.do(street.people.agent("anna"))
        (offered,) = waiting_at(center, "anna")
        assert (offered["channel"], offered["sender"]) == ("email", "Other")
        center.api(f"offers/{offered['offer']}/answer", {"accept": True})
        eventually(lambda: not waiting_at(center, "anna", 0))
        read = center.api(f"contacts/{offered['contact']}/document")
        assert (read["text"], read["answerable"]) == ("Please write to me.", True)
        center.api(f"contacts/{offered['contact']}/done", {"disposition": ""})


def test_a_message_of_a_service_is_answered_there_though_the_web_role_dies(
    center: Center, site: Site
) -> None:
    def post() -> int:
        body = json.dumps({"messages": [{"id": "1", "from": "+1555", "text": "Open?"}]}).encode()
        at = int(time.time())
        headers = {
            "webhook-id": "1", "webhook-timestamp": str(at),
            "webhook-signature": signature(b"secret", "1", at, body),
        }  # fmt: skip
        asked = urllib.request.Request(f"{center.web}/messages/sms", data=body, headers=headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            status: int = answer.status
        return status

    offered_before = center.queue("support")["offered"]
    assert post() == 200
    killed = center.kill("web")
    center.until_back("web", killed)
    eventually(center.is_ready, 30)
    assert post() == 200
    with Street(center) as street:
        street.do(street.people.agent("chandra"))
        (offered,) = waiting_at(center, "chandra")
        center.api(f"offers/{offered['offer']}/answer", {"accept": True})
        eventually(lambda: not waiting_at(center, "chandra", 0))
        path = f"contacts/{offered['contact']}/chat"
        assert [one["text"] for one in center.api(path)["messages"]] == ["Open?"]
        for _ in range(2):
            center.api(path, {"id": "a" * 32, "text": "Until six."})
        eventually(lambda: bool(site.answers), 20, "no answer went out")
        center.api(f"contacts/{offered['contact']}/done", {"disposition": ""})
    assert [(one["to"], one["text"]) for one in site.answers] == [("+1555", "Until six.")]
    assert center.queue("support")["offered"] == offered_before + 1


def waiting_at(center: Center, agent: str, count: int = 1) -> list[dict[str, Any]]:
    """What is offered at her desk, once so much is."""

    def offered() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = center.api(f"agents/{agent}/desk")["documents"]
        return [row for row in rows if row["state"] == "ringing" and row["offer"]]

    if count:
        eventually(lambda: len(offered()) == count, 15, f"{agent} is offered {offered()}")
    return offered()
