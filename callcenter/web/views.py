"""Documents of the API that are no screen row: contacts, desk, sessions, reports.

Why: shapes are values with types, so the OpenAPI document is made from them and cannot lie.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from callcenter.records.counters import Counters
from callcenter.records.screens import (
    AgentRow,
    CertificateRow,
    FrontendRow,
    QueueTile,
    WaitingRow,
)
from callcenter.records.timeline import Line
from callcenter.web.document_views import DeskDocument, FaxView
from callcenter.web.picture import ControlView


class QueueList(msgspec.Struct, frozen=True, kw_only=True):
    """All queues, now and today."""

    at: datetime
    queues: list[QueueTile]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with the formula it follows."""

    name: str
    formula: str
    value: float | None


class QueueDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One queue: its tile, the counts behind it, and every variant of service level."""

    at: datetime
    queue: QueueTile
    counters: Counters
    figures: list[Figure]
    waiting: list[WaitingRow]


class AgentList(msgspec.Struct, frozen=True, kw_only=True):
    """All agents."""

    at: datetime
    agents: list[AgentRow]


class WallState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the wall shows."""

    at: datetime
    center: str
    queues: list[QueueTile]
    waiting: list[WaitingRow]
    agents: list[AgentRow]
    frontends: list[FrontendRow]
    control: ControlView
    control_lag_seconds: float
    announcement: str
    """The emergency announcement of all queues."""
    reasons: list[str]
    """Why an agent may be not ready."""
    skills: list[str]
    """What agents can be good at."""
    stale_since: datetime | None


class PromptList(msgspec.Struct, frozen=True, kw_only=True):
    """Names of prompts with audio."""

    prompts: list[str]


class TrainingView(msgspec.Struct, frozen=True, kw_only=True):
    """One training as it was recorded."""

    recorded: datetime
    course: str
    date: str
    passed: bool
    trainer: str
    skill: str
    level: int
    expires: datetime | None


class TrainingList(msgspec.Struct, frozen=True, kw_only=True):
    """The last trainings of an agent, the newest first."""

    at: datetime
    agent: str
    trainings: list[TrainingView]


class CertificateList(msgspec.Struct, frozen=True, kw_only=True):
    """What training granted an agent, by skill."""

    at: datetime
    agent: str
    certificates: list[CertificateRow]


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One contact, alive or ended."""

    contact: str
    state: str
    """`flow waiting ringing talking ended`"""
    channel: str
    queue: str
    agent: str
    caller: str
    customer: str
    dialled: str
    priority: int
    arrived: datetime
    since: datetime
    """Start of the present state."""
    ended: datetime | None
    waited_seconds: float
    talked_seconds: float
    attributes: dict[str, str]
    outcome: str
    """Of the queue visit, where the list is about visits."""
    result: str
    reason: str
    place: int | None = None
    """While it waits: among all whom the same agents could serve."""
    expected_at: datetime | None = None
    promised_at: datetime | None = None
    """While it waits: the moment of an agent's answer."""
    origin: str = ""
    """Of a callback: the contact whose caller asked for it."""


