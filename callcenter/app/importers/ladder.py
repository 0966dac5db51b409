"""People of a queue in an order of rungs: penalties elsewhere, or tiers.

Theory. Who is in the queue has its skill; the lower her rung, the more proficient she is in it. So
"only rungs up to n for now" is a least proficiency, and "up to m after a minute" is a step of the
plan that lowers it. Among those who may take a contact the lowest rung comes first: by
`most_skilled` where the longest idle of a rung is wanted, else by welcome skills (`preferred`), one
for each border between rungs, with any order of agents behind them.

    penalty      0   0   5   10
    proficiency  10  10  9   8        need 10, then 9 after 30 s, then 8 after 60 s

Why: this keeps seniority, because a contact whose need is lowered keeps its place, and it says what
both systems mean in words that `config check`, `why` and a person understand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callcenter.app.importers.draft import Draft, QueueDraft
from callcenter.domain.center import PROFICIENCY_MAX, AgentChoice

RING_WIDTH_MAX = 50


class Ladder:
    """The rungs of one queue. A lower number is asked first."""

    def __init__(self, rungs: Mapping[str, int], highest: int | None = None) -> None:
        """`rungs` says on which each agent stands; `highest` may be asked at once, None for all."""
        self.rungs = dict(rungs)
        self._order = sorted(set(rungs.values()))
        nobody = highest is not None and self._order and self._order[0] > highest
        self._top = PROFICIENCY_MAX - 1 if nobody else PROFICIENCY_MAX
        self._highest = highest

    @property
    def merged(self) -> int:
        """How many rungs at the end had to become one, because there are ten proficiencies."""
        return max(0, len(self._order) - self._top)

    def level(self, agent: str) -> int:
        """Her proficiency in the queue's skill."""
        return max(1, self._top - self._order.index(self.rungs[agent]))

    def need(self, highest: int | None) -> int:
        """The least proficiency of those who stand on `highest` or below."""
        if highest is None or not self._order:
            return 1
        below = sum(rung <= highest for rung in self._order)
        return max(1, self._top - below + 1)

    def build(self, draft: Draft, queue: QueueDraft, choice: AgentChoice) -> None:
        """Give the queue its skill, its people theirs, and the order of rungs."""
        skill = draft.skill(queue.id)
        queue.skills = {skill: self.need(self._highest)}
        for name in self.rungs:
            draft.agent(name).skills[skill] = self.level(name)
        if len(self._order) > 1:
            if choice is AgentChoice.LONGEST_IDLE:
                choice = AgentChoice.MOST_SKILLED
            else:
                queue.settings["preferred"] = self._borders(draft, queue.id)
        queue.settings["agent_choice"] = choice.value
        if choice is AgentChoice.RING_ALL:
            first = sum(rung == self._order[0] for rung in self.rungs.values())
            queue.settings["ring_width"] = max(1, min(first, RING_WIDTH_MAX))

    def _borders(self, draft: Draft, queue: str) -> dict[str, int]:
        """A welcome skill for each border between rungs, held by everybody before it."""
        welcome = {}
        for number in range(1, min(len(self._order), PROFICIENCY_MAX)):
            skill = draft.skill(f"{queue[:50]}.before-{number}")
            welcome[skill] = 1
            for name, rung in self.rungs.items():
                if self._order.index(rung) < number:
                    draft.agent(name).skills[skill] = 1
        return welcome

    def open(self, queue: QueueDraft, changes: Sequence[tuple[int, int]]) -> list[bool]:
        """Steps that let higher rungs in, from (seconds, highest rung) in order of time; for each
        whether it lets anybody in."""
        skill = next(iter(queue.skills))
        need, opened = queue.skills[skill], []
        for seconds, highest in changes:
            wanted = min(need, self.need(highest))
            opened.append(wanted < need)
            if wanted < need:
                need = wanted
                queue.steps.append({"after_seconds": max(1, seconds), "lower": {skill: need}})
        return opened


def said(choice: AgentChoice) -> str:
    """The order of agents as the configuration says it."""
    if choice is AgentChoice.LONGEST_IDLE:
        return "agent_choice = longest_idle (most_skilled where rungs differ)"
    return f"agent_choice = {choice.value}"
