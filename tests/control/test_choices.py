"""Who of several gets a contact, and which of several an agent gets."""

from __future__ import annotations

import pytest

from callcenter.control.state import Stage
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Center, Channel, ContactChoice, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import SECOND, AgentId, QueueId
from tests.control.house import House, agent, center, member, one, only, queue

A = AgentChoice


def by(choice: AgentChoice, skills: dict[str, int] | None = None) -> Queue:
    return queue(agent_choice=choice, wrap_up_seconds=0, skills=skills or {})


SKILLED = (agent("ann", english=5), agent("ben", english=9), agent("cat", english=3))


@pytest.mark.parametrize(
    ("choice", "first", "second"),
    [
        (A.LONGEST_IDLE, "ann", "ben"),
        (A.MOST_SKILLED, "ben", "ann"),
        (A.LEAST_SKILLED, "cat", "ann"),
        (A.TOP_DOWN, "ann", "ben"),
    ],
)
def test_the_queue_says_who_comes_first(choice: AgentChoice, first: str, second: str) -> None:
    house = House().open(center(*SKILLED, queues=(by(choice, {"english": 2}),)))
    house.call("c1")
    house.call("c2")
    assert (house.rung("c1"), house.rung("c2")) == (first, second)


def test_top_down_asks_the_first_again_as_soon_as_she_is_free() -> None:
    house = House().open(center(agent("zoe"), agent("ann"), queues=(by(A.TOP_DOWN),)))
    house.call("c1")
    house.accept("c1")
    house.hang_up("c1")
    house.call("c2")
    assert house.rung("c2") == "zoe", "ann is idle for longer"


def test_round_robin_goes_round() -> None:
    house = House().open(
        center(agent("ann"), agent("ben"), agent("cat"), queues=(by(A.ROUND_ROBIN),))
    )
    rung = []
    for n in range(5):
        house.call(f"c{n}")
        rung.append(house.rung(f"c{n}"))
        house.accept(f"c{n}")
        house.hang_up(f"c{n}")
    assert rung == ["ann", "ben", "cat", "ann", "ben"]


def test_the_least_occupied_has_been_at_work_for_the_smallest_share_of_her_time() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(by(A.LEAST_OCCUPIED),)))
    house.call("c1")
    house.accept("c1")
    house.wait(30)
    house.call("c2")
    house.accept("c2")
    house.wait(5)
    house.hang_up("c2")
    house.wait(5)
    house.hang_up("c1")
    house.wait(60)
    house.call("c3")
    assert house.rung("c3") == "ben", "5 s at work, against 40 s"
    offer = house.offer_of("c3")
    assert offer is not None
    assert "least occupied" in offer.evidence


def test_welcome_skills_come_before_idleness() -> None:
    people = (agent("ann", english=2), agent("ben", english=2, french=5), agent("cat", french=9))
    house = House().open(
        center(*people, queues=(queue(preferred={"french": 4}),), skills=("english", "french"))
    )
    house.call("c1")
    assert house.rung("c1") == "ben"
    house.call("c2", preferred={"english": 2})
    assert house.rung("c2") == "ann", "one welcome skill each, and she is idle for longer"


def test_of_two_who_come_free_at_once_the_queue_chooses() -> None:
    sales = queue(agent_choice=A.MOST_SKILLED, skills={"english": 1}, wrap_up_seconds=10)
    house = House().open(center(*SKILLED[:2], queues=(sales,)))
    for contact in ("c1", "c2"):
        house.call(contact)
        house.accept(contact)
    house.call("c3")
    house.hang_up("c1")
    house.hang_up("c2")
    house.wait(10)
    assert house.rung("c3") == "ben"


RING_ALL = queue(agent_choice=A.RING_ALL, ring_width=2)
PEOPLE = (agent("ann"), agent("ben"), agent("cat"))


