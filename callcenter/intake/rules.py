"""Which queue a document waits in, and as what: by address, words, kind and language.

Why: a mailbox is one door for many matters. Rules are read from the top and the first that fits
decides; words are looked for in subject and beginning as whole words, letters large or small, so
that no rule costs more than reading the text once.
"""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from callcenter.domain.commands import QueueRequested
from callcenter.domain.units import SECOND, Micros, QueueId
from callcenter.intake.document import Document

WORDS_LOOKED_AT = 20_000
"""Characters of text that are searched for the words of a rule."""
SUBJECT_MAX = 120


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What must fit, and what follows. What is empty fits everything."""

    to: tuple[str, ...] = ()
    """Addresses (or the part before the @) that it was sent to."""
    sender: tuple[str, ...] = ()
    """Addresses or, with an @ in front, domains that it comes from."""
    words: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    queue: str = ""
    priority: int | None = None
    skills: dict[str, int] = {}


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where things come in, and what happens to them there."""

    name: str
    queue: str
    priority: int | None = None
    skills: dict[str, int] = {}
    rules: tuple[Rule, ...] = ()
    address: str = ""
    """In whose name answers go out."""
    from_name: str = ""
    signature: str = ""
    acknowledge: str = ""
    """What whoever writes is told, once a day; `{answer_by}` in it is the promised time."""
    answer_hours: int = 24
    timezone: str = "UTC"


def acknowledged(door: Door, received: Micros) -> str:
    """What whoever writes is told, with the time by which an answer is promised."""
    until = datetime.fromtimestamp(received / SECOND, ZoneInfo(door.timezone))
    promised = until + timedelta(hours=door.answer_hours)
    return door.acknowledge.replace("{answer_by}", f"{promised:%Y-%m-%d %H:%M %Z}")


def first_rule(door: Door, document: Document) -> Rule | None:
    """The first rule that fits."""
    return next((rule for rule in door.rules if fits(rule, document)), None)


def fits(rule: Rule, document: Document) -> bool:
    return (
        _addressed(rule.to, document.facts.get("to", ""))
        and _sent_by(rule.sender, document.sender)
        and (not rule.sort or document.sort in rule.sort)
        and (not rule.language or document.language in rule.language)
        and _says(rule.words, document)
    )


def _addressed(wanted: tuple[str, ...], to: str) -> bool:
    local = to.partition("@")[0]
    return not wanted or any(one.lower() in (to.lower(), local.lower()) for one in wanted)


def _sent_by(wanted: tuple[str, ...], sender: str) -> bool:
    address = sender.lower()
    domain = "@" + address.rpartition("@")[2]
    return not wanted or any(one.lower() in (address, domain) for one in wanted)


def _says(words: tuple[str, ...], document: Document) -> bool:
    if not words:
        return True
    text = f"{document.subject}\n{document.text[:WORDS_LOOKED_AT]}".casefold()
    found = frozenset(re.findall(r"\w+", text))
    return any(
        word.casefold() in found if word.isalnum() else word.casefold() in text for word in words
    )


def wish(door: Door, document: Document) -> QueueRequested:
    """Where and how it is to wait. What is shown of it beside the text are kinds, never words."""
    rule = first_rule(door, document)
    queue = rule.queue if rule and rule.queue else door.queue
    priority = rule.priority if rule and rule.priority is not None else door.priority
    skills = {**door.skills, **(rule.skills if rule else {})}
    shown = {"type": document.sort if document.sort != "normal" else "", "spam": ""}
    shown["spam"] = document.trust.get("spam", "")
    shown["unreadable"] = "yes" if "unreadable" in document.oddities else ""
    return QueueRequested(
        contact=document.contact,
        queue=QueueId(queue),
        skills=skills,
        priority=priority,
        attributes={name: value for name, value in shown.items() if value},
        language=document.language,
    )
