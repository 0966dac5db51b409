"""The wall's counters: what each ending counts as, and that nothing is ever counted twice."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import (
    Agent,
    AgentChoice,
    Center,
    Channel,
    ContactChoice,
    Plan,
    PlanStep,
    Queue,
)
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    HOUR,
    MINUTE,
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
)
from callcenter.records.day import as_time
from callcenter.records.live import LiveState
from callcenter.records.live_state import Stage
from callcenter.records.screens import agent_rows, queue_tiles, waiting_rows
from callcenter.records.visits import Outcome, Visit
from tests.control.house import House, agent, center, queue

SALES = QueueId("sales")
NOON: Micros = 1_800_014_400 * SECOND
"""2027-01-15 12:00 UTC"""


def fold(events: list[e.Event], live: LiveState | None = None) -> tuple[LiveState, list[Visit]]:
    live = live or LiveState()
    visits = [visit for event in events if (visit := live.apply(event)) is not None]
    return live, visits


def equation_holds(live: LiveState) -> None:
    """offered = answered + abandoned + flowed out + callbacks + waiting, per queue and channel."""
    for queue_id, state in live.data.queues.items():
        for channel, counters in state.today.items():
            waiting = sum(c.channel is channel for c in live.in_queue.get(queue_id, {}).values())
            assert counters.offered == counters.left + waiting, (queue_id, channel, counters)


def a_queue(**settings: object) -> Queue:
    return Queue(id=SALES, title="Sales", skills={"sales": 2}, **settings)  # type: ignore[arg-type]


def opened(at: Micros = NOON, **settings: object) -> LiveState:
    people = (
        Agent(id=AgentId("ann"), name="Ann", skills={"sales": 4}),
        Agent(id=AgentId("ben"), name="Ben", skills={"sales": 1}),
    )
    config = Center(queues=(a_queue(**settings),), agents=people)
    live, _ = fold([e.ConfigurationChanged(at=at, center=config, version="1", by="t")])
    return live


def queued(
    contact: str, at: Micros, visit: int = 1, priority: int = 5, channel: Channel = Channel.VOICE
) -> list[e.Event]:
    name = ContactId(contact)
    arrived = e.ContactArrived(
        at=at, contact=name, channel=channel, frontend=FrontendId("f1"), dialled="100"
    )
    waits = e.ContactQueued(
        at=at,
        contact=name,
        queue=SALES,
        channel=channel,
        visit=visit,
        priority=priority,
        since=at,
        expires=at + HOUR,
    )
    return [arrived, waits] if visit == 1 else [waits]


def answered(contact: str, at: Micros, waited: Micros, visit: int = 1) -> e.SegmentStarted:
    return e.SegmentStarted(
        at=at,
        segment=SegmentId(f"s-{contact}"),
        contact=ContactId(contact),
        agent=AgentId("ann"),
        queue=SALES,
        channel=Channel.VOICE,
        visit=visit,
        waited=waited,
    )


def gone(contact: str, at: Micros, reason: Reason, waited: Micros = 0) -> e.ContactEnded:
    return e.ContactEnded(
        at=at,
        contact=ContactId(contact),
        channel=Channel.VOICE,
        termination=ended(reason),
        queue=SALES,
        visit=1,
        waited=waited,
    )


def test_an_answer_within_the_target_counts_as_answered_in_target() -> None:
    live = opened()
    _, visits = fold([*queued("c1", NOON), answered("c1", NOON + 20 * SECOND, 20 * SECOND)], live)
    counts = live.today(SALES)
    assert (counts.offered, counts.answered, counts.answered_in_target) == (1, 1, 1)
    assert visits[0].outcome is Outcome.ANSWERED
    assert visits[0].agent == "ann"


def test_an_answer_after_the_target_is_not_in_target() -> None:
    live = opened()
    fold([*queued("c1", NOON), answered("c1", NOON + 21 * SECOND, 21 * SECOND)], live)
    assert live.today(SALES).answered_in_target == 0


def test_a_caller_who_leaves_at_once_is_a_short_abandon() -> None:
    live = opened()
    left = gone("c1", NOON + 3 * SECOND, Reason.CALLER_LEFT_IN_QUEUE, 3 * SECOND)
    fold([*queued("c1", NOON), left], live)
    counts = live.today(SALES)
    assert (counts.abandoned, counts.short_abandoned, counts.lost) == (1, 1, 0)


def test_a_caller_who_hangs_up_as_the_agent_answers_but_is_not_connected_abandoned() -> None:
    live = opened()
    fold([*queued("c1", NOON), gone("c1", NOON + MINUTE, Reason.CALLER_HUNG_UP, MINUTE)], live)
    counts = live.today(SALES)
    assert (counts.abandoned, counts.flowed_out, counts.lost) == (1, 0, 0)


def test_a_visit_that_a_failure_of_ours_ended_is_abandoned_and_lost_and_never_short() -> None:
    live = opened()
    fold([*queued("c1", NOON), gone("c1", NOON + SECOND, Reason.OWNER_LOST)], live)
    counts = live.today(SALES)
    assert (counts.abandoned, counts.short_abandoned, counts.lost) == (1, 0, 1)


def test_a_wait_that_ran_out_flowed_out() -> None:
    live = opened()
    timeout = e.ContactDequeued(
        at=NOON + HOUR,
        contact=ContactId("c1"),
        queue=SALES,
        visit=1,
        exit=QueueExit.TIMEOUT,
        waited=HOUR,
    )
    fold([*queued("c1", NOON), timeout], live)
    assert live.today(SALES).flowed_out == 1
    assert live.data.contacts[ContactId("c1")].stage is Stage.FLOW


def test_a_second_end_of_the_same_visit_changes_nothing() -> None:
    live = opened()
    end = gone("c1", NOON + 9 * SECOND, Reason.CALLER_LEFT_IN_QUEUE, 9 * SECOND)
    fold([*queued("c1", NOON), end, end], live)
    assert live.today(SALES).abandoned == 1
    equation_holds(live)


def test_a_contact_queued_again_without_leaving_flowed_out_of_its_first_visit() -> None:
    live = opened()
    fold([*queued("c1", NOON), *queued("c1", NOON + SECOND, visit=2)], live)
    counts = live.today(SALES)
    assert (counts.offered, counts.flowed_out) == (2, 1)
    equation_holds(live)


def test_who_waits_is_ordered_by_priority_and_then_by_time() -> None:
    live = opened()
    early, late, urgent = queued("c1", NOON), queued("c2", NOON + SECOND), queued("c3", NOON, 1, 9)
    fold([*late, *early, *urgent], live)
    rows = waiting_rows(live, {})
    assert [(r.contact, r.position) for r in rows] == [("c3", 1), ("c1", 2), ("c2", 3)]


def test_an_offered_contact_keeps_its_place_and_shows_who_rings() -> None:
    live = opened()
    offer = e.OfferMade(
        at=NOON + SECOND,
        offer=OfferId("o1"),
        contact=ContactId("c1"),
        queue=SALES,
        channel=Channel.VOICE,
        agent=AgentId("ann"),
        frontend=FrontendId("f1"),
        ring_seconds=20,
        act_before=NOON + 5 * SECOND,
    )
    fold([*queued("c1", NOON), *queued("c2", NOON + 1), offer], live)
    first = waiting_rows(live, {})[0]
    assert (first.contact, first.state, first.agent) == ("c1", "ringing", "ann")
    expired = e.OfferExpired(
        at=NOON + 21 * SECOND,
        offer=OfferId("o1"),
        contact=ContactId("c1"),
        agent=AgentId("ann"),
    )
    fold([expired], live)
    first = waiting_rows(live, {})[0]
    assert (first.contact, first.state, first.agent) == ("c1", "waiting", "")
    assert live.data.agents[AgentId("ann")].today.missed == 1


def rung(offer: str, agent: str, at: Micros, contact: str = "c1") -> e.OfferMade:
    return e.OfferMade(
        at=at,
        offer=OfferId(offer),
        contact=ContactId(contact),
        queue=SALES,
        channel=Channel.VOICE,
        agent=AgentId(agent),
        frontend=FrontendId("f1"),
        ring_seconds=20,
        act_before=at + 5 * SECOND,
    )


def rings_no_more(offer: str, agent: str, at: Micros) -> e.OfferRescinded:
    return e.OfferRescinded(
        at=at, offer=OfferId(offer), contact=ContactId("c1"), agent=AgentId(agent), reason="test"
    )


def test_a_contact_that_rings_at_several_rings_until_the_last_of_them_stops() -> None:
    live = opened()
    at = NOON + SECOND
    fold([*queued("c1", NOON), rung("o1", "ann", at), rung("o2", "ben", at)], live)
    first = waiting_rows(live, {})[0]
    assert (first.state, first.agent, first.also) == ("ringing", "ann", ["ben"])
    assert queue_tiles(live, at)[0].ringing == 1, "one contact rings, at two phones"
    fold([rings_no_more("o1", "ann", at)], live)
    first = waiting_rows(live, {})[0]
    assert (first.state, first.agent, first.also) == ("ringing", "ben", [])
    fold([rung("o3", "ann", at), rings_no_more("o3", "ann", at)], live)
    first = waiting_rows(live, {})[0]
    assert (first.state, first.agent, first.also) == ("ringing", "ben", [])
    fold([rings_no_more("o2", "ben", at)], live)
    first = waiting_rows(live, {})[0]
    assert (first.state, first.agent, first.also) == ("waiting", "", [])


def test_whom_another_was_faster_than_has_missed_nothing() -> None:
    house = House().open(
        center(
            agent("ann", english=5),
            agent("ben", english=5),
            queues=(queue("sales", agent_choice=AgentChoice.RING_ALL),),
        )
    )
    house.call("c1")
    house.accept("c1")
    live, visits = fold(house.journal)
    (visit,) = visits
    beaten = AgentId("ben" if visit.agent == "ann" else "ann")
    day = live.data.agents[beaten].today
    assert (day.missed, day.declined, live.data.agents[beaten].offers) == (0, 0, {})
    assert live.data.agents[beaten].presence is Presence.READY
    equation_holds(live)


def estimated(
    contact: str, at: int, position: int, spans: tuple[int, int] | None
) -> e.WaitEstimated:
    expected, promised = spans or (None, None)
    return e.WaitEstimated(
        at=at,
        contact=ContactId(contact),
        queue=SALES,
        position=position,
        expected=expected,
        promised=promised,
    )


def test_what_was_told_of_a_wait_stands_in_its_row_until_it_is_old() -> None:
    live = opened()
    told = estimated("c1", NOON + SECOND, 2, (40 * SECOND, 70 * SECOND))
    fold([*queued("c1", NOON), *queued("c2", NOON), told], live)
    first, second = waiting_rows(live, {}, NOON + 30 * SECOND)
    assert (first.place, second.place) == (2, None)
    assert first.expected_at == as_time(NOON + 41 * SECOND)
    assert first.promised_at == as_time(NOON + 71 * SECOND)
    late = waiting_rows(live, {}, NOON + SECOND + e.ESTIMATE_GOOD_FOR + 1)[0]
    assert (late.place, late.expected_at) == (None, None)


def test_a_place_may_be_known_without_a_wait_and_a_new_visit_knows_neither() -> None:
    live = opened()
    fold([*queued("c1", NOON), estimated("c1", NOON, 3, None)], live)
    row = waiting_rows(live, {})[0]
    assert (row.place, row.expected_at, row.promised_at) == (3, None, None)
    fold([*queued("c1", NOON + SECOND, visit=2)], live)
    assert waiting_rows(live, {})[0].place is None


def test_a_queue_tells_what_somebody_who_comes_now_has_to_expect() -> None:
    live = opened()
    told = e.QueueEstimated(at=NOON, queue=SALES, expected=80 * SECOND, promised=125_400_000)
    fold([told], live)
    tile = queue_tiles(live, NOON + MINUTE)[0]
    assert (tile.expected_wait_seconds, tile.promised_wait_seconds) == (80, 125)
    fold([e.QueueEstimated(at=NOON + SECOND, queue=SALES)], live)
    assert queue_tiles(live, NOON + MINUTE)[0].promised_wait_seconds is None
    fold([msgspec.structs.replace(told, at=NOON + 2 * SECOND)], live)
    assert queue_tiles(live, NOON + 2 * MINUTE)[0].promised_wait_seconds is None, "nobody looks"


def test_counters_begin_anew_at_local_midnight_and_take_the_waiting_with_them() -> None:
    live = opened(timezone="Asia/Kolkata")
    before = 18 * HOUR + 29 * MINUTE - 12 * HOUR
    fold([*queued("c1", NOON), answered("c1", NOON, 1), *queued("c2", NOON + before)], live)
    assert live.today(SALES).offered == 2
    live.roll(NOON + before + 2 * MINUTE)
    counts = live.today(SALES)
    assert (counts.offered, counts.answered) == (1, 0)
    equation_holds(live)
    was = live.data.queues[SALES].before[Channel.VOICE]
    assert (was.offered, was.answered) == (1, 1)


def test_a_state_restored_from_a_snapshot_counts_on() -> None:
    live = opened()
    fold([*queued("c1", NOON), *queued("c2", NOON)], live)
    again = LiveState.restore(live.snapshot())
    fold([answered("c1", NOON + SECOND, SECOND)], live)
    fold([answered("c1", NOON + SECOND, SECOND)], again)
    assert msgspec.to_builtins(again.data) == msgspec.to_builtins(live.data)
    assert again.waiting(SALES)[0].id == "c2"


def test_occupancy_counts_ready_and_work_but_no_pause() -> None:
    live = opened()
    ann = AgentId("ann")
    minute = MINUTE
    steps = [
        (Presence.READY, Presence.NOT_READY, 10 * minute),
        (Presence.RESERVED, Presence.READY, 10 * minute),
        (Presence.TALKING, Presence.RESERVED, minute),
        (Presence.WRAP_UP, Presence.TALKING, 20 * minute),
    ]
    at = NOON
    for presence, previous, lasted in steps:
        at += lasted
        event = e.PresenceChanged(
            at=at, agent=ann, presence=presence, previous=previous, lasted=lasted
        )
        fold([event], live)
    at += 10 * minute
    row = agent_rows(live, at)[0]
    assert row.occupancy == 0.75
    assert queue_tiles(live, at)[0].occupancy == 0.75


def test_the_tile_counts_only_agents_able_to_serve_the_queue() -> None:
    live = opened()
    for name in ("ann", "ben"):
        ready = e.PresenceChanged(at=NOON, agent=AgentId(name), presence=Presence.READY)
        heard = e.AgentReachable(at=NOON, agent=AgentId(name), frontend=FrontendId("f1"))
        fold([ready, heard], live)
    agents = queue_tiles(live, NOON)[0].agents
    assert (agents["ready"], agents["available"]) == (1, 1)


def test_a_disposition_given_while_talking_is_still_there_in_wrap_up() -> None:
    live = opened()
    filed = e.DispositionSet(
        at=NOON + 2 * SECOND,
        segment=SegmentId("s-c1"),
        contact=ContactId("c1"),
        agent=AgentId("ann"),
        disposition="resolved",
    )
    over = e.SegmentEnded(
        at=NOON + 9 * SECOND,
        segment=SegmentId("s-c1"),
        contact=ContactId("c1"),
        agent=AgentId("ann"),
        queue=SALES,
        channel=Channel.VOICE,
        termination=ended(Reason.CALLER_HUNG_UP),
        talked=8 * SECOND,
    )
    wraps = e.WrapUpStarted(
        at=NOON + 9 * SECOND,
        segment=SegmentId("s-c1"),
        contact=ContactId("c1"),
        agent=AgentId("ann"),
        queue=SALES,
        until=NOON + 39 * SECOND,
    )
    fold([*queued("c1", NOON), answered("c1", NOON + 1, 1), filed, over, wraps], live)
    last = live.data.agents[AgentId("ann")].last
    assert last is not None
    assert (last.disposition, last.until) == ("resolved", NOON + 39 * SECOND)


OTHER = QueueId("other")


def moved(contact: str, at: Micros, waited: Micros, by: str = "", visit: int = 2) -> e.ContactMoved:
    return e.ContactMoved(
        at=at,
        contact=ContactId(contact),
        channel=Channel.VOICE,
        left=SALES,
        left_visit=visit - 1,
        waited=waited,
        queue=OTHER,
        visit=visit,
        skills={"help": 1},
        priority=5,
        since=at - waited,
        expires=at + HOUR,
        by=by,
    )


def test_overflow_flows_out_of_one_queue_and_is_offered_in_the_next() -> None:
    live = opened()
    _, visits = fold([*queued("c1", NOON), moved("c1", NOON + 30 * SECOND, 30 * SECOND)], live)
    left, came = live.today(SALES), live.today(OTHER)
    assert (left.offered, left.flowed_out, left.abandoned) == (1, 1, 0)
    assert (came.offered, came.left, len(live.waiting(OTHER))) == (1, 0, 1)
    assert (visits[0].queue, visits[0].visit, visits[0].waited) == (SALES, 1, 30 * SECOND)
    assert (visits[0].outcome, visits[0].reason) == (Outcome.FLOWED_OUT, "overflow")
    equation_holds(live)


def test_who_was_moved_waits_there_as_long_as_she_has_waited() -> None:
    live = opened()
    here = [*queued("c1", NOON), moved("c1", NOON + 30 * SECOND, 30 * SECOND, by="sue")]
    fold([*queued("c2", NOON + SECOND), *here], live)
    fold([moved("c2", NOON + 40 * SECOND, 39 * SECOND)], live)
    rows = waiting_rows(live, {})
    assert [(r.contact, r.queue, r.position) for r in rows] == [("c1", OTHER, 1), ("c2", OTHER, 2)]
    assert rows[0].skills == {"help": 1}
    assert live.waiting(OTHER)[0].since == NOON
    _, visits = fold([answered("c1", NOON + 50 * SECOND, 50 * SECOND, visit=2)], live)
    assert (visits[0].queue, visits[0].waited) == (OTHER, 50 * SECOND)


def test_a_visit_moved_by_hand_says_so() -> None:
    _, visits = fold([*queued("c1", NOON), moved("c1", NOON + 1, 1, by="sue")], opened())
    assert visits[0].reason == "moved"


def test_a_move_of_somebody_who_does_not_wait_counts_nothing() -> None:
    live = opened()
    fold([*queued("c1", NOON), answered("c1", NOON + 1, 1), moved("c1", NOON + 2, 2)], live)
    fold([moved("nobody", NOON + 2, 2)], live)
    assert live.today(OTHER).offered == 0
    equation_holds(live)


def test_a_priority_given_by_hand_moves_the_line() -> None:
    live = opened()
    first = e.PriorityChanged(
        at=NOON + 9 * SECOND, contact=ContactId("c2"), queue=SALES, priority=6, by="sue"
    )
    fold([*queued("c1", NOON), *queued("c2", NOON + SECOND), first], live)
    rows = waiting_rows(live, {})
    assert [(r.contact, r.priority) for r in rows] == [("c2", 6), ("c1", 5)]


def test_a_wider_ring_shows_what_is_needed_now_and_the_new_place() -> None:
    live = opened()
    widened = e.RingWidened(
        at=NOON + 10 * SECOND,
        contact=ContactId("c2"),
        queue=SALES,
        after_seconds=10,
        skills={"sales": 1},
        priority=7,
    )
    fold([*queued("c1", NOON), *queued("c2", NOON + SECOND), widened], live)
    first = waiting_rows(live, {})[0]
    assert (first.contact, first.priority, first.skills) == ("c2", 7, {"sales": 1})


# --- whatever happens, the equation holds -------------------------------------------------------

ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ("call", "accept", "decline", "busy", "expire", "hang_up", "leave", "wait", "wrap",
             "lose", "again", "midnight", "move", "rank")
        ),
        st.integers(0, 7),
    ),
    max_size=60,
)  # fmt: skip


def act(house: House, what: str, number: int) -> None:
    """One thing that people or machines do; impossible ones do nothing."""
    contacts = list(house.control.state.contacts)
    contact = contacts[number % len(contacts)] if contacts else ContactId("")
    if what == "call":
        channel = Channel.EMAIL if number == 7 else Channel.VOICE
        house.call(f"c{len(house.commands)}", "sales" if number % 2 else "help", channel)
    elif what == "wait":
        house.wait(number * 40)
    elif what == "midnight":
        house.wait(number * 7200)
    elif what == "wrap":
        house.end_wrap_up("ann" if number % 2 else "ben")
    elif what == "lose":
        house.lose()
        house.start(contacts=tuple(contacts[: number % 3]), agents=("ann", "ben"), epoch=number + 2)
    elif not contacts:
        return
    elif what == "hang_up":
        house.hang_up(contact)
    elif what == "leave":
        house.leave(contact)
    elif what == "again":
        house.enqueue(contact, "help")
    elif what == "rank":
        house.prioritise(contact, number)
    elif what == "move":
        house.move(contact, "help" if number % 2 else "sales")
    elif house.offer_of(contact) is not None:
        house.report(
            contact,
            {
                "accept": OfferOutcome.ACCEPTED,
                "decline": OfferOutcome.DECLINED,
                "busy": OfferOutcome.BUSY,
                "expire": OfferOutcome.EXPIRED,
            }[what],
        )


@given(ACTS)
@settings(max_examples=120, deadline=None)
def test_the_equation_holds_after_every_event_of_any_day(acts: list[tuple[str, int]]) -> None:
    steps = (
        PlanStep(after_seconds=30, raise_priority=1),
        PlanStep(after_seconds=90, queue=QueueId("help")),
    )
    queues = (
        queue("sales", plan=Plan(steps=steps), agent_choice=AgentChoice.RING_ALL, ring_width=2),
        queue("help", timezone="Asia/Kolkata", waiting_max=3),
    )
    house = House().open(center(agent("ann", english=5), agent("ben", english=5), queues=queues))
    for what, number in acts:
        act(house, what, number)
    live, visits = LiveState(), 0
    for event in house.journal:
        visits += live.apply(event) is not None
        equation_holds(live)
    state = house.control.state
    assert set(live.data.contacts) == set(state.contacts)
    for contact in state.contacts.values():
        assert (live.data.contacts[contact.id].stage in ("waiting", "ringing")) == (
            contact.stage in ("waiting", "offered")
        )
        if contact.stage in ("waiting", "offered"):
            seen = live.data.contacts[contact.id]
            assert (seen.queue, seen.visit) == (contact.queue, contact.visits)
            assert (seen.since, seen.key) == (contact.since, contact.key)
            assert {*seen.also, *([seen.offer] if seen.offer else [])} == set(contact.live)
    begun = sum(isinstance(event, e.ContactQueued | e.ContactMoved) for event in house.journal)
    assert visits == begun - sum(len(waiting) for waiting in live.in_queue.values())


@given(st.lists(st.sampled_from(range(6)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_events_in_no_order_at_all_never_break_the_wall(order: list[int]) -> None:
    live = opened()
    stock: list[e.Event] = [
        *queued("c1", NOON),
        answered("c1", NOON + SECOND, SECOND),
        gone("c1", NOON + 2 * SECOND, Reason.CALLER_LEFT_IN_QUEUE),
        *queued("c1", NOON, visit=2),
        e.Held(at=NOON, contact=ContactId("nobody"), agent=AgentId("ann")),
    ]
    for number in order:
        live.apply(stock[number])
        equation_holds(live)
    queue_tiles(live, NOON)
    agent_rows(live, NOON)


def test_the_line_stands_as_the_center_compares_contacts() -> None:
    ageing = center(queues=(queue(ageing_seconds=60),))
    strict = msgspec.structs.replace(ageing, contact_choice=ContactChoice.STRICT)
    house = House().open(strict)
    house.call("c1", priority=5)
    house.wait(90)
    house.call("c2", priority=6)
    live, _ = fold(house.journal)
    assert [c.id for c in live.waiting(SALES)] == ["c2", "c1"], "urgent, however late it came"
    fold(house.configure(ageing, "2"), live)
    assert [c.id for c in live.waiting(SALES)] == ["c1", "c2"]
    fold(house.configure(strict, "3"), live)
    assert [c.id for c in live.waiting(SALES)] == ["c2", "c1"]


def test_equals_stand_on_the_wall_in_the_order_in_which_they_will_be_answered() -> None:
    house = House().open(center(agent("ann"), queues=(queue(),)))
    house.call("c0")
    for name in ("z", "m", "a"):
        house.call(name)
    live, _ = fold(house.journal)
    assert [contact.id for contact in live.waiting(SALES)] == ["c0", "z", "m", "a"]
    house.hang_up("c0")
    assert house.rung("z") == "ann"


def test_a_removed_queue_takes_what_was_done_to_it_by_hand_along() -> None:
    both = center(agent("ann"), queues=(queue("sales"), queue("help")))
    house = House().open(both)
    house.request(c.QueueCloseRequested(queue=QueueId("help"), by="sue"))
    house.request(c.AnnouncementRequested(queue=QueueId("help"), announcement="storm"))
    house.request(c.AnnouncementRequested(announcement="fire"))
    house.configure(center(agent("ann"), queues=(queue("sales"),)), "2")
    house.configure(both, "3")
    live, _ = fold(house.journal)
    assert live.data.doors == {}
    assert list(live.data.announcements) == [""]
