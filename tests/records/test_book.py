"""Records, intervals and the place in the journal."""

from __future__ import annotations

import msgspec
import pytest

from callcenter.domain.center import Plan, PlanStep
from callcenter.domain.commands import DispositionRequested, Presence, StepReported
from callcenter.domain.events import Batch, SegmentEnded
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, ContactId, QueueId
from callcenter.records import service_level as formulas
from callcenter.records.book import Book, Page
from callcenter.records.contact_record import STEPS_MAX, Step
from callcenter.records.counters import FIELDS, Counters, total
from callcenter.records.timeline import in_words
from callcenter.records.visits import Outcome
from tests.control.house import START as NOON
from tests.control.house import House, agent, center, queue
from tests.records.stories import a_center, a_small_day, batches

SALES = QueueId("sales")


def pages_of(book: Book, journal: list[Batch], every: int = 1) -> list[Page]:
    pages = []
    for number, batch in enumerate(journal):
        book.apply(batch)
        if number % every == 0:
            pages.append(book.take())
    pages.append(book.take())
    return pages


def rows(pages: list[Page]) -> dict[str, object]:
    """What a table would hold after these pages: the last row of each key."""
    held: dict[str, object] = {}
    for page in pages:
        for contact in page.contacts:
            held[f"contact {contact.contact}"] = msgspec.to_builtins(contact)
        for segment in page.segments:
            held[f"segment {segment.segment}"] = msgspec.to_builtins(segment)
        for visit in page.visits:
            held[f"visit {visit.contact} {visit.visit}"] = msgspec.to_builtins(visit)
        for interval in page.intervals:
            key = f"interval {interval.queue} {interval.channel} {interval.start}"
            held[key] = msgspec.to_builtins(interval)
    return held


def test_every_ended_contact_has_one_record_and_every_visit_one_row() -> None:
    house = a_small_day()
    held = rows(pages_of(Book(), batches(house.journal)))
    assert {"contact c1", "contact c3", "contact c4"} <= set(held)
    assert "contact c5" not in held
    assert {"visit c1 1", "visit c3 1", "visit c4 1"} <= set(held)


@pytest.mark.parametrize("cut", range(0, 60, 4))
def test_a_book_restored_anywhere_writes_the_same_rows(cut: int) -> None:
    journal = batches(a_small_day().journal, size=3)
    whole = rows(pages_of(Book(), journal))
    book = Book()
    first = pages_of(book, journal[:cut], every=3)
    again = Book.restore(first[-1].state, first[-1].seq)
    second = pages_of(again, journal, every=5)
    assert rows(first + second) == whole


def test_intervals_add_up_to_the_day() -> None:
    house = a_small_day()
    pages = pages_of(Book(), batches(house.journal))
    last = {(i.queue, i.channel, i.start): i for page in pages for i in page.intervals}
    book = Book()
    pages_of(book, batches(house.journal))
    day = book.live.today(SALES)
    summed = total([i.counters for i in last.values()])
    waiting = len(book.live.waiting(SALES))
    assert summed.offered + waiting == day.offered
    for name in set(FIELDS) - {"offered"}:
        assert getattr(summed, name) == getattr(day, name), name
    assert sum(i.arrived for i in last.values()) == day.offered


def test_the_timeline_tells_the_story_in_words() -> None:
    house = a_center()
    house.call("c1")
    house.wait(3)
    house.accept("c1")
    house.wait(10)
    house.hang_up("c1")
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    record = book.take().contacts[0]
    words = [line.words for line in in_words(record.steps)]
    assert words[0] == "Arrived by voice for 100"
    assert any(line.startswith("Waits in sales") for line in words)
    assert any("answered after 3 s" in line for line in words)
    assert words[-1].startswith("Ended served") or "wraps up" in words[-1]
    assert record.talked == 10_000_000


def overflowed() -> Book:
    """c1 waits 30 s in sales, overflows to help and is answered there 12 s later."""
    steps = (
        PlanStep(after_seconds=10, raise_priority=2),
        PlanStep(after_seconds=30, queue=QueueId("help")),
    )
    house = House().open(
        center(
            agent("ann", english=5),
            queues=(queue("sales", plan=Plan(steps=steps)), queue("help", wrap_up_seconds=0)),
        ),
        ready=False,
    )
    house.call("c1")
    house.wait(42)
    house.presence("ann", Presence.READY)
    house.accept("c1")
    house.hang_up("c1")
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    return book


def test_who_overflowed_has_a_visit_in_each_queue_and_one_wait() -> None:
    page = overflowed().take()
    told = [(v.queue, v.visit, v.outcome, v.waited) for v in page.visits]
    assert told == [
        ("sales", 1, Outcome.FLOWED_OUT, 30 * SECOND),
        ("help", 2, Outcome.ANSWERED, 42 * SECOND),
    ]
    (record,) = page.contacts
    assert (record.queue, record.visits, record.waited) == ("help", 2, 42 * SECOND)
    arrived = {row.queue: (row.arrived, row.counters.offered) for row in page.intervals}
    assert arrived == {"sales": (1, 1), "help": (1, 1)}


def test_the_timeline_tells_of_wider_rings_and_of_overflow() -> None:
    (record,) = overflowed().take().contacts
    words = [line.words for line in in_words(record.steps)]
    assert "After 10 s in a wider ring: priority 7" in words
    assert "Left sales after 30 s: overflowed to help, waits on there" in words


