"""The center as configured: queues, skills, agents, calendars. Data, no behaviour.

Why: control, front end, records and screens must decide by the same document. It travels whole in
`ConfigurationChanged`, so a replay sees the center as it was. It holds no secret: passwords of
phones and people stay in files and are read by the role that checks them.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.units import AgentId, QueueId


class Channel(StrEnum):
    """What a contact came by. Never audio."""

    VOICE = "voice"
    FAX = "fax"
    EMAIL = "email"
    CHAT = "chat"


class PhoneProfile(StrEnum):
    """What an agent's phone can do (DESIGN 6)."""

    STANDARD = "standard"
    LEGACY = "legacy"


PRIORITY_MAX = 10
PROFICIENCY_MAX = 10

CAPACITY_DEFAULT: dict[Channel, int] = {
    Channel.VOICE: 1,
    Channel.CHAT: 3,
    Channel.EMAIL: 5,
    Channel.FAX: 5,
}


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """When a figure on the wall warns and when it is critical."""

    longest_wait_warn_seconds: int = 60
    longest_wait_critical_seconds: int = 120
    waiting_warn: int = 5
    waiting_critical: int = 10


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A named waiting line. `skills` maps a skill to the least proficiency a contact needs."""

    id: QueueId
    title: str
    skills: dict[str, int] = {}
    priority: int = 5
    """0 to 10, higher first; one step is worth `ageing_seconds` of waiting."""
    ageing_seconds: int = 60
    target_seconds: int = 20
    target_percent: int = 80
    short_abandon_seconds: int = 5
    wait_seconds_max: int = 1800
    waiting_max: int = 1000
    ring_seconds: int = 20
    wrap_up_seconds: int = 30
    calendar: str = ""
    """Name of a calendar; empty means always open."""
    timezone: str = "UTC"
    """IANA zone whose midnight resets the wall's counters."""
    unstaffed_exit: bool = False
    """Refuse a contact when nobody who could take it is logged in."""
    dispositions: tuple[str, ...] = ("resolved", "follow-up", "wrong-number")
    thresholds: Thresholds = Thresholds()


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A person who handles contacts. `skills` maps a skill to her proficiency, 1 to 10."""

    id: AgentId
    name: str
    skills: dict[str, int] = {}
    team: str = ""
    phone: PhoneProfile = PhoneProfile.STANDARD
    capacity: dict[Channel, int] = {}
    """Overrides of `CAPACITY_DEFAULT`."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Open from `opens` to `closes` (local minutes after midnight) on `weekday` (0 is Monday)."""

    weekday: int
    opens: int
    closes: int


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """When a queue or a flow is open. `holidays` are local dates, `2026-12-25`."""

    name: str
    timezone: str = "UTC"
    periods: tuple[Period, ...] = ()
    holidays: frozenset[str] = frozenset()


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A dialled number (DID) or SIP user that starts a flow."""

    number: str
    flow: str
    guests: bool = False
    """Serve callers who are neither a trunk nor a registered phone."""


class Center(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decisions depend on, as one value."""

    name: str = "center"
    timezone: str = "UTC"
    skills: tuple[str, ...] = ()
    queues: tuple[Queue, ...] = ()
    agents: tuple[Agent, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    numbers: tuple[Number, ...] = ()
    reasons: tuple[str, ...] = ("break", "lunch", "training", "meeting")
    """Reasons an agent may give for being not ready."""
