"""A chat: worked like a mail, but somebody waits at its other end."""

from __future__ import annotations

import msgspec
import pytest

from callcenter.control.state import Stage
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import ContactId, FrontendId, LetterId, QueueId
from tests.control.house import House, agent, center, one, only, queue


def opened(**settings: object) -> House:
    """Ann and Ben are ready; nothing follows a segment."""
    found = {"wrap_up_seconds": 0, **settings}
    queues = (queue(**found), queue("help", wrap_up_seconds=0))  # type: ignore[arg-type]
    return House().open(center(agent("ann"), agent("ben"), queues=queues))


def chat(house: House, contact: str, queue: str = "sales") -> list[e.Event]:
    return house.document(contact, queue, Channel.CHAT)


def ending(house: House) -> e.ContactEnded:
    return one(house.journal, e.ContactEnded)


def test_a_chat_is_offered_taken_and_done_at_the_desk() -> None:
    house = opened()
    assert one(chat(house, "t1"), e.OfferMade).channel is Channel.CHAT
    assert house.take("t1").accepted
    assert house.done("t1", "ann", "resolved").accepted
    assert ending(house).termination == ended(Reason.RESOLVED)


def test_an_agent_has_three_chats_at_once_and_no_fourth_and_no_call_beside_them() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    for name in ("t1", "t2", "t3"):
        chat(house, name)
        assert house.take(name).accepted
    chat(house, "t4")
    house.call("c1")
    assert (house.rung("t4"), house.rung("c1")) == ("", "")
    for name in ("t1", "t2", "t3"):
        house.done(name, "ann")
    assert "ann" in (house.rung("t4"), house.rung("c1"))


def test_a_call_that_may_come_beside_a_chat_does_not_hold_it() -> None:
    both = {Channel.VOICE: (Channel.CHAT, Channel.EMAIL), Channel.EMAIL: (Channel.CHAT,)}
    whole = center(agent("ann"), queues=(queue(wrap_up_seconds=0),))
    house = House().open(msgspec.structs.replace(whole, concurrency=both))
    chat(house, "t1")
    house.take("t1")
    house.document("m1")
    house.take("m1")
    house.call("c1")
    said = house.report("c1", OfferOutcome.ACCEPTED)
    assert [held.contact for held in only(said, e.Held)] == ["m1"]
    assert [back.contact for back in only(house.hang_up("c1"), e.Resumed)] == ["m1"]


@pytest.mark.parametrize(
    ("settings", "before", "reason"),
    [
        ({}, "close", Reason.QUEUE_CLOSED),
        ({"waiting_max": 1}, "fill", Reason.QUEUE_FULL),
        ({"unstaffed_exit": True, "skills": {"english": 9}}, "", Reason.QUEUE_UNSTAFFED),
    ],
)
def test_a_queue_that_takes_nobody_refuses_a_chat_by_name(
    settings: dict[str, object], before: str, reason: Reason
) -> None:
    house = opened(**settings)
    if before == "close":
        house.request(c.QueueCloseRequested(queue=QueueId("sales"), by="sue"))
    if before == "fill":
        for name in ("ann", "ben"):
            house.presence(name, c.Presence.LOGGED_OUT)
        chat(house, "t0")
    said = chat(house, "t1")
    assert one(said, e.QueueRefused).contact == "t1"
    found = one(said, e.ContactEnded)
    assert (found.termination, found.visit) == (ended(reason), 0)


def test_a_chat_waits_as_long_as_its_queue_says_and_ends_by_name() -> None:
    house = opened(wait_seconds_max=60)
    for name in ("ann", "ben"):
        house.presence(name, c.Presence.LOGGED_OUT)
    chat(house, "t1")
    assert not only(house.wait(59), e.ContactEnded)
    house.wait(1)
    assert ending(house).termination == ended(Reason.WAIT_LIMIT)


