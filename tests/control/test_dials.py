"""Who may have a number outside dialled, and what is written down of it."""

import pytest
from msgspec.structs import replace

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Duty, Period
from callcenter.domain.commands import DialKind, DialStage, OfferOutcome, Presence
from callcenter.domain.duty import duty_named, on_duty
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, CommandId, ContactId, PartyId, QueueId, SegmentId
from tests.control.house import F, House, agent, center, one, only
from tests.control.invariants import check

ANA = AgentId("ana")


def ready() -> House:
    return House().open(center(agent("ana", english=5)))


def wants(
    house: House, kind: DialKind = DialKind.CALL, contact: str = "", *, duty: bool = False
) -> list[e.Event]:
    return house.tell(
        c.DialRequested(
            agent=ANA,
            kind=kind,
            contact=ContactId(contact),
            party=PartyId("" if duty else "party-1"),
            duty=duty,
            by="ana",
            request=CommandId("r1"),
        )
    )


def reported(house: House, outcome: OfferOutcome) -> list[e.Event]:
    placed = one(house.journal, e.CallPlaced)
    accepted = outcome is OfferOutcome.ACCEPTED
    return house.tell(
        c.OfferReported(
            offer=placed.offer,
            contact=placed.contact,
            agent=ANA,
            outcome=outcome,
            segment=SegmentId("s1" if accepted else ""),
            beside=True,
        )
    )


def refusal(said: list[e.Event]) -> str:
    answered = one(said, e.CommandAnswered)
    assert not answered.accepted
    return str(answered.reason)


def test_her_own_call_is_hers_and_in_no_queue() -> None:
    house = ready()
    said = wants(house)
    placed, grant = one(said, e.ContactPlaced), one(said, e.CallPlaced)
    assert (placed.agent, placed.origin, placed.frontend) == ("ana", "", F)
    assert grant.contact.startswith(f"{F}-"), "its owner knows its media legs by its name"
    assert (grant.rings_first, grant.party) == (True, "party-1")
    assert house.control.state.agents[ANA].presence == "reserved"
    house.call("c1")
    assert only(house.journal, e.OfferMade) == [], "nothing else is offered to her meanwhile"
    started = one(reported(house, OfferOutcome.ACCEPTED), e.SegmentStarted)
    assert (started.queue, started.visit, started.waited, started.beside) == ("", 0, 0, False)
    house.tell(
        c.ContactEndReported(contact=placed.contact, termination=ended(Reason.CALLER_HUNG_UP))
    )
    check(house.control)
    assert placed.contact not in house.control.state.contacts
    assert one(house.journal, e.OfferMade).contact == "c1", "now she is free for who waits"
    visits = only(house.journal, e.ContactQueued)
    assert [visit.contact for visit in visits] == ["c1"]


@pytest.mark.parametrize("outcome", [OfferOutcome.CUSTOMER_BUSY, OfferOutcome.EXPIRED])
def test_a_call_that_came_to_nothing_is_nobodys_fault(outcome: OfferOutcome) -> None:
    house = ready()
    wants(house)
    said = reported(house, outcome)
    assert one(said, e.ConsultUnanswered).reason == outcome.value
    assert house.control.state.agents[ANA].presence == "ready"


def test_an_owner_that_says_nothing_does_not_keep_her_from_work() -> None:
    house = ready()
    wants(house)
    grant = one(house.journal, e.CallPlaced)
    house.wait(grant.ring_seconds + grant.dial_seconds + 6)
    assert one(house.journal, e.ConsultUnanswered).reason == "its owner was silent"
    assert house.control.state.agents[ANA].presence == "ready"
    assert grant.contact in house.control.state.contacts, "its owner says how it ended"


def test_who_is_not_there_or_at_work_calls_nobody() -> None:
    house = House().open(center(agent("ana", english=5)), ready=False)
    assert refusal(wants(house)) == "agent 'ana' is not on duty"
    house.presence("ana", Presence.READY)
    house.call("c1")
    assert refusal(wants(house)) == "agent 'ana' is at work"
    unknown = c.DialRequested(agent=AgentId("x"), kind=DialKind.CALL, request=CommandId("r"))
    assert refusal(house.tell(unknown)) == "there is no agent 'x'"


def test_for_a_caller_the_owner_is_asked_and_answers() -> None:
    house = ready()
    house.call("c1")
    house.accept("c1")
    said = wants(house, DialKind.TRANSFER, "c1")
    asked = one(said, e.DialAsked)
    assert (asked.agent, asked.party, asked.request) == ("ana", "party-1", "r1")
    assert only(said, e.CommandAnswered) == [], "what it may dial is the owner's to say"
    told = house.tell(
        c.DialReported(
            contact=ContactId("c1"), agent=ANA, kind=DialKind.TRANSFER, stage=DialStage.NOT_ALLOWED,
            party=PartyId("party-1"), by="ana", request=CommandId("r1"),
        )
    )  # fmt: skip
    assert refusal(told) == "this number may not be called"
    assert one(told, e.OutsideDialled).stage is DialStage.NOT_ALLOWED
    assert refusal(wants(house, DialKind.CONSULT, "c2")).startswith("agent 'ana' does not talk")


def test_the_roster_is_read_from_above() -> None:
    roster = center(agent("ana"))
    night = Calendar(name="night", periods=(Period(weekday=0, opens=0, closes=60),))
    rows = (
        Duty(name="sales-night", number="+1", queues=(QueueId("sales"),), calendar="night"),
        Duty(name="north", agent=AgentId("ben"), sites=("north",)),
        Duty(name="lost", number="+2", calendar="nowhere"),
        Duty(name="all", number="+3"),
    )
    roster = replace(roster, calendars=(night,), duties=rows)
    monday = 1_780_272_000_000_000  # 2026-06-01 00:00 UTC

    def name(queue: str, site: str, at: int) -> str:
        found = on_duty(roster, QueueId(queue), site, at)
        return found.name if found else ""

    assert name("sales", "north", monday) == "sales-night"
    assert name("sales", "north", monday + 3_600_000_000) == "north"
    assert name("help", "south", monday) == "all"
    assert on_duty(replace(roster, duties=rows[:3]), QueueId("help"), "", monday) is None
    assert duty_named(roster, "all") == rows[3]


def test_a_call_of_hers_has_no_queue_to_hand_it_on_in_and_she_is_told_so() -> None:
    house = ready()
    wants(house)
    reported(house, OfferOutcome.ACCEPTED)
    contact = one(house.journal, e.CallPlaced).contact
    said = house.hand_on(contact, ANA, to="ben")
    assert said.reason == "a call of her own has no queue: name one, or ask first"


def test_a_late_answer_of_her_own_call_takes_back_what_rings_at_her_and_nothing_else() -> None:
    house = ready()
    wants(house)
    grant = one(house.journal, e.CallPlaced)
    house.wait(grant.ring_seconds + grant.dial_seconds + 4.9)
    assert only(house.journal, e.ConsultUnanswered) == [], "its owner has a little longer"
    house.wait(0.2)
    assert one(house.journal, e.ConsultUnanswered).offer == grant.offer
    house.call("c1")
    assert house.rung("c1") == ANA
    said = reported(house, OfferOutcome.ACCEPTED)
    assert one(said, e.OfferRescinded).contact == "c1"
    assert house.rung("c1") == ""


def test_an_answer_in_time_takes_nothing_back() -> None:
    house = ready()
    wants(house)
    assert only(reported(house, OfferOutcome.ACCEPTED), e.OfferRescinded) == []