class ContactList(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts, newest first. `counted` and `since` say what was counted, where it was asked."""

    at: datetime
    contacts: list[ContactRow]
    counted: str = ""
    since: datetime | None = None


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    """One ended queue visit."""

    queue: str
    visit: int
    since: datetime
    left: datetime
    waited_seconds: float
    outcome: str
    in_target: bool
    short: bool
    lost: bool
    agent: str
    reason: str


class SegmentView(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part."""

    segment: str
    agent: str
    queue: str
    started: datetime
    ended: datetime | None
    talked_seconds: float
    held_seconds: float
    wrapped_seconds: float
    disposition: str
    result: str
    reason: str


class ContactDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One contact with its timeline in words."""

    at: datetime
    contact: ContactRow
    flow: str
    revision: str
    timeline: list[Line]
    visits: list[VisitView]
    segments: list[SegmentView]


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """The customer of a contact, for the agent who has it."""

    number: str
    name: str
    language: str
    tier: str
    region: str
    fields: dict[str, str]


class DeskContact(msgspec.Struct, frozen=True, kw_only=True):
    """The contact at her phone: ringing or talking."""

    contact: str
    segment: str
    state: str
    queue: str
    queue_title: str
    channel: str
    caller: str
    customer: CustomerView | None
    since: datetime
    waited_seconds: float
    held: bool
    attributes: dict[str, str]
    skills: dict[str, int]
    dispositions: list[str]
    disposition: str
    offer: str = ""
    """What it is offered to her by, until she has it."""
    preview_until: datetime | None = None
    """She may accept or decline it until then; its phone does not ring yet."""
    accepts_itself: bool = False
    """It is hers when that time runs out, else somebody else's."""
    callback: bool = False
    """The customer is called when the agent has answered."""
    colleague: str = ""
    """Who was asked by her, or who asked her."""
    colleague_state: str = ""
    """`ringing` or `talking`."""
    asked: bool = False
    """Another agent has the contact, and asked her."""
    conference: bool = False
    """All of them hear each other."""
    calls: bool = False
    """It is her own call: when she has picked up, the number is dialled."""


class DeskWrapUp(msgspec.Struct, frozen=True, kw_only=True):
    """The work after a contact. `open` is false for the last one when it is done."""

    segment: str
    contact: str
    queue: str
    queue_title: str
    open: bool
    since: datetime
    until: datetime
    dispositions: list[str]
    disposition: str


class DeskQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue she can serve."""

    id: str
    title: str
    waiting: int
    oldest_since: datetime | None


class DeskState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one agent's desk shows."""

    at: datetime
    agent: AgentRow
    offer: DeskContact | None
    contact: DeskContact | None
    wrap_up: DeskWrapUp | None
    documents: list[DeskDocument]
    """Mails, faxes and messages: offered to her, worked on, put aside by her."""
    faxes: list[FaxView]
    """What she sends by fax, and how what she sent ended."""
    faxes_out: bool
    """Whether faxes can be sent at all."""
    queues: list[DeskQueue]
    reasons: list[str]
    sip: str
    """host:port of the SIP server at which her phone registers; only `:port` where the server
    listens everywhere: it is then the host by which the page was reached."""
    control: ControlView
    stale_since: datetime | None
    dials: bool = False
    """She may call numbers outside, some of them."""
    duty: str = ""
    """Who is on duty for her now; empty for nobody."""


class TransferTarget(msgspec.Struct, frozen=True, kw_only=True):
    """An agent on duty or a queue, to which a caller may be handed on."""

    agent: str = ""
    queue: str = ""
    title: str
    state: str = ""
    """What the agent does."""


class TargetList(msgspec.Struct, frozen=True, kw_only=True):
    """Agents, then queues, the first fifty of each."""

    at: datetime
    targets: list[TransferTarget]


class PickUpCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that waits in a queue of hers. No number: it is nobody's yet."""

    contact: str
    queue_title: str
    since: datetime
    rings_at: str
    """The colleague whose phone rings, if one does."""


class PickUpList(msgspec.Struct, frozen=True, kw_only=True):
    """The longest wait first, at most fifty."""

    at: datetime
    calls: list[PickUpCall]


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in. `csrf` goes into the header `X-CSRF-Token` of every change."""

    name: str
    scope: str
    agent: str
    csrf: str
    expires: datetime | None
    center: str
    may: list[str] = []
    """What she may, in the words of a route's need: `session wall desk supervisor admin`."""


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command: accepted, or null while the answer is still to come (202)."""

    request: str
    accepted: bool | None
    reason: str = ""


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token without its secret; `token` holds it once, when it is made."""

    id: str
    name: str
    scope: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    token: str = ""


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """All tokens."""

    tokens: list[TokenView]


class IntervalView(msgspec.Struct, frozen=True, kw_only=True):
    """15 minutes of one queue and channel."""

    queue: str
    channel: str
    start: datetime
    arrived: int
    counters: Counters
    service_level: float | None
    asa_seconds: float | None
    aht_seconds: float | None


class IntervalList(msgspec.Struct, frozen=True, kw_only=True):
    """Intervals in order of time. Sums of time in `counters` are microseconds."""

    intervals: list[IntervalView]
