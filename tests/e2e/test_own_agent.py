"""A known customer is led to her own agent, from the imported table through the flow to the phone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.app.phones.audio import CALLER_TONES
from callcenter.app.phones.line import PhoneCall
from tests.e2e.harness import Center, Desk, eventually, people, run
from tests.e2e.stories import HEARD, tone_of

pytestmark = pytest.mark.e2e

FLOW = """\
flow: main-line
entry: who
languages: [en]
nodes:
  who: { lookup: { by: caller_number }, found: sales, unknown: sales }
  sales:
    queue: sales
    agent: customer.agent
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: end
    left: end
  end: { hangup: normal }
"""
TABLE = "customer_number,phone,agent\n1001,+15550000000,chandra\n1002,+15550000001,nobody-of-ours\n"
STICKY = "short_abandon_seconds = 1\nplan = { sticky_seconds = 60 }\n"


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    """Sales waits a minute for whoever the customer's row names."""
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "main-line.yaml").write_text(FLOW, "utf-8")
    (tmp_path / "customers.csv").write_text(TABLE, "utf-8")
    center = Center(tmp_path)
    text = center.config.read_text("utf-8").replace("short_abandon_seconds = 1\n", STICKY, 1)
    center.config.write_text(f'flows_directory = "{flows}"\n{text}', "utf-8")
    center.command("import", "customers", str(tmp_path / "customers.csv"))
    center.start()
    yield center
    center.stop()


def test_a_customer_reaches_her_own_agent_and_others_whoever_is_free(center: Center) -> None:
    async def answered(caller: PhoneCall, desk: Desk, tone: int) -> None:
        await desk.until_called()
        caller.speak()
        assert await caller.until(lambda: caller.hears((tone_of(desk),), HEARD) is not None, 10)
        assert await desk.call.until(lambda: desk.call.hears((tone,), HEARD) is not None, 10)

    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna")
            chandra = await those.agent("chandra", ready=False)
            hers = those.caller(0).dial("100")
            assert await hers.until_answered(5)
            # Chandra is not on duty, so nobody is waited for alone: anna has the call.
            await answered(hers, anna, CALLER_TONES[0])
            hers.hang_up()
            assert await anna.call.until_over(8)

            await asyncio.to_thread(center.make_ready, "chandra")
            again = those.caller(0).dial("100")
            await answered(again, chandra, CALLER_TONES[0])
            others = those.caller(1).dial("100")
            await anna.until_called(2)
            assert len(chandra.calls) == 1, "she has her own customer"
            others.hang_up()
            again.hang_up()
            assert await chandra.call.until_over(8)

    run(tell())
    assert center.queue("sales")["offered"] == 3
    eventually(lambda: missing(center) == 1, 15, "nobody-of-ours was not counted")


def missing(center: Center) -> float:
    """How many agents were named that the center does not have."""
    found = center.metrics().items()
    named = 'callcenter_names_missing_total{kind="agent"'
    return sum(value for name, value in found if name.startswith(named))
