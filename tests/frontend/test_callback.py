"""A customer is called back: she keeps her place, the agent answers first, then she is called."""

from __future__ import annotations

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.center import Callback
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason
from callcenter.frontend.dialling import outcome_of_refusal, road_to
from callcenter.frontend.turn import Closing, Draining
from tests.frontend.world import TRUNK, Phone, World

NUMBER = "+15550777"


def promised(world: World, number: str = NUMBER) -> Phone:
    """She calls, asks to be called back at the number she calls from, and is gone."""
    caller = world.phone("caller")
    caller.dial("+15550100", user=number)
    caller.press("4")
    world.said(caller)
    caller.press("1")
    return caller


def center(**callback: int) -> World:
    return World("ana", ready=False, callback=Callback(**callback))  # type: ignore[arg-type]


def rung(world: World) -> Phone:
    """Ana is ready and her phone rings."""
    world.make_ready("ana")
    return world.agents["ana"]


def story(world: World) -> object:
    (name,) = world.frontend.hands.promises
    return world.frontend.hands.stories[name]


def contact(world: World) -> str:
    return str(world.last(e.ContactPlaced).contact)


# --- the promise ----------------------------------------------------------------------------------


def test_who_is_promised_a_callback_hangs_up_and_it_waits() -> None:
    world = center()
    caller = promised(world)
    assert "hung up on" in caller.story
    placed, queued = world.last(e.ContactPlaced), world.last(e.ContactQueued)
    assert placed.contact == queued.contact != placed.origin
    ended = world.last(e.ContactEnded)
    assert (ended.contact, ended.termination.reason) == (placed.origin, Reason.CALLBACK_PROMISED)
    assert world.frontend.calls == 0, "a promise is no call"


def test_no_event_and_no_command_holds_the_number() -> None:
    world = center()
    promised(world)
    told = msgspec.json.encode([world.events, world.commands]).decode()
    assert NUMBER not in told
    assert world.last(e.ContactPlaced).party == f"party-{contact(world)}"


def test_a_withheld_number_is_typed_and_read_back() -> None:
    world = center()
    caller = world.phone("caller")
    caller.dial("+15550100", user="anonymous")
    caller.press("4")
    world.said(caller)
    for key in "0015550188#":
        caller.press(key)
    world.said(caller)
    caller.press("1")
    assert world.kinds(e.ContactPlaced)
    (name,) = world.frontend.hands.promises
    assert world.frontend.hands.stories[name].record.number == "+15550188"  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", ["+49301234567", "+155", "900123", "200", "+1555010a", ""])
def test_a_number_that_no_trunk_may_dial_is_not_offered(number: str) -> None:
    world = center()
    caller = world.phone("caller")
    caller.dial("+15550100", user=number or "anonymous")
    caller.press("4")
    assert road_to(world.frontend.hands, number) is None or number == "+155"
    world.said(caller)
    caller.press("1")
    caller.press("#")
    assert world.kinds(e.ContactPlaced) == []


def test_a_number_of_our_own_is_never_called() -> None:
    world = center()
    assert road_to(world.frontend.hands, "200") is None, "though the trunk may dial it"
    assert road_to(world.frontend.hands, "2001") is not None
    assert road_to(world.frontend.hands, "+1 (555) 01-01") is not None
    assert road_to(world.frontend.hands, "+1 (555) 01-00") is None


def test_a_trunk_without_a_rule_or_a_road_dials_nothing() -> None:
    world = center()
    hands = world.frontend.hands
    for trunk in (
        msgspec.structs.replace(TRUNK, dial=()),
        msgspec.structs.replace(TRUNK, flow=None),
    ):
        hands.config = hands.config._replace(trunks=(trunk,))
        assert road_to(hands, NUMBER) is None
    assert road_to(world.frontend.hands, NUMBER, "another") is None


def test_too_many_promises_are_refused_by_name_and_leave_nothing() -> None:
    world = center(waiting_max=1)
    promised(world)
    caller = promised(world, "+15550778")
    assert len(world.kinds(e.CallbackRefused)) == 1
    assert len(world.frontend.hands.promises) == 1
    world.wait(5)
    assert "hung up on" in caller.story, "her flow went on at `refused`"
    assert world.last(e.ContactEnded).termination.reason is not Reason.CALLBACK_PROMISED


