"""One contact's whole life, told by its events: the story of the design, line by line."""

from __future__ import annotations

from callcenter.control.center import Control
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, Result, ended
from callcenter.domain.units import SECOND, AgentId, CommandId, ContactId, CustomerId, SegmentId
from tests.control.house import House, agent, center, one, only, queue

CALL = ContactId("c1")


def life_of(house: House, contact: str) -> list[str]:
    """The names of everything that happened to a contact, in order."""
    about = [event for event in house.journal if getattr(event, "contact", None) == contact]
    return [type(event).__name__ for event in about if not isinstance(event, e.PresenceChanged)]


def three_people() -> House:
    sales = queue("sales", skills={"english": 2}, ring_seconds=15, wrap_up_seconds=20)
    people = (agent("ann", english=4), agent("ben", english=2), agent("cat", english=9))
    return House().open(center(*people, queues=(sales,)))


def test_a_call_from_hello_to_disposition() -> None:
    house = three_people()
    house.arrive("c1")
    house.tell(c.FlowReported(contact=CALL, flow="main-line", revision="r7"))
    house.tell(c.StepReported(contact=CALL, node="language"))
    house.tell(c.DigitsReported(contact=CALL, node="language", count=1))
    house.tell(c.CustomerReported(contact=CALL, customer=CustomerId("k42")))
    house.wait(9)
    house.enqueue("c1", attributes={"type": "orders"})
    assert house.rung("c1") == "ann"
    house.wait(3)
    house.report("c1", OfferOutcome.DECLINED)
    assert house.rung("c1") == "ben"
    house.wait(15)
    house.report("c1", OfferOutcome.EXPIRED)
    assert house.rung("c1") == "cat"
    house.wait(2)
    started = one(house.accept("c1"), e.SegmentStarted)
    assert (started.agent, started.waited) == ("cat", 20 * SECOND)
    house.wait(30)
    house.tell(c.HoldReported(contact=CALL, agent=AgentId("cat"), held=True))
    house.wait(10)
    house.tell(c.HoldReported(contact=CALL, agent=AgentId("cat"), held=False))
    house.wait(20)
    house.hang_up("c1")
    house.wait(5)
    house.tell(
        c.DispositionRequested(
            agent=AgentId("cat"),
            segment=SegmentId(started.segment),
            disposition="resolved",
            request=CommandId("d1"),
        )
    )
    house.end_wrap_up("cat")
    assert life_of(house, "c1") == [
        "ContactArrived", "FlowStarted", "StepEntered", "DigitsCollected", "CustomerIdentified",
        "ContactQueued",
        "OfferMade", "OfferDeclined", "OfferMade", "OfferExpired", "OfferMade", "OfferAccepted",
        "SegmentStarted", "Held", "Resumed", "SegmentEnded", "WrapUpStarted",
        "ContactEnded", "DispositionSet", "WrapUpEnded",
    ]  # fmt: skip
    segment = one(house.journal, e.SegmentEnded)
    assert (segment.talked, segment.held) == (60 * SECOND, 10 * SECOND)
    assert house.agent("ann").reason == "declined"
    assert house.agent("ben").reason == "rona"
    assert house.agent("cat").presence is Presence.READY


def test_what_an_agent_did_all_day_adds_up_to_the_day() -> None:
    house = three_people()
    begin = house.agent("ann").since
    for n in range(3):
        house.call(f"c{n}")
        house.wait(4)
        house.accept(f"c{n}")
        house.wait(60)
        house.hang_up(f"c{n}")
        house.wait(30)
    house.presence("ann", Presence.LOGGED_OUT)
    spans = [p.lasted for p in house.all(e.PresenceChanged) if p.agent == "ann"]
    assert sum(spans) == house.now - begin


def test_callers_keep_their_place_while_the_front_end_and_the_leader_die_together() -> None:
    house = three_people()
    for name in ("ann", "ben", "cat"):
        house.presence(name, Presence.NOT_READY, "meeting")
    for contact in ("c1", "c2", "c3"):
        house.call(contact)
        house.wait(2)
    snapshot, seen = house.control.snapshot(), len(house.journal)
    house.call("c4", priority=9)
    house.lose()
    house.control = Control.restore(snapshot, epoch=2)
    for event in house.journal[seen:]:
        house.control.apply(event)
    house.wait(8)
    house.start(("c1", "c2", "c3", "c4"), ("ann", "ben", "cat"), epoch=2)
    order = []
    for _ in range(4):
        house.presence("ann", Presence.READY)
        made = house.all(e.OfferMade)[-1]
        order.append((made.contact, made.waited // SECOND))
        house.accept(made.contact)
        house.hang_up(made.contact)
        house.presence("ann", Presence.NOT_READY, "meeting")
        house.end_wrap_up("ann")
    assert [contact for contact, _ in order] == ["c4", "c1", "c2", "c3"]
    assert order[1][1] == 14, "the wait goes on through it all"


def test_a_mail_waits_beside_calls_and_yields_to_one() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("mail", channel=Channel.EMAIL)
    house.accept("mail")
    house.wait(30)
    house.call("call")
    assert house.rung("call") == "ann"
    house.accept("call")
    house.call("mail2", channel=Channel.EMAIL)
    assert house.rung("mail2") == "", "nothing new while she talks"
    house.hang_up("call")
    assert house.rung("mail2") == "ann"
    house.accept("mail2")
    end = one(house.hang_up("mail", Reason.RESOLVED), e.SegmentEnded)
    assert end.termination.result is Result.SERVED
    assert house.agent("ann").presence is Presence.TALKING, "with the second mail"


def test_the_agent_hangs_up_and_the_caller_goes_on_in_the_flow() -> None:
    house = three_people()
    house.call("c1")
    started = one(house.accept("c1"), e.SegmentStarted)
    house.wait(40)
    house.tell(
        c.SegmentEndReported(
            contact=CALL,
            segment=started.segment,
            agent=started.agent,
            termination=ended(Reason.AGENT_HUNG_UP),
        )
    )
    house.tell(c.StepReported(contact=CALL, node="survey"))
    house.hang_up("c1", Reason.FLOW_HUNG_UP)
    assert life_of(house, "c1")[-4:] == [
        "SegmentEnded", "WrapUpStarted", "StepEntered", "ContactEnded",
    ]  # fmt: skip


def test_a_caller_crossing_the_answer_is_told_by_who_owns_the_leg() -> None:
    """The caller hung up as the agent answered: the owner's order of facts decides."""
    house = three_people()
    house.call("c1")
    offer = house.offer_of("c1")
    assert offer is not None
    house.accept("c1")
    answered_first = house.hang_up("c1")
    assert only(answered_first, e.SegmentEnded)
    house.call("c2")
    late = house.offer_of("c2")
    assert late is not None
    house.hang_up("c2", Reason.CALLER_LEFT_IN_QUEUE)
    assert house.report("c2", OfferOutcome.ACCEPTED, late) == []
    assert house.control.counters["unknown_contact"] == 1
    assert house.agent(late.agent).presence is Presence.READY


def test_those_who_wait_in_a_queue_that_is_removed_are_still_served() -> None:
    house = three_people()
    for name in ("ann", "ben", "cat"):
        house.presence(name, Presence.NOT_READY, "meeting")
    house.call("c1")
    house.configure(center(agent("ann", english=4), queues=(queue("other"),)), "2")
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann"
