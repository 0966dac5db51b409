"""What the stories before, whatever they did, have left in the server: looked for at the end.

Every shared center is looked at once more when it ends (`conftest.py`), for where several workers
play, each has its own. Run alone, this makes calls of its own first.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e import noise, stories
from tests.e2e.conftest import LINGERING_GAUGES, nothing_is_kept
from tests.e2e.harness import Center, people, run

pytestmark = pytest.mark.e2e

PUBLISHED_SECONDS = 4
"""The figures are written every two seconds."""
DESCRIPTORS_MORE = 4
"""A role may open that many for itself: a database connection, a file being written."""
ROLES = ("frontend", "worker", "control", "records", "web")


def descriptors(center: Center) -> dict[str, int]:
    """How many files and sockets each role has open."""
    return {role: len(list(Path(f"/proc/{center.role(role)}/fd").iterdir())) for role in ROLES}


def some_calls(center: Center) -> None:
    """One that is talked, one that is given up, one that is lost in a bad network, and noise."""

    async def tell() -> None:
        async with people(center) as those:
            await stories.a_caller_reaches_an_agent_and_hangs_up(those)
        async with people(center, seed=2) as those:
            await stories.a_caller_leaves_while_the_agent_rings(those)
        async with people(center, seed=3) as those:
            await stories.a_caller_leaves_in_the_menu(those)

    run(tell(), 90)
    noise.throw_udp(center.sip_port, noise.messages(3, 500))


def test_after_a_silence_nothing_is_kept(center: Center) -> None:
    some_calls(center)
    before = descriptors(center)
    some_calls(center)
    published = sum(v for n, v in center.metrics().items() if n.startswith("callcenter_sip_re"))
    assert published > 0, "the figures were not read at all"
    assert {name.partition("{")[0] for name in center.metrics()} >= set(LINGERING_GAUGES)
    nothing_is_kept(center)
    after = descriptors(center)
    grown = {role: n - before[role] for role, n in after.items()}
    assert all(more <= DESCRIPTORS_MORE for more in grown.values()), grown


def test_all_counts_agree_at_the_end(center: Center) -> None:
    """Every call that was begun has ended by one name, and every contact is on one side."""
    run(asyncio.sleep(PUBLISHED_SECONDS))
    metrics = center.metrics()
    ended = sum(v for n, v in metrics.items() if n.startswith("callcenter_calls_ended_total"))
    assert ended > 0
    for row in center.api("queues")["queues"]:
        parts = ("answered", "abandoned", "flowed_out", "callbacks", "waiting")
        assert row["offered"] == sum(row[part] for part in parts), row
        assert row["waiting"] == 0
