"""What she is offered, at her desk: seen before it rings, taken, or passed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callcenter.domain import events as e
from callcenter.domain.center import Center as CenterConfig
from callcenter.domain.commands import Presence
from callcenter.records.day import as_time
from tests.control.house import agent, queue
from tests.web.center import Center, events_of, within

LOOKS = CenterConfig(
    queues=(queue("sales", preview_seconds=15, declines_max=3),),
    agents=(agent("ann"), agent("ben")),
)
RINGS = CenterConfig(queues=(queue("sales"),), agents=(agent("ann"), agent("ben")))


async def say(found: Center, what: str, offer: str, headers: dict[str, str]) -> int:
    path = f"/api/v1/offers/{offer}/answer"
    body = {"accept": what == "accept"}
    return (await found.client.post(path, json=body, headers=headers)).status


async def offered(found: Center) -> dict[str, Any]:
    """Ann has logged in, is ready, and is offered a call."""
    found.house.presence("ann", Presence.READY)
    await found.call("c1")
    shown: dict[str, Any] = (await found.get("/agents/ann/desk"))["offer"]
    return shown


def test_she_sees_until_when_she_may_decide_and_takes_it(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.configure(LOOKS, "looks")
        csrf = await found.log_in("ann")
        offer = await offered(found)
        end = as_time(found.house.now + 15_000_000)
        assert offer["preview_until"] == end.isoformat().replace("+00:00", "Z")
        assert offer["caller"] == "+34600123456"
        assert (await found.get("/wall"))["waiting"][0]["preview"] is True
        assert await say(found, "accept", offer["offer"], csrf) == 200
        assert events_of(found, e.OfferConfirmed)
        offer = (await found.get("/agents/ann/desk"))["offer"]
        assert offer["preview_until"] is None
        assert (await found.get("/wall"))["waiting"][0]["preview"] is False
        assert await say(found, "accept", offer["offer"], csrf) == 409

    within(tmp_path, story)


def test_she_passes_it_on(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.configure(LOOKS, "looks")
        csrf = await found.log_in("ann")
        found.house.presence("ben", Presence.NOT_READY, "lunch")
        offer = await offered(found)
        assert await say(found, "decline", offer["offer"], csrf) == 200
        (declined,) = events_of(found, e.OfferDeclined)
        assert declined.agent == "ann"
        assert (await found.get("/agents/ann"))["declined"] == 1

    within(tmp_path, story)


def test_a_ringing_phone_is_stopped_from_the_desk_but_not_picked_up(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.configure(RINGS, "rings")
        csrf = await found.log_in("ann")
        offer = await offered(found)
        assert offer["preview_until"] is None
        assert await say(found, "accept", offer["offer"], csrf) == 409
        assert await say(found, "decline", offer["offer"], csrf) == 200
        assert await say(found, "decline", offer["offer"], csrf) == 409

    within(tmp_path, story)


def test_nobody_answers_for_her_but_a_supervisor(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.configure(LOOKS, "looks")
        csrf = await found.log_in("ben")
        sue = await found.token("supervisor")
        found.house.presence("ann", Presence.READY)
        await found.call("c1")
        offer = (await found.get("/agents/ann/desk", **sue))["offer"]["offer"]
        assert await say(found, "accept", offer, csrf) == 403
        assert await say(found, "decline", offer, csrf) == 403
        assert await say(found, "accept", "o9-9", csrf) == 409
        assert await say(found, "accept", offer, sue) == 200
        assert events_of(found, e.OfferConfirmed)

    within(tmp_path, story)
