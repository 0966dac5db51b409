"""Offers: to whom, in which order, and what becomes of them."""

from __future__ import annotations

import pytest

from callcenter.control.center import Control
from callcenter.control.state import Stage
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, ContactId, OfferId
from tests.control.house import House, agent, center, one, only, queue


def test_the_longest_idle_able_agent_is_offered_the_contact() -> None:
    people = (agent("ann", english=1), agent("ben", english=4), agent("cat", english=4))
    house = House().open(center(*people, queues=(queue(skills={"english": 3}),)))
    house.wait(60)
    offer = one(house.call("c1"), e.OfferMade)
    assert offer.agent == "ben"
    assert offer.evidence == "idle 62 s; skills english 4>=3; next best cat"


def test_an_agent_is_idle_since_her_last_work() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.wait(5)
    house.hang_up("c1")
    house.call("c2")
    assert house.rung("c2") == "ben"


def test_the_least_proficiency_counts() -> None:
    house = House().open(center(agent("ann", english=2), queues=(queue(skills={"english": 3}),)))
    assert only(house.call("c1"), e.OfferMade) == []
    house = House().open(center(agent("ann", english=3), queues=(queue(skills={"english": 3}),)))
    assert one(house.call("c1"), e.OfferMade).agent == "ann"


def test_a_grant_says_how_long_it_may_ring_and_until_when_it_may_be_acted_on() -> None:
    house = House().open(center(agent("ann"), queues=(queue(ring_seconds=12),)))
    offer = one(house.call("c1"), e.OfferMade)
    assert (offer.ring_seconds, offer.act_before) == (12, house.now + 12 * SECOND)
    assert (offer.offer, offer.frontend, offer.attempt) == ("o1-1", "f1", 1)


def test_those_who_waited_longer_come_first() -> None:
    house = House().open(center(agent("ann")), ready=False)
    for contact in ("c1", "c2", "c3"):
        house.call(contact)
        house.wait(1)
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann"
    house.hang_up("c1")
    assert house.rung("c2") == "ann"


def test_one_step_of_priority_is_worth_the_ageing_of_the_queue() -> None:
    house = House().open(center(agent("ann"), queues=(queue(ageing_seconds=60),)), ready=False)
    house.call("older", priority=5)
    house.wait(59)
    house.call("urgent", priority=6)
    house.wait(300)
    house.presence("ann", Presence.READY)
    assert house.rung("urgent") == "ann"

    house = House().open(center(agent("ann"), queues=(queue(ageing_seconds=60),)), ready=False)
    house.call("older", priority=5)
    house.wait(61)
    house.call("urgent", priority=6)
    house.presence("ann", Presence.READY)
    assert house.rung("older") == "ann"


def test_a_priority_beyond_the_scale_is_cut_to_it() -> None:
    house = House().open(center())
    assert one(house.call("c1", priority=99), e.ContactQueued).priority == 10
    assert one(house.call("c2", priority=-3), e.ContactQueued).priority == 0


def test_an_accepted_offer_starts_a_segment_under_the_owners_name() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.wait(4)
    said = house.accept("c1")
    started = one(said, e.SegmentStarted)
    assert (started.segment, started.agent, started.waited) == ("s-o1-1", "ann", 4 * SECOND)
    assert one(said, e.PresenceChanged).presence is Presence.TALKING
    assert house.contact("c1").stage is Stage.TALKING


def test_a_segment_reported_without_a_name_gets_one() -> None:
    house = House().open(center(agent("ann")))
    offer = one(house.call("c1"), e.OfferMade)
    said = house.tell(
        c.OfferReported(
            offer=offer.offer,
            contact=offer.contact,
            agent=offer.agent,
            outcome=OfferOutcome.ACCEPTED,
        )
    )
    assert one(said, e.SegmentStarted).segment == "s1-1"


FOLLOWS = [
    (OfferOutcome.DECLINED, Presence.NOT_READY, "declined"),
    (OfferOutcome.BUSY, Presence.NOT_READY, "phone-busy"),
    (OfferOutcome.EXPIRED, Presence.NOT_READY, "rona"),
    (OfferOutcome.UNREACHABLE, Presence.READY, ""),
    (OfferOutcome.FAILED, Presence.READY, ""),
]


@pytest.mark.parametrize(("outcome", "presence", "reason"), FOLLOWS)
def test_each_way_of_not_taking_an_offer_is_told_apart(
    outcome: OfferOutcome, presence: Presence, reason: str
) -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    said = house.report("c1", outcome)
    ann = house.agent("ann")
    assert (ann.presence, ann.reason) == (presence, reason)
    assert bool(ann.reachable_by) is (outcome is not OfferOutcome.UNREACHABLE)
    if outcome is OfferOutcome.EXPIRED:
        assert one(said, e.OfferExpired).agent == "ann"
    else:
        assert one(said, e.OfferDeclined).outcome is outcome
    assert house.contact("c1").stage is Stage.WAITING


