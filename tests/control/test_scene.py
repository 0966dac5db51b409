"""The scene from which one looks ahead: small houses, told to the microsecond."""

from __future__ import annotations

from callcenter.control.scene import CALLERS_MAX, Sketch, may, named, running, waiting_calls
from callcenter.domain.center import AgentChoice, Channel, ContactChoice, Plan, PlanStep
from callcenter.domain.commands import Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, QueueId
from callcenter.routing.lookahead import NEWCOMER, PATHS, Desk, Reserve, Scene
from callcenter.routing.spread import SEEN_MIN
from callcenter.routing.terms import PLAIN, Terms
from tests.control.house import House, agent, center, queue

ANN, SALES = AgentId("ann"), QueueId("sales")
NO_TIME = (0.0,) * PATHS


def scene(house: House) -> Scene:
    return Sketch(house.control.world, house.now).scene()


def desk(house: House, number: int = 0) -> Desk:
    return scene(house).desks[number]


def test_a_crowd_is_everybody_on_duty_everybody_who_waits_and_every_queue() -> None:
    line = queue(skills={"english": 9})
    house = House().open(center(*(agent(f"a{n}") for n in range(400)), queues=(line,)))
    for number in range(225):
        house.call(f"c{number}")
    assert Sketch(house.control.world, house.now).paths == PATHS // 2
    house.hang_up("c0")
    assert Sketch(house.control.world, house.now).paths == PATHS


def test_who_stands_behind_very_many_is_not_looked_at() -> None:
    house = House().open(center(queues=(queue(waiting_max=2000),)))
    for number in range(CALLERS_MAX + 2):
        house.call(f"c{number}")
    found = Sketch(house.control.world, house.now).contacts
    assert [found[0].id, found[-1].id, len(found)] == ["c0", f"c{CALLERS_MAX - 1}", CALLERS_MAX]


def test_wrap_up_of_which_little_was_seen_lasts_as_long_as_the_queue_gives() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=30),)))
    house.call("c1")
    house.accept("c1")
    house.hang_up("c1")
    for passed, left in ((0, 30.0), (10, 20.0), (20, 0.0), (5, 0.0)):
        house.now += passed * SECOND
        found = desk(house)
        assert found.busy == ((left * SECOND,) * PATHS,)
        assert found.at_most == left * SECOND
    assert scene(house).callers[0].handling.wrap == (30.0 * SECOND,) * PATHS


def test_of_several_wrap_ups_the_one_that_ends_last_counts() -> None:
    lines = (queue(wrap_up_seconds=30), queue("other", wrap_up_seconds=100))
    house = House().open(center(agent("ann"), queues=lines))
    for name, line in (("m1", "other"), ("m2", "sales")):
        house.call(name, line, channel=Channel.EMAIL)
        house.accept(name)
    for name in ("m1", "m2"):
        house.hang_up(name)
    house.now += 10 * SECOND
    assert desk(house).busy == ((90.0 * SECOND,) * PATHS,)
    assert desk(house).at_most == 90.0 * SECOND


def test_a_queue_without_wrap_up_has_none_whatever_was_seen() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=5),)))
    for number in range(SEEN_MIN):
        house.call(f"c{number}")
        house.accept(f"c{number}")
        house.hang_up(f"c{number}")
        house.wait(5)
    assert scene(house).callers[0].handling.wrap != NO_TIME
    house.configure(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)), "2")
    assert scene(house).callers[0].handling.wrap == NO_TIME


