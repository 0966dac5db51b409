"""Yesterday's decisions, from the files: found by an id, decided again, the same byte for byte."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from callcenter.adapters.store import archive as archives
from callcenter.adapters.store import states as kept_states
from callcenter.adapters.store.archive import segments
from callcenter.adapters.store.explain import Unknown, agent_story, contact_story
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.past import DamagedArchive, NoPast, Past
from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.states import forget_states, load_state, state_path, states
from callcenter.adapters.store.wire import read_batch
from callcenter.control.state import Stage
from callcenter.control.story import ContactStory
from callcenter.domain import events as e
from callcenter.domain.units import SECOND, AgentId
from tests.adapters.archived_day import ArchivedDay
from tests.control.invariants import plain
from tests.simulation.day import Day

CONTACTS = 120


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SEGMENT_BYTES", 60_000)
    monkeypatch.setattr(kept_states, "STATE_BATCHES", 100)
    monkeypatch.setattr(kept_states, "STATE_BYTES", 30_000)


@pytest.fixture
def day(tmp_path: Path, small_files: None) -> ArchivedDay:
    simulated = Day(5, CONTACTS)
    simulated.run()
    return ArchivedDay(tmp_path / "archive", simulated)


def past_of(day: ArchivedDay) -> Past:
    return Past(day.directory, None, Keys())


def events_of(day: ArchivedDay, contact: str) -> list[e.Event]:
    return [x for b in day.batches for x in b.events if getattr(x, "contact", "") == contact]


def story(day: ArchivedDay, contact: str, at: int = 0) -> ContactStory:
    return contact_story([past_of(day)], contact, day.batches[-1].at, at)


def test_every_decision_of_a_day_is_found_again_in_the_files_and_decided_the_same(
    day: ArchivedDay,
) -> None:
    past = past_of(day)
    assert len(segments(day.directory)) > 5
    explained = 0
    for number in range(CONTACTS):
        contact = f"c{number}"
        told = contact_story([past], contact, day.batches[-1].at)
        offers = [m for m in told.moments if isinstance(m.event, e.OfferMade)]
        made = [x for x in events_of(day, contact) if isinstance(x, e.OfferMade)]
        assert [m.event for m in offers] == made
        assert told.whole
        assert told.stage is None, "the day is over"
        for moment in offers:
            assert moment.redecided is True
            assert moment.choice is not None
            assert isinstance(moment.event, e.OfferMade)
            assert (moment.choice.agent, moment.choice.offer) == (
                moment.event.agent, moment.event.offer,
            )  # fmt: skip
            explained += 1
        refused = [m for m in told.moments if isinstance(m.event, e.QueueRefused)]
        assert all(m.redecided and m.refusal for m in refused)
    assert explained > CONTACTS // 2


def test_the_center_of_any_moment_is_rebuilt_from_the_nearest_state(day: ArchivedDay) -> None:
    past = past_of(day)
    follower = Replica()
    for batch in day.batches:
        follower.apply(batch)
        if batch.seq % 97 == 0:
            assert plain(past.replica_at(batch.seq).control) == plain(follower.control)
    early = past.replica_at(day.batches[10].seq)
    assert early.seq == day.batches[10].seq


def test_a_contact_that_waited_then_is_told_who_was_ahead_and_what_came_next(
    day: ArchivedDay,
) -> None:
    waits = (e.OfferMade, e.ContactDequeued)
    left = max(
        (x for b in day.batches for x in b.events if isinstance(x, waits)), key=lambda x: x.waited
    )
    assert left.waited > 2 * SECOND
    told = story(day, left.contact, left.at - left.waited // 2)
    assert told.stage in (Stage.WAITING, Stage.OFFERED)
    assert told.waiting is not None
    assert told.waiting.queue == left.queue
    assert told.waiting.next == tuple(sorted(told.waiting.next, key=lambda due: due.at))
    assert "leaves" in {due.what for due in told.waiting.next}
    assert all(moment.event.at <= told.at for moment in told.moments)


def test_an_agent_of_then_is_told_with_her_last_offers(day: ArchivedDay) -> None:
    made = [x for b in day.batches for x in b.events if isinstance(x, e.OfferMade)]
    middle = made[len(made) // 2]
    told = agent_story(past_of(day), middle.agent, day.batches[-1].at, middle.at)
    offers = [m for m in told.offers if isinstance(m.event, e.OfferMade)]
    assert offers[-1].event == middle
    assert offers[-1].choice is not None
    assert told.desk.contact == middle.contact
    assert told.at == middle.at


def test_an_id_that_nobody_has_is_unknown(day: ArchivedDay) -> None:
    with pytest.raises(Unknown, match="no contact or agent 'c9999'"):
        story(day, "c9999")
    with pytest.raises(Unknown, match="had not arrived"):
        story(day, "c7", day.batches[0].at)


def test_another_engines_decision_is_told_by_its_evidence(
    tmp_path: Path, small_files: None
) -> None:
    simulated = Day(5, 40)
    simulated.run()
    day = ArchivedDay(tmp_path / "archive", simulated, engine="1")
    made = next(x for b in day.batches for x in b.events if isinstance(x, e.OfferMade))
    told = story(day, made.contact)
    moment = next(m for m in told.moments if m.event == made)
    assert moment.choice is None
    assert moment.redecided is None
    assert "engine 1 decided it" in moment.untried
    assert isinstance(moment.event, e.OfferMade)
    assert moment.event.evidence


def test_a_journal_that_differs_from_its_inputs_is_told_so(day: ArchivedDay) -> None:
    made = next(x for b in day.batches for x in b.events if isinstance(x, e.OfferMade))
    past = past_of(day)
    found = past.mentions(made.contact, enough=lambda _: False)
    one = next(f for f in found if made in read_batch(f.data).events)
    batch = read_batch(one.data)
    other = tuple(
        msgspec.structs.replace(x, agent=AgentId("nobody")) if x == made else x
        for x in batch.events
    )
    decided = past.redecide(one, _with(batch, other))
    assert decided is not None
    assert not decided.same


def _with(batch: e.Batch, events: tuple[e.Event, ...]) -> e.Batch:
    return msgspec.structs.replace(batch, events=events)


def test_files_that_were_removed_are_named_when_they_are_needed(day: ArchivedDay) -> None:
    gone = segments(day.directory)[:3]
    for segment in gone:
        segment.unlink()
    first = archives.first_seq(segments(day.directory)[0])
    forget_states(day.directory, first)
    assert states(day.directory)[0] == first - 1, "the state before the first file is kept"
    with pytest.raises(Unknown, match="archive_days"):
        story(day, "c9999")
    with pytest.raises(NoPast, match="goes back to batch"):
        past_of(day).replica_at(1)


def test_without_a_state_before_it_a_decision_is_told_by_its_evidence(day: ArchivedDay) -> None:
    segments(day.directory)[0].unlink()
    for seq in states(day.directory):
        state_path(day.directory, seq).unlink()
    made = [x for b in day.batches for x in b.events if isinstance(x, e.OfferMade)][-1]
    arrivals = [b for b in day.batches if any(isinstance(x, e.ContactArrived) for x in b.events)]
    told = story(day, made.contact)
    (moment,) = [m for m in told.moments if m.event == made]
    assert moment.choice is None
    assert "no state of the center is kept" in moment.untried
    with pytest.raises(NoPast):
        story(
            day,
            next(x.contact for x in arrivals[-1].events if isinstance(x, e.ContactArrived)),
            arrivals[-1].at,
        )


def test_a_damaged_file_is_named(day: ArchivedDay) -> None:
    segment = segments(day.directory)[2]
    whole = past_of(day).replica_at(archives.first_seq(segment)).control.state.contacts
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(bytes(data))
    with pytest.raises(DamagedArchive, match=f"{segment.name} is damaged"):
        past_of(day).mentions(next(iter(whole)), enough=lambda _: False)


def test_a_damaged_state_is_passed_over(day: ArchivedDay) -> None:
    seq = states(day.directory)[-1]
    path = state_path(day.directory, seq)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert load_state(day.directory, seq) is None
    assert past_of(day).replica_at(seq).seq == seq
