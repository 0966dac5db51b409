"""An agent asks a colleague: both are at work, the contact stays one agent's, the books balance."""

import pytest

from callcenter.control.consults import BESIDE_MAX
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, ContactId, OfferId, SegmentId
from tests.control.house import House, agent, center, one, only, queue
from tests.control.invariants import check
from tests.control.test_transfers import talking


def asked(*others: str) -> House:
    """Ann has c1 and asks ben, whose phone rings."""
    house = talking("ben", *others)
    assert house.ask_in("c1", "ann", "ben").accepted
    return house


def joined(*others: str) -> House:
    house = asked(*others)
    house.asked_reports("c1", OfferOutcome.ACCEPTED)
    check(house.control)
    return house


def test_the_colleague_is_reserved_while_she_is_rung_and_the_contact_stays() -> None:
    house = asked()
    made = one(house.journal, e.ConsultMade)
    assert (made.asked_by, made.agent, made.queue) == ("ann", "ben", "sales")
    assert house.agent("ben").presence is Presence.RESERVED
    assert house.contact("c1").stage == "talking"
    house.call("c2")
    assert house.rung("c2") == ""
    check(house.control)


def test_she_who_answers_has_a_part_of_her_own_and_no_visit_is_answered() -> None:
    house = joined()
    first, second = house.all(e.SegmentStarted)
    assert (first.beside, second.beside, second.agent) == (False, True, "ben")
    assert second.waited == 0, "nobody waited for her"
    assert house.contact("c1").segment == first.segment
    assert house.agent("ben").presence is Presence.TALKING
    assert len(house.all(e.ContactQueued)) == 1


@pytest.mark.parametrize(
    ("outcome", "presence", "reason"),
    [
        (OfferOutcome.EXPIRED, Presence.NOT_READY, "rona"),
        (OfferOutcome.BUSY, Presence.NOT_READY, "phone-busy"),
        (OfferOutcome.DECLINED, Presence.READY, ""),
        (OfferOutcome.FAILED, Presence.READY, ""),
    ],
)
def test_who_is_not_reached_bears_it_and_the_call_goes_on(
    outcome: OfferOutcome, presence: Presence, reason: str
) -> None:
    house = asked()
    house.asked_reports("c1", outcome)
    ben = house.agent("ben")
    assert (ben.presence, ben.reason) == (presence, reason)
    assert house.contact("c1").stage == "talking"
    assert house.contact("c1").asked_in == ""
    check(house.control)


def test_a_colleague_whose_phone_is_not_there_is_offered_nothing_until_it_is() -> None:
    house = asked()
    said = house.asked_reports("c1", OfferOutcome.UNREACHABLE)
    assert one(said, e.AgentUnreachable).agent == "ben"
    house.call("c2")
    assert house.rung("c2") == ""


def test_a_colleague_is_rung_for_the_whole_ring_time_and_a_little_longer() -> None:
    house = asked()
    assert not only(house.wait(24.9), e.ConsultUnanswered)
    assert one(house.wait(0.2), e.ConsultUnanswered).agent == "ben"


def test_whoever_does_not_have_the_caller_leaves_her_to_nobody() -> None:
    house = joined()
    beside = house.contact("c1").beside[-1]
    other = c.HandOverReported(contact=ContactId("c1"), segment=SegmentId("s9"), to_segment=beside)
    assert house.tell(other) == []
    assert house.control.counters["handed_over_to_nobody"] == 1
    assert house.contact("c1").beside == (beside,)


def test_an_owner_who_says_nothing_of_it_loses_the_colleague_to_others() -> None:
    house = asked()
    house.call("c2")
    house.wait(26)
    assert one(house.journal, e.ConsultUnanswered).reason == "its owner was silent"
    assert house.rung("c2") == "ben"


def test_the_agent_leaves_her_caller_to_the_colleague() -> None:
    house = joined()
    house.hand_over("c1")
    assert one(house.journal, e.HandedOver).agent == "ben"
    (gone,) = house.all(e.SegmentEnded)
    assert (gone.agent, gone.termination.reason) == ("ann", Reason.TRANSFERRED)
    assert house.agent("ann").presence is Presence.WRAP_UP
    assert house.contact("c1").stage == "talking"
    house.hang_up("c1")
    assert [s.agent for s in house.all(e.SegmentEnded)] == ["ann", "ben"]
    assert not house.control.state.segments
    check(house.control)


def test_the_colleague_goes_and_the_caller_stays_with_her_agent() -> None:
    house = joined()
    (beside,) = house.contact("c1").beside
    house.tell(
        c.SegmentEndReported(
            contact=ContactId("c1"),
            segment=beside,
            agent=AgentId("ben"),
            termination=ended(Reason.AGENT_HUNG_UP),
        )
    )
    assert house.contact("c1").stage == "talking"
    assert house.contact("c1").beside == ()
    assert house.agent("ben").presence is Presence.WRAP_UP
    check(house.control)