# --- the call -------------------------------------------------------------------------------------


def test_the_agent_answers_first_then_the_customer_is_called_and_they_hear_each_other() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    assert ana.story[-1] == "rings"
    assert f"callback {NUMBER}" in ana.shown
    assert trunk.story == [], "the customer is not called before an agent is there"
    ana.answer()
    assert trunk.story == ["rings"]
    assert world.kinds(e.SegmentStarted) == [], "nothing is accepted before she is"
    assert world.media.plays(f"{contact(world)}/a1") == "ringback"
    trunk.answer()
    assert world.last(e.SegmentStarted).contact == contact(world)
    assert world.hears(trunk) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(trunk)


@pytest.mark.parametrize("who", ["ana", "trunk"])
def test_either_side_ends_it_like_any_call(who: str) -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk("answers"), rung(world)
    ana.answer()
    (ana if who == "ana" else trunk).hang_up()
    reason = Reason.AGENT_HUNG_UP if who == "ana" else Reason.CALLER_HUNG_UP
    assert world.last(e.ContactEnded).termination.reason is reason
    assert (trunk if who == "ana" else ana).story[-1] == "hung up on"
    assert world.leaks() == []


def test_the_trunk_shows_the_number_that_had_been_dialled() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    ana.answer()
    assert trunk.call is not None
    assert trunk.call.request is not None
    assert trunk.call.request.from_.uri.startswith("sip:+15550100@")
    assert trunk.call.request.uri == f"sip:{NUMBER}@192.0.2.200:5060"


def test_a_trunk_that_asks_for_the_password_is_answered_within_the_attempt() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk("asks acme"), rung(world)
    ana.answer()
    assert trunk.call is not None
    assert trunk.call.request is not None
    shown = trunk.call.request.header("Proxy-Authorization") or ""
    assert 'username="acme"' in shown
    assert f'uri="sip:{NUMBER}@192.0.2.200:5060"' in shown
    assert not any(b"secret-trunk" in data for data in world.sent)
    trunk.answer()
    assert world.hears(ana) == world.leg_of(trunk)
    assert not any(b"secret-trunk" in value for value in world.records.values())


def test_a_challenge_of_another_realm_than_the_trunks_is_not_answered() -> None:
    world = center(attempts_max=1)
    promised(world)
    hands = world.frontend.hands
    hands.config = hands.config._replace(trunks=(msgspec.structs.replace(TRUNK, realm="acme"),))
    world.trunk("asks somebody-else")
    rung(world).answer()
    assert world.last(e.CallbackTried).outcome is OfferOutcome.CUSTOMER_FAILED
    assert not any(b"Proxy-Authorization" in data for data in world.sent)


@pytest.mark.parametrize("died", [False, True])
def test_a_front_end_that_dies_after_it_showed_the_password_goes_on_with_that_invite(
    died: bool,
) -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk("asks acme"), rung(world)
    ana.answer()
    if died:
        world.restart()
    trunk.answer()
    assert world.hears(trunk) == world.leg_of(ana)
    ana.hang_up()
    assert world.leaks() == []


REFUSED = [(486, OfferOutcome.CUSTOMER_BUSY), (600, OfferOutcome.CUSTOMER_BUSY),
           (480, OfferOutcome.CUSTOMER_NO_ANSWER), (404, OfferOutcome.CUSTOMER_FAILED),
           (503, OfferOutcome.CUSTOMER_FAILED)]  # fmt: skip


@pytest.mark.parametrize(("status", "outcome"), REFUSED)
def test_a_customer_who_is_not_reached_is_tried_again_later(
    status: int, outcome: OfferOutcome
) -> None:
    assert outcome_of_refusal(status) is outcome
    world = center(retry_minutes=2, attempts_max=2)
    promised(world)
    trunk, ana = world.trunk(f"rejects:{status}"), rung(world)
    ana.answer()
    assert ana.story[-1] == "hung up on"
    assert world.last(e.CallbackTried).outcome is outcome
    assert world.control.state.agents[world.center.agents[0].id].presence is Presence.READY
    trunk.mood = "answers"
    world.wait(121)
    world.make_ready("ana")
    ana.answer()
    assert world.last(e.SegmentStarted).contact == contact(world)
    assert trunk.story.count("rings") == 2
    ana.hang_up()
    assert world.leaks() == []


