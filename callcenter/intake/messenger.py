"""Messages of services such as WhatsApp: signed requests in, requests out, one chat per sender.

    generic    in   `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>`; the body is
                    {"messages": [{"id", "from", "name", "text", "at"}]}
               out  the same three fields; the body is {"to", "text", "id"}
    whatsapp   in   `X-Hub-Signature-256: sha256=<hex>`; the body is Meta's `whatsapp_business_account`
               out  the Cloud API's `/messages`, with a bearer token

Why: whoever knows the address of a webhook can send to it, and can send again what she once saw. So
a request counts only with a signature over its very bytes; a generic one only within five minutes; a
message of WhatsApp (whose signature has no time in it, and which is sent again for days) only while
it is young, and under its own id once.

Sources: Standard Webhooks 1.0.0 (signature, tolerance); Meta, WhatsApp Cloud API, webhooks: payloads
and `X-Hub-Signature-256` over the raw body with the app's secret.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.units import DAY, MINUTE, SECOND, Micros
from callcenter.intake.arrival import Arrival
from callcenter.intake.chat import NAME_MAX, TEXT_MAX, BadMessage, line_of, text_of
from callcenter.intake.chat_door import Form

TOLERANCE: Micros = 5 * MINUTE
AGE_MAX: Micros = 7 * DAY
"""Older messages are not taken: they were, or nobody waits for an answer any more."""
MESSAGES_MAX = 100
"""In one request."""
ADDRESS_MAX = 100
BODY_BYTES_MAX = 256 * 1024


class Messenger(msgspec.Struct, frozen=True, kw_only=True):
    """One service: how it signs, and where our answers go."""

    name: str
    format: str
    """`generic` or `whatsapp`."""
    secret: bytes
    url: str = ""
    """Where answers are posted; nobody can answer when empty."""
    token: str = ""
    """`whatsapp`: the access token."""
    verify_token: str = ""
    """`whatsapp`: what Meta shows when the webhook is set up."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One message of somebody."""

    id: str
    sender: str
    text: str
    name: str = ""
    at: Micros = 0
    """When it was written; 0 where the service does not say."""


class Unsigned(ValueError):
    """The request does not prove who sent it: why, by name."""


class Unreadable(ValueError):
    """It is signed, and still makes no sense."""


def check(messenger: Messenger, headers: Mapping[str, str], body: bytes, now: Micros) -> None:
    """Did the service send this? Raises `Unsigned`."""
    if messenger.format == "whatsapp":
        kind, _, given = headers.get("X-Hub-Signature-256", "").partition("=")
        wanted = hmac.new(messenger.secret, body, hashlib.sha256).hexdigest()
        if kind != "sha256" or not is_equal(given, wanted):
            raise Unsigned("signature")
        return
    told = headers.get("webhook-timestamp", "")
    if not (told.isascii() and told.isdecimal() and len(told) <= 12):
        raise Unsigned("timestamp")
    if abs(now - int(told) * SECOND) > TOLERANCE:
        raise Unsigned("too_old")
    wanted = signature(messenger.secret, headers.get("webhook-id", ""), int(told), body)
    if not any(is_equal(one, wanted) for one in headers.get("webhook-signature", "").split()):
        raise Unsigned("signature")


def signature(secret: bytes, name: str, at: int, body: bytes) -> str:
    """Of a generic request: `v1,` and the HMAC of id, time and body."""
    said = f"{name}.{at}.".encode("utf-8", "replace") + body
    return "v1," + base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode()


def key_in(secret: str) -> bytes:
    """The key of a secret as services write it: `whsec_` and base64, or the words themselves."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret[6:], validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def is_equal(given: str, wanted: str) -> bool:
    """Compared without telling by the time where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


# --- what came ------------------------------------------------------------------------------------


