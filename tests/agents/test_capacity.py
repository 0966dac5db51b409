"""What an agent may be offered beside what she has."""

from __future__ import annotations

import pytest

from callcenter.agents.agent import AgentState, Work, WrapUp
from callcenter.agents.capacity import can, open_channels
from callcenter.domain.center import Channel
from callcenter.domain.commands import Presence
from callcenter.domain.units import (
    AgentId,
    ContactId,
    FrontendId,
    OfferId,
    QueueId,
    SegmentId,
)

V, F, E, C = Channel.VOICE, Channel.FAX, Channel.EMAIL, Channel.CHAT
M = Channel.VOICEMAIL


def at_her_desk(*has: Channel) -> AgentState:
    segments = {
        SegmentId(f"s{n}"): Work(ContactId(f"c{n}"), channel) for n, channel in enumerate(has)
    }
    return AgentState(
        id=AgentId("ann"),
        presence=Presence.READY,
        duty=Presence.READY,
        reachable_by=FrontendId("f1"),
        segments=segments,
    )


MAY = [
    ((), (V, F, E, C, M)),
    ((V,), ()),
    ((C,), (F, E, C, M)),
    ((C, C, C), (F, E, M)),
    ((E,), (V, F, E, C, M)),
    ((E,) * 5, (V, F, C, M)),
    ((E, C), (F, E, C, M)),
    ((E, V), ()),
    ((F,) * 5, (V, E, C, M)),
    ((M,), (V, F, E, C, M)),
    ((M,) * 5, (V, F, E, C)),
    ((M, V), ()),
]


@pytest.mark.parametrize(("has", "may"), MAY)
def test_the_table_of_channels(has: tuple[Channel, ...], may: tuple[Channel, ...]) -> None:
    assert set(open_channels(at_her_desk(*has), {})) == set(may)


def test_her_own_capacity_overrides_the_default() -> None:
    assert not can(at_her_desk(), C, {C: 0})
    assert can(at_her_desk(*[C] * 6), C, {C: 7})
    assert can(at_her_desk(V), V, {V: 2})
    assert not can(at_her_desk(V), E, {V: 2})


def test_an_open_offer_or_wrap_up_keeps_everything_away() -> None:
    ringing, wrapping = at_her_desk(), at_her_desk()
    ringing.offers = {OfferId("o1"): Work(ContactId("c1"), E)}
    wrapping.wrap_ups = {
        SegmentId("s1"): WrapUp(contact=ContactId("c1"), queue=QueueId("q"), since=0, until=9)
    }
    assert open_channels(ringing, {}) == ()
    assert open_channels(wrapping, {}) == ()
    assert not can(ringing, V, {})


def test_only_someone_on_duty_within_reach_and_staying_is_available() -> None:
    away, unreachable, leaving, gone = (at_her_desk() for _ in range(4))
    away.duty = Presence.NOT_READY
    unreachable.reachable_by = FrontendId("")
    leaving.next = Presence.NOT_READY
    gone.retired = True
    for agent in (away, unreachable, leaving, gone):
        assert open_channels(agent, {}) == ()
    staying = at_her_desk()
    staying.next = Presence.READY
    assert can(staying, V, {})


def test_a_center_may_lay_other_channels_beside_each_other() -> None:
    calls_only = {V: (), C: (V,), E: (V, C, F), F: (), M: ()}
    assert set(open_channels(at_her_desk(V), {}, calls_only)) == {C, E}
    assert set(open_channels(at_her_desk(E), {}, calls_only)) == {E}
    assert set(open_channels(at_her_desk(V), {V: 2}, calls_only)) == {V, C, E}


def test_a_channel_without_a_row_of_its_own_is_as_by_default() -> None:
    assert set(open_channels(at_her_desk(E), {}, {V: ()})) == {F, E, C, M}
