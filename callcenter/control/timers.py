"""Every deadline that control keeps, earliest first.

Why: deadlines are facts of the state ("this contact may wait until then"). A timer only points at
one. When it comes up, the state is asked whether the deadline still stands; if not, the timer was
stale and is dropped. So nothing ever has to cancel a timer, and they are rebuilt from a snapshot.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from heapq import heapify, heappop, heappush

from callcenter.domain.units import Micros


class Alarm(IntEnum):
    """What a timer is about. The order is that of alarms due at the same moment."""

    WRAP_UP = 1
    PAUSE = 2
    OFFER = 3
    RETRY = 4
    CONTACT = 5
    STEP = 6
    REST = 7
    CERTIFICATE = 8
    LETTER = 9
    FAX = 10


Timer = tuple[Micros, Alarm, str]
"""Due, what about, whose."""

STALE_MIN = 1024


class Timers:
    """A heap of timers. `due(alarm, id)` tells the deadline that stands now, or None."""

    def __init__(self, due: Callable[[Alarm, str], Micros | None]) -> None:
        self._due = due
        self._heap: list[Timer] = []
        self._rebuild_at = STALE_MIN

    def set(self, when: Micros, alarm: Alarm, whose: str) -> None:
        """Look at `whose` deadline at `when`."""
        heappush(self._heap, (when, alarm, whose))
        if len(self._heap) > self._rebuild_at:
            self.rebuild(self._heap)

    def rebuild(self, timers: Iterable[Timer]) -> None:
        """Keep exactly those of `timers` that stand."""
        self._heap = [timer for timer in dict.fromkeys(timers) if self._stands(timer)]
        heapify(self._heap)
        self._rebuild_at = max(STALE_MIN, 2 * len(self._heap))

    def _stands(self, timer: Timer) -> bool:
        return self._due(timer[1], timer[2]) == timer[0]

    @property
    def deadline(self) -> Micros | None:
        """When the next standing timer is due."""
        heap = self._heap
        while heap and not self._stands(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: Micros) -> tuple[Alarm, str] | None:
        """The next standing timer that is due, taken out; None when there is none."""
        deadline = self.deadline
        if deadline is None or deadline > now:
            return None
        _, alarm, whose = heappop(self._heap)
        return alarm, whose