def test_a_plan_may_send_a_chat_away_and_a_closed_queue_dismisses_it() -> None:
    plan = Plan(steps=(PlanStep(after_seconds=10, exit="unstaffed"),))
    for step in (True, False):
        house = opened(plan=plan if step else Plan())
        for name in ("ann", "ben"):
            house.presence(name, c.Presence.LOGGED_OUT)
        chat(house, "t1")
        if step:
            house.wait(10)
        else:
            house.request(c.QueueCloseRequested(queue=QueueId("sales"), dismiss=True, by="sue"))
        reason = Reason.QUEUE_UNSTAFFED if step else Reason.QUEUE_CLOSED
        assert ending(house).termination == ended(reason)


@pytest.mark.parametrize("said", [Reason.CALLER_LEFT_IN_QUEUE, Reason.VISITOR_LEFT])
def test_whether_she_who_leaves_was_answered_is_known_here(said: Reason) -> None:
    waiting, talking = opened(), opened()
    for house in (waiting, talking):
        chat(house, "t1")
    talking.take("t1")
    waiting.hang_up("t1", said)
    talking.hang_up("t1", said)
    assert ending(waiting).termination == ended(Reason.CALLER_LEFT_IN_QUEUE)
    assert one(waiting.journal, e.OfferRescinded).agent == "ann"
    assert ending(talking).termination == ended(Reason.VISITOR_LEFT)
    assert one(talking.journal, e.SegmentEnded).termination == ended(Reason.VISITOR_LEFT)


def test_a_chat_is_not_put_aside() -> None:
    house = opened()
    chat(house, "t1")
    house.take("t1")
    refused = house.put_aside("t1", "ann")
    assert (refused.accepted, refused.reason) == (
        False,
        "a chat is not put aside: hand it on, or end it",
    )
    assert house.contact("t1").stage is Stage.TALKING


def test_a_chat_is_handed_on_to_a_queue_or_an_agent_and_keeps_its_place() -> None:
    house = opened()
    chat(house, "t1")
    since = house.contact("t1").since
    house.take("t1")
    house.wait(30)
    assert house.hand_on("t1", "ann", to="ben").accepted
    assert house.rung("t1") == "ben"
    assert house.contact("t1").place_from == since
    house.take("t1")
    assert house.hand_on("t1", "ben", queue="help").accepted
    assert house.contact("t1").queue == "help"
    house.request(c.QueueCloseRequested(queue=QueueId("sales"), by="sue"))
    has = house.rung("t1")
    house.take("t1")
    refused = house.hand_on("t1", has, queue="sales")
    assert (refused.accepted, "takes nobody now" in refused.reason) == (False, True)
    assert house.contact("t1").stage is Stage.TALKING


def test_a_letter_that_nobody_wrote_may_follow_a_contact_that_is_over() -> None:
    house = opened()
    said = house.tell(
        c.LetterRequested(letter=LetterId("t1.0"), contact=ContactId("t1"), blob="1" * 64)
    )
    assert [one.stage for one in only(said + house.wait(1), e.LetterChanged)] == ["waiting", "due"]
    assert not house.write("t1").accepted


def test_a_chat_at_whose_end_nobody_waits_is_sent_away_by_no_queue() -> None:
    house = opened(wait_seconds_max=60)
    house.request(c.QueueCloseRequested(queue=QueueId("sales"), by="sue"))
    for name in ("ann", "ben"):
        house.presence(name, c.Presence.LOGGED_OUT)
    house.tell(
        c.ContactReported(
            contact=ContactId("t1"), channel=Channel.CHAT, frontend=FrontendId(""),
            dialled="sms", lasting=True,
        )
    )  # fmt: skip
    assert one(house.enqueue("t1"), e.ContactQueued).channel is Channel.CHAT
    assert not only(house.wait(30 * 86_400), e.ContactEnded)
    house.presence("ann", c.Presence.READY)
    assert house.take("t1").accepted
    assert not house.put_aside("t1", "ann").accepted