def test_several_phones_ring_at_once_up_to_the_width() -> None:
    house = House().open(center(*PEOPLE, queues=(RING_ALL,)))
    offers = only(house.call("c1"), e.OfferMade)
    assert [(o.agent, o.attempt) for o in offers] == [("ann", 1), ("ben", 2)]
    assert len({o.offer for o in offers}) == 2
    assert house.contact("c1").stage is Stage.OFFERED


def test_the_first_to_answer_has_it_and_nothing_is_held_against_the_others() -> None:
    house = House().open(center(*PEOPLE, queues=(RING_ALL,)))
    ann, ben = only(house.call("c1"), e.OfferMade)
    said = house.report("c1", OfferOutcome.ACCEPTED, ben)
    taken_back = one(said, e.OfferRescinded)
    assert (taken_back.offer, taken_back.reason) == (ann.offer, "another agent answered")
    assert one(said, e.SegmentStarted).agent == "ben"
    assert house.agent("ann").presence is Presence.READY
    house.call("c2")
    assert house.rung_all("c2") == ["ann", "cat"]


def test_an_answer_that_comes_second_is_repaired_as_a_fact() -> None:
    house = House().open(center(*PEOPLE, queues=(RING_ALL,)))
    ann, ben = only(house.call("c1"), e.OfferMade)
    house.report("c1", OfferOutcome.ACCEPTED, ben)
    assert house.report("c1", OfferOutcome.DECLINED, ann) == []
    assert house.control.counters["unknown_offer"] == 1


def test_whoever_does_not_take_it_is_followed_by_the_next_while_the_others_ring_on() -> None:
    house = House().open(center(*PEOPLE, queues=(RING_ALL,)))
    ann, ben = only(house.call("c1"), e.OfferMade)
    said = house.report("c1", OfferOutcome.DECLINED, ann)
    assert one(said, e.OfferMade).agent == "cat"
    assert house.rung_all("c1") == ["ben", "cat"]
    house.report("c1", OfferOutcome.EXPIRED, ben)
    assert house.rung_all("c1") == ["cat"]
    assert house.contact("c1").stage is Stage.OFFERED


def test_whoever_comes_free_joins_those_who_ring() -> None:
    house = House().open(center(*PEOPLE, queues=(RING_ALL,)), ready=False)
    house.presence("cat", Presence.READY)
    house.call("c1")
    house.presence("ann", Presence.READY)
    assert house.rung_all("c1") == ["cat", "ann"]
    house.presence("ben", Presence.READY)
    assert house.rung_all("c1") == ["cat", "ann"], "the ring is full"


def test_when_the_caller_leaves_every_phone_stops() -> None:
    house = House().open(center(*PEOPLE, queues=(RING_ALL,)))
    house.call("c1")
    assert len(only(house.leave("c1"), e.OfferRescinded)) == 2
    assert house.control.state.offers == {}


def test_patience_ends_though_phones_ring() -> None:
    sales = queue(agent_choice=A.RING_ALL, ring_width=2, wait_seconds_max=10)
    house = House().open(center(*PEOPLE, queues=(sales,)))
    house.call("c1")
    said = house.wait(10)
    assert len(only(said, e.OfferRescinded)) == 2
    assert one(said, e.ContactDequeued).exit is e.QueueExit.TIMEOUT


def two_queues(choice: ContactChoice) -> Center:
    quick = queue("quick", target_seconds=10, ageing_seconds=60)
    slow = queue("slow", target_seconds=100, ageing_seconds=60)
    return Center(
        queues=(quick, slow), agents=(agent("ann"),), contact_choice=choice, skills=("english",)
    )


@pytest.mark.parametrize(
    ("choice", "first"),
    [
        (ContactChoice.AGEING, "slow1"),
        (ContactChoice.TARGET, "quick1"),
        (ContactChoice.STRICT, "urgent"),
    ],
)
def test_the_center_says_which_contact_comes_first(choice: ContactChoice, first: str) -> None:
    house = House().open(two_queues(choice), ready=False)
    house.call("slow1", "slow", priority=0)
    house.wait(600)
    house.call("quick1", "quick", priority=0)
    house.wait(70)
    house.call("urgent", "slow", priority=5)
    house.wait(1)
    house.presence("ann", Presence.READY)
    assert house.contact(first).stage is Stage.OFFERED


