"""What can be read: queues, agents, contacts, the wall, the desk, reports.

Why: every number of a tile can be opened to the contacts behind it (`counted`), so a supervisor
who doubts a figure looks instead of asking.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import structlog

from callcenter.domain.center import Queue
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros, QueueId
from callcenter.records import screens
from callcenter.records import service_level as formulas
from callcenter.records.contact_record import ContactRecord, SegmentRecord, Step
from callcenter.records.day import as_time
from callcenter.records.intervals import Interval
from callcenter.records.live_state import IN_QUEUE, LiveContact, Stage
from callcenter.records.timeline import in_words
from callcenter.records.visits import Outcome, Visit
from callcenter.web import views as v
from callcenter.web.callers import masked, number_in
from callcenter.web.picture import Picture
from callcenter.web.ports import PartiesPort, RecordsPort
from callcenter.web.problems import Refused
from callcenter.web.routes import Call, Query
from callcenter.web.states import desk_state, wall_state

log = structlog.get_logger()

LIMIT = 100
LIMIT_MAX = 500
INTERVALS_SPAN_MAX: Micros = 32 * 24 * 3600 * SECOND

Counted = Literal[
    "waiting", "offered", "answered", "answered_in_target", "abandoned", "short_abandoned",
    "flowed_out", "callbacks", "lost", "handled",
]  # fmt: skip

VISITS_BEHIND: dict[str, tuple[Outcome | None, tuple[str, ...]]] = {
    "offered": (None, ()),
    "answered": (Outcome.ANSWERED, ()),
    "answered_in_target": (Outcome.ANSWERED, ("in_target",)),
    "abandoned": (Outcome.ABANDONED, ()),
    "short_abandoned": (Outcome.ABANDONED, ("short",)),
    "flowed_out": (Outcome.FLOWED_OUT, ()),
    "callbacks": (Outcome.CALLBACK, ()),
    "lost": (Outcome.ABANDONED, ("lost",)),
}
"""Which ended visits are behind a count of the tile."""


class ContactsQuery(Query):
    """Which contacts."""

    state: Literal["waiting", "active", "ended"] | None = None
    queue: str = ""
    agent: str = ""
    counted: Counted | None = None
    """The contacts behind this count of the queue's tile, today."""
    before: datetime | None = None
    """Ended before then: the next page."""
    limit: int = LIMIT


class ContactQuery(Query):
    """How much of one contact."""

    reveal: bool = False
    """The caller's number in full; for supervisors."""


class IntervalsQuery(Query):
    """Which intervals."""

    since: datetime
    until: datetime
    queue: str = ""


