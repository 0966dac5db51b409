"""The place of a contact among those who wait.

A contact's key is the start of its waiting, moved into the past by what its priority is worth:
one step is `ageing_seconds` of waiting. The smallest key is served first.

Why: ageing is linear and the same for all, so the order of two waiting contacts never changes and
the key never has to be computed again. It is FIFO within a priority, and nobody can be overtaken
by contacts that come more than ten steps' worth later: waiting is bounded. The key survives an
unanswered offer, a declined one and a restart, and with it the place.
"""

from callcenter.domain.center import PRIORITY_MAX, Queue
from callcenter.domain.units import SECOND, Micros


def priority_of(asked: int | None, queue: Queue) -> int:
    """The contact's own priority or the queue's, within 0 to 10."""
    return max(0, min(queue.priority if asked is None else asked, PRIORITY_MAX))


def key_of(since: Micros, priority: int, ageing_seconds: int) -> Micros:
    """Where a contact stands: smaller is earlier."""
    return since - priority * ageing_seconds * SECOND
