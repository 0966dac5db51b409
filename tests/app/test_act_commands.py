"""`callcenter queue`, `contact` and `agent`, typed beside a running control center."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from callcenter.adapters.history import History
from callcenter.adapters.store.replica import read_batches
from callcenter.adapters.store.wire import read_batch
from callcenter.app.__main__ import callcenter
from callcenter.app.agent_commands import after_day, end_of
from callcenter.app.asking import login
from callcenter.app.flow_files import prompt_names
from callcenter.domain.commands import QueueRequested
from callcenter.domain.errors import CallcenterError, WrongInput
from callcenter.domain.events import QueueClosed
from callcenter.domain.units import SECOND, AgentId, ContactId, QueueId
from callcenter.records.book import Book
from tests.adapters.store_server import Led, StoreServer, arrival, envelope, seed, until
from tests.control.house import House
from tests.records.stories import batches
from tests.records.test_by_hand import office


@pytest.fixture
def led(tmp_path: Path) -> Iterator[Led]:
    store = StoreServer(tmp_path / "store")
    store.start()
    connection = store.connect()
    connection.call("XADD", store.keys.cmds, "*", "e", seed())
    waits = QueueRequested(contact=ContactId("c1"), queue=QueueId("sales"))
    connection.call("XADD", store.keys.cmds, "*", "e", envelope("f", 1, 1, arrival(1), waits))
    leader = Led(store)
    until(leader.ready.is_set)
    yield leader
    leader.end()
    store.close()


def typed(folder: Path, *words: str, led: Led | None = None) -> Result:
    file = folder / "callcenter.toml"
    url = f'[store]\nurl = "{led.store.url}"\n' if led else ""
    file.write_text(f'state_directory = "{folder / "state"}"\n' + url)
    return CliRunner().invoke(callcenter, [*words, "--config", str(file)])


def test_each_act_is_done_by_the_control_center_and_said(tmp_path: Path, led: Led) -> None:
    state = led.leader.replica.control.state
    for words, said in (
        ("contact priority c1 9", "c1 has priority 9"),
        ("queue close sales", "sales is closed by hand"),
        ("queue open sales --follow-calendar", "sales follows its calendar"),
        ("queue announce welcome --queue sales", "announcement welcome on: sales"),
        ("agent state ana not_ready --reason lunch", "ana is not_ready"),
        ("agent skills ana sales=7", "ana: sales 7"),
        ("agent train ana --course s-2 --trainer t7 --skill sales --level 9", "recorded: ana, s-2"),
    ):
        done = typed(tmp_path, *words.split(), led=led)
        assert (done.exit_code, said in done.output) == (0, True), (words, done.output)
    assert state.contacts[ContactId("c1")].priority == 9
    shown_now = typed(tmp_path, *["agent", "certificates", "ana"], led=led)
    assert (shown_now.stdout.split()[:4], shown_now.stderr) == (["ana", "sales", "9", "valid"], "")
    assert state.doors == {}
    assert state.announcements == {"sales": "welcome"}
    found = state.people[AgentId("ana")]
    assert (found.by_hand, found.certificates["sales"].level) == ({"sales": 7}, 9)
    off = typed(tmp_path, *["queue", "announce", "--off", "--queue", "sales", "--json"], led=led)
    assert json.loads(off.stdout)["accepted"] is True
    assert state.announcements == {}
    dismissed = typed(tmp_path, *["queue", "close", "sales", "--dismiss", "--yes"], led=led)
    assert dismissed.exit_code == 0
    assert state.contacts[ContactId("c1")].queue == "sales"
    assert state.doors == {"sales": False}


REFUSED: list[tuple[str, str]] = [
    ("contact move c1 none", "there is no queue 'none'"),
    ("contact assign c1 none", "there is no agent 'none'"),
    ("contact priority c9 1", "there is no contact 'c9'"),
    ("queue close none", "there is no queue 'none'"),
    ("agent skills ana fax=1", "skill 'fax' is not known"),
    ("agent state ana not_ready", "needs a reason"),
]


def test_a_refusal_is_told_in_words_and_is_a_failure(tmp_path: Path, led: Led) -> None:
    for words, reason in REFUSED:
        answer = typed(tmp_path, *words.split(), "--json", led=led)
        assert isinstance(answer.exception, CallcenterError), words
        assert reason in str(answer.exception)
        assert json.loads(answer.stdout)["accepted"] is False


WRONG = [
    "queue announce welcome",
    "queue announce welcome --all --queue sales",
    "queue announce --all",
    "queue announce welcome --all --off",
    "contact priority c1 11",
    "contact assign c1 ana --seconds 0",
    "agent state ana asleep",
    "agent state ana ready --reason lunch",
    "agent skills ana sales=11",
    "agent skills ana sales",
    "agent skills ana sales=1 --configured",
    "agent train ana --course a --trainer Tom!",
    "agent train ana --course a --trainer t --skill sales",
    "agent train ana --course a --trainer t --expires 2030-01-01",
]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_told_before_anything_is_asked(tmp_path: Path, words: str) -> None:
    assert typed(tmp_path, *words.split()).exit_code == 2


def test_an_announcement_that_nobody_recorded_is_told_with_those_there_are(tmp_path: Path) -> None:
    answer = typed(tmp_path, "queue", "announce", "nothing", "--all")
    assert isinstance(answer.exception, WrongInput)
    assert "welcome" in answer.exception.problems[0].hint


def test_dismissing_asks_first(tmp_path: Path) -> None:
    assert typed(tmp_path, "queue", "close", "sales", "--dismiss").exit_code == 1


def test_without_a_server_the_reason_is_told(tmp_path: Path) -> None:
    answer = typed(tmp_path, "queue", "open", "sales")
    assert "Is the server running?" in str(answer.exception)
    nothing = typed(tmp_path, "agent", "certificates")
    assert "nothing is known of this center yet" in str(nothing.exception)


def test_nothing_is_asked_while_nobody_leads(tmp_path: Path, led: Led) -> None:
    led.end()
    connection = led.store.connect()
    until(lambda: not connection.call("EXISTS", led.store.keys.lease))
    before = connection.call("XLEN", led.store.keys.cmds)
    answer = typed(tmp_path, "queue", "close", "sales", led=led)
    assert "no control center leads, so nothing was asked" in str(answer.exception)
    assert connection.call("XLEN", led.store.keys.cmds) == before


def test_an_act_is_in_the_name_of_who_runs_the_command(
    tmp_path: Path, led: Led, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert typed(tmp_path, "queue", "close", "sales", led=led).exit_code == 0
    closed = [
        event
        for _seq, data in read_batches(led.store.connect(), led.store.keys, 0)
        for event in read_batch(data).events
        if isinstance(event, QueueClosed)
    ]
    assert [event.by for event in closed] == [f"cli:{login()}"]
    assert login() != "somebody-else"


def remembered(folder: Path, house: House) -> None:
    """The history of a center, as its records role would have written it."""
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)

    async def write() -> None:
        (folder / "state").mkdir(exist_ok=True)
        history = await History.open(f"sqlite:///{folder / 'state' / 'history.db'}")
        try:
            await history.records.write(book.take())
        finally:
            await history.close()

    asyncio.run(write())


def shown(folder: Path, *words: str) -> Any:
    answer = typed(folder, *words, "--json")
    assert answer.exit_code == 0, answer.output
    assert "Is the server running?" in answer.stderr
    return json.loads(answer.stdout)


def test_what_agents_can_and_have_is_shown(tmp_path: Path) -> None:
    house = office()
    house.train("ann", "aid", 7)
    house.call("c1", queue="help")
    remembered(tmp_path, house)
    assert shown(tmp_path, "agent", "skills", "ann")["skills"] == {"english": 5, "aid": 7}
    everybody = shown(tmp_path, "agent", "certificates")
    assert [len(one["certificates"]) for one in everybody] == [1, 0]
    assert "for ever" in typed(tmp_path, "agent", "certificates", "ann").output
    assert "aid" in typed(tmp_path, "agent", "skills", "ann").output
    report = shown(tmp_path, "agent", "gaps", "--queue", "help")
    assert report["queues"][0]["gaps"][0]["able"] == ["ann"]
    assert "aid 4: needed 1 times" in typed(tmp_path, "agent", "gaps").output
    told = shown(tmp_path, "agent", "gaps", "--contact", "c1")
    assert [one["agent"] for one in told["candidates"]] == ["ben"]
    assert (
        "ben              needs aid 4"
        in typed(tmp_path, *["agent", "gaps", "--contact", "c1"]).output
    )
    for words in ("agent skills cy", "agent gaps --queue none", "agent gaps --contact c9"):
        assert isinstance(typed(tmp_path, *words.split()).exception, CallcenterError)


def test_a_certificate_is_valid_through_its_last_day_where_the_center_is() -> None:
    assert after_day(date(2026, 11, 28), "Europe/Madrid") == (1_795_906_800 * SECOND)


def test_a_certificate_may_end_at_a_moment_of_its_last_day() -> None:
    assert end_of("2026-11-28", "Europe/Madrid") == 1_795_906_800 * SECOND
    assert end_of("2026-11-28T23:59:59", "Europe/Madrid") == (1_795_906_800 - 1) * SECOND
    for wrong in ("soon", "2026-13-01"):
        with pytest.raises(WrongInput, match="is no time"):
            end_of(wrong, "Europe/Madrid")


def test_the_words_of_the_phone_itself_are_no_announcement(tmp_path: Path) -> None:
    for prompt in ("system/en/ready", "main-line/en/welcome", "announcements/en/storm"):
        audio = tmp_path / "prompts" / f"{prompt}.au"
        audio.parent.mkdir(parents=True)
        audio.touch()
    assert prompt_names(tmp_path) == ["storm", "welcome"]
