"""May this contact wait in this queue, or by which exit does it go on?

Why: every refusal has a name that the flow must have wired (`closed`, `full`, `unstaffed`), so a
caller is never left in silence. A door that was opened or closed by hand beats the calendar. The
order is the one a caller understands: closed before full, full before unstaffed.
"""

from callcenter.domain.calendar import is_open
from callcenter.domain.center import Calendar, Queue
from callcenter.domain.events import QueueExit
from callcenter.domain.units import Micros


def refusal(
    queue: Queue,
    *,
    calendar: Calendar | None,
    waiting: int,
    staffed: bool,
    now: Micros,
    door: bool | None = None,
) -> QueueExit | None:
    """The exit of a contact that may not wait, or None when it may.

    `waiting` counts who waits there already, those being offered included; `staffed` says whether
    anybody who could take the contact is logged in; `door` is what somebody did by hand, if anything.
    """
    if not (is_open(calendar, now) if door is None else door):
        return QueueExit.CLOSED
    if waiting >= queue.waiting_max:
        return QueueExit.FULL
    if queue.unstaffed_exit and not staffed:
        return QueueExit.UNSTAFFED
    return None
