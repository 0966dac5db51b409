"""The place of a contact among those who wait.

A contact's key is the start of its waiting, moved into the past by what its priority is worth:
one step is `ageing_seconds` of waiting. The smallest key is served first.

Why: ageing is linear and the same for all, so the order of two waiting contacts never changes and
the key never has to be computed again. It is FIFO within a priority, and nobody can be overtaken
by contacts that come more than ten steps' worth later: waiting is bounded. The key survives an
unanswered offer, a declined one, a wider ring, a move and a restart, and with it the place.

With strict priority a step is worth more than anybody may wait, so the promise is given up. With
targets the engine compares the first of each class by the share of its queue's target that the
time since its key has used up; within a class the order is still that of the keys.
"""

from callcenter.domain.center import PRIORITY_MAX, STRICT_STEP, ContactChoice, Queue
from callcenter.domain.units import SECOND, Micros


def priority_of(asked: int | None, queue: Queue) -> int:
    """The contact's own priority or the queue's, within 0 to 10."""
    return max(0, min(queue.priority if asked is None else asked, PRIORITY_MAX))


def worth(ageing_seconds: int, choice: ContactChoice = ContactChoice.AGEING) -> Micros:
    """How much waiting one step of priority stands for."""
    return STRICT_STEP if choice is ContactChoice.STRICT else ageing_seconds * SECOND


def key_of(
    since: Micros,
    priority: int,
    ageing_seconds: int,
    choice: ContactChoice = ContactChoice.AGEING,
) -> Micros:
    """Where a contact stands: smaller is earlier."""
    return since - priority * worth(ageing_seconds, choice)


def used_up(key: Micros, target_seconds: int, now: Micros) -> int:
    """Millionths of the target that are gone since the key; 0 seconds count as one."""
    return (now - key) // max(1, target_seconds)