class Reading:
    """The handlers that change nothing."""

    def __init__(self, picture: Picture, records: RecordsPort, parties: PartiesPort) -> None:
        self.picture = picture
        self._records = records
        self._parties = parties

    # --- now ----------------------------------------------------------------------------------

    async def queues(self, _call: Call) -> v.QueueList:
        now = self._now()
        return v.QueueList(at=as_time(now), queues=screens.queue_tiles(self.picture.live, now))

    async def queue(self, call: Call) -> v.QueueDetail:
        now, live = self._now(), self.picture.live
        queue = self._queue(call.path("id"))
        counters = live.today(queue.id)
        figures = [
            v.Figure(
                name=f"service_level.{name}", formula=variant.formula, value=variant.of(counters)
            )
            for name, variant in formulas.VARIANTS.items()
        ]
        figures += [
            v.Figure(name="abandonment", formula="(B - B_s) / (A + B - B_s)",
                     value=formulas.abandonment(counters)),
            v.Figure(name="asa_seconds", formula="sum of waits of answered / A",
                     value=formulas.asa_seconds(counters)),
            v.Figure(name="time_to_abandon_seconds", formula="sum of waits of abandoned / B",
                     value=formulas.time_to_abandon_seconds(counters)),
            v.Figure(name="aht_seconds", formula="(talk + hold + wrap-up) / handled",
                     value=formulas.aht_seconds(counters)),
            v.Figure(name="occupancy",
                     formula="(talk + hold + wrap-up) / (that + ready), agents of this queue",
                     value=screens.queue_occupancy(live, queue, now)),
        ]  # fmt: skip
        rows = screens.waiting_rows(live, self.picture.callers.masked, now)
        return v.QueueDetail(
            at=as_time(now),
            queue=screens.queue_tile(live, queue, now),
            counters=counters,
            figures=figures,
            waiting=[row for row in rows if row.queue == queue.id],
        )

    async def agents(self, _call: Call) -> v.AgentList:
        now = self._now()
        return v.AgentList(at=as_time(now), agents=screens.agent_rows(self.picture.live, now))

    async def agent(self, call: Call) -> screens.AgentRow:
        found = self.picture.live.data.agents.get(AgentId(call.path("id")))
        if found is None:
            raise Refused(404, f"there is no agent {call.path('id')!r}")
        return screens.agent_row(self.picture.live, found, self._now())

    async def wall(self, _call: Call) -> v.WallState:
        self._now()
        return wall_state(self.picture)

    async def desk(self, call: Call) -> v.DeskState:
        return await desk_state(self.picture, AgentId(call.path("id")))

    # --- contacts -----------------------------------------------------------------------------

    async def contacts(self, call: Call) -> v.ContactList:
        query: ContactsQuery = call.query
        limit = max(1, min(query.limit, LIMIT_MAX))
        if query.counted is not None:
            return await self._behind(query.counted, self._queue(query.queue), limit)
        rows: list[v.ContactRow] = []
        if query.state != "ended":
            rows = [
                self._living(contact)
                for contact in self.picture.live.data.contacts.values()
                if _matches(contact, query)
            ]
            rows.sort(key=lambda row: row.arrived, reverse=True)
        if query.state in (None, "ended") and len(rows) < limit:
            before = _micros(query.before) if query.before else 0
            records = await self._records.ended(
                queue=query.queue, before=before, limit=limit - len(rows)
            )
            wanted = [r for r in records if not query.agent or r.agent == query.agent]
            callers = await self._callers([r.party for r in wanted])
            rows += [record_row(r, callers) for r in wanted]
        return v.ContactList(at=as_time(self._now()), contacts=rows[:limit])

    async def contact(self, call: Call) -> v.ContactDetail:
        query: ContactQuery = call.query
        contact = ContactId(call.path("id"))
        if query.reveal and not call.who.supervises:
            raise Refused(403, "only a supervisor sees numbers in full")
        if query.reveal:
            log.info("number shown in full", by=call.who.name, contact=contact)
        living = self.picture.live.data.contacts.get(contact)
        record = await self._records.contact(contact)
        if living is None and record is None:
            raise Refused(404, f"there is no contact {contact!r}")
        visits = await self._records.visits_of(contact)
        segments = await self._records.segments_of(contact)
        party = living.party if living else record.party if record else ""
        callers = await self._callers([party], reveal=query.reveal)
        if living is not None:
            row = self._living(living, callers.get(party))
            steps = self.picture.stories.steps_of(contact) or []
            flow, revision = living.flow, ""
        else:
            assert record is not None
            row, steps = record_row(record, callers), record.steps
            flow, revision = record.flow, record.revision
        return v.ContactDetail(
            at=as_time(self._now()),
            contact=row,
            flow=flow,
            revision=revision,
            timeline=in_words(self._newest(contact, steps)),
            visits=[visit_view(visit) for visit in visits],
            segments=[segment_view(segment) for segment in segments],
        )

    def _newest(self, contact: ContactId, steps: Sequence[Step]) -> Sequence[Step]:
        """The story that is still told, where it is ahead of what was written."""
        told = self.picture.stories.steps_of(contact)
        return told if told is not None and len(told) > len(steps) else steps

    async def _behind(self, counted: str, queue: Queue, limit: int) -> v.ContactList:
        """The contacts behind one number of a tile."""
        live = self.picture.live
        state = live.data.queues.get(queue.id)
        since = state.day_start if state else 0
        rows: list[v.ContactRow] = []
        if counted in ("waiting", "offered"):
            rows = [self._living(contact) for contact in live.waiting(queue.id)]
        if counted == "handled":
            segments = await self._records.handled(queue.id, since, limit=limit)
            rows += await self._rows_of([(s.contact, "") for s in segments])
        elif counted != "waiting":
            outcome, flags = VISITS_BEHIND[counted]
            visits = await self._records.visits(
                queue.id, since, outcome=outcome, flags=flags, limit=limit
            )
            rows += await self._rows_of([(visit.contact, visit.outcome.value) for visit in visits])
        return v.ContactList(
            at=as_time(self._now()), contacts=rows[:limit], counted=counted, since=as_time(since)
        )

    async def _rows_of(self, wanted: list[tuple[ContactId, str]]) -> list[v.ContactRow]:
        """A row per visit or segment, from the living contact or the written one."""
        living = self.picture.live.data.contacts
        written = await self._records.by_id([c for c, _ in wanted if c not in living])
        callers = await self._callers([record.party for record in written.values()])
        rows = []
        for contact, outcome in wanted:
            alive, record = living.get(contact), written.get(contact)
            if alive is not None:
                rows.append(self._living(alive, outcome=outcome))
            elif record is not None:
                rows.append(record_row(record, callers, outcome))
        return rows

    async def _callers(self, parties: Sequence[str], *, reveal: bool = False) -> dict[str, str]:
        values = await self._parties.values([p for p in parties if p])
        numbers = {party: number_in(value) for party, value in values.items()}
        return numbers if reveal else {p: masked(number) for p, number in numbers.items()}

    def _living(
        self, contact: LiveContact, caller: str | None = None, outcome: str = ""
    ) -> v.ContactRow:
        now = self.picture.now()
        waited = now - contact.since if contact.stage in IN_QUEUE else contact.waited
        talked = now - contact.stage_since if contact.stage is Stage.TALKING else 0
        shown = self.picture.callers.masked.get(contact.party, "") if caller is None else caller
        wait = screens.wait_of(contact, now)
        return v.ContactRow(
            contact=contact.id,
            state=contact.stage.value,
            channel=contact.channel.value,
            queue=contact.queue,
            agent=contact.agent,
            caller=shown,
            customer=contact.customer,
            dialled=contact.dialled,
            priority=contact.priority,
            arrived=as_time(contact.arrived),
            since=as_time(contact.stage_since),
            ended=None,
            waited_seconds=_seconds(waited),
            talked_seconds=_seconds(talked),
            attributes=contact.attributes,
            outcome=outcome,
            result="",
            reason="",
            place=wait.place,
            expected_at=wait.expected_at,
            promised_at=wait.promised_at,
            origin=contact.origin,
        )

    # --- reports ------------------------------------------------------------------------------

    async def intervals(self, call: Call) -> v.IntervalList:
        query: IntervalsQuery = call.query
        since, until = _micros(query.since), _micros(query.until)
        if not 0 < until - since <= INTERVALS_SPAN_MAX:
            raise Refused(422, "`until` must be after `since`, by at most 32 days")
        rows = await self._records.intervals(since, until, query.queue)
        return v.IntervalList(intervals=[interval_view(row) for row in rows])

    # --- helpers ------------------------------------------------------------------------------

    def _now(self) -> Micros:
        now = self.picture.now()
        self.picture.live.roll(now)
        return now

    def _queue(self, name: str) -> Queue:
        queue = self.picture.live.config.get(QueueId(name))
        if queue is None:
            raise Refused(404, f"there is no queue {name!r}" if name else "name a `queue`")
        return queue


