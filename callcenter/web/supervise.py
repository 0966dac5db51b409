"""What supervisors do: move, assign and rank who waits; open, close and announce; skills, training.

What happens here: the same as in `act.py`, for those who may act on everybody. What stands in the
address must exist (404 else); what stands in the body is judged by control, whose reason is what
the person reads.

Why: training and skills by hand are facts about people. They are told by ids (course, trainer), so
that the journal of them holds no name and no free text.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import AwareDatetime, Field

from callcenter.domain import commands as c
from callcenter.domain.center import PRIORITY_MAX, PROFICIENCY_MAX
from callcenter.domain.units import SECOND, AgentId, ContactId, QueueId
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveContact
from callcenter.records.screens import certificate_rows
from callcenter.web import views as v
from callcenter.web.act import Asking, request_id
from callcenter.web.gaps import IfTrained, SkillGaps, contact_if_trained, question, skill_gaps
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call, Query

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
SKILLS_MAX = 200
Name = Annotated[str, Field(min_length=1, max_length=64)]
PlainId = Annotated[str, Field(pattern=ID, max_length=64)]


class MoveBody(Body):
    """Where it is to wait; it keeps what it has waited."""

    queue: Name


class AssignBody(Body):
    """Who alone may have it, and for how long; afterwards everybody may."""

    agent: Name
    seconds: int = Field(120, ge=1, le=3600)


class PriorityBody(Body):
    """0 to 10, higher first; what it has waited is kept."""

    priority: int = Field(ge=0, le=PRIORITY_MAX)


class OpenBody(Body):
    """Open whatever the calendar says, or (`follow_calendar`) as the calendar says."""

    follow_calendar: bool = False


class CloseBody(Body):
    """`dismiss` sends away those who wait: their flow goes on at `closed`."""

    dismiss: bool = False


class AnnouncementBody(Body):
    """The name of a prompt; empty ends the announcement."""

    announcement: str = Field(max_length=100)


class SkillsBody(Body):
    """Instead of what is configured: 0 takes a skill away, what is not named stays as configured.

    Nothing at all undoes every change by hand.
    """

    skills: dict[Name, Annotated[int, Field(ge=0, le=PROFICIENCY_MAX)]] = Field(
        max_length=SKILLS_MAX
    )


class TrainingBody(Body):
    """A training. Passed, with a skill and a level, it is a certificate until `expires`."""

    course: PlainId
    date: dt.date
    passed: bool
    trainer: PlainId
    """Who trained her: an id, never a name."""
    skill: str = Field("", max_length=64)
    level: int = Field(0, ge=0, le=PROFICIENCY_MAX)
    expires: AwareDatetime | None = None
    """When the certificate ends; null for never."""


class GapsQuery(Query):
    """Which report."""

    queue: str = ""
    """Of this queue alone."""
    here: bool = False
    """Count only agents who are logged in."""


class Supervising:
    """The handlers of what a supervisor does."""

    def __init__(
        self, picture: Picture, asking: Asking, prompts: Callable[[], Sequence[str]]
    ) -> None:
        self._picture = picture
        self._asking = asking
        self._prompts = prompts

    # --- who waits ----------------------------------------------------------------------------

    async def move(self, call: Call) -> Answer:
        body: MoveBody = call.body
        return await self._asking.ask(
            c.MoveRequested(
                contact=self._contact(call).id,
                queue=QueueId(body.queue),
                by=call.who.name,
                request=request_id(),
            )
        )

    async def assign(self, call: Call) -> Answer:
        body: AssignBody = call.body
        return await self._asking.ask(
            c.AssignRequested(
                contact=self._contact(call).id,
                agent=AgentId(body.agent),
                seconds=body.seconds,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def priority(self, call: Call) -> Answer:
        body: PriorityBody = call.body
        return await self._asking.ask(
            c.PriorityRequested(
                contact=self._contact(call).id,
                priority=body.priority,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def if_trained(self, call: Call) -> IfTrained:
        return contact_if_trained(self._picture.live, self._contact(call), self._picture.now())

    # --- queues -------------------------------------------------------------------------------

    async def open(self, call: Call) -> Answer:
        body: OpenBody = call.body
        return await self._asking.ask(
            c.QueueOpenRequested(
                queue=self._queue(call.path("id")),
                follow_calendar=body.follow_calendar,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def close(self, call: Call) -> Answer:
        body: CloseBody = call.body
        return await self._asking.ask(
            c.QueueCloseRequested(
                queue=self._queue(call.path("id")),
                dismiss=body.dismiss,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def announce(self, call: Call) -> Answer:
        return await self._announce(call, self._queue(call.path("id")))

    async def announce_everywhere(self, call: Call) -> Answer:
        return await self._announce(call, QueueId(""))

    async def _announce(self, call: Call, queue: QueueId) -> Answer:
        body: AnnouncementBody = call.body
        if body.announcement:
            known = await asyncio.to_thread(self._prompts)
            if body.announcement not in known:
                words = f"no flow has audio for that prompt; known: {', '.join(known) or 'none'}"
                raise Refused(409, words, kind="refused")
        return await self._asking.ask(
            c.AnnouncementRequested(
                queue=queue,
                announcement=body.announcement,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def prompts(self, _call: Call) -> v.PromptList:
        return v.PromptList(prompts=list(await asyncio.to_thread(self._prompts)))

    async def gaps(self, call: Call) -> SkillGaps:
        query: GapsQuery = call.query
        live = self._picture.live
        queues = [live.config[self._queue(query.queue)]] if query.queue else list(live.queues())
        asked = question(live, queues, self._picture.now(), here=query.here)
        return await asyncio.to_thread(skill_gaps, asked)

    # --- what people can ----------------------------------------------------------------------

    async def skills(self, call: Call) -> Answer:
        body: SkillsBody = call.body
        return await self._asking.ask(
            c.SkillsRequested(
                agent=self._agent(call),
                skills=dict(body.skills),
                by=call.who.name,
                request=request_id(),
            )
        )

    async def train(self, call: Call) -> Answer:
        body: TrainingBody = call.body
        return await self._asking.ask(
            c.TrainingRequested(
                agent=self._agent(call),
                course=body.course,
                date=body.date.isoformat(),
                passed=body.passed,
                trainer=body.trainer,
                skill=body.skill,
                level=body.level,
                expires=round(body.expires.timestamp() * SECOND) if body.expires else 0,
                by=call.who.name,
                request=request_id(),
            )
        )

    async def trainings(self, call: Call) -> v.TrainingList:
        agent = self._agent(call)
        found = self._picture.live.data.qualifications.get(agent)
        return v.TrainingList(
            at=as_time(self._picture.now()),
            agent=agent,
            trainings=[
                v.TrainingView(
                    recorded=as_time(one.at),
                    course=one.course,
                    date=one.date,
                    passed=one.passed,
                    trainer=one.trainer,
                    skill=one.skill,
                    level=one.level,
                    expires=as_time(one.expires) if one.expires else None,
                )
                for one in reversed(found.trainings if found else ())
            ],
        )

    async def certificates(self, call: Call) -> v.CertificateList:
        agent = self._agent(call)
        found = self._picture.live.data.qualifications.get(agent)
        return v.CertificateList(
            at=as_time(self._picture.now()), agent=agent, certificates=certificate_rows(found)
        )

    # --- what stands in the address -----------------------------------------------------------

    def _contact(self, call: Call) -> LiveContact:
        found = self._picture.live.data.contacts.get(ContactId(call.path("id")))
        if found is None:
            raise Refused(404, "there is no such contact, or it has ended")
        return found

    def _queue(self, name: str) -> QueueId:
        if QueueId(name) not in self._picture.live.config:
            raise Refused(404, f"there is no queue {name!r}")
        return QueueId(name)

    def _agent(self, call: Call) -> AgentId:
        agent = AgentId(call.path("id"))
        if agent not in self._picture.live.people:
            raise Refused(404, f"there is no agent {agent!r}")
        return agent
