"""A mail, a fax, a message: offered at a desk, worked on, put aside, done."""

from __future__ import annotations

import pytest

from callcenter.control.center import Control
from callcenter.control.state import Stage
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Center, Channel, Period, Plan, PlanStep, Queue
from callcenter.domain.commands import Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import DAY, SECOND, AgentId, ContactId, FrontendId, QueueId
from tests.control.house import House, agent, center, one, only, queue


def opened(**settings: object) -> House:
    """Ann and Ben are ready; nothing follows a segment."""
    found = {"wrap_up_seconds": 0, **settings}
    return House().open(center(agent("ann"), agent("ben"), queues=(queue(**found),)))  # type: ignore[arg-type]


def worked(contact: str = "m1", **settings: object) -> House:
    """Ann works on a mail."""
    house = opened(**settings)
    house.document(contact)
    assert house.take(contact).accepted
    return house


def test_a_mail_arrives_waits_and_is_offered_like_a_call() -> None:
    house = opened()
    said = house.document("m1", attributes={"subject": "no text here"})
    assert one(said, e.ContactArrived).blob == "0" * 64
    assert one(said, e.ContactQueued).channel is Channel.EMAIL
    assert house.rung("m1") == "ann"


def test_whoever_takes_it_at_her_desk_works_on_it() -> None:
    house = worked()
    assert one(house.journal, e.SegmentStarted).agent == "ann"
    assert house.contact("m1").stage is Stage.TALKING
    assert house.agent("ann").presence is Presence.TALKING


def test_whoever_declines_it_is_asked_no_more_and_the_next_one_is() -> None:
    house = opened()
    house.document("m1")
    assert house.take("m1", accept=False).accepted
    assert house.rung("m1") == "ben"
    assert (house.agent("ann").presence, house.agent("ann").reason) == ("not_ready", "declined")


def test_an_offer_that_nobody_answers_ends_with_the_ring_time_and_is_missed() -> None:
    house = opened(ring_seconds=20)
    house.document("m1")
    assert not only(house.wait(19), e.OfferExpired)
    assert one(house.wait(1), e.OfferExpired).agent == "ann"
    assert house.rung("m1") == "ben"
    assert house.agent("ann").reason == "rona"


def test_an_answer_that_comes_too_late_is_refused_in_words() -> None:
    house = opened(ring_seconds=20)
    made = one(house.document("m1"), e.OfferMade)
    house.wait(21)
    late = house.request(c.OfferAnswerRequested(offer=made.offer, agent=made.agent, accept=True))
    assert (late.accepted, late.reason) == (False, f"offer {made.offer!r} is over")


def test_nobody_answers_for_another() -> None:
    house = opened()
    house.document("m1")
    assert not house.take("m1", name="ben").accepted


def test_a_call_is_not_answered_at_the_desk() -> None:
    house = opened()
    house.call("c1")
    assert "pick it up there" in house.take("c1").reason


def test_a_queue_may_lay_mails_on_the_desk_without_asking() -> None:
    house = opened(auto_accept=True)
    for number in range(12):
        house.document(f"m{number}")
    assert len(house.agent("ann").segments) == 5, "as many as she may have"
    assert len(house.agent("ben").segments) == 5
    assert house.contact("m11").stage is Stage.WAITING
    assert not house.control.state.offers


def test_what_is_laid_on_the_desk_is_a_segment_named_in_the_order_of_its_beginning() -> None:
    house = opened(auto_accept=True)
    for number in range(3):
        house.document(f"m{number}")
    assert [one.segment for one in house.all(e.SegmentStarted)] == ["s1-1", "s1-2", "s1-3"]


def test_what_is_laid_on_a_desk_late_has_waited_so_long() -> None:
    laid = queue(auto_accept=True)
    house = House().open(center(agent("ann"), queues=(laid,)), ready=False)
    house.document("m1")
    house.wait(70)
    said = house.presence("ann", Presence.READY)
    assert one(said, e.SegmentStarted).waited == 70 * SECOND


def test_a_queue_without_dispositions_says_so() -> None:
    said = worked(dispositions=()).done("m1", "ann", "nonsense")
    assert said.reason == "queue 'sales' knows the dispositions: none"


