"""Why this agent, in few words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import SECOND, AgentId
from callcenter.routing.evidence import EVIDENCE_BYTES_MAX, evidence

NOBODY = AgentId("")


def test_evidence_tells_idleness_skills_and_the_runner_up() -> None:
    words = evidence(
        idle=812 * SECOND,
        needs={"sales": 2},
        skills={"sales": 4, "english": 9},
        runner_up=AgentId("ben"),
        passed_by=NOBODY,
        freed=False,
    )
    assert words == "idle 812 s; skills sales 4>=2; next best ben"


def test_evidence_tells_that_she_came_free_and_who_did_not_take_it() -> None:
    words = evidence(
        idle=0, needs={}, skills={}, runner_up=None, passed_by=AgentId("ann"), freed=True
    )
    assert words == "idle 0 s; no skill needed; came free, first in line; not taken by ann"


def test_evidence_tells_that_she_was_the_only_one() -> None:
    words = evidence(idle=0, needs={}, skills={}, runner_up=None, passed_by=NOBODY, freed=False)
    assert words.endswith("nobody else free")


@given(st.text(max_size=30), st.integers(0, 40))
def test_evidence_is_never_longer_than_its_limit(name: str, count: int) -> None:
    needs = {f"{number}{name}": number % 10 + 1 for number in range(count)}
    words = evidence(
        idle=0, needs=needs, skills=needs, runner_up=None, passed_by=NOBODY, freed=False
    )
    assert len(words.encode()) <= EVIDENCE_BYTES_MAX


def test_evidence_of_exactly_its_limit_is_told_whole_and_one_byte_more_is_cut() -> None:
    def words(length: int) -> str:
        return evidence(
            idle=0, needs={}, skills={}, runner_up=AgentId("x" * length), passed_by=NOBODY,
            freed=False,
        )  # fmt: skip

    rest = len(words(1).encode()) - 1
    assert words(EVIDENCE_BYTES_MAX - rest).endswith("xx")
    cut = words(EVIDENCE_BYTES_MAX - rest + 1)
    assert cut.endswith("x…")
    assert len(cut.encode()) == EVIDENCE_BYTES_MAX
