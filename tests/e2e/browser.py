"""A browser beside a running center: pages that are watched, and phones in a thread of their own.

Why: a page may look right and still have thrown, asked a foreign host or broken its policy; each
page here is looked at for that when it closes. Playwright's plain API must not run inside an event
loop, and phones need one, so the phones live in a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Literal, Self, TypeVar

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.e2e.harness import Center, People, people

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 15_000
"""Not a figure of ours: a busy machine must not fail a test."""
T = TypeVar("T")
Scheme = Literal["light", "dark"]
BROKEN_POLICIES = """
addEventListener("securitypolicyviolation", (event) => console.error(
    `policy ${event.violatedDirective}: ${event.blockedURI}`));
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--disable-dev-shm-usage"]
        )
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        browser.close()


class Screen:
    """One tab of one person, with what it complained about."""

    def __init__(self, browser: Browser, center: Center, width: int, scheme: Scheme) -> None:
        self.center = center
        self.complaints: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 900 if width > 500 else 844}, color_scheme=scheme
        )
        context.add_init_script(BROKEN_POLICIES)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.center.web, "data:")):
            self.complaints.append(f"foreign request {request.url}")

    def open(self, path: str = "/", *, token: bool = True) -> Page:
        """Go to a page, signed in by the link that holds the center's token."""
        link = f"{path}?t={self.center.token}" if token else path
        self.page.goto(self.center.web + link)
        return self.page

    def sign_in(self, agent: str, password: str) -> Page:
        """Through the sign-in page, to the desk."""
        self.page.goto(f"{self.center.web}/login")
        self.page.fill("[name=agent]", agent)
        self.page.fill("[name=password]", password)
        self.page.click("text=Sign in >> nth=-1")
        return self.page

    def forgive(self, *words: str) -> None:
        """Drop the expected complaints that hold one of `words`."""
        self.complaints = [c for c in self.complaints if not any(w in c for w in words)]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return found


@contextmanager
def screen(
    browser: Browser, center: Center, *, width: int = 1440, scheme: Scheme = "light"
) -> Iterator[Screen]:
    """A tab for the time of a test; it must have nothing to complain about in the end."""
    shown = Screen(browser, center, width, scheme)
    try:
        yield shown
    finally:
        shown.page.context.close()
    assert shown.complaints == []


class Street:
    """Phones that live in a thread, so that plain code can use them."""

    def __init__(self, center: Center) -> None:
        self._center = center
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="phones", daemon=True)
        self._those: AbstractAsyncContextManager[People] = people(center)
        self.people: People

    def __enter__(self) -> Self:
        self._thread.start()
        self.people = self.do(self._those.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._those.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def do(self, story: Coroutine[Any, Any, T], seconds: float = 40.0) -> T:
        """Run a coroutine among the phones, to its end."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(story, self._loop)
        return future.result(seconds)

    def call(self, what: Callable[[], T]) -> T:
        """Call a function among the phones."""

        async def once() -> T:
            return what()

        return self.do(once())
