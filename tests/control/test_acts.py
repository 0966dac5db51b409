"""What supervisors do to queues and to those who wait is done, or refused in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callcenter.control.state import Stage
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Calendar, Center, Channel, Period
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import (
    SECOND,
    AgentId,
    CommandId,
    ContactId,
    OfferId,
    QueueId,
    SegmentId,
)
from tests.control.house import House, agent, center, member, one, only, queue

SALES, OTHER = QueueId("sales"), QueueId("other")


def office(*, ready: bool = True) -> House:
    people = (agent("ann", english=5), agent("ben", french=5))
    queues = (
        queue("sales", skills={"english": 3}, wrap_up_seconds=0),
        queue("other", skills={"french": 3}, wrap_up_seconds=0),
    )
    return House().open(center(*people, queues=queues, skills=("english", "french")), ready=ready)


def test_a_moved_contact_waits_in_the_other_queue_as_if_it_always_had() -> None:
    house = office(ready=False)
    house.call("c1", "sales")
    house.wait(30)
    house.call("c2", "other")
    key, order = house.contact("c1").key, house.contact("c1").order
    assert house.move("c1", "other").accepted
    moved = one(house.journal, e.ContactMoved)
    assert (moved.by, moved.waited, moved.skills) == ("sue", 30 * SECOND, {"french": 3})
    contact = house.contact("c1")
    assert (contact.key, contact.order, contact.queue) == (key, order, "other")
    house.presence("ben", Presence.READY)
    assert house.rung("c1") == "ben"


def test_a_move_stops_what_rings_and_looks_for_an_agent_there_at_once() -> None:
    house = office()
    house.call("c1", "sales")
    assert house.rung("c1") == "ann"
    house.move("c1", "other")
    assert one(house.journal, e.OfferRescinded).reason == "moved to another queue"
    offer = house.offer_of("c1")
    assert offer is not None
    assert (offer.agent, offer.attempt) == ("ben", 1)
    assert "ann" not in offer.evidence, "she did not fail to take it"
    assert house.agent("ann").presence is Presence.READY


def test_an_assigned_contact_rings_at_that_agent_whatever_she_can() -> None:
    house = office()
    house.call("c1", "sales")
    assert house.assign("c1", "ben").accepted
    assert house.rung_all("c1") == ["ben"]
    offer = house.offer_of("c1")
    assert offer is not None
    assert offer.evidence == "idle 1 s; skills english 0<3; assigned by hand; nobody else free"


def test_an_assigned_contact_waits_for_an_agent_who_is_busy_and_then_for_everybody() -> None:
    house = office()
    house.call("c0", "other")
    house.accept("c0")
    house.call("c1", "sales")
    assert house.assign("c1", "ben", seconds=50).accepted
    assert house.rung("c1") == "", "ann is free, but it is ben's"
    house.wait(49.9)
    assert house.rung("c1") == ""
    house.wait(0.2)
    assert house.rung("c1") == "ann"


def test_an_assigned_contact_is_the_first_thing_she_gets() -> None:
    house = office()
    house.call("c0", "other")
    house.accept("c0")
    house.call("c1", "sales")
    house.assign("c1", "ben")
    house.hang_up("c0")
    assert house.rung("c1") == "ben"
    house.report("c1", OfferOutcome.EXPIRED)
    assert house.rung("c1") == "ann"


def test_assigning_to_whom_it_rings_already_changes_nothing_for_her() -> None:
    house = office()
    offer = one(house.call("c1", "sales"), e.OfferMade)
    assert house.assign("c1", "ann").accepted
    assert house.contact("c1").live == (offer.offer,)


def test_assigning_to_one_of_several_who_ring_stops_the_others() -> None:
    line = queue(agent_choice=AgentChoice.RING_ALL, ring_width=3)
    house = House().open(center(agent("ann"), agent("ben"), agent("cat"), queues=(line,)))
    house.call("c1")
    house.presence("ann", Presence.LOGGED_OUT)
    assert house.assign("c1", "ben").accepted
    assert house.rung_all("c1") == ["ben"]
    assert {o.agent for o in house.all(e.OfferRescinded)} == {"ann", "cat"}


def test_a_higher_priority_goes_before_those_who_waited_longer() -> None:
    house = office(ready=False)
    house.call("c1", "sales")
    house.wait(30)
    house.call("c2", "sales")
    since = house.contact("c2").since
    assert house.prioritise("c2", 9).accepted
    assert one(house.journal, e.PriorityChanged).priority == 9
    assert (house.contact("c2").since, house.contact("c2").priority) == (since, 9)
    house.presence("ann", Presence.READY)
    assert house.rung("c2") == "ann"


def test_the_same_priority_again_is_no_event() -> None:
    house = office(ready=False)
    house.call("c1", "sales", priority=5)
    assert house.prioritise("c1", 5).accepted
    assert house.all(e.PriorityChanged) == []


def closed_today() -> Center:
    never = Calendar(name="never", periods=(Period(weekday=0, opens=0, closes=1),))
    return Center(
        queues=(queue(calendar="never"), queue("other")),
        agents=(agent("ann"),),
        calendars=(never,),
        skills=("english",),
    )


def open_queue(house: House, *, follow_calendar: bool = False) -> e.CommandAnswered:
    return house.request(
        c.QueueOpenRequested(queue=SALES, follow_calendar=follow_calendar, by="sue")
    )


def close_queue(house: House, *, dismiss: bool = False) -> e.CommandAnswered:
    return house.request(c.QueueCloseRequested(queue=SALES, dismiss=dismiss, by="sue"))


def test_a_queue_opened_by_hand_is_open_whatever_its_calendar_says() -> None:
    house = House().open(closed_today())
    assert one(house.call("c1"), e.QueueRefused).exit is e.QueueExit.CLOSED
    assert open_queue(house).accepted
    assert one(house.journal, e.QueueOpened).by == "sue"
    assert only(house.enqueue("c1"), e.ContactQueued)
    assert open_queue(house, follow_calendar=True).accepted
    assert one(house.call("c2"), e.QueueRefused).exit is e.QueueExit.CLOSED


def test_a_queue_closed_by_hand_takes_nobody_and_keeps_those_who_wait() -> None:
    house = office(ready=False)
    house.call("c1")
    assert close_queue(house).accepted
    assert one(house.call("c2"), e.QueueRefused).exit is e.QueueExit.CLOSED
    assert house.contact("c1").stage is Stage.WAITING
    assert open_queue(house).accepted
    assert only(house.enqueue("c2"), e.ContactQueued)


def test_closing_may_dismiss_those_who_wait_and_those_for_whom_it_rings() -> None:
    house = office()
    house.call("c1")
    house.call("c2")
    close_queue(house, dismiss=True)
    left = house.all(e.ContactDequeued)
    assert [(event.contact, event.exit) for event in left] == [("c1", "closed"), ("c2", "closed")]
    assert house.control.state.offers == {}


def test_doing_it_twice_is_done_twice_and_changes_nothing() -> None:
    house = office()
    for _ in range(2):
        assert close_queue(house).accepted
    for _ in range(2):
        assert open_queue(house).accepted
    for _ in range(2):
        assert open_queue(house, follow_calendar=True).accepted
    assert (len(house.all(e.QueueClosed)), len(house.all(e.QueueOpened))) == (1, 2)


def announce(house: House, announcement: str, name: str = "") -> e.CommandAnswered:
    return house.request(
        c.AnnouncementRequested(queue=QueueId(name), announcement=announcement, by="sue")
    )


def test_an_emergency_announcement_is_told_to_those_who_come_until_it_is_taken_back() -> None:
    house = office(ready=False)
    assert announce(house, "storm").accepted
    assert announce(house, "fire", "sales").accepted
    assert announce(house, "fire", "sales").accepted
    assert len(house.all(e.AnnouncementSet)) == 2
    assert one(house.call("c1"), e.ContactQueued).announcement == "fire"
    assert one(house.call("c2", "other"), e.ContactQueued).announcement == "storm"
    announce(house, "", "sales")
    assert one(house.call("c3"), e.ContactQueued).announcement == "storm"
    announce(house, "")
    assert one(house.call("c4"), e.ContactQueued).announcement == ""


def test_skills_changed_by_hand_count_at_once_and_until_they_are_undone() -> None:
    house = office()
    house.call("c1", skills={"french": 2})
    assert house.rung("c1") == ""
    assert house.teach("ann", french=2).accepted
    assert house.rung("c1") == "ann"
    house.hang_up("c1")
    house.teach("ann", english=0)
    house.call("c2")
    assert house.rung("c2") == ""
    house.configure(house.control.state.center, "2")
    assert house.rung("c2") == "", "a new configuration does not undo it"
    house.teach("ann")
    assert house.rung("c2") == "ann"


def test_the_same_skills_again_are_no_event() -> None:
    house = office()
    for _ in range(2):
        assert house.teach("ann", french=2).accepted
    assert len(house.all(e.SkillsChanged)) == 1


def in_queue(house: House) -> None:
    house.call("c1", "sales", excluded=(AgentId("cat"),))


REFUSED: list[tuple[str, Callable[[House], e.CommandAnswered]]] = [
    ("there is no contact 'zz'", lambda h: h.move("zz", "other")),
    ("contact 'flow' does not wait in a queue", lambda h: h.move("flow", "other")),
    ("there is no queue 'zz'", lambda h: h.move("c1", "zz")),
    ("contact 'c1' waits in 'sales' already", lambda h: h.move("c1", "sales")),
    ("queue 'shut' takes nobody now: it is closed", lambda h: h.move("c1", "shut")),
    ("there is no contact 'zz'", lambda h: h.assign("zz", "ben")),
    ("there is no agent 'zz'", lambda h: h.assign("c1", "zz")),
    ("agent 'dan' is not on duty, or her phone", lambda h: h.assign("c1", "dan")),
    ("agent 'eve' takes no voice", lambda h: h.assign("c1", "eve")),
    ("agent 'cat' is excluded from contact 'c1'", lambda h: h.assign("c1", "cat")),
    ("seconds: 0 is not within 1 to 3600", lambda h: h.assign("c1", "ben", 0)),
    ("seconds: 99999 is not within", lambda h: h.assign("c1", "ben", 99999)),
    ("priority -1 is not within 0 to 10", lambda h: h.prioritise("c1", -1)),
    ("priority 99 is not within 0 to 10", lambda h: h.prioritise("c1", 99)),
    ("contact 'flow' does not wait", lambda h: h.prioritise("flow", 3)),
    ("there is no agent 'zz'", lambda h: h.teach("zz", english=3)),
    ("skill 'dutch' is not known; known are: english", lambda h: h.teach("ann", dutch=3)),
    ("skill 'english': -1 is not within 0 (none) to 10", lambda h: h.teach("ann", english=-1)),
    ("skill 'english': 11 is not within", lambda h: h.teach("ann", english=11)),
    ("there is no queue 'zz'", lambda h: h.request(c.QueueOpenRequested(queue=QueueId("zz")))),
    ("there is no queue 'zz'", lambda h: h.request(c.QueueCloseRequested(queue=QueueId("zz")))),
    ("there is no queue 'zz'", lambda h: announce(h, "fire", "zz")),
    ("announcement: the name of a prompt has at most", lambda h: announce(h, "x" * 101)),
]


@pytest.mark.parametrize(("words", "ask"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(
    words: str, ask: Callable[[House], e.CommandAnswered]
) -> None:
    never = Calendar(name="never", periods=(Period(weekday=0, opens=0, closes=1),))
    people = (
        agent("ann"), agent("ben"), agent("cat"), agent("dan"),
        member("eve", {"capacity": {Channel.VOICE: 0}}),
    )  # fmt: skip
    house = House().open(
        Center(
            queues=(queue(skills={"english": 9}), queue("other"), queue("shut", calendar="never")),
            agents=people,
            calendars=(never,),
            skills=("english",),
        )
    )
    house.presence("dan", Presence.NOT_READY, "lunch")
    house.arrive("flow")
    in_queue(house)
    before = len(house.journal)
    answer = ask(house)
    assert not answer.accepted
    assert words in answer.reason
    assert house.journal[before:] == [answer]


def test_an_answer_names_the_request() -> None:
    house = office()
    house.call("c1")
    command = c.MoveRequested(
        contact=ContactId("c1"), queue=OTHER, by="sue", request=CommandId("r1")
    )
    assert house.request(command).request == "r1"
    source = house.tell(unnamed_back(command), source="web:1:7")
    assert one(source, e.CommandAnswered).request == "web:1:7"


def unnamed_back(command: c.MoveRequested) -> c.MoveRequested:
    return c.MoveRequested(contact=command.contact, queue=SALES)


def test_a_queue_that_is_gone_moves_nobody_but_its_callers_may_be_moved() -> None:
    house = office(ready=False)
    house.call("c1", "sales")
    house.configure(center(queues=(queue("other"),)), "2")
    assert not house.move("c1", "sales").accepted
    assert house.move("c1", "other").accepted


def test_who_was_kept_for_somebody_who_goes_home_may_be_served_by_others() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(wrap_up_seconds=0),)))
    for contact in ("first", "second"):
        house.call(contact)
        house.accept(contact)
    house.call("kept")
    house.assign("kept", "ann", 600)
    house.presence("ann", Presence.LOGGED_OUT)
    for contact in ("first", "second"):
        house.hang_up(contact)
    assert house.rung("kept") == "ben"


TEXTS = "call Maria on +34 600 123 456"


def test_what_is_no_name_never_gets_into_the_journal() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1", agent=AgentId("zoe"))
    asked: tuple[c.Command, ...] = (
        c.MoveRequested(contact=ContactId(TEXTS), queue=QueueId("sales"), by=TEXTS),
        c.MoveRequested(contact=ContactId("c1"), queue=QueueId(TEXTS), by=TEXTS),
        c.AssignRequested(contact=ContactId("c1"), agent=AgentId(TEXTS), by=TEXTS),
        c.PriorityRequested(contact=ContactId("c1"), priority=7, by=TEXTS),
        c.QueueCloseRequested(queue=QueueId("sales"), by=TEXTS, request=CommandId(TEXTS)),
        c.QueueOpenRequested(queue=QueueId(TEXTS), by=TEXTS),
        c.AnnouncementRequested(announcement=TEXTS, by=TEXTS),
        c.SkillsRequested(agent=AgentId("ann"), skills={TEXTS: 3}, by=TEXTS),
        c.PresenceRequested(agent=AgentId(TEXTS), presence=Presence.READY, by=TEXTS),
        c.WrapUpEndRequested(agent=AgentId(TEXTS)),
        c.DispositionRequested(
            agent=AgentId(TEXTS), segment=SegmentId(TEXTS), disposition=TEXTS
        ),
        c.OfferAnswerRequested(agent=AgentId(TEXTS), offer=OfferId(TEXTS), accept=False),
        c.TrainingRequested(
            agent=AgentId("ann"), course=TEXTS, date=TEXTS, passed=True, trainer=TEXTS
        ),
    )  # fmt: skip
    answers = [house.request(command) for command in asked]
    assert sum(answer.accepted for answer in answers) == 2
    assert "600" not in repr(house.journal)
    assert house.all(e.PriorityChanged)[-1].by == "unnamed"


def test_an_assigned_contact_that_nobody_could_take_rings_at_once() -> None:
    house = office()
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.call("c1", "sales")
    assert house.rung("c1") == ""
    house.assign("c1", "ben")
    assert house.rung("c1") == "ben"


def test_nobody_is_assigned_what_her_queue_never_gives_her() -> None:
    line = queue(excluded=(AgentId("ann"),))
    house = House().open(center(agent("ann"), agent("ben"), queues=(line,)))
    house.call("c1")
    assert "is excluded" in house.assign("c1", "ann").reason
    assert house.assign("c1", "ben").accepted
