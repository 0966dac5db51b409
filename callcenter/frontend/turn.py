"""What comes into the front end and what one input makes it do.

Why: the machine is pure. Whatever it wants from the world is a value in a `Turn`; whatever the
world tells it is one of the inputs below. The adapter that drives it commits `records` and
`commands` of a turn in one transaction and only then performs `actions`, in order: nobody outside
relies on something that a restart would forget.

One message need not wait: the INVITE that a grant asks for (`SendGranted`). Its record stands in
the journal already, as the `OfferMade` from which it follows to the last token. That holds only
for the turn in which the grant was read, because the place up to which events were read is kept
with what they made: who dies before that reads the grant again and sends the same INVITE again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import msgspec

from callcenter.domain.center import Center, PhoneProfile
from callcenter.domain.commands import Command
from callcenter.domain.events import Event
from callcenter.domain.units import AgentId, ContactId
from callcenter.ivr.shape import Flow as CallFlow
from callcenter.sip.flow import Address, Flow, Transport

Message: TypeAlias = dict[str, Any]
"""A message or reply of the ng protocol."""


# ---- what comes in ------------------------------------------------------------------------


class SipReceived(NamedTuple):
    """One whole SIP message, as it came off `flow`."""

    data: bytes
    flow: Flow


class FlowClosed(NamedTuple):
    """A stream connection is gone."""

    flow: Flow


class FlowProven(NamedTuple):
    """A peer's certificate proved it to be a trunk, before its first message."""

    flow: Flow
    trunk: str


class EventsSeen(NamedTuple):
    """Events that control committed, in order. `at` is the center time of the commit."""

    events: tuple[Event, ...]
    at: int
    seq: int = 0
    """Which commit it was."""


class MediaReplied(NamedTuple):
    """The media engine's answer to `AskMedia(cookie)`. `result` is `ok`, `pong` or `error`."""

    cookie: str
    reply: Message


class DigitHeard(NamedTuple):
    """A caller pressed a key (RFC 4733), heard on media leg `leg`."""

    leg: str
    digit: str


class SayingFinished(NamedTuple):
    """A file was played to its end on media leg `leg`."""

    leg: str
    file: str


class RtpSilent(NamedTuple):
    """Nothing was heard from the far end of media leg `leg` for so many seconds."""

    leg: str
    seconds: int


class RtpHeard(NamedTuple):
    """The first sound of media leg `leg` after `RtpSilent`."""

    leg: str


class FaxHeard(NamedTuple):
    """The phone of media leg `leg` is a fax machine: its calling tone was heard."""

    leg: str


class FaxOver(NamedTuple):
    """The fax on media leg `leg` has said its last; the call is still up."""

    leg: str


class LookedUp(NamedTuple):
    """A customer table was asked for a caller."""

    contact: ContactId
    found: bool
    fields: Mapping[str, str]
    customer: str


class TargetsFound(NamedTuple):
    """Where the machines of a trunk are, in the order in which the DNS wants them tried."""

    trunk: str
    addresses: tuple[Address, ...]


class PartyFetched(NamedTuple):
    """The number behind a party, for `FetchParty`; empty where it is not known."""

    contact: ContactId
    party: str
    number: str = ""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What is known to check a phone: never the password itself."""

    agent: AgentId
    username: str
    ha1_md5: str
    ha1_sha256: str
    profile: PhoneProfile = PhoneProfile.STANDARD


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """A configured SIP peer: its calls need no digest. See `trunks.py` for who is one."""

    name: str
    addresses: frozenset[Address] = frozenset()
    """Where it is; over UDP its port counts, too."""
    sources: tuple[str, ...] = ()
    """Networks that it also sends from, whatever the port."""
    transport: Transport = "udp"
    by_certificate: bool = False
    """Known by what its certificate proves, and by nothing else."""
    address: str = ""
    """`host:port`, as it stands in the addresses of those whom we call."""
    flow: Flow | None = None
    """The road to it; None where there is none."""
    dial: tuple[str, ...] = ()
    """Beginnings of the numbers that may be called by it; none at all unless named."""
    deny: tuple[str, ...] = ()
    """Beginnings that may not, though a shorter one of `dial` would allow it."""
    caller: str = ""
    """The number that is shown to those whom we call; empty for the one they had called."""
    username: str = ""
    password: str = ""
    realm: str = ""
    """Whose challenges are answered; empty for any of this trunk's."""
    local: Address | None = None
    """Our own address, where the trunk is found by name and may be in several places."""
    register_seconds: int = 0
    """We register with it for so long each time; 0 where it knows us otherwise."""
    registrar: str = ""
    """Host of the account; empty for that of `address`."""
    srtp: str = "optional"
    """`off`, `optional` or `required`: whether its audio is encrypted; see `secrecy.py`."""
    inband_digits: bool = False
    """Its callers' keys may come as tones in the audio."""

    def __repr__(self) -> str:
        return f"Trunk({self.name!r})"


class Configured(NamedTuple):
    """The center, its flows, its voices and its keys, as a whole."""

    center: Center
    flows: Mapping[str, CallFlow]
    audio: Mapping[str, str]
    """Audio reference (`flow/lang/prompt`, `system/en/ready`, `music/default`) to a file."""
    credentials: Mapping[str, Credential]
    """By SIP user name."""
    trunks: tuple[Trunk, ...] = ()
    revisions: Mapping[str, CallFlow] = {}
    """Flows by revision, older ones included: a call keeps the one it began with."""