def test_nobody_is_asked_to_look_at_a_document_before_it_is_offered_to_read() -> None:
    house = opened(preview_seconds=5, ring_seconds=20)
    house.document("m1")
    assert one(house.journal, e.OfferMade).preview_seconds == 0


def test_done_ends_it_filed_and_frees_her() -> None:
    house = worked()
    assert house.done("m1", "ann", "resolved").accepted
    assert one(house.journal, e.DispositionSet).disposition == "resolved"
    assert one(house.journal, e.ContactEnded).termination.reason == "resolved"
    assert house.agent("ann").presence is Presence.READY


def test_work_after_it_follows_where_the_queue_says_so() -> None:
    house = worked(wrap_up_seconds=30)
    house.done("m1", "ann")
    assert house.agent("ann").presence is Presence.WRAP_UP


@pytest.mark.parametrize(
    ("contact", "name", "disposition", "words"),
    [
        ("m1", "ben", "", "agent 'ben' does not work on a document 'm1'"),
        ("m9", "ann", "", "agent 'ann' does not work on a document 'm9'"),
        (
            "m1",
            "ann",
            "nonsense",
            "queue 'sales' knows the dispositions: resolved, follow-up, wrong-number",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    contact: str, name: str, disposition: str, words: str
) -> None:
    said = worked().done(contact, name, disposition)
    assert not said.accepted
    assert said.reason.startswith(words)


def test_put_aside_it_takes_none_of_her_capacity_and_comes_back_to_her_in_time() -> None:
    house = worked()
    assert house.put_aside("m1", "ann", 600).accepted
    assert house.contact("m1").stage is Stage.ASIDE
    assert house.agent("ann").presence is Presence.READY
    assert not only(house.wait(599), e.ContactQueued)
    back = one(house.wait(1), e.ContactQueued)
    assert (back.visit, back.agent) == (2, "ann")
    assert house.rung("m1") == "ann"


def test_a_reply_brings_it_back_at_once_and_is_no_contact_of_its_own() -> None:
    house = worked()
    house.put_aside("m1", "ann", 600)
    said = house.document("m2", reply_to="m1")
    assert one(said, e.ReplyArrived).reply == "m2"
    assert not only(said, e.ContactArrived)
    assert house.rung("m1") == "ann"


def test_a_reply_to_what_is_worked_on_is_shown_and_nothing_else() -> None:
    house = worked()
    said = house.document("m2", reply_to="m1")
    assert [type(event) for event in said] == [e.ReplyArrived]


def test_a_reply_to_what_is_over_is_a_contact_that_names_it() -> None:
    house = worked()
    house.done("m1", "ann")
    assert one(house.document("m2", reply_to="m1"), e.ContactArrived).reply_to == "m1"


def test_without_a_time_it_comes_back_after_the_longest_rest() -> None:
    house = worked()
    house.put_aside("m1", "ann")
    assert one(house.wait(92 * DAY / SECOND), e.ContactQueued).contact == "m1"


@pytest.mark.parametrize("span", [-5, 93 * DAY / SECOND])
def test_a_time_that_is_over_or_too_far_is_refused(span: float) -> None:
    house = worked()
    assert house.put_aside("m1", "ann", span).reason == "until: must lie ahead, within 92 days"


def test_whose_owner_went_home_is_offered_to_others_when_it_comes_back() -> None:
    house = worked()
    house.put_aside("m1", "ann", 60)
    house.presence("ann", Presence.LOGGED_OUT)
    house.wait(61)
    assert house.rung("m1") == "ben"


def test_a_call_interrupts_mail_and_gives_it_back() -> None:
    house = worked()
    house.presence("ben", Presence.LOGGED_OUT)
    house.call("c1")
    assert house.rung("c1") == "ann"
    assert one(house.accept("c1"), e.Held).contact == "m1"
    house.now += 40 * SECOND
    assert one(house.hang_up("c1"), e.Resumed).contact == "m1"
    house.now += 10 * SECOND
    house.done("m1", "ann")
    ended = only(house.journal, e.SegmentEnded)[-1]
    assert ended.contact == "m1"
    assert ended.held == 40 * SECOND, "the call's time is not the mail's"


def test_no_mail_is_offered_to_somebody_who_talks() -> None:
    house = opened()
    house.presence("ben", Presence.LOGGED_OUT)
    house.call("c1")
    house.accept("c1")
    house.document("m1")
    assert house.rung("m1") == ""


def test_a_closed_or_full_queue_still_takes_what_is_written() -> None:
    night = Calendar(name="day", periods=(Period(weekday=0, opens=1, closes=2),))
    shut = Center(queues=(queue(calendar="day", waiting_max=1),), calendars=(night,))
    house = House().open(shut)
    for number in range(3):
        said = house.document(f"m{number}")
        assert one(said, e.ContactQueued).queue == "sales"


def test_closing_a_queue_by_hand_sends_no_mail_away() -> None:
    house = opened()
    house.presence("ann", Presence.LOGGED_OUT)
    house.presence("ben", Presence.LOGGED_OUT)
    house.document("m1")
    house.request(c.QueueCloseRequested(queue=QueueId("sales"), dismiss=True))
    assert house.contact("m1").stage is Stage.WAITING


def test_the_plan_lets_no_mail_out() -> None:
    steps = (PlanStep(after_seconds=5, exit="timeout"),)
    house = opened(plan=Plan(version="p", steps=steps))
    for name in ("ann", "ben"):
        house.presence(name, Presence.LOGGED_OUT)
    house.document("m1")
    assert one(house.wait(6), e.RingWidened).refused == "a document stays"


def test_what_nobody_took_for_a_year_ends_by_name() -> None:
    house = opened()
    for name in ("ann", "ben"):
        house.presence(name, Presence.LOGGED_OUT)
    house.document("m1")
    end = one(house.wait(367 * DAY / SECOND), e.ContactEnded)
    assert end.termination.reason == "wait_limit"


def test_no_document_depends_on_a_front_end() -> None:
    house = worked()
    house.put_aside("m1", "ann", 30)
    house.lose()
    house.start(epoch=2, agents=("ann", "ben"))
    assert house.contact("m1").stage is Stage.ASIDE
    assert "" not in house.control.state.frontends


def test_a_supervisor_moves_assigns_and_ranks_what_waits() -> None:
    mail: Queue = queue("mail", wrap_up_seconds=0)
    house = House().open(center(agent("ann"), queues=(queue(), mail)), ready=False)
    house.document("m1")
    assert house.prioritise("m1", 9).accepted
    assert house.move("m1", "mail").accepted
    house.presence("ann", Presence.READY)
    assert house.rung("m1") == "ann"


@pytest.mark.parametrize("aside", [False, True])
def test_a_supervisor_takes_it_back_from_whoever_has_it(aside: bool) -> None:
    house = worked()
    if aside:
        house.put_aside("m1", "ann", 600)
    house.presence("ann", Presence.LOGGED_OUT)
    assert house.move("m1", "sales").accepted
    assert house.rung("m1") == "ben"


def test_her_part_of_what_is_taken_back_ends_by_name_and_she_has_room_again() -> None:
    house = worked()
    house.presence("ben", Presence.LOGGED_OUT)
    assert house.move("m1", "sales").accepted
    assert one(house.journal, e.SegmentEnded).termination.reason is Reason.MOVED
    assert house.agent("ann").segments == {}


def test_a_document_survives_its_leader() -> None:
    house = worked()
    house.put_aside("m1", "ann", 60)
    house.control = Control.restore(house.control.snapshot(), epoch=2)
    assert one(house.wait(60), e.ContactQueued).agent == "ann"


def test_a_stranger_cannot_end_her_part() -> None:
    house = worked()
    segment = house.contact("m1").segment
    house.tell(
        c.SegmentEndReported(
            contact=ContactId("m1"), segment=segment, agent=AgentId("ann"),
            termination=only(worked_and_done(), e.ContactEnded)[0].termination,
        )
    )  # fmt: skip
    assert house.contact("m1").stage is Stage.TALKING
    assert house.control.counters["a_document_has_no_owner"] == 1
    assert FrontendId("") not in house.control.state.frontends


def worked_and_done() -> list[e.Event]:
    house = worked()
    house.done("m1", "ann")
    return house.journal


def test_a_document_that_she_takes_while_somebody_is_on_the_line_is_on_hold_at_once() -> None:
    house = House().open(center(agent("ann")))
    house.call("f1", channel=Channel.FAX)  # with a front end of its own
    house.accept("f1")
    house.document("m1")
    house.take("m1")
    assert house.control.state.segments[house.contact("m1").segment].held_by_agent
