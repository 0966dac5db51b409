"""The demo's center has a free agent for whoever tries it, and ports that are its own."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.config import load_settings
from callcenter.app.demo import command, load
from callcenter.app.demo.center import QUEUES, SCENARIOS, VISITOR, write_center
from callcenter.app.demo.command import choose_ports, typed_at
from callcenter.app.phones.command import free_port


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_the_visitor_can_serve_every_queue_and_is_played_by_nobody(
    tmp_path: Path, scenario: str
) -> None:
    center = write_center(
        tmp_path, sip="127.0.0.1:5060", web="127.0.0.1:8080", scenario=SCENARIOS[scenario],
        rtp_ports="10000-10599",
    )  # fmt: skip
    settings = load_settings(center.config)
    you = next(agent for agent in settings.agents if agent.id == VISITOR)
    for queue in QUEUES:
        assert all(you.skills[skill] >= least for skill, least in queue["skills"].items())
    assert you.password.get_secret_value() == center.passwords[VISITOR]
    assert VISITOR not in [name for name, *_ in center.agents()]


def test_two_demos_of_one_seed_get_ports_of_their_own() -> None:
    blocks = [choose_ports(1), choose_ports(1)]
    ports = [
        set(range(first, last + 1)) for b in blocks for first, last in (b.server, b.phone)
    ]  # fmt: skip
    assert sum(len(some) for some in ports) == len(set().union(*ports))
    for block in blocks:
        block.guard.close()


def test_ports_that_somebody_has_are_not_taken() -> None:
    first = choose_ports(1)
    first.guard.close()
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", first.phone[0]))
        second = choose_ports(1)
        second.guard.close()
    assert second.server != first.server


def test_the_drain_ends_within_fifteen_seconds() -> None:
    phones = load.DRAIN_SECONDS + 2 * load.HANGING_UP_SECONDS
    assert phones < command.TELL_SECONDS < command.DRAIN_SECONDS <= 15


def test_at_the_end_nobody_calls_any_more_and_who_cannot_leave_is_named() -> None:
    orders = load.Orders(
        server=("127.0.0.1", free_port()), domain="127.0.0.1", number="100", seed=1,
        calls_per_minute=60, patience_seconds=60, talk_seconds=10, weights={"1,1": 1},
    )  # fmt: skip

    async def story() -> dict[str, Any]:
        day = load.Day(orders)
        await day.line.start()
        drained = asyncio.Event()
        running = asyncio.create_task(day.run(drained))
        while not day.callers:
            await asyncio.sleep(0.02)
        drained.set()
        await running
        day.line.spawn(day._one_call())  # as if the time was up between the two
        await day.close()
        result = day.result()
        await day.line.stop()
        return result

    result = asyncio.run(story())
    assert result["placed"] == 1
    assert [caller["outcome"] for caller in result["callers"]] == ["drained"]


def test_the_command_was_typed_before_this_test_began() -> None:
    assert time.monotonic() - typed_at() > 0
