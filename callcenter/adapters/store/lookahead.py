"""The look ahead: how long callers will wait, asked of the warm copy and reported to the leader.

Why: it takes milliseconds that the leader does not have between two decisions, and the follower has
the same state and time to spare. What is found goes into the command stream like any other report.
One follower does it: the one that archives. It takes no more than a share of one processor: after a
look that took long, the next one waits longer.

Without a follower nothing is estimated, and so nothing is announced.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from callcenter.adapters.store.clock import HeardTime
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.resp import Connection
from callcenter.domain.commands import Envelope, encode_envelope

LOOK_SECONDS = 2.0
SHARE_MAX = 0.05
"""Of one processor."""


class LookAhead:
    """One life of looking ahead; `epoch` grows from life to life. Times are `time.monotonic`."""

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        *,
        source: str,
        epoch: int,
        numbers: Iterator[int],
        heard: HeardTime,
    ) -> None:
        """`numbers` count the reports of this life; `heard` knows center time."""
        self.spent = 0.0
        """Seconds of processor time so far."""
        self._connection = connection
        self._keys = keys
        self._source = source
        self._epoch = epoch
        self._numbers = numbers
        self._heard = heard
        self._next = time.monotonic()

    def step(self, replica: Replica) -> None:
        """Look when it is time, and report what has changed."""
        if time.monotonic() < self._next or not replica.control.state.version:
            return
        began = time.thread_time()
        now = self._heard.told()
        report = replica.control.waits(now)
        took = time.thread_time() - began
        self.spent += took
        self._next = time.monotonic() + max(LOOK_SECONDS, took / SHARE_MAX)
        if report is None:
            return
        envelope = Envelope(self._source, self._epoch, next(self._numbers), now, (report,))
        data = encode_envelope(envelope)
        self._connection.call("XADD", self._keys.cmds, "*", "e", data)