def test_what_was_done_by_hand_while_it_waited_is_in_the_timeline() -> None:
    house = House().open(center(agent("ann", english=5), queues=(queue("sales"),)))
    house.call("c0")
    house.accept("c0")
    house.call("c1")
    house.prioritise("c1", 9)
    house.assign("c1", "ann", 10)
    house.wait(11)
    house.hang_up("c1")
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    record = next(r for r in book.take().contacts if r.contact == "c1")
    told = [step.code for step in record.steps]
    assert told == ["arrived", "queued", "priority", "assigned", "released", "ended"]


@pytest.mark.parametrize(
    ("code", "facts", "words"),
    [
        (
            "moved",
            {"left": "a", "queue": "b", "waited": 9_000_000, "skills": {"x": 2}, "by": "sue"},
            "Left a after 9 s: moved by sue to b, waits on there, needs x 2",
        ),
        (
            "queued",
            {"queue": "a", "priority": 5, "agent": "ann", "announcement": "storm"},
            "Waits in a with priority 5; for ann alone at first; hears announcement storm",
        ),
        ("priority", {"priority": 9, "by": "sue"}, "Priority 9 from now on, by sue"),
        ("assigned", {"agent": "ann", "by": "sue"}, "Waits for ann alone, by sue"),
        (
            "released",
            {"agent": "ann"},
            "Waited for ann alone for long enough: others may have it",
        ),
        (
            "widened",
            {"after_seconds": 9, "priority": 5, "agents": ["ann"], "teams": ["red"]},
            "After 9 s in a wider ring: priority 5, may go to ann, team red too",
        ),
        (
            "widened",
            {"after_seconds": 9, "refused": "other is full"},
            "After 9 s: waits on where it is, other is full",
        ),
    ],
)
def test_moves_and_rings_in_words(code: str, facts: dict[str, object], words: str) -> None:
    assert in_words([Step(NOON, code, facts)])[0].words == words


def test_a_story_stays_open_until_the_work_after_it_is_done() -> None:
    house = a_center(wrap_up_seconds=30)
    house.call("c1")
    house.accept("c1")
    house.wait(10)
    house.hang_up("c1")
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    assert ContactId("c1") in book.stories.data.stories
    before = len(house.journal)
    house.wait(31)
    for batch in batches(house.journal[before:], first=1000):
        book.apply(batch)
    assert book.stories.data.stories == {}
    page = book.take()
    assert page.segments[-1].wrapped == 30_000_000
    assert any("wrapped up in 30 s" in line.words for line in in_words(page.contacts[-1].steps))


def test_a_disposition_after_everything_is_written_as_a_late_one() -> None:
    house = a_center(wrap_up_seconds=0)
    house.call("c1")
    house.accept("c1")
    house.hang_up("c1")
    over = house.all(SegmentEnded)[0]
    house.tell(DispositionRequested(agent=over.agent, segment=over.segment, disposition="resolved"))
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    assert [d.disposition for d in book.take().dispositions] == ["resolved"]


def test_a_contact_with_endless_steps_keeps_the_first_and_says_so() -> None:
    house = a_center()
    house.arrive("c1")
    for number in range(STEPS_MAX + 20):
        house.tell(StepReported(contact=ContactId("c1"), node=f"n{number}"))
    house.hang_up("c1", Reason.CALLER_LEFT_IN_FLOW)
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    steps = book.take().contacts[0].steps
    assert len(steps) == STEPS_MAX + 1
    assert in_words(steps)[-1].words == "More steps than are kept"


def test_a_batch_folded_twice_counts_once() -> None:
    journal = batches(a_small_day().journal)
    book = Book()
    for batch in journal + journal:
        book.apply(batch)
    assert book.live.today(SALES).offered == 5


def test_contacts_of_a_hole_in_the_journal_end_as_lost() -> None:
    house = a_center()
    house.presence("ann", Presence.LOGGED_OUT)
    house.presence("ben", Presence.LOGGED_OUT)
    house.call("c1")
    book = Book()
    for batch in batches(house.journal):
        book.apply(batch)
    book.skip_to(500)
    counts = book.live.today(SALES)
    assert (counts.offered, counts.abandoned, counts.lost) == (1, 1, 1)
    assert (book.seq, book.live.data.contacts) == (500, {})


COUNTS = Counters(
    offered=100, answered=80, answered_in_target=60, abandoned=15, abandoned_in_target=9,
    short_abandoned=5, flowed_out=5, handled=80, waited_answered=800_000_000,
    waited_abandoned=150_000_000, talked=8_000_000_000, held=900_000_000, wrapped=1_600_000_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("variant", "value"),
    [
        ("default", 60 / 90),
        ("answered_only", 60 / 80),
        ("strict", 60 / 95),
        ("late_abandons", 60 / 86),
        ("with_flow_outs", 60 / 100),
        ("abandons_as_success", 69 / 95),
    ],
)
def test_each_service_level_is_its_formula(variant: str, value: float) -> None:
    assert formulas.VARIANTS[variant].of(COUNTS) == pytest.approx(value)


def test_figures_are_their_formulas() -> None:
    assert formulas.asa_seconds(COUNTS) == 10
    assert formulas.time_to_abandon_seconds(COUNTS) == 10
    assert formulas.aht_seconds(COUNTS) == 120
    assert formulas.abandonment(COUNTS) == pytest.approx(10 / 90)
    assert formulas.occupancy(3, 1) == 0.75


def test_nothing_counted_is_no_figure_and_never_full_marks() -> None:
    nothing = Counters()
    for variant in formulas.VARIANTS.values():
        assert variant.of(nothing) is None
    assert formulas.asa_seconds(nothing) is None
    assert formulas.aht_seconds(nothing) is None
    assert formulas.abandonment(nothing) is None
    assert formulas.occupancy(0, 0) is None
    only_short = Counters(offered=2, abandoned=2, short_abandoned=2)
    assert formulas.service_level(only_short) is None
