"""The two documents that are pushed: what the wall shows, and what one agent's desk shows.

Why: a screen that connects gets the whole document, and later only what changed in it, so both
must come from the same place.
"""

from __future__ import annotations

from typing import Any

from callcenter.care.customer import Customer
from callcenter.domain.center import Agent, PreviewEnd
from callcenter.domain.commands import DialStage
from callcenter.domain.duty import on_duty
from callcenter.domain.units import AgentId, QueueId, SegmentId
from callcenter.records import screens
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveAgent, LiveContact, Stage
from callcenter.web import views as v
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused


def wall_state(picture: Picture) -> v.WallState:
    """Everything the wall shows, numbers masked."""
    live, now = picture.live, picture.now()
    everywhere = live.data.announcements.get(QueueId(""))
    return v.WallState(
        at=as_time(now),
        center=live.data.center.name,
        queues=screens.queue_tiles(live, now),
        waiting=screens.waiting_rows(live, picture.callers.masked, now),
        agents=picture.grid.rows(live, now),
        frontends=screens.frontend_rows(live),
        control=picture.control,
        control_lag_seconds=picture.control.lag_seconds,
        announcement=everywhere.prompt if everywhere else "",
        reasons=list(live.data.center.reasons),
        skills=list(live.data.center.skills),
        stale_since=picture.stale_since,
    )


async def desk_state(picture: Picture, agent: AgentId) -> v.DeskState:
    """Everything the desk of `agent` shows: her own contact's number in full."""
    live, now = picture.live, picture.now()
    found = live.data.agents.get(agent)
    if found is None:
        raise Refused(404, f"there is no agent {agent!r}")
    contact = screens.present_contact(live, found)
    if contact is not None and (contact.document or contact.id not in found.segments.values()):
        contact = None
    offer = screens.offered_call(live, found)
    config = live.people.get(agent)
    return v.DeskState(
        at=as_time(now),
        agent=screens.agent_row(live, found, now),
        offer=await _contact(picture, offer, found) if offer is not None else None,
        contact=await _contact(picture, contact, found) if contact is not None else None,
        wrap_up=_wrap_up(picture, found),
        documents=await picture.documents(found),
        faxes=picture.faxes(found.id),
        faxes_out=picture.sends_faxes,
        queues=[
            _queue(picture, queue.id) for queue in live.queues() if agent in live.able[queue.id]
        ],
        reasons=list(live.data.center.reasons),
        sip=picture.sip,
        control=picture.control,
        stale_since=picture.stale_since,
        dials=bool(config and config.dials),
        duty=_on_duty(picture, config, contact),
    )


def _on_duty(picture: Picture, config: Agent | None, contact: LiveContact | None) -> str:
    """Who answers for her now, as she would call him; empty for nobody."""
    live = picture.live
    queue = contact.queue if contact is not None else QueueId("")
    duty = on_duty(live.data.center, queue, config.site if config else "", picture.now())
    if duty is None:
        return ""
    person = live.people.get(duty.agent)
    return person.name if person else duty.name


async def _contact(picture: Picture, contact: LiveContact, agent: LiveAgent) -> v.DeskContact:
    offer = next((name for name, whom in agent.offers.items() if whom == contact.id), "")
    queue = picture.live.config.get(contact.queue)
    customer = await picture.customer(contact.customer) if contact.customer else None
    waiting = contact.stage is Stage.RINGING
    waited = picture.now() - contact.since if waiting else contact.waited
    return v.DeskContact(
        contact=contact.id,
        segment=_segment_of(contact, agent.id),
        state=contact.stage.value,
        queue=contact.queue,
        queue_title=queue.title if queue else contact.queue,
        channel=contact.channel.value,
        caller=picture.callers.numbers.get(contact.party, ""),
        customer=_customer(customer) if customer else None,
        since=as_time(contact.stage_since),
        waited_seconds=waited // 1_000_000,
        held=contact.held,
        attributes=contact.attributes,
        skills=contact.skills,
        dispositions=list(queue.dispositions) if queue else [],
        disposition=contact.disposition,
        offer=offer,
        preview_until=as_time(contact.preview_until) if contact.preview_until else None,
        accepts_itself=bool(queue and queue.preview_end is PreviewEnd.ACCEPT),
        callback=contact.calls_back,
        calls=contact.placed,
        **_colleague(picture, contact, agent.id),
    )


def _segment_of(contact: LiveContact, agent: AgentId) -> SegmentId:
    """Hers, where several agents are in the call."""
    beside = next((s for s, one in contact.beside.items() if one == agent), None)
    return beside or contact.segment


def _colleague(picture: Picture, contact: LiveContact, agent: AgentId) -> dict[str, Any]:
    """Who else is in the call, or is being asked into it."""
    asked = agent == contact.asked or agent in contact.beside.values()
    last = next(reversed(contact.beside.values()), None)
    other = contact.agent if asked else contact.asked or last
    if contact.outside is not None:
        there = contact.outside is DialStage.ANSWERED
        return {
            "colleague": "the number outside",
            "colleague_state": "talking" if there else "ringing",
            "conference": contact.conference,
        }
    if not other:
        return {}
    person = picture.live.people.get(other)
    return {
        "colleague": person.name if person else other,
        "colleague_state": "ringing" if contact.asked and not asked else "talking",
        "asked": asked,
        "conference": contact.conference,
    }


def _customer(customer: Customer) -> v.CustomerView:
    return v.CustomerView(
        number=customer.number,
        name=customer.name,
        language=customer.language,
        tier=customer.tier,
        region=customer.region,
        fields=customer.fields,
    )


def _wrap_up(picture: Picture, agent: LiveAgent) -> v.DeskWrapUp | None:
    """Her open wrap-up, else the last segment, whose disposition can still be set."""
    work = next(iter(agent.wrap_ups.values()), None) or agent.last
    if work is None:
        return None
    queue = picture.live.config.get(work.queue)
    return v.DeskWrapUp(
        segment=work.segment,
        contact=work.contact,
        queue=work.queue,
        queue_title=queue.title if queue else work.queue,
        open=work.segment in agent.wrap_ups,
        since=as_time(work.since),
        until=as_time(work.until),
        dispositions=list(queue.dispositions) if queue else [],
        disposition=work.disposition,
    )


def _queue(picture: Picture, queue: QueueId) -> v.DeskQueue:
    waiting = picture.live.in_queue.get(queue, {})
    oldest = min((c.since for c in waiting.values()), default=None)
    return v.DeskQueue(
        id=queue,
        title=picture.live.config[queue].title,
        waiting=len(waiting),
        oldest_since=None if oldest is None else as_time(oldest),
    )
