"""What an agent does to the call she has, from her desk: hold it, ask a colleague, hand it on.

What happens here: her request names no call, because she has only one; it is found in the live
picture and handed to control, which says whether she may. Whom she may hand it on to is a list of
its own, searched where the center is large.

Why: a desk phone's keys differ from maker to maker; the page's buttons do not, and what they do is
a command in the journal like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from pydantic import Field

from callcenter.domain import commands as c
from callcenter.domain.center import Channel
from callcenter.domain.commands import CallAct, Presence
from callcenter.domain.units import AgentId, ContactId, QueueId
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveContact, Stage
from callcenter.web import views as v
from callcenter.web.access import Need
from callcenter.web.act import Asking, request_id
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call, Handling, Query, Route

TARGETS_MAX = 50
"""Of each kind; who looks for somebody else types a part of the name."""
COMMANDED = (200, 202)


class TransferBody(Body):
    """To whom: a queue or an agent. She keeps the place that she had when she first waited."""

    queue: str = Field("", max_length=64)
    agent: str = Field("", max_length=64)


class ConsultBody(Body):
    """Which colleague."""

    agent: str = Field(min_length=1, max_length=64)


class PickUpBody(Body):
    """Whom."""

    contact: str = Field(min_length=1, max_length=64)


class CallBody(Body):
    """Nothing: she has one call."""


class TargetsQuery(Query):
    """Whom she looks for."""

    find: str = ""
    """A part of a name."""


class Calls:
    """The handlers of what an agent does to her call; a supervisor may do it for her."""

    def __init__(self, picture: Picture, asking: Asking) -> None:
        self._picture = picture
        self._asking = asking

    async def transfer(self, call: Call) -> Answer:
        body: TransferBody = call.body
        return await self._asking.ask(
            c.TransferRequested(
                contact=self._contact(call),
                agent=AgentId(call.path("id")),
                queue=QueueId(body.queue),
                to=AgentId(body.agent),
                by=call.who.name,
                request=request_id(),
            )
        )

    async def hold(self, call: Call) -> Answer:
        return await self._act(call, CallAct.HOLD)

    async def resume(self, call: Call) -> Answer:
        return await self._act(call, CallAct.RESUME)

    async def hang_up(self, call: Call) -> Answer:
        return await self._act(call, CallAct.HANG_UP)

    async def pick_up(self, call: Call) -> Answer:
        body: PickUpBody = call.body
        return await self._asking.ask(
            c.PickUpRequested(
                contact=ContactId(body.contact),
                agent=AgentId(call.path("id")),
                by=call.who.name,
                request=request_id(),
            )
        )

    async def waiting(self, call: Call) -> v.PickUpList:
        """Calls in the queues that she can serve, the longest wait first, and where they ring."""
        live, me = self._picture.live, AgentId(call.path("id"))
        there = [
            contact
            for queue in live.queues()
            if me in live.able[queue.id]
            for contact in live.in_queue.get(queue.id, {}).values()
            if contact.channel is Channel.VOICE and contact.agent != me
        ]
        there.sort(key=lambda contact: (contact.since, contact.id))
        return v.PickUpList(
            at=as_time(self._picture.now()),
            calls=[
                v.PickUpCall(
                    contact=one.id,
                    queue_title=live.config[one.queue].title,
                    since=as_time(one.since),
                    rings_at=live.people[one.agent].name if one.agent in live.people else "",
                )
                for one in there[:TARGETS_MAX]
            ],
        )

    async def swap(self, call: Call) -> Answer:
        return await self._act(call, CallAct.SWAP)

    async def conference(self, call: Call) -> Answer:
        return await self._act(call, CallAct.CONFERENCE)

    async def complete(self, call: Call) -> Answer:
        return await self._act(call, CallAct.COMPLETE)

    async def consult_end(self, call: Call) -> Answer:
        return await self._act(call, CallAct.CONSULT_END)

    async def consult(self, call: Call) -> Answer:
        body: ConsultBody = call.body
        return await self._asking.ask(
            c.ConsultRequested(
                contact=self._contact(call),
                agent=AgentId(call.path("id")),
                to=AgentId(body.agent),
                by=call.who.name,
                request=request_id(),
            )
        )

    async def _act(self, call: Call, act: CallAct) -> Answer:
        return await self._asking.ask(
            c.CallActRequested(
                contact=self._contact(call),
                agent=AgentId(call.path("id")),
                act=act,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def targets(self, call: Call) -> v.TargetList:
        """Queues, and agents on duty, whose name holds what she looks for."""
        query: TargetsQuery = call.query
        live, me, wanted = self._picture.live, call.path("id"), query.find.casefold()

        def fits(*names: str) -> bool:
            return any(wanted in name.casefold() for name in names)

        queues = (
            v.TransferTarget(queue=queue.id, title=queue.title)
            for queue in live.queues()
            if fits(queue.id, queue.title)
        )
        agents = (
            v.TransferTarget(agent=one.id, title=person.name, state=one.presence.value)
            for person in live.people.values()
            if (one := live.data.agents.get(person.id)) is not None
            and one.id != me
            and one.presence not in (Presence.LOGGED_OUT, Presence.NOT_READY)
            and one.reachable_by
            and fits(one.id, person.name)
        )
        return v.TargetList(
            at=as_time(self._picture.now()), targets=[*_first(agents), *_first(queues)]
        )

    def _contact(self, call: Call) -> ContactId:
        """The caller she talks with."""
        live = self._picture.live
        agent = live.data.agents.get(AgentId(call.path("id")))
        if agent is None:
            raise Refused(404, f"there is no agent {call.path('id')!r}")
        for name in agent.segments.values():
            contact = live.data.contacts.get(name)
            if contact is not None and _is_call(contact):
                return contact.id
        raise Refused(409, f"agent {agent.id!r} has no call", kind="refused")


def _is_call(contact: LiveContact) -> bool:
    return contact.channel is Channel.VOICE and contact.stage is Stage.TALKING


def _first(targets: Iterable[v.TransferTarget]) -> list[v.TransferTarget]:
    return list(islice(targets, TARGETS_MAX))


def call_routes(does: Calls) -> list[Route]:
    """An agent's call."""

    def act(path: str, summary: str, handler: Handling, body: type[Body] = CallBody) -> Route:
        return Route("POST", f"/agents/{{id}}/call/{path}", Need.DESK, summary, v.CommandResult,
                     handler, body=body, owner="id", statuses=COMMANDED)  # fmt: skip

    return [
        act("hold", "Put her caller on hold: he hears music", does.hold),
        act("resume", "Take her caller back from hold", does.resume),
        act("transfer", "Hand her caller on to a queue or an agent", does.transfer, TransferBody),
        act("consult", "Ask a colleague while her caller holds the line", does.consult,
            ConsultBody),
        act("swap", "Talk with the other of caller and colleague", does.swap),
        act("conference", "Let all of them hear each other", does.conference),
        act("complete", "Leave caller and colleague together", does.complete),
        act("consult-end", "Let the colleague go and take the caller back", does.consult_end),
        act("hang-up", "End her part of the call", does.hang_up),
        act("pick-up", "Take a call that waits, or rings at a colleague", does.pick_up, PickUpBody),
        Route("GET", "/agents/{id}/call/waiting", Need.DESK, "What she may pick up",
              v.PickUpList, does.waiting, owner="id"),
        Route("GET", "/agents/{id}/call/targets", Need.DESK, "To whom she may hand her caller on",
              v.TargetList, does.targets, query=TargetsQuery, owner="id"),
    ]  # fmt: skip
