"""Whose turn it is: a wheel of 20 slots, a millisecond apart unless told otherwise.

Why: a thousand phones need a packet every 20 ms. Sent all at once they would queue up behind each
other; spread over the slots, each slot is a few packets and every phone keeps its own cadence.
A member goes to the emptiest slot and stays there.

After a stall the wheel hurries through the turns it missed, but not through more than five rounds:
what is older is left out.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from callcenter.domain.units import MILLISECOND, Micros

SLOTS = 20
ROUNDS_BEHIND_MAX = 5

Member = TypeVar("Member")


class Wheel(Generic[Member]):
    """Members by slot, and the next turn."""

    def __init__(self, now: Micros, slot_micros: Micros = MILLISECOND) -> None:
        self._slot_micros = slot_micros
        self._slots: list[dict[Member, None]] = [{} for _ in range(SLOTS)]
        self._turn = now // slot_micros
        self.skipped = 0
        """Turns left out because the process was stopped."""

    def add(self, member: Member) -> int:
        """Give `member` a slot; answers which."""
        sizes = [len(slot) for slot in self._slots]
        slot = sizes.index(min(sizes))
        self._slots[slot][member] = None
        return slot

    def remove(self, member: Member, slot: int) -> None:
        """Take `member` out of its slot."""
        self._slots[slot].pop(member, None)

    def due(self, now: Micros) -> Iterator[tuple[int, list[Member]]]:
        """The members whose turn has come, in order, each slot with the number of its turn."""
        until = now // self._slot_micros
        if until - self._turn > ROUNDS_BEHIND_MAX * SLOTS:
            kept = until - ROUNDS_BEHIND_MAX * SLOTS
            self.skipped += kept - self._turn
            self._turn = kept
        while self._turn <= until:
            turn = self._turn
            members = self._slots[turn % SLOTS]
            self._turn += 1
            if members:
                yield turn, list(members)

    def wait(self, now: Micros) -> Micros:
        """Time until the next turn that has a member, at most one round."""
        slots, first = self._slots, self._turn
        for turn in range(first, first + SLOTS):
            if slots[turn % SLOTS]:
                return max(turn * self._slot_micros - now, 0)
        return SLOTS * self._slot_micros