class RecordingEnded(NamedTuple):
    """The media engine records no more: silence, limit, stopped, gone, or failed."""

    file: str
    why: str


class RecordingKept(NamedTuple):
    """What became of `KeepRecording`; without a blob it was too short, or could not be kept."""

    contact: ContactId
    blob: str = ""
    is_short: bool = False


class StoreDown(NamedTuple):
    """Commits do not come back: calls go on from memory, new ones are refused."""


class StoreUp(NamedTuple):
    """Commits come back."""


class Draining(NamedTuple):
    """No new calls; what is there goes on."""


class Closing(NamedTuple):
    """The front end goes away for good: every call ends, each by name."""


class Overloaded(NamedTuple):
    """The loop, the command stream or the store is behind (or no longer). `crowded`: strangers are
    too many; trunks and agents' phones are served as ever."""

    overloaded: bool
    crowded: bool = False


class MediaHolds(NamedTuple):
    """Legs that the engines hold, asked once after a restart: ours that nobody knows are let go."""

    legs: tuple[str, ...]


class MediaRestarted(NamedTuple):
    """The media engine forgot its legs: what we hold is asked for again."""


Input: TypeAlias = (
    SipReceived
    | FlowClosed
    | FlowProven
    | EventsSeen
    | MediaReplied
    | DigitHeard
    | SayingFinished
    | RtpSilent
    | RtpHeard
    | FaxHeard
    | FaxOver
    | LookedUp
    | PartyFetched
    | TargetsFound
    | Configured
    | StoreDown
    | StoreUp
    | Draining
    | Closing
    | Overloaded
    | MediaHolds
    | MediaRestarted
    | RecordingEnded
    | RecordingKept
)


# ---- what goes out ------------------------------------------------------------------------


class SendSip(NamedTuple):
    flow: Flow
    data: bytes


class SendGranted(NamedTuple):
    """A SIP message that the next life would send again, byte for byte where it matters, from what
    is committed. It may leave before the records of its turn are kept, as soon as no append under
    way holds one of the records that it `rests_on`; else it waits in its place like any other.
    """

    flow: Flow
    data: bytes
    rests_on: tuple[str, ...]


class AskMedia(NamedTuple):
    """One ng message. The reply comes back as `MediaReplied` with the same cookie.

    Messages with the same `call-id` are answered in the order they were asked. One that goes
    `ahead` leaves before its turn is kept: nobody outside relies on it, and a next life would ask
    the same again. What its turn made is best kept together with what the reply makes of it.
    """

    cookie: str
    message: Message
    ahead: bool = False


class LookUp(NamedTuple):
    """Ask the customer table; answered by `LookedUp`."""

    contact: ContactId
    by: str
    value: str


class KeepParty(NamedTuple):
    """Keep a caller's number in the one erasable place, under the name that events use."""

    party: str
    number: str


class FetchParty(NamedTuple):
    """The number behind a party, from the erasable place; answered by `PartyFetched`."""

    contact: ContactId
    party: str


class KeepRecording(NamedTuple):
    """Keep a recording by its content, if at least `shortest` milliseconds of it are speech;
    answered by `RecordingKept`."""

    contact: ContactId
    file: str
    shortest: int
    dialled: str = ""
    number: str = ""
    """Who spoke, as far as anyone may know: for the erasable place."""
    at: int = 0
    """Center time."""


class DropRecording(NamedTuple):
    """The file of a recording is not needed any more."""

    file: str


class ContactClosed(NamedTuple):
    """The canonical log line of a contact, at its end: names and spans, nothing of the person."""

    contact: str
    label: str
    fault: str
    lived_seconds: float
    result: str = ""
    channel: str = "voice"
    flow: str = ""
    queue: str = ""
    """The last one she was put into."""
    agent: str = ""
    """The last one she spoke with."""
    waited_seconds: float = 0.0
    talked_seconds: float = 0.0


class FaxClosed(NamedTuple):
    """The same of a call that was a fax: how it ended and how many pages are confirmed."""

    contact: str
    label: str
    fault: str
    lived_seconds: float
    pages: int = 0
    t38: bool = False


class FaxAttempted(NamedTuple):
    """The same of an attempt to send a fax: what came of it, and how many pages it added."""

    contact: str
    label: str
    attempt: int
    pages: int
    t38: bool
    lived_seconds: float


class FeatureClosed(NamedTuple):
    """The same of an agent's code: which one, and how its call ended."""

    agent: str
    code: str
    label: str
    fault: str
    lived_seconds: float


class Faulted(NamedTuple):
    """A mistake of ours came to light; the calls it touched were ended. To be logged whole."""

    error: Exception


Action: TypeAlias = (
    SendSip
    | SendGranted
    | AskMedia
    | LookUp
    | KeepParty
    | FetchParty
    | KeepRecording
    | DropRecording
    | ContactClosed
    | FaxClosed
    | FaxAttempted
    | FeatureClosed
    | Faulted
)


class RecordChange(NamedTuple):
    """A value to keep under a stable key; `None` removes it."""

    key: str
    value: bytes | None


@dataclass(slots=True)
class Turn:
    """What one input made the front end do."""

    records: list[RecordChange] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.records or self.commands or self.actions)
