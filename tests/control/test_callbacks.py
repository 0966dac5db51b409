"""A caller would rather be called back: her place is kept, the agent is asked first."""

from __future__ import annotations

import pytest

from callcenter.control.center import Control
from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Callback, Center, Period, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import HOUR, MINUTE, ContactId, FrontendId, QueueId
from tests.control.house import START, House, agent, center, one, only, queue

BUSY = OfferOutcome.CUSTOMER_BUSY


def opened(**callback: int) -> House:
    """Ann is at work, and nobody else."""
    sales = queue(callback=Callback(**callback), wrap_up_seconds=0)  # type: ignore[arg-type]
    return House().open(center(agent("ann"), queues=(sales,)), ready=False)


def promised(house: House, origin: str = "c1", contact: str = "cb1") -> list[e.Event]:
    """She waits, leaves by the key, is promised a callback and hangs up."""
    house.call(origin)
    house.wait(20)
    house.leave(origin)
    said = house.call_back(origin, contact)
    house.hang_up(origin, Reason.CALLBACK_PROMISED)
    return said


def test_a_callback_takes_the_place_of_the_caller_who_asked_for_it() -> None:
    house = opened()
    came = house.now
    said = promised(house)
    placed, queued = one(said, e.ContactPlaced), one(said, e.ContactQueued)
    assert (placed.contact, placed.origin, placed.frontend) == ("cb1", "c1", "f1")
    assert (queued.since, queued.visit) == (came, 1)
    house.call("c2")
    house.presence("ann", Presence.READY)
    assert house.rung("cb1") == "ann", "she came before the second caller"


def test_whoever_came_before_her_is_still_before_her() -> None:
    house = opened()
    house.call("c0")
    house.wait(1)
    promised(house)
    house.presence("ann", Presence.READY)
    assert house.rung("c0") == "ann"


def test_a_raised_priority_goes_with_the_place() -> None:
    house = opened()
    house.call("c1")
    house.prioritise("c1", 9)
    house.leave("c1")
    assert one(house.call_back("c1", "cb1"), e.ContactQueued).priority == 9


def test_who_never_waited_gets_a_place_at_the_end() -> None:
    house = opened()
    house.arrive("c1")
    house.wait(60)
    assert one(house.call_back("c1", "cb1"), e.ContactQueued).since == house.now


def test_the_offer_of_a_callback_says_how_long_the_customer_may_be_rung() -> None:
    house = opened(ring_seconds=25)
    promised(house)
    house.presence("ann", Presence.READY)
    offer = house.offer_of("cb1")
    assert offer is not None
    assert (offer.ring_seconds, offer.dial_seconds) == (20, 25)
    assert only(house.wait(49.9), e.OfferRescinded) == [], "ring, dial and five seconds"
    assert one(house.wait(0.2), e.OfferRescinded).reason == "its owner was silent"


def test_an_ordinary_offer_dials_nobody() -> None:
    house = opened()
    house.presence("ann", Presence.READY)
    assert one(house.call("c1"), e.OfferMade).dial_seconds == 0


def test_a_customer_who_was_reached_is_a_segment_like_any_other() -> None:
    house = opened()
    promised(house)
    house.presence("ann", Presence.READY)
    said = house.accept("cb1")
    assert one(said, e.SegmentStarted).contact == "cb1"
    said = house.hang_up("cb1", Reason.AGENT_HUNG_UP)
    assert one(said, e.ContactEnded).termination == ended(Reason.AGENT_HUNG_UP)


def test_a_busy_customer_is_tried_again_later_and_the_agent_is_ready_at_once() -> None:
    house = opened(retry_minutes=15)
    promised(house)
    house.presence("ann", Presence.READY)
    since = house.contact("cb1").since
    said = house.report("cb1", BUSY)
    tried = one(said, e.CallbackTried)
    assert (tried.attempt, tried.outcome) == (1, BUSY)
    assert tried.again == house.now + 15 * MINUTE
    assert house.agent("ann").presence is Presence.READY
    assert house.rung("cb1") == ""
    assert one(house.call("c2"), e.OfferMade).contact == "c2", "others are served meanwhile"
    house.accept("c2")
    house.hang_up("c2")
    house.wait(15 * 60)
    house.presence("ann", Presence.READY)
    assert house.rung("cb1") == "ann"
    assert house.contact("cb1").since == since, "the place is kept"


