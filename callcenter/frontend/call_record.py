"""What a restart must know of a call, beside its dialogs: where she is and how she got there.

Why: fields are only added, with a default, so that a new version takes back the calls of the one
before it.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.commands import QueueRequested
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, ContactId, Micros
from callcenter.frontend.endings import ending
from callcenter.frontend.media_leg import LegRecord
from callcenter.frontend.turn import ContactClosed
from callcenter.sip.flow import Flow
from callcenter.sip.record import DialogRecord


class Stage(StrEnum):
    """Where in her story a caller is."""

    ARRIVING = "arriving"
    """The media engine was asked; nothing was promised yet."""
    ANSWERED = "answered"
    """Our 200 is out; the ACK is not in."""
    FLOW = "flow"
    QUEUED = "queued"
    TALKING = "talking"
    OVER = "over"


class CallRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a call, beside its dialogs."""

    contact: ContactId
    stage: Stage
    dialled: str
    flow: str
    revision: str
    arrived: Micros
    """Center time."""
    answered: Micros = 0
    caller: str = ""
    """Her number or name as an agent is shown it; empty when withheld."""
    registered: bool = False
    attested: str = ""
    """`A`, `B` or `C`: what the trunk's carrier says of her number, unverified."""
    session: bytes = b""
    waits: QueueRequested | None = None
    """How she got into her queue, to put her back there."""
    music: str = ""
    announced: str = ""
    """The file of the emergency announcement that she hears now."""
    served: bool = False
    """She has spoken with an agent."""
    agent: str = ""
    """With whom last."""
    since: Micros = 0
    """Center time at which she came to this stage."""
    waited: Micros = 0
    """In queues, until agents answered or she left."""
    legs: int = 0
    """How many media legs were opened for agents: each gets a name of its own."""
    standby: str = ""
    """The one of them that stands by."""
    secret: str = ""
    """From which the names of the INVITEs to agents are made, so that the next life makes the
    same; kept when she is queued."""
    talked: Micros = 0
    callback: str = ""
    """The contact by which she is to be called back; one for each call."""
    promised: bool = False
    """She was told so."""
    waits_since: Micros = 0
    """Center time at which she began to wait, in her first queue."""
    message: str = ""
    """The contact that the message she is leaving will be."""

    @property
    def reason_to_leave(self) -> Reason:
        """What it is when she hangs up where she is now."""
        if self.stage in (Stage.ARRIVING, Stage.ANSWERED):
            return Reason.CALLER_LEFT_BEFORE_ANSWER
        if self.stage is Stage.TALKING or self.served:
            return Reason.CALLER_HUNG_UP
        queued = self.stage is Stage.QUEUED
        return Reason.CALLER_LEFT_IN_QUEUE if queued else Reason.CALLER_LEFT_IN_FLOW

    def move(self, stage: Stage, now: Micros) -> Stage:
        """Go to `stage` at center time `now`; the stage before."""
        was, spent = self.stage, max(0, now - self.since) if self.since else 0
        if was is Stage.QUEUED:
            self.waited += spent
        elif was is Stage.TALKING:
            self.talked += spent
        self.stage, self.since = stage, now
        return was

    def closed(self, reason: Reason, now: Micros) -> ContactClosed:
        """Her story in one line, for the log; call it when she has moved to `OVER`."""
        row = ending(reason)
        return ContactClosed(
            contact=self.contact,
            label=row.label,
            fault=row.fault,
            lived_seconds=(now - self.arrived) / SECOND,
            result=ended(reason).result,
            channel=Channel.VOICE,
            flow=self.flow,
            queue=self.waits.queue if self.waits else "",
            agent=self.agent,
            waited_seconds=self.waited / SECOND,
            talked_seconds=self.talked / SECOND,
        )


class ArrivingKept(msgspec.Struct, kw_only=True, frozen=True):
    """An INVITE that was answered 100 and nothing else: who has that sends it no more, so the next
    life must take it from here."""

    flow: Flow
    invite: bytes


class LegKept(msgspec.Struct, kw_only=True):
    """The caller's own leg."""

    dialog: DialogRecord
    media: LegRecord
