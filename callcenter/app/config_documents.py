"""Tables of what is read, not heard: faxes, mailboxes and the way in for both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SecretStr

from callcenter.app.config_base import (
    HTTP_URL,
    IMAP_URL,
    ORIGIN,
    PORTS,
    SMTP_URL,
    Address,
    Name,
    Skills,
    Table,
)
from callcenter.domain import center as domain
from callcenter.domain.units import MINUTE, SECOND
from callcenter.intake.chat import Limits
from callcenter.intake.chat_door import ChatDoor
from callcenter.intake.messenger import Messenger, key_in

if TYPE_CHECKING:
    from callcenter.app.config import Settings


class FaxSettings(Table):
    ident: str = Field(default="", max_length=20, pattern=r"^[0-9+ ]*$")
    """Our number, as the other machine shows it; what was dialled when empty."""
    send: bool = False
    """Faxes are sent though no number takes any; where one does, they may be sent, too."""
    header: str = Field(default="", max_length=50, pattern=r"^[\x20-\x7e]*$")
    """Who we are, on top of each page that we send, beside date, number and page; the center's name
    when empty. Plain Latin letters: fax machines print it."""
    trunk: str = ""
    """The only line that faxes are sent by; any that may `dial` the number when empty."""
    attempts_max: int = Field(default=3, ge=1, le=20)
    """How often a number is called for a fax."""
    retry_seconds: int = Field(default=300, ge=1, le=86_400)
    """From one attempt to the next."""
    undo_seconds: int = Field(default=10, ge=0, le=600)
    """So long a fax may be taken back for certain; nobody is called before."""
    ports: str = Field(default="36000-36199", pattern=PORTS)
    """First and last UDP port between media engine and fax worker; each fax takes two."""
    faxes_max: int = Field(default=60, ge=1, le=1000)
    """So many faxes at once; the next one is busy."""
    ecm: bool = True
    """Error correction: keep it, unless a machine that matters cannot."""
    v17: bool = True
    """14,400 bit/s; without it 9,600."""
    t38: Literal["offer", "accept", "never"] = "offer"
    """`offer`: a sender that does not change to T.38 by itself is asked once; `accept`: it is only
    followed; `never`: faxes stay in the sound."""
    t38_delay_seconds: int = Field(default=4, ge=1, le=30)
    """How long a sender may take to change by itself before it is asked."""
    sub_addresses: dict[str, Name] = {}
    """Queues by the sub-address (SUB) that a sender may give: `{ 4711 = "claims" }`."""
    listen: Address = "127.0.0.1:0"
    """Where the worker hears the front end; a fixed port only where roles run under holders of
    their own (`--role`)."""

    @property
    def port_range(self) -> tuple[int, int]:
        """First and last port."""
        first, _, last = self.ports.partition("-")
        return int(first), int(last)


class FaxSourceSettings(Table):
    name: Name = Field(examples=["provider"])
    """What records and metrics call it; it posts to `/intake/fax/NAME`."""
    queue: str = Field(examples=["orders"])
    """Where its faxes wait."""
    form: Literal["callcenter", "phaxio"] = "callcenter"
    """What it posts: JSON signed as web/README.md says, or the form of Phaxio (now Sinch)."""
    password: SecretStr = SecretStr("")
    """The key that its posts are signed with; Phaxio calls it the callback token."""
    password_file: Path | None = None
    """A file that holds the key, mode 600."""
    url: str = ""
    """Only for `phaxio`: the address as it is entered there, because it is signed, too."""


class IntakeSettings(Table):
    lmtp_listen: Address | Literal[""] = ""
    """Where the mail server of the house hands mails over (LMTP): `127.0.0.1:2424`. Trusts whoever
    can reach it; nowhere when empty."""
    mail_bytes_max: int = Field(default=26_214_400, ge=10_000, le=60_000_000)
    """Larger mails are refused at once, so that their senders hear of it."""


class RuleSettings(Table):
    to: tuple[str, ...] = ()
    """Addresses it was sent to, whole or the part before the @."""
    sender: tuple[str, ...] = ()
    """Addresses it comes from; `@example.com` for all of a domain."""
    words: tuple[str, ...] = ()
    """Any of these in the subject or the text."""
    sort: tuple[
        Literal["normal", "bounce", "auto-reply", "list", "report", "mdn", "loop"], ...
    ] = ()
    """What wrote it: a person (`normal`) or a machine."""
    language: tuple[str, ...] = ()
    """What it says its language is."""
    queue: str = ""
    """Where it waits then; the mailbox's queue when empty."""
    priority: int | None = Field(default=None, ge=0, le=domain.PRIORITY_MAX)
    """Its priority then; the queue's when not given."""
    skills: Skills = {}
    """What else it needs then."""