def _matches(contact: LiveContact, query: ContactsQuery) -> bool:
    if query.queue and contact.queue != query.queue:
        return False
    if query.agent and query.agent not in (contact.agent, *contact.also.values()):
        return False
    return query.state != "waiting" or contact.stage in IN_QUEUE


def _micros(at: datetime) -> Micros:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(aware.timestamp() * SECOND)


def _seconds(span: Micros) -> float:
    return round(max(0, span) / SECOND, 1)


def record_row(record: ContactRecord, callers: dict[str, str], outcome: str = "") -> v.ContactRow:
    """An ended contact as a row."""
    return v.ContactRow(
        contact=record.contact,
        state="ended",
        channel=record.channel.value,
        queue=record.queue,
        agent=record.agent,
        caller=callers.get(record.party, ""),
        customer=record.customer,
        dialled=record.dialled,
        priority=0,
        arrived=as_time(record.arrived),
        since=as_time(record.ended),
        ended=as_time(record.ended),
        waited_seconds=_seconds(record.waited),
        talked_seconds=_seconds(record.talked),
        attributes=record.attributes,
        outcome=outcome,
        result=record.result,
        reason=record.reason,
        origin=record.origin,
    )


def visit_view(visit: Visit) -> v.VisitView:
    """An ended visit as a script reads it."""
    return v.VisitView(
        queue=visit.queue,
        visit=visit.visit,
        since=as_time(visit.since),
        left=as_time(visit.left),
        waited_seconds=_seconds(visit.waited),
        outcome=visit.outcome.value,
        in_target=visit.in_target,
        short=visit.short,
        lost=visit.lost,
        agent=visit.agent,
        reason=visit.reason,
    )


def segment_view(segment: SegmentRecord) -> v.SegmentView:
    """A segment as a script reads it."""
    return v.SegmentView(
        segment=segment.segment,
        agent=segment.agent,
        queue=segment.queue,
        started=as_time(segment.started),
        ended=as_time(segment.ended) if segment.ended else None,
        talked_seconds=_seconds(segment.talked),
        held_seconds=_seconds(segment.held),
        wrapped_seconds=_seconds(segment.wrapped),
        disposition=segment.disposition,
        result=segment.result,
        reason=segment.reason,
    )


def interval_view(row: Interval) -> v.IntervalView:
    """An interval with its figures."""
    return v.IntervalView(
        queue=row.queue,
        channel=row.channel.value,
        start=as_time(row.start),
        arrived=row.arrived,
        counters=row.counters,
        service_level=formulas.service_level(row.counters),
        asa_seconds=formulas.asa_seconds(row.counters),
        aht_seconds=formulas.aht_seconds(row.counters),
    )
