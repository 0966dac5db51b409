"""A batch decided again tells why, and says whether it is the one in the journal."""

from __future__ import annotations

from callcenter.control.center import ENGINE
from callcenter.control.explained import Explaining, Redecided, Refusal, redecide
from callcenter.control.why import LINE_MAX, Desk, Lens, Waiting, in_hand
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Calendar, Center, Channel, Period, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import DAY, SECOND, AgentId, CommandId, ContactId, QueueId
from callcenter.domain.why import Obstacle, Rule
from tests.control.house import START, House, agent, center, member, queue

C1, ANN, BEN = ContactId("c1"), AgentId("ann"), AgentId("ben")


def asked(contact: str = "c1", queue: str = "sales") -> c.QueueRequested:
    return c.QueueRequested(contact=ContactId(contact), queue=QueueId(queue))


def batch(house: House, events: list[e.Event], engine: str = ENGINE) -> e.Batch:
    return e.Batch(
        seq=1, epoch=1, at=house.now, cursor="", marks={}, inputs=(e.Input(house.now),),
        engine=engine, configuration="1", events=tuple(events),
    )  # fmt: skip


def again(
    house: House, command: c.Command, contact: ContactId = C1, engine: str = ENGINE
) -> Redecided | None:
    """Decide a command, and then the same once more from what was before it."""
    before = house.control.snapshot()
    made = batch(house, house.tell(command), engine)
    return redecide(before, made, [("", command)], contact)


def looked(house: House, contact: str = "c1") -> Waiting:
    found = Lens(house.control.world, house.now).waiting(house.contact(contact))
    assert found is not None
    return found


def desk(house: House, name: str = "ann") -> Desk:
    return Lens(house.control.world, house.now).desk(house.agent(name))


# --- a batch decided again


def test_the_same_events_come_out_and_each_offer_has_its_reason() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.arrive("c1")
    found = again(house, asked())
    assert found is not None
    assert found.same
    (choice,) = found.choices.values()
    assert (choice.contact, choice.agent, choice.runner_up) == ("c1", "ann", "ben")
    assert found.refusals == {}


def test_only_the_contact_asked_about_is_looked_at() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.arrive("c1")
    found = again(house, asked(), ContactId("other"))
    assert found == Redecided(same=True)


def test_what_another_engine_decided_is_not_decided_again() -> None:
    house = House().open(center(agent("ann")))
    house.arrive("c1")
    assert again(house, asked(), engine="0") is None


def test_a_batch_that_the_journal_has_otherwise_is_told_apart() -> None:
    house = House().open(center(agent("ann")))
    house.arrive("c1")
    before = house.control.snapshot()
    house.tell(asked())
    found = redecide(before, batch(house, []), [("", asked())])
    assert found is not None
    assert not found.same
    assert len(found.choices) == 1


def test_a_batch_whose_command_is_missing_cannot_be_the_same() -> None:
    house = House().open(center(agent("ann")))
    house.arrive("c1")
    before = house.control.snapshot()
    found = redecide(before, batch(house, house.tell(asked())), [])
    assert found == Redecided(same=False)


# --- refusals


def refused(house: House) -> Refusal:
    house.arrive("late")
    found = again(house, asked("late"), ContactId("late"))
    assert found is not None
    return found.refusals[ContactId("late")]


def test_a_full_queue_tells_how_many_wait_and_may() -> None:
    house = House().open(center(queues=(queue(waiting_max=2),)))
    house.call("c1")
    house.call("c2")
    found = refused(house)
    assert found == Refusal(contact=ContactId("late"), exit=e.QueueExit.FULL, waiting=2, most=2)


def test_a_queue_closed_by_hand_is_told_apart_from_one_closed_by_its_calendar() -> None:
    never = Calendar(name="k", periods=(Period(weekday=0, opens=0, closes=1),))
    house = House().open(Center(queues=(queue(calendar="k"),), calendars=(never,)))
    found = refused(house)
    assert (found.exit, found.by_hand, found.waiting) == (e.QueueExit.CLOSED, False, 0)
    assert START < found.opens < START + 8 * DAY
    house.hang_up("late")
    house.request(c.QueueCloseRequested(queue=QueueId("sales")))
    assert refused(house).by_hand


def test_a_queue_without_a_calendar_opens_at_no_time_and_an_unknown_one_is_none() -> None:
    house = House().open(center())
    house.request(c.QueueCloseRequested(queue=QueueId("sales")))
    found = refused(house)
    assert (found.by_hand, found.opens, found.known, found.most) == (True, 0, True, 1000)
    house.arrive("c1")
    unknown = again(house, asked(queue="zz"))
    assert unknown is not None
    found = unknown.refusals[C1]
    assert (found.known, found.most, found.opens) == (False, 0, 0)


# --- a contact that waits


def test_who_does_not_wait_has_no_reason_to() -> None:
    house = House().open(center())
    house.arrive("c1")
    assert Lens(house.control.world, house.now).waiting(house.contact("c1")) is None