class ChatSettings(Table):
    name: Name = Field(examples=["website"])
    """What the page's script tag (`data-chat`), records and metrics call it."""
    queue: str = Field(examples=["sales"])
    """Where its chats wait."""
    title: str = Field(default="Chat with us", max_length=60)
    """Above the conversation."""
    greeting: str = Field(default="", max_length=500)
    """What a visitor reads before she writes."""
    origins: tuple[Annotated[str, Field(pattern=ORIGIN)], ...] = Field(
        default=(), examples=[("https://www.example.com",)]
    )
    """Pages that may show it, beside our own."""
    mailbox: str = ""
    """The `[[mailbox]]` by which words left while nobody is there are answered, and transcripts are
    sent; words can only be read when empty."""
    priority: int | None = Field(default=None, ge=0, le=domain.PRIORITY_MAX)
    """Of its chats; the queue's when not given."""
    skills: Skills = {}
    """What its chats need beside what the queue asks for."""
    rules: tuple[RuleSettings, ...] = ()
    """Read from the top; the first that fits decides. `words`, `sender` and `language` count."""
    templates: dict[Name, str] = {}
    """Quick replies, by name."""
    email_required: bool = False
    """Whether a visitor must give her mail address."""
    staffed_only: bool = True
    """Whether only the form is shown while nobody who could answer is on duty."""
    idle_minutes: int = Field(default=10, ge=1, le=1440)
    """A chat in which nobody writes for so long ends."""
    away_seconds: int = Field(default=90, ge=20, le=3600)
    """A chat that waits ends when its visitor's page is gone for so long."""
    messages_max: int = Field(default=1000, ge=10, le=10_000)
    """So many messages a chat may have."""
    files_max: int = Field(default=20, ge=0, le=1000)
    """So many files a chat may have."""
    starts_per_hour: int = Field(default=20, ge=1, le=3600)
    """So many chats and words from one address."""
    file_types: tuple[Literal["png", "jpeg", "gif", "webp", "pdf", "txt"], ...] = (
        "png", "jpeg", "gif", "webp", "pdf", "txt",
    )  # fmt: skip
    """Files that may be sent, by what they are; none when empty."""
    file_bytes_max: int = Field(default=10_000_000, ge=1000, le=50_000_000)
    """How large a file may be."""


class MessengerSettings(Table):
    name: Name = Field(examples=["whatsapp"])
    """Its webhook is `/messages/NAME`."""
    format: Literal["generic", "whatsapp"] = "generic"
    """Whose requests it understands: signed ones of your own (Standard Webhooks), or those of the
    WhatsApp Cloud API."""
    queue: str = Field(examples=["sales"])
    """Where its chats wait, whatever the queue's calendar says."""
    secret: SecretStr = SecretStr("")
    """What requests are signed with: of `whatsapp` the app's secret."""
    secret_file: Path | None = None
    """A file that holds the secret, mode 600."""
    url: str = Field(default="", pattern=HTTP_URL)
    """Where answers are posted; of `whatsapp` `https://graph.facebook.com/v21.0/NUMBER_ID/messages`.
    Nobody can answer when empty."""
    password: SecretStr = SecretStr("")
    """Of `whatsapp`: the access token for `url`."""
    password_file: Path | None = None
    """A file that holds the token, mode 600."""
    verify_token: str = ""
    """Of `whatsapp`: what Meta is to show when the webhook is set up."""
    priority: int | None = Field(default=None, ge=0, le=domain.PRIORITY_MAX)
    """Of its chats; the queue's when not given."""
    skills: Skills = {}
    """What its chats need beside what the queue asks for."""
    rules: tuple[RuleSettings, ...] = ()
    """Read from the top; the first that fits decides. `words` and `sender` count."""
    templates: dict[Name, str] = {}
    """Quick replies, by name."""
    idle_minutes: int = Field(default=1440, ge=1, le=43_200)
    """A chat that an agent has and in which nobody writes for so long ends."""
    messages_max: int = Field(default=1000, ge=10, le=10_000)
    """So many messages a chat may have; the next one begins another."""


