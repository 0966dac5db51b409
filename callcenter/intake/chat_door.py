"""Where chats come in, and the form that begins one, as something to read.

Why: a chat's first words, or a word left while nobody was there, are a document like a mail: rules
choose its queue, the desk shows it, and nothing of it stands in the journal.
"""

import msgspec

from callcenter.domain.center import Channel
from callcenter.intake.arrival import Arrival
from callcenter.intake.chat import Leave, Limits, Start
from callcenter.intake.document import Document
from callcenter.intake.reading import Reading

SUBJECT_MAX = 80


class ChatDoor(msgspec.Struct, frozen=True, kw_only=True):
    """One widget's configuration."""

    name: str
    title: str
    queue: str
    greeting: str = ""
    origins: tuple[str, ...] = ()
    """Pages that may show it, beside our own."""
    mailbox: str = ""
    """By which words left and transcripts are answered and sent."""
    email_required: bool = False
    staffed_only: bool = True
    """Nobody is on duty: only the form is shown."""
    pages: bool = True
    """Web pages show it; else it is a messenger's, and nobody waits at a page."""
    starts_per_hour: int = 20
    """From one address."""
    templates: dict[str, str] = {}
    limits: Limits = Limits()


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What was filled in, as it is kept."""

    text: str
    name: str = ""
    email: str = ""
    page: str = ""
    language: str = ""


_forms = msgspec.json.Decoder(Form)


def form_of(asked: Start | Leave) -> bytes:
    """What is kept of a form."""
    return msgspec.json.encode(
        Form(text=asked.text, name=asked.name, email=asked.email, page=asked.page,
             language=asked.language)
    )  # fmt: skip


def chat_arrival(door: ChatDoor, asked: Start) -> Arrival:
    """A chat begins."""
    return Arrival(
        channel=Channel.CHAT, kind="form", source=door.name,
        keys=(f"chat:{door.name}:{asked.id}",), address=asked.email,
    )  # fmt: skip


def word_arrival(door: ChatDoor, asked: Leave) -> Arrival:
    """A word was left: from here on it is a mail to the mailbox that the door names."""
    return Arrival(
        channel=Channel.EMAIL, kind="form", source=door.mailbox or door.name,
        keys=(f"word:{door.name}:{asked.id}",), address=asked.email,
    )  # fmt: skip


def read_form(data: bytes, blank: Document) -> Reading:
    """The document of a form. Raises `msgspec.MsgspecError` for anything else."""
    form = _forms.decode(data)
    first = next((line for line in form.text.splitlines() if line.strip()), "")
    facts = {"page": form.page} if form.page else {}
    return Reading(
        document=msgspec.structs.replace(
            blank, subject=" ".join(first.split())[:SUBJECT_MAX], sender=form.email, name=form.name,
            text=form.text, language=form.language.partition("-")[0].lower(), facts={**blank.facts, **facts},
        )
    )  # fmt: skip