def test_nobody_stays_in_a_call_whose_agent_has_gone() -> None:
    house = joined("cat")
    house.ask_in("c1", "ann", "cat")
    house.hand_on("c1", "ann", queue="help")
    assert {s.agent for s in house.all(e.SegmentEnded)} == {"ann", "ben"}
    assert one(house.journal, e.ConsultUnanswered).agent == "cat"
    assert house.contact("c1").visits == 2
    check(house.control)


def test_a_call_that_ends_ends_for_everybody_in_it() -> None:
    house = joined()
    house.hang_up("c1")
    assert len(house.all(e.SegmentEnded)) == 2
    assert not house.control.state.segments
    check(house.control)


def test_who_cannot_be_asked_is_told_of_in_words() -> None:
    house = joined("cat")
    house.call("c2")
    house.accept("c2")
    house.presence("ann", Presence.READY)
    refusals = {
        "at work": house.ask_in("c1", "ann", "ben"),
        "is at work": house.ask_in("c1", "ann", "cat"),
        "no agent": house.ask_in("c1", "ann", "nobody"),
        "already": house.ask_in("c1", "ann", "ann"),
        "does not talk": house.ask_in("c1", "ben", "cat"),
    }
    for words, answer in refusals.items():
        assert not answer.accepted
        assert words in answer.reason


def test_an_answer_in_a_call_that_nobody_leads_any_more_joins_nobody() -> None:
    house = asked()
    made = one(house.journal, e.ConsultMade)
    house.hand_on("c1", "ann", queue="help")
    house.tell(
        c.OfferReported(
            offer=made.offer, contact=ContactId("c1"), agent=AgentId("ben"),
            outcome=OfferOutcome.ACCEPTED, segment=SegmentId("s-late"), beside=True,
        )
    )  # fmt: skip
    assert house.control.counters["joined_nobody"] == 1
    assert house.contact("c1").beside == ()
    check(house.control)


def test_an_answer_that_is_reported_twice_joins_once() -> None:
    house = asked()
    offer = house.contact("c1").asked_in
    for _ in range(2):
        house.tell(
            c.OfferReported(
                offer=OfferId(offer), contact=ContactId("c1"), agent=AgentId("ben"),
                outcome=OfferOutcome.ACCEPTED, segment=SegmentId("s-once"), beside=True,
            )
        )  # fmt: skip
    assert house.contact("c1").beside == ("s-once",)
    assert house.control.counters["accepted_twice"] == 1
    check(house.control)


def test_so_many_colleagues_may_be_in_a_call_and_no_more() -> None:
    names = [f"p{n}" for n in range(BESIDE_MAX)]
    house = talking(*names, "late")
    for name in names:
        assert house.ask_in("c1", "ann", name).accepted
        house.asked_reports("c1", OfferOutcome.ACCEPTED)
    assert house.ask_in("c1", "ann", "late").reason == "6 colleagues are in the call already"


def test_one_colleague_is_asked_at_a_time() -> None:
    house = asked("cat")
    assert "asked already" in house.ask_in("c1", "ann", "cat").reason


def test_a_conference_is_told() -> None:
    house = joined()
    segment = house.contact("c1").segment
    house.tell(c.ConferenceReported(contact=ContactId("c1"), segment=segment, joined=True))
    assert one(house.journal, e.Conferenced).joined
    other = c.ConferenceReported(contact=ContactId("c1"), segment=SegmentId("s9"), joined=True)
    house.tell(other)
    assert len(only(house.journal, e.Conferenced)) == 1


def test_an_answer_that_was_no_longer_expected_is_a_fact() -> None:
    house = asked()
    offer = house.contact("c1").asked_in
    house.wait(26)
    house.tell(
        c.OfferReported(
            offer=OfferId(offer),
            contact=ContactId("c1"),
            agent=AgentId("ben"),
            outcome=OfferOutcome.ACCEPTED,
            segment=SegmentId("s-late"),
            beside=True,
        )
    )
    assert house.contact("c1").beside == ("s-late",)
    assert house.contact("c1").stage == "talking"
    check(house.control)


def test_who_comes_to_a_colleague_after_all_is_rung_by_nobody_else() -> None:
    house = asked()
    offer = house.contact("c1").asked_in
    house.wait(26)
    house.call("c2")
    assert house.rung("c2") == "ben"
    said = house.tell(
        c.OfferReported(
            offer=OfferId(offer), contact=ContactId("c1"), agent=AgentId("ben"),
            outcome=OfferOutcome.ACCEPTED, segment=SegmentId("s-late"), beside=True,
        )
    )  # fmt: skip
    assert one(said, e.OfferRescinded).contact == "c2"
    assert house.rung("c2") == ""
    check(house.control)


def test_a_queue_whose_ring_is_short_rings_the_colleague_as_short() -> None:
    house = House().open(
        center(agent("ann", english=5), agent("ben"), queues=(queue(ring_seconds=7),))
    )
    house.call("c1")
    house.accept("c1")
    talks = next(iter(house.control.state.segments.values())).agent
    other = "ben" if talks == "ann" else "ann"
    house.ask_in("c1", talks, other)
    assert one(house.journal, e.ConsultMade).ring_seconds == 7
