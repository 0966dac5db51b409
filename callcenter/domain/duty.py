"""Who is on duty: the first row of the roster that fits the queue, the place and the hour.

Why: an agent who needs somebody to decide should not have to know who that is tonight. Desk, phone
and API ask the same question, so it is answered in one place, from the center as it is configured.
"""

from callcenter.domain.calendar import OpenState, state_at
from callcenter.domain.center import Center, Duty
from callcenter.domain.units import Micros, QueueId


def on_duty(center: Center, queue: QueueId, site: str, at: Micros) -> Duty | None:
    """Who answers at center time `at` for a caller of `queue`, asked from `site`; either may be
    empty, which only rows that name none fit. None where nobody is on duty."""
    calendars = {calendar.name: calendar for calendar in center.calendars}
    for duty in center.duties:
        if duty.queues and queue not in duty.queues:
            continue
        if duty.sites and site not in duty.sites:
            continue
        if duty.calendar:
            hours = calendars.get(duty.calendar)
            if hours is None or state_at(hours, at) is not OpenState.OPEN:
                continue
        return duty
    return None


def duty_named(center: Center, name: str) -> Duty | None:
    """The row of this name."""
    return next((duty for duty in center.duties if duty.name == name), None)
