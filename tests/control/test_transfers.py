"""An agent hands her caller on: the contact, its place and the books are kept."""

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import CallAct, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, AgentId, ContactId, SegmentId
from tests.control.house import House, agent, center, member, one, only, queue
from tests.control.invariants import check

QUEUES = (
    queue("sales", skills={"english": 1}, wrap_up_seconds=10),
    queue("help", skills={"english": 1}, waiting_max=1),
)  # fmt: skip


def talking(*others: str) -> House:
    """Ann talks with c1, who waited 30 s in sales before; the others are ready."""
    people = [agent("ann", english=5), *(agent(name, english=3) for name in others)]
    house = House().open(center(*people, queues=QUEUES), ready=False)
    house.call("c1", attributes={"type": "order"})
    house.wait(30)
    house.presence("ann", Presence.READY)
    house.accept("c1")
    for name in others:
        house.presence(name, Presence.READY)
    return house


def test_a_transfer_to_a_queue_keeps_the_contact_and_its_place() -> None:
    house = talking()
    first = house.all(e.ContactQueued)[0]
    house.wait(100)
    assert house.hand_on("c1", "ann", queue="help").accepted
    queued = house.all(e.ContactQueued)[-1]
    assert (queued.queue, queued.visit, queued.since) == ("help", 2, house.now)
    assert queued.place_from == first.since
    assert queued.attributes == {"type": "order"}
    assert house.contact("c1").key < house.now - 100_000_000
    check(house.control)


def test_who_was_handed_on_stands_before_those_who_came_meanwhile() -> None:
    house = talking()
    house.wait(100)
    house.call("c2", "help")
    house.leave("c2")
    house.call("c3")
    house.hand_on("c1", "ann", queue="help")
    house.wait(20)
    assert house.rung("c1") == "ann"
    assert house.rung("c3") == ""


def test_her_segment_ends_as_transferred_and_her_wrap_up_begins() -> None:
    house = talking("ben")
    events_before = len(house.journal)
    house.hand_on("c1", "ann", queue="help")
    said = house.journal[events_before:]
    ended_one = one(said, e.SegmentEnded)
    assert (ended_one.agent, ended_one.termination.reason) == ("ann", Reason.TRANSFERRED)
    assert one(said, e.WrapUpStarted).agent == "ann"
    moved = one(said, e.ContactTransferred)
    assert said.index(moved) < said.index(ended_one) < said.index(one(said, e.ContactQueued))


def test_a_transfer_to_an_agent_rings_her_alone() -> None:
    house = talking("ben", "cat")
    assert house.hand_on("c1", "ann", to="cat").accepted
    assert house.rung("c1") == "cat"
    house.accept("c1")
    assert house.contact("c1").visits == 2
    check(house.control)


def test_a_busy_agent_gets_who_was_handed_to_her_as_soon_as_she_is_free() -> None:
    house = talking("ben")
    house.call("c2")
    house.accept("c2")
    house.hand_on("c1", "ann", to="ben")
    assert house.rung("c1") == ""
    house.hang_up("c2")
    house.end_wrap_up("ben")
    assert house.rung("c1") == "ben"


def test_who_is_not_taken_by_the_target_goes_to_everybody_and_never_nowhere() -> None:
    house = talking("ben", "cat")
    house.hand_on("c1", "ann", to="cat")
    house.report("c1", c.OfferOutcome.EXPIRED)
    assert house.rung("c1") == "ben"


def test_the_one_who_handed_it_on_is_asked_last() -> None:
    house = House().open(
        center(agent("ann", english=5), agent("ben", english=3), queues=(queue(wrap_up_seconds=0),))
    )
    house.call("c1")
    assert house.rung("c1") == "ann"
    house.accept("c1")
    house.hand_on("c1", "ann", queue="sales")
    assert house.rung("c1") == "ben"


def test_a_refused_transfer_changes_nothing() -> None:
    house = talking("ben")
    house.presence("ben", Presence.NOT_READY, "lunch")
    refusals = {
        "talk": house.hand_on("c1", "ben", queue="help"),
        "no queue": house.hand_on("c1", "ann", queue="nowhere"),
        "no agent": house.hand_on("c1", "ann", to="nobody"),
        "already": house.hand_on("c1", "ann", to="ann"),
        "on duty": house.hand_on("c1", "ann", to="ben"),
        "both": house.hand_on("c1", "ann", queue="help", to="ben"),
        "needs a queue or an agent": house.hand_on("c1", "ann"),
    }
    for words, answer in refusals.items():
        assert not answer.accepted
        assert words in answer.reason
    assert house.contact("c1").segment
    assert not house.all(e.ContactTransferred)


