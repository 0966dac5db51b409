"""What a supervisor does is heard by callers: an announcement, another queue, a closed door."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.phones.audio import AGENT_TONES, tone_frame
from tests.e2e.harness import Center, eventually, eventually_async, people, run
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e

STORM_TONE = AGENT_TONES[3]
STORM_SECONDS = 30
FLOW = """\
flow: main-line
entry: sales
languages: [en]
nodes:
  sales:
    queue: sales
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: shut
    left: end
  shut: { hangup: closed }
  end: { hangup: normal }
"""


def au(frame: bytes, seconds: int) -> bytes:
    """A u-law file of 20 ms frames."""
    audio = frame * (50 * seconds)
    return struct.pack(">4sIIIII", b".snd", 24, len(audio), 1, 8000, 1) + audio


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    """The flow leads straight to sales; one announcement is recorded, long and easy to know."""
    spoken = tmp_path / "flows" / "prompts" / "announcements" / "en"
    spoken.mkdir(parents=True)
    (tmp_path / "flows" / "main-line.yaml").write_text(FLOW, "utf-8")
    (spoken / "storm.au").write_bytes(au(tone_frame(STORM_TONE), STORM_SECONDS))
    center = Center(tmp_path)
    text = center.config.read_text("utf-8")
    center.config.write_text(f'flows_directory = "{tmp_path / "flows"}"\n{text}', "utf-8")
    center.start()
    yield center
    center.stop()


def waiting(center: Center) -> dict[str, Any]:
    """The only contact that waits."""
    [found] = center.api("contacts?state=waiting")["contacts"]
    return dict(found)


def test_an_announcement_is_heard_until_an_agent_answers(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna", ready=False)
            body = {"announcement": "storm"}
            answer = await asyncio.to_thread(center.api, "queues/sales/announcement", body)
            assert answer["accepted"], answer
            caller = those.caller(0).dial("100")
            assert await caller.until_answered(5)
            caller.speak()
            assert await caller.until(lambda: caller.hears((STORM_TONE,), HEARD) is not None, 10)
            await asyncio.to_thread(center.make_ready, "anna")
            assert await caller.until(lambda: caller.hears((tone_of(anna),), HEARD) is not None, 10)
            before = caller.rtp.ear.windows[STORM_TONE]
            await asyncio.sleep(1)
            assert caller.rtp.ear.windows[STORM_TONE] == before, "it is over"
            caller.hang_up()
            assert await anna.call.until_over(8)

    run(tell())


def test_who_is_moved_by_hand_is_answered_there(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna", ready=False)
            caller = those.caller(0).dial("100")
            assert await caller.until_answered(5)
            caller.speak()
            await eventually_async(lambda: center.queue("sales")["waiting"] == 1, 10, "not queued")
            path = f"contacts/{waiting(center)['contact']}/move"
            answer = await asyncio.to_thread(center.api, path, {"queue": "billing"})
            assert answer["accepted"], answer
            assert center.queue("billing")["waiting"] == 1
            await asyncio.to_thread(center.make_ready, "anna")
            assert await caller.until(lambda: caller.hears((tone_of(anna),), HEARD) is not None, 10)
            caller.hang_up()
            assert await anna.call.until_over(8)

    run(tell())
    eventually(lambda: bool(center.api("contacts?state=ended")["contacts"]), 10, "no record")
    [record] = center.api("contacts?state=ended")["contacts"]
    assert (record["queue"], record["result"]) == ("billing", "served")
    told = center.api(f"contacts/{record['contact']}")
    assert any("moved by" in line["words"] for line in told["timeline"]), told["timeline"]
    ends = [(visit["queue"], visit["outcome"], visit["reason"]) for visit in told["visits"]]
    assert ends == [("sales", "flowed_out", "moved"), ("billing", "answered", "")]


def test_a_queue_closed_by_hand_sends_those_who_wait_on_and_takes_nobody(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            caller = those.caller(0).dial("100")
            assert await caller.until_answered(5)
            await eventually_async(lambda: center.queue("sales")["waiting"] == 1, 10, "not queued")
            await asyncio.to_thread(center.api, "queues/sales/close", {"dismiss": True})
            assert await caller.until_over(5)
            late = those.caller(1).dial("100")
            assert await late.until_over(8)

    run(tell())
    eventually(lambda: len(center.api("contacts?state=ended")["contacts"]) == 2, 10, "no records")
    ended = center.api("contacts?state=ended")["contacts"]
    assert {record["reason"] for record in ended} == {"queue_closed"}
    row = center.queue("sales")
    assert (row["offered"], row["flowed_out"]) == (1, 1)