def test_the_last_attempt_in_vain_ends_it_by_name() -> None:
    world = center(attempts_max=1)
    promised(world)
    world.trunk("is busy")
    rung(world).answer()
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLBACK_UNREACHED
    assert world.leaks() == []


def test_a_phone_that_rings_to_the_end_is_cancelled() -> None:
    world = center(ring_seconds=25, attempts_max=1)
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    ana.answer()
    world.wait(24)
    assert trunk.story == ["rings"]
    world.wait(2)
    assert trunk.story == ["rings", "cancelled"]
    assert world.last(e.CallbackTried).outcome is OfferOutcome.CUSTOMER_NO_ANSWER
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []


def test_a_trunk_that_says_nothing_is_given_up() -> None:
    world = center(ring_seconds=10, attempts_max=1)
    promised(world)
    world.trunk().is_dead = True
    rung(world).answer()
    world.wait(11)
    assert world.last(e.CallbackTried).outcome is OfferOutcome.CUSTOMER_NO_ANSWER
    assert world.leaks() == []


def test_an_agent_who_hangs_up_meanwhile_declined() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    ana.answer()
    ana.hang_up()
    assert trunk.story[-1] == "cancelled"
    assert world.last(e.OfferDeclined).outcome is OfferOutcome.DECLINED
    assert world.kinds(e.CallbackTried) == [], "the customer was not tried in vain"


def test_an_agent_who_does_not_answer_costs_the_customer_nothing() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    world.wait(21)
    assert ana.story[-1] == "cancelled"
    assert trunk.story == []
    assert world.kinds(e.OfferExpired)


def test_a_callback_moved_while_it_rings_lets_go_of_both_phones() -> None:
    from callcenter.domain.commands import AssignRequested
    from callcenter.domain.units import AgentId, ContactId

    world = World("ana", "bob", ready=False)
    promised(world)
    trunk = world.trunk()
    world.make_ready("ana")
    world.agents["ana"].answer()
    world.make_ready("bob")
    world.command(AssignRequested(contact=ContactId(contact(world)), agent=AgentId("bob")))
    assert trunk.story[-1] == "cancelled"
    assert world.agents["ana"].story[-1] == "hung up on"
    assert world.agents["bob"].story[-1] == "rings"


def test_our_own_failure_is_no_attempt() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    world.media.refuses = "offer"
    ana.answer()
    assert trunk.story == []
    assert world.last(e.OfferDeclined).outcome is OfferOutcome.FAILED
    assert world.kinds(e.CallbackTried) == []


def test_what_is_forbidden_since_the_promise_is_not_dialled() -> None:
    world = center(attempts_max=1)
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    hands = world.frontend.hands
    hands.config = hands.config._replace(trunks=(msgspec.structs.replace(TRUNK, dial=()),))
    ana.answer()
    assert trunk.story == []
    assert world.last(e.CallbackTried).outcome is OfferOutcome.CUSTOMER_FAILED


def test_an_agents_phone_may_change_its_audio_before_the_customer_answers() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    ana.answer()
    ana.hold("sendrecv")
    assert ana.story[-1] == "reinvited"
    trunk.answer()
    assert world.hears(ana) == world.leg_of(trunk)


def test_after_the_talk_an_agents_lost_phone_lets_the_customer_wait_on() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk("answers"), rung(world)
    ana.answer()
    world.wait(20)
    ana.is_dead = True
    world.goes_silent(ana, 15)
    world.wait(40)
    assert world.last(e.ContactQueued).priority == 10
    assert world.hears(trunk) == "default"
    assert not world.control.state.contacts[world.last(e.ContactQueued).contact].calls_back


# --- whatever dies --------------------------------------------------------------------------------


def test_the_promise_survives_a_restart_and_a_stop_of_the_server() -> None:
    world = center()
    promised(world)
    world.restart()
    world.feed(Draining())
    world.feed(Closing())
    world.restart()
    trunk, ana = world.trunk(), rung(world)
    ana.answer()
    assert trunk.story == ["rings"]


