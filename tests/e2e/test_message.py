"""A caller leaves a message, and an agent hears it at her desk: real audio in, the served file out."""

from __future__ import annotations

import asyncio
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from callcenter.app.phones.audio import CALLER_TONES, decode_ulaw
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import ROOT, Center, eventually, eventually_async, people, run

pytestmark = pytest.mark.e2e

FLOW = """
flow: word
entry: leave
languages: [en]
prompts:
  speak: { en: Speak after the beep. }
nodes:
  leave:
    voicemail: { prompt: speak, queue: sales, max: 20s, min: 1s, silence: 3s }
    saved: saved
    too_short: short
    failed: failed
  saved: { hangup: voicemail }
  short: { hangup: left }
  failed: { hangup: full }
"""
WAV_HEADER = 58
"""Octets before the samples."""


class WordCenter(Center):
    """With a number that only takes messages."""

    def __init__(self, directory: Path) -> None:
        flows = directory / "flows"
        shutil.copytree(ROOT / "ivr_flows", flows)
        (flows / "word.yaml").write_text(FLOW, "utf-8")
        super().__init__(directory, '[[number]]\nnumber = "300"\nflow = "word"\nguests = true\n')
        text = self.config.read_text("utf-8")
        self.config.write_text(f'flows_directory = "{flows}"\n{text}', "utf-8")

    def document(self, agent: str) -> dict[str, str]:
        """What lies on her desk first; nothing where nothing does."""
        found: list[dict[str, str]] = self.api(f"agents/{agent}/desk")["documents"]
        return found[0] if found else {}

    def heard(self, contact: str, token: str) -> bytes:
        """The message as it is served."""
        blob = self.api(f"contacts/{contact}/document")["files"][0]["blob"]
        request = urllib.request.Request(
            f"{self.web}/api/v1/contacts/{contact}/files/{blob}",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Content-Type"] == "audio/wav"
            data: bytes = answer.read()
        return data


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordCenter]:
    center = WordCenter(tmp_path_factory.mktemp("word"))
    center.start()
    yield center
    center.stop()


@pytest.fixture
def center(whole: WordCenter) -> Iterator[WordCenter]:
    yield whole
    eventually(whole.is_whole, 20, "a part did not come back")
    leave_nothing_behind(whole)


async def says(center: Center, number: int, seconds: float, *, hangs_up: bool) -> None:
    """She waits for the beep, speaks, and hangs up or waits for the end."""
    async with people(center) as those:
        call = those.caller(number).dial("300")
        assert await call.until_answered(5), call.status
        assert await call.until(lambda: call.rtp.ear.loud >= 4, 10), "no beep"
        await asyncio.sleep(0.5)
        call.speak()
        await asyncio.sleep(seconds)
        if hangs_up:
            call.hang_up()
        else:
            call.rtp.frame = b"\xff" * 160
            assert await call.until_over(10), "silence does not end it"
            assert not call.ended_by_us


def seconds_of(data: bytes, hertz: int) -> float:
    """For how long this tone is the loudest thing in a WAV file of µ-law."""
    assert data[:4] == b"RIFF"
    sound = decode_ulaw(data[WAV_HEADER:])
    heard = 0
    for start in range(0, len(sound) - 800, 800):
        window = sound[start : start + 800]
        if np.sqrt(np.mean(window**2)) > 300:
            heard += (
                abs(int(np.abs(np.fft.rfft(window * np.hanning(800))).argmax()) * 10 - hertz) <= 10
            )
    return heard / 10


async def taken(center: WordCenter, agent: str) -> str:
    """She takes the message that is offered at her desk; its contact."""
    await eventually_async(lambda: bool(center.document(agent).get("offer")), 15, "no offer")
    offered = center.document(agent)
    assert offered["channel"] == "voicemail"
    await asyncio.to_thread(center.api, f"offers/{offered['offer']}/answer", {"accept": True})
    await eventually_async(lambda: center.document(agent)["state"] == "talking", 5, "not hers")
    return offered["contact"]


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_message_is_heard_at_the_desk_as_it_was_said(center: WordCenter, hangs_up: bool) -> None:
    async def tell() -> None:
        await says(center, 4, 4.0, hangs_up=hangs_up)
        await eventually_async(lambda: center.queue("sales")["waiting"] == 1, 15, "it waits not")
        async with people(center) as those:
            await those.agent("anna")
            contact = await taken(center, "anna")
            data = await asyncio.to_thread(center.heard, contact, center.token)
            assert 3.0 <= seconds_of(data, CALLER_TONES[4]) <= 5.0
            with pytest.raises(urllib.error.HTTPError) as refused:
                await asyncio.to_thread(center.heard, contact, "cct_nobody")
            assert refused.value.code == 401
            await asyncio.to_thread(
                center.api, f"contacts/{contact}/done", {"disposition": "resolved"}
            )
            await eventually_async(lambda: center.document("anna") == {}, 5, "not done")

    run(tell())


def test_silence_leaves_nothing_but_its_ending(center: WordCenter) -> None:
    async def tell() -> None:
        await says(center, 5, 0.3, hangs_up=False)
        await asyncio.sleep(1.0)
        assert center.queue("sales")["waiting"] == 0
        assert list((center.directory / "state" / "recordings").glob("*.au")) == []

    run(tell())


@pytest.mark.parametrize("role", ["frontend", "worker"])
def test_a_death_while_she_speaks_costs_a_second_of_it_at_most(
    center: WordCenter, role: str
) -> None:
    async def tell() -> None:
        async with people(center) as those:
            call = those.caller(6).dial("300")
            assert await call.until_answered(5), call.status
            assert await call.until(lambda: call.rtp.ear.loud >= 4, 10), "no beep"
            await asyncio.sleep(0.5)
            call.speak()
            await asyncio.sleep(4.0)
            await asyncio.to_thread(center.kill, role)
            await asyncio.sleep(1.0)
            call.hang_up()
        await eventually_async(lambda: center.queue("sales")["waiting"] == 1, 40, "it is lost")
        async with people(center) as those:
            await those.agent("anna")
            contact = await taken(center, "anna")
            data = await asyncio.to_thread(center.heard, contact, center.token)
            assert seconds_of(data, CALLER_TONES[6]) >= 2.5
            await asyncio.to_thread(center.api, f"contacts/{contact}/done", {"disposition": ""})
            await eventually_async(lambda: center.document("anna") == {}, 5, "not done")

    run(tell(), 90)