def test_after_the_last_attempt_it_ends_by_name() -> None:
    house = opened(attempts_max=2, retry_minutes=1)
    promised(house)
    house.presence("ann", Presence.READY)
    house.report("cb1", BUSY)
    house.wait(61)
    house.presence("ann", Presence.READY)
    said = house.report("cb1", OfferOutcome.CUSTOMER_NO_ANSWER)
    assert one(said, e.CallbackTried).again == 0
    gone = one(said, e.ContactEnded)
    assert gone.termination == ended(Reason.CALLBACK_UNREACHED)
    assert (gone.queue, gone.visit) == ("sales", 1), "its visit ends with it"
    assert ContactId("cb1") not in house.control.state.contacts


def test_an_agent_who_does_not_answer_is_no_attempt() -> None:
    house = opened()
    promised(house)
    house.presence("ann", Presence.READY)
    assert only(house.report("cb1", OfferOutcome.EXPIRED), e.CallbackTried) == []
    assert house.contact("cb1").tries == 0


def test_a_promise_that_no_agent_could_keep_ends_by_name() -> None:
    house = opened(hours_max=2)
    queued = one(promised(house), e.ContactQueued)
    assert queued.expires == house.now + 2 * HOUR
    assert only(house.wait(7199), e.ContactEnded) == []
    gone = one(house.wait(2), e.ContactEnded)
    assert gone.termination == ended(Reason.CALLBACK_TOO_LATE)


def test_one_callback_too_many_is_refused_and_the_caller_is_still_there() -> None:
    house = opened(waiting_max=1)
    promised(house)
    house.arrive("c2")
    said = house.call_back("c2", "cb2")
    refused = one(said, e.CallbackRefused)
    assert (refused.origin, refused.reason) == ("c2", "too many callbacks")
    assert ContactId("cb2") not in house.control.state.contacts
    assert ContactId("c2") in house.control.state.contacts


def test_a_queue_that_nobody_knows_is_refused() -> None:
    house = opened()
    house.arrive("c1")
    said = house.call_back("c1", "cb1", "nowhere")
    assert one(said, e.CallbackRefused).reason == "unknown queue"


def test_she_is_not_called_while_she_is_still_on_the_line() -> None:
    """Her flow says good-bye; her phone would be busy."""
    house = opened()
    house.presence("ann", Presence.READY)
    house.arrive("c1")
    house.call_back("c1", "cb1")
    assert house.rung("cb1") == ""
    house.hang_up("c1", Reason.CALLBACK_PROMISED)
    assert house.rung("cb1") == "ann"


def test_a_flow_that_goes_on_and_on_delays_her_callback_by_a_minute_at_most() -> None:
    house = opened()
    house.presence("ann", Presence.READY)
    house.arrive("c1")
    house.call_back("c1", "cb1")
    house.wait(61)
    house.presence("ann", Presence.NOT_READY)
    house.presence("ann", Presence.READY)
    assert house.rung("cb1") == "ann"


def test_a_callback_asked_for_twice_is_placed_once() -> None:
    house = opened()
    house.arrive("c1")
    house.call_back("c1", "cb1")
    assert house.call_back("c1", "cb1") == []


def test_nobody_is_called_before_the_queue_opens() -> None:
    """START is a Friday, 08:00 UTC."""
    office = Calendar(name="office", periods=(Period(weekday=4, opens=540, closes=600),))
    sales = queue(calendar="office")
    house = House().open(Center(queues=(sales,), agents=(agent("ann"),), calendars=(office,)))
    house.arrive("c1")
    queued = one(house.call_back("c1", "cb1"), e.ContactQueued)
    assert queued.not_before == START + HOUR
    freed = one(house.hang_up("c1", Reason.CALLBACK_PROMISED), e.CallbackFreed)
    assert freed.not_before == START + HOUR
    assert house.rung("cb1") == ""
    house.wait(3601)
    house.presence("ann", Presence.NOT_READY)
    house.presence("ann", Presence.READY)
    assert house.rung("cb1") == "ann"