@pytest.mark.parametrize("outcome", [row[0] for row in FOLLOWS])
def test_an_offer_not_taken_goes_to_the_next_able_agent(outcome: OfferOutcome) -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    house.report("c1", outcome)
    house.wait(2)
    offer = house.offer_of("c1")
    assert offer is not None
    assert (offer.agent, offer.attempt) == ("ben", 2)
    assert offer.evidence.endswith("not taken by ann")


@pytest.mark.parametrize("outcome", [row[0] for row in FOLLOWS])
def test_a_contact_that_was_not_taken_returns_to_its_place(outcome: OfferOutcome) -> None:
    house = House().open(center(agent("ann"), agent("ben")), ready=False)
    house.call("first")
    house.wait(1)
    house.call("second")
    house.presence("ann", Presence.READY)
    house.wait(5)
    house.report("first", outcome)
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.wait(3)
    house.presence("ben", Presence.READY)
    assert house.rung("first") == "ben", "it was first and still is"
    assert house.all(e.OfferMade)[-1].waited == 9 * SECOND


def test_a_busy_phone_is_left_alone_for_ten_seconds() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.report("c1", OfferOutcome.BUSY)
    assert house.wait(9.9) == []
    house.wait(0.2)
    assert house.rung("c1") == "ann"


def test_the_busy_pause_yields_to_what_she_asks_for() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.report("c1", OfferOutcome.BUSY)
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.wait(60)
    assert house.agent("ann").reason == "lunch"


def test_an_unreachable_agent_is_offered_nothing_until_her_phone_is_heard() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.report("c1", OfferOutcome.UNREACHABLE)
    house.wait(60)
    assert house.rung("c1") == ""
    house.phone("ann", True)
    assert house.rung("c1") == "ann"


def test_after_rona_she_is_offered_nothing_until_she_says_she_is_ready() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.wait(20)
    house.report("c1", OfferOutcome.EXPIRED)
    house.wait(120)
    assert house.rung("c1") == ""
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann"


@pytest.mark.parametrize("outcome", [OfferOutcome.EXPIRED, OfferOutcome.DECLINED])
def test_with_mail_at_hand_she_is_not_rung_for_ever_though_she_asked_to_be_ready(
    outcome: OfferOutcome,
) -> None:
    house = House().open(center(agent("ann")))
    house.call("mail", channel=Channel.EMAIL)
    house.accept("mail")
    for asked in range(2):
        house.call(f"c{asked}")
        assert house.rung(f"c{asked}") == "ann"
        house.wait(20)
        house.report(f"c{asked}", outcome)
        assert house.rung(f"c{asked}") == ""
        house.hang_up(f"c{asked}")
        house.presence("ann", Presence.READY)


def test_a_failure_of_ours_rests_two_seconds_and_prefers_another_agent() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    said = house.report("c1", OfferOutcome.FAILED)
    assert only(said, e.OfferMade) == []
    house.wait(1.9)
    assert house.rung("c1") == ""
    house.wait(0.2)
    assert house.rung("c1") == "ben", "ann is idle for longer, but it failed with her"


def test_a_failure_of_ours_tries_the_only_agent_again() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.report("c1", OfferOutcome.FAILED)
    house.wait(2)
    assert house.rung("c1") == "ann"


def test_a_resting_contact_lets_others_pass_and_then_is_first_again() -> None:
    house = House().open(center(agent("ann")))
    house.call("first")
    house.call("second")
    house.report("first", OfferOutcome.FAILED)
    assert house.rung("second") == "ann"
    house.wait(5)
    house.hang_up("second")
    assert house.rung("first") == "ann"


def test_control_takes_an_offer_back_when_its_owner_is_silent() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(ring_seconds=20),)))
    house.call("c1")
    assert house.wait(24.9) == []
    said = house.wait(0.2)
    assert one(said, e.OfferRescinded).agent == "ann"
    assert house.agent("ann").presence is Presence.READY, "it was not her fault"
    assert house.rung("c1") == "ben"


def test_a_report_about_an_offer_nobody_knows_is_counted() -> None:
    house = House().open(center(agent("ann")))
    house.arrive("c1")
    command = c.OfferReported(
        offer=OfferId("ghost"),
        contact=ContactId("c1"),
        agent=AgentId("ann"),
        outcome=OfferOutcome.DECLINED,
    )
    assert house.tell(command) == []
    assert house.control.counters["unknown_offer"] == 1


def given_up(house: House) -> e.OfferMade:
    """An offer that control took back because its owner was silent."""
    offer = one(house.call("c1"), e.OfferMade)
    house.wait(26)
    return offer


