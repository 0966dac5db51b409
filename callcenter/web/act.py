"""What people do from a screen: be ready, file a contact, end the work after it.

What happens here: the request becomes a command in the journal; the answer is the event that names
it. Whoever does not get it within two seconds gets 202 and sees the outcome on the screen.

Why: a screen decides nothing. If control says no, the reason it gives is what the person reads.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from pydantic import Field

from callcenter.domain import commands as c
from callcenter.domain.commands import Command, Presence
from callcenter.domain.errors import CallcenterError
from callcenter.domain.units import AgentId, CommandId, SegmentId
from callcenter.web import views as v
from callcenter.web.access import Need, authorize
from callcenter.web.picture import Picture
from callcenter.web.ports import CommandPort
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call

ANSWER_SECONDS = 2.0
NO_NUMBERS: Mapping[str, str] = MappingProxyType({})

Request: TypeAlias = (
    c.PresenceRequested
    | c.WrapUpEndRequested
    | c.DispositionRequested
    | c.MoveRequested
    | c.AssignRequested
    | c.PriorityRequested
    | c.QueueOpenRequested
    | c.QueueCloseRequested
    | c.AnnouncementRequested
    | c.SkillsRequested
    | c.TrainingRequested
    | c.OfferAnswerRequested
    | c.PutAsideRequested
    | c.DoneRequested
    | c.LetterRequested
    | c.LetterCancelRequested
    | c.TransferRequested
    | c.CallActRequested
    | c.ConsultRequested
    | c.DialRequested
    | c.PickUpRequested
    | c.FaxRequested
    | c.FaxCancelRequested
)
"""What people ask for, each by a name of its own."""


class PresenceBody(Body):
    """What she wants to be. During a contact it takes effect after it."""

    presence: Literal["ready", "not_ready", "logged_out"]
    reason: str = Field("", max_length=60)
    """One of the center's reasons; only with `not_ready`."""


class DispositionBody(Body):
    """What the contact was, in the words of the queue."""

    disposition: str = Field(min_length=1, max_length=100)


class WrapUpBody(Body):
    """Which wrap-up; all of hers when empty."""

    segment: str = ""


class Asking:
    """Asks control for something on behalf of somebody."""

    def __init__(self, picture: Picture, commands: CommandPort) -> None:
        self._picture = picture
        self._commands = commands

    async def ask(self, command: Request, numbers: Mapping[str, str] = NO_NUMBERS) -> Answer:
        """Put it into the journal, `numbers` into the erasable place, and wait for what control
        says."""
        request = command.request
        asked: tuple[Command, ...] = (command,)
        answer = self._picture.ask(request)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._commands.append(asked, (), numbers)
                answered = await answer
        except TimeoutError:
            return Answer(v.CommandResult(request=request, accepted=None), status=202)
        except CallcenterError as away:
            raise Refused(503, str(away), kind="store-unavailable") from away
        finally:
            answer.cancel()
        if not answered.accepted:
            raise Refused(409, answered.reason, kind="refused")
        return Answer(v.CommandResult(request=request, accepted=True))


class Acting:
    """The handlers of what an agent does; a supervisor may do it for her."""

    def __init__(self, picture: Picture, asking: Asking) -> None:
        self._picture = picture
        self._asking = asking

    async def presence(self, call: Call) -> Answer:
        body: PresenceBody = call.body
        return await self._asking.ask(
            c.PresenceRequested(
                agent=AgentId(call.path("id")),
                presence=Presence(body.presence),
                reason=body.reason,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def wrap_up_end(self, call: Call) -> Answer:
        body: WrapUpBody = call.body
        return await self._asking.ask(
            c.WrapUpEndRequested(
                agent=AgentId(call.path("id")),
                segment=SegmentId(body.segment),
                request=request_id(),
            )
        )

    async def disposition(self, call: Call) -> Answer:
        body: DispositionBody = call.body
        segment = SegmentId(call.path("id"))
        agent = self._agent_of(segment)
        authorize(call.who, Need.DESK, agent or call.who.agent)
        if not agent:
            raise Refused(404, f"nobody works on a segment {segment!r}")
        return await self._asking.ask(
            c.DispositionRequested(
                agent=agent,
                segment=segment,
                disposition=body.disposition,
                request=request_id(),
            )
        )

    def _agent_of(self, segment: SegmentId) -> AgentId:
        for agent in self._picture.live.data.agents.values():
            last = agent.last.segment if agent.last else ""
            if segment in agent.segments or segment in agent.wrap_ups or segment == last:
                return agent.id
        return AgentId("")


def request_id() -> CommandId:
    """A name for one request, by which it is answered."""
    return CommandId("web-" + secrets.token_hex(8))
