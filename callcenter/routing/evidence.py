"""Why this agent, in words short enough to travel with every offer.

Why: a decision can be recomputed from the journal only by the same engine version. What is written
here reads the same after any upgrade.
"""

from collections.abc import Mapping

from callcenter.domain.units import SECOND, AgentId, Micros

EVIDENCE_BYTES_MAX = 200


def evidence(
    *,
    idle: Micros,
    needs: Mapping[str, int],
    skills: Mapping[str, int],
    runner_up: AgentId | None,
    passed_by: AgentId,
    freed: bool,
    how: str = "",
) -> str:
    """`idle 812 s; skills sales 4>=2; next best ben`, at most 200 bytes of UTF-8.

    `freed` tells that she came free and this contact was first in line for her; otherwise the
    contact came and she was chosen from those who were free. `how` tells by what, where it was not
    by idleness alone; only then may she be able to less than is needed.
    """
    met = ", ".join(compared(skill, skills.get(skill, 0), level) for skill, level in needs.items())
    parts = [f"idle {max(0, idle) // SECOND} s", f"skills {met}" if met else "no skill needed"]
    if how:
        parts.append(how)
    if freed:
        parts.append("came free, first in line")
    else:
        parts.append(f"next best {runner_up}" if runner_up else "nobody else free")
    if passed_by:
        parts.append(f"not taken by {passed_by}")
    text = "; ".join(parts).encode()
    if len(text) <= EVIDENCE_BYTES_MAX:
        return text.decode()
    return text[: EVIDENCE_BYTES_MAX - 3].decode(errors="ignore") + "…"


def compared(skill: str, has: int, needs: int) -> str:
    return f"{skill} {has}{'>=' if has >= needs else '<'}{needs}"
