"""TLS, WebSocket and IPv6 with phones and programs that are not ours."""

from __future__ import annotations

import asyncio
import http.server
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.sip.digest import authorization
from callcenter.sip.message import Request, Response, parse_message
from tests.adapters.authority import Authority
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.foreign_phones import Sipp, baresip, options_scenario, seconds_of_tone
from tests.e2e.harness import (
    PASSWORD,
    Center,
    eventually,
    eventually_async,
    people,
    reach_queue,
    run,
)
from tests.ports import free_ports

pytestmark = pytest.mark.e2e


class SecureCenter(Center):
    """A center that also listens on TLS, WebSocket and IPv6."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.authority = Authority(directory)
        self.files = self.authority.issue("sip.example.test", "127.0.0.1", file="ours")
        self.other = self.authority.issue("other.example.test")
        self.tls_port, self.wss_port, self.page_port = free_ports(3)
        text = self.config.read_text("utf-8")
        text = text.replace(
            f'listen = ["127.0.0.1:{self.sip_port}"]\n',
            f'listen = ["127.0.0.1:{self.sip_port}", "[::1]:{self.sip_port}"]\n'
            f'tls_listen = "127.0.0.1:{self.tls_port}"\n'
            f'wss_listen = "127.0.0.1:{self.wss_port}"\n',
        ).replace("[web]\n", f'[web]\norigins = ["http://127.0.0.1:{self.page_port}"]\n')
        for files in (self.files, self.other):
            text += f'[[certificate]]\ncertificate_file = "{files.certificate}"\n'
            text += f'key_file = "{files.key}"\n'
        self.config.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def secure_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureCenter]:
    center = SecureCenter(tmp_path_factory.mktemp("secure"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


def test_baresip_is_an_agent_over_tls_and_checks_our_certificate(
    secure_center: SecureCenter, tmp_path: Path
) -> None:
    center = secure_center

    async def tell() -> None:
        phone = baresip(
            tmp_path / "b", ("127.0.0.1", center.tls_port), "ben", AGENT_TONES[6],
            transport="tls", authorities=center.authority.file,
            regint="120", answermode="auto",
        )  # fmt: skip
        async with people(center) as those, phone as ben:
            await eventually_async(lambda: center.agent("ben")["reachable"], 15, ben.log())
            await asyncio.to_thread(center.make_ready, "ben")
            call = those.caller(5).dial("100")
            await reach_queue(call)
            assert await call.until(lambda: call.hears((AGENT_TONES[6],), 5) is not None, 15), (
                ben.log()
            )
            await asyncio.sleep(1.5)
            await ben.command("hangup")
            assert await call.until_over(5)

    run(tell())
    dumps = sorted((tmp_path / "b").glob("dump-*dec.wav"))
    assert dumps, "baresip recorded nothing"
    assert seconds_of_tone(dumps[0], CALLER_TONES[5]) >= 1
    leave_nothing_behind(center)


def shown(center: SecureCenter, *options: str) -> str:
    """What openssl says of a handshake with us."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{center.tls_port}",
         "-CAfile", str(center.authority.file), *options],
        capture_output=True, text=True, check=False, timeout=20, input="",
    )  # fmt: skip
    return done.stdout + done.stderr


