"""What an agent is shown as."""

from __future__ import annotations

from callcenter.agents.agent import WrapUp
from callcenter.agents.presence import PHONE_BUSY, pause_ends, refusal, shown
from callcenter.domain.commands import Presence
from callcenter.domain.units import SECOND, ContactId, OfferId, QueueId, SegmentId
from tests.agents.test_capacity import C, E, V, at_her_desk


def test_the_heaviest_work_is_shown() -> None:
    agent = at_her_desk(E)
    assert shown(agent) == (Presence.TALKING, "", "c0")
    agent.wrap_ups = {
        SegmentId("s9"): WrapUp(contact=ContactId("c9"), queue=QueueId("q"), since=0, until=9)
    }
    assert shown(agent) == (Presence.WRAP_UP, "", "c9")
    agent.offers = {OfferId("o1"): at_her_desk(V).segments[SegmentId("s0")]}
    assert shown(agent)[0] is Presence.RESERVED
    agent.segments = at_her_desk(C, V).segments
    assert shown(agent) == (Presence.TALKING, "", "c1")


def test_without_work_the_next_state_is_shown_then_duty() -> None:
    agent = at_her_desk()
    assert shown(agent) == (Presence.READY, "", "")
    agent.next, agent.next_reason = Presence.NOT_READY, "lunch"
    assert shown(agent) == (Presence.NOT_READY, "lunch", "")


def test_only_a_busy_phone_makes_a_pause_that_ends_by_itself() -> None:
    agent = at_her_desk()
    assert pause_ends(agent) is None
    agent.presence, agent.reason, agent.since = Presence.NOT_READY, PHONE_BUSY, 5 * SECOND
    assert pause_ends(agent) == 15 * SECOND
    agent.reason = "lunch"
    assert pause_ends(agent) is None


def test_ready_and_logged_out_need_no_reason() -> None:
    assert refusal(Presence.READY, "", ()) == ""
    assert refusal(Presence.LOGGED_OUT, "", ()) == ""
