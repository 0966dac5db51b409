"""`callcenter why` from the files alone, and the web's way to it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from callcenter.app import why_asked
from callcenter.app.__main__ import callcenter
from callcenter.app.why_asked import Whys, told_by
from callcenter.app.why_command import moment_of
from callcenter.domain import events as e
from callcenter.domain.errors import CallcenterError, WrongInput
from callcenter.domain.units import SECOND
from callcenter.web.problems import Refused
from callcenter.web.tally import Tally
from tests.adapters.archived_day import ArchivedDay
from tests.simulation.day import Day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> ArchivedDay:
    simulated = Day(5, 40)
    simulated.run()
    return ArchivedDay(tmp_path_factory.mktemp("state") / "archive", simulated)


@pytest.fixture
def config(day: ArchivedDay, tmp_path: Path) -> Path:
    file = tmp_path / "callcenter.toml"
    file.write_text(f'state_directory = "{day.directory.parent}"\n')
    return file


def made(day: ArchivedDay) -> e.OfferMade:
    return next(x for b in day.batches for x in b.events if isinstance(x, e.OfferMade))


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(callcenter, ["why", *words, "-c", str(config)])


def document(config: Path, *words: str) -> Any:
    return json.loads(run(config, *words, "--json").stdout)


def test_a_contact_of_yesterday_is_explained_from_the_files(config: Path, day: ArchivedDay) -> None:
    offer = made(day)
    result = run(config, offer.contact)
    assert result.exit_code == 0
    assert f"Contact {offer.contact}" in result.stdout
    assert "offered to Agent" in result.stdout
    assert "why: " in result.stdout
    assert "the store does not answer" in result.stderr
    told = document(config, offer.contact)
    assert told["state"] == "ended"
    decision = next(m["decision"] for m in told["moments"] if m["decision"])
    assert (decision["agent"], decision["redecided"]) == (offer.agent, True)


def test_an_agent_of_a_moment_is_explained(config: Path, day: ArchivedDay) -> None:
    offer = made(day)
    batch = next(b for b in day.batches if offer in b.events)
    at = datetime.fromtimestamp(batch.at / SECOND + 0.001, UTC).isoformat()
    result = run(config, offer.agent, "--at", at)
    assert result.exit_code == 0, result.stderr
    assert f"({offer.agent})" in result.stdout
    assert "Her last offers:" in result.stdout
    assert document(config, offer.agent, "--at", at)["contact"] == offer.contact


def test_an_unknown_id_is_a_failure_and_a_bad_time_is_wrong_use(config: Path) -> None:
    with pytest.raises(CallcenterError, match=r"no contact or agent 'c999'.*only what is archived"):
        CliRunner().invoke(callcenter, ["why", "c999", "-c", str(config)], catch_exceptions=False)
    with pytest.raises(WrongInput) as wrong:
        moment_of("noonish", "UTC")
    assert "write 14:05" in str(wrong.value.problems[0])


@pytest.mark.parametrize(
    ("typed", "hour"),
    [("9:05", "2026-11-28T09:05:00+01:00"), ("14:05:30", "2026-11-28T14:05:30+01:00"),
     ("2026-11-27T10:00", "2026-11-27T10:00:00+01:00"),
     ("2026-11-27T10:00:00Z", "2026-11-27T10:00:00+00:00")],
)  # fmt: skip
def test_a_time_is_read_on_the_centers_clock(typed: str, hour: str) -> None:
    today = datetime(2026, 11, 28, 12, tzinfo=UTC)
    at = moment_of(typed, "Europe/Berlin", today)
    assert at == round(datetime.fromisoformat(hour).timestamp()) * SECOND


def asked(day: ArchivedDay, tally: Tally) -> Whys:
    return Whys(day.directory, "unix:///nowhere/s", "cc", tally)


def test_the_web_asks_a_child_and_counts_how_it_went(
    day: ArchivedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why_asked, "ANSWER_SECONDS", 90.0)  # a busy machine is no failure of ours
    tally, offer = Tally(), made(day)

    async def story() -> None:
        whys = asked(day, tally)
        told = await whys.contact(offer.contact, 0, "sue")
        assert told.contact == offer.contact
        assert any(moment.decision for moment in told.moments)
        with pytest.raises(Refused) as unknown:
            await whys.agent("nobody", 0, "sue")
        assert unknown.value.document.status == 404

    asyncio.run(story())
    assert dict(tally.explanations) == {"answered": 1, "unknown": 1}


def test_what_takes_too_long_is_refused_with_a_way_on(
    day: ArchivedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why_asked, "ANSWER_SECONDS", 0.01)
    tally = Tally()
    with pytest.raises(Refused) as refused:
        asyncio.run(asked(day, tally).contact("c1", 0, "sue"))
    assert refused.value.kind == "too-long"
    assert "callcenter why" in refused.value.document.detail
    assert tally.explanations["too_long"] == 1


def test_too_many_questions_at_once_are_refused(
    day: ArchivedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why_asked, "AT_ONCE", 0)
    monkeypatch.setattr(why_asked, "WAITING_MAX", 0)
    tally = Tally()
    with pytest.raises(Refused, match="too many"):
        asyncio.run(asked(day, tally).contact("c1", 0, "sue"))
    assert tally.explanations["busy"] == 1


def test_one_login_does_not_take_the_room_of_the_others(day: ArchivedDay) -> None:
    tally = Tally()

    async def story() -> None:
        whys = asked(day, tally)
        await whys._turns.acquire()
        await whys._turns.acquire()  # two others are being answered
        sues = [asyncio.create_task(whys.contact("c1", 0, "sue")) for _ in range(10)]
        toms = asyncio.create_task(whys.contact("c1", 0, "tom"))
        await asyncio.sleep(0)
        refused = [task.exception() for task in sues if task.done()]
        assert len(refused) == 10 - why_asked.EACH_MAX
        assert all(isinstance(one, Refused) and one.document.status == 429 for one in refused)
        assert not toms.done(), "she waits for her turn"
        for task in (*sues, toms):
            task.cancel()
        await asyncio.gather(*sues, toms, return_exceptions=True)
        assert not whys._asked, "nobody is remembered"

    asyncio.run(story())


def test_a_child_that_broke_off_is_told_so() -> None:
    with pytest.raises(Refused) as refused:
        told_by(b"")
    assert refused.value.kind == "broke-off"


def test_a_center_that_never_ran_knows_nobody(tmp_path: Path) -> None:
    file = tmp_path / "callcenter.toml"
    file.write_text(f'state_directory = "{tmp_path / "state"}"\n')
    answer = run(file, "c1")
    assert isinstance(answer.exception, CallcenterError)
    told = str(answer.exception)
    assert told.startswith("there is no contact or agent 'c1' in the journal; the store does not")
