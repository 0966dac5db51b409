"""An agent asks a colleague, talks with either, with both, and leaves them together."""

import pytest

from callcenter.domain import events as e
from callcenter.domain.commands import CallAct, ConsultRequested, OfferOutcome
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId
from callcenter.sip import endpoint as sip
from tests.frontend.test_transfer import act, contact_of, hand_on, talking
from tests.frontend.world import Phone, World


def asks(world: World, to: str = "ben") -> e.CommandAnswered:
    """Ana wants to ask a colleague."""
    world.command(ConsultRequested(contact=contact_of(world), agent=AgentId("ana"), to=AgentId(to)))
    answered: e.CommandAnswered = world.last(e.CommandAnswered)
    return answered


def asked(*agents: str) -> tuple[World, Phone, Phone, Phone]:
    """Ana has a caller and asks ben, whose phone rings."""
    world, caller = talking("ana", "ben", *agents)
    assert asks(world).accepted
    return world, caller, world.agents["ana"], world.agents["ben"]


def joined(*agents: str) -> tuple[World, Phone, Phone, Phone]:
    """Ben has answered."""
    world, caller, ana, ben = asked(*agents)
    ben.answer()
    return world, caller, ana, ben


def hear_each_other(world: World, one: Phone, other: Phone) -> bool:
    return world.hears(one) == world.leg_of(other) and world.hears(other) == world.leg_of(one)


def test_the_colleagues_phone_shows_who_asks_and_the_caller_hears_music() -> None:
    world, caller, ana, ben = asked()
    assert ben.shown.startswith("Ana asks")
    assert world.hears(caller) == "default"
    assert world.hears(ana) == ""
    assert world.last(e.Held).agent == "ana"


def test_the_two_talk_while_the_caller_hears_music() -> None:
    world, caller, ana, ben = joined()
    assert hear_each_other(world, ana, ben)
    assert world.hears(caller) == "default"
    segment = world.last(e.SegmentStarted)
    assert (segment.agent, segment.beside) == ("ben", True)
    caller.hang_up()
    assert ana.story[-1] == ben.story[-1] == "hung up on"
    assert [s.agent for s in world.kinds(e.SegmentEnded)] == ["ben", "ana"]
    assert world.leaks() == []


def test_she_talks_with_one_and_the_other_in_turn() -> None:
    world, caller, ana, ben = joined()
    act(world, CallAct.SWAP)
    assert hear_each_other(world, ana, caller)
    assert world.hears(ben) == "default"
    act(world, CallAct.SWAP)
    assert hear_each_other(world, ana, ben)
    assert world.hears(caller) == "default"
    act(world, CallAct.RESUME)
    assert hear_each_other(world, ana, caller)
    assert len(world.kinds(e.Held)) == len(world.kinds(e.Resumed)) == 2


