"""What an agent can: configured, by hand, granted, expired."""

from __future__ import annotations

import pytest

from callcenter.domain import events as e
from callcenter.domain.skills import TRAININGS_KEPT, Certificate, Qualification, effective
from callcenter.domain.units import AgentId

ANN = AgentId("ann")


def knows(**certificates: Certificate) -> Qualification:
    return Qualification(certificates=certificates)


VALID = Certificate(level=5)
EXPIRED = Certificate(level=5, expires=9, warned=True, expired=True)

CASES: list[tuple[dict[str, int], Qualification | None, tuple[str, ...], dict[str, int]]] = [
    ({"a": 3}, None, (), {"a": 3}),
    ({"a": 3}, knows(a=VALID), (), {"a": 5}),
    ({"a": 8}, knows(a=VALID), (), {"a": 8}),
    ({"a": 8}, knows(a=EXPIRED), (), {}),
    ({}, knows(a=VALID), (), {"a": 5}),
    ({"a": 3, "b": 2}, None, ("a",), {"b": 2}),
    ({"a": 3}, knows(a=VALID), ("a",), {"a": 5}),
    ({"a": 3}, knows(a=EXPIRED), ("a",), {}),
    ({"a": 3}, Qualification(by_hand={"a": 1, "b": 4}), (), {"a": 1, "b": 4}),
    ({"a": 3}, Qualification(by_hand={"a": 0}), (), {}),
    ({"a": 3}, Qualification(by_hand={"a": 2}, certificates={"a": VALID}), (), {"a": 2}),
    ({"a": 3}, Qualification(by_hand={"a": 9}, certificates={"a": EXPIRED}), (), {}),
]


@pytest.mark.parametrize(("configured", "found", "certified", "can"), CASES)
def test_the_table_of_what_counts(
    configured: dict[str, int],
    found: Qualification | None,
    certified: tuple[str, ...],
    can: dict[str, int],
) -> None:
    assert effective(configured, found, certified) == can


def trained(at: int = 1, *, passed: bool = True, skill: str = "a") -> e.TrainingRecorded:
    return e.TrainingRecorded(
        at=at,
        agent=ANN,
        course="c",
        date="2026-11-28",
        passed=passed,
        trainer="t1",
        skill=skill,
        level=5 if skill else 0,
        expires=9 if skill else 0,
    )


def test_events_are_remembered_and_one_that_does_not_fit_changes_nothing() -> None:
    found = Qualification()
    found.learn(e.CertificateExpired(at=1, agent=ANN, skill="a"))
    assert found == Qualification()
    found.learn(trained(passed=False))
    found.learn(trained(skill=""))
    assert (len(found.trainings), found.certificates) == (2, {})
    found.learn(trained())
    found.learn(e.CertificateExpiring(at=2, agent=ANN, skill="a", expires=9))
    assert found.certificates == {"a": Certificate(level=5, expires=9, warned=True)}
    found.learn(e.CertificateExpired(at=9, agent=ANN, skill="a"))
    assert found.certificates == {"a": EXPIRED}
    found.learn(e.SkillsChanged(at=10, agent=ANN, skills={"b": 2}))
    found.learn(trained(11))
    assert effective({"b": 9}, found) == {"a": 5, "b": 2}


def test_of_many_trainings_the_last_ones_are_kept() -> None:
    found = Qualification()
    for at in range(TRAININGS_KEPT + 3):
        found.learn(trained(at))
    assert [training.at for training in found.trainings] == list(range(3, TRAININGS_KEPT + 3))
