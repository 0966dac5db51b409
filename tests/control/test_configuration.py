"""A configuration is taken whole or not at all, and disturbs nobody."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from callcenter.control.configuration import problems_of, warnings_of
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import (
    Agent,
    Calendar,
    Center,
    Channel,
    Number,
    Period,
    Plan,
    PlanStep,
    Queue,
)
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import SECOND, AgentId, QueueId
from tests.control.house import House, agent, center, member, one, only, queue


def test_a_good_center_is_taken_and_answered() -> None:
    house = House()
    said = house.configure(center(agent("ann", english=3)))
    changed = one(said, e.ConfigurationChanged)
    assert (changed.version, changed.by) == ("1", "test")
    assert one(said, e.CommandAnswered).accepted
    assert house.control.state.version == "1"


@dataclass(frozen=True)
class Wrong:
    center: Center
    words: str


WRONG = [
    Wrong(center(queues=(queue(skills={"dutch": 1}),)), "queue sales: skill 'dutch' is not known"),
    Wrong(center(agent("ann", dutch=1)), "agent ann: skill 'dutch' is not known"),
    Wrong(center(agent("ann", english=11)), "agent ann: skill 'english': proficiency 11"),
    Wrong(center(queues=(queue(), queue())), "queue sales: is there 2 times"),
    Wrong(center(agent("ann"), agent("ann")), "agent ann: is there 2 times"),
    Wrong(center(skills=("a", "a")), "skill a: is there 2 times"),
    Wrong(center(queues=(queue(""),)), "queue: a name is empty"),
    Wrong(center(queues=(queue(calendar="office"),)), "calendar 'office' is not known"),
    Wrong(center(queues=(queue(timezone="Mars/Olympus"),)), "time zone 'Mars/Olympus'"),
    Wrong(center(queues=(queue(timezone="../../etc"),)), "time zone '../../etc'"),
    Wrong(center(queues=(queue(priority=11),)), "priority 11 is not within 0 to 10"),
    Wrong(center(queues=(queue(ring_seconds=0),)), "ring_seconds 0 is not within 1 to 300"),
    Wrong(center(queues=(queue(waiting_max=0),)), "waiting_max 0"),
    Wrong(center(queues=(queue(dispositions=("a", "a")),)), "disposition a: is there 2 times"),
    Wrong(Center(reasons=("rona",)), "reason 'rona': is empty or used by the system"),
    Wrong(Center(timezone="Nowhere"), "center: time zone 'Nowhere'"),
    Wrong(
        Center(agents=(Agent(id=AgentId("ann"), name="Ann", capacity={Channel.CHAT: -1}),)),
        "agent ann: capacity for chat: -1 is negative",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", periods=(Period(weekday=7, opens=0, closes=9),)),)),
        "calendar k: weekday 7",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", periods=(Period(weekday=1, opens=9, closes=9),)),)),
        "calendar k: a period opens and closes at minute 9",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", periods=(Period(weekday=1, opens=1440, closes=9),)),)),
        "calendar k: 1440 to 9 are not minutes of one day",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", holidays=frozenset({"2026-02-30"})),)),
        "calendar k: holiday '2026-02-30' is no date",
    ),
    Wrong(
        Center(agents=(Agent(id=AgentId("ann"), name="Ann", capacity={Channel.CHAT: 101}),)),
        "agent ann: capacity for chat: 101 is more than 100",
    ),
    Wrong(Center(capacity={Channel.FAX: -2}), "center: capacity for fax: -2 is negative"),
    Wrong(Center(certified=("first-aid",)), "certified: skill 'first-aid' is not known"),
    Wrong(center(member("ann", {"occupancy_max": 101})), "agent ann: occupancy_max 101"),
    Wrong(center(queues=(queue(language_level=-1),)), "language_level -1 is not within 0 to 10"),
    Wrong(center(queues=(queue(ring_width=51),)), "ring_width 51 is not within 1 to 50"),
    Wrong(center(queues=(queue(reserve=-1),)), "reserve -1 is not within 0 to 10000"),
    Wrong(center(queues=(queue(declines_max=-1),)), "declines_max -1 is not within 0 to 100"),
    Wrong(
        center(queues=(queue(preferred={"dutch": 1}),)),
        "queue sales: preferred: skill 'dutch' is not known; known: english",
    ),
    Wrong(
        center(queues=(queue(preferred={"english": 99}),)),
        "queue sales: preferred: 'english' 99 is not within 1 to 10",
    ),
    Wrong(
        center(agent("ann"), queues=(queue(excluded=(AgentId("zoe"),)),)),
        "queue sales: excluded: agent 'zoe' is not known; known: ann",
    ),
    Wrong(
        Center(numbers=(Number(number="1", flow="a"), Number(number="1", flow="b"))),
        "number 1: is there 2 times",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.words)
def test_a_wrong_center_is_refused_in_words_and_the_good_one_stays(wrong: Wrong) -> None:
    house = House().open(center(agent("ann")))
    said = house.configure(wrong.center, "2")
    answer = one(said, e.CommandAnswered)
    assert len(said) == 1
    assert not answer.accepted
    assert wrong.words in answer.reason
    assert house.control.state.version == "1"


def step(after_seconds: int, **changes: object) -> PlanStep:
    return PlanStep(after_seconds=after_seconds, **changes)  # type: ignore[arg-type]


def planned(*steps: PlanStep, name: str = "sales", sticky_seconds: int = 0, **skills: int) -> Queue:
    return queue(name, skills=skills, plan=Plan(steps=steps, sticky_seconds=sticky_seconds))


SALES, OTHER = QueueId("sales"), QueueId("other")
WRONG_STEPS: list[tuple[PlanStep, str]] = [
    (step(0, raise_priority=1), "step 1 (after 0 s): must come later than 0 s, and within"),
    (step(-5, raise_priority=1), "step 1 (after -5 s): must come later than 0 s"),
    (step(2_592_001, raise_priority=1), "must come later than 0 s, and within 2592000 s"),
    (step(9, drop=("dutch",)), "drop: skill 'dutch' is not known; known: english"),
    (step(9, lower={"dutch": 1}), "lower: skill 'dutch' is not known"),
    (step(9, lower={"english": 0}), "lower: 'english' 0 is not within 1 to 10"),
    (step(9, agents=(AgentId("zoe"),)), "agent 'zoe' is not known; known: ann"),
    (step(9, teams=("blue",)), "team 'blue' is not known; known: red"),
    (step(9, raise_priority=11), "raise_priority 11 is not within 0 to 10"),
    (step(9, raise_priority=-1), "raise_priority -1 is not within 0 to 10"),
    (step(9, queue=QueueId("zz")), "queue 'zz' is not known; known: sales"),
    (step(9, queue=SALES), "overflow goes to the queue itself; name another one"),
    (step(9, exit="answered"), "exit 'answered' is not known; known: closed, full, left, timeout"),
    (step(9, exit="left", drop=("english",)), "does more than one thing; widen the ring in an"),
    (step(9), "changes nothing; remove it"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG_STEPS, ids=[words for _, words in WRONG_STEPS])
def test_a_wrong_step_is_refused_with_its_place_and_the_remedy(wrong: PlanStep, words: str) -> None:
    found = problems_of(center(member("ann", {"team": "red"}), queues=(planned(wrong),)))
    assert len(found) == 1
    assert found[0].startswith("queue sales: plan: step 1 (after")
    assert words in found[0]


def test_steps_come_in_order_and_end_where_the_contact_leaves() -> None:
    lines = (planned(step(9, raise_priority=1), step(9, exit="left"), step(20, drop=("english",))),)
    found = problems_of(center(agent("ann"), queues=lines))
    assert found == [
        "queue sales: plan: step 2 (after 9 s): must come later than 9 s, and within 2592000 s",
        "queue sales: plan: step 2 (after 9 s): the contact leaves here; remove the steps after it",
    ]


def test_a_plan_has_its_limits() -> None:
    many = (step(n + 1, raise_priority=1) for n in range(21))
    found = problems_of(center(agent("ann"), queues=(planned(*many, sticky_seconds=3601),)))
    assert found == [
        "queue sales: plan: sticky_seconds 3601 is not within 0 to 3600",
        "queue sales: plan: 21 steps are too many; at most 20",
    ]


def test_overflow_that_goes_round_is_refused_and_told_once() -> None:
    lines = (
        planned(step(9, queue=OTHER)),
        planned(step(9, queue=QueueId("third")), name="other"),
        planned(step(9, queue=SALES), name="third"),
        planned(step(9, queue=SALES), name="outside"),
    )
    assert problems_of(center(agent("ann"), queues=lines)) == [
        (
            "queue sales: plan: overflow goes round: sales -> other -> third -> sales; "
            "end it with an exit"
        )
    ]


def test_overflow_that_ends_is_no_circle() -> None:
    lines = (planned(step(9, queue=OTHER)), queue("other"))
    assert problems_of(center(agent("ann"), queues=lines)) == []


def test_a_plan_by_which_nobody_can_ever_be_served_is_refused() -> None:
    impossible = planned(step(9, lower={"english": 5}), english=9)
    unfit = center(agent("ann", english=4), queues=(impossible,))
    found = problems_of(unfit, {})
    assert found == [
        (
            "queue sales: plan: none of the 1 agents can serve any of its rings; train them, or lower "
            "what the queue needs by a step of its plan"
        )
    ]
    possible = planned(step(9, lower={"english": 4}), english=9)
    assert problems_of(center(agent("ann", english=4), queues=(possible,)), {}) == []
    assert problems_of(unfit) == [], "without the journal nobody knows who was trained"


def test_what_training_has_granted_counts_for_a_plan_even_when_it_has_expired() -> None:
    impossible = planned(step(9, lower={"english": 5}), english=9)
    house = House().open(center(agent("ann"), queues=(queue(),)))
    new = center(agent("ann"), queues=(impossible,))
    assert not one(house.configure(new, "2"), e.CommandAnswered).accepted
    house.train("ann", "english", 6, expires=house.now + 1000)
    house.wait(1)
    answer = one(house.configure(new, "3"), e.CommandAnswered)
    assert answer.accepted
    assert answer.warnings[0].startswith("queue sales: nobody is configured who could serve it")


def test_a_queue_without_people_is_only_warned_of() -> None:
    house = House()
    answer = one(
        house.configure(center(queues=(planned(step(9, drop=("english",))),))), e.CommandAnswered
    )
    assert answer.accepted
    assert answer.warnings == (
        ("queue sales: nobody is configured who could serve it; add an agent with its skills"),
    )


def test_a_reserve_that_keeps_everybody_is_warned_of() -> None:
    assert warnings_of(center(agent("ann"), queues=(queue(reserve=1),))) == (
        (
            "queue sales: reserve 1 keeps all 1 agents who could serve it from every other queue; "
            "lower it"
        ),
    )
    assert warnings_of(center(agent("ann"), agent("ben"), queues=(queue(reserve=1),))) == ()


def test_many_problems_are_counted_but_not_all_told() -> None:
    wrong = center(*(agent(f"a{n}", dutch=1) for n in range(9)))
    assert len(problems_of(wrong)) == 9
    answer = one(House().configure(wrong), e.CommandAnswered)
    assert answer.reason.endswith("and 4 more")


def test_people_keep_what_they_are_doing() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    house.accept("c1")
    house.configure(center(agent("ann", english=9), agent("ben")), "2")
    assert house.agent("ann").presence is Presence.TALKING
    assert house.agent("ben").presence is Presence.READY


def test_a_new_skill_is_offered_what_waited_for_it() -> None:
    need = (queue(skills={"english": 5}),)
    house = House().open(center(agent("ann", english=1), queues=need))
    house.call("c1")
    assert house.rung("c1") == ""
    house.configure(center(agent("ann", english=5), queues=need), "2")
    assert house.rung("c1") == "ann"


def test_a_removed_idle_agent_is_logged_out_and_forgotten() -> None:
    house = House().open(center(agent("ann")))
    said = house.configure(center(), "2")
    changed = one(said, e.PresenceChanged)
    assert (changed.presence, changed.reason) == (Presence.LOGGED_OUT, "removed")
    assert house.control.state.agents == {}


def test_a_removed_agent_finishes_her_call() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.configure(center(), "2")
    assert house.agent("ann").presence is Presence.TALKING
    house.hang_up("c1")
    house.wait(30)
    assert house.control.state.agents == {}
    assert house.control.world.engine._seats == {}, "nobody would ever clear her seat"


def test_a_removed_agent_may_come_back_while_she_talks() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.configure(center(), "2")
    house.configure(center(agent("ann")), "3")
    house.presence("ann", Presence.READY)
    house.hang_up("c1")
    house.wait(30)
    assert house.agent("ann").presence is Presence.READY


def test_a_removed_queue_keeps_its_callers_until_they_leave() -> None:
    sales = queue("sales", ring_seconds=7, wrap_up_seconds=9)
    house = House().open(center(agent("ann"), queues=(sales,)), ready=False)
    house.call("c1")
    house.configure(center(agent("ann"), queues=(queue("other"),)), "2")
    assert one(house.call("c2"), e.QueueRefused).exit is e.QueueExit.CLOSED
    said = house.presence("ann", Presence.READY)
    assert one(said, e.OfferMade).ring_seconds == 7
    house.accept("c1")
    assert only(house.hang_up("c1"), e.WrapUpStarted)
    assert only(house.wait(9), e.WrapUpEnded)


def test_a_removed_queue_is_forgotten_when_nobody_needs_it() -> None:
    house = House().open(center(queues=(queue("sales"),)))
    house.call("c1")
    house.configure(center(queues=(queue("other"),)), "2")
    assert list(house.control.state.retired_queues) == ["sales"]
    house.hang_up("c1")
    house.configure(center(queues=(queue("other"),)), "3")
    assert house.control.state.retired_queues == {}


def test_a_contact_that_has_rested_is_offered_in_the_same_moment_to_who_learned_its_skill() -> None:
    need = (queue(skills={"english": 5}),)
    house = House().open(center(agent("ann", english=5), agent("ben"), queues=need))
    house.call("c1")
    house.report("c1", OfferOutcome.FAILED)
    house.presence("ann", Presence.LOGGED_OUT)
    house.wait(3)
    said = house.configure(center(agent("ben", english=5), queues=need), "2")
    assert one(said, e.OfferMade).agent == "ben"


def test_what_was_done_by_hand_to_a_queue_goes_with_it() -> None:
    both = center(agent("ann"), queues=(queue("sales"), queue("help")))
    house = House().open(both)
    house.request(c.QueueCloseRequested(queue=QueueId("help")))
    house.request(c.AnnouncementRequested(queue=QueueId("help"), announcement="storm"))
    house.request(c.AnnouncementRequested(announcement="fire"))
    house.configure(center(agent("ann"), queues=(queue("sales"),)), "2")
    house.configure(both, "3")
    assert house.control.state.doors == {}
    assert house.control.state.announcements == {"": "fire"}
    assert one(house.call("c1", "help"), e.ContactQueued).announcement == "fire"


def test_who_lacks_a_certificate_is_named_once_per_skill() -> None:
    people = [agent(name, sales=5, tax=5) for name in ("ann", "ben", "cat")]
    of_certificates = msgspec.structs.replace(
        center(*people, queues=(queue(skills={"sales": 1}),), skills=("sales", "tax", "english")),
        certified=("tax",),
    )
    house = House().open(of_certificates)
    answer = one(house.configure(of_certificates, "2"), e.CommandAnswered)
    assert answer.warnings == (
        (
            "agents ann, ben, cat: skill tax counts only with a certificate that is valid, and "
            "there is none; record the training with `callcenter agent train`"
        ),
    )
    house.train("ann", "tax", 5)
    house.train("ben", "tax", 5, expires=house.now + SECOND)
    house.train("cat", "tax", 5)
    house.wait(2)
    answer = one(house.configure(of_certificates, "3"), e.CommandAnswered)
    assert [words.partition(":")[0] for words in answer.warnings] == ["agent ben"]
    assert warnings_of(of_certificates) == (
        (
            "skill tax: counts only with a certificate; `callcenter agent certificates` tells "
            "whether ann, ben, cat have one"
        ),
    )


def test_a_certificate_that_nobody_needs_or_nobody_has_is_no_matter_of_its_own() -> None:
    """Where a queue needs the skill, the queue says so; where nobody has it there is none to name."""
    needed = msgspec.structs.replace(
        center(agent("ann", tax=5), queues=(queue(skills={"tax": 1}),), skills=("tax",)),
        certified=("tax",),
    )
    words = "; `callcenter agent certificates` tells whether ann have one"
    assert not [line for line in warnings_of(needed) if line.endswith(words)]
    had_by_nobody = msgspec.structs.replace(
        center(agent("ann"), skills=("tax",)), certified=("tax",)
    )
    assert not [line for line in warnings_of(had_by_nobody) if line.startswith("skill tax")]
