"""The configuration: one TOML file, the environment over it, secrets beside it.

Why: a wrong setting must be told by file, line and remedy before anything starts, and a wrong file
must never replace a good one. So the whole file is checked as one value (`Settings`); unknown keys
are errors; what passes is complete, absolute and immutable. The document that decisions depend on
(`domain.Center`) is made from it here and nowhere else: it goes into the journal and holds no
secret.

Order of precedence: `CALLCENTER__TABLE__KEY` in the environment, then the file, then the default.
Rows of `[[table]]` count from 0, in the environment as in messages: `CALLCENTER__AGENT__0__NAME`.
A key `password` may be given as `password_file`; a relative name is looked for beside the file and
then in `$CREDENTIALS_DIRECTORY` (systemd). The text below a setting is what `config schema` says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field, SecretStr

from callcenter.app.addresses import host_port
from callcenter.app.config_base import (
    ADDRESS_OR_NOTHING,
    CALLER,
    DAY,
    HOST_OR_NOTHING,
    MEDIA_URL,
    NAME_OR_NOTHING,
    PORTS,
    STORE_URL,
    Address,
    Capacity,
    Extension,
    Name,
    Network,
    Prefix,
    Skills,
    Table,
    Timezone,
    _address_or_none,
    _one_or_many,
)
from callcenter.app.config_base import (
    FORMS as FORMS,
)
from callcenter.app.config_dialling import DiallingSettings as DiallingSettings
from callcenter.app.config_dialling import DutySettings as DutySettings
from callcenter.app.config_dialling import duty_of, rule_of
from callcenter.app.config_documents import (
    ChatSettings as ChatSettings,
)
from callcenter.app.config_documents import (
    FaxSettings as FaxSettings,
)
from callcenter.app.config_documents import (
    FaxSourceSettings as FaxSourceSettings,
)
from callcenter.app.config_documents import (
    IntakeSettings as IntakeSettings,
)
from callcenter.app.config_documents import (
    MailboxSettings as MailboxSettings,
)
from callcenter.app.config_documents import (
    MessengerSettings as MessengerSettings,
)
from callcenter.app.config_documents import (
    RuleSettings as RuleSettings,
)
from callcenter.domain import center as domain
from callcenter.domain.units import AgentId, QueueId

FILE_NAME = "callcenter.toml"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class CenterSettings(Table):
    name: str = "center"
    """What the wall is headed with."""
    timezone: Timezone = "UTC"
    """IANA name; its midnight starts a new day on the wall. Queues and calendars may differ."""
    reasons: tuple[str, ...] = domain.Center().reasons
    """Reasons an agent may give for being not ready."""
    contact_choice: domain.ContactChoice = domain.ContactChoice.AGEING
    """Which contact an agent gets: `ageing` (the longest wait, priority counting as waiting),
    `target` (most of its queue's target used up) or `strict` (priority before everything)."""
    capacity: Capacity = {}
    """Contacts of each channel an agent may have; without it 1 call, 3 chats, 5 mails, 5 faxes."""
    concurrency: dict[domain.Channel, tuple[domain.Channel, ...]] = {}
    """New contacts of a channel may be laid beside those of others: `voice = ["email", "fax"]`."""


class StoreSettings(Table):
    url: str = Field(default="embedded", pattern=STORE_URL)
    """`embedded` starts a store that comes along; else `unix:///path` or `redis://host:port/0`."""
    directory: Path | None = None
    """Where the embedded store keeps its file; `<state_directory>/store` when not given."""
    namespace: Name = "cc"
    """Every key begins with it, so that several centers can share one store."""
    accept_loss_seconds: float | None = Field(default=None, gt=0)
    """Admits a store that may lose its last seconds when the power fails."""
    memory_max_megabytes: int = Field(default=1024, ge=64)
    """What the embedded store may use before it refuses to take more."""
    seal_file: Path | None = None
    """Holds what keys of encrypted calls are sealed with (32 octets, mode 600; made if it is not
    there); `<state_directory>/seal-secret` when not given. Frontends of several machines that are to
    take each other's calls need the same."""
    archive_days: int = Field(default=30, ge=0)
    """How long `<state_directory>/archive` keeps commands and batches; 0 keeps all of them."""


class HistorySettings(Table):
    url: str = ""
    """SQLAlchemy URL; `<state_directory>/history.db` (SQLite) when empty."""


class SipSettings(Table):
    listen: Annotated[tuple[Address, ...], BeforeValidator(_one_or_many)] = ("127.0.0.1:5060",)
    """Where phones and trunks reach us, UDP and TCP: `host:port`, or several of them. For IPv6
    beside IPv4 name both: `["0.0.0.0:5060", "[::]:5060"]`."""
    tls_listen: Annotated[tuple[Address, ...], BeforeValidator(_one_or_many)] = ()
    """The same over TLS, usually port 5061. Needs a `[[certificate]]`."""
    wss_listen: Annotated[tuple[Address, ...], BeforeValidator(_one_or_many)] = ()
    """Where phones in browsers reach us (SIP over secure WebSocket), from pages of `[web] origins`.
    Needs a `[[certificate]]`."""
    dns_server: str = Field(default="", pattern=ADDRESS_OR_NOTHING)
    """`host:port` of the DNS server that is asked for trunks with `discover`; that of the system when
    empty."""
    domain: str = ""
    """Host part of our addresses; the advertised address when empty."""
    realm: str = "callcenter"
    """What phones are asked to prove their password for; many show it when they ask for one."""
    srtp: Literal["off", "optional", "required"] = "optional"
    """Whether the audio of phones is encrypted (SRTP, keys by SDES, over TLS and WSS only):
    `required` refuses phones that cannot, and those without TLS altogether, `off` those that insist."""
    digest: tuple[Literal["SHA-256", "MD5"], ...] = Field(default=("MD5",), min_length=1)
    """How phones may hash their password, the first choice first. `["SHA-256", "MD5"]` (RFC 8760)
    is for centers all of whose phones know it; others stop at the sight of it."""
    expires_seconds_min: int = Field(default=60, ge=1, le=3600)
    """The shortest registration that is granted; a phone that asks for less is told so."""
    advertised_address: str = ""
    """What peers are told to send to; the listening address when empty."""
    trace_messages: int = Field(default=20_000, ge=0, le=1_000_000)
    """So many of the last messages are kept in memory for `callcenter sip trace`; 0 keeps none."""
    capture: Annotated[str, BeforeValidator(_address_or_none)] = ""
    """`host:port` of a HEP3 capture server (Homer, heplify), which gets a copy of every message,
    without what proves passwords."""

    @property
    def public_host(self) -> str:
        """The host that stands in our Contact and Via when nothing better is known."""
        return self.advertised_address or host_port(self.listen[0])[0]

    @property
    def home(self) -> str:
        """The domain of our addresses of record."""
        return self.domain or self.public_host


class CertificateSettings(Table):
    certificate_file: Path = Field(examples=["/etc/letsencrypt/live/sip.example.com/fullchain.pem"])
    """Our certificate and what stands between it and the authority, PEM. Changed files are taken
    within a minute, without a restart."""
    key_file: Path = Field(examples=["/etc/letsencrypt/live/sip.example.com/privkey.pem"])
    """Its key, PEM, mode 600."""


class TrunkSettings(Table):
    name: Name = Field(examples=["provider"])
    """What logs and metrics call the line."""
    address: Address = Field(examples=["198.51.100.20:5060"])
    """Where calls of this line come from: over UDP this host and port, over TCP and TLS this host.
    They need no password."""
    discover: bool = False
    """Find the line's machines by NAPTR and SRV records of the name in `address`, whose port counts only
    where there are none; calls leave by the first that answers OPTIONS, and come from any of them. Over
    UDP."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """How the line speaks with us; what comes from its address in another way is a stranger's."""
    sources: tuple[Network, ...] = ()
    """Addresses and networks that its calls also come from, whatever the port."""
    peer_name: str = ""
    """TLS: the line is known by a certificate that holds this name, and by nothing else."""
    authorities_file: Path | None = None
    """Who may have signed the line's certificate, PEM; the system's authorities when not given."""
    certificate_file: Path | None = None
    """TLS: the certificate that we show when we connect to the line, if it asks for one."""
    key_file: Path | None = None
    """Its key, mode 600."""
    dial: tuple[Prefix, ...] = ()
    """Beginnings of the numbers that may be called by it, as `["+1555", "+34"]`; none unless named."""
    deny: tuple[Prefix, ...] = ()
    """Beginnings that may not be called though a shorter one of `dial` would allow it:
    `["+1900", "+1976"]`. The longest beginning counts, at equal length the one that denies."""
    caller: str = Field(default="", pattern=CALLER)
    """The number that is shown to those whom we call; the one they had called when empty."""
    realm: str = ""
    """Whose challenges the password answers; any of this line's when empty."""
    username: str = ""
    """The account at the provider."""
    password: SecretStr = SecretStr("")
    """Of the account."""
    password_file: Path | None = None
    """A file that holds the password, mode 600."""
    register_seconds: int = Field(default=0, ge=0, le=86_400)
    """Above 0 we register the account with the line, for so many seconds each time, as providers want
    it that know their customers by that; their calls come to the `[[number]]` of the account's name."""
    registrar: str = Field(default="", pattern=HOST_OR_NOTHING)
    """The host behind the `@` of the account, where it is not that of `address`."""
    srtp: Literal["off", "optional", "required"] = "optional"
    """Whether its audio is encrypted, as `[sip] srtp` says of phones; only over `transport = "tls"`."""
    inband_digits: bool = False
    """Listen for keys as tones in the audio of callers whose line sends no telephone events: the
    last resort, for analogue gateways. Embedded media engine only."""


class NetworkSettings(Table):
    network: Network = Field(examples=["192.168.0.0/16"])
    """Phones and trunks whose addresses are in it …"""
    sip_address: str = ""
    """… are told to send SIP here; the address that they reach us at when empty."""
    media_address: str = ""
    """… and audio here; what `[media]` says when empty."""


class MediaSettings(Table):
    url: str = Field(default="embedded", pattern=MEDIA_URL)
    """`embedded` starts our own media engine; `ng://host:port` asks an rtpengine."""
    rtp_ports: str = Field(default="30000-34999", pattern=PORTS)
    """First and last UDP port of audio; each leg takes two. A call has one leg, one that waits in a
    queue or talks with an agent has two."""
    address: str = "127.0.0.1"
    """Where RTP is received, and what SDP says."""
    advertised_address: str = ""
    """What SDP says where `address` is not what phones can reach, as behind NAT."""
    address6: str = ""
    """The same on IPv6, for phones that are there; without it they are told `address`."""
    advertised_address6: str = ""
    """What SDP says where `address6` is not what phones can reach."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that carry audio; they share the ports."""
    ng_listen: Address = "127.0.0.1:0"
    """Where the first worker hears the front end, the next ones on the ports after it. Fixed ports
    are needed only where roles run under holders of their own (`--role`)."""
    events_listen: Address = "127.0.0.1:0"
    """Where the front end hears digits from the media engine; port 0 takes a free one."""

    @property
    def port_range(self) -> tuple[int, int]:
        """First and last RTP port."""
        first, _, last = self.rtp_ports.partition("-")
        return int(first), int(last)


class WebSettings(Table):
    listen: Address = "127.0.0.1:8080"
    """Where the wall, the desk and the API are."""
    origins: tuple[str, ...] = ()
    """Browser origins allowed beside our own."""


class NumberSettings(Table):
    number: str = Field(examples=["100"])
    """What callers dial."""
    flow: str = Field(default="", pattern=NAME_OR_NOTHING, examples=["main-line"])
    """The flow that answers: its file in `flows_directory`, without the ending. None for a number
    that takes faxes only."""
    fax: str = Field(default="", pattern=NAME_OR_NOTHING)
    """The queue of faxes to this number. With a flow, a fax machine is known by its tone."""
    guests: bool = False
    """Also takes calls of those who are neither a trunk nor registered."""


class ThresholdSettings(Table):
    longest_wait_warn_seconds: int = Field(default=60, ge=0)
    """The wall turns yellow when somebody waits longer."""
    longest_wait_critical_seconds: int = Field(default=120, ge=0)
    """The wall turns red when somebody waits longer."""
    waiting_warn: int = Field(default=5, ge=0)
    """The wall turns yellow when so many wait."""
    waiting_critical: int = Field(default=10, ge=0)
    """The wall turns red when so many wait."""


class PlanStepSettings(Table):
    after_seconds: int = Field(ge=1, le=2_592_000, examples=[30])
    """Taken by a contact that has waited so long in this queue."""
    drop: tuple[Name, ...] = ()
    """Skills that are no longer needed."""
    lower: Skills = {}
    """Skills that are needed only to this proficiency from now on."""
    agents: tuple[Name, ...] = ()
    """Agents who may take it too, whatever they can."""
    teams: tuple[str, ...] = ()
    """Teams whose agents may take it too, whatever they can."""
    raise_priority: int = Field(default=0, ge=0, le=domain.PRIORITY_MAX)
    """So much more priority from now on."""
    queue: str = ""
    """It goes on waiting in this queue, as long as it has waited already. The last step."""
    exit: str = ""
    """It leaves by this exit of the flow: `timeout`, `closed`, `full`, `unstaffed` or `left`. The
    last step."""


class PlanSettings(Table):
    sticky_seconds: int = Field(default=0, ge=0, le=3600)
    """Who is led here to an agent of hers (`agent:` in the flow) waits so long for her alone."""
    steps: tuple[PlanStepSettings, ...] = ()
    """What changes while a contact waits, later steps after earlier ones."""


class CallbackSettings(Table):
    trunk: str = ""
    """The line that calls, by its name; the first that may dial the number when empty."""
    ring_seconds: int = Field(default=30, ge=5, le=120)
    """The customer's phone rings so long, from the agent's answer on."""
    attempts_max: int = Field(default=3, ge=1, le=20)
    """So often a customer is called until she answers."""
    retry_minutes: int = Field(default=15, ge=1, le=1440)
    """From one attempt to the next."""
    hours_max: int = Field(default=24, ge=1, le=336)
    """A callback for which no agent came free in so many hours ends."""
    waiting_max: int = Field(default=100, ge=0, le=10_000)
    """So many callbacks wait at once; the next one is refused, 0 refuses all."""


class QueueSettings(Table):
    id: Name = Field(examples=["sales"])
    """What flows call the queue."""
    title: str = ""
    """What people call it; the id when empty."""
    extension: Extension = ""
    """Digits by which agents' phones hand callers on to it, beside its id."""
    skills: Skills = {}
    """Who may answer: skill = least proficiency, 1 to 10."""
    priority: int = Field(default=5, ge=0, le=domain.PRIORITY_MAX)
    """Contacts of a higher one are offered first; a flow may give a contact its own."""
    ageing_seconds: int = Field(default=60, ge=1)
    """Waiting so long counts as much as one priority more."""
    target_seconds: int = Field(default=20, ge=1)
    """Service level: answered within so long …"""
    target_percent: int = Field(default=80, ge=1, le=100)
    """… for so many of a hundred."""
    short_abandon_seconds: int = Field(default=5, ge=0)
    """Who hangs up sooner does not count as abandoned."""
    wait_seconds_max: int = Field(default=1800, ge=1)
    """Longer waits leave by the flow's `timeout`."""
    waiting_max: int = Field(default=1000, ge=1)
    """When so many wait, the next one leaves by the flow's `full`."""
    ring_seconds: int = Field(default=20, ge=1, le=180)
    """An agent's phone rings so long before the next agent is asked."""
    wrap_up_seconds: int = Field(default=30, ge=0)
    """Work after a call, before the next one is offered."""
    calendar: str = ""
    """Opening times, by the name of a `[[calendar]]`; always open when empty."""
    timezone: Timezone | None = None
    """The center's time zone when not given."""
    unstaffed_exit: bool = False
    """Whether callers leave by the flow's `unstaffed` when nobody who could answer is logged in."""
    dispositions: tuple[str, ...] = ("resolved", "follow-up", "wrong-number")
    """What an agent may say a contact ended with."""
    thresholds: ThresholdSettings = ThresholdSettings()
    """When the wall turns yellow and red."""
    preferred: Skills = {}
    """Welcome skills: who has more of them, to this proficiency, is asked first."""
    excluded: tuple[Name, ...] = ()
    """Agents who are never offered anything of this queue."""
    language_level: int = Field(default=0, ge=0, le=domain.PROFICIENCY_MAX)
    """Callers are served in their language, by agents of at least this proficiency in the skill of
    that name; 0 leaves it to the flow."""
    agent_choice: domain.AgentChoice = domain.AgentChoice.LONGEST_IDLE
    """Who is asked first: `longest_idle`, `least_occupied`, `most_skilled`, `least_skilled` (spares
    the specialists), `round_robin` or `top_down` (as the file names them). `ring_all` rings several
    at once; who answers first has the call, and nothing is held against the others."""
    ring_width: int = Field(default=5, ge=1, le=50)
    """So many agents are rung at once with `ring_all`; each takes a media leg while it rings."""
    reserve: int = Field(default=0, ge=0, le=10_000)
    """So many free agents who could answer are kept for this queue; other queues do without."""
    declines_max: int = Field(default=0, ge=0, le=100)
    """So often in a row an agent may decline and stay ready."""
    preview_seconds: int = Field(default=0, ge=0, le=300)
    """An agent sees the contact on her desk for so long, to accept or decline it, before her phone
    rings; the caller hears music meanwhile. 0 rings at once. Not with `ring_all`."""
    preview_end: domain.PreviewEnd = domain.PreviewEnd.RONA
    """What a preview counts as that nobody answered: `rona`, like a phone that nobody picked up, or
    `accept`: her phone is called."""
    auto_answer: bool = True
    """Whether phones that can answer by themselves do so for this queue; else they ring."""
    auto_accept: bool = False
    """Mails and faxes are laid on the desk of whoever is free, without being asked."""
    plan: PlanSettings = PlanSettings()
    """What changes for a contact while it waits."""
    callback: CallbackSettings = CallbackSettings()
    """How those who would rather be called back are called."""


class SkillSettings(Table):
    name: Name = Field(examples=["sales"])
    """What queues and agents call it."""
    title: str = ""
    """For whoever reads the file; shown nowhere."""
    certified: bool = False
    """Counts only while a certificate for it is valid: see `callcenter agent train`."""


class AgentSettings(Table):
    id: Name = Field(examples=["ana"])
    """Her phone's user name and her name at the desk page: small letters and digits."""
    name: str = ""
    """What people call her; the id when empty."""
    password: SecretStr = SecretStr("")
    """Of her phone."""
    password_file: Path | None = None
    """A file that holds her phone's password, mode 600."""
    web_password: SecretStr = SecretStr("")
    """Of her desk page."""
    web_password_file: Path | None = None
    """A file that holds the password of her desk page, mode 600."""
    skills: Skills = {}
    """What she can do: skill = proficiency, 1 to 10."""
    team: str = ""
    """The team that reports count her in."""
    role: Literal["agent", "supervisor"] = "agent"
    """A supervisor also sees the wall and other agents."""
    phone_profile: domain.PhoneProfile = domain.PhoneProfile.STANDARD
    """`legacy` for phones that know only digests of RFC 2069, such as `callcenter softphone`."""
    capacity: Capacity = {}
    """Contacts of each channel at once; the center's when not given."""
    site: str = ""
    """Where she works."""
    extension: Extension = ""
    """Digits by which colleagues' phones hand callers on to her, or ask her, beside her id."""
    occupancy_max: int = Field(default=0, ge=0, le=100)
    """Percent of her time on duty that she is at work at most; 0 for no ceiling."""
    auto_answer: domain.AutoAnswer = domain.AutoAnswer.OFF
    """By which header her phone lets itself be answered, after a short tone: `call-info`
    (answer-after=0), `alert-info` (alert-autoanswer) or `answer-mode` (RFC 5373), whichever it
    understands; `off` for a phone that is picked up."""
    dials: str = Field(default="", pattern=NAME_OR_NOTHING)
    """The `[[dialling]]` rule by which she may call numbers outside; that of her role when empty."""


def _periods(value: Any) -> Any:
    """`mon-fri 09:00-17:00` as weekday, opening and closing minute."""
    found: list[tuple[int, int, int]] = []
    for text in _one_or_many(value):
        if not isinstance(text, str):
            found.append(tuple(text))
            continue
        try:
            days, hours = text.lower().split()
            first, _, last = days.partition("-")
            opens, closes = (_minutes(part) for part in hours.split("-"))
            start, stop = _WEEKDAYS.index(first), _WEEKDAYS.index(last or first)
            if start > stop or opens >= closes:
                raise ValueError
        except ValueError as wrong:
            raise ValueError(
                f"{text!r} is not a period; write it as 'mon-fri 09:00-17:00'"
            ) from wrong
        found += [(day, opens, closes) for day in range(start, stop + 1)]
    return tuple(found)


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    total = int(hour) * 60 + int(minute or 0)
    if not 0 <= total <= 24 * 60:
        raise ValueError(text)
    return total


class CalendarSettings(Table):
    name: Name = Field(examples=["office"])
    """What queues and flows call it."""
    timezone: Timezone | None = None
    """The center's time zone when not given."""
    open: Annotated[tuple[tuple[int, int, int], ...], BeforeValidator(_periods)] = ()
    """`["mon-fri 09:00-17:00", "sat 10:00-14:00"]`"""
    holidays: tuple[Annotated[str, Field(pattern=DAY)], ...] = ()
    """Days that are closed: `["2026-12-25"]`"""


class Settings(Table):
    """The whole configuration, checked."""

    state_directory: Path = Path("var")
    """Journal, history and what else must outlive a restart; from the file's folder."""
    flows_directory: Path = Field(default_factory=lambda: shipped("ivr_flows"))
    """Flow files, with their audio below `prompts`; the shipped ones when not given."""
    center_table: CenterSettings = Field(default=CenterSettings(), alias="center")
    """The center as a whole."""
    store: StoreSettings = StoreSettings()
    """Where the journal is kept."""
    history: HistorySettings = HistorySettings()
    """Where contact records, customers and tokens are kept."""
    sip: SipSettings = SipSettings()
    """Phones and trunks."""
    certificates: tuple[CertificateSettings, ...] = Field(default=(), alias="certificate")
    """What TLS peers are shown: the one that holds the name they ask for, else the first."""
    networks: tuple[NetworkSettings, ...] = Field(default=(), alias="network")
    """What phones are told to send to, by where they are. The narrowest network counts; for all
    others the advertised addresses of `[sip]` and `[media]`."""
    trunks: tuple[TrunkSettings, ...] = Field(default=(), alias="trunk")
    """Lines to the outside, that calls come from and customers are called back by."""
    media: MediaSettings = MediaSettings()
    """Audio."""
    fax: FaxSettings = FaxSettings()
    """Faxes: how they are taken. Which numbers take any says `[[number]]`."""
    web: WebSettings = WebSettings()
    """The wall, the desk, the API."""
    numbers: tuple[NumberSettings, ...] = Field(default=(), alias="number")
    """What can be dialled."""
    queues: tuple[QueueSettings, ...] = Field(default=(), alias="queue")
    """Waiting lines."""
    skills: tuple[SkillSettings, ...] = Field(default=(), alias="skill")
    """What agents can be good at."""
    agents: tuple[AgentSettings, ...] = Field(default=(), alias="agent")
    """People who answer."""
    dialling: tuple[DiallingSettings, ...] = ()
    """What agents may call outside, by name; the first that holds her role is hers."""
    duties: tuple[DutySettings, ...] = Field(default=(), alias="duty")
    """Who answers for others, and when; the first row that fits."""
    calendars: tuple[CalendarSettings, ...] = Field(default=(), alias="calendar")
    """Opening times."""
    intake: IntakeSettings = IntakeSettings()
    """How what is read comes in."""
    fax_sources: tuple[FaxSourceSettings, ...] = Field(default=(), alias="fax_source")
    """Providers that take faxes and post them to us."""
    mailboxes: tuple[MailboxSettings, ...] = Field(default=(), alias="mailbox")
    """What customers write to."""
    chats: tuple[ChatSettings, ...] = Field(default=(), alias="chat")
    """Chats on web pages: `<script src="https://our.address/chat.js" data-chat="NAME"></script>`."""
    messengers: tuple[MessengerSettings, ...] = Field(default=(), alias="messenger")
    """Messaging services, such as WhatsApp: they post to `/messages/NAME`, answers are posted to them."""

    @property
    def reads(self) -> bool:
        """Does anything come in that is read, so that the intake has something to do?"""
        doors = (self.mailboxes, self.fax_sources, self.chats, self.messengers)
        return any(doors) or self.takes_faxes

    @property
    def takes_faxes(self) -> bool:
        """Whether any number takes faxes, or some are sent, so that there is a fax worker."""
        return self.fax.send or any(number.fax for number in self.numbers)

    @property
    def store_directory(self) -> Path:
        """Where the embedded store lives."""
        return self.store.directory or self.state_directory / "store"

    @property
    def seal_file(self) -> Path:
        """With what keys of encrypted calls are sealed before they are kept."""
        return self.store.seal_file or self.state_directory / "seal-secret"

    @property
    def history_url(self) -> str:
        """The SQLAlchemy URL of the history."""
        return self.history.url or f"sqlite:///{self.state_directory / 'history.db'}"

    def agent(self, agent: str) -> AgentSettings | None:
        """The agent's table, with her secrets."""
        return next((a for a in self.agents if a.id == agent), None)

    def center(self) -> domain.Center:
        """What decisions depend on, as it goes into the journal."""
        return domain.Center(
            name=self.center_table.name,
            timezone=self.center_table.timezone,
            skills=tuple(s.name for s in self.skills),
            certified=tuple(s.name for s in self.skills if s.certified),
            queues=tuple(self._queue(q) for q in self.queues),
            agents=tuple(_agent(a, self.dialling) for a in self.agents),
            calendars=tuple(self._calendar(c) for c in self.calendars),
            numbers=tuple(
                domain.Number(number=n.number, flow=n.flow, guests=n.guests, fax=QueueId(n.fax))
                for n in self.numbers
            ),
            reasons=self.center_table.reasons,
            contact_choice=self.center_table.contact_choice,
            capacity=dict(self.center_table.capacity),
            concurrency=dict(self.center_table.concurrency),
            dial_rules=tuple(rule_of(r) for r in self.dialling),
            duties=tuple(duty_of(d) for d in self.duties),
        )

    def _queue(self, queue: QueueSettings) -> domain.Queue:
        plain = queue.model_dump(
            exclude={"id", "title", "timezone", "thresholds", "plan", "callback"}
        )
        return domain.Queue(
            id=QueueId(queue.id),
            title=queue.title or queue.id,
            timezone=queue.timezone or self.center_table.timezone,
            thresholds=domain.Thresholds(**queue.thresholds.model_dump()),
            plan=_plan(queue.plan),
            callback=domain.Callback(**queue.callback.model_dump()),
            **plain,
        )

    def _calendar(self, calendar: CalendarSettings) -> domain.Calendar:
        return domain.Calendar(
            name=calendar.name,
            timezone=calendar.timezone or self.center_table.timezone,
            periods=tuple(
                domain.Period(weekday=day, opens=opens, closes=closes)
                for day, opens, closes in calendar.open
            ),
            holidays=frozenset(calendar.holidays),
        )


def _agent(agent: AgentSettings, rules: Iterable[DiallingSettings]) -> domain.Agent:
    by_role = next((rule.name for rule in rules if agent.role in rule.roles), "")
    return domain.Agent(
        id=AgentId(agent.id),
        name=agent.name or agent.id,
        skills=dict(agent.skills),
        team=agent.team,
        phone=agent.phone_profile,
        capacity=dict(agent.capacity),
        site=agent.site,
        extension=agent.extension,
        occupancy_max=agent.occupancy_max,
        auto_answer=agent.auto_answer,
        dials=agent.dials or by_role,
    )


def _plan(plan: PlanSettings) -> domain.Plan:
    """The plan, and a version that is its own: what a decision says it followed."""
    found = domain.Plan(
        sticky_seconds=plan.sticky_seconds,
        steps=tuple(domain.PlanStep(**step.model_dump()) for step in plan.steps),
    )
    if found == domain.Plan():
        return found
    text = msgspec.json.Encoder(order="deterministic").encode(found)
    return msgspec.structs.replace(found, version=hashlib.sha256(text).hexdigest()[:8])


def shipped(folder: str) -> Path:
    """A folder that comes with the product: beside the package in a checkout, inside it else."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "shipped" / folder
    return inside if inside.is_dir() else package.parent / folder


def file_version(center: domain.Center) -> str:
    """Names what a file says about the center: `file:` and the head of its hash."""
    text = msgspec.json.Encoder(order="deterministic").encode(center)
    return "file:" + hashlib.sha256(text).hexdigest()[:16]


def load_settings(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """The configuration in `path`, or the default one when there is no file.

    Raises `WrongInput` with every problem of the file; warnings do not raise.
    """
    from callcenter.app.config_check import check_settings
    from callcenter.domain.errors import WrongInput

    settings, problems = check_settings(path, os.environ if env is None else env)
    if settings is None:
        raise WrongInput([p for p in problems if p.severity == "error"])
    return settings


def default_file() -> Path | None:
    """`callcenter.toml` here, else in `/etc/callcenter`, else none."""
    for folder in (Path.cwd(), Path("/etc/callcenter")):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None