def test_when_the_queue_opens_she_is_called_by_whoever_is_free_already() -> None:
    office = Calendar(name="office", periods=(Period(weekday=4, opens=540, closes=600),))
    sales = queue(calendar="office")
    house = House().open(Center(queues=(sales,), agents=(agent("ann"),), calendars=(office,)))
    house.arrive("c1")
    house.call_back("c1", "cb1")
    house.wait(120)  # whoever takes leave slowly is freed at once when she hangs up
    house.hang_up("c1", Reason.CALLBACK_PROMISED)
    assert not only(house.wait(3478.9), e.OfferMade)
    assert one(house.wait(2), e.OfferMade).contact == "cb1"


def test_nobody_can_tell_when_a_queue_opens_that_never_does() -> None:
    never = Calendar(name="never")
    sales = queue(calendar="never")
    house = House().open(Center(queues=(sales,), agents=(agent("ann"),), calendars=(never,)))
    house.arrive("c1")
    assert one(house.call_back("c1", "cb1"), e.ContactQueued).not_before == house.now + MINUTE


def test_a_plan_widens_the_ring_for_it_but_does_not_let_it_out() -> None:
    plan = Plan(steps=(PlanStep(after_seconds=30, exit="timeout"),))
    house = House().open(center(agent("ann"), queues=(queue(plan=plan),)), ready=False)
    promised(house)
    assert one(house.wait(31), e.RingWidened).refused == "a callback stays"
    assert house.contact("cb1").calls_back


def test_it_overflows_to_another_queue_and_keeps_its_hours() -> None:
    plan = Plan(steps=(PlanStep(after_seconds=30, queue=QueueId("back")),))
    queues = (queue(plan=plan), queue("back", wait_seconds_max=60))
    house = House().open(center(agent("ann"), queues=queues), ready=False)
    expires = one(promised(house), e.ContactQueued).expires
    moved = one(house.wait(31), e.ContactMoved)
    assert (moved.queue, moved.expires) == ("back", expires)


def test_several_phones_never_ring_for_one_callback() -> None:
    sales = queue(agent_choice="ring_all", ring_width=3)
    house = House().open(center(agent("ann"), agent("ben"), queues=(sales,)))
    house.arrive("c1")
    house.call_back("c1", "cb1")
    assert len(only(house.hang_up("c1"), e.OfferMade)) == 1


def test_a_front_end_that_only_ever_promised_a_callback_is_known() -> None:
    house = opened()
    house.call_back("gone", "cb1", frontend=FrontendId("f9"))
    assert set(house.control.state.frontends) == {"f1", "f9"}


def test_a_callback_outlives_its_front_end_for_hours() -> None:
    house = opened()
    promised(house)
    house.lose()
    assert only(house.wait(3600), e.ContactEnded) == []
    house.start(contacts=("cb1",), agents=("ann",), epoch=2)
    house.presence("ann", Presence.READY)
    assert house.rung("cb1") == "ann"


def test_a_front_end_that_does_not_name_its_callback_has_lost_it() -> None:
    house = opened()
    promised(house)
    gone = one(house.start(agents=("ann",), epoch=2), e.ContactEnded)
    assert gone.termination == ended(Reason.OWNER_LOST)


@pytest.mark.parametrize("outcome", [OfferOutcome.CUSTOMER_BUSY, OfferOutcome.CUSTOMER_FAILED])
def test_such_a_report_about_a_caller_who_waits_is_no_attempt(outcome: OfferOutcome) -> None:
    house = opened()
    house.presence("ann", Presence.READY)
    house.call("c1")
    assert only(house.report("c1", outcome), e.CallbackTried) == []


def test_a_snapshot_in_the_midst_of_it_goes_on_the_same() -> None:
    house = opened()
    promised(house)
    house.presence("ann", Presence.READY)
    house.report("cb1", BUSY)
    house.control = Control.restore(house.control.snapshot(), epoch=1)
    assert house.contact("cb1").tries == 1
    house.wait(15 * 60)
    house.presence("ann", Presence.NOT_READY)
    house.presence("ann", Presence.READY)
    assert house.rung("cb1") == "ann"