def test_an_acceptance_after_control_gave_up_stands_and_rescinds_the_second_offer() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    offer = given_up(house)
    assert house.rung("c1") == "ben"
    said = house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert one(said, e.OfferRescinded).agent == "ben"
    assert one(said, e.SegmentStarted).agent == "ann"
    assert house.agent("ann").presence is Presence.TALKING
    assert house.agent("ben").presence is Presence.READY


def test_an_acceptance_by_an_agent_who_is_rung_for_another_contact_returns_that_one() -> None:
    house = House().open(center(agent("ann")))
    house.call("c0")
    house.hang_up("c0", Reason.CALLER_LEFT_IN_QUEUE)
    offer = given_up(house)
    house.call("older", priority=10)
    house.hang_up("c1", Reason.CALLER_LEFT_IN_QUEUE)
    house.call("c1")
    assert house.rung("older") == "ann"
    said = house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert one(said, e.OfferRescinded).contact == "older"
    assert one(said, e.SegmentStarted).contact == "c1"
    assert house.contact("older").stage is Stage.WAITING


def test_an_acceptance_after_the_visit_ended_begins_and_answers_a_new_one() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wait_seconds_max=26),)))
    offer = given_up(house)
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.leave("c1")
    said = house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert one(said, e.ContactQueued).visit == 2
    assert one(said, e.SegmentStarted).visit == 2
    house.hang_up("c1")
    house.wait(31)
    assert house.agent("ann").reason == "lunch", "she returns to what she was"


def test_an_acceptance_by_another_ends_the_older_segment_as_moved() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    offer = given_up(house)
    house.accept("c1")
    said = house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert one(said, e.SegmentEnded).termination.reason is Reason.MOVED
    assert one(said, e.SegmentStarted).agent == "ann"


def test_an_acceptance_reported_twice_changes_nothing() -> None:
    house = House().open(center(agent("ann")))
    offer = one(house.call("c1"), e.OfferMade)
    house.accept("c1")
    assert house.report("c1", OfferOutcome.ACCEPTED, offer) == []
    assert house.control.counters["accepted_twice"] == 1


def test_an_acceptance_by_somebody_who_was_removed_is_still_a_fact() -> None:
    house = House().open(center(agent("ann")))
    offer = given_up(house)
    house.leave("c1")
    house.configure(center(), "2")
    assert "ann" not in house.control.state.agents
    said = house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert one(said, e.SegmentStarted).agent == "ann"
    house.hang_up("c1")
    house.wait(31)
    assert "ann" not in house.control.state.agents


def test_nobody_rings_twice_at_once() -> None:
    house = House().open(center(agent("ann")))
    house.call("m1", channel=Channel.EMAIL)
    house.call("m2", channel=Channel.EMAIL)
    assert (house.rung("m1"), house.rung("m2")) == ("ann", "")
    house.accept("m1")
    assert house.rung("m2") == "ann"


def test_ids_of_offers_never_repeat_over_a_change_of_leader() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    house.control = Control.restore(house.control.snapshot(), epoch=2)
    house.call("c2")
    assert [offer.offer for offer in house.all(e.OfferMade)] == ["o1-1", "o2-2"]


def test_a_phone_lost_while_it_rang_is_told_once() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.phone("ann", False)
    said = house.report("c1", OfferOutcome.UNREACHABLE)
    assert only(said, e.AgentUnreachable) == []
    assert house.agent("ann").presence is Presence.READY


def test_idleness_begins_when_work_ends_not_when_it_began() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.wait(1)
    house.call("c2")
    house.accept("c2")
    house.wait(30)
    house.hang_up("c2")
    house.wait(30)
    house.hang_up("c1")
    house.call("c3")
    assert house.rung("c3") == "ben", "ann began earlier but has just finished"


def test_who_waited_too_long_while_a_silent_owner_rang_leaves_by_timeout() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(wait_seconds_max=10),)))
    house.call("c1")
    said = house.wait(25)
    assert one(said, e.ContactDequeued).exit is e.QueueExit.TIMEOUT
    assert only(said, e.OfferMade) == []


def test_a_report_about_the_offer_of_another_contact_is_about_none() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.call("c2")
    offer = house.offer_of("c1")
    assert offer is not None
    said = house.tell(
        c.OfferReported(
            offer=offer.offer, contact=ContactId("c2"), agent=AgentId("ann"),
            outcome=OfferOutcome.DECLINED,
        )
    )  # fmt: skip
    assert said == []
    assert house.rung("c1") == "ann"


def test_who_answers_late_stops_the_other_phone_first_and_then_her_own() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    offer = given_up(house)
    house.call("other")
    assert (house.rung("c1"), house.rung("other")) == ("ben", "ann")
    said = house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert [(one.contact, one.reason) for one in only(said, e.OfferRescinded)] == [
        ("c1", "another agent answered"),
        ("other", "the agent answered another contact"),
    ]
