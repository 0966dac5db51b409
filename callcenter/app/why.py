"""The work behind `why`: open the journal, find the id, tell the story as a document.

Why: the command does it in its own process, the web in a child (`why_child`); both get the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from callcenter.adapters.store.explain import Unknown, agent_story, contact_story, is_agent
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.past import NoPast, Past, Progress
from callcenter.adapters.store.resp import Connection, StoreError
from callcenter.domain.units import Micros
from callcenter.web.why import agent_view, contact_view
from callcenter.web.why_views import AgentWhy, ContactWhy


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and where the journal is."""

    archive: str
    url: str
    namespace: str
    name: str
    kind: str = ""
    """`contact` or `agent`; either when empty."""
    at: Micros = 0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: one of the two."""

    contact: ContactWhy | None = None
    agent: AgentWhy | None = None
    store_away: str = ""
    """Why the store did not answer; then only what is archived is known."""


def tell(question: Question, progress: Progress = lambda _done, _total: None) -> Told:
    """Answer it. Raises `Unknown`, `NoPast`, `JournalGap` or `DamagedArchive`."""
    now = time.time_ns() // 1000
    with _connected(question.url) as (connection, away):
        pasts = _pasts(question, connection, progress)
        try:
            return _told(question, pasts, now, away)
        except Unknown as unknown:
            if not away:
                raise
            raise Unknown(
                f"{unknown}; the store does not answer ({away}), so only what is archived was searched"
            ) from unknown


def _told(question: Question, pasts: list[Past], now: Micros, away: str) -> Told:
    if question.kind != "contact" and _names_agent(pasts[0], question):
        story = agent_story(pasts[0], question.name, now, question.at)
        return Told(agent=agent_view(story), store_away=away)
    if question.kind == "agent":
        raise Unknown(f"there is no agent {question.name!r}")
    life = contact_story(pasts, question.name, now, question.at)
    return Told(contact=contact_view(life), store_away=away)


@contextlib.contextmanager
def _connected(url: str) -> Iterator[tuple[Connection | None, str]]:
    try:
        connection = Connection(url)
    except (OSError, StoreError) as away:
        yield None, str(away)
        return
    with contextlib.closing(connection):
        yield connection, ""


def _pasts(question: Question, connection: Connection | None, progress: Progress) -> list[Past]:
    """The journal, then those that were set aside, the newest first."""
    archive, keys = Path(question.archive), Keys(question.namespace)
    aside = sorted(
        archive.parent.glob(f"{archive.name}-until-*"), key=lambda path: path.stat().st_mtime
    )
    older = [Past(path, None, keys, progress) for path in reversed(aside)]
    return [Past(archive, connection, keys, progress), *older]


def _names_agent(past: Past, question: Question) -> bool:
    try:
        return is_agent(past.now(), question.name)
    except NoPast:
        return False