class MailboxSettings(Table):
    name: Name = Field(examples=["office"])
    """What records and metrics call it."""
    addresses: tuple[str, ...] = Field(default=(), examples=[("office@example.com",)])
    """What it is written to; mails handed over for others are refused."""
    queue: str = Field(examples=["mail"])
    """Where its mails wait."""
    priority: int | None = Field(default=None, ge=0, le=domain.PRIORITY_MAX)
    """Of its mails; the queue's when not given."""
    skills: Skills = {}
    """What its mails need beside what the queue asks for."""
    rules: tuple[RuleSettings, ...] = ()
    """Read from the top; the first that fits decides."""
    faxes_from: tuple[str, ...] = Field(default=(), examples=[("fax@provider.example",)])
    """Addresses of services that mail what they took as faxes: such a mail with a TIFF or PDF in it
    waits as a fax. Have your mail server check who may send as them."""
    imap: str = Field(default="", pattern=IMAP_URL, examples=["imaps://imap.example.com:993"])
    """Where its mails are fetched: `imaps://host:993`, or `imap://host:143` on a network that is
    yours; nowhere when empty."""
    folder: str = "INBOX"
    """Which folder of it."""
    token_file: Path | None = None
    """A file with the access token of the account (OAuth2), for providers that take no passwords."""
    first_days: int = Field(default=1, ge=0, le=30)
    """Of what lies there at the first time, so many days are taken in."""
    smtp: str = Field(default="", pattern=SMTP_URL, examples=["smtp://127.0.0.1:25"])
    """Where answers are handed over: `smtp://host:25`, `smtp+starttls://host:587` or
    `smtps://host:465`; nobody can answer when empty."""
    username: str = ""
    """The account at both; none is named to `smtp` when empty."""
    password: SecretStr = SecretStr("")
    """Of the account."""
    password_file: Path | None = None
    """A file that holds the password, mode 600."""
    from_name: str = ""
    """Who the answers are from, before the first of `addresses`."""
    signature: str = ""
    """Below every answer."""
    templates: dict[Name, str] = {}
    """Answers to begin with, by name."""
    undo_seconds: int = Field(default=10, ge=0, le=600)
    """So long an answer may be taken back before it goes out."""
    acknowledge: str = Field(default="", max_length=2000)
    """Sent to whoever writes, once a day and never to machines; nothing when empty. `{answer_by}` in
    it is the time by which an answer is promised."""
    answer_hours: int = Field(default=24, ge=1, le=720)
    """What `{answer_by}` promises, from the moment the mail came."""
    authserv_id: str = ""
    """The name under which your mail server writes `Authentication-Results`; others are ignored."""


def chat_doors_of(settings: Settings) -> dict[str, ChatDoor]:
    """Where chats come in, by name."""
    return {
        chat.name: ChatDoor(
            name=chat.name, title=chat.title, queue=chat.queue, greeting=chat.greeting,
            origins=chat.origins, mailbox=chat.mailbox, email_required=chat.email_required,
            staffed_only=chat.staffed_only, starts_per_hour=chat.starts_per_hour,
            templates=dict(chat.templates),
            limits=Limits(
                idle=chat.idle_minutes * MINUTE, away=chat.away_seconds * SECOND,
                messages_max=chat.messages_max, files_max=chat.files_max, file_types=chat.file_types,
                file_bytes_max=chat.file_bytes_max,
            ),
        )
        for chat in settings.chats
    } | {
        one.name: ChatDoor(
            name=one.name, title=one.name, queue=one.queue, pages=False,
            templates=dict(one.templates),
            limits=Limits(
                idle=one.idle_minutes * MINUTE, messages_max=one.messages_max, file_types=()
            ),
        )
        for one in settings.messengers
    }  # fmt: skip


def messengers_of(settings: Settings) -> dict[str, Messenger]:
    """The messaging services, by name."""
    return {
        one.name: Messenger(
            name=one.name, format=one.format, secret=key_in(one.secret.get_secret_value()),
            url=one.url, token=one.password.get_secret_value(), verify_token=one.verify_token,
        )
        for one in settings.messengers
    }  # fmt: skip
