"""The center as configured: queues, skills, agents, calendars. Data, no behaviour.

Why: control, front end, records and screens must decide by the same document. It travels whole in
`ConfigurationChanged`, so a replay sees the center as it was. It holds no secret: passwords of
phones and people stay in files and are read by the role that checks them.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.units import DAY, AgentId, Micros, QueueId


class Channel(StrEnum):
    """What a contact came by. Never audio."""

    VOICE = "voice"
    FAX = "fax"
    EMAIL = "email"
    CHAT = "chat"
    VOICEMAIL = "voicemail"
    """A message that a caller left: heard when there is time, like something to read."""


class AgentChoice(StrEnum):
    """Which of the able and free agents a contact is offered to (`routing/choice.py`)."""

    LONGEST_IDLE = "longest_idle"
    LEAST_OCCUPIED = "least_occupied"
    MOST_SKILLED = "most_skilled"
    LEAST_SKILLED = "least_skilled"
    """Who knows least of what is needed: the specialists are spared."""
    ROUND_ROBIN = "round_robin"
    TOP_DOWN = "top_down"
    """In the order in which the center names its agents."""
    RING_ALL = "ring_all"
    """Several at once, up to `ring_width`; who answers first has it."""


class ContactChoice(StrEnum):
    """Which of the waiting contacts an agent gets (`routing/place.py`)."""

    AGEING = "ageing"
    """Longest wait first, a step of priority being worth `ageing_seconds` of it."""
    TARGET = "target"
    """Most of its queue's `target_seconds` used up first."""
    STRICT = "strict"
    """Higher priority first, however long others have waited."""


class PhoneProfile(StrEnum):
    """What an agent's phone can do (DESIGN 6)."""

    STANDARD = "standard"
    LEGACY = "legacy"


class AutoAnswer(StrEnum):
    """By which header an agent's phone lets itself be answered by us."""

    OFF = "off"
    """It rings until she picks it up."""
    CALL_INFO = "call-info"
    """`Call-Info: <…>;answer-after=0`"""
    ALERT_INFO = "alert-info"
    """`Alert-Info: <…>;info=alert-autoanswer`"""
    ANSWER_MODE = "answer-mode"
    """`Answer-Mode: Auto` (RFC 5373)"""


class PreviewEnd(StrEnum):
    """What a preview that nobody answered counts as."""

    RONA = "rona"
    """Like a phone that rang to the end."""
    ACCEPT = "accept"
    """She has it: her phone is called, unless she asked to be not ready meanwhile."""


PRIORITY_MAX = 10
STRICT_STEP: Micros = 31 * DAY
"""One step of strict priority: more than anybody may wait."""
PROFICIENCY_MAX = 10

CAPACITY_DEFAULT: dict[Channel, int] = {
    Channel.VOICE: 1,
    Channel.CHAT: 3,
    Channel.EMAIL: 5,
    Channel.FAX: 5,
    Channel.VOICEMAIL: 5,
}


