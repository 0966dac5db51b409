"""What is remembered of each fact, and for how long."""

from __future__ import annotations

from callcenter.control.configuration import warnings_of
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, AgentId, ContactId, FrontendId, QueueId, SegmentId
from tests.control.house import House, agent, center, member, one, only, queue

ANN, SALES, OTHER = AgentId("ann"), QueueId("sales"), QueueId("other")


def held(house: House, contact: str, is_held: bool, *, by_agent: bool) -> None:
    house.tell(
        c.HoldReported(contact=ContactId(contact), agent=ANN, held=is_held, by_agent=by_agent)
    )


def test_time_on_hold_is_counted_once_though_both_sides_hold() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    for is_held, by_agent in ((True, True), (True, False), (False, True), (False, False)):
        held(house, "c1", is_held, by_agent=by_agent)
        house.wait(10)
    held(house, "c1", True, by_agent=False)
    house.wait(5)
    ended = one(house.hang_up("c1"), e.SegmentEnded)
    assert (ended.talked, ended.held) == (45 * SECOND, 35 * SECOND)


def test_each_of_several_wrap_ups_ends_by_itself() -> None:
    house = House().open(center(agent("ann")))
    for name in ("m1", "m2"):
        house.call(name, channel=Channel.EMAIL)
        house.accept(name)
    house.hang_up("m1")
    house.wait(10)
    house.hang_up("m2")
    assert len(house.agent("ann").wrap_ups) == 2
    first, second = only(house.wait(60), e.WrapUpEnded)
    assert (first.contact, second.contact) == ("m1", "m2")
    assert second.at - first.at == 10 * SECOND
    assert (first.wrapped, second.wrapped) == (30 * SECOND, 30 * SECOND)


def test_a_contact_of_a_front_end_that_never_reported_is_one_like_any_other() -> None:
    house = House().open(center(agent("ann")))
    house.arrive("c1", frontend=FrontendId("new"))
    house.enqueue("c1")
    assert house.rung("c1") == "ann"


def test_who_talks_though_she_was_logged_out_is_there() -> None:
    """Her acceptance came late: the two are talking all the same."""
    line = queue("other", unstaffed_exit=True)
    house = House().open(center(agent("ann"), queues=(queue(), line)))
    offer = one(house.call("c1"), e.OfferMade)
    house.leave("c1")
    house.presence("ann", Presence.LOGGED_OUT)
    assert one(house.call("c2", "other"), e.QueueRefused).exit is e.QueueExit.UNSTAFFED
    house.report("c1", OfferOutcome.ACCEPTED, offer)
    assert house.agent("ann").presence is Presence.TALKING
    assert one(house.call("c3", "other"), e.ContactQueued).queue == "other"


def test_who_is_removed_while_logged_out_is_forgotten_without_a_word() -> None:
    house = House().open(center(agent("ann"), agent("ben")), ready=False)
    house.presence("ben", Presence.READY)
    said = house.configure(center(agent("ben")), "2")
    assert only(said, e.PresenceChanged) == []
    assert "ann" not in house.control.state.agents
    assert "ann" not in house.control.skills
    assert house.control.skills[AgentId("ben")] == {}


def test_who_is_removed_at_work_is_forgotten_with_what_she_can_when_she_is_done() -> None:
    house = House().open(center(agent("ann", english=3)))
    house.call("c1")
    house.accept("c1")
    said = house.configure(center(), "2")
    assert one(said, e.NextPresenceSet).presence is Presence.LOGGED_OUT
    assert "ann" in house.control.skills
    assert only(house.configure(center(), "3"), e.NextPresenceSet) == [], "told already"
    house.hang_up("c1")
    house.wait(31)
    assert "ann" not in house.control.skills
    assert "ann" not in house.control.state.agents


def test_a_removed_queue_is_known_as_long_as_somebody_has_to_do_with_it() -> None:
    two = (queue(wrap_up_seconds=10), queue("other"))
    house = House().open(center(agent("ann"), queues=two))
    house.call("c1")
    house.accept("c1")
    house.configure(center(agent("ann"), queues=(queue("other"),)), "2")
    assert set(house.control.state.retired_queues) == {SALES}
    house.hang_up("c1")
    house.wait(11)
    segment = house.agent("ann").last_segment
    word = c.DispositionRequested(agent=ANN, segment=segment, disposition="resolved")
    house.configure(center(agent("ann"), queues=(queue("other"),)), "3")
    assert house.request(word).accepted, "it was the last that she did"
    house.call("c2", "other")
    house.accept("c2")
    house.hang_up("c2")
    house.configure(center(agent("ann"), queues=(queue("other"),)), "4")
    assert house.control.state.retired_queues == {}
    assert not house.request(word).accepted


