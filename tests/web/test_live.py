"""What is pushed: snapshots, differences, resuming, and who is cut off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.commands import Presence
from callcenter.web import hub as hub_module
from callcenter.web.hub import Screen
from callcenter.web.topics import ROW_KEYS, difference
from tests.web.center import Center, hear, within


async def watching(found: Center, *topics: str, scope: str = "wall") -> ClientWebSocketResponse:
    socket = await found.client.ws_connect("/ws", headers=await found.token(scope))
    await socket.send_json({"subscribe": list(topics)})
    return socket


def patched(state: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """What a screen does with a delta."""
    state = {**state, **delta.get("set", {})}
    for part, rows in delta.get("put", {}).items():
        key = ROW_KEYS[part]
        held = {row[key]: row for row in state[part]} | {row[key]: row for row in rows}
        state[part] = list(held.values())
    for part, names in delta.get("drop", {}).items():
        state[part] = [row for row in state[part] if row[ROW_KEYS[part]] not in names]
    return state


def by_key(state: dict[str, Any]) -> dict[str, Any]:
    """Rows by name, without what follows from the clock."""
    return {
        part: {row[ROW_KEYS[part]]: row for row in value} if part in ROW_KEYS else value
        for part, value in state.items()
        if part != "at"
    }


def test_a_wall_gets_everything_and_then_only_what_changed(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        socket = await watching(found, "wall")
        hello = await hear(socket, "hello")
        snapshot = await hear(socket, "snapshot")
        assert (hello["server"], snapshot["state"]["waiting"]) == (found.server.hub.server, [])
        await found.call("c1")
        delta = await hear(socket, "delta")
        assert delta["seq"] == snapshot["seq"] + 1
        assert [row["contact"] for row in delta["put"]["waiting"]] == ["c1"]
        assert [row["id"] for row in delta["put"]["queues"]] == ["sales"]
        assert "agents" not in delta["put"]
        found.house.hang_up("c1")
        await found.catch_up()
        assert (await hear(socket, "delta"))["drop"]["waiting"] == ["c1"]

    within(tmp_path, story)


def test_what_happens_wakes_the_wall_and_waits_for_no_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "IDLE_SECONDS", 3600.0)

    async def story(found: Center) -> None:
        socket = await watching(found, "wall")
        await hear(socket, "snapshot")
        await found.call("c1")
        delta = await hear(socket, "delta")
        assert [row["contact"] for row in delta["put"]["waiting"]] == ["c1"]

    within(tmp_path, story)


def test_the_differences_add_up_to_the_document(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        socket = await watching(found, "wall")
        message = await hear(socket, "snapshot")
        state, seq = message["state"], message["seq"]
        for number in range(4):
            found.house.presence("ann", Presence.READY)
            await found.call(f"c{number}")
            delta = await hear(socket, "delta")
            assert delta["seq"] == seq + 1
            state, seq = patched(state, delta), delta["seq"]
        wall = await found.get("/wall", **await found.token("wall"))
        assert by_key(state) == by_key(wall)

    within(tmp_path, story)


def test_a_screen_goes_on_where_it_was(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        socket = await watching(found, "wall")
        hello = await hear(socket, "hello")
        seq = (await hear(socket, "snapshot"))["seq"]
        await found.call("c1")
        await hear(socket, "delta")
        second = await found.client.ws_connect("/ws", headers=await found.token("wall"))
        resume = {"server": hello["server"], "wall": seq}
        await second.send_json({"subscribe": ["wall"], "resume": resume})
        assert (await hear(second, "delta"))["seq"] == seq + 1
        for strange in ({"server": "another", "wall": seq}, {**resume, "wall": seq + 99}):
            third = await found.client.ws_connect("/ws", headers=await found.token("wall"))
            await third.send_json({"subscribe": ["wall"], "resume": strange})
            assert (await hear(third, "snapshot"))["topic"] == "wall"

    within(tmp_path, story)


def test_a_desk_shows_the_ringing_call_to_its_agent_only(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await found.log_in("ann")
        socket = await found.client.ws_connect("/ws")
        await socket.send_json({"subscribe": ["desk"]})
        snapshot = await hear(socket, "snapshot")
        assert (snapshot["topic"], snapshot["state"]["offer"]) == ("desk:ann", None)
        found.house.presence("ann", Presence.READY)
        await found.call("c1")
        offer = None
        while offer is None:
            offer = (await hear(socket, "delta"))["set"].get("offer")
        assert offer["caller"] == "+34600123456"
        await socket.send_json({"subscribe": ["desk:ben"]})
        assert (await hear(socket, "error"))["status"] == 403

    within(tmp_path, story)


def test_a_supervisor_sees_any_desk(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        socket = await watching(found, "desk:ann", scope="supervisor")
        assert (await hear(socket, "snapshot"))["state"]["agent"]["id"] == "ann"
        await socket.send_json({"subscribe": ["desk"]})
        assert (await hear(socket, "error"))["status"] == 403
        await socket.send_json({"subscribe": ["desk:none"]})
        assert (await hear(socket, "error"))["status"] == 404

    within(tmp_path, story)


def test_a_quiet_center_still_gives_a_sign_of_life(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        socket = await watching(found, "wall")
        assert (await hear(socket, "ping"))["stale_since"] is None
        found.picture.store_away()
        found.server.hub.wake()
        delta = await hear(socket, "delta")
        assert delta["set"]["stale_since"] is not None
        assert delta["set"]["control"]["store"] is False

    within(tmp_path, story)


def test_a_wrong_question_is_told_and_the_socket_lives(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        socket = await watching(found)
        many = '{"subscribe": ["a","b","c","d","e","f","g","h","i"]}'
        wrong = ("{", "[]", "[" * 3000, '{"subscribe": "wall"}', '{"subscribe": ["nothing"]}')
        for sent in (*wrong, many):
            await socket.send_str(sent)
            assert (await hear(socket, "error"))["status"] in (400, 404), sent
        await socket.send_json({"subscribe": ["wall"]})
        await hear(socket, "snapshot")

    within(tmp_path, story)


def test_binary_and_oversized_messages_end_the_socket(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        for message, code in ((b"\x00", 1003), (b"x" * 10_000, 1009)):
            socket = await watching(found)
            await hear(socket, "hello")
            await socket.send_bytes(message)
            async with asyncio.timeout(3):
                while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
                    pass
            assert socket.close_code == code

    within(tmp_path, story)


def test_strangers_and_foreign_pages_get_no_socket(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        wall = await found.token("wall")
        for headers in ({}, {"Authorization": "Bearer x"}, {**wall, "Origin": "http://evil"}):
            with pytest.raises(WSServerHandshakeError) as refused:
                await found.client.ws_connect("/ws", headers=headers)
            assert refused.value.status in (401, 403)

    within(tmp_path, story)


def test_a_screen_is_closed_when_its_session_ends(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        socket = await found.client.ws_connect("/ws")
        await socket.send_json({"subscribe": ["wall"]})
        await hear(socket, "snapshot")
        await found.client.delete("/api/v1/session", headers=csrf)
        async with asyncio.timeout(4):
            while not socket.closed:
                await socket.receive()
        assert socket.close_code == hub_module.CLOSE_SESSION_ENDED

    within(tmp_path, story)


def test_a_screen_that_cannot_keep_up_is_closed_by_name(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        principal = await found.server.doors.by_token(
            (await found.token("wall"))["Authorization"].partition(" ")[2]
        )
        assert principal is not None
        screen = Screen(principal)
        for _ in range(hub_module.SCREEN_MESSAGES_MAX):
            screen.tell(b"{}")
        assert not screen.closing.done()
        screen.tell(b"{}")
        assert screen.closing.result()[0] == hub_module.CLOSE_TOO_SLOW

    within(tmp_path, story)


def test_screens_that_leave_leave_nothing_behind(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        for _ in range(5):
            socket = await watching(found, "wall", "desk:ann", scope="supervisor")
            await hear(socket, "snapshot")
            await socket.close()
        async with asyncio.timeout(2):
            while found.server.hub.screens:
                await asyncio.sleep(0.01)

    within(tmp_path, story)


class Row:
    """A row as the folds make them: known by its id, equal by its value."""

    def __init__(self, name: str, value: int) -> None:
        self.id, self.value = name, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and (self.id, self.value) == (other.id, other.value)

    __hash__ = None  # type: ignore[assignment]


DOCUMENTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))


@given(DOCUMENTS, DOCUMENTS, st.integers(0, 1), st.integers(0, 1))
def test_old_and_difference_make_new(
    old: dict[str, int], new: dict[str, int], was: int, now: int
) -> None:
    before = {"agents": [Row(*item) for item in old.items()], "control": was, "at": 1}
    after = {"agents": [Row(*item) for item in new.items()], "control": now, "at": 2}
    change = difference(before, after)
    rows = {row.id: row.value for row in before["agents"]}  # type: ignore[attr-defined]
    rows |= {row.id: row.value for row in change.get("put", {}).get("agents", ())}
    for name in change.get("drop", {}).get("agents", ()):
        del rows[name]
    assert rows == new
    assert change.get("set", {}).get("control", was) == now
    assert bool(change) == (old != new or was != now)