CONCURRENCY_DEFAULT: dict[Channel, tuple[Channel, ...]] = {
    Channel.VOICE: (Channel.EMAIL, Channel.FAX, Channel.VOICEMAIL),
    Channel.CHAT: (Channel.EMAIL, Channel.FAX, Channel.VOICEMAIL),
    Channel.EMAIL: (Channel.CHAT, Channel.FAX, Channel.VOICEMAIL),
    Channel.FAX: (Channel.CHAT, Channel.EMAIL, Channel.VOICEMAIL),
    Channel.VOICEMAIL: (Channel.CHAT, Channel.EMAIL, Channel.FAX),
}
"""A new contact of this channel may be laid beside contacts of those. How many of its own kind
there may be is capacity."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """When a figure on the wall warns and when it is critical."""

    longest_wait_warn_seconds: int = 60
    longest_wait_critical_seconds: int = 120
    waiting_warn: int = 5
    waiting_critical: int = 10


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """What changes for a contact that has waited `after_seconds` in this queue.

    A ring widens: it needs less, or others may take it too. `queue` and `exit` end the plan.
    """

    after_seconds: int
    drop: tuple[str, ...] = ()
    """Skills that are no longer needed."""
    lower: dict[str, int] = {}
    """Skills that are needed only to this proficiency from now on."""
    agents: tuple[AgentId, ...] = ()
    teams: tuple[str, ...] = ()
    """Who may take it too, whatever they can."""
    raise_priority: int = 0
    queue: QueueId = QueueId("")
    """Overflow: it goes on waiting there, as long as it has waited already."""
    exit: str = ""
    """It leaves the queue, and its flow goes on at this exit of `queue`."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One timeline for a contact that waits. `after_seconds` rise from step to step."""

    version: str = ""
    sticky_seconds: int = 0
    """A contact that names an agent waits this long for her alone."""
    steps: tuple[PlanStep, ...] = ()


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """How those who left a queue for a callback are called: the agent first, then they."""

    trunk: str = ""
    """Which trunk dials; empty for the first that may dial the number."""
    ring_seconds: int = 30
    """How long their phone rings, from the agent's answer on."""
    attempts_max: int = 3
    """So often they are dialled until somebody answers."""
    retry_minutes: int = 15
    """From one attempt to the next."""
    hours_max: int = 24
    """A promise that no agent could keep for so long ends."""
    waiting_max: int = 100
    """So many callbacks wait in the queue at once; one more is refused."""


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
    preferred: dict[str, int] = {}
    """Skills that are welcome: who has more of them at this proficiency comes first."""
    excluded: tuple[AgentId, ...] = ()
    """Never offered anything of this queue."""
    language_level: int = 0
    """Least proficiency in the language that a contact asks for, at least 1. Above 0 the queue asks
    for the language of its callers by itself."""
    plan: Plan = Plan()
    agent_choice: AgentChoice = AgentChoice.LONGEST_IDLE
    ring_width: int = 5
    """How many phones ring at once with `ring_all`."""
    reserve: int = 0
    """So many free agents who could serve this queue are kept for it: others go without."""
    declines_max: int = 0
    """An agent may decline so many offers of this queue in a row and stay ready."""
    preview_seconds: int = 0
    """Above 0 an agent sees the contact for so long, to accept or decline it, before it rings."""
    preview_end: PreviewEnd = PreviewEnd.RONA
    auto_answer: bool = True
    """Whether phones that answer by themselves do so for this queue."""
    callback: Callback = Callback()
    auto_accept: bool = False
    """Mails, faxes and messages are laid on the desk of whoever is free, without being asked."""
    extension: str = ""
    """By which agents' phones name it, beside its id."""


class DialRule(msgspec.Struct, frozen=True, kw_only=True):
    """What those who dial by this rule may call: beginnings of numbers, none unless named. What a
    trunk may dial is asked besides."""

    name: str
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    """The longest beginning decides, at equal length the one that denies."""


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers for others, and when: an agent, or a number outside."""

    name: str
    agent: AgentId = AgentId("")
    number: str = ""
    queues: tuple[QueueId, ...] = ()
    """For callers of these queues; of all when none is named."""
    sites: tuple[str, ...] = ()
    """For agents who work there; for all when none is named."""
    calendar: str = ""
    """When; always when empty."""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A person who handles contacts. `skills` maps a skill to her proficiency, 1 to 10."""

    id: AgentId
    name: str
    skills: dict[str, int] = {}
    team: str = ""
    phone: PhoneProfile = PhoneProfile.STANDARD
    capacity: dict[Channel, int] = {}
    """Overrides of the center's and of `CAPACITY_DEFAULT`."""
    site: str = ""
    occupancy_max: int = 0
    """Percent of her time on duty that she is at work at most; 0 for no ceiling."""
    auto_answer: AutoAnswer = AutoAnswer.OFF
    extension: str = ""
    """By which her colleagues' phones name her, beside her id."""
    dials: str = ""
    """The rule by which she may call numbers outside; empty for none at all."""


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
    fax: QueueId = QueueId("")
    """Where faxes to this number wait; without a flow it takes nothing else."""


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
    certified: tuple[str, ...] = ()
    """Skills that count only while a certificate for them is valid."""
    contact_choice: ContactChoice = ContactChoice.AGEING
    capacity: dict[Channel, int] = {}
    """Overrides of `CAPACITY_DEFAULT`."""
    concurrency: dict[Channel, tuple[Channel, ...]] = {}
    """Overrides of `CONCURRENCY_DEFAULT`."""
    dial_rules: tuple[DialRule, ...] = ()
    duties: tuple[Duty, ...] = ()
    """The first that fits is on duty."""