def test_whose_owner_is_gone_waits_for_its_return_and_for_nothing_else() -> None:
    house = House().open(center(agent("ann"), queues=(queue(skills={"english": 9}),)))
    house.call("c1")
    house.lose()
    found = looked(house)
    until = house.now + 30 * SECOND
    assert [(one.why, one.until) for one in found.held_back] == [("owner_lost", until)]
    assert [(due.what, due.at) for due in found.next] == [("given_up", until)]


def test_a_failure_of_ours_is_told_as_rest_until_it_is_over() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.report("c1", OfferOutcome.FAILED)
    until = house.now + 2 * SECOND
    assert [(one.why, one.until) for one in looked(house).held_back] == [("resting", until)]
    assert ("retry", until) in [(due.what, due.at) for due in looked(house).next]
    house.now = until
    assert looked(house).held_back == ()
    assert "retry" not in [due.what for due in looked(house).next]


def test_a_contact_for_which_enough_phones_ring_is_held_back_by_them() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    assert [one.why for one in looked(house).held_back] == ["ringing"]
    line = queue(agent_choice=AgentChoice.RING_ALL, ring_width=2)
    house = House().open(center(agent("ann"), queues=(line,)))
    house.call("c1")
    assert looked(house).held_back == (), "a second phone may ring"
    house = House().open(center(queues=(line,)))
    house.call("c1")
    assert looked(house).held_back == ()


def test_ahead_are_those_with_a_better_place_that_the_same_people_could_take() -> None:
    queues = (queue(skills={"english": 3}), queue("other", skills={"french": 3}))
    house = House().open(
        center(agent("ann", english=5), agent("ben", french=5), queues=queues,
               skills=("english", "french")),
        ready=False,
    )  # fmt: skip
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.call("french", "other")
    house.call("first")
    house.call("mail", channel=Channel.EMAIL)
    house.call("c1")
    house.call("behind")
    assert [one.contact for one in looked(house).ahead] == ["first"]
    house.presence("ann", Presence.LOGGED_OUT)
    assert looked(house).ahead == (), "nobody is there to compete for"


def test_of_very_many_ahead_the_nearest_are_named_and_the_rest_counted() -> None:
    house = House().open(center(agent("ann", english=5)), ready=False)
    house.presence("ann", Presence.NOT_READY, "lunch")
    for number in range(LINE_MAX + 2):
        house.call(f"w{number:02}")
    house.call("c1")
    found = looked(house)
    assert [one.contact for one in found.ahead] == [f"w{n:02}" for n in range(LINE_MAX)]
    assert found.ahead_more == 2
    assert looked(house, f"w{LINE_MAX:02}").ahead_more == 0
    assert looked(house, "w03").ahead_more == 0
    hers = desk(house)
    assert (len(hers.line), hers.line_more, hers.others_more) == (LINE_MAX, 3, 0)


def test_those_behind_whom_an_agent_could_not_take_are_counted_apart() -> None:
    line = queue(skills={"english": 9})
    house = House().open(center(agent("ann"), queues=(line,)), ready=False)
    for number in range(LINE_MAX + 1):
        house.call(f"w{number:02}")
    found = desk(house)
    assert (found.line, found.line_more) == ((), 0)
    assert (len(found.others), found.others_more) == (LINE_MAX, 1)
    assert found.others[0].contact == "w00"
    assert Rule.LACKS in [one.rule for one in found.others[0].obstacles]


# --- what comes next


def next_of(house: House, contact: str = "c1") -> list[tuple[str, float]]:
    """What comes, and in how many seconds."""
    return [(due.what, (due.at - house.now) / SECOND) for due in looked(house, contact).next]


def test_what_comes_next_for_a_contact_is_told_in_order() -> None:
    plan = Plan(
        sticky_seconds=60,
        steps=(
            PlanStep(after_seconds=30, lower={"english": 2}, raise_priority=1),
            PlanStep(after_seconds=90, exit="timeout"),
        ),
    )
    line = queue(skills={"english": 5}, plan=plan, wait_seconds_max=600)
    people = (agent("ann", english=9), agent("ben", english=3))
    house = House().open(center(*people, queues=(line,)))
    house.call("busy")
    house.accept("busy")
    house.call("c1", agent=ANN)
    assert next_of(house) == [("step", 30), ("released", 60), ("leaves", 90), ("leaves", 600)]
    found = looked(house)
    step = found.next[0]
    assert (step.skills, step.priority, step.gains, step.gains_more) == (
        {"english": 2}, 6, ("ben",), 0,
    )  # fmt: skip
    assert [due.exit for due in found.next[2:]] == ["timeout", "timeout"]
    house.hang_up("busy")
    assert ("agent_free", 30) in next_of(house)
    due = next(due for due in looked(house).next if due.what == "agent_free")
    assert (due.agent, due.rule) == ("ann", "wrap_up")