def test_she_leaves_the_two_together() -> None:
    world, caller, ana, ben = joined()
    act(world, CallAct.COMPLETE)
    assert ana.story[-1] == "hung up on"
    assert hear_each_other(world, caller, ben)
    assert world.last(e.HandedOver).agent == "ben"
    assert world.last(e.SegmentEnded).termination.reason is Reason.TRANSFERRED
    ben.hold()
    assert world.hears(caller) == "default"
    assert world.last(e.Held).agent == "ben"
    ben.hold("sendrecv")
    assert hear_each_other(world, caller, ben)
    ben.hang_up()
    assert caller.story[-1] == "hung up on"
    assert world.last(e.ContactEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert len(world.kinds(e.ContactEnded)) == 1
    assert world.leaks() == []


@pytest.mark.parametrize("by_desk", [True, False])
def test_whoever_hangs_up_leaves_the_others_together(by_desk: bool) -> None:
    world, caller, ana, ben = joined()
    if by_desk:
        act(world, CallAct.HANG_UP)
    else:
        ana.hang_up()
    assert hear_each_other(world, caller, ben)
    caller.hang_up()
    assert world.leaks() == []


def test_the_colleague_hangs_up_and_she_has_her_caller_again() -> None:
    world, caller, ana, ben = joined()
    ben.hang_up()
    assert hear_each_other(world, ana, caller)
    assert world.last(e.SegmentEnded).agent == "ben"
    assert world.last(e.Resumed)
    caller.hang_up()
    assert world.leaks() == []


def test_she_lets_the_colleague_go() -> None:
    world, caller, ana, ben = joined()
    act(world, CallAct.CONSULT_END)
    assert ben.story[-1] == "hung up on"
    assert hear_each_other(world, ana, caller)
    assert asks(world).accepted, "and may ask again"


def test_a_colleague_who_is_still_rung_is_let_go_and_bears_nothing() -> None:
    world, caller, ana, ben = asked()
    act(world, CallAct.CONSULT_END)
    assert ben.story[-1] == "cancelled"
    assert hear_each_other(world, ana, caller)
    assert world.last(e.ConsultUnanswered).outcome is OfferOutcome.FAILED
    assert world.control.state.agents[AgentId("ben")].presence == "ready"


@pytest.mark.parametrize(
    ("mood", "outcome"), [("rejects:603", OfferOutcome.DECLINED), ("is busy", OfferOutcome.BUSY)]
)
def test_a_colleague_who_does_not_come_changes_nothing(mood: str, outcome: OfferOutcome) -> None:
    world, caller = talking("ana", "ben")
    world.agents["ben"].mood = mood
    asks(world)
    assert world.last(e.ConsultUnanswered).outcome is outcome
    assert hear_each_other(world, world.agents["ana"], caller)
    caller.hang_up()
    assert world.leaks() == []


def test_it_rings_at_the_colleague_for_as_long_as_the_queue_rings() -> None:
    world, caller, ana, ben = asked()
    world.wait(21)
    assert ben.story[-1] == "cancelled"
    assert world.last(e.ConsultUnanswered).outcome is OfferOutcome.EXPIRED
    assert hear_each_other(world, ana, caller)


def test_all_of_them_hear_each_other() -> None:
    world, caller, ana, ben = joined()
    act(world, CallAct.CONFERENCE)
    legs = {world.leg_of(one) for one in (caller, ana, ben)}
    assert world.media.mixed(contact_of(world)) == legs
    assert world.last(e.Conferenced).joined
    assert world.hears(caller) != "default"
    act(world, CallAct.CONFERENCE)
    act(world, CallAct.SWAP)
    assert world.media.mixed(contact_of(world)) == set()
    assert not world.last(e.Conferenced).joined
    assert hear_each_other(world, ana, ben)


def test_who_leaves_a_conference_leaves_two_who_talk() -> None:
    world, caller, ana, ben = joined()
    act(world, CallAct.CONFERENCE)
    ana.hang_up()
    assert hear_each_other(world, caller, ben)
    assert world.media.mixed(contact_of(world)) == set()
    caller.hang_up()
    assert world.leaks() == []


def test_an_engine_that_cannot_mix_leaves_them_as_they_were() -> None:
    world, caller, ana, ben = joined()
    world.media.refuses = "join mix"
    act(world, CallAct.CONFERENCE)
    assert hear_each_other(world, ana, ben)
    assert world.hears(caller) == "default"
    assert world.frontend.counts["unknown.mix"] == 1
    assert not [c for c in world.kinds(e.Conferenced) if c.joined]


def test_a_transfer_sends_the_colleague_away_too() -> None:
    world, caller, ana, ben = joined()
    assert hand_on(world, queue="help").accepted
    assert ana.story[-1] == "hung up on"
    assert "hung up on" in ben.story
    assert world.hears(caller) == "default"
    caller.hang_up()
    assert world.leaks() == []


def test_what_was_asked_outlives_the_front_end_at_every_step() -> None:
    world, caller, ana, ben = asked()
    world.restart()
    ben.answer()
    assert hear_each_other(world, ana, ben)
    world.restart()
    assert hear_each_other(world, ana, ben)
    act(world, CallAct.CONFERENCE)
    world.restart()
    act(world, CallAct.COMPLETE)
    assert hear_each_other(world, caller, ben)
    world.restart()
    caller.hang_up()
    assert ben.story[-1] == "hung up on"
    assert world.leaks() == []


def test_a_grant_that_nothing_of_is_kept_rings_once_and_is_answered() -> None:
    world, caller = talking("ana", "ben")
    ben = world.agents["ben"]
    world.keeps_nothing = True
    asks(world)
    world.restart()
    assert ben.story.count("rings") == 1
    ben.answer()
    assert hear_each_other(world, world.agents["ana"], ben)
    caller.hang_up()
    assert world.leaks() == []


def test_a_colleague_whose_phone_dies_gives_the_caller_back() -> None:
    world, caller, ana, ben = joined()
    world.wait(60)
    ben.is_dead = True
    world.goes_silent(ben)
    world.wait(6)
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_VANISHED
    assert hear_each_other(world, ana, caller)
    found = world.control.state.agents[AgentId("ben")]
    assert (found.presence, found.reason) == ("not_ready", "phone-lost")


def test_an_agent_whose_phone_dies_leaves_the_caller_with_the_colleague() -> None:
    world, caller, ana, ben = joined()
    world.wait(60)
    ana.is_dead = True
    world.goes_silent(ana)
    world.wait(6)
    assert hear_each_other(world, caller, ben)
    found = world.control.state.agents[AgentId("ana")]
    assert (found.presence, found.reason) == ("not_ready", "phone-lost")


def test_who_has_nobody_with_her_cannot_leave_her_caller_with_anybody() -> None:
    world, caller = talking("ana", "ben")
    for what in (CallAct.COMPLETE, CallAct.CONFERENCE, CallAct.SWAP, CallAct.CONSULT_END):
        act(world, what)
    assert hear_each_other(world, world.agents["ana"], caller)


def test_a_transfer_that_crosses_her_hang_up_stands_and_the_colleague_goes_too() -> None:
    world, caller, ana, ben = joined()
    assert ana.call
    ana.call.send_request("REFER", world.now, (("Refer-To", "<sip:help@callcenter>"),))
    ana.call.bye(world.now)
    world.run()
    assert "hung up on" in ben.story
    assert world.hears(caller) == "default"
    assert world.last(e.ContactQueued).queue == "help"
    caller.hang_up()
    assert world.leaks() == []


# ---- with the phone's own keys: Hold, a second call, Transfer ----------------------------------


def dials_second(world: World, phone: Phone, number: str) -> tuple[object, object]:
    """Her first call on hold, a second one dialled; both dialogs of hers."""
    first = phone.call
    phone.hold()
    phone.dial(number)
    return first, phone.call


def with_second_line() -> tuple[World, Phone, Phone, Phone, object, object]:
    world, caller = talking("ana", "ben")
    ana, ben = world.agents["ana"], world.agents["ben"]
    first, second = dials_second(world, ana, "ben")
    ben.answer()
    return world, caller, ana, ben, first, second


def line_leg(world: World) -> str:
    (story,) = [s for s in world.frontend.hands.stories.values() if hasattr(s, "consult")]
    return str(story.consult.line.media.record.id)


def replaces(call: sip.Call) -> str:
    return f"<sip:ben@callcenter?Replaces={call.call_id}%3Bto-tag%3D{call.remote_tag}%3Bfrom-tag%3D{call.local_tag}>"


def test_a_second_line_asks_the_colleague_and_the_first_is_held_by_the_phone() -> None:
    world, caller, ana, ben, _, _ = with_second_line()
    assert ana.story[-2:] == ["180", "answered"]
    assert world.hears(caller) == "default"
    assert world.media.hears(line_leg(world)) == world.leg_of(ben)
    assert world.hears(ben) == line_leg(world)
    assert world.last(e.SegmentStarted).beside
    caller.hang_up()
    assert world.leaks() == []


def test_the_transfer_key_joins_the_two_calls_and_ends_both_of_hers() -> None:
    world, caller, ana, ben, first, second = with_second_line()
    assert isinstance(first, sip.Call)
    assert isinstance(second, sip.Call)
    first.send_request("REFER", world.now, (("Refer-To", replaces(second)),))
    world.run()
    assert "REFER 202" in ana.story
    assert ana.story.count("hung up on") == 2
    assert world.last(e.HandedOver).agent == "ben"
    assert hear_each_other(world, caller, ben)
    caller.hang_up()
    assert world.leaks() == []


def test_it_may_be_asked_for_on_either_of_the_two_lines() -> None:
    world, caller, _, ben, first, second = with_second_line()
    assert isinstance(first, sip.Call)
    assert isinstance(second, sip.Call)
    second.send_request("REFER", world.now, (("Refer-To", replaces(first)),))
    world.run()
    assert hear_each_other(world, caller, ben)


def test_a_dialog_that_is_guessed_joins_nobody() -> None:
    world, _, ana, _, first, _ = with_second_line()
    assert isinstance(first, sip.Call)
    guess = "<sip:ben@callcenter?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db>"
    first.send_request("REFER", world.now, (("Refer-To", guess),))
    world.run()
    assert ana.story[-1] == "REFER 481"
    assert not world.kinds(e.HandedOver)


def test_she_hangs_up_the_second_line_and_has_her_caller_again() -> None:
    world, caller, ana, ben, first, _ = with_second_line()
    ana.hang_up()
    assert "hung up on" in ben.story
    ana.call = first  # type: ignore[assignment]
    ana.hold("sendrecv")
    assert hear_each_other(world, ana, caller)
    caller.hang_up()
    assert world.leaks() == []


def test_a_colleague_who_does_not_come_is_told_on_the_second_line() -> None:
    world, caller = talking("ana", "ben")
    world.agents["ben"].mood = "rejects:603"
    dials_second(world, world.agents["ana"], "ben")
    assert world.agents["ana"].story[-1] == "rejected 480"
    dials_second(world, world.agents["ana"], "ana")
    assert world.agents["ana"].story[-1] == "rejected 480", "herself"
    caller.hang_up()
    assert world.leaks() == []


def test_who_has_no_caller_and_who_is_nobody_learn_nothing_of_names() -> None:
    world = World("ana", "ben")
    ana = world.agents["ana"]
    ana.dial("ben")
    assert ana.story[-1] == "rejected 404"
    stranger = world.phone("stranger")
    stranger.dial("ben")
    stranger.dial("nobody")
    assert stranger.story == ["rejected 404", "rejected 404"]


def test_a_second_line_outlives_the_front_end() -> None:
    world, caller, _, ben, first, second = with_second_line()
    assert isinstance(first, sip.Call)
    assert isinstance(second, sip.Call)
    world.restart()
    world.restart()
    first.send_request("REFER", world.now, (("Refer-To", replaces(second)),))
    world.run()
    assert hear_each_other(world, caller, ben)
    caller.hang_up()
    assert world.leaks() == []
