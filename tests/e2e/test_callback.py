"""A caller is called back: real processes, real audio, a customer's phone behind a real line.

The line (`[[trunk]]`) is a socket of ours in another process' place: it only knows the number that
it is asked for, and every customer's phone hangs on it. sipp stands in for it once.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES, tone_frame
from callcenter.app.phones.line import Line, PhoneCall
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import (
    AGENTS,
    Books,
    Center,
    Desk,
    People,
    eventually,
    eventually_async,
    free_ports,
    people,
    reach_queue,
    run,
)

pytestmark = pytest.mark.e2e

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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineCenter]:
    center = LineCenter(tmp_path_factory.mktemp("line"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert "+1555000" not in log, "a number is in the log"


@pytest.fixture
def center(whole: LineCenter) -> Iterator[LineCenter]:
    if not whole.is_whole():
        whole.kill_server()
        whole.start()
    yield whole
    eventually(whole.is_whole, 20, "a part did not come back")
    whole.command(
        "queue", "close", "sales", "--dismiss", "--yes"
    )  # a promise outlives a test that failed
    whole.command("queue", "open", "sales", "--follow-calendar")
    leave_nothing_behind(whole)


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


def reached(center: Center) -> float:
    """Customers who were called back and answered."""
    found = center.metrics().items()
    kind = "callcenter_callback_attempts_total"
    return sum(n for name, n in found if name.startswith(kind) and 'outcome="reached"' in name)


async def they_hear_each_other(agent: PhoneCall, name: str, customer: PhoneCall) -> None:
    tone = AGENT_TONES[AGENTS.index(name)]
    assert await customer.until(lambda: customer.hears((tone,), HEARD) is not None, 10)
    assert await agent.until(lambda: agent.hears((CUSTOMER_TONE,), HEARD) is not None, 5)
    assert len(agent.rtp.sources) == 1, "the agent must hear one unbroken stream"


def test_a_caller_hangs_up_and_is_called_back_when_an_agent_is_free(center: LineCenter) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 1)
            anna = await those.agent("anna", ready=False)
            await leaves_a_callback(those, 1)
            row = center.api("queues/sales")["waiting"][0]
            assert row["callback"]
            assert row["caller"] == "••• 001"
            assert phone.calls == [], "called before an agent is there"
            await asyncio.to_thread(center.make_ready, "anna")
            at_desk = await anna.until_called()
            at_home = await phone.until_called()
            await they_hear_each_other(at_desk, "anna", at_home)
            at_home.hang_up()
            assert await at_desk.until_over(5)

    run(tell())
    books.balance({"flowed_out": 1, "served": 1})
    assert books.counted("callbacks") == 1
    assert books.counted("answered") == 0
    eventually(lambda: reached(center) >= 1, 15, "no attempt is counted")
    ended = center.api("contacts?state=ended&limit=2")["contacts"]
    called = next(row for row in ended if row["origin"])
    detail = center.api(f"contacts/{called['contact']}")
    words = [line["words"] for line in detail["timeline"]]
    assert words[0] == f"A callback for the caller of {called['origin']}"
    assert [visit["outcome"] for visit in detail["visits"]] == ["callback"]
    why = center.command("why", called["contact"], "--json")
    assert "600000" not in why
    assert "callback" in why


def test_a_busy_customer_is_called_once_more_a_minute_later(center: LineCenter) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 2, answers=False)
            anna = await those.agent("anna")
            await asyncio.to_thread(center.log_out, "anna")
            await leaves_a_callback(those, 2)
            await asyncio.to_thread(center.make_ready, "anna")
            at_home = await phone.until_called()
            at_home.reject(486)
            assert await anna.call.until_over(5), "the agent is left alone on the line"
            await eventually_async(
                lambda: center.agent("anna")["presence"] == "ready", 5, "she bears the blame"
            )
            phone.answers = True
            at_home = await phone.until_called(2, seconds=75)
            assert len(anna.calls) == 2
            await they_hear_each_other(anna.call, "anna", at_home)
            anna.call.hang_up()
            assert await at_home.until_over(5)

    run(tell(), 120)
    books.balance({"flowed_out": 1, "served": 1})
    assert books.counted("callbacks") == 1


@pytest.mark.parametrize("role", ["frontend", "control", "media", "worker", "store"])
@pytest.mark.parametrize("when", ["the agent rings", "the customer rings"])
def test_a_death_in_the_middle_of_it_calls_the_customer_once(
    center: LineCenter, role: str, when: str
) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 3, answers=False)
            anna = await those.agent("anna", ready=False, answers=when != "the agent rings")
            await leaves_a_callback(those, 3)
            await asyncio.to_thread(center.make_ready, "anna")
            await anna.until_called()
            if when == "the customer rings":
                await phone.until_called()
            await asyncio.to_thread(center.kill, role)
            await asyncio.sleep(0.5)
            at_desk = await self_answered(anna)
            await phone.until_called(seconds=15)
            at_home = await self_answered(phone)
            await they_hear_each_other(at_desk, "anna", at_home)
            assert len(phone.calls) == 1, "the customer was called twice"
            at_home.hang_up()
            assert await at_desk.until_over(8)

    run(tell())
    books.balance({"flowed_out": 1, "served": 1})


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


def test_a_promise_outlives_the_whole_server(center: LineCenter) -> None:
    books = Books(center)

    async def tell() -> None:
        async with people(center) as those:
            await leaves_a_callback(those, 4)
        await asyncio.to_thread(center.stop)
        await asyncio.to_thread(center.start)
        async with people(center) as those, provider(center) as line:
            phone = customer(line, 4)
            anna = await those.agent("anna")
            at_home = await phone.until_called(seconds=15)
            await they_hear_each_other(anna.call, "anna", at_home)
            at_home.hang_up()

    run(tell(), 90)
    books.balance({"flowed_out": 1, "served": 1})


def test_a_number_that_no_line_may_dial_is_never_called(center: LineCenter) -> None:
    """She withholds nothing, but her number is abroad; and then types one that is, too."""

    async def tell() -> None:
        async with people(center) as those, provider(center) as line:
            abroad = line.phone("+49301234567", "", tone_frame(CUSTOMER_TONE))
            rung: list[PhoneCall] = []

            async def note(call: PhoneCall) -> None:
                rung.append(call)

            abroad.on_call = note
            caller = those.line.phone("+49301234567", "", tone_frame(CALLER_TONES[6]))
            call = caller.dial("100")
            await reach_queue(call, keys="11")
            await eventually_async(lambda: center.queue("sales")["waiting"] == 1, 15, "no queue")
            call.press("*2")
            for _ in range(2):
                await asyncio.sleep(1.5)
                call.press("00493012345#")
            assert await call.until_over(25)
            await those.agent("anna")
            await asyncio.sleep(1.0)
            assert rung == []
            assert center.queue("sales")["waiting"] == 0

    run(tell())


def test_sipp_is_called_back_and_its_echo_is_heard(center: LineCenter, tmp_path: Path) -> None:
    """Somebody else's telephone at the other end of the line: the agent hears herself."""
    sipp = subprocess.Popen(
        ["sipp", "-sn", "uas", "-rtp_echo", "-i", "127.0.0.1", "-p", str(center.line_port),
         "-mp", str(free_ports(1)[0]), "-m", "1", "-nostdin"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:

        async def tell() -> None:
            async with people(center) as those:
                anna = await those.agent("anna", ready=False)
                await leaves_a_callback(those, 5)
                await asyncio.to_thread(center.make_ready, "anna")
                at_desk = await anna.until_called()
                tone = AGENT_TONES[0]
                assert await at_desk.until(lambda: at_desk.hears((tone,), HEARD) is not None, 10)
                at_desk.hang_up()
                await eventually_async(lambda: sipp.poll() is not None, 15, "sipp hears no BYE")

        run(tell())
    finally:
        if sipp.poll() is None:
            sipp.kill()
        sipp.wait()
    assert sipp.returncode == 0, "sipp saw something that it did not expect"


def test_the_number_is_in_no_event(center: LineCenter) -> None:
    """After all of the above: the journal holds no digit of it."""
    state = center.directory / "state"
    archived = [path for path in (state / "archive").rglob("*") if path.is_file()]
    assert archived
    for path in archived:
        assert not re.search(rb"\+1555000\d{4}", path.read_bytes()), path
