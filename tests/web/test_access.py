"""Who may: every route beside every scope, sessions, tokens, and what foreign pages cannot do."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from callcenter.domain.access import Scope
from callcenter.web import sessions
from callcenter.web.access import ALLOWED, Need
from callcenter.web.pages import STATIC
from callcenter.web.routes import PREFIX
from callcenter.web.server import Server
from tests.web.center import Center, within

WALL = {"wall", "agent", "supervisor", "admin"}
DESK = {"agent of hers", "supervisor", "admin"}
SUPERVISOR = {"supervisor", "admin"}
ADMIN = {"admin"}

EXPECTED: dict[str, set[str]] = {
    "POST /session": {"nobody", *WALL},
    "GET /session": WALL,
    "DELETE /session": WALL,
    "GET /wall": WALL,
    "GET /queues": WALL,
    "GET /queues/{id}": WALL,
    "GET /agents": WALL,
    "GET /agents/{id}": WALL,
    "GET /agents/{id}/desk": DESK,
    "POST /agents/{id}/presence": DESK,
    "POST /agents/{id}/wrap-up/end": DESK,
    "POST /segments/{id}/disposition": DESK,
    "POST /offers/{id}/answer": DESK,
    "GET /contacts/{id}/document": DESK,
    "GET /contacts/{id}/pages/{part}": DESK,
    "GET /contacts/{id}/files/{blob}": DESK,
    "GET /contacts/{id}/pictures/{blob}": DESK,
    "PUT /contacts/{id}/notes": DESK,
    "POST /contacts/{id}/put-aside": DESK,
    "POST /contacts/{id}/letters": DESK,
    "DELETE /contacts/{id}/letters/{letter}": DESK,
    "POST /contacts/{id}/letters/{letter}/again": DESK,
    "POST /contacts/{id}/done": DESK,
    "GET /faxes": DESK,
    "POST /faxes": DESK,
    "POST /contacts/{id}/faxes": DESK,
    "GET /faxes/{id}": DESK,
    "DELETE /faxes/{id}": DESK,
    "POST /faxes/{id}/again": DESK,
    "GET /contacts/{id}/chat": DESK,
    "POST /contacts/{id}/chat": DESK,
    "POST /contacts/{id}/chat/typing": DESK,
    "POST /contacts/{id}/chat/files": DESK,
    "GET /contacts/{id}/chat/files/{blob}": DESK,
    "GET /contacts/{id}/transcript": DESK,
    "POST /contacts/{id}/transfer": DESK,
    "POST /agents/{id}/call/hold": DESK,
    "POST /agents/{id}/call/resume": DESK,
    "POST /agents/{id}/call/transfer": DESK,
    "POST /agents/{id}/call/hang-up": DESK,
    "POST /agents/{id}/call/consult": DESK,
    "POST /agents/{id}/call/dial": DESK,
    "POST /agents/{id}/call/swap": DESK,
    "POST /agents/{id}/call/conference": DESK,
    "POST /agents/{id}/call/complete": DESK,
    "POST /agents/{id}/call/consult-end": DESK,
    "POST /agents/{id}/call/pick-up": DESK,
    "GET /agents/{id}/call/waiting": DESK,
    "GET /agents/{id}/call/targets": DESK,
    "POST /contacts/{id}/move": SUPERVISOR,
    "POST /contacts/{id}/assign": SUPERVISOR,
    "POST /contacts/{id}/priority": SUPERVISOR,
    "GET /contacts/{id}/if-trained": SUPERVISOR,
    "POST /queues/{id}/open": SUPERVISOR,
    "POST /queues/{id}/close": SUPERVISOR,
    "POST /queues/{id}/announcement": SUPERVISOR,
    "POST /announcement": SUPERVISOR,
    "GET /prompts": SUPERVISOR,
    "PUT /agents/{id}/skills": SUPERVISOR,
    "POST /agents/{id}/trainings": SUPERVISOR,
    "GET /agents/{id}/trainings": DESK,
    "GET /agents/{id}/certificates": DESK,
    "GET /reports/skill-gaps": SUPERVISOR,
    "GET /contacts": WALL,
    "GET /contacts/{id}": WALL,
    "GET /contacts/{id}/why": {"supervisor", "admin"},
    "GET /agents/{id}/why": DESK,
    "GET /reports/intervals": WALL,
    "GET /tokens": ADMIN,
    "POST /tokens": ADMIN,
    "DELETE /tokens/{id}": ADMIN,
}
"""Who gets past the door, kept by hand. `agent` here is a token of that scope: nobody's desk."""


def routes(found: Center) -> list[tuple[str, str]]:
    return [(route.method, route.path) for route in found.server.routes]


