"""Tables of what is read, not heard: faxes, mailboxes and the way in for both."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from callcenter.app.config_base import (
    IMAP_URL,
    PORTS,
    SMTP_URL,
    Address,
    Name,
    Skills,
    Table,
)
from callcenter.domain import center as domain


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
