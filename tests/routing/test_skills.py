"""Skills as bits say what a table of skills says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcenter.routing.skills import SkillBits, merge

levels = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10), max_size=5)


@given(levels, levels)
def test_a_profile_meets_a_requirement_exactly_when_every_level_does(
    has: dict[str, int], needs: dict[str, int]
) -> None:
    bits = SkillBits()
    profile, requirement = bits.profile(has), bits.requirement(needs)
    met = all(has.get(skill, 0) >= level for skill, level in needs.items())
    assert (profile & requirement == requirement) is met


def test_all_levels_of_skills_are_what_one_is_who_masters_them() -> None:
    bits = SkillBits()
    bits.profile({"a": 3, "b": 3, "c": 3})
    assert bits.levels(("a", "c")) == bits.profile({"a": 10, "c": 10})
    assert bits.levels(("b",)).bit_count() == 10
    assert bits.levels(()) == 0


def test_no_need_is_met_by_nobody_in_particular() -> None:
    bits = SkillBits()
    assert bits.requirement({}) == 0
    assert bits.profile({"a": 0}) == 0


def test_levels_beyond_the_scale_are_cut_to_it() -> None:
    bits = SkillBits()
    assert bits.profile({"a": 99}) == bits.profile({"a": 10})
    assert bits.requirement({"a": 99}) == bits.requirement({"a": 10})
    assert bits.requirement({"a": 0}) == bits.requirement({"a": 1})


@given(levels, levels)
def test_merged_needs_are_the_higher_of_both(one: dict[str, int], other: dict[str, int]) -> None:
    merged = merge(one, other)
    assert merged == {s: max(one.get(s, 0), other.get(s, 0)) for s in sorted({*one, *other})}
    assert list(merged) == sorted(merged)


def test_a_mark_is_told_like_a_skill_and_counts_as_none() -> None:
    bits = SkillBits(["team red"])
    can = bits.profile({"team red": 1, "billing": 3})
    assert can & bits.requirement({"team red": 1})
    assert (can & bits.everything).bit_count() == 3