def test_what_a_caller_has_waited_is_taken_from_her_patience_and_from_her_time() -> None:
    line = queue(skills={"english": 9}, wait_seconds_max=60)
    house = House().open(center(agent("ann"), queues=(line,)))
    for number in range(3):
        house.call(f"gone{number}")
        house.wait(20 + number)
        house.hang_up(f"gone{number}")
    house.call("c1")
    house.control.state.experience[SALES].talk.seen = SEEN_MIN
    patience = house.control.state.experience[SALES].patience
    for passed in (0, 1, 58, 1, 5):
        house.now += passed * SECOND
        caller, probe = scene(house).callers
        waited = house.now - house.contact("c1").since
        assert caller.patience == patience.slots(PATHS, waited)
        assert caller.leaves_at == max(0, 60 * SECOND - waited)
        assert (probe.patience, probe.leaves_at) == (patience.slots(PATHS), 60.0 * SECOND)
        assert (probe.seed, probe.probe, caller.probe) == (NEWCOMER // 2, True, False)


def test_of_calls_that_are_talked_in_it_is_known_how_long_they_last_already() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    house.accept("c1")
    house.wait(7)
    house.call("c2")
    house.accept("c2")
    house.wait(1)
    assert running(house.control.world, house.now) == {SALES: [8 * SECOND, SECOND]}
    assert running(house.control.world, house.now - 8 * SECOND) == {SALES: [0, 0]}


def test_who_waits_for_one_agent_alone_is_for_everybody_from_then_on() -> None:
    """The step within that time widens for her alone, the one after it for all."""
    steps = (
        PlanStep(after_seconds=20, drop=("english",)),
        PlanStep(after_seconds=45, raise_priority=2),
        PlanStep(after_seconds=90, raise_priority=1),
    )
    line = queue(skills={"english": 3}, plan=Plan(sticky_seconds=45, steps=steps))
    people = (agent("ann", english=5), agent("ben", english=5), agent("cat"))
    house = House().open(center(*people, queues=(line,)))
    house.call("busy")
    house.accept("busy")
    assert house.agent("ann").segments
    house.call("c1", agent=ANN)
    contact = house.contact("c1")
    assert contact.sticky == ANN
    first, wider, all_wider, last = scene(house).callers[0].rings
    ann, everybody = 0b001, 0b111
    assert [ring.at // SECOND for ring in (first, wider, all_wider, last)] == [0, 20, 45, 45]
    assert [ring.kinds for ring in (first, wider, all_wider, last)] == [
        ann, ann, everybody, everybody,
    ]  # fmt: skip
    minute = 60 * SECOND
    moved = contact.key - 2 * minute
    assert [ring.place[0] for ring in (first, wider, all_wider, last)] == [
        contact.key, contact.key, moved, moved,
    ]  # fmt: skip
    assert {ring.place[1] for ring in (first, wider, last)} == {contact.order}


def test_a_plan_ends_where_she_leaves() -> None:
    steps = (
        PlanStep(after_seconds=10, raise_priority=1),
        PlanStep(after_seconds=40, exit="timeout"),
    )
    line = queue(skills={"english": 3}, plan=Plan(steps=steps), wait_seconds_max=100)
    house = House().open(center(queues=(line,)))
    house.call("c1")
    caller = scene(house).callers[0]
    assert ([ring.at for ring in caller.rings], caller.leaves_at) == (
        [0, 10 * SECOND], 40.0 * SECOND,
    )  # fmt: skip
    house.wait(11)
    (only,) = scene(house).callers[0].rings
    assert only.at == 0, "the first step is taken already"
    assert scene(house).callers[0].leaves_at == 29.0 * SECOND


def test_targets_and_reserves_are_told_where_they_count() -> None:
    lines = (queue(), queue("vip", reserve=2, target_seconds=5), queue("sky", reserve=1))
    house = House().open(center(agent("ann"), queues=lines))
    for name in ("sales", "vip"):
        house.call(f"of-{name}", name, priority=7)
    found = scene(house)
    assert [caller.keeper for caller in found.callers[-3:]] == [0, 1, 2]
    assert {caller.target for caller in found.callers} == {0}
    assert found.reserves == (Reserve(1, 0b1, 2), Reserve(2, 0b1, 1))
    assert [(one.seed, one.keeper, one.target) for one in found.streams] == [(7, 0, 0), (18, 1, 0)]
    assert {one.ahead for one in found.streams} == {7 * 60 * SECOND}
    by_target = center(agent("ann"), queues=lines)
    house = House().open(
        type(by_target)(
            queues=lines, agents=by_target.agents, contact_choice=ContactChoice.TARGET,
            skills=by_target.skills,
        )
    )  # fmt: skip
    assert [caller.target for caller in scene(house).callers] == [20, 5, 20]


def test_of_several_phones_that_ring_one_has_the_call_before_it_and_the_others_only_the_ring() -> (
    None
):
    line = queue(agent_choice=AgentChoice.RING_ALL, ring_width=2)
    house = House().open(center(agent("ann"), agent("ben"), agent("cat"), queues=(line,)))
    house.call("c1")
    assert [len(desk(house, number).busy) for number in range(3)] == [3, 1, 0]


def test_who_writes_a_mail_takes_calls_all_the_same_and_who_chats_is_busy() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wrap_up_seconds=0),)))
    house.call("mail", channel=Channel.EMAIL)
    house.accept("mail")
    assert desk(house).busy == ()
    house.call("chat", channel=Channel.CHAT)
    house.accept("chat")
    assert len(desk(house).busy) == 2
    house.presence("ann", Presence.LOGGED_OUT)
    assert scene(house).desks == ()


def test_people_who_are_named_are_a_kind_of_their_own() -> None:
    steps = (PlanStep(after_seconds=9, agents=(AgentId("cat"),)),)
    line = queue(excluded=(AgentId("ben"),), plan=Plan(steps=steps))
    people = (agent(name) for name in ("ann", "ben", "cat", "dan"))
    house = House().open(center(*people, queues=(line,)))
    house.call("c1", excluded=(AgentId("dan"),))
    contacts = list(house.control.state.contacts.values())
    assert named(contacts, [line]) == {"ben", "cat", "dan", ""}


def test_who_may_take_a_caller() -> None:
    able, red = (("english", 3),), ((), "red", AgentId(""))
    ann = (able, "-", ANN)
    assert may(ann, {"english": 3}, PLAIN)
    assert not may(ann, {"english": 4}, PLAIN)
    assert not may(ann, {"french": 1}, PLAIN)
    assert not may(ann, {}, Terms(excluded=(ANN,)))
    assert not may(ann, {}, Terms(only=AgentId("ben")))
    assert may(ann, {}, Terms(only=ANN))
    assert may(ann, {"french": 9}, Terms(agents=(ANN,)))
    assert not may(red, {"french": 9}, Terms(agents=(ANN,)))
    assert may(red, {"french": 9}, Terms(teams=("red",)))
    assert not may(red, {"french": 9}, Terms(teams=("blue",)))
    assert not may(red, {}, Terms(teams=("red",), only=ANN))


def test_a_callback_is_nobodys_rival_until_she_may_be_called() -> None:
    house = House().open(center(), ready=False)
    house.arrive("c1")
    house.call_back("c1", "cb1")
    assert waiting_calls(house.control.world) == []
    house.hang_up("c1", Reason.CALLBACK_PROMISED)
    house.wait(1)
    assert [contact.id for contact in waiting_calls(house.control.world)] == ["cb1"]
