"""Webhooks: signed or refused; each message once, in its sender's chat."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from callcenter.domain import events as e
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND
from callcenter.intake.messenger import signature
from tests.web.chat_house import ChatStory, Senders, chatting


async def hook(
    told: ChatStory, *messages: tuple[str, str, str], name: str = "hook-1", late: int = 0
) -> int:
    """The service hands over (id, sender, text)s; the status it is answered with."""
    rows = [{"id": i, "from": sender, "text": text, "name": "Cleo"} for i, sender, text in messages]
    body = json.dumps({"messages": rows}).encode()
    at = told.center.house.now // SECOND
    headers = {
        "webhook-id": name, "webhook-timestamp": str(at),
        "webhook-signature": signature(b"secret", name, at, body),
    }  # fmt: skip
    told.center.house.now += late * SECOND
    answer = await told.center.client.post("/messages/sms", data=body, headers=headers)
    return answer.status


def texts(told: ChatStory) -> list[list[str]]:
    return [[one.text for one in said] for said in told.words.said.values()]


def test_each_sender_has_one_chat_and_each_message_is_taken_once(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        assert (
            await hook(told, ("1", "+1", "Hi"), ("2", "+2", "Hello"), ("3", "+1", "There?")) == 200
        )
        for _ in range(2):
            assert await hook(told, ("3", "+1", "There?"), ("1", "+1", "Hi")) == 200
        assert texts(told) == [["Hi", "There?"], ["Hello"]]
        assert len(told.center.house.all(e.ContactArrived)) == 2
        assert all(arrived.lasting for arrived in told.center.house.all(e.ContactArrived))

    chatting(tmp_path, story)


def test_who_writes_after_the_end_begins_another_and_an_old_message_does_not(
    tmp_path: Path,
) -> None:
    async def story(told: ChatStory) -> None:
        await hook(told, ("1", "+1", "Hi"))
        (first,) = told.words.said
        told.center.house.take(first)
        told.center.house.done(first, "ann")
        told.words.ended[first] = Reason.RESOLVED.value
        await told.center.catch_up()
        assert await hook(told, ("1", "+1", "Hi")) == 200
        assert await hook(told, ("2", "+1", "One more thing")) == 200
        assert texts(told) == [["Hi"], ["One more thing"]]
        assert len(told.center.house.all(e.ContactArrived)) == 2

    chatting(tmp_path, story)


def test_what_was_not_kept_is_handed_over_again_whatever_broke(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        senders = told.chats.world.senders
        assert isinstance(senders, Senders)
        told.words.away = True
        assert await hook(told, ("1", "+1", "Hi")) == 503
        told.words.away = False
        senders.break_once = True
        assert await hook(told, ("1", "+1", "Hi")) == 503
        assert senders.theirs == {}, "it died before it noted whose it is"
        assert await hook(told, ("1", "+1", "Hi")) == 200
        assert await hook(told, ("2", "+1", "More")) == 200
        assert texts(told) == [["Hi", "More"]]
        assert len(told.center.house.all(e.ContactArrived)) == 1

    chatting(tmp_path, story)


def test_what_comes_at_once_from_one_sender_is_one_chat(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        found = await asyncio.gather(
            *(hook(told, (str(n), "+1", f"Message {n}"), name=f"hook-{n}") for n in range(8))
        )
        assert set(found) == {200}
        assert sorted(*texts(told)) == [f"Message {n}" for n in range(8)]

    chatting(tmp_path, story)


def test_unsigned_replayed_and_oversized_requests_are_refused_and_counted(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        client = told.center.client
        assert await hook(told, ("1", "+1", "Hi"), late=301) == 401
        assert told.chats.counts["unsigned_too_old"] == 1
        answer = await client.post("/messages/sms", data=b'{"messages": []}')
        assert answer.status == 401
        answer = await client.post("/messages/sms", data=b"x" * 300_000)
        assert answer.status == 413
        assert (await client.post("/messages/nobody", data=b"")).status == 404
        assert texts(told) == []

    chatting(tmp_path, story)


def test_one_sender_cannot_flood(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        many = [(str(n), "+1", "x") for n in range(61)]
        assert await hook(told, *many) == 429
        assert await hook(told, ("a", "+2", "Hi")) == 200
        told.center.house.now += 61 * SECOND
        assert await hook(told, *many[60:]) == 200
        assert [len(said) for said in texts(told)] == [61, 1]

    chatting(tmp_path, story)


def test_whatsapp_is_verified_once_and_hands_over(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        client = told.center.client
        query = {
            "hub.mode": "subscribe",
            "hub.verify_token": "shown",
            "hub.challenge": "1158201444",
        }
        answer = await client.get("/messages/whatsapp", params=query)
        assert (answer.status, await answer.text()) == (200, "1158201444")
        assert answer.headers["Content-Type"].startswith("text/plain")
        for wrong in ({**query, "hub.verify_token": "guess"}, {"hub.mode": "subscribe"}):
            assert (await client.get("/messages/whatsapp", params=wrong)).status == 403
        assert (await client.get("/messages/sms", params=query)).status == 403
        one: dict[str, Any] = {
            "from": "1650", "id": "wamid.1", "type": "text", "text": {"body": "Hola"},
            "timestamp": str(told.center.house.now // SECOND),
        }  # fmt: skip
        body = json.dumps({"entry": [{"changes": [{"value": {"messages": [one]}}]}]}).encode()
        made = "sha256=" + hmac.new(b"app secret", body, hashlib.sha256).hexdigest()
        for _ in range(2):
            answer = await client.post(
                "/messages/whatsapp", data=body, headers={"X-Hub-Signature-256": made}
            )
            assert answer.status == 200
        assert texts(told) == [["Hola"]]

    chatting(tmp_path, story)


def test_a_messengers_chat_is_worked_like_any_other_and_no_page_may_show_it(tmp_path: Path) -> None:
    async def story(told: ChatStory) -> None:
        await hook(told, ("1", "+1", "Hi"))
        (contact,) = told.words.said
        told.center.house.take(contact)
        await told.center.catch_up()
        headers = await told.center.log_in("ann")
        said = {"id": "b" * 32, "text": "Hello"}
        answer = await told.center.client.post(
            f"/api/v1/contacts/{contact}/chat", json=said, headers=headers
        )
        assert answer.status == 200
        (row,) = (await told.center.get("/agents/ann/desk"))["documents"]
        assert (row["channel"], row["chat"]["said"]) == ("chat", 2)
        own = f"http://{told.center.client.host}:{told.center.client.port}"
        refused = await told.center.client.get("/chat/sms/ws", headers={"Origin": own})
        assert refused.status == 404

    chatting(tmp_path, story)