class _One(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    id: str
    sender: str
    text: str
    name: str = ""
    at: int = 0
    """Seconds since 1970."""


class _Generic(msgspec.Struct, frozen=True):
    messages: list[_One]


_generic = msgspec.json.Decoder(_Generic)


def messages_in(messenger: Messenger, body: bytes, now: Micros) -> list[Incoming]:
    """The messages of a request, without those that are too old. Raises `Unreadable`."""
    try:
        if messenger.format == "whatsapp":
            found = _whatsapp(msgspec.json.decode(body))
        else:
            found = [
                _incoming(one.id, one.sender, one.text, one.name, one.at)
                for one in _generic.decode(body).messages
            ]
    except (
        msgspec.MsgspecError, RecursionError, LookupError, TypeError, ValueError, AttributeError,
    ) as wrong:  # fmt: skip
        raise Unreadable("the body is not what this service sends") from wrong
    if len(found) > MESSAGES_MAX:
        raise Unreadable(f"at most {MESSAGES_MAX} messages at once")
    return [one for one in found if not one.at or now - one.at <= AGE_MAX]


def _text(text: str) -> str:
    """What can be shown of it: one empty message must not cost the others of its request."""
    try:
        return text_of(text[:TEXT_MAX])
    except BadMessage:
        return "[empty]"


def _incoming(name: str, sender: str, text: str, person: str, at: int) -> Incoming:
    if not name or not sender or len(name) > 256 or len(sender) > ADDRESS_MAX:
        raise ValueError("a message needs an id and a sender")
    return Incoming(
        id=name, sender=line_of(sender, ADDRESS_MAX), text=_text(text),
        name=line_of(person, NAME_MAX), at=at * SECOND,
    )  # fmt: skip


def _whatsapp(document: Any) -> list[Incoming]:
    """What people wrote; what Meta tells of our own messages is none of it."""
    found = []
    for entry in document["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            names = {
                who["wa_id"]: str(who.get("profile", {}).get("name", ""))
                for who in value.get("contacts", ())
            }
            for one in value.get("messages", ()):
                sender = str(one["from"])
                found.append(
                    _incoming(
                        str(one["id"]), sender, _words_of(one), names.get(sender, ""),
                        int(one["timestamp"]),
                    )
                )  # fmt: skip
    return found


def _words_of(message: Any) -> str:
    """Its text; of anything else, what it is."""
    kind = str(message["type"])
    if kind == "text":
        return str(message["text"]["body"]) or "[empty]"
    if kind in ("button", "interactive"):
        part = message[kind]
        titles = (part.get("button_reply") or part.get("list_reply") or {}).get("title")
        return str(part.get("text") or titles or f"[{kind}]")
    caption = (
        (message.get(kind) or {}).get("caption") if isinstance(message.get(kind), dict) else ""
    )
    return f"[{kind}] {caption or ''}".strip()


# --- what goes out --------------------------------------------------------------------------------


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request of ours, whole."""

    url: str
    headers: dict[str, str]
    body: bytes


def outgoing(messenger: Messenger, to: str, text: str, name: str, now: Micros) -> Outgoing:
    """An answer. `name` is the same however often it is sent."""
    if messenger.format == "whatsapp":
        body = msgspec.json.encode(
            {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to,
             "type": "text", "text": {"body": text, "preview_url": False}}
        )  # fmt: skip
        headers = {"Authorization": f"Bearer {messenger.token}", "Content-Type": "application/json"}
        return Outgoing(url=messenger.url, headers=headers, body=body)
    body = msgspec.json.encode({"to": to, "text": text, "id": name})
    at = now // SECOND
    headers = {
        "webhook-id": name, "webhook-timestamp": str(at), "Content-Type": "application/json",
        "webhook-signature": signature(messenger.secret, name, at, body),
    }  # fmt: skip
    return Outgoing(url=messenger.url, headers=headers, body=body)


# --- a chat of it ---------------------------------------------------------------------------------


def message_arrival(messenger: Messenger, one: Incoming) -> Arrival:
    """Somebody writes, and has no living chat."""
    return Arrival(
        channel=Channel.CHAT, kind="message", source=messenger.name,
        keys=(f"message:{messenger.name}:{one.id}",), address=one.sender,
    )  # fmt: skip


def form_of_message(one: Incoming) -> bytes:
    """What is kept of its beginning."""
    return msgspec.json.encode(Form(text=one.text, name=one.name, email=one.sender))


def said_name(messenger: Messenger, one: Incoming) -> str:
    """By which name it stands in the conversation: of one length, whatever the service calls it."""
    return hashlib.sha256(f"{messenger.name}:{one.id}".encode("utf-8", "replace")).hexdigest()[:40]
