"""What the web asks of the world; `app/roles/web.py` brings it.

Why: this room knows HTTP and the folds, not where things are kept. The history's classes in
`adapters/history` fit these shapes as they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from callcenter.care.customer import Customer
from callcenter.domain.access import Token, WebSession
from callcenter.domain.commands import Command
from callcenter.domain.units import ContactId, Micros, QueueId
from callcenter.records.contact_record import ContactRecord, SegmentRecord
from callcenter.records.intervals import Interval
from callcenter.records.visits import Outcome, Visit
from callcenter.web.why_views import AgentWhy, ContactWhy


class CommandPort(Protocol):
    """The way into the journal. Raises when the store is away."""

    def append(
        self,
        commands: Sequence[Command],
        records: Sequence[Any] = (),
        numbers: Mapping[str, str] = ...,
    ) -> Awaitable[None]:
        """`numbers` go to the erasable place, by party, in the same step."""
        ...


class RecordsPort(Protocol):
    """What the folds wrote."""

    async def contact(self, contact: ContactId) -> ContactRecord | None: ...

    async def ended(
        self, *, queue: str = "", before: Micros = 0, limit: int = 100
    ) -> list[ContactRecord]: ...

    async def by_id(self, contacts: Sequence[str]) -> dict[str, ContactRecord]: ...

    async def visits(
        self,
        queue: QueueId,
        since: Micros,
        *,
        outcome: Outcome | None = None,
        flags: Sequence[str] = (),
        limit: int = 100,
    ) -> list[Visit]: ...

    async def visits_of(self, contact: ContactId) -> list[Visit]: ...

    async def segments_of(self, contact: ContactId) -> list[SegmentRecord]: ...

    async def handled(
        self, queue: QueueId, since: Micros, *, limit: int = 100
    ) -> list[SegmentRecord]: ...

    async def intervals(self, since: Micros, until: Micros, queue: str = "") -> list[Interval]: ...


class CustomersPort(Protocol):
    """The imported table."""

    async def by_number(self, number: str) -> Customer | None: ...


class PartiesPort(Protocol):
    """Numbers behind party ids: of living contacts, and of ended ones."""

    async def values(self, parties: Sequence[str]) -> dict[str, str]: ...

    async def keep(self, party: str, number: str) -> None:
        """Keep what was typed at a desk. Raises `StoreUnavailable`, `StoreError`."""
        ...

    async def forget(self, party: str) -> None:
        """Of somebody who was never called. Raises as `keep` does."""
        ...


class WhyPort(Protocol):
    """Decides again what the journal says, elsewhere. Raises `Refused` with the reason. `at` is a
    moment in center time, 0 for now; `by` is who asks."""

    async def contact(self, contact: str, at: Micros, by: str) -> ContactWhy: ...

    async def agent(self, agent: str, at: Micros, by: str) -> AgentWhy: ...


class AccessPort(Protocol):
    """Tokens and sessions by digest."""

    async def token(self, digest: str) -> Token | None: ...

    async def token_by_id(self, token: str) -> Token | None: ...

    async def tokens(self) -> list[Token]: ...

    async def add_token(self, token: Token) -> None: ...

    async def revoke_token(self, token: str, now: Micros) -> bool: ...

    async def session(self, digest: str) -> WebSession | None: ...

    async def add_session(self, session: WebSession) -> None: ...

    async def see_session(self, digest: str, seen: Micros, expires: Micros) -> None: ...

    async def end_session(self, digest: str) -> None: ...

    async def forget_sessions(self, now: Micros) -> None: ...
