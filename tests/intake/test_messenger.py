"""Webhooks of messaging services: whose they are, what is in them, and what we send."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from callcenter.domain.units import DAY, MINUTE, SECOND, ContactId, FrontendId, PartyId
from callcenter.intake.arrival import Note, reported
from callcenter.intake.chat import is_id
from callcenter.intake.messenger import (
    Incoming,
    Messenger,
    Unreadable,
    Unsigned,
    check,
    key_in,
    message_arrival,
    messages_in,
    outgoing,
    said_name,
    signature,
)

NOW = 1_800_000_000 * SECOND
OURS = Messenger(name="sms", format="generic", secret=b"secret", url="https://gate.example/send")
META = Messenger(
    name="whatsapp", format="whatsapp", secret=b"app secret", token="token",
    url="https://graph.example/v21.0/1/messages",
)  # fmt: skip


def signed(body: bytes, at: int = NOW // SECOND, name: str = "msg_1") -> dict[str, str]:
    return {
        "webhook-id": name, "webhook-timestamp": str(at),
        "webhook-signature": f"v1,bad {signature(OURS.secret, name, at, body)}",
    }  # fmt: skip


def meta(body: bytes) -> dict[str, str]:
    made = hmac.new(META.secret, body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={made}"}


def whatsapp(*messages: dict[str, Any], **value: Any) -> bytes:
    """A payload as Meta's documentation shows it."""
    change = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}],
        "messages": list(messages), **value,
    }  # fmt: skip
    entry = {"id": "102290129340398", "changes": [{"value": change, "field": "messages"}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def text(body: str = "Hi", at: int = NOW // SECOND, **more: Any) -> dict[str, Any]:
    return {"from": "16505551234", "id": "wamid.HBgL", "timestamp": str(at), "type": "text",
            "text": {"body": body}, **more}  # fmt: skip


def why(messenger: Messenger, headers: dict[str, str], body: bytes, now: int = NOW) -> str:
    with pytest.raises(Unsigned) as wrong:
        check(messenger, headers, body, now)
    return str(wrong.value)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The vector of the specification's reference libraries."""
    key = key_in("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert key_in("plain words") == b"plain words"
    assert key_in("whsec_not base64!") == b"whsec_not base64!"


def test_only_what_was_signed_within_five_minutes_counts() -> None:
    body = b'{"messages": []}'
    check(OURS, signed(body), body, NOW)
    check(OURS, signed(body), body, NOW + 5 * MINUTE)
    assert why(OURS, signed(body), body, NOW + 5 * MINUTE + SECOND) == "too_old"
    assert why(OURS, signed(body), body, NOW - 6 * MINUTE) == "too_old"
    assert why(OURS, signed(body), body + b" ") == "signature"
    assert why(OURS, {**signed(body), "webhook-id": "msg_2"}, body) == "signature"
    assert why(OURS, {**signed(body), "webhook-signature": ""}, body) == "signature"
    for at in ("", "soon", "-1", "1" * 13, "²"):
        assert why(OURS, {**signed(body), "webhook-timestamp": at}, body) == "timestamp"


def test_what_meta_signs_is_its_very_bytes() -> None:
    body = whatsapp(text())
    check(META, meta(body), body, NOW)
    assert why(META, meta(body), body.replace(b"Hi", b"Ho")) == "signature"
    assert why(META, {}, body) == "signature"
    assert why(META, {"X-Hub-Signature-256": meta(body)["X-Hub-Signature-256"][7:]}, body) == (
        "signature"
    )
    assert why(META, {"X-Hub-Signature-256": "sha1=" + "0" * 40}, body) == "signature"


def test_messages_are_read_with_their_senders_and_without_old_ones() -> None:
    assert messages_in(META, whatsapp(text("Hello\x00")), NOW) == [
        Incoming(id="wamid.HBgL", sender="16505551234", text="Hello", name="Sheena Nelson", at=NOW)
    ]
    old = NOW // SECOND - 7 * DAY // SECOND - 1
    assert messages_in(META, whatsapp(text(at=old)), NOW) == []
    told = [{"id": "wamid.1", "status": "delivered", "timestamp": "1", "recipient_id": "1"}]
    assert messages_in(META, whatsapp(statuses=told), NOW) == []
    ours = b'{"messages": [{"id": "1", "from": "+1555", "name": "Cleo", "text": "Hi", "at": 0}]}'
    assert messages_in(OURS, ours, NOW) == [
        Incoming(id="1", sender="+1555", text="Hi", name="Cleo")
    ]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"type": "image", "image": {"id": "1", "caption": "look"}}, "[image] look"),
        ({"type": "audio", "audio": {"id": "1"}}, "[audio]"),
        ({"type": "button", "button": {"text": "Yes", "payload": "y"}}, "Yes"),
        ({"type": "interactive",
          "interactive": {"type": "list_reply", "list_reply": {"title": "Two"}}}, "Two"),
        ({"type": "unsupported"}, "[unsupported]"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_told_as_what_it_is(message: dict[str, Any], shown: str) -> None:
    (one,) = messages_in(META, whatsapp(text(**message)), NOW)
    assert one.text == shown


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"entry": 3}', b"[" * 100_000, whatsapp({}),
     whatsapp({"from": "1", "id": "", "timestamp": "1", "type": "text", "text": {"body": "x"}})],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_as_a_whole(body: bytes) -> None:
    for messenger in (META, OURS):
        with pytest.raises(Unreadable):
            messages_in(messenger, body, NOW)


def test_more_than_so_many_at_once_are_refused() -> None:
    with pytest.raises(Unreadable, match="at most 100"):
        messages_in(META, whatsapp(*[text() for _ in range(101)]), NOW)


def test_an_answer_goes_out_as_each_service_wants_it() -> None:
    made = outgoing(META, "16505551234", "Hello", "c.2", NOW)
    assert made.headers["Authorization"] == "Bearer token"
    assert json.loads(made.body) == {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "16505551234",
        "type": "text", "text": {"body": "Hello", "preview_url": False},
    }  # fmt: skip
    ours = outgoing(OURS, "+1555", "Hello", "c.2", NOW)
    check(OURS, ours.headers, ours.body, NOW)
    assert (ours.headers["webhook-id"], json.loads(ours.body)["id"]) == ("c.2", "c.2")


def test_its_chat_lasts_and_its_messages_have_proper_names() -> None:
    one = Incoming(id="wamid." + "x" * 200, sender="1", text="Hi")
    assert is_id(said_name(META, one))
    assert said_name(META, one) != said_name(OURS, one)
    arrival = message_arrival(META, one)
    note = Note(
        contact=ContactId("c"), channel=arrival.channel, kind=arrival.kind, source=arrival.source,
        blob="0" * 64, party=PartyId(""), received=NOW,
    )  # fmt: skip
    told = reported(note)
    assert (told.lasting, told.frontend) == (True, FrontendId(""))
