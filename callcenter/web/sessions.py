"""Logging in and out, and the tokens of programs and walls.

What happens here: a person proves herself with her id and her `web_password` and gets a session
cookie; the wall's link `/?t=TOKEN` exchanges a token for one.

Why: a wrong password, an unknown agent and an agent without a password take the same time and get
the same answer: exactly one argon2 verification each. Who guesses is slowed down, by name and by
address.

Sources: OWASP password storage (argon2id, 19 MiB, two passes); RFC 9106.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import Field, SecretStr

from callcenter.domain.access import Scope, Token, WebSession
from callcenter.domain.units import DAY, AgentId, Micros
from callcenter.records.day import as_time
from callcenter.web import views as v
from callcenter.web.access import (
    Doorkeeper,
    Principal,
    allowed,
    cookie_name,
    digest_of,
    is_private,
    set_cookie,
)
from callcenter.web.picture import Picture
from callcenter.web.ports import AccessPort
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call
from callcenter.web.tally import Tally

TOKEN_PREFIX = "cct_"
LOGIN_WINDOW_SECONDS = 60.0
LOGIN_TRIES_BY_NAME = 5
LOGIN_TRIES_BY_ADDRESS = 20
LOGIN_KEYS_MAX = 20_000
VERIFIERS = 2
"""Verifications at once: each takes 19 MiB and a tenth of a second of a core."""
VERIFICATIONS_WAITING_MAX = 16
_RESULTS = {401: "wrong", 403: "insecure", 429: "slow_down"}


@dataclass(frozen=True)
class Person:
    """Somebody who may log in. `password` is plain, as in the configuration, or an argon2 hash."""

    agent: AgentId
    name: str
    password: SecretStr
    scope: Scope


class LoginBody(Body):
    """Who, and her web password."""

    agent: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(max_length=200)


class TokenBody(Body):
    """A token to be made."""

    name: str = Field(min_length=1, max_length=100)
    scope: Literal["wall", "agent", "supervisor", "admin"] = "wall"
    days: int = Field(0, ge=0, le=3650)


@dataclass
class Tries:
    """Failed logins by name and by address, over a sliding minute."""

    _failed: dict[str, list[float]] = field(default_factory=dict)

    def check(self, name: str, address: str, now: float) -> None:
        """Raises `Refused` (429) when there were too many."""
        for key, limit in self._keys(name, address):
            recent = [t for t in self._failed.get(key, ()) if now - t < LOGIN_WINDOW_SECONDS]
            if len(recent) >= limit:
                wait = round(LOGIN_WINDOW_SECONDS - (now - recent[0])) + 1
                raise Refused(
                    429, f"too many attempts; try again in {wait} s", kind="slow-down",
                    headers={"Retry-After": str(wait)},
                )  # fmt: skip

    def failed(self, name: str, address: str, now: float) -> None:
        """Count one."""
        if len(self._failed) >= LOGIN_KEYS_MAX:
            self._failed.clear()
        for key, limit in self._keys(name, address):
            self._failed[key] = [*self._failed.get(key, ()), now][-limit:]

    @staticmethod
    def _keys(name: str, address: str) -> tuple[tuple[str, int], ...]:
        return (f"name {name}", LOGIN_TRIES_BY_NAME), (f"from {address}", LOGIN_TRIES_BY_ADDRESS)


class Passwords:
    """Checks a password in the same time, whoever is named."""

    def __init__(self, people: Callable[[], Mapping[str, Person]]) -> None:
        self._people = people
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._gate = asyncio.Semaphore(VERIFIERS)
        self._waiting = 0

    async def check(self, agent: str, password: str) -> Person | None:
        """The person, if it is hers."""
        if self._waiting >= VERIFICATIONS_WAITING_MAX:
            raise Refused(429, "too many people log in at once", headers={"Retry-After": "2"})
        person = self._people().get(agent)
        kept = person.password.get_secret_value() if person else ""
        hashed = kept.startswith("$argon2")
        self._waiting += 1
        try:
            async with self._gate:
                against = kept if hashed else self._nobody
                verified = await asyncio.to_thread(self._verify, against, password)
        finally:
            self._waiting -= 1
        plain = hmac.compare_digest(kept.encode(), password.encode())
        right = verified if hashed else plain and bool(kept)
        return person if person is not None and right else None

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False


class Sessions:
    """The handlers of sessions and tokens."""

    def __init__(
        self,
        picture: Picture,
        doors: Doorkeeper,
        access: AccessPort,
        people: Callable[[], Mapping[str, Person]],
        tally: Tally | None = None,
    ) -> None:
        self._tally = tally or Tally()
        self._picture = picture
        self._doors = doors
        self._access = access
        self._passwords = Passwords(people)
        self._tries = Tries()

    async def login(self, call: Call) -> Answer:
        body: LoginBody = call.body
        try:
            person = await self._prove(call.request, body)
        except Refused as refused:
            self._tally.logins[_RESULTS[refused.document.status]] += 1
            raise
        self._tally.logins["accepted"] += 1
        old = call.principal.session if call.principal else None
        if old is not None:
            await self._doors.close_session(old)
        secret, session = await self._doors.open_session(person.scope, agent=person.agent)
        view = self._view(person.name, session)
        return Answer(view, prepare=lambda response: set_cookie(call.request, response, secret))

    async def _prove(self, request: web.Request, body: LoginBody) -> Person:
        """Who she is, by her password. Raises `Refused`."""
        if not is_private(request):
            raise Refused(403, "log in over https, or on this machine", kind="insecure")
        address, now = request.remote or "", time.monotonic()
        self._tries.check(body.agent, address, now)
        person = await self._passwords.check(body.agent, body.password.get_secret_value())
        if person is None:
            self._tries.failed(body.agent, address, now)
            raise Refused(401, "the name or the password is wrong", kind="login")
        return person

    async def who(self, call: Call) -> v.SessionView:
        session = call.who.session
        if session is None:
            return v.SessionView(
                name=call.who.name,
                scope=call.who.scope.value,
                agent="",
                csrf="",
                expires=None,
                center=self._picture.live.data.center.name,
                may=_may(call.who),
            )
        known = self._picture.live.people.get(session.agent)
        return self._view(known.name if known else call.who.name, session)

    async def logout(self, call: Call) -> Answer:
        if call.who.session is not None:
            await self._doors.close_session(call.who.session)
        name = cookie_name(call.request)
        return Answer(None, status=204, prepare=lambda response: response.del_cookie(name))

    async def by_link(self, request: web.Request) -> web.StreamResponse:
        """`/?t=TOKEN`: the browser gets a session of the token's scope and a clean address.

        A browser that came in the clear from elsewhere could not keep the cookie: that is said
        whether the token is right or not.
        """
        if not is_private(request):
            self._tally.logins["insecure"] += 1
            return _to_login("insecure")
        token = await self._doors.token_for(request.query["t"])
        if token is None:
            self._tally.logins["wrong"] += 1
            return _to_login("link")
        self._tally.logins["accepted"] += 1
        secret, _session = await self._doors.open_session(token.scope, token=token.id)
        response = web.Response(status=303, headers={"Location": request.path})
        set_cookie(request, response, secret)
        return response

    def _view(self, name: str, session: WebSession) -> v.SessionView:
        return v.SessionView(
            name=name,
            scope=session.scope.value,
            agent=session.agent,
            csrf=session.csrf,
            expires=as_time(session.expires),
            center=self._picture.live.data.center.name,
            may=_may(Principal(name, session.scope, session.agent)),
        )

    # --- tokens -------------------------------------------------------------------------------

    async def tokens(self, _call: Call) -> v.TokenList:
        return v.TokenList(tokens=[_token_view(t) for t in await self._access.tokens()])

    async def make_token(self, call: Call) -> Answer:
        body: TokenBody = call.body
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now: Micros = time.time_ns() // 1000
        token = Token(
            id=secrets.token_hex(6),
            name=body.name,
            scope=Scope(body.scope),
            digest=digest_of(secret),
            created=now,
            expires=now + body.days * DAY if body.days else 0,
        )
        await self._access.add_token(token)
        return Answer(_token_view(token, secret), status=201)

    async def revoke_token(self, call: Call) -> Answer:
        if not await self._access.revoke_token(call.path("id"), time.time_ns() // 1000):
            raise Refused(404, "there is no such token to revoke")
        return Answer(None, status=204)


def _may(who: Principal) -> list[str]:
    return [need.value for need in allowed(who)]


def _to_login(reason: str) -> web.Response:
    """The sign-in page, which says the reason in words (`login.mjs`)."""
    return web.Response(status=303, headers={"Location": f"/login?reason={reason}"})


def _token_view(token: Token, secret: str = "") -> v.TokenView:
    return v.TokenView(
        id=token.id,
        name=token.name,
        scope=token.scope.value,
        created=as_time(token.created),
        expires=as_time(token.expires) if token.expires else None,
        revoked=as_time(token.revoked) if token.revoked else None,
        token=secret,
    )