def test_the_table_names_every_route(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        assert {f"{method} {path}" for method, path in routes(found)} == set(EXPECTED)
        assert isinstance(found.server, Server)

    within(tmp_path, story)


@pytest.mark.parametrize("scope", ["nobody", *[s.value for s in Scope]])
def test_every_route_is_open_to_exactly_those_in_the_table(tmp_path: Path, scope: str) -> None:
    async def story(found: Center) -> None:
        for method, path in routes(found):
            headers = await found.token(scope) if scope != "nobody" else {}
            url = PREFIX + re.sub(r"{\w+}", "ann", path)
            answer = await found.client.request(method, url, headers=headers, json={})
            let_in = answer.status not in (401, 403)
            assert let_in == (scope in EXPECTED[f"{method} {path}"]), (method, path, answer.status)
            if scope == "nobody" and not let_in:
                assert answer.status == 401
                assert "Bearer" in answer.headers["WWW-Authenticate"]

    within(tmp_path, story)


def test_an_agent_reaches_her_own_desk_and_nobody_elses(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        for method, path in routes(found):
            if "agent of hers" not in EXPECTED[f"{method} {path}"] or "agents" not in path:
                continue
            for owner, refused in (("ann", False), ("ben", True)):
                url = PREFIX + path.replace("{id}", owner)
                answer = await found.client.request(method, url, json={}, headers=csrf)
                assert (answer.status == 403) == refused, (method, path, owner)

    within(tmp_path, story)


def test_a_session_is_told_what_it_may(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        told = {}
        for scope in Scope:
            headers = await found.token(scope.value)
            answer = await found.client.get("/api/v1/session", headers=headers)
            told[scope.value] = (await answer.json())["may"]
        assert told == {
            "wall": ["session", "wall"],
            "agent": ["session", "wall"],
            "supervisor": ["session", "wall", "desk", "supervisor"],
            "admin": ["session", "wall", "desk", "supervisor", "admin"],
        }
        await found.log_in("ann")
        hers = await (await found.client.get("/api/v1/session")).json()
        assert hers["may"] == ["session", "wall", "desk"]

    within(tmp_path, story)


def test_no_need_is_open_to_all_but_the_public_one() -> None:
    assert set(ALLOWED) == set(Need) - {Need.PUBLIC}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_no_change_by_cookie_without_the_sessions_token(tmp_path: Path, method: str) -> None:
    async def story(found: Center) -> None:
        await found.log_in("ann")
        for route in found.server.routes:
            if route.method != method or (route.path == "/session" and method == "POST"):
                continue
            url = PREFIX + re.sub(r"{\w+}", "ann", route.path)
            for headers in ({}, {"X-CSRF-Token": "wrong"}):
                answer = await found.client.request(method, url, json={}, headers=headers)
                assert answer.status == 403, (route.path, headers)

    within(tmp_path, story)


def test_no_change_from_a_foreign_page(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        headers = {**csrf, "Origin": "https://evil.example"}
        for route in found.server.routes:
            if route.method == "GET":
                continue
            url = PREFIX + re.sub(r"{\w+}", "ann", route.path)
            answer = await found.client.request(route.method, url, json={}, headers=headers)
            assert answer.status == 403, route.path

    within(tmp_path, story)


def test_our_own_page_may(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        origin = str(found.client.make_url("/")).rstrip("/")
        answer = await found.client.post(
            "/api/v1/agents/ann/presence",
            json={"presence": "ready"},
            headers={**csrf, "Origin": origin},
        )
        assert answer.status == 200

    within(tmp_path, story)


def test_a_wrong_login_says_the_same_whoever_is_named(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        for agent, password in (("ann", "wrong"), ("nobody", "x"), ("mute", ""), ("ben", "")):
            body = {"agent": agent, "password": password}
            answer = await found.client.post("/api/v1/session", json=body)
            document = await answer.json(content_type="application/problem+json")
            assert answer.status == 401
            assert document["detail"] == "the name or the password is wrong"
            assert "Set-Cookie" not in answer.headers

    within(tmp_path, story)


def test_every_login_verifies_exactly_one_argon2_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []

    def verify(_passwords: sessions.Passwords, hashed: str, _password: str) -> bool:
        verified.append(hashed)
        return False

    monkeypatch.setattr(sessions.Passwords, "_verify", verify)

    async def story(found: Center) -> None:
        for agent in ("ann", "nobody", "mute"):
            before = len(verified)
            await found.client.post(
                "/api/v1/session", json={"agent": agent, "password": f"{agent}'s secret"}
            )
            assert len(verified) == before + 1
        assert all(hashed.startswith("$argon2id$") for hashed in verified)

    within(tmp_path, story)


def test_a_password_may_be_kept_as_an_argon2_hash(tmp_path: Path) -> None:
    from argon2 import PasswordHasher
    from pydantic import SecretStr

    from callcenter.domain.units import AgentId

    hashed = PasswordHasher(1, 8, 1).hash("correct horse")
    person = sessions.Person(AgentId("eve"), "Eve", SecretStr(hashed), Scope.AGENT)

    async def story() -> None:
        passwords = sessions.Passwords(lambda: {"eve": person})
        assert await passwords.check("eve", "correct horse") == person
        assert await passwords.check("eve", hashed) is None

    asyncio.run(story())


def test_guessing_is_slowed_down_by_name(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        body = {"agent": "ann", "password": "guess"}
        statuses = [
            (await found.client.post("/api/v1/session", json=body)).status for _ in range(6)
        ]
        assert statuses == [401] * 5 + [429]
        right = {"agent": "ann", "password": "ann's secret"}
        answer = await found.client.post("/api/v1/session", json=right)
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0

    within(tmp_path, story)


def test_a_login_is_a_new_session_and_the_old_one_is_worth_nothing(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await found.log_in("ann")
        first = found.client.session.cookie_jar.filter_cookies(found.client.make_url("/"))
        old = first["callcenter"].value
        await found.log_in("ben")
        assert (await found.get("/session"))["agent"] == "ben"
        found.client.session.cookie_jar.clear()
        cookie = {"Cookie": f"callcenter={old}"}
        answer = await found.client.get("/api/v1/session", headers=cookie)
        assert answer.status == 401

    within(tmp_path, story)


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_foreign_pages(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        body = {"agent": "ann", "password": "ann's secret"}
        answer = await found.client.post("/api/v1/session", json=body)
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        secure = await found.client.post(
            "/api/v1/session", json=body, headers={"X-Forwarded-Proto": "https"}
        )
        assert secure.headers["Set-Cookie"].startswith("__Host-callcenter=")
        assert "Secure" in secure.headers["Set-Cookie"]

    within(tmp_path, story)


def test_nobody_logs_in_in_the_clear_over_the_network(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        body = {"agent": "ann", "password": "ann's secret"}
        answer = await found.client.post(
            "/api/v1/session", json=body, headers={"Host": "callcenter.example"}
        )
        assert answer.status == 403

    within(tmp_path, story)


def test_logging_out_ends_the_session(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        assert (await found.client.delete("/api/v1/session", headers=csrf)).status == 204
        assert (await found.client.get("/api/v1/session")).status == 401

    within(tmp_path, story)


def test_the_walls_link_becomes_a_session_and_a_clean_address(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await found.token("wall")
        secret = headers["Authorization"].partition(" ")[2]
        answer = await found.client.get(f"/?t={secret}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        session = await found.get("/session")
        assert (session["scope"], session["agent"]) == ("wall", "")
        wrong = await found.client.get("/?t=cct_wrong", allow_redirects=False)
        assert wrong.headers["Location"].startswith("/login")

    within(tmp_path, story)


def test_a_walls_link_in_the_clear_from_elsewhere_is_told_why_it_fails(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        secret = (await found.token("wall"))["Authorization"].partition(" ")[2]
        elsewhere = {"Host": "callcenter.example"}
        for token in (secret, "cct_wrong"):
            answer = await found.client.get(
                f"/?t={token}", headers=elsewhere, allow_redirects=False
            )
            assert (answer.status, answer.headers["Location"]) == (303, "/login?reason=insecure")
            assert "Set-Cookie" not in answer.headers
        proxied = {**elsewhere, "X-Forwarded-Proto": "https"}
        right = await found.client.get(f"/?t={secret}", headers=proxied, allow_redirects=False)
        assert right.headers["Location"] == "/"
        wrong = await found.client.get("/?t=cct_wrong", headers=proxied, allow_redirects=False)
        assert wrong.headers["Location"] == "/login?reason=link"

    within(tmp_path, story)
    words = (STATIC / "login.mjs").read_text()
    assert "plain HTTP from another machine" in words


def test_a_token_is_made_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        admin = await found.token("admin")
        made = await found.client.post(
            "/api/v1/tokens", json={"name": "lobby", "days": 1}, headers=admin
        )
        assert made.status == 201
        token = await made.json()
        bearer = {"Authorization": f"Bearer {token['token']}"}
        assert (await found.client.get("/api/v1/queues", headers=bearer)).status == 200
        listed = (await found.get("/tokens", **admin))["tokens"]
        assert all(row["token"] == "" for row in listed)
        url = f"/api/v1/tokens/{token['id']}"
        assert (await found.client.delete(url, headers=admin)).status == 204
        assert (await found.client.delete(url, headers=admin)).status == 404
        await asyncio.sleep(1.05)
        assert (await found.client.get("/api/v1/queues", headers=bearer)).status == 401

    within(tmp_path, story)


def test_a_header_that_says_nothing_true_is_nobody(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        for header in ("Bearer", "Bearer  ", "Bearer x", "Basic YTpi", "bearer " + "x" * 5000):
            answer = await found.client.get("/api/v1/queues", headers={"Authorization": header})
            assert answer.status == 401, header

    within(tmp_path, story)


def test_a_header_that_is_no_text_is_nobody(tmp_path: Path) -> None:
    """Bytes as they come over the wire; a client would not send them."""

    async def story(found: Center) -> None:
        server = found.client.server
        for header in (b"Authorization: Bearer \xff\xfe", b"Cookie: callcenter=\xff\xfe"):
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"GET /api/v1/queues HTTP/1.1\r\nHost: localhost\r\n" + header)
            writer.write(b"\r\nConnection: close\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
            writer.close()

    within(tmp_path, story)
