"""She looks at it before it rings, says no at her desk, or her phone answers by itself."""

from __future__ import annotations

from typing import Any

import pytest

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, AutoAnswer, Channel, PreviewEnd
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import AgentId, OfferId
from tests.control.house import House, agent, center, member, one, only, queue


def looks(**settings: Any) -> House:
    """Ann is offered a call that she may look at for ten seconds; Ben comes after her."""
    sales = queue(preview_seconds=10, ring_seconds=20, **settings)
    house = House().open(center(agent("ann"), agent("ben"), queues=(sales,)))
    house.call("c1")
    return house


def say_yes(house: House, name: str = "ann", contact: str = "c1") -> e.CommandAnswered:
    offer = house.contact(contact).offer
    return house.request(
        c.OfferAnswerRequested(agent=AgentId(name), offer=offer, accept=True, by=name)
    )


def say_no(house: House, name: str = "ann", contact: str = "c1") -> e.CommandAnswered:
    offer = house.contact(contact).offer
    return house.request(
        c.OfferAnswerRequested(agent=AgentId(name), offer=offer, accept=False, by=name)
    )


# --- a preview ------------------------------------------------------------------------------------


def test_what_she_looks_at_is_no_grant_until_she_accepts() -> None:
    house = looks()
    made = house.all(e.OfferMade)[-1]
    assert (made.agent, made.preview_seconds) == ("ann", 10)
    assert house.agent("ann").presence is Presence.RESERVED
    house.wait(9)
    assert say_yes(house).accepted
    confirmed = house.all(e.OfferConfirmed)[-1]
    assert confirmed.grant.ring_seconds == 20
    assert confirmed.grant.preview_seconds == 0
    assert confirmed.grant.waited == house.now - house.contact("c1").since
    assert confirmed.grant.act_before == house.now + 20_000_000
    house.wait(19)
    house.accept("c1")
    assert house.agent("ann").presence is Presence.TALKING


def test_who_accepted_and_lets_the_phone_ring_is_a_rona_like_any() -> None:
    house = looks()
    say_yes(house)
    house.report("c1", OfferOutcome.EXPIRED)
    assert house.agent("ann").reason == "rona"
    assert house.rung("c1") == "ben"


def test_an_owner_that_says_nothing_after_the_yes_is_given_up() -> None:
    house = looks()
    house.wait(5)
    say_yes(house)
    house.wait(24)
    assert house.rung("c1") == "ann"
    said = house.wait(2)
    assert one(said, e.OfferRescinded).agent == "ann"


def test_declined_in_the_preview_the_next_agent_looks() -> None:
    house = looks()
    assert say_no(house).accepted
    assert house.agent("ann").reason == "declined"
    assert house.rung("c1") == "ben"
    assert not house.all(e.OfferConfirmed)


def test_who_may_decline_stays_ready_and_others_come_first() -> None:
    house = looks(declines_max=1)
    say_no(house)
    assert house.agent("ann").presence is Presence.READY
    assert house.rung("c1") == "ben"
    say_no(house, "ben")
    assert house.rung("c1") == "ann"
    say_no(house)
    assert house.agent("ann").reason == "declined"


def test_a_preview_that_runs_out_is_a_rona() -> None:
    house = looks()
    house.wait(9.9)
    assert house.rung("c1") == "ann"
    house.wait(0.1)
    assert house.agent("ann").reason == "rona"
    assert house.rung("c1") == "ben"
    assert house.all(e.OfferExpired)[-1].agent == "ann"


def test_or_a_yes_where_the_queue_says_so() -> None:
    house = looks(preview_end=PreviewEnd.ACCEPT)
    said = house.wait(10)
    assert one(said, e.OfferConfirmed).by_time
    house.accept("c1")
    assert house.agent("ann").presence is Presence.TALKING


def test_but_not_of_who_asked_to_be_not_ready_meanwhile() -> None:
    house = looks(preview_end=PreviewEnd.ACCEPT)
    house.presence("ann", Presence.NOT_READY, "lunch")
    said = house.wait(10)
    assert not only(said, e.OfferConfirmed)
    assert house.agent("ann").reason == "lunch"
    assert house.rung("c1") == "ben"


def test_the_caller_leaves_while_she_looks() -> None:
    house = looks()
    said = house.hang_up("c1")
    assert one(said, e.OfferRescinded).agent == "ann"
    assert house.agent("ann").presence is Presence.READY
    late = c.OfferAnswerRequested(agent=AgentId("ann"), offer=OfferId("o1-1"), accept=True)
    refused = house.request(late)
    assert not refused.accepted
    assert refused.reason == "offer 'o1-1' is over"


def test_nobody_answers_for_another() -> None:
    house = looks()
    assert not say_yes(house, "ben").accepted
    assert not say_no(house, "ben").accepted
    assert house.rung("c1") == "ann"


