"""Presence, phones, wrap-up and dispositions."""

from __future__ import annotations

import pytest

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import SECOND, AgentId, CommandId, FrontendId, SegmentId
from tests.control.house import House, agent, center, one, only, queue


def answer(said: list[e.Event]) -> tuple[bool, str]:
    found = one(said, e.CommandAnswered)
    return found.accepted, found.reason


def test_a_change_of_presence_says_what_was_and_how_long() -> None:
    house = House().open(center(agent("ann")), ready=False)
    house.presence("ann", Presence.READY)
    house.wait(90)
    changed = one(house.presence("ann", Presence.NOT_READY, "lunch"), e.PresenceChanged)
    assert (changed.presence, changed.reason) == (Presence.NOT_READY, "lunch")
    assert (changed.previous, changed.lasted) == (Presence.READY, 90 * SECOND)


def test_not_ready_needs_a_reason_that_the_center_knows() -> None:
    house = House().open(center(agent("ann")))
    for reason in ("", "nonsense", "rona"):
        accepted, words = answer(house.presence("ann", Presence.NOT_READY, reason))
        assert not accepted
        assert "break, lunch, training, meeting" in words
    assert house.agent("ann").presence is Presence.READY


@pytest.mark.parametrize("presence", [Presence.RESERVED, Presence.TALKING, Presence.WRAP_UP])
def test_what_only_work_makes_cannot_be_asked_for(presence: Presence) -> None:
    house = House().open(center(agent("ann")))
    accepted, words = answer(house.presence("ann", presence))
    assert not accepted
    assert "cannot be asked for" in words


def test_an_unknown_agent_is_refused_in_words() -> None:
    house = House().open(center(agent("ann")))
    assert answer(house.presence("zoe", Presence.READY)) == (False, "there is no agent 'zoe'")


def test_asking_for_what_she_is_changes_nothing_and_is_accepted() -> None:
    house = House().open(center(agent("ann")))
    said = house.presence("ann", Presence.READY)
    assert [type(event) for event in said] == [e.CommandAnswered]


def test_a_request_without_a_name_is_answered_under_its_commands_id() -> None:
    house = House().open(center(agent("ann")))
    command = c.PresenceRequested(agent=AgentId("ann"), presence=Presence.LOGGED_OUT)
    assert one(house.tell(command, "web:4:7"), e.CommandAnswered).request == "web:4:7"


@pytest.mark.parametrize(
    ("presence", "reason"), [(Presence.NOT_READY, "lunch"), (Presence.LOGGED_OUT, "")]
)
def test_a_state_asked_for_during_a_call_takes_effect_after_wrap_up(
    presence: Presence, reason: str
) -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=10),)))
    house.call("c1")
    house.accept("c1")
    said = house.presence("ann", presence, reason)
    assert one(said, e.NextPresenceSet).presence is presence
    assert only(said, e.PresenceChanged) == []
    house.hang_up("c1")
    assert house.agent("ann").presence is Presence.WRAP_UP
    house.call("c2")
    house.wait(10)
    ann = house.agent("ann")
    assert (ann.presence, ann.reason, ann.next) == (presence, reason, None)
    assert house.rung("c2") == ""


def test_a_next_state_can_be_withdrawn() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.presence("ann", Presence.READY)
    house.hang_up("c1")
    assert house.agent("ann").presence is Presence.READY
    assert house.agent("ann").next is None


def test_nothing_new_is_offered_to_someone_about_to_leave() -> None:
    house = House().open(center(agent("ann")))
    house.call("m1", channel=Channel.EMAIL)
    house.accept("m1")
    house.presence("ann", Presence.NOT_READY, "lunch")
    assert only(house.call("c1"), e.OfferMade) == []
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann"


def test_her_own_next_state_wins_over_a_missed_offer() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.presence("ann", Presence.LOGGED_OUT)
    house.report("c1", OfferOutcome.EXPIRED)
    assert house.agent("ann").presence is Presence.LOGGED_OUT


def test_an_offer_missed_beside_a_mail_stands_her_down_after_it() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("m1", channel=Channel.EMAIL)
    house.accept("m1")
    house.call("c1")
    said = house.report("c1", OfferOutcome.EXPIRED)
    assert one(said, e.NextPresenceSet).reason == "rona"
    assert house.rung("c1") == ""
    house.hang_up("m1")
    assert house.agent("ann").reason == "rona"


def test_wrap_up_ends_by_its_timer_and_she_gets_the_next_contact() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=30),)))
    house.call("c1")
    house.accept("c1")
    started = one(house.hang_up("c1"), e.WrapUpStarted)
    assert started.until == house.now + 30 * SECOND
    house.call("c2")
    assert house.wait(29.9) == []
    ended = one(house.wait(0.1), e.WrapUpEnded)
    assert ended.wrapped == 30 * SECOND
    assert house.rung("c2") == "ann"


def test_wrap_up_ends_when_she_says_so() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=30),)))
    house.call("c1")
    house.accept("c1")
    house.hang_up("c1")
    house.wait(4)
    said = house.end_wrap_up("ann")
    assert one(said, e.WrapUpEnded).wrapped == 4 * SECOND
    assert answer(said) == (True, "")
    assert house.agent("ann").presence is Presence.READY


def test_a_wrap_up_that_is_not_there_cannot_be_ended() -> None:
    house = House().open(center(agent("ann")))
    assert answer(house.end_wrap_up("ann")) == (False, "agent 'ann' has no such wrap-up")
    assert answer(house.end_wrap_up("zoe"))[0] is False


def test_a_queue_without_wrap_up_frees_her_at_once() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.call("c2")
    house.hang_up("c1")
    assert house.rung("c2") == "ann"


def disposition(house: House, segment: str, words: str) -> tuple[bool, str]:
    command = c.DispositionRequested(
        agent=AgentId("ann"),
        segment=SegmentId(segment),
        disposition=words,
        request=CommandId("d"),
    )
    return answer(house.tell(command))


def test_a_disposition_is_taken_during_the_segment_its_wrap_up_and_until_the_next() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    segment = one(house.accept("c1"), e.SegmentStarted).segment
    assert disposition(house, segment, "resolved") == (True, "")
    house.hang_up("c1")
    assert disposition(house, segment, "follow-up") == (True, "")
    house.wait(60)
    assert disposition(house, segment, "resolved") == (True, "")
    assert [d.disposition for d in house.all(e.DispositionSet)] == [
        "resolved", "follow-up", "resolved",
    ]  # fmt: skip
    house.call("c2")
    house.accept("c2")
    house.hang_up("c2")
    assert disposition(house, segment, "resolved")[0] is False


def test_a_disposition_the_queue_does_not_know_is_refused_with_those_it_knows() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    segment = one(house.accept("c1"), e.SegmentStarted).segment
    accepted, words = disposition(house, segment, "whatever")
    assert not accepted
    assert "resolved, follow-up, wrong-number" in words


def test_after_a_boot_nobody_is_reachable_until_heard() -> None:
    house = House()
    house.configure(center(agent("ann")))
    house.start()
    house.presence("ann", Presence.READY)
    assert only(house.call("c1"), e.OfferMade) == []
    house.phone("ann", True)
    assert house.rung("c1") == "ann"


def test_a_lost_phone_is_offered_nothing_and_a_returned_one_is() -> None:
    house = House().open(center(agent("ann")))
    said = house.phone("ann", False)
    assert one(said, e.AgentUnreachable).agent == "ann"
    assert house.agent("ann").presence is Presence.READY, "unreachable stands beside presence"
    house.call("c1")
    assert house.rung("c1") == ""
    house.phone("ann", True)
    assert house.rung("c1") == "ann"


def test_only_the_front_end_that_heard_the_phone_last_can_lose_it() -> None:
    house = House().open(center(agent("ann")))
    house.phone("ann", True, FrontendId("f2"))
    assert house.phone("ann", False, FrontendId("f1")) == []
    assert only(house.phone("ann", False, FrontendId("f2")), e.AgentUnreachable)


def test_a_phone_heard_again_is_no_news() -> None:
    house = House().open(center(agent("ann")))
    assert house.phone("ann", True) == []


def test_the_phone_of_an_unknown_agent_is_counted() -> None:
    house = House().open(center())
    assert house.phone("zoe", True) == []
    assert house.control.counters["unknown_agent"] == 1


def test_a_call_stops_everything_new_and_mail_goes_on_after_it() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("c1")
    house.accept("c1")
    house.call("m1", channel=Channel.EMAIL)
    house.call("chat", channel=Channel.CHAT)
    assert (house.rung("m1"), house.rung("chat")) == ("", "")
    house.hang_up("c1")
    assert house.rung("m1") == "ann"


def test_an_open_chat_keeps_calls_away() -> None:
    house = House().open(center(agent("ann")))
    house.call("chat", channel=Channel.CHAT)
    house.accept("chat")
    house.call("c1")
    assert house.rung("c1") == ""
    house.call("chat2", channel=Channel.CHAT)
    assert house.rung("chat2") == "ann"


def test_mail_is_offered_up_to_her_capacity() -> None:
    house = House().open(center(agent("ann")))
    for n in range(6):
        house.call(f"m{n}", channel=Channel.EMAIL)
        if house.rung(f"m{n}"):
            house.accept(f"m{n}")
    assert len(house.agent("ann").segments) == 5
    assert house.rung("m5") == ""