def test_another_choice_of_contacts_is_for_those_who_wait_already_too() -> None:
    house = House().open(two_queues(ContactChoice.AGEING), ready=False)
    house.call("older", "slow", priority=0)
    house.wait(900)
    house.call("urgent", "slow", priority=1)
    house.configure(two_queues(ContactChoice.STRICT), "2")
    house.presence("ann", Presence.READY)
    assert house.rung("urgent") == "ann"


def vip_center(reserve: int) -> Center:
    people = (agent("ann", english=5), agent("ben", english=5), agent("cat", french=5))
    queues = (
        queue("vip", skills={"english": 3}, reserve=reserve, wrap_up_seconds=0),
        queue("sales", wrap_up_seconds=0),
    )
    return center(*people, queues=queues, skills=("english", "french"))


def test_agents_are_kept_free_for_a_queue() -> None:
    house = House().open(vip_center(1))
    house.presence("cat", Presence.LOGGED_OUT)
    house.call("s1")
    house.call("s2")
    assert (house.rung("s1"), house.rung("s2")) == ("ann", "")
    house.call("v1", "vip")
    assert house.rung("v1") == "ben"


def test_the_last_one_who_comes_back_from_lunch_is_kept_too() -> None:
    house = House().open(vip_center(1))
    house.presence("cat", Presence.LOGGED_OUT)
    house.call("s1")
    house.call("s2")
    house.presence("ben", Presence.NOT_READY, "lunch")
    house.presence("ben", Presence.READY)
    assert house.rung("s2") == ""
    house.call("v1", "vip")
    assert house.rung("v1") == "ben"


def test_who_cannot_serve_that_queue_is_not_kept_from_others() -> None:
    house = House().open(vip_center(2))
    house.call("s1")
    assert house.rung("s1") == "cat"


def test_ringing_several_phones_leaves_those_who_are_kept() -> None:
    queues = (queue("vip", skills={"english": 1}, reserve=1), RING_ALL)
    people = (agent("ann", english=1), agent("ben", english=1), agent("cat", english=1))
    house = House().open(center(*people[:2], queues=queues))
    house.call("c1")
    assert house.rung_all("c1") == ["ann"], "the width is two, but ben is kept"
    house = House().open(center(*people, queues=queues))
    house.call("c1")
    assert house.rung_all("c1") == ["ann", "ben"]


def test_when_enough_are_free_again_whoever_was_kept_takes_what_waits() -> None:
    house = House().open(vip_center(1))
    house.call("v1", "vip")
    house.accept("v1")
    house.presence("cat", Presence.LOGGED_OUT)
    house.call("s1", excluded=(AgentId("ann"),))
    assert house.rung("s1") == "", "ben is the last one free for vip"
    house.hang_up("v1")
    assert house.rung("s1") == "ben", "now ann is kept, and may not take it herself"


def test_an_agent_rests_when_her_occupancy_is_at_its_ceiling() -> None:
    ann = member("ann", {"occupancy_max": 80})
    house = House().open(center(ann, queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.wait(41)
    house.call("c2")
    house.hang_up("c1")
    assert house.agent("ann").presence is Presence.READY
    assert house.agent("ann").rest_until == house.now + round(41 * SECOND * 0.25) - SECOND
    house.wait(9)
    assert house.rung("c2") == ""
    house.wait(0.3)
    assert house.rung("c2") == "ann"


def test_without_a_ceiling_nobody_rests() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.wait(1000)
    house.call("c2")
    house.hang_up("c1")
    assert house.rung("c2") == "ann"


def test_a_queue_may_let_people_decline_a_few_times() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(declines_max=1),)))
    house.call("c1")
    house.report("c1", OfferOutcome.DECLINED)
    assert house.agent("ann").presence is Presence.READY
    assert house.rung("c1") == "ben", "whoever said no is asked last"
    house.report("c1", OfferOutcome.DECLINED)
    assert house.rung("c1") == "ann"
    house.report("c1", OfferOutcome.DECLINED)
    assert house.agent("ann").reason == "declined"


