"""Errors as the caller of the API reads them: RFC 9457 problem documents.

Why: a script needs a stable name (`type`), a person a sentence (`detail`), and neither may ever
see a traceback.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

CONTENT_TYPE = "application/problem+json"

TITLES: dict[int, str] = {
    400: "The request cannot be understood",
    401: "Who are you?",
    403: "Not allowed",
    404: "There is no such thing",
    405: "This address does not take that method",
    409: "Refused",
    413: "Too large",
    415: "Send JSON",
    422: "A value is wrong",
    429: "Too often",
    500: "Our mistake",
    503: "Not available at the moment",
}


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One wrong field."""

    field: str
    message: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `type` is a stable name; `about:blank` where the status says everything."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = []


class Refused(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        kind: str = "",
        errors: list[FieldProblem] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail or TITLES.get(status, ""))
        self.kind = kind
        self.document = ProblemDocument(
            type=f"urn:callcenter:{kind}" if kind else "about:blank",
            title=TITLES.get(status, "Error"),
            status=status,
            detail=detail,
            errors=errors or [],
        )
        self.headers = headers or {}

    def response(self) -> web.Response:
        """As it is sent."""
        return web.Response(
            status=self.document.status,
            body=msgspec.json.encode(self.document),
            content_type=CONTENT_TYPE,
            headers=self.headers,
        )
