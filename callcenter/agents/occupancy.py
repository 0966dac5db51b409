"""How much of her time an agent is at work, and when it is too much.

Occupancy is time talking, holding and in wrap-up over that and the time she was idle and ready,
since she logged in. Ringing counts for neither side, being not ready is no time on duty.

With a ceiling she is offered nothing after work until the idle time has brought her back under it;
never longer than five minutes at a time, so that a long morning does not empty the afternoon.

Why: whoever is best is asked most, and burns out first. A ceiling is a promise to a person; its
price is told by the same figures.
"""

from callcenter.agents.agent import AgentState
from callcenter.domain.commands import Presence
from callcenter.domain.units import MINUTE, Micros

MILLION = 1_000_000
PERCENT = 100
REST_MAX: Micros = 5 * MINUTE
AT_WORK = (Presence.TALKING, Presence.WRAP_UP)


def occupancy(agent: AgentState, now: Micros) -> int:
    """Millionths of her time on duty that she was at work; 0 before she had any."""
    idle, busy = agent.idle, agent.busy
    if agent.presence is Presence.READY:
        idle += max(0, now - agent.since)
    elif agent.presence in AT_WORK:
        busy += max(0, now - agent.since)
    return busy * MILLION // (busy + idle) if busy + idle else 0


def count(agent: AgentState, was: Presence, lasted: Micros) -> None:
    """Add a span of presence that has ended; whoever logs in begins anew."""
    if was is Presence.LOGGED_OUT:
        agent.busy = agent.idle = 0
    elif was is Presence.READY:
        agent.idle += lasted
    elif was in AT_WORK:
        agent.busy += lasted


def rest_until(agent: AgentState, ceiling: int, now: Micros) -> Micros:
    """Until when she must rest to come back under `ceiling` percent; 0 when she need not."""
    if not ceiling:
        return 0
    missing = agent.busy * (PERCENT - ceiling) // ceiling - agent.idle
    return now + min(missing, REST_MAX) if missing > 0 else 0
