"""A phone in a browser: Chromium as an agent, by WSS, ICE and DTLS-SRTP; a tone goes each way.

What the browser says is a recording that it takes for its microphone; what it hears, it judges by
its own spectrum. What the caller (baresip) heard is judged by numpy. The few lines of SIP that a
browser phone needs are spoken by the test, through the page's socket.
"""

from __future__ import annotations

import asyncio
import http.server
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright

from callcenter.app.phones.audio import CALLER_TONES
from callcenter.sip.digest import authorization
from callcenter.sip.message import Request, Response, parse_message
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.foreign_phones import baresip, seconds_of_tone
from tests.e2e.harness import PASSWORD, eventually
from tests.e2e.test_secure import NEXT, SOCKET, SecureCenter, register
from tests.e2e.test_secure import Page as PageServer

pytestmark = pytest.mark.e2e

BROWSER_TONE = 700

ANSWER = """
async offer => {
  const phone = window.phone = window.phone || new RTCPeerConnection();
  if (!window.mic) {
    window.mic = await navigator.mediaDevices.getUserMedia(
      {audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
    window.mic.getTracks().forEach(track => phone.addTrack(track, window.mic));
    phone.ontrack = event => {
      const player = window.player = new Audio();
      player.srcObject = event.streams[0];
      player.play();
      const context = window.context = new AudioContext();
      window.ear = context.createAnalyser();
      window.ear.fftSize = 8192;
      context.createMediaStreamSource(event.streams[0]).connect(window.ear);
    };
  }
  await phone.setRemoteDescription({type: 'offer', sdp: offer});
  await phone.setLocalDescription(await phone.createAnswer());
  while (phone.iceGatheringState != 'complete') await new Promise(later => setTimeout(later, 20));
  return phone.localDescription.sdp;
}
"""
STATE = "() => [window.phone.iceConnectionState, window.phone.connectionState]"
LOUDEST = """
() => {
  if (!window.ear) return 0;
  const bins = new Float32Array(window.ear.frequencyBinCount);
  window.ear.getFloatFrequencyData(bins);
  let best = 0;
  for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  return bins[best] > -60 ? best * window.context.sampleRate / window.ear.fftSize : 0;
}
"""


