"""Why, asked of a living center: the command and the API, while phones ring and callers wait."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.e2e.harness import Center, People, eventually_async, people, reach_queue, run

pytestmark = pytest.mark.e2e


async def why(center: Center, name: str) -> Any:
    """What `callcenter why` says of it, as JSON."""
    return json.loads(await asyncio.to_thread(center.command, "why", name, "--json"))


async def contacts(center: Center, state: str) -> list[str]:
    found = await asyncio.to_thread(center.api, f"contacts?state={state}&queue=sales")
    return [row["contact"] for row in found["contacts"] if row["state"] != "flow"]


async def one_talks_and_one_waits(center: Center, cast: People) -> tuple[str, str]:
    """Anna answers the first caller, the second has nobody."""
    anna = await cast.agent("anna")
    first = cast.caller(0).dial("100")
    await reach_queue(first)
    await anna.until_called()
    await eventually_async(lambda: center.agent("anna")["presence"] == "talking")
    (talking,) = await contacts(center, "active")
    second = cast.caller(1).dial("100")
    await reach_queue(second)
    await eventually_async(lambda: center.queue("sales")["waiting"] == 1)
    (waiting,) = await contacts(center, "waiting")
    return talking, waiting


def test_why_is_answered_while_the_center_works(center: Center) -> None:
    async def story() -> None:
        async with people(center) as cast:
            ben = await cast.agent("ben", ready=False)
            assert await ben.phone.register(0), "he has said goodbye"
            await eventually_async(lambda: not center.agent("ben")["reachable"])
            talking, waiting = await one_talks_and_one_waits(center, cast)

            told = await why(center, talking)
            assert told["text"] == "talks with Anna"
            (decision,) = [m["decision"] for m in told["moments"] if m["decision"]]
            assert (decision["agent"], decision["redecided"]) == ("anna", True)
            others = {p["agent"]: p for rule in decision["others"] for p in rule["people"]}
            assert others["ben"]["rules"] == ["logged_out", "unreachable"]

            told = await why(center, waiting)
            assert told["state"] == "waiting"
            assert told["text"].startswith("waits in Sales, nobody ahead of it: 1 could take it")
            agents = {p["agent"]: p["text"] for r in told["waiting"]["agents"] for p in r["people"]}
            assert agents["anna"] == f"on contact {talking}"
            assert "leaves" in [due["what"] for due in told["waiting"]["next"]]
            asked = await asyncio.to_thread(center.api, f"contacts/{waiting}/why")
            assert asked["moments"] == told["moments"], "the API says the same"

            told = await why(center, "anna")
            assert told["contact"] == talking
            assert [line["contact"] for line in told["line"]] == [waiting]
            assert told["offers"][-1]["kind"] == "OfferAccepted"
            asked = await asyncio.to_thread(center.api, "agents/anna/why")
            assert asked["obstacles"] == told["obstacles"] == [f"on contact {talking}"]

            text = await asyncio.to_thread(center.command, "why", waiting)
            assert text.startswith(f"Contact {waiting}")
            assert "What happens next:" in text
            assert "+1555" not in text, "nothing of the caller is told"
            counts = await asyncio.to_thread(center.metrics)
            assert counts['callcenter_web_explanations_total{result="answered"}'] >= 2

    run(story(), 120)
