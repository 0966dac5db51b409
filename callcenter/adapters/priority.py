"""Who interrupts whom on a busy processor.

Why: a call is served by front end, leader and store in turn, each for a fraction of a millisecond.
A process that looks after history, screens or copies and wakes in between would take the processor
from them, and a caller would wait for it. As a batch process it gets its share all the same, but
interrupts nobody for it.

Sources: sched(7), SCHED_BATCH: it may be taken and left by anybody.
"""

from __future__ import annotations

import os


def stand_back() -> None:
    """Interrupt nobody from now on."""
    _choose(os.SCHED_BATCH)


def stand_first() -> None:
    """As usual again: somebody waits for what this process does."""
    _choose(os.SCHED_OTHER)


def _choose(policy: int) -> None:
    try:
        os.sched_setscheduler(0, policy, os.sched_param(0))
    except OSError:
        pass  # a sandbox that forbids it: everybody is equal
