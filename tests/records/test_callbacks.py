"""A callback has a visit of its own, which ends as `callback`: the books of its queue balance."""

from __future__ import annotations

import pytest

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Callback
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import ContactId
from callcenter.records.book import Book
from callcenter.records.counters import Counters
from callcenter.records.screens import waiting_rows
from callcenter.records.timeline import in_words
from callcenter.records.visits import Outcome
from tests.control.house import House, agent, center, queue

COUNTED = ("offered", "answered", "abandoned", "flowed_out", "callbacks", "lost")


def opened() -> House:
    sales = queue(callback=Callback(attempts_max=2, retry_minutes=1), wrap_up_seconds=0)
    house = House().open(center(agent("ann"), queues=(sales,)), ready=False)
    house.call("c1")
    house.wait(20)
    house.leave("c1")
    house.call_back("c1", "cb1")
    house.hang_up("c1", Reason.CALLBACK_PROMISED)
    return house


def folded(house: House) -> Book:
    book = Book()
    batch = e.Batch(
        seq=1, epoch=1, at=house.now, cursor="0-0", marks={}, inputs=(), engine="", configuration="",
        events=tuple(house.journal),
    )  # fmt: skip
    book.apply(batch)
    return book


def counts(book: Book) -> dict[str, int]:
    today: Counters = book.live.today(queue().id)
    waiting = len(book.live.waiting(queue().id))
    found = {name: getattr(today, name) for name in COUNTED}
    parts = sum(found[name] for name in ("answered", "abandoned", "flowed_out", "callbacks"))
    assert found["offered"] == parts + waiting, "the books balance"
    return found | {"waiting": waiting}


def test_the_caller_flows_out_and_her_callback_waits() -> None:
    book = folded(opened())
    assert counts(book) == {
        "offered": 2, "answered": 0, "abandoned": 0, "flowed_out": 1, "callbacks": 0, "lost": 0,
        "waiting": 1,
    }  # fmt: skip
    (row,) = waiting_rows(book.live, {})
    assert (row.contact, row.callback) == ("cb1", True)


def test_a_reached_customer_is_a_callback_and_no_answered_call() -> None:
    house = opened()
    house.presence("ann", Presence.READY)
    house.accept("cb1")
    house.wait(30)
    house.hang_up("cb1", Reason.AGENT_HUNG_UP)
    book = folded(house)
    assert counts(book)["callbacks"] == 1
    assert counts(book)["answered"] == 0
    page = book.take()
    (visit,) = [v for v in page.visits if v.contact == "cb1"]
    assert (visit.outcome, visit.reason, visit.agent) == (Outcome.CALLBACK, "reached", "ann")
    (record,) = [r for r in page.contacts if r.contact == "cb1"]
    assert (record.origin, record.agent, record.result) == ("c1", "ann", "served")


@pytest.mark.parametrize("outcome", [OfferOutcome.CUSTOMER_BUSY, OfferOutcome.CUSTOMER_NO_ANSWER])
def test_a_customer_who_was_never_reached_is_one_callback_however_often_she_was_dialled(
    outcome: OfferOutcome,
) -> None:
    house = opened()
    house.presence("ann", Presence.READY)
    house.report("cb1", outcome)
    assert counts(folded(house))["waiting"] == 1
    house.wait(61)
    house.presence("ann", Presence.READY)
    house.report("cb1", outcome)
    book = folded(house)
    assert counts(book)["callbacks"] == 1
    assert book.live.data.agents[agent("ann").id].today.declined == 0, "she did nothing wrong"
    page = book.take()
    (record,) = [r for r in page.contacts if r.contact == "cb1"]
    assert (record.reason, record.unanswered) == ("callback_unreached", 0)
    words = [line.words for line in in_words(record.steps)]
    assert words[0] == "A callback for the caller of c1"
    assert any(line.startswith("Attempt 1: once more at ") for line in words)
    assert "Attempt 2: the last one" in words


def test_the_first_contact_says_what_became_of_it() -> None:
    (record,) = [r for r in folded(opened()).take().contacts if r.contact == "c1"]
    words = [line.words for line in in_words(record.steps)]
    assert "Will be called back: contact cb1" in words
    assert words[-1] == "Ended flowed out: callback promised"


def test_a_refused_callback_is_told_in_the_first_contacts_story() -> None:
    house = House().open(center(agent("ann")), ready=False)
    house.arrive("c1")
    house.call_back("c1", "cb1", "nowhere")
    steps = folded(house).stories.steps_of(ContactId("c1"))
    assert steps is not None
    assert in_words(steps)[-1].words == "No callback from nowhere: unknown queue"


def test_a_callback_that_was_lost_is_counted_as_lost() -> None:
    house = opened()
    house.start(agents=("ann",), epoch=2)
    found = counts(folded(house))
    assert (found["abandoned"], found["lost"], found["callbacks"]) == (1, 1, 0)


def test_who_waits_again_after_a_talk_is_on_the_line() -> None:
    """Her agent's phone vanished: the second visit is one of a caller."""
    house = opened()
    house.presence("ann", Presence.READY)
    house.accept("cb1")
    house.tell(
        c.SegmentEndReported(
            contact=ContactId("cb1"),
            segment=house.contact("cb1").segment,
            agent=agent("ann").id,
            termination=ended(Reason.AGENT_VANISHED),
        )
    )
    house.enqueue("cb1")
    assert not house.contact("cb1").calls_back
    house.hang_up("cb1", Reason.CALLER_LEFT_IN_QUEUE)
    found = counts(folded(house))
    assert (found["callbacks"], found["abandoned"]) == (1, 1)
