"""What the stories of callbacks share: a center with a line, and the customer at its other end.

The line (`[[trunk]]`) is a socket of ours in another process' place: it only knows the number that
it is asked for, and every customer's phone hangs on it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES, tone_frame
from callcenter.app.phones.line import Line, PhoneCall
from tests.e2e.harness import AGENTS, Center, Desk, People, eventually_async, reach_queue
from tests.ports import free_ports

CUSTOMER_TONE = CALLER_TONES[5]
HEARD = 3


class LineCenter(Center):
    """A center that may call numbers that begin with +1555 by a line."""

    def __init__(self, directory: Path) -> None:
        (self.line_port,) = free_ports(1)
        super().__init__(
            directory,
            f'[[trunk]]\nname = "provider"\naddress = "127.0.0.1:{self.line_port}"\ndial = ["+1555"]\n',
        )
        text = self.config.read_text("utf-8").replace(
            'id = "sales"\n', 'id = "sales"\ncallback = { ring_seconds = 20, retry_minutes = 1 }\n'
        )
        self.config.write_text(text, "utf-8")


SEEDS = itertools.count(7000)
"""Of lines: the same names twice within half a minute are one message that was sent again."""


@asynccontextmanager
async def provider(center: LineCenter) -> AsyncIterator[Line]:
    """The other end of the line."""
    line = Line(center.sip, "127.0.0.1", seed=next(SEEDS), port=center.line_port)
    await line.start()
    try:
        yield line
    finally:
        await line.stop()


def customer(line: Line, number: int, *, answers: bool = True) -> Desk:
    """The phone of the caller with this number, as the provider reaches it."""
    phone = line.phone(f"+1555000{number:04d}", "", tone_frame(CUSTOMER_TONE))
    desk = Desk(phone)
    desk.answers = answers
    return desk


async def leaves_a_callback(those: People, number: int) -> None:
    """She waits, presses the key, confirms the number that is read to her, and is said good-bye."""
    waiting = those.center.queue("sales")["waiting"]
    call = those.caller(number).dial("100")
    await reach_queue(call, keys="11")
    await eventually_async(
        lambda: those.center.queue("sales")["waiting"] == waiting + 1, 15, "not in the queue"
    )
    call.press("*2")
    await asyncio.sleep(2.0)
    call.press("1")
    assert await call.until_over(15), "nothing was promised"
    assert not call.ended_by_us
    await eventually_async(
        lambda: those.center.queue("sales")["waiting"] == waiting + 1, 5, "nothing waits for her"
    )


async def they_hear_each_other(agent: PhoneCall, name: str, customer: PhoneCall) -> None:
    tone = AGENT_TONES[AGENTS.index(name)]
    assert await customer.until(lambda: customer.hears((tone,), HEARD) is not None, 10)
    assert await agent.until(lambda: agent.hears((CUSTOMER_TONE,), HEARD) is not None, 5)
    assert len(agent.rtp.sources) == 1, "the agent must hear one unbroken stream"


async def self_answered(desk: Desk) -> PhoneCall:
    """The one call at a phone, answered now unless it is already."""
    ringing: list[PhoneCall] = []

    def is_there() -> bool:
        ringing[:] = [one for one in desk.calls if not one.is_over]
        return bool(ringing)

    await eventually_async(is_there, 15, "nothing rings")
    assert len(ringing) == 1, "one callback rings twice"
    if not ringing[0].is_answered:
        ringing[0].speak()
        ringing[0].answer()
    return ringing[0]


def no_number_in_the_journal(center: LineCenter) -> None:
    """After all that was played here, no event holds a digit of anybody's number."""
    state = center.directory / "state"
    archived = [path for path in (state / "archive").rglob("*") if path.is_file()]
    assert archived
    for path in archived:
        assert not re.search(rb"\+1555000\d{4}", path.read_bytes()), path