def test_a_full_queue_takes_nobody_who_is_handed_on() -> None:
    house = talking()
    house.call("c2", "help")
    answer = house.hand_on("c1", "ann", queue="help")
    assert (answer.accepted, answer.reason) == (False, "queue 'help' takes nobody now: it is full")


def test_an_agent_may_act_on_her_own_call_only() -> None:
    house = talking("ben")
    assert house.act("c1", "ann", CallAct.HOLD).accepted
    asked = one(house.journal, e.CallActAsked)
    assert (asked.agent, asked.act) == ("ann", CallAct.HOLD)
    assert asked.act_before > asked.at
    assert not house.act("c1", "ben", CallAct.HANG_UP).accepted
    assert not house.act("c9", "ann", CallAct.HANG_UP).accepted


def test_whose_phone_vanished_in_a_call_is_not_ready_and_her_caller_waits_in_her_place() -> None:
    house = talking("ben")
    segment = house.contact("c1").segment
    house.presence("ben", Presence.NOT_READY, "lunch")
    house.tell(
        c.SegmentEndReported(
            contact=ContactId("c1"),
            segment=SegmentId(segment),
            agent=AgentId("ann"),
            termination=ended(Reason.AGENT_VANISHED),
        )
    )
    house.call("c2")
    house.enqueue("c1", priority=10, again=True)
    house.end_wrap_up("ann")
    ann = house.agent("ann")
    assert (ann.presence, ann.reason) == (Presence.NOT_READY, "phone-lost")
    house.presence("ben", Presence.READY)
    assert house.rung("c1") == "ben"
    assert len(only(house.journal, e.SegmentEnded)) == 1


def test_a_free_colleague_picks_up_what_rings_at_another() -> None:
    house = House().open(center(agent("ann", english=5), agent("ben", english=3), queues=QUEUES))
    house.call("c1")
    assert house.rung("c1") == "ann"
    assert house.pick_up("c1", "ben").accepted
    assert house.rung("c1") == "ben"
    assert house.agent("ann").presence is Presence.READY, "she bears nothing"
    house.accept("c1")
    check(house.control)


def test_who_picked_up_for_whom_is_written_down() -> None:
    house = House().open(center(agent("ann", english=5), agent("ben", english=3), queues=QUEUES))
    house.call("c1")
    house.pick_up("c1", "ben")
    assert one(house.journal, e.ContactAssigned).by == "ben"
    house.request(c.PickUpRequested(contact=ContactId("c1"), agent=AgentId("ann"), by="sue"))
    assert house.all(e.ContactAssigned)[-1].by == "sue"


def test_nobody_hands_a_caller_to_an_agent_who_must_not_have_her() -> None:
    house = House().open(center(agent("ann", english=5), agent("ben", english=3), queues=QUEUES))
    house.call("c1", excluded=(AgentId("ben"),))
    house.accept("c1")
    assert (
        house.hand_on("c1", "ann", to="ben").reason == "agent 'ben' is excluded from contact 'c1'"
    )


def test_who_is_just_able_picks_up() -> None:
    house = House().open(center(agent("ann", english=5), agent("ben", english=1), queues=QUEUES))
    house.call("c1")
    assert house.pick_up("c1", "ben").accepted


def test_nobody_hands_a_caller_to_an_agent_who_takes_no_calls() -> None:
    writes = member("ben", {"capacity": {Channel.VOICE: 0}}, english=3)
    house = House().open(center(agent("ann", english=5), writes, queues=QUEUES))
    house.call("c1")
    house.accept("c1")
    assert house.hand_on("c1", "ann", to="ben").reason == "agent 'ben' takes no voice"


def test_who_is_busy_cannot_do_it_or_is_away_picks_up_nothing() -> None:
    people = [
        agent("ann", english=5),
        agent("ben"),
        agent("cat", english=2),
        agent("dan", english=1),
    ]
    house = House().open(center(*people, queues=QUEUES))
    house.presence("dan", Presence.NOT_READY, "lunch")
    house.call("c0")
    house.accept("c0")
    house.call("c1")
    refusals = {
        "cannot do": house.pick_up("c1", "ben"),
        "at work": house.pick_up("c1", house.all(e.SegmentStarted)[0].agent),
        "not on duty": house.pick_up("c1", "dan"),
        "no contact": house.pick_up("c9", "cat"),
        "does not wait": house.pick_up("c0", "cat"),
    }
    for words, answered in refusals.items():
        assert not answered.accepted
        assert words in answered.reason
    check(house.control)


def test_whoever_she_is_handed_to_is_waited_for_alone_for_a_minute() -> None:
    house = talking("ben")
    house.presence("ben", Presence.NOT_READY)
    assert house.hand_on("c1", "ann", to="ben").accepted
    assert one(house.journal, e.ContactAssigned).until == house.now + 60 * SECOND
