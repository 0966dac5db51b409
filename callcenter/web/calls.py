"""What an agent does to the call she has, from her desk: hold it, ask a colleague, hand it on.

What happens here: her request names no call, because she has only one; it is found in the live
picture and handed to control, which says whether she may. Whom she may hand it on to is a list of
its own, searched where the center is large.

Why: a desk phone's keys differ from maker to maker; the page's buttons do not, and what they do is
a command in the journal like any other.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable
from itertools import islice

from pydantic import Field

from callcenter.domain import commands as c
from callcenter.domain.center import Channel
from callcenter.domain.commands import CallAct, DialKind, Presence
from callcenter.domain.errors import CallcenterError
from callcenter.domain.units import AgentId, ContactId, PartyId, QueueId
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveContact, Stage
from callcenter.web import views as v
from callcenter.web.access import Need
from callcenter.web.act import Asking, request_id
from callcenter.web.picture import Picture
from callcenter.web.ports import PartiesPort
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call, Handling, Query, Route
from callcenter.web.tally import Tally

TARGETS_MAX = 50
"""Of each kind; who looks for somebody else types a part of the name."""
COMMANDED = (200, 202)


NUMBER = r"^[0-9+*# ()./-]{0,40}$"
"""What people type; which of it may be dialled, the front end says."""


class TransferBody(Body):
    """To whom: a queue, an agent, a number outside, or whoever is on duty. In a queue she keeps the
    place that she had when she first waited."""

    queue: str = Field("", max_length=64)
    agent: str = Field("", max_length=64)
    number: str = Field("", pattern=NUMBER)
    duty: bool = False


class ConsultBody(Body):
    """Which colleague, a number outside, or whoever is on duty."""

    agent: str = Field("", max_length=64)
    number: str = Field("", pattern=NUMBER)
    duty: bool = False


class DialBody(Body):
    """A number outside, or that of whoever is on duty. Her own phone rings first."""

    number: str = Field("", pattern=NUMBER)
    duty: bool = False


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

    def __init__(
        self, picture: Picture, asking: Asking, parties: PartiesPort, tally: Tally
    ) -> None:
        self._picture = picture
        self._asking = asking
        self._parties = parties
        self._tally = tally

    async def transfer(self, call: Call) -> Answer:
        """What is refused is counted here; what is done, where it is told (`metrics.py`)."""
        body: TransferBody = call.body
        named = {"outside": body.number, "duty": body.duty, "agent": body.agent, "queue": True}
        kind = next(name for name, is_so in named.items() if is_so)
        try:
            return await self._transfer(call, body)
        except Refused:
            self._tally.transfers[kind, "refused"] += 1
            raise

    async def _transfer(self, call: Call, body: TransferBody) -> Answer:
        if body.number or body.duty:
            _one_of(body.queue, body.agent, body.number, body.duty)
            return await self._dial(call, DialKind.TRANSFER, body.number, duty=body.duty)
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
        _one_of(body.agent, body.number, body.duty)
        if not body.agent:
            return await self._dial(call, DialKind.CONSULT, body.number, duty=body.duty)
        return await self._asking.ask(
            c.ConsultRequested(
                contact=self._contact(call),
                agent=AgentId(call.path("id")),
                to=AgentId(body.agent),
                by=call.who.name,
                request=request_id(),
            )
        )

    async def dial(self, call: Call) -> Answer:
        """Her phone rings first, then the number."""
        body: DialBody = call.body
        _one_of(body.number, body.duty)
        return await self._dial(call, DialKind.CALL, body.number, duty=body.duty)

    async def _dial(self, call: Call, kind: DialKind, number: str, *, duty: bool) -> Answer:
        """The number is kept in the erasable place; the command names it."""
        contact = ContactId("") if kind is DialKind.CALL else self._contact(call)
        party = PartyId("" if duty else f"party-desk-{secrets.token_hex(10)}")
        if party:
            try:
                await self._parties.keep(party, number)
            except CallcenterError as away:
                raise Refused(503, str(away), kind="store-unavailable") from away
        asked = c.DialRequested(
            agent=AgentId(call.path("id")), kind=kind, contact=contact, party=party, duty=duty,
            by=call.who.name, request=request_id(),
        )  # fmt: skip
        try:
            return await self._asking.ask(asked)
        except Refused as refused:
            if party and refused.document.status == 409:  # no contact will ever name it
                with contextlib.suppress(CallcenterError):
                    await self._parties.forget(party)
            raise

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


def _one_of(*targets: str | bool) -> None:
    """Somebody, and only one."""
    if sum(bool(target) for target in targets) != 1:
        raise Refused(422, "name one: a colleague, a number or duty", kind="invalid")


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
        act("transfer", "Hand her caller on: a queue, an agent, a number outside, whoever is on duty",
            does.transfer, TransferBody),
        act("consult", "Ask a colleague, or outside, while her caller holds the line", does.consult,
            ConsultBody),
        act("dial", "Call a number outside: her own phone rings first", does.dial, DialBody),
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