def microphone(file: Path, frequency: int) -> None:
    """A minute of a tone at 48 kHz, which Chromium takes for its microphone."""
    with wave.open(str(file), "wb") as made:
        made.setparams((1, 2, 48_000, 0, "NONE", ""))
        turn = 2 * np.pi * frequency * np.arange(48_000) / 48_000
        made.writeframes((8000 * np.sin(turn)).astype("<i2").tobytes() * 60)


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureCenter]:
    center = SecureCenter(tmp_path_factory.mktemp("browser"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


@pytest.fixture
def page(center: SecureCenter, tmp_path: Path) -> Iterator[Page]:
    """A page of an allowed origin, with a tone for a microphone."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", center.page_port), PageServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    microphone(tmp_path / "mic.wav", BROWSER_TONE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--disable-dev-shm-usage", "--ignore-certificate-errors",
                "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={tmp_path / 'mic.wav'}",
                "--autoplay-policy=no-user-gesture-required",
                "--allow-loopback-in-peer-connection",
            ],
        )  # fmt: skip
        opened = browser.new_context(ignore_https_errors=True).new_page()
        opened.goto(f"http://127.0.0.1:{center.page_port}/")
        yield opened
        browser.close()
    server.shutdown()
    server.server_close()


def registered(page: Page, center: SecureCenter) -> None:
    """anna's browser is her phone."""
    assert page.evaluate(SOCKET, f"wss://127.0.0.1:{center.wss_port}/") == "sip"
    asked = parse_message(page.evaluate(NEXT, register(1)).encode())
    assert isinstance(asked, Response)
    proof = authorization(
        str(asked.header("WWW-Authenticate")), "REGISTER", "sip:callcenter", "anna", PASSWORD, "c"
    )
    granted = parse_message(page.evaluate(NEXT, register(2, proof)).encode())
    assert isinstance(granted, Response)
    assert granted.status == 200
    eventually(lambda: center.agent("anna")["reachable"], 5, "not reachable")
    center.make_ready("anna")


def answered(request: Request, body: str = "", status: str = "200 OK") -> str:
    """An answer to a request of the center's."""
    copied = "".join(
        f"{name}: {value}\r\n"
        for name in ("Via", "Record-Route", "From", "Call-ID", "CSeq")
        for value in request.headers.get_all(name)
    )
    to = str(request.header("To"))
    to = to if "tag=" in to else f"{to};tag=browser"
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"SIP/2.0 {status}\r\n{copied}To: {to}\r\nContact: <sip:anna@phone.invalid;transport=ws>\r\n"
        f"{kind}Content-Length: {len(body.encode())}\r\n\r\n{body}"
    )


def good_bye(invite: Request) -> str:
    """The browser hangs up on a call that it answered."""
    return (
        f"BYE {invite.contacts[0].uri} SIP/2.0\r\n"
        "Via: SIP/2.0/WSS phone.invalid;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n"
        f"From: {invite.header('To')};tag=browser\r\nTo: {invite.header('From')}\r\n"
        f"Call-ID: {invite.header('Call-ID')}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    )


class Caller(threading.Thread):
    """baresip calls in and stays until it is hung up on."""

    def __init__(self, center: SecureCenter, home: Path) -> None:
        super().__init__()
        self.center, self.home = center, home
        self.wrong: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._call())
        except BaseException as wrong:  # noqa: BLE001 told to the test
            self.wrong = wrong

    async def _call(self) -> None:
        async with baresip(
            self.home, self.center.sip, "outside", CALLER_TONES[5], regint="0"
        ) as phone:
            await phone.command("dial", f"sip:100@127.0.0.1:{self.center.sip_port}")
            await phone.until("CALL_ESTABLISHED")
            for _ in range(2):
                await asyncio.sleep(1.2)
                await phone.command("sndcode", "1")
            await phone.until("CALL_CLOSED", 90)


def next_request(page: Page, method: str) -> Request:
    """What the center sends next of this kind."""
    while True:
        message: Any = parse_message(page.evaluate(NEXT, "").encode())
        if isinstance(message, Request) and message.method == method:
            return message


def test_chromium_is_an_agents_phone_and_both_hear_each_other(
    center: SecureCenter, page: Page, tmp_path: Path
) -> None:
    """The media worker is killed on the way: the browser's keys and questions go on."""
    registered(page, center)
    caller = Caller(center, tmp_path / "b")
    caller.start()
    invite = next_request(page, "INVITE")
    offer = invite.body.decode()
    assert "UDP/TLS/RTP/SAVPF" in offer
    assert "a=ice-lite" in offer
    assert "crypto" not in offer
    page.evaluate(
        "text => window.socket.send(text)", answered(invite, page.evaluate(ANSWER, offer))
    )
    next_request(page, "ACK")
    eventually(lambda: page.evaluate(STATE)[1] == "connected", 20, str(page.evaluate(STATE)))

    def hears_caller() -> bool:
        return bool(abs(page.evaluate(LOUDEST) - CALLER_TONES[5]) < 15)

    eventually(hears_caller, 20, f"the browser hears {page.evaluate(LOUDEST)} Hz")
    killed = center.kill("worker")
    center.until_back("worker", killed)
    for _ in range(8):
        page.wait_for_timeout(500)
    eventually(hears_caller, 20, f"the browser hears {page.evaluate(LOUDEST)} Hz")
    page.wait_for_timeout(2000)
    contact = center.api("contacts?state=active")["contacts"][0]["contact"]
    page.evaluate("text => window.socket.send(text)", good_bye(invite))
    caller.join(30)
    page.evaluate("() => window.socket.close()")
    assert caller.wrong is None, caller.wrong
    dumps = sorted((tmp_path / "b").glob("dump-*dec.wav"))
    assert seconds_of_tone(dumps[-1], BROWSER_TONE) >= 3
    leave_nothing_behind(center)
    shown = center.command("sip", "trace", contact, "--full")
    assert "ice-pwd:***" in shown
    assert shown.count("ice-pwd:") == shown.count("ice-pwd:***")