def test_openssl_finds_the_certificate_of_each_name_and_only_good_versions(
    secure_center: SecureCenter,
) -> None:
    for name in ("sip.example.test", "other.example.test"):
        said = shown(secure_center, "-servername", name, "-verify_return_error")
        assert f"subject=CN = {name}" in said, said
        assert "Verify return code: 0 (ok)" in said
    assert "TLSv1.3" in shown(secure_center)
    assert "ECDHE" in shown(secure_center, "-tls1_2")
    old = shown(secure_center, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in old, old
    weak = shown(secure_center, "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")
    assert "Cipher is (NONE)" in weak, weak


def test_a_renewed_certificate_is_shown_without_a_restart(secure_center: SecureCenter) -> None:
    center = secure_center
    before = shown(center, "-servername", "sip.example.test")
    center.authority.issue("sip.example.test", "127.0.0.1", "new.example.test", file="ours")

    def renewed() -> bool:
        said = shown(center, "-servername", "new.example.test", "-verify_return_error")
        return "subject=CN = sip.example.test" in said

    eventually(renewed, 40, "the new certificate is not shown")
    assert before != shown(center, "-servername", "sip.example.test")


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_sipp_is_answered_over_ipv6(
    secure_center: SecureCenter, tmp_path: Path, transport: str
) -> None:
    async def ask() -> None:
        sipp = Sipp(
            tmp_path, ("[::1]", secure_center.sip_port), options_scenario(tmp_path), "-t", transport
        )
        sipp.arguments = ["::1" if word == "127.0.0.1" else word for word in sipp.arguments]
        await sipp.start()
        await sipp.finished()

    run(ask())


# ---- a browser -----------------------------------------------------------------------------------

PAGE = b"<!doctype html><title>phone</title>"
SOCKET = """
url => new Promise((done, failed) => {
  window.heard = [];
  window.socket = new WebSocket(url, 'sip');
  window.socket.onopen = () => done(window.socket.protocol);
  window.socket.onerror = () => failed('refused');
  window.socket.onmessage = message => window.heard.push(message.data);
})
"""
NEXT = """
async text => {
  if (text) window.socket.send(text);
  while (!window.heard.length) await new Promise(later => setTimeout(later, 20));
  return window.heard.shift();
}
"""


class Page(http.server.BaseHTTPRequestHandler):
    """A page that is not ours but may be one of `[web] origins`."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def pages(secure_center: SecureCenter) -> Iterator[tuple[str, str]]:
    """Two origins: one that is allowed, one that is not."""
    (foreign,) = free_ports(1)
    servers = [
        http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
        for port in (secure_center.page_port, foreign)
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield (f"http://127.0.0.1:{secure_center.page_port}/", f"http://127.0.0.1:{foreign}/")
    for server in servers:
        server.shutdown()
        server.server_close()


def register(cseq: int, answer: str = "") -> str:
    proof = f"Authorization: {answer}\r\n" if answer else ""
    return (
        "REGISTER sip:callcenter SIP/2.0\r\n"
        f"Via: SIP/2.0/WSS phone.invalid;branch=z9hG4bKws{cseq}\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:anna@callcenter>;tag=ws\r\nTo: <sip:anna@callcenter>\r\n"
        f"Call-ID: ws\r\nCSeq: {cseq} REGISTER\r\nExpires: 120\r\n"
        f"Contact: <sip:anna@phone.invalid;transport=ws>\r\n{proof}Content-Length: 0\r\n\r\n"
    )


def test_chromium_registers_and_rings_over_a_secure_websocket(
    secure_center: SecureCenter, pages: tuple[str, str]
) -> None:
    center = secure_center
    url = f"wss://127.0.0.1:{center.wss_port}/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--disable-dev-shm-usage", "--ignore-certificate-errors"],
        )
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(pages[1])
        with pytest.raises(Exception, match="refused"):
            page.evaluate(SOCKET, url)
        page.goto(pages[0])
        assert page.evaluate(SOCKET, url) == "sip"
        asked = parse_message(page.evaluate(NEXT, register(1)).encode())
        assert isinstance(asked, Response)
        assert asked.status == 401
        proof = authorization(
            str(asked.header("WWW-Authenticate")), "REGISTER", "sip:callcenter", "anna", PASSWORD,
            "cnonce",
        )  # fmt: skip
        granted = parse_message(page.evaluate(NEXT, register(2, proof)).encode())
        assert isinstance(granted, Response)
        assert granted.status == 200
        eventually(lambda: center.agent("anna")["reachable"], 5, "not reachable")
        center.make_ready("anna")
        ringing = threading.Thread(target=partial(call_in, center))
        ringing.start()
        invite = parse_message(page.evaluate(NEXT, "").encode())
        assert isinstance(invite, Request)
        assert (invite.method, invite.uri) == ("INVITE", "sip:anna@phone.invalid;transport=ws")
        assert invite.top_via.transport == "WSS"
        assert invite.contacts[0].uri.endswith(f":{center.wss_port};transport=ws")
        page.evaluate("() => window.socket.close()")
        eventually(lambda: not center.agent("anna")["reachable"], 5, "still reachable")
        ringing.join()
        browser.close()
    leave_nothing_behind(center)


def call_in(center: Center) -> None:
    """A caller who reaches the queue and leaves a little later."""

    async def tell() -> None:
        async with people(center) as those:
            call = those.caller(3).dial("100")
            await reach_queue(call)
            await asyncio.sleep(2)
            call.hang_up()

    run(tell())


def test_a_call_can_be_looked_at_as_a_ladder_when_it_is_over(secure_center: SecureCenter) -> None:
    center = secure_center

    async def tell() -> None:
        async with people(center) as those:
            call = those.caller(3).dial("100")
            assert await call.until_answered(5)
            call.hang_up()
            assert await call.until_over(5)

    run(tell())
    leave_nothing_behind(center)
    contact = center.api("contacts?limit=1")["contacts"][0]["contact"]
    said = center.command("sip", "trace", contact)
    for words in ("INVITE +sdp", "100 INVITE", "200 INVITE +sdp", "ACK", "BYE", "200 BYE"):
        assert f" {words} " in said, said
    assert "│" in said
    full = center.command("sip", "trace", contact, "--full")
    assert "a=rtpmap:0 PCMU/8000" in full
    refused = center.attempt("sip", "trace", "nobody")
    assert refused.returncode == 1
    assert "nothing is kept" in refused.stderr
