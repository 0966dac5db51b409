"""Where providers post the faxes they took: `POST /intake/fax/SOURCE`.

What happens here: the signature is checked before anything is read; then the pages are on the disk
and claimed in the journal, and only then is the provider told 200. Whatever it posts again is known
by its id.

Why: nobody logs in here, the signature is all there is. So a source that is not configured, a wrong
signature and an old one are refused alike before the body means anything, and counted by name.
"""

from __future__ import annotations

import time
from typing import Protocol

import structlog
from aiohttp import BodyPartReader, web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from callcenter.domain.errors import CallcenterError
from callcenter.intake.fax_hooks import (
    BODY_BYTES_MAX,
    FILE_BYTES_MAX,
    HookRefused,
    Posted,
    ours,
    phaxio,
)
from callcenter.web.problems import Refused
from callcenter.web.tally import Tally

log = structlog.get_logger()

PATH = "/intake/fax/{source}"
FIELDS_MAX = 100
FIELD_BYTES_MAX = 64 * 1024
READING_MAX = 4
"""Posts that are read at once; one of them may have the size of a whole fax."""
STATUS = {"unsigned": 401, "replayed": 401, "malformed": 400, "no_pages": 415}


class HookSource(Protocol):
    """A provider as it is configured."""

    @property
    def form(self) -> str: ...

    @property
    def url(self) -> str:
        """Its address for us, as it signs it."""
        ...

    @property
    def secret(self) -> str: ...


class HooksPort(Protocol):
    """Where posted faxes go. Raises `OSError` or a `CallcenterError` when nothing is sure."""

    def source(self, name: str) -> HookSource | None: ...

    async def receive(self, source: str, posted: Posted) -> tuple[str, bool]:
        """Have it for good: its contact, and whether it is new."""


class Hooks:
    """The handler."""

    def __init__(self, port: HooksPort | None, tally: Tally) -> None:
        self._port = port
        self._tally = tally
        self._reading = 0

    async def handle(self, request: web.Request) -> web.Response:
        """One post of a provider."""
        name = request.match_info["source"]
        source = self._port.source(name) if self._port is not None else None
        if source is None or self._port is None:
            self._tally.hooks["no_source"] += 1
            raise Refused(404, "no such source of faxes is configured")
        if self._reading >= READING_MAX:
            self._tally.hooks["crowded"] += 1
            raise Refused(503, "others are being read: post it again", kind="crowded")
        self._reading += 1
        try:
            posted = await self._read(request, source)
        except HookRefused as wrong:
            self._tally.hooks[wrong.kind] += 1
            raise Refused(STATUS[wrong.kind], str(wrong), kind=wrong.kind) from wrong
        finally:
            self._reading -= 1
        if posted is None:
            self._tally.hooks["other"] += 1
            return web.json_response({"taken": False})
        try:
            contact, new = await self._port.receive(name, posted)
        except (OSError, CallcenterError) as away:
            self._tally.hooks["failed"] += 1
            log.warning("a posted fax is not taken", source=name, reason=type(away).__name__)
            raise Refused(503, "not taken now: post it again", kind="store-unavailable") from away
        self._tally.hooks["new" if new else "known"] += 1
        return web.json_response({"taken": True, "contact": contact, "new": new})

    async def _read(self, request: web.Request, source: HookSource) -> Posted | None:
        if source.form == "phaxio":
            fields, files = await _form(request)
            signature = request.headers.get("X-Phaxio-Signature", "")
            return phaxio(source.url, fields, files, signature, source.secret)
        try:
            body = await request.clone(client_max_size=BODY_BYTES_MAX).read()
        except HTTPRequestEntityTooLarge as large:
            raise HookRefused("no_pages", f"more than {BODY_BYTES_MAX} bytes") from large
        signature = request.headers.get("X-Callcenter-Signature", "")
        return ours(body, signature, source.secret, time.time())


async def _form(request: web.Request) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """Fields and files of a multipart body, within limits. Raises `HookRefused`."""
    if request.content_type != "multipart/form-data":
        raise HookRefused("malformed", "post multipart/form-data, with the file in it")
    fields: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    left = BODY_BYTES_MAX
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or len(fields) + len(files) >= FIELDS_MAX:
                raise HookRefused("malformed", f"more than {FIELDS_MAX} fields, or forms in forms")
            most = min(left, FILE_BYTES_MAX if part.filename else FIELD_BYTES_MAX)
            data = await _part(part, most)
            left -= len(data)
            if part.filename:
                files[part.name or ""] = data
            else:
                fields.append((part.name or "", data.decode("utf-8", "replace")))
    except ValueError as wrong:
        if isinstance(wrong, HookRefused):
            raise
        raise HookRefused("malformed", "the form cannot be read") from wrong
    return fields, files


async def _part(part: BodyPartReader, most: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > most:
            raise HookRefused("no_pages", f"a part has more than {most} bytes")
    return bytes(data)
