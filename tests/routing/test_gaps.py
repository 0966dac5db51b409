"""Who could take it if trained, and which training would help most."""

from __future__ import annotations

from callcenter.domain.units import AgentId
from callcenter.routing.gaps import Demand, if_trained, report

PEOPLE: dict[AgentId, dict[str, int]] = {
    AgentId("ann"): {"sales": 5, "english": 9},
    AgentId("ben"): {"sales": 2},
    AgentId("cat"): {"english": 9},
    AgentId("dan"): {},
}


def test_whoever_lacks_least_is_nearest() -> None:
    found = if_trained({"sales": 4, "english": 3}, PEOPLE)
    assert [(one.agent, one.missing, one.steps) for one in found] == [
        ("cat", {"sales": 4}, 4),
        ("ben", {"sales": 4, "english": 3}, 5),
        ("dan", {"sales": 4, "english": 3}, 7),
    ]


def test_who_can_already_needs_no_training() -> None:
    assert if_trained({}, PEOPLE) == []
    assert [one.agent for one in if_trained({"english": 9}, PEOPLE)] == ["ben", "dan"]


def test_a_gap_is_what_was_asked_for_and_who_could_fill_it() -> None:
    demand = [
        Demand(skills={"sales": 3, "english": 5}, amount=10),
        Demand(skills={"french": 1}, amount=4),
        Demand(skills={"sales": 3}, amount=7),
    ]
    gaps = report(demand, PEOPLE)
    assert [(gap.skill, gap.level, gap.amount, gap.unserved) for gap in gaps] == [
        ("french", 1, 4, 4),
        ("sales", 3, 17, 0),
        ("english", 5, 10, 0),
    ]
    french, sales, english = gaps
    assert (french.able, french.opened, french.shared) == ((), 4, 0)
    assert sales.able == ("ann",)
    assert (sales.trainees[0], sales.opened) == ("cat", 0), "ann can take all of it already"
    assert sales.shared == 17, "and cat could take both kinds, too"
    assert english.able == ("ann", "cat")
    assert english.opened == 0, "ben lacks sales too, and dan more"


def test_without_demand_or_people_there_is_no_gap_or_nobody_to_fill_it() -> None:
    assert report([], PEOPLE) == []
    gap = report([Demand(skills={"sales": 1}, amount=3)], {})[0]
    assert (gap.unserved, gap.trainees, gap.opened) == (3, (), 0)


def test_who_opens_what_nobody_can_serve_is_trained_before_who_shares_more() -> None:
    people = {
        AgentId("ann"): {"sales": 5, "english": 9},
        AgentId("ben"): {"english": 9},
        AgentId("cat"): {"tax": 3},
    }
    demand = [
        Demand(skills={"sales": 3, "english": 5}, amount=10),
        Demand(skills={"sales": 3, "tax": 2}, amount=2),
    ]
    sales = next(gap for gap in report(demand, people) if gap.skill == "sales")
    assert sales.trainees == ("cat", "ben")
    assert (sales.unserved, sales.opened, sales.shared) == (2, 2, 0)


def test_of_those_who_gain_as_much_the_nearest_is_trained_and_then_the_first_by_name() -> None:
    people: dict[AgentId, dict[str, int]] = {
        AgentId("zoe"): {"sales": 5},
        AgentId("ann"): {"sales": 1},
        AgentId("ben"): {"sales": 1},
        AgentId("amy"): {},
    }
    (gap,) = report([Demand(skills={"sales": 6}, amount=2)], people)
    assert gap.trainees == ("zoe", "ann", "ben", "amy")
    assert (gap.opened, gap.able, gap.unserved) == (2, (), 2)
    (gap,) = report([Demand(skills={"sales": 5}, amount=2)], people)
    assert gap.trainees == ("ann", "ben", "amy")
    assert (gap.able, gap.unserved) == (("zoe",), 0)
