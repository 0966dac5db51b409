"""The widget's script, and the files that are sent in a chat.

What happens here: a page that the configuration names may load the script, send files for the chat
whose key it has, and fetch those of its conversation. A file is read up to the limit and no further,
its type is what its first bytes say, it is kept by its hash like everything that is read, and then
it is a message like any other. It is handed out to be saved, never shown.

Sources: Fetch (CORS protocol); RFC 6266 (file names); OWASP file upload.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote

import msgspec
from aiohttp import web

from callcenter.domain.units import SECOND
from callcenter.intake.chat import (
    BadMessage,
    By,
    ChatFile,
    ChatFull,
    ChatOver,
    ChatsAway,
    Limits,
    Said,
    is_id,
    is_key,
    type_of,
    with_ending,
)
from callcenter.intake.chat_door import ChatDoor
from callcenter.intake.document import safe_name
from callcenter.web.chat_socket import check_page, door_of
from callcenter.web.chats import Chats
from callcenter.web.document_views import ChatKept
from callcenter.web.problems import Refused

HEADERS = "X-Chat-Contact, X-Chat-Key, X-Chat-Id, X-Chat-File, Content-Type"
FILES_BURST = 10
FILES_EVERY = 10 * SECOND
_STATUS = {
    "file_type": 415,
    "too_long": 413,
    "slow_down": 429,
    "over": 409,
    "full": 409,
    "too_many_files": 409,
}


class Saved(Protocol):
    """Makes an answer of a file."""

    def __call__(self, data: bytes, name: str) -> web.Response: ...


class ChatFiles:
    """The handlers of a visitor's files, and of the script."""

    def __init__(self, chats: Chats, saved: Saved, script: Callable[[], web.FileResponse]) -> None:
        self._chats = chats
        self._saved = saved
        self._script = script

    async def script(self, _request: web.Request) -> web.FileResponse:
        """The widget: any page may load it, and it does nothing on one that may not show it."""
        response = self._script()
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cache-Control"] = "public, max-age=600"
        return response

    async def may(self, request: web.Request) -> web.Response:
        """What a page asks before it sends or fetches a file."""
        origin = check_page(request, door_of(self._chats, request))
        headers = {
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": "600",
        }
        return _for_page(web.Response(status=204, headers=headers), origin)

    async def send(self, request: web.Request) -> web.StreamResponse:
        """A file of a visitor."""
        door = door_of(self._chats, request)
        origin = check_page(request, door)
        try:
            contact = self._hers(request)
            source = f"file {contact}"
            now = self._chats.now()
            if not self._chats.buckets.take(source, FILES_BURST, FILES_EVERY, now):
                raise BadMessage("slow_down", "That was too many files at once.")
            place = await keep_file(self._chats, request, contact, door.limits, By.VISITOR)
        except (BadMessage, ChatsAway, Refused) as wrong:
            self._chats.counts[getattr(wrong, "code", "file_refused")] += 1
            return _for_page(refusal_of(wrong).response(), origin)
        self._chats.counts["file"] += 1
        kept = msgspec.json.encode(ChatKept(seq=place))
        return _for_page(web.Response(body=kept, content_type="application/json"), origin)

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """A file of her conversation."""
        door: ChatDoor = door_of(self._chats, request)
        origin = check_page(request, door)
        try:
            contact = self._hers(request)
            found = await file_in(self._chats, contact, request.match_info["blob"])
            data = await self._chats.store.file(found.blob)
        except (LookupError, ChatsAway, Refused) as wrong:
            return _for_page(refusal_of(wrong).response(), origin)
        return _for_page(self._saved(data, found.name), origin)

    def _hers(self, request: web.Request) -> str:
        """The chat whose key is shown. Raises `Refused`."""
        contact = request.headers.get("X-Chat-Contact", "")
        key = request.headers.get("X-Chat-Key", "")
        if not contact or not is_key(self._chats.world.secret(), contact, key):
            raise Refused(403, "that is not your chat")
        return contact


async def keep_file(
    chats: Chats, request: web.Request, contact: str, limits: Limits, by: By, agent: str = ""
) -> int:
    """Read it, keep it, say it: its place. Raises `BadMessage`, `ChatsAway`, `Refused`."""
    name = request.headers.get("X-Chat-Id", "")
    if not is_id(name):
        raise Refused(400, "name the message in X-Chat-Id")
    said_before = await chats.store.read(contact)
    for place, one in enumerate(said_before, 1):
        if one.id == name:
            return place
    if await chats.store.over(contact) is not None:
        raise BadMessage("over", "This chat is over.")
    if sum(one.file is not None for one in said_before) >= limits.files_max:
        raise BadMessage("too_many_files", f"A chat has at most {limits.files_max} files.")
    data = await _body(request, limits.file_bytes_max)
    kind, mime = type_of(data, limits.file_types)
    called = safe_name(unquote(request.headers.get("X-Chat-File", ""))[:500], "file")
    blob = await chats.store.keep_file(data)
    file = ChatFile(blob=blob, name=with_ending(called, kind), type=mime, size=len(data))
    said = Said(
        id=name, by=by, at=chats.now(), file=file, agent=agent,
        name=chats.person(agent) if agent else "",
    )  # fmt: skip
    try:
        place, _ = await chats.store.say(contact, said, limits.messages_max)
    except ChatOver as over:
        raise BadMessage("over", "This chat is over.") from over
    except ChatFull as full:
        raise BadMessage("full", "This chat holds no more messages.") from full
    return place


async def file_in(chats: Chats, contact: str, blob: str) -> ChatFile:
    """A file of this conversation. Raises `Refused`."""
    for one in await chats.store.read(contact):
        if one.file is not None and one.file.blob == blob:
            return one.file
    raise Refused(404, "that file is no part of this chat")


async def _body(request: web.Request, most: int) -> bytes:
    """All of it, or `BadMessage` as soon as it is too much."""
    if (request.content_length or 0) > most:
        raise BadMessage("too_long", f"A file has at most {most // 1_000_000} MB.")
    read = bytearray()
    async for part in request.content.iter_chunked(65_536):
        read += part
        if len(read) > most:
            raise BadMessage("too_long", f"A file has at most {most // 1_000_000} MB.")
    return bytes(read)


def refusal_of(wrong: Exception) -> Refused:
    """What is answered when `wrong` was raised."""
    if isinstance(wrong, Refused):
        return wrong
    if isinstance(wrong, BadMessage):
        return Refused(_STATUS.get(wrong.code, 400), wrong.words, kind=wrong.code.replace("_", "-"))
    if isinstance(wrong, LookupError):
        return Refused(404, "that file is gone")
    return Refused(503, str(wrong), kind="store-unavailable")


def _for_page(response: web.Response, origin: str) -> web.Response:
    """Readable by the page that asked, and by no other."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Content-Disposition"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Vary"] = "Origin"
    return response