def test_a_second_yes_is_told_to_pick_up() -> None:
    house = looks()
    say_yes(house)
    assert say_yes(house).reason == "it is on its way to her phone: pick it up there"
    assert len(house.all(e.OfferConfirmed)) == 1


def test_a_front_end_that_starts_again_takes_back_only_what_was_in_its_hands() -> None:
    house = looks()
    house.start(contacts=("c1",), agents=("ann", "ben"), epoch=2)
    assert house.rung("c1") == "ann"
    say_yes(house)
    house.start(contacts=("c1",), agents=("ann", "ben"), epoch=3)
    assert house.all(e.OfferRescinded)[-1].reason == "its owner started again"


def test_mail_is_looked_at_in_the_same_way() -> None:
    house = looks()
    house.hang_up("c1")
    house.call("m1", channel=Channel.EMAIL)
    assert say_yes(house, house.rung("m1"), "m1").accepted


def test_several_who_are_rung_at_once_look_at_nothing() -> None:
    sales = queue(preview_seconds=10, agent_choice=AgentChoice.RING_ALL)
    house = House()
    refused = one(house.configure(center(agent("ann"), queues=(sales,))), e.CommandAnswered)
    assert "preview_seconds: with ring_all several are asked at once" in refused.reason


# --- no, at the desk, while the phone rings -------------------------------------------------------


def test_who_says_no_at_her_desk_while_it_rings_has_declined() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    offer = house.contact("c1").offer
    assert say_no(house).accepted
    declined = house.all(e.OfferDeclined)[-1]
    assert (declined.offer, declined.outcome) == (offer, OfferOutcome.DECLINED)
    assert house.agent("ann").reason == "declined"
    assert house.rung("c1") == "ben"


def test_who_picks_up_in_that_very_moment_has_the_call() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    made = house.all(e.OfferMade)[-1]
    say_no(house)
    house.report("c1", OfferOutcome.ACCEPTED, made)
    assert house.agent("ann").presence is Presence.TALKING
    assert house.agent("ben").presence is Presence.READY


def test_a_phone_that_rings_is_not_picked_up_from_the_desk() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    assert say_yes(house).reason == "it is on its way to her phone: pick it up there"


# --- phones that answer by themselves -------------------------------------------------------------


def answers_itself(name: str = "ann") -> House:
    return House().open(center(member(name, {"auto_answer": AutoAnswer.CALL_INFO})))


def test_a_phone_that_can_is_let_answer_by_itself() -> None:
    house = answers_itself()
    house.call("c1")
    assert house.all(e.OfferMade)[-1].auto_answer


def test_but_not_where_the_queue_rings_by_hand() -> None:
    ann = member("ann", {"auto_answer": AutoAnswer.ANSWER_MODE})
    house = House().open(center(ann, queues=(queue(auto_answer=False),)))
    house.call("c1")
    assert not house.all(e.OfferMade)[-1].auto_answer


def test_nor_where_several_are_rung_at_once() -> None:
    people = [member(name, {"auto_answer": AutoAnswer.CALL_INFO}) for name in ("ann", "ben")]
    all_of_them = queue(agent_choice=AgentChoice.RING_ALL)
    house = House().open(center(*people, queues=(all_of_them,)))
    house.call("c1")
    assert [made.auto_answer for made in house.all(e.OfferMade)] == [False, False]


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.CHAT, Channel.FAX])
def test_nor_for_what_comes_to_no_phone(channel: Channel) -> None:
    house = answers_itself()
    house.call("m1", channel=channel)
    assert not house.all(e.OfferMade)[-1].auto_answer


@pytest.mark.parametrize(("says", "answers"), [("yes", True), ("nothing", True)])
def test_after_a_preview_it_answers_when_she_will_have_it(says: str, answers: bool) -> None:
    ann = member("ann", {"auto_answer": AutoAnswer.CALL_INFO})
    sales = queue(preview_seconds=10, preview_end=PreviewEnd.ACCEPT)
    house = House().open(center(ann, queues=(sales,)))
    house.call("c1")
    assert not house.all(e.OfferMade)[-1].auto_answer
    if says == "yes":
        say_yes(house)
    house.wait(10)
    assert house.all(e.OfferConfirmed)[-1].grant.auto_answer is answers


def test_who_asked_to_leave_and_then_says_yes_is_called_all_the_same() -> None:
    ann = member("ann", {"auto_answer": AutoAnswer.CALL_INFO})
    house = House().open(center(ann, queues=(queue(preview_seconds=10),)))
    house.call("c1")
    house.presence("ann", Presence.NOT_READY, "lunch")
    say_yes(house)
    assert house.all(e.OfferConfirmed)[-1].grant.auto_answer
