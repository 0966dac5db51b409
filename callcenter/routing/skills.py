"""Skills as bits: does this agent meet this requirement?

An agent with skill s at proficiency l has the bits (s, 1) to (s, l), like mercury in a
thermometer. A requirement "s of at least l" is the single bit (s, l). So any number of skills with
any least proficiency is met exactly when `profile & requirement == requirement`.

Why: one AND of two integers decides what a scan over skill tables decides elsewhere, and equal
requirements become equal integers, which is what `engine` groups by.
"""

from collections.abc import Iterable, Mapping

from callcenter.domain.center import PROFICIENCY_MAX


class SkillBits:
    """Gives every skill its ten bits, in the order in which skills are first seen."""

    def __init__(self, marks: Iterable[str] = ()) -> None:
        """`marks` are told like skills but are none: they do not count as what people can."""
        self._first_bit: dict[str, int] = {}
        for mark in marks:
            self._base(mark)
        self.everything = -1 << (len(self._first_bit) * PROFICIENCY_MAX)

    def _base(self, skill: str) -> int:
        return self._first_bit.setdefault(skill, len(self._first_bit) * PROFICIENCY_MAX)

    def profile(self, skills: Mapping[str, int]) -> int:
        """The bits of an agent's proficiencies; a proficiency below 1 is no skill."""
        bits = 0
        for skill, level in skills.items():
            bits |= ((1 << max(0, min(level, PROFICIENCY_MAX))) - 1) << self._base(skill)
        return bits

    def requirement(self, skills: Mapping[str, int]) -> int:
        """The bits a contact needs; a need below 1 is a need for the skill at all."""
        bits = 0
        for skill, level in skills.items():
            bits |= 1 << (self._base(skill) + max(1, min(level, PROFICIENCY_MAX)) - 1)
        return bits

    def levels(self, skills: Iterable[str]) -> int:
        """All the bits of these skills: how many an agent has of them is how good she is."""
        bits = 0
        for skill in skills:
            bits |= ((1 << PROFICIENCY_MAX) - 1) << self._base(skill)
        return bits


def merge(*needs: Mapping[str, int]) -> dict[str, int]:
    """The whole requirement of several: the higher proficiency of each skill, sorted by name."""
    merged: dict[str, int] = {}
    for need in needs:
        for skill, level in need.items():
            merged[skill] = max(merged.get(skill, 1), min(level, PROFICIENCY_MAX))
    return dict(sorted(merged.items()))