def test_of_very_many_whom_a_step_brings_in_the_first_are_named() -> None:
    steps = (PlanStep(after_seconds=30, drop=("english",)),)
    line = queue(skills={"english": 5}, plan=Plan(steps=steps))
    house = House().open(center(*(agent(f"a{n:02}") for n in range(23)), queues=(line,)))
    house.call("c1")
    step = looked(house).next[0]
    assert (len(step.gains), step.gains_more) == (20, 3)
    assert [due.what for due in desk(house, "a00").next] == ["becomes_hers"]


def test_the_doors_of_a_queue_are_told_by_its_calendar_unless_they_are_in_somebodys_hand() -> None:
    hours = tuple(Period(weekday=day, opens=7 * 60, closes=9 * 60) for day in range(7))
    office = Calendar(name="office", periods=hours)
    center = Center(queues=(queue(calendar="office", wait_seconds_max=10),), calendars=(office,))
    house = House().open(center)
    house.call("c1")
    assert ("closes", 3600) in next_of(house), "it is eight"
    house.request(c.QueueOpenRequested(queue=QueueId("sales")))
    assert [what for what, _ in next_of(house)] == ["leaves"]
    house.hang_up("c1")
    house.now = START + 2 * 3600 * SECOND
    house.call("c1")
    house.request(c.QueueOpenRequested(queue=QueueId("sales"), follow_calendar=True))
    assert ("opens", 21 * 3600) in next_of(house)


def test_what_ends_by_itself_for_an_agent_is_told() -> None:
    people = (member("ann", {"occupancy_max": 50}), agent("ben"))
    house = House().open(center(*people))
    house.train("ann", "english", 5, expires=house.now + 40 * DAY)
    certificate = ("certificate", house.now + 10 * DAY)
    assert [(due.what, due.at) for due in desk(house).next] == [certificate]
    house.call("c1")
    assert [due.what for due in desk(house).next] == ["ring_ends", "certificate"]
    assert desk(house).next[0].at == house.now + 20 * SECOND
    assert desk(house).contact == "c1"
    house.wait(1)
    house.accept("c1")
    house.wait(100)
    house.hang_up("c1")
    wrap_up, last = desk(house).next
    assert (wrap_up.what, wrap_up.at, wrap_up.contact) == (
        "wrap_up_ends", house.now + 30 * SECOND, "c1",
    )  # fmt: skip
    assert last.what == "certificate"
    house.end_wrap_up("ann")
    rest = desk(house).next[0]
    assert (rest.what, rest.at) == ("rest_ends", house.agent("ann").rest_until)
    assert rest.at > house.now
    house.wait((rest.at - house.now) / SECOND)
    assert [due.what for due in desk(house).next] == ["certificate"]
    house.call("c2")
    house.report("c2", OfferOutcome.BUSY)
    assert ("pause_ends", house.now + 10 * SECOND) in [
        (due.what, due.at) for due in desk(house, "ben").next + desk(house).next
    ]


# --- choices


def test_one_who_did_not_take_it_before_comes_after_all_others() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    offer = house.offer_of("c1")
    assert offer is not None
    command = c.OfferReported(offer=offer.offer, contact=C1, agent=ANN, outcome=OfferOutcome.FAILED)
    house.tell(command)
    snapshot = house.control.snapshot()
    house.now += 2 * SECOND
    control = Explaining.restore(snapshot, epoch=1)
    control.look_at(C1)
    control.tick(house.now)
    (choice,) = control.seen.choices.values()
    assert choice.agent == "ben"
    assert [(one.agent, one.obstacles[0].rule) for one in choice.others] == [("ann", Rule.PASSED)]


def test_who_came_free_had_others_to_choose_from() -> None:
    house = House().open(center(agent("ann")), ready=False)
    for name in ("c1", "c2", "c3"):
        house.call(name)
    before = house.control.snapshot()
    command = c.PresenceRequested(agent=ANN, presence=Presence.READY, request=CommandId("r"))
    found = redecide(before, batch(house, house.tell(command)), [("", command)])
    assert found is not None
    (choice,) = found.choices.values()
    assert (choice.contact, choice.freed, choice.alone) == ("c1", True, False)
    assert (choice.instead, choice.instead_more) == (("c2", "c3"), 0)


def test_the_one_it_waited_for_alone_is_told_as_that() -> None:
    plan = Plan(sticky_seconds=60)
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(plan=plan),)))
    house.arrive("c1")
    command = c.QueueRequested(contact=C1, queue=QueueId("sales"), agent=BEN)
    found = again(house, command)
    assert found is not None
    (choice,) = found.choices.values()
    assert (choice.agent, choice.alone, choice.freed) == ("ben", True, False)
    assert choice.others[0].obstacles == (Obstacle(rule=Rule.WAITS_FOR_ANOTHER, agent=BEN),)


def test_an_agent_has_nothing_in_hand_while_nothing_is_in_it() -> None:
    house = House().open(center(agent("ann")))
    assert in_hand(house.agent("ann")) == ""
    assert desk(house).obstacles == ()


def test_one_that_explains_leads_nobody_unless_it_is_told_to() -> None:
    assert (Explaining().epoch, Explaining(epoch=3).epoch) == (0, 3)
