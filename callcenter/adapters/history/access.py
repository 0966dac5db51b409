"""Tokens and sessions, by the digests of their secrets.

Why: who reads the database learns no secret that opens a door. A token's secret has 256 random
bits, so a plain SHA-256 of it cannot be searched; passwords of people are another matter and are
checked with argon2 in the web role.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.adapters.history import tables as t
from callcenter.adapters.history.rows import struct_of
from callcenter.domain.access import Token, WebSession
from callcenter.domain.units import Micros


class Access:
    """What the web role asks before it opens a door."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def token(self, digest: str) -> Token | None:
        """The token with this digest, valid or not."""
        row = await self._first(select(t.api_token).where(t.api_token.c.digest == digest))
        return struct_of(Token, row) if row else None

    async def token_by_id(self, token: str) -> Token | None:
        """The token of this id, valid or not."""
        row = await self._first(select(t.api_token).where(t.api_token.c.id == token))
        return struct_of(Token, row) if row else None

    async def tokens(self) -> list[Token]:
        """All tokens, oldest first."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(t.api_token).order_by(t.api_token.c.created))
        return [struct_of(Token, row) for row in rows]

    async def add_token(self, token: Token) -> None:
        """Keep a new token."""
        await self._change(insert(t.api_token).values(**msgspec.structs.asdict(token)))

    async def revoke_token(self, token: str, now: Micros) -> bool:
        """Make a token useless, and the sessions that came from it; False when there is none."""
        found = await self._change(
            update(t.api_token)
            .where(t.api_token.c.id == token, t.api_token.c.revoked == 0)
            .values(revoked=now)
        )
        await self._change(delete(t.web_session).where(t.web_session.c.token == token))
        return found > 0

    async def session(self, digest: str) -> WebSession | None:
        """The session with this digest."""
        row = await self._first(select(t.web_session).where(t.web_session.c.digest == digest))
        return struct_of(WebSession, row) if row else None

    async def add_session(self, session: WebSession) -> None:
        """Keep a new session."""
        await self._change(insert(t.web_session).values(**msgspec.structs.asdict(session)))

    async def see_session(self, digest: str, seen: Micros, expires: Micros) -> None:
        """Note that a session was used."""
        table = t.web_session
        await self._change(
            update(table).where(table.c.digest == digest).values(seen=seen, expires=expires)
        )

    async def end_session(self, digest: str) -> None:
        """Log out."""
        await self._change(delete(t.web_session).where(t.web_session.c.digest == digest))

    async def forget_sessions(self, now: Micros) -> None:
        """Forget those that expired."""
        await self._change(delete(t.web_session).where(t.web_session.c.expires <= now))

    async def _first(self, query: Any) -> Row[Any] | None:
        async with self._engine.connect() as connection:
            return (await connection.execute(query)).first()

    async def _change(self, statement: Any) -> int:
        async with self._engine.begin() as connection:
            return int((await connection.execute(statement)).rowcount)