STEPS = ("promised", "ana rings", "ana answered", "she answered", "talked")


@pytest.mark.parametrize("died_at", STEPS)
def test_wherever_the_front_end_dies_the_customer_is_called_once(died_at: str) -> None:
    world = center()

    def died(step: str) -> None:
        if step == died_at:
            world.restart()

    promised(world)
    died("promised")
    trunk, ana = world.trunk(), rung(world)
    died("ana rings")
    ana.answer()
    died("ana answered")
    trunk.answer()
    died("she answered")
    assert world.hears(trunk) == world.leg_of(ana)
    assert world.hears(ana) == world.leg_of(trunk)
    trunk.hang_up()
    died("talked")
    assert trunk.story == ["rings", "confirmed", "over"]
    assert ana.story.count("rings") == 1
    assert len(world.kinds(e.SegmentStarted)) == 1
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_HUNG_UP
    assert world.leaks() == []


def test_a_front_end_that_dies_while_her_phone_rings_does_not_call_her_again() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    ana.answer()
    world.restart()
    world.restart()
    assert trunk.story == ["rings"]
    trunk.answer()
    assert world.hears(ana) == world.leg_of(trunk)


def test_a_life_that_dies_before_the_customers_invite_left_sends_it_from_its_record() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    world.sends_nothing = True
    ana.answer()
    assert trunk.story == []
    world.sends_nothing = False
    world.restart()
    world.wait(1)
    assert trunk.story == ["rings"]


def test_a_life_that_dies_with_nothing_kept_rings_the_agent_again_and_nobody_else() -> None:
    world = center()
    promised(world)
    trunk = world.trunk()
    world.keeps_nothing = True
    ana = rung(world)
    world.restart()
    ana.answer()
    assert ana.story.count("rings") == 1
    assert trunk.story == ["rings"]


def test_who_asked_hears_of_the_promise_though_the_front_end_died_meanwhile() -> None:
    world = center()
    world.control_is_up = False
    caller = promised(world)
    world.restart()
    assert "hung up on" not in caller.story
    world.control_comes_back()
    assert "hung up on" in caller.story
    assert len(world.kinds(e.ContactPlaced)) == 1
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLBACK_PROMISED


def test_a_leader_that_comes_back_late_finds_the_attempt_as_it_went() -> None:
    world = center()
    promised(world)
    trunk, ana = world.trunk(), rung(world)
    world.control_is_up = False
    ana.answer()
    trunk.answer()
    assert world.hears(trunk) == world.leg_of(ana), "they talk without a leader"
    world.control_comes_back()
    assert len(world.kinds(e.SegmentStarted)) == 1
    assert trunk.story.count("rings") == 1


def test_a_mistake_of_ours_ends_the_callback_by_name() -> None:
    world = center()
    promised(world)
    world.frontend.hands.touch(story(world))  # type: ignore[arg-type]
    story(world).end(Reason.INTERNAL)  # type: ignore[attr-defined]
    world.wait(1)
    assert world.last(e.ContactEnded).termination.reason is Reason.INTERNAL


# --- what is written down of it -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mood", "stage"),
    [("answers", "answered"), ("is busy", "busy"), ("rejects:404", "failed")],
)
def test_every_dial_is_written_down_by_agent_and_trunk(mood: str, stage: str) -> None:
    world = center()
    promised(world)
    world.wait(61)
    world.trunk(mood)
    rung(world).answer()
    audit = world.kinds(e.OutsideDialled)
    assert [(one.kind, one.stage) for one in audit] == [
        ("callback", "dialled"),
        ("callback", stage),
    ]
    assert {(one.agent, one.contact) for one in audit} == {("ana", contact(world))}
    assert audit[0].trunk == "provider"
    assert world.frontend.counts[f"dial.callback/{stage}"] == 1
    assert NUMBER not in repr(world.events)


def test_a_number_that_may_not_be_called_any_more_is_written_down_as_such() -> None:
    world = center()
    promised(world)
    world.wait(61)
    world.trunk("answers")
    world.frontend.hands.config = world.frontend.hands.config._replace(trunks=())
    rung(world).answer()
    assert [one.stage for one in world.kinds(e.OutsideDialled)] == ["not_allowed"]
