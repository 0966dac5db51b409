"""Who is asking, and may they: the one place that says yes.

What happens here: a request shows a token or a session's cookie and becomes a `Principal`;
`authorize` lays it beside what the route needs. Nothing is allowed that is not in `ALLOWED`.

Why: a new route without a need cannot exist, and a test lays every route beside every scope.
Secrets are compared by digest only; a revoked token or session is noticed within a second.

Sources: RFC 6750 (bearer tokens); OWASP ASVS 5.0 (sessions: new id at login, idle and absolute
end); RFC 6265bis (`__Host-`).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from callcenter.domain.access import Scope, Token, WebSession
from callcenter.domain.names import is_name
from callcenter.domain.units import HOUR, MINUTE, SECOND, AgentId, Micros
from callcenter.web.problems import Refused
from callcenter.web.tally import Tally

if TYPE_CHECKING:
    from aiohttp import web

    from callcenter.web.ports import AccessPort

IDLE: Micros = 2 * HOUR
ABSOLUTE: Micros = 16 * HOUR
SEEN_EVERY: Micros = MINUTE
FRESH_SECONDS = 1.0
"""How long an answer of the database about a token or session is believed."""
CACHE_MAX = 10_000
V = TypeVar("V")
NOBODY = AgentId("")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Need(StrEnum):
    """What a route asks for."""

    PUBLIC = "public"
    SESSION = "session"
    """Anybody who is somebody."""
    WALL = "wall"
    DESK = "desk"
    """The agent herself, or a supervisor."""
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


ALLOWED: dict[Need, frozenset[Scope]] = {
    Need.SESSION: frozenset(Scope),
    Need.WALL: frozenset(Scope),
    Need.DESK: frozenset({Scope.AGENT, Scope.SUPERVISOR, Scope.ADMIN}),
    Need.SUPERVISOR: frozenset({Scope.SUPERVISOR, Scope.ADMIN}),
    Need.ADMIN: frozenset({Scope.ADMIN}),
}


@dataclass(frozen=True)
class Principal:
    """Who asks: an agent or a token, and what she may do."""

    name: str
    scope: Scope
    agent: AgentId = NOBODY
    session: WebSession | None = None
    """Set when a cookie said so: changes then need the CSRF token."""
    token: str = ""
    """Digest of the token, when one was sent."""

    @property
    def supervises(self) -> bool:
        """May see and change what belongs to others."""
        return self.scope in ALLOWED[Need.SUPERVISOR]


def authorize(principal: Principal | None, need: Need, agent: str = "") -> None:
    """Raises `Refused` unless `principal` may do what `need` says, to `agent` if one is named."""
    if need is Need.PUBLIC:
        return
    if principal is None:
        header = {"WWW-Authenticate": 'Bearer realm="callcenter"'}
        raise Refused(401, "send a bearer token, or log in", kind="unknown", headers=header)
    if principal.scope not in ALLOWED[need]:
        raise Refused(403, f"this needs more than the scope {principal.scope.value!r}")
    if need is Need.DESK and not principal.supervises:
        if not principal.agent:
            raise Refused(403, "this login is no agent's")
        if agent and principal.agent != agent:
            raise Refused(403, "this belongs to another agent")


def allowed(principal: Principal) -> list[Need]:
    """The needs that `principal` meets: a page shows no button for the others."""
    met = []
    for need in ALLOWED:
        try:
            authorize(principal, need)
        except Refused:
            continue
        met.append(need)
    return met


def digest_of(secret: str) -> str:
    """What is kept of a secret with 256 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine."""
    name = host.rpartition(":")[0] if host.count(":") == 1 else host
    return name.strip("[]") in LOOPBACK or host.startswith("[::1]")


def is_private(request: web.Request) -> bool:
    """Whether nobody on the way can read this request: TLS here or before us, or loopback."""
    if request.secure or is_loopback(request.host):
        return True
    peer = request.remote or ""
    return peer in LOOPBACK and request.headers.get("X-Forwarded-Proto") == "https"


def cookie_name(request: web.Request) -> str:
    """`__Host-` binds the cookie to TLS and this host; plain loopback cannot have it."""
    return "callcenter" if _plain_loopback(request) else "__Host-callcenter"


def _plain_loopback(request: web.Request) -> bool:
    return (
        not request.secure
        and is_loopback(request.host)
        and request.headers.get("X-Forwarded-Proto") != "https"
    )


def set_cookie(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=ABSOLUTE // SECOND,
        httponly=True,
        secure=not _plain_loopback(request),
        samesite="Strict",
        path="/",
    )


class Doorkeeper:
    """Knows tokens and sessions, and remembers each for a second."""

    def __init__(self, access: AccessPort, tally: Tally | None = None) -> None:
        self._access = access
        self._tally = tally or Tally()
        self._tokens: dict[str, tuple[float, Token | None]] = {}
        self._sessions: dict[str, tuple[float, WebSession | None]] = {}

    async def principal(self, request: web.Request) -> Principal | None:
        """Who sends this request; None when it says nothing or nothing true."""
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and secret:
            return await self.by_token(secret.strip())
        cookie = request.cookies.get(cookie_name(request), "")
        return await self.by_cookie(cookie) if cookie else None

    async def by_token(self, secret: str) -> Principal | None:
        """The holder of a token."""
        digest = digest_of(secret)
        token = await self._token(digest)
        if token is None or not token.valid(_now()):
            self._tally.tokens_rejected += 1
            return None
        name = token.name if is_name(token.name) else f"token:{token.id}"  # for the journal
        return Principal(name=name, scope=token.scope, token=digest)

    async def _token(self, digest: str) -> Token | None:
        token = self._fresh(self._tokens, digest)
        if token is None:
            token = await self._access.token(digest)
            self._keep(self._tokens, digest, token)
        return token

    async def _session(self, digest: str) -> WebSession | None:
        session = self._fresh(self._sessions, digest)
        if session is None:
            session = await self._access.session(digest)
            self._keep(self._sessions, digest, session)
        return session

    async def by_cookie(self, secret: str) -> Principal | None:
        """The browser with this session."""
        digest = digest_of(secret)
        session = await self._session(digest)
        now = _now()
        if session is None or now >= session.expires:
            return None
        if now - session.seen > SEEN_EVERY:
            expires = min(now + IDLE, session.created + ABSOLUTE)
            await self._access.see_session(digest, now, expires)
            self._sessions.pop(digest, None)
        name = session.agent or f"token:{session.token}"
        return Principal(name=name, scope=session.scope, agent=session.agent, session=session)

    async def again(self, principal: Principal) -> bool:
        """Whether a principal of before is still one: asked while a socket is open."""
        if principal.session is not None:
            session = await self._session(principal.session.digest)
            return session is not None and _now() < session.expires
        token = await self._token(principal.token)
        return token is not None and token.valid(_now())

    async def open_session(
        self, scope: Scope, *, agent: AgentId = NOBODY, token: str = ""
    ) -> tuple[str, WebSession]:
        """A new session; the secret for the cookie and what is kept of it."""
        secret, now = secrets.token_urlsafe(32), _now()
        session = WebSession(
            digest=digest_of(secret),
            scope=scope,
            agent=agent,
            token=token,
            csrf=secrets.token_urlsafe(24),
            created=now,
            seen=now,
            expires=now + IDLE,
        )
        await self._access.forget_sessions(now)
        await self._access.add_session(session)
        return secret, session

    async def close_session(self, session: WebSession) -> None:
        """Log out."""
        self._sessions.pop(session.digest, None)
        await self._access.end_session(session.digest)

    async def token_for(self, secret: str) -> Token | None:
        """The valid token with this secret."""
        token = await self._access.token(digest_of(secret))
        if token is not None and token.valid(_now()):
            return token
        self._tally.tokens_rejected += 1
        return None

    @staticmethod
    def _fresh(cache: dict[str, tuple[float, V | None]], digest: str) -> V | None:
        found = cache.get(digest)
        return found[1] if found and time.monotonic() - found[0] < FRESH_SECONDS else None

    @staticmethod
    def _keep(cache: dict[str, tuple[float, V | None]], digest: str, value: V | None) -> None:
        if len(cache) >= CACHE_MAX:
            cache.clear()
        cache[digest] = (time.monotonic(), value)


def _now() -> Micros:
    return time.time_ns() // 1000
