"""Fifteen minutes at a time: what each queue and channel did, for reports and forecasts.

What happens here: a visit counts in the interval in which it *left* the queue, `offered` included,
so that the columns of one interval always add up; arrivals are counted beside them in the interval
in which the visit began.

Why: intervals of a day must add up to the day. Rows are absolute values, so writing one twice
changes nothing; only intervals that can still grow are held.
"""

import msgspec

from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.units import MINUTE, Micros, QueueId
from callcenter.records.counters import Counters
from callcenter.records.live_state import LiveWrapUp
from callcenter.records.visits import Visit

INTERVAL: Micros = 15 * MINUTE


class Interval(msgspec.Struct, kw_only=True):
    """One row."""

    queue: QueueId
    channel: Channel
    start: Micros
    arrived: int = 0
    counters: Counters = msgspec.field(default_factory=Counters)


class Intervals:
    """The intervals that can still grow, and those that changed since the last write."""

    def __init__(self, rows: list[Interval] | None = None) -> None:
        self.rows = {(r.queue, r.channel, r.start): r for r in rows or []}
        self._changed: set[tuple[QueueId, Channel, Micros]] = set()

    def _row(self, queue: QueueId, channel: Channel, at: Micros) -> Interval:
        key = (queue, channel, at - at % INTERVAL)
        self._changed.add(key)
        found = self.rows.get(key)
        if found is None:
            found = self.rows[key] = Interval(queue=queue, channel=channel, start=key[2])
        return found

    def arrived(self, event: e.ContactQueued | e.ContactMoved) -> None:
        """A visit began."""
        self._row(event.queue, event.channel, event.at).arrived += 1

    def visited(self, visit: Visit) -> None:
        """A visit ended."""
        counters = self._row(visit.queue, visit.channel, visit.left).counters
        counters.offered += 1
        counters.count(visit)

    def handled(self, event: e.SegmentEnded) -> None:
        """An agent's part ended."""
        counters = self._row(event.queue, event.channel, event.at).counters
        counters.handled += 1
        counters.talked += event.talked
        counters.held += event.held

    def wrapped(self, event: e.WrapUpEnded, wrap_up: LiveWrapUp | None) -> None:
        """The work after it ended; `wrap_up` knows the channel."""
        channel = wrap_up.channel if wrap_up else Channel.VOICE
        self._row(event.queue, channel, event.at).counters.wrapped += event.wrapped

    def take(self, now: Micros) -> list[Interval]:
        """Rows to write. Those that are over and written are forgotten."""
        changed = [self.rows[key] for key in self._changed]
        self._changed.clear()
        for key in [key for key in self.rows if key[2] + 2 * INTERVAL <= now]:
            del self.rows[key]
        return changed