def test_what_was_seen_and_told_of_a_queue_goes_with_it() -> None:
    house = House().open(center(agent("ann"), queues=(queue(), queue("other"))))
    for name in ("sales", "other"):
        house.call(name, name)
        house.hang_up(name)
    report = c.WaitsReported(
        at=house.now, queues={name: c.Outlook(5, 9) for name in (SALES, OTHER, QueueId("zz"))}
    )
    assert [one.queue for one in only(house.tell(report), e.QueueEstimated)] == ["sales", "other"]
    house.configure(center(agent("ann"), queues=(queue("other"),)), "2")
    state = house.control.state
    assert (set(state.experience), set(state.told)) == ({OTHER}, {OTHER})


def test_a_wider_ring_is_forgotten_when_she_waits_anew() -> None:
    steps = (PlanStep(after_seconds=5, teams=("red",), agents=(ANN,)),)
    people = (agent("ann"), member("ben", {"team": "red"}))
    line = queue(skills={"english": 9}, plan=Plan(steps=steps))
    house = House().open(center(*people, queues=(line, queue("other", skills={"english": 9}))))
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.presence("ben", Presence.NOT_READY, "lunch")
    house.call("c1")
    house.wait(6)
    assert (house.contact("c1").agents, house.contact("c1").teams) == (("ann",), ("red",))
    house.leave("c1")
    house.enqueue("c1")
    contact = house.contact("c1")
    assert (contact.agents, contact.teams, contact.stepped) == ((), (), -1)
    house.wait(6)
    house.move("c1", "other")
    contact = house.contact("c1")
    assert (contact.agents, contact.teams, contact.stepped) == ((), (), -1)


def test_a_name_of_a_segment_that_is_taken_is_replaced_by_one_of_ours() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(wrap_up_seconds=0),)))
    names = []
    for contact in ("c1", "c2"):
        offer = one(house.call(contact), e.OfferMade)
        said = house.tell(
            c.OfferReported(
                offer=offer.offer, contact=offer.contact, agent=offer.agent,
                outcome=OfferOutcome.ACCEPTED, segment=SegmentId("mine"),
            )
        )  # fmt: skip
        names.append(one(said, e.SegmentStarted).segment)
    assert names == ["mine", "s1-2"]


def test_overflow_to_people_who_take_none_of_a_channel_is_warned_of() -> None:
    plan = Plan(steps=(PlanStep(after_seconds=9, queue=OTHER),))
    here = queue(skills={"english": 1}, plan=plan)
    there = queue("other", skills={"french": 1})
    ann = member("ann", {"capacity": {Channel.CHAT: 0, Channel.FAX: 0}}, english=3)
    ben = member("ben", {"capacity": {Channel.VOICE: 0, Channel.CHAT: 2}}, french=3)
    skills = ("english", "french")
    assert warnings_of(center(ann, ben, queues=(here, there), skills=skills)) == (
        (
            "queue sales: plan: step 1 (after 9 s): overflow goes to 'other', where nobody takes "
            "voice; give somebody there the capacity for it"
        ),
    )
    all_can = agent("cat", french=3)
    assert warnings_of(center(ann, ben, all_can, queues=(here, there), skills=skills)) == ()
    nobody = warnings_of(center(ann, queues=(here, there), skills=skills))
    assert nobody == (
        "queue other: nobody is configured who could serve it; add an agent with its skills",
    )


def test_facts_that_change_nothing_are_counted_by_name() -> None:
    house = House().open(center(agent("ann")))
    house.arrive("c1")
    house.arrive("c1")
    house.leave("c1")
    held(house, "c1", True, by_agent=True)
    house.phone("zed", True)
    house.enqueue("c1", "nowhere")
    house.enqueue("c1", skills={"latin": 3})
    house.enqueue("c1")
    house.hang_up("ghost")
    house.tell(
        c.SegmentEndReported(
            contact=ContactId("c1"), segment=SegmentId("s"), agent=ANN,
            termination=ended(Reason.CALLER_HUNG_UP),
        )
    )  # fmt: skip
    assert house.control.counters == {
        "contact_reported_twice": 1, "left_but_not_waiting": 1, "held_but_not_talking": 1,
        "unknown_agent": 1, "unknown_queue": 1, "unknown_skill": 1, "queued_twice": 1,
        "unknown_contact": 1, "unknown_segment": 1,
    }  # fmt: skip
