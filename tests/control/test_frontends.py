"""Owners of contacts start, vanish and come back."""

from __future__ import annotations

from callcenter.control.state import Stage
from callcenter.domain import events as e
from callcenter.domain.commands import Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import FrontendId
from tests.control.house import House, agent, center, one, only, queue

ANN = ("ann",)


def test_a_front_end_that_starts_again_keeps_what_it_names_and_loses_the_rest() -> None:
    house = House().open(center(agent("ann")), ready=False)
    for contact in ("c1", "c2", "c3"):
        house.call(contact)
    said = house.start(contacts=("c1", "c3"), agents=ANN, epoch=2)
    end = one(said, e.ContactEnded)
    assert (end.contact, end.visit) == ("c2", 1)
    assert end.termination.reason is Reason.OWNER_LOST
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann"


def test_a_call_that_is_not_named_after_a_restart_ends_its_segment() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    said = house.start(agents=ANN, epoch=2)
    assert one(said, e.SegmentEnded).termination.reason is Reason.OWNER_LOST
    assert house.agent("ann").presence is Presence.WRAP_UP


def test_an_offer_that_is_not_named_after_a_restart_is_rescinded_and_made_anew() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    said = house.start(contacts=("c1",), agents=("ann", "ben"), epoch=2)
    assert one(said, e.OfferRescinded).agent == "ann"
    assert house.rung("c1") == "ben", "it rang at ann's in vain; others come first"


def test_an_offer_that_is_named_after_a_restart_goes_on() -> None:
    house = House().open(center(agent("ann")))
    offer = one(house.call("c1"), e.OfferMade)
    said = house.start(contacts=("c1",), agents=ANN, offers=(offer.offer,), epoch=2)
    assert [type(event) for event in said] == [e.FrontendStarted]
    assert one(house.accept("c1"), e.SegmentStarted).agent == "ann"


def test_phones_that_are_not_named_after_a_restart_are_unreachable() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.start(agents=ANN, epoch=2)
    assert house.agent("ann").reachable_by == "f1"
    assert house.agent("ben").reachable_by == ""


def test_a_report_of_an_older_life_changes_nothing() -> None:
    house = House().open(center())
    house.start(epoch=5)
    house.arrive("c1")
    assert house.start(epoch=4) == []
    assert house.control.counters["frontend_of_an_older_epoch"] == 1
    assert house.contact("c1").stage is Stage.FLOW


def test_contacts_and_agents_it_names_that_nobody_knows_are_counted() -> None:
    house = House().open(center())
    house.start(contacts=("ghost",), agents=("zoe",), epoch=2)
    assert house.control.counters["unknown_contact"] == 1
    assert house.control.counters["unknown_agent"] == 1


def test_contacts_of_a_lost_front_end_keep_their_place_for_thirty_seconds() -> None:
    house = House().open(center(agent("ann")), ready=False)
    house.call("c1")
    house.lose()
    house.phone("ann", True, FrontendId("f2"))
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "", "nobody is there to ring for it"
    assert only(house.wait(29.9), e.ContactEnded) == []
    house.start(contacts=("c1",), agents=(), epoch=2)
    assert house.rung("c1") == "ann"


def test_contacts_of_a_front_end_that_stays_away_end_as_lost() -> None:
    house = House().open(center())
    house.call("waiting")
    house.arrive("in-flow")
    house.lose()
    ended = only(house.wait(30), e.ContactEnded)
    assert {(end.contact, end.visit) for end in ended} == {("waiting", 1), ("in-flow", 0)}
    assert {end.termination.reason for end in ended} == {Reason.OWNER_LOST}


def test_two_people_who_talk_are_given_more_time() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.lose()
    assert only(house.wait(119), e.ContactEnded) == []
    assert one(house.wait(1), e.ContactEnded).termination.reason is Reason.OWNER_LOST


def test_the_phones_of_a_lost_front_end_cannot_be_rung() -> None:
    house = House().open(center(agent("ann")))
    said = house.lose()
    assert one(said, e.AgentUnreachable).agent == "ann"
    assert house.agent("ann").reachable_by == ""


def test_a_front_end_is_lost_once() -> None:
    house = House().open(center())
    house.lose()
    assert house.lose() == []
    assert house.lose(FrontendId("never-was")) == []
    assert house.control.counters["lost_twice"] == 2


def test_the_contacts_of_another_front_end_go_on() -> None:
    house = House().open(center(agent("ann")))
    house.phone("ann", True, FrontendId("f2"))
    house.start(frontend=FrontendId("f2"), agents=ANN)
    house.arrive("c2", frontend=FrontendId("f2"))
    house.lose()
    house.enqueue("c2")
    assert house.rung("c2") == "ann"


def test_a_report_of_the_same_life_is_taken_again() -> None:
    house = House().open(center())
    house.arrive("c1")
    assert one(house.start(epoch=1), e.ContactEnded).contact == "c1"


def test_who_is_answered_while_her_front_end_is_lost_is_given_the_time_of_those_who_talk() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.lose()
    house.wait(5)
    house.accept("c1")
    assert only(house.wait(114), e.ContactEnded) == []
    assert one(house.wait(1), e.ContactEnded).termination.reason is Reason.OWNER_LOST


def test_who_waits_on_after_her_front_end_returned_leaves_when_her_time_is_over() -> None:
    house = House().open(center(queues=(queue(wait_seconds_max=100),)))
    house.call("c1")
    house.lose()
    house.wait(10)
    house.start(contacts=("c1",), epoch=2)
    assert only(house.wait(89), e.ContactDequeued) == []
    assert one(house.wait(1), e.ContactDequeued).exit is e.QueueExit.TIMEOUT
