"""All folds that make history, as one: what is to be written, and where to go on after a restart.

What happens here: batches of the journal go in, in order and without a hole; `take` gives the rows
that changed (`Page`) with the state and the cursor that belong to them.

Why: rows, state and cursor are written in one transaction, so after any crash the fold goes on at
the very batch it had written, and nothing is counted twice or left out. Rows are absolute values
with a key, so even writing one again changes nothing.
"""

import msgspec

from callcenter.domain import events as e
from callcenter.domain.termination import Reason, ended
from callcenter.records.contact_record import ContactRecord, SegmentRecord, Stories, StoryData
from callcenter.records.intervals import Interval, Intervals
from callcenter.records.live import LiveState
from callcenter.records.live_state import LiveData
from callcenter.records.visits import Visit


class Page(msgspec.Struct, kw_only=True):
    """One transaction's worth of rows."""

    seq: int
    at: int
    state: bytes
    contacts: list[ContactRecord]
    segments: list[SegmentRecord]
    visits: list[Visit]
    dispositions: list[e.DispositionSet]
    intervals: list[Interval]


class BookState(msgspec.Struct, kw_only=True):
    """What `Page.state` holds."""

    live: LiveData
    stories: StoryData
    intervals: list[Interval]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(BookState)


class Book:
    """The folds and their place in the journal."""

    def __init__(self, state: BookState | None = None, seq: int = 0) -> None:
        self.live = LiveState(state.live if state else None)
        self.stories = Stories(state.stories if state else None)
        self.intervals = Intervals(state.intervals if state else None)
        self.seq = seq
        self._visits: list[Visit] = []

    @classmethod
    def restore(cls, state: bytes, seq: int) -> "Book":
        """Go on after batch `seq`. Raises `msgspec.DecodeError`."""
        return cls(_decoder.decode(state), seq)

    def apply(self, batch: e.Batch) -> None:
        """Fold one batch; one that was folded already changes nothing."""
        if batch.seq <= self.seq:
            return
        self.seq = batch.seq
        for event in batch.events:
            self._apply(event)

    def skip_to(self, seq: int) -> None:
        """Go on after batch `seq` although batches before it are gone for good.

        What became of the contacts that lived then is unknown: they end as lost.
        """
        for contact in list(self.live.data.contacts.values()):
            lost = e.ContactEnded(
                at=self.live.data.at,
                contact=contact.id,
                channel=contact.channel,
                termination=ended(Reason.OWNER_LOST),
            )
            self._apply(lost)
        self.seq = seq

    def _apply(self, event: e.Event) -> None:
        if type(event) is e.WrapUpEnded:
            agent = self.live.data.agents.get(event.agent)
            self.intervals.wrapped(event, agent.wrap_ups.get(event.segment) if agent else None)
        visit = self.live.apply(event)
        self.stories.apply(event, visit)
        if visit is not None:
            self._visits.append(visit)
            self.intervals.visited(visit)
        if isinstance(event, e.ContactQueued | e.ContactMoved):
            self.intervals.arrived(event)
        elif type(event) is e.SegmentEnded:
            self.intervals.handled(event)

    def take(self) -> Page:
        """The rows since the last call, with the state they belong to."""
        finished = self.stories.take()
        intervals = self.intervals.take(self.live.data.at)
        visits, self._visits = self._visits, []
        state = BookState(
            live=self.live.data,
            stories=self.stories.data,
            intervals=list(self.intervals.rows.values()),
        )
        return Page(
            seq=self.seq,
            at=self.live.data.at,
            state=_encoder.encode(state),
            contacts=finished.contacts,
            segments=finished.segments,
            visits=visits,
            dispositions=finished.dispositions,
            intervals=intervals,
        )