def test_who_accepts_may_decline_again() -> None:
    house = House().open(center(agent("ann"), queues=(queue(declines_max=1, wrap_up_seconds=0),)))
    for n in range(3):
        house.call(f"c{n}")
        house.report(f"c{n}", OfferOutcome.DECLINED)
        house.accept(f"c{n}")
        house.hang_up(f"c{n}")
        assert house.agent("ann").presence is Presence.READY


def test_a_center_may_lay_a_call_beside_a_chat() -> None:
    both = Center(
        queues=(queue(),), agents=(agent("ann"),),
        concurrency={Channel.VOICE: (Channel.CHAT,), Channel.CHAT: (Channel.VOICE,)},
    )  # fmt: skip
    house = House().open(both)
    house.call("chat", channel=Channel.CHAT)
    house.accept("chat")
    house.call("call")
    assert house.rung("call") == "ann"
    house.accept("call")
    house.call("mail", channel=Channel.EMAIL)
    assert house.rung("mail") == ""


def test_a_center_may_have_a_capacity_of_its_own_and_an_agent_another() -> None:
    ben = member("ben", {"capacity": {Channel.EMAIL: 2}})
    house = House().open(
        Center(queues=(queue(),), agents=(agent("ann"), ben), capacity={Channel.EMAIL: 1})
    )
    for n in range(4):
        house.call(f"m{n}", channel=Channel.EMAIL)
        if house.contact(f"m{n}").offer:
            house.accept(f"m{n}")
    assert (len(house.agent("ann").segments), len(house.agent("ben").segments)) == (1, 2)


def test_kept_for_a_queue_that_is_gone_is_kept_for_nobody() -> None:
    house = House().open(vip_center(2))
    house.presence("cat", Presence.LOGGED_OUT)
    house.call("s1")
    assert house.rung("s1") == ""
    house.configure(center(agent("ann"), agent("ben"), queues=(queue("sales"), queue("x"))), "2")
    assert house.rung("s1") in ("ann", "ben")
    assert QueueId("vip") not in house.control._world.queues


def test_who_said_no_is_not_rung_again_while_the_others_are() -> None:
    sales = queue(agent_choice=AgentChoice.RING_ALL, ring_width=3, declines_max=5)
    house = House().open(center(*(agent(name) for name in ("ann", "ben", "cat")), queues=(sales,)))
    house.call("c1")
    offers = {offer.agent: offer for offer in house.all(e.OfferMade)}
    house.report("c1", OfferOutcome.DECLINED, offers[AgentId("ann")])
    assert house.rung_all("c1") == ["ben", "cat"]
    house.report("c1", OfferOutcome.DECLINED, offers[AgentId("ben")])
    assert house.rung_all("c1") == ["cat"], "nor who said no before"
    assert house.agent("ann").presence is Presence.READY
    house.call("c2")
    assert sorted(house.rung_all("c2")) == ["ann", "ben"], "another caller is theirs to answer"
    house.hang_up("c2")
    house.report("c1", OfferOutcome.DECLINED, offers[AgentId("cat")])
    assert sorted(house.rung_all("c1")) == ["ann", "ben", "cat"], "nobody is left: all once more"


def test_where_targets_do_not_count_nobody_has_used_any_of_hers() -> None:
    house = House().open(center(queues=(queue(target_seconds=1),)))
    house.call("c1")
    house.wait(50)
    assert house.control.world.used_up(house.contact("c1"), house.now) == 0
