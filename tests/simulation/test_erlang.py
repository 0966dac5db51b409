"""Queueing theory as the oracle: the shipped control center answers as the exact formulas say.

A short part of what `python -m tests.simulation.erlang` shows in full.
"""

from __future__ import annotations

import pytest

from tests.simulation.erlang import (
    LOADS,
    ROWS,
    Finding,
    Gap,
    crossed,
    limited_line,
    lines,
    name_of,
    one_after_another,
    proven,
)

SHORT = [row for row in ROWS if row["n"] in (2, 5, 20) and row["theta"]]
CONTACTS = 300


@pytest.mark.parametrize("row", SHORT, ids=name_of)
def test_waits_and_losses_are_those_of_the_exact_formulas(row: dict[str, float]) -> None:
    findings = lines([row], seeds=20, contacts=CONTACTS, run=one_after_another)
    assert len(findings) >= 4
    for finding in findings:
        assert finding.holds, finding


def test_agents_who_can_do_everything_are_one_line_and_two_skills_are_nearly_as_good() -> None:
    findings, gaps = crossed(LOADS[:1], seeds=5, contacts=2 * CONTACTS, run=one_after_another)
    for finding in findings:
        assert finding.holds, finding
    (wait,) = [gap for gap in gaps if gap.measure == "ASA"]
    assert wait.closed >= 0.9


def test_a_limited_line_is_that_of_the_books() -> None:
    """One agent and no place to wait: load / (1 + load) is refused. Without limit: M/M/1."""
    assert limited_line(0.5, staff=1, places=0)["P_block"] == pytest.approx(1 / 3)
    assert limited_line(0.5, staff=1, places=200)["ASA"] == pytest.approx(600)


def test_a_measure_outside_fails_the_proof() -> None:
    inside = Finding("case", "ASA", exact=10, mean=10.5, ci95=0.4)
    outside = Finding("case", "ASA", exact=10, mean=10.7, ci95=0.4)
    good, poor = Gap(LOADS[0], "ASA", 100, 14, 10), Gap(LOADS[0], "ASA", 100, 20, 10)
    heavy = Gap(LOADS[-1], "ASA", 100, 20, 10)
    assert proven([inside], [good, heavy])
    assert not proven([inside, outside], [good])
    assert not proven([inside], [poor])
