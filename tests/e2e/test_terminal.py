"""What is done from a terminal of the center's machine is heard by callers and agents at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.asking import login
from callcenter.app.phones.audio import AGENT_TONES, tone_frame
from callcenter.app.phones.line import PhoneCall
from tests.e2e.harness import Center, Desk, People, eventually_async, people, run
from tests.e2e.stories import HEARD, tone_of
from tests.e2e.test_by_hand import au

pytestmark = pytest.mark.e2e

VALID_SECONDS = 10
FLOW = """\
flow: main-line
entry: wait
languages: [en]
nodes:
  wait:
    queue: {queue}
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: shut
    left: end
  shut: {{ hangup: closed }}
  end: {{ hangup: normal }}
"""
NURSES = """
[[skill]]
name = "nurse"
certified = true
[[queue]]
id = "nurses"
skills = { nurse = 5 }
ring_seconds = 4
wrap_up_seconds = 0
"""


def begun(directory: Path, queue: str, more: str = "") -> Center:
    """A center whose flow leads straight to one queue."""
    spoken = directory / "flows" / "prompts" / "announcements" / "en"
    spoken.mkdir(parents=True)
    (spoken / "storm.au").write_bytes(au(tone_frame(AGENT_TONES[3]), 1))
    (directory / "flows" / "main-line.yaml").write_text(FLOW.format(queue=queue), "utf-8")
    center = Center(directory, more)
    text = center.config.read_text("utf-8")
    if more:
        text = text.replace("skills = { sales = 5,", "skills = { nurse = 8, sales = 5,", 1)
    center.config.write_text(f'flows_directory = "{directory / "flows"}"\n{text}', "utf-8")
    center.start()
    return center


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    center = begun(tmp_path, "sales")
    yield center
    center.stop()


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Center]:
    """Its nurses need a certificate."""
    center = begun(tmp_path, "nurses", NURSES)
    yield center
    center.stop()


async def typed(center: Center, line: str) -> str:
    """One command, typed while the phones go on."""
    return await asyncio.to_thread(center.command, *line.split())


async def refused(center: Center, line: str) -> str:
    """The reason that control gives, as a program reads it."""
    done = await asyncio.to_thread(center.attempt, *line.split(), "--json")
    assert done.returncode == 1, done
    document = json.loads(done.stdout)
    assert not document["accepted"]
    assert f"error: refused, nothing was changed: {document['reason']}" in done.stderr
    return str(document["reason"])


async def waits(
    those: People, number: int, queue: str = "sales", *, talking: bool = False
) -> tuple[PhoneCall, str]:
    """A caller who waits in the queue (or talks already), and the id of his contact."""
    state = "active" if talking else "waiting"

    def here() -> dict[str, Any]:
        rows = those.center.api(f"contacts?state={state}")["contacts"]
        wanted = "talking" if talking else ""
        return {
            row["contact"]: row
            for row in rows
            if row["queue"] == queue and row["state"] == (wanted or row["state"])
        }

    before = await asyncio.to_thread(here)
    call = those.caller(number).dial("100")
    assert await call.until_answered(5)
    call.speak()
    await eventually_async(lambda: len(here()) > len(before), 10, f"nobody is {state}")
    [contact] = set(here()) - set(before)
    return call, str(contact)


async def hears(call: PhoneCall, desk: Desk) -> None:
    """The caller hears her."""
    assert await call.until(lambda: call.hears((tone_of(desk),), HEARD) is not None, 10)


def test_a_queue_is_closed_and_opened_from_a_terminal(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            caller, _contact = await waits(those, 0)
            assert "closed" in await typed(center, "queue close sales --dismiss --yes")
            assert await caller.until_over(5), "he who waits is sent on"
            words = ("queue", "close", "sales", "--dismiss")
            asked = await asyncio.to_thread(center.attempt, *words)
            assert (asked.returncode, "Send away everybody" in asked.stderr) == (1, True)
            late = those.caller(1).dial("100")
            assert await late.until_over(8), "who comes then finds it closed"
            row = center.queue("sales")
            assert (row["open"], row["door"], row["door_by"]) == (False, "closed", f"cli:{login()}")
            for act in ("close", "open"):
                assert await refused(center, f"queue {act} salse") == "there is no queue 'salse'"
            await typed(center, "queue open sales --follow-calendar")
            caller, _contact = await waits(those, 2)
            caller.hang_up()

    run(tell())


def test_an_announcement_is_set_from_a_terminal_and_taken_back(center: Center) -> None:
    async def tell() -> None:
        await typed(center, "queue announce storm --queue sales")
        await eventually_async(lambda: center.queue("sales")["announcement"] == "storm", 5)
        await typed(center, "queue announce --off --queue sales")
        await typed(center, "queue announce storm --all")
        await eventually_async(lambda: center.queue("billing")["announcement"] == "storm", 5)
        assert "no queue 'x'" in await refused(center, "queue announce storm --queue x")

    run(tell())


def test_contacts_are_ranked_moved_and_assigned_from_a_terminal(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna, ben = [await those.agent(name, ready=False) for name in ("anna", "ben")]
            await typed(center, "agent state ben ready")
            busy, _contact = await waits(those, 0, talking=True)
            old, second = await waits(those, 1)
            new, third = await waits(those, 2)

            await typed(center, f"contact priority {third} 9")
            await typed(center, "agent state anna ready")
            await hears(new, anna)
            await typed(center, "agent state anna not_ready --reason lunch")
            new.hang_up()
            assert await anna.call.until_over(8)
            await eventually_async(lambda: center.agent("anna")["reason"] == "lunch", 5)
            told = await refused(center, "agent state anna not_ready --reason golf")
            assert told.startswith("not_ready needs a reason, one of: break, lunch")
            told = await refused(center, f"contact priority {third} 3")
            assert told == f"there is no contact {third!r}"

            told = await refused(center, f"contact move {second} sales")
            assert told.endswith("waits in 'sales' already")
            await typed(center, f"contact move {second} billing")
            told = await refused(center, f"contact assign {second} chandra")
            assert told.startswith("agent 'chandra' is not on duty")
            await typed(center, f"contact assign {second} ben --seconds 600")
            await typed(center, "agent state anna ready")
            assert not await old.until(lambda: bool(anna.calls[1:]), 1), "it is for ben alone"
            [row] = center.api("contacts?state=waiting")["contacts"]
            assert (row["contact"], row["queue"]) == (second, "billing")
            busy.hang_up()
            await hears(old, ben)
            old.hang_up()
            assert await ben.call.until_over(8)

    run(tell(), 120)


def test_what_she_can_is_changed_from_a_terminal(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna", ready=False)
            await typed(center, "agent skills anna sales=0")
            await typed(center, "agent state anna ready")
            caller, _contact = await waits(those, 0)
            assert not await caller.until(lambda: bool(anna.calls), 1), "she has it no more"
            told = await refused(center, "agent skills anna golf=3")
            assert told.startswith("skill 'golf' is not known; known are: sales")
            await typed(center, "agent skills anna --configured")
            await hears(caller, anna)
            caller.hang_up()
            assert await anna.call.until_over(8)

    run(tell())


def test_a_certified_skill_counts_from_the_training_to_the_instant_it_expires(
    hospital: Center,
) -> None:
    train = "agent train anna --course first-aid --trainer t7 --skill nurse --level 5"

    async def tell() -> None:
        async with people(hospital) as those:
            anna = await those.agent("anna")
            first, contact = await waits(those, 0, "nurses")
            assert not await first.until(lambda: bool(anna.calls), 1), "configured is not enough"
            gaps = json.loads(await typed(hospital, f"agent gaps --contact {contact} --json"))
            assert gaps["able"] == []
            assert {"agent": "anna", "missing": {"nurse": 5}}.items() <= gaps["candidates"][
                0
            ].items()
            told = await refused(hospital, f"{train} --expires 2020-01-01")
            assert "must expire in the future" in told

            expires = int(time.time()) + VALID_SECONDS
            at = datetime.fromtimestamp(expires, UTC).isoformat()
            await typed(hospital, f"{train} --expires {at}")
            await hears(first, anna)
            assert await until_state(hospital, "expired") >= expires
            assert first.rtp.ear.loud, "a call that is under way goes on"
            first.hang_up()
            assert await anna.call.until_over(8)

            second, _contact = await waits(those, 1, "nurses")
            assert not await second.until(lambda: bool(anna.calls[1:]), 1), "she is ready in vain"
            assert hospital.agent("anna")["presence"] == "ready"
            await typed(hospital, train)
            await hears(second, anna)
            second.hang_up()
            assert await anna.call.until_over(8)
            listed = await typed(hospital, "agent certificates anna")
            assert listed.split() == ["anna", "nurse", "5", "valid", "for", "ever"]

    run(tell(), 120)


async def until_state(center: Center, state: str) -> float:
    """When her certificate was first seen in this state. Until then it was `expiring`."""
    while True:
        row = await asyncio.to_thread(center.agent, "anna")
        [certificate] = row["certificates"]
        if certificate["state"] == state:
            return time.time()
        assert certificate["state"] == "expiring"
        await asyncio.sleep(0.05)
