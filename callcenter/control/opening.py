"""When a queue opens: nobody is called back before.

Why: a promise made at night is kept in the morning.
"""

from callcenter.control.turn import Turn
from callcenter.domain.calendar import is_open, next_change
from callcenter.domain.center import Queue
from callcenter.domain.units import Micros


def opens(turn: Turn, queue: Queue, at: Micros) -> Micros:
    """When a queue that is closed at `at` opens again; 0 when it is open, or nobody can tell."""
    calendar = turn.world.calendars.get(queue.calendar)
    by_hand = turn.state.doors.get(queue.id)
    if calendar is None or by_hand or is_open(calendar, at):
        return 0
    change = next_change(calendar, at)
    while change is not None and not is_open(calendar, change):
        change = next_change(calendar, change)
    return change or 0
