"""Visitors and agents in a chat: every message once and in order, and nobody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import WSServerHandshakeError

from callcenter.domain import events as e
from callcenter.domain.commands import Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import MINUTE, SECOND
from callcenter.web.pages import STATIC
from tests.web.chat_house import DOOR, SHOP, ChatStory, Page, chatting, page

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20


async def taken(told: ChatStory, at: Page, **fields: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A visitor begins a chat and Ann takes it; its contact and key, and Ann's headers."""
    begun = await at.begin(**fields)
    told.center.house.take(begun["contact"])
    await told.center.catch_up()
    await at.state("talking")
    return begun, await told.center.log_in("ann")


async def post(told: ChatStory, path: str, headers: dict[str, str], **body: Any) -> tuple[int, Any]:
    answer = await told.center.client.post(f"/api/v1{path}", json=body, headers=headers)
    return answer.status, await answer.json()


def files_of(begun: dict[str, Any], name: str = "f" * 32, origin: str = SHOP) -> dict[str, str]:
    return {
        "Origin": origin, "X-Chat-Contact": begun["contact"], "X-Chat-Key": begun["key"],
        "X-Chat-Id": name, "X-Chat-File": "caf%C3%A9%2F..%2Fa.exe",
    }  # fmt: skip


def test_a_visitor_and_an_agent_talk(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, headers = await taken(told, at)
            (row,) = (await told.center.get("/agents/ann/desk"))["documents"]
            assert (row["channel"], row["sender"], row["chat"]["said"]) == ("chat", "Cleo", 1)
            assert row["chat"]["here"]
            path = f"/contacts/{begun['contact']}/chat"
            assert await post(told, path, headers, id="b" * 32, text="Hi") == (200, {"seq": 2})
            heard = (await at.hear("said"))["messages"]
            assert [(m["seq"], m["by"], m["name"], m["text"]) for m in heard] == [
                (2, "agent", "Ann", "Hi")
            ]
            await at.say("say", id="c" * 32, text="Fine")
            assert (await at.hear("kept"))["seq"] == 3
            found = await told.center.get(f"{path}?after=1")
            assert [(m["seq"], m["text"]) for m in found["messages"]] == [(2, "Hi"), (3, "Fine")]
            assert (found["name"], found["email"], found["templates"]) == (
                "Cleo", "cleo@example.org", {"hi": "Hello."},
            )  # fmt: skip
            assert (await post(told, f"/contacts/{begun['contact']}/done", headers))[0] == 200
            assert (await at.state("ended"))["reason"] == "resolved"
            await at.say("say", id="d" * 32, text="Wait")
            assert (await at.hear("refused"))["code"] == "over"

    chatting(tmp_path, story)


def test_what_is_said_again_is_said_once_and_who_comes_back_gets_what_she_missed(
    tmp_path: Path,
) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun = await at.begin()
            for _ in range(3):
                await at.say("say", id="b" * 32, text="Once")
                assert (await at.hear("kept"))["seq"] == 2
            await at.say("start", id="a" * 32, text="Hello", name="Cleo", email="cleo@example.org")
            assert await at.hear("started") == {**begun, "type": "started"}
        assert len(told.center.house.all(e.ContactArrived)) == 1
        for after, texts in ((0, ["Hello", "Once"]), (1, ["Once"])):
            async with page(told.center) as again:
                await again.say("hello", contact=begun["contact"], key=begun["key"], after=after)
                assert (await again.hear("welcome"))["known"]
                heard = (await again.hear("said"))["messages"]
                assert [(m["seq"], m["text"]) for m in heard] == list(enumerate(texts, after + 1))

    chatting(tmp_path, story)


def test_a_key_that_is_not_hers_shows_nothing(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun = await at.begin()
            async with page(told.center) as stranger:
                await stranger.say("hello", contact=begun["contact"], key="0" * 32)
                assert not (await stranger.hear("welcome"))["known"]
                await stranger.say("say", id="b" * 32, text="Let me in")
                assert (await stranger.hear("refused"))["code"] == "nobody"
            headers = {**files_of(begun), "X-Chat-Key": "0" * 32}
            answer = await told.center.client.post("/chat/website/files", data=PNG, headers=headers)
            assert answer.status == 403
        assert len(told.words.said[begun["contact"]]) == 1

    chatting(tmp_path, story)


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://evil.example", "https://shop.example.evil", "http://shop.example"],
)
def test_a_page_that_nobody_named_may_not_show_it(tmp_path: Path, origin: str) -> None:
    async def story(told: ChatStory) -> None:
        with pytest.raises(WSServerHandshakeError) as refused:
            async with page(told.center, origin):
                pass
        assert refused.value.status == 403
        ask = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = await told.center.client.options("/chat/website/files", headers=ask)
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers

    chatting(tmp_path, story)


def test_while_nobody_is_there_a_word_is_left_that_is_a_mail(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        told.center.house.presence("ann", Presence.LOGGED_OUT)
        await told.center.catch_up()
        async with page(told.center) as at:
            await at.say("hello")
            assert not (await at.hear("welcome"))["open"]
            await at.say("start", id="a" * 32, text="Hello")
            assert (await at.hear("refused"))["code"] == "closed"
            for _ in range(2):
                await at.say("leave", id="e" * 32, text="Write to me", email="c@example.org")
                assert (await at.hear("taken"))["id"] == "e" * 32
        (arrived,) = told.center.house.all(e.ContactArrived)
        assert (arrived.channel, arrived.dialled) == ("email", "office")

    chatting(tmp_path, story)


def test_who_says_too_much_is_told_to_wait_and_says_it_again(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            await at.begin()
            for number in range(16):
                await at.say("say", id=f"{number:032}", text="x")
            refused = await at.hear("refused")
            assert (refused["code"], refused["id"]) == ("slow_down", f"{15:032}")
            told.center.house.now += SECOND
            await at.say("say", id=f"{15:032}", text="x")
            assert (await at.hear("kept"))["seq"] == 17
        assert told.chats.counts["slow_down"] == 1

    chatting(tmp_path, story)


def test_so_many_chats_are_begun_from_one_address_and_no_more(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            for number in range(3):
                await at.begin(start=f"{number:032}")
            await at.say("start", id="9" * 32, text="One more")
            assert (await at.hear("refused"))["code"] == "too_many_chats"
            await at.say("start", id=f"{2:032}", text="Said again")
            await at.hear("started")

    chatting(tmp_path, story)


def test_a_full_chat_and_a_store_that_is_away_have_names(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, headers = await taken(told, at)
            told.words.away = True
            await at.say("say", id="b" * 32, text="x")
            assert (await at.hear("refused"))["code"] == "away"
            path = f"/contacts/{begun['contact']}/chat"
            assert (await post(told, path, headers, id="c" * 32, text="x"))[0] == 503
            told.words.away = False
            said = told.words.said[begun["contact"]]
            said += said * 39
            await at.say("say", id="b" * 32, text="x")
            assert (await at.hear("refused"))["code"] == "full"
            assert (await post(told, path, headers, id="c" * 32, text="x"))[0] == 409

    chatting(tmp_path, story)


def test_typing_is_shown_to_the_other_side_and_forgotten(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, headers = await taken(told, at)
            await at.say("typing")
            async with asyncio.timeout(5):
                while True:
                    (row,) = (await told.center.get("/agents/ann/desk"))["documents"]
                    if row["chat"]["typing"]:
                        break
                    await asyncio.sleep(0.01)
            await post(told, f"/contacts/{begun['contact']}/chat/typing", headers)
            assert (await at.hear("typing"))["name"] == "Ann"

    chatting(tmp_path, story)


def test_files_are_what_they_are_within_their_size_and_only_saved(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        client = told.center.client
        async with page(told.center) as at:
            begun, headers = await taken(told, at)
            sent = await client.post("/chat/website/files", data=PNG, headers=files_of(begun))
            assert (sent.status, (await sent.json())["seq"]) == (200, 2)
            assert sent.headers["Access-Control-Allow-Origin"] == SHOP
            again = await client.post("/chat/website/files", data=PNG, headers=files_of(begun))
            assert (await again.json())["seq"] == 2
            shown = (await at.hear("said"))["messages"][0]["file"]
            assert (shown["name"], shown["type"]) == ("café_.._a.exe.png", "image/png")
            for data, status in ((b"MZ\x00", 415), (b"x" * 101, 413)):
                refused = await client.post(
                    "/chat/website/files", data=data, headers=files_of(begun, "e" * 32)
                )
                assert refused.status == status
            statuses = []
            for number in range(2):
                more = await client.post(
                    "/chat/website/files", data=PNG, headers=files_of(begun, f"{number:032}")
                )
                statuses.append(more.status)
            assert (statuses, told.chats.counts["too_many_files"]) == ([200, 409], 1)
            path = f"/contacts/{begun['contact']}/chat/files/{shown['blob']}"
            got = await client.get(f"/api/v1{path}")
            assert (await got.read(), got.headers["X-Content-Type-Options"]) == (PNG, "nosniff")
            assert got.headers["Content-Type"] == "application/octet-stream"
            assert got.headers["Content-Disposition"].startswith("attachment")
            hers = await client.get(f"/chat/website/files/{shown['blob']}", headers=files_of(begun))
            assert await hers.read() == PNG
            other = await client.get(f"/chat/website/files/{'9' * 64}", headers=files_of(begun))
            assert other.status == 404
            mine = {**headers, "X-Chat-Id": "d" * 32, "X-Chat-File": "note.txt"}
            sent = await client.post(
                f"/api/v1/contacts/{begun['contact']}/chat/files", data=b"words", headers=mine
            )
            assert sent.status == 409
            told.words.said[begun["contact"]].pop()
            sent = await client.post(
                f"/api/v1/contacts/{begun['contact']}/chat/files", data=b"words", headers=mine
            )
            assert sent.status == 200
            last = told.words.said[begun["contact"]][-1]
            assert (last.by, last.file and last.file.name) == ("agent", "note.txt")

    chatting(tmp_path, story)


def test_nobody_reads_or_writes_in_what_another_has(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, headers = await taken(told, at)
            name = begun["contact"]
            await told.center.client.delete("/api/v1/session", headers=headers)
            headers = await told.center.log_in("ben")
            for path in ("chat", "transcript", "document", f"chat/files/{'1' * 64}"):
                answer = await told.center.client.get(f"/api/v1/contacts/{name}/{path}")
                assert answer.status == 403, path
            said = {"id": "b" * 32, "text": "x"}
            assert (await post(told, f"/contacts/{name}/chat", headers, **said))[0] == 403
            assert (await post(told, f"/contacts/{name}/transfer", headers, agent="ben"))[0] == 403
            assert (await post(told, f"/contacts/{name}/chat/typing", headers))[0] == 403
            sue = await told.center.token("supervisor")
            assert (await told.center.get(f"/contacts/{name}/chat", **sue))["name"] == "Cleo"
            await told.center.mail("m1")
            answer = await told.center.client.get("/api/v1/contacts/m1/chat", headers=sue)
            assert answer.status == 404

    chatting(tmp_path, story)


def test_a_chat_is_handed_on_with_its_words_and_its_transcript_stays_hers(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, headers = await taken(told, at)
            name = begun["contact"]
            told.center.house.presence("ben", Presence.READY)
            await told.center.catch_up()
            assert (await post(told, f"/contacts/{name}/transfer", headers, agent="ben"))[0] == 200
            await at.state("waiting")
            told.center.house.take(name)
            await told.center.catch_up()
            assert (await at.state("talking"))["agent"] == "Ben"
            text = await told.center.client.get(f"/api/v1/contacts/{name}/transcript")
            assert text.status == 403, "Ann has it no more"
            told.center.house.hang_up(name, Reason.VISITOR_LEFT)
            await told.center.catch_up()
            await told.center.client.delete("/api/v1/session", headers=headers)
            await told.center.log_in("ben")
            text = await told.center.client.get(f"/api/v1/contacts/{name}/transcript")
            assert (await text.text()).endswith("UTC\nHello\n")

    chatting(tmp_path, story)


def test_a_visitor_may_end_it_and_have_a_copy(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, _ = await taken(told, at)
            await at.say("copy")
            await at.hear("copied")
            assert told.words.copies == {begun["contact"]}
            await at.say("end")
            assert (await at.state("ended"))["reason"] == "visitor_left"
        assert told.center.house.all(e.ContactEnded)[0].termination == ended(Reason.VISITOR_LEFT)

    chatting(tmp_path, story)


def test_chats_that_are_idle_or_left_waiting_end_by_their_limits(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        house = told.center.house
        async with page(told.center) as at, page(told.center) as other:
            begun, _ = await taken(told, at)
            house.presence("ann", Presence.LOGGED_OUT)
            waiting = await other.begin(start="b" * 32)
        await asyncio.sleep(0.05)
        told.words.there = {waiting["contact"]: house.now // SECOND}
        house.now += 80 * SECOND
        await told.chats.sweep()
        assert not house.all(e.ContactEnded)
        house.now += 20 * SECOND
        await told.chats.sweep()
        (left,) = house.all(e.ContactEnded)
        assert (left.contact, left.termination) == (
            waiting["contact"], ended(Reason.CALLER_LEFT_IN_QUEUE),
        )  # fmt: skip
        house.now += 10 * MINUTE
        await told.chats.sweep()
        idle = house.all(e.ContactEnded)[-1]
        assert (idle.contact, idle.termination) == (begun["contact"], ended(Reason.CHAT_IDLE))
        assert (told.chats.counts["idle"], told.chats.counts["away"]) == (1, 1)

    chatting(tmp_path, story, door=msgspec.structs.replace(DOOR, staffed_only=False))


def test_what_was_not_heard_while_the_channel_was_away_is_found(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            begun, _ = await taken(told, at)
            first = told.words.said[begun["contact"]][0]
            told.words.said[begun["contact"]].append(
                msgspec.structs.replace(first, id="z" * 32, text="Unheard")
            )
            told.chats.missed()
            assert (await at.hear("said"))["messages"][0]["text"] == "Unheard"
            await told.chats.sweep()
            (row,) = (await told.center.get("/agents/ann/desk"))["documents"]
            assert row["chat"]["said"] == 2

    chatting(tmp_path, story)


def test_rubbish_and_oversized_messages_end_in_words_or_with_the_link(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        async with page(told.center) as at:
            for text in ("{", "[]", '{"type":"say"}', "\x00", "null"):
                await at.socket.send_str(text)
                assert (await at.hear("refused"))["code"] == "unreadable"
            await at.socket.send_str("x" * 30_000)
            await at.socket.receive()
            assert at.socket.closed
        async with page(told.center) as binary:
            await binary.socket.send_bytes(b"{}")
            await binary.socket.receive()
            assert binary.socket.closed

    chatting(tmp_path, story)


def test_the_widget_is_small_and_may_be_loaded_by_any_page(tmp_path: Path) -> None:
    script = STATIC / "chat" / "widget.js"
    assert script.stat().st_size < 30_000
    text = script.read_text("utf-8")
    for banned in (
        "innerHTML",
        "insertAdjacentHTML",
        "eval(",
        "document.write",
        "http://",
        "<style",
    ):
        assert banned not in text.replace("http://www.w3.org/2000/svg", ""), banned

    async def story(told: ChatStory) -> None:
        (told.center.server.world.static / "chat").mkdir()
        (told.center.server.world.static / "chat" / "widget.js").write_text(text, "utf-8")
        answer = await told.center.client.get("/chat.js")
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"

    chatting(tmp_path, story)
