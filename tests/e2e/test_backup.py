"""A backup of a center at work, taken while calls run, and the same center elsewhere from it."""

from __future__ import annotations

import asyncio
import smtplib
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.intake_house import letter
from tests.e2e.harness import (
    Center,
    eventually,
    eventually_async,
    people,
    reach_queue,
    run,
)
from tests.e2e.stories import HEARD, tone_of
from tests.ports import free_ports

pytestmark = pytest.mark.e2e

LETTERS = """
[[skill]]
name = "letters"
[[queue]]
id = "letters"
skills = { letters = 5 }
[[mailbox]]
name = "office"
addresses = ["office@example.test"]
queue = "letters"
"""
"""Nobody reads letters here: they wait."""


class MailCenter(Center):
    """A center that mails are handed over to."""

    def __init__(self, directory: Path) -> None:
        (self.lmtp,) = free_ports(1)
        listen = f'[intake]\nlmtp_listen = "127.0.0.1:{self.lmtp}"\n'
        super().__init__(directory, listen + LETTERS)

    def hand_over(self) -> None:
        """The same mail, each time."""
        with smtplib.LMTP("127.0.0.1", self.lmtp, timeout=10) as server:
            assert not server.sendmail("she@example.org", ["office@example.test"], letter(1))

    def mail(self) -> dict[str, Any]:
        """What waits in that queue, as a document."""
        rows: list[dict[str, Any]] = self.api("contacts?queue=letters")["contacts"]
        (contact,) = (row["contact"] for row in rows)
        found: dict[str, Any] = self.api(f"contacts/{contact}/document")
        return found


TODAY = ("offered", "answered", "abandoned", "flowed_out")


def people_of(center: Center) -> dict[str, tuple[str, str]]:
    """Everybody's state and reason."""
    rows: list[dict[str, Any]] = center.api("agents")["agents"]
    return {row["id"]: (row["presence"], row["reason"]) for row in rows}


def today(center: Center) -> dict[str, int]:
    row = center.queue("sales")
    return {name: row[name] for name in TODAY}


def ended(center: Center) -> dict[str, dict[str, Any]]:
    """The history: every ended contact, with its caller's number."""
    rows: list[dict[str, Any]] = center.api("contacts?state=ended&limit=200")["contacts"]
    return {row["contact"]: row for row in rows}


def test_a_center_at_work_is_backed_up_and_lives_on_elsewhere(tmp_path: Path) -> None:
    one, two = (MailCenter(_made(tmp_path / name)) for name in ("one", "two"))
    backup = tmp_path / "center.backup"
    seen: dict[str, Any] = {}

    async def tell() -> None:
        await asyncio.to_thread(one.hand_over)
        async with people(one) as those:
            anna = await those.agent("anna")
            served = those.caller(0).dial("100")
            await reach_queue(served)
            await anna.until_called()
            assert await served.until(lambda: served.hears((tone_of(anna),), HEARD) is not None, 10)
            served.hang_up()
            assert await anna.call.until_over(5)
            await eventually_async(lambda: len(ended(one)) == 1, 10, "not in the history")
            talking = those.caller(1).dial("100")
            await reach_queue(talking)
            await anna.until_called(2)
            assert await talking.until(
                lambda: talking.hears((tone_of(anna),), HEARD) is not None, 10
            )
            waiting = those.caller(2).dial("100")
            await reach_queue(waiting)
            await eventually_async(lambda: one.queue("sales")["waiting"] == 1, 10, "not queued")
            await asyncio.to_thread(
                one.api, "agents/ben/presence", {"presence": "not_ready", "reason": "lunch"}
            )
            await eventually_async(
                lambda: one.queue("letters")["waiting"] == 1, 10, "the mail is not queued"
            )
            seen["mail"] = await asyncio.to_thread(one.mail)
            loud = waiting.rtp.ear.loud
            await asyncio.to_thread(one.command, "backup", str(backup))
            seen.update(people=people_of(one), today=today(one), ended=ended(one))
            await asyncio.sleep(0.5)
            assert waiting.rtp.ear.loud > loud, "music plays on"
            assert talking.hears((tone_of(anna),), HEARD) is not None, "and so does the talk"
            await asyncio.to_thread(one.kill_server)

    one.start()
    run(tell(), 120)
    two.command("restore", str(backup))
    two.start()
    try:
        kept = people_of(two)
        assert kept["ben"] == ("not_ready", "lunch")
        assert {a: s for a, s in kept.items() if a != "anna"} == {
            a: s for a, s in seen["people"].items() if a != "anna"
        }
        assert {name: ended(two)[name] for name in seen["ended"]} == seen["ended"]
        assert today(two)["answered"] == seen["today"]["answered"] == 2
        two.token, made = one.token, two.token
        assert two.api("queues"), "a token of before opens the door"
        assert two.mail() == seen["mail"]
        two.hand_over()
        assert two.queue("letters")["offered"] == 1, "known already"
        two.token = made
        eventually(lambda: two.queue("sales")["waiting"] == 0, 45, "the caller is not given up")
        eventually(lambda: len(ended(two)) == 3, 20, "not everybody's end is in the history")
        results = sorted(row["result"] for row in ended(two).values())
        assert results.count("lost") == 2, results
        run(_a_call(two), 60)
        eventually(lambda: today(two)["answered"] == 3, 10, "a new call is not counted")
    finally:
        two.stop()


async def _a_call(center: Center) -> None:
    async with people(center) as those:
        anna = await those.agent("anna")
        call = those.caller(3).dial("100")
        await reach_queue(call)
        await anna.until_called()
        assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
        call.hang_up()
        assert await anna.call.until_over(5)


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory
