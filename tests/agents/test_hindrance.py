"""Who is told to have no hindrance has the channel open, and the other way round."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcenter.agents.agent import AgentState, Work, WrapUp
from callcenter.agents.capacity import open_channels
from callcenter.agents.hindrance import hindrances
from callcenter.domain.center import CONCURRENCY_DEFAULT, Channel
from callcenter.domain.commands import Presence
from callcenter.domain.units import (
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    OfferId,
    QueueId,
    SegmentId,
)
from callcenter.domain.why import Rule

channels = st.sampled_from(list(Channel))
duties = st.sampled_from([Presence.READY, Presence.READY, Presence.NOT_READY, Presence.LOGGED_OUT])


@st.composite
def agents(draw: st.DrawFn) -> AgentState:
    works = draw(st.lists(channels, max_size=3))
    return AgentState(
        id=AgentId("ann"),
        duty=draw(duties),
        next=draw(st.none() | duties),
        reachable_by=FrontendId(draw(st.sampled_from(["f1", "f1", ""]))),
        retired=draw(st.integers(0, 9)) == 0,
        segments={SegmentId(f"s{n}"): Work(ContactId(f"c{n}"), c) for n, c in enumerate(works)},
        offers={OfferId("o1"): Work(ContactId("c8"), Channel.VOICE)} if draw(st.booleans()) else {},
        wrap_ups={
            SegmentId("w"): WrapUp(
                contact=ContactId("c9"), queue=QueueId("q"), since=0, until=9 * SECOND
            )
        }
        if draw(st.integers(0, 3)) == 0
        else {},
    )


@given(agents(), channels, st.dictionaries(channels, st.integers(0, 3)))
def test_no_hindrance_is_an_open_channel(
    agent: AgentState, channel: Channel, capacity: dict[Channel, int]
) -> None:
    found = hindrances(agent, channel, capacity, 0)
    is_open = channel in open_channels(agent, capacity, CONCURRENCY_DEFAULT)
    assert (not found) == is_open, found


def test_each_tells_what_it_is_about_and_until_when() -> None:
    agent = AgentState(
        id=AgentId("ann"),
        presence=Presence.NOT_READY,
        reason="phone-busy",
        since=5 * SECOND,
        duty=Presence.NOT_READY,
        duty_reason="phone-busy",
        reachable_by=FrontendId("f1"),
        rest_until=30 * SECOND,
        segments={
            SegmentId("s1"): Work(ContactId("m1"), Channel.EMAIL),
            SegmentId("s2"): Work(ContactId("c1"), Channel.VOICE),
        },
    )
    pause, work, rest = hindrances(agent, Channel.VOICE, {}, 10 * SECOND)
    assert (pause.rule, pause.reason, pause.until) == (Rule.NOT_READY, "phone-busy", 15 * SECOND)
    assert (work.rule, work.contact) == (Rule.AT_WORK, "c1"), "the call takes most of her"
    assert (rest.rule, rest.until) == (Rule.RESTING, 30 * SECOND)
    assert hindrances(agent, Channel.VOICE, {}, 30 * SECOND) == [pause, work], "she has rested"


def test_that_she_takes_none_of_the_channel_is_told_first() -> None:
    agent = AgentState(id=AgentId("ann"))
    found = hindrances(agent, Channel.CHAT, {Channel.CHAT: 0}, 0)
    assert [one.rule for one in found][:2] == [Rule.TAKES_NO, Rule.LOGGED_OUT]
