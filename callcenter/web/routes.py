"""The registry behind the API: every route with its need, its shapes and its words.

What happens here: a route is one value (`Route`). From the list of them come the handlers that
check rights and bodies before anything else runs, and the OpenAPI 3.1 document.

Why: none of the OpenAPI generators for aiohttp is healthy, and a document made beside the code
would lie within a month. Bodies are pydantic models, answers msgspec structs; both bring their own
JSON Schema.

Sources: OpenAPI 3.1.0; RFC 9457.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from callcenter import __version__
from callcenter.web.access import Doorkeeper, Need, Principal, authorize
from callcenter.web.problems import FieldProblem, ProblemDocument, Refused

PREFIX = "/api/v1"
BODY_BYTES_MAX = 64 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"


class Body(BaseModel):
    """A request body. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, str_max_length=500)


class Query(BaseModel):
    """Query parameters. Unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", str_max_length=200)


class Nothing(Query):
    """No parameters."""


@dataclass(frozen=True)
class Call:
    """One request that may be answered: everything checked, nothing done."""

    request: web.Request
    principal: Principal | None
    query: Any
    body: Any

    def path(self, name: str) -> str:
        """A part of the address."""
        return self.request.match_info[name]

    @property
    def who(self) -> Principal:
        """The principal of a route that is not public."""
        assert self.principal is not None
        return self.principal


@dataclass(frozen=True)
class Answer:
    """What a handler gives back: a value of the route's type, and what is unusual about it."""

    value: Any
    status: int = 200
    prepare: Callable[[web.Response], None] | None = None


Handling = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """One operation of the API."""

    method: str
    path: str
    need: Need
    summary: str
    answer: type
    handler: Handling
    query: type[Query] = Nothing
    body: type[Body] | None = None
    owner: str = ""
    """The part of the path that names the agent it belongs to."""
    statuses: tuple[int, ...] = (200,)
    bytes_max: int = BODY_BYTES_MAX
    """Of the body."""

    @property
    def name(self) -> str:
        """`get_contacts_id`: the operation's id."""
        return self.method.lower() + re.sub(r"[^a-z]+", "_", self.path).rstrip("_")


def encode(value: Any) -> bytes:
    """A document as JSON."""
    return msgspec.json.encode(value)


def handler_of(
    route: Route, doors: Doorkeeper, origins: Sequence[str]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler: who, may she, is it well formed; then the route's own."""

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = await doors.principal(request)
        owner = request.match_info[route.owner] if route.owner else ""
        authorize(principal, route.need, owner)
        if request.method not in SAFE_METHODS:
            check_origin(request, origins)
            if route.need is not Need.PUBLIC:
                check_csrf(request, principal)
        query = _checked(route.query, dict(request.query))
        body = await _body_of(request, route) if route.body else None
        found = await route.handler(Call(request, principal, query, body))
        if isinstance(found, web.StreamResponse):
            return found
        answer = found if isinstance(found, Answer) else Answer(found)
        if answer.status == 204:
            response = web.Response(status=204)
        else:
            response = web.Response(
                status=answer.status,
                body=encode(answer.value),
                content_type="application/json",
            )
        if answer.prepare is not None:
            answer.prepare(response)
        return response

    return handle


def check_origin(request: web.Request, origins: Sequence[str]) -> None:
    """A browser says which page asks; only ours, or one the configuration names, may."""
    origin = request.headers.get("Origin", "")
    if not origin or origin in origins:
        return
    if origin.partition("://")[2] != request.host:
        raise Refused(403, f"the page {origin!r} may not ask this", kind="origin")


def check_csrf(request: web.Request, principal: Principal | None) -> None:
    """A change asked for by cookie must bring the session's token: a foreign page cannot."""
    session = principal.session if principal else None
    if session is None:
        return
    if not _equal(request.headers.get(CSRF_HEADER, ""), session.csrf):
        raise Refused(403, f"send the session's `csrf` in the header {CSRF_HEADER}", kind="csrf")


def _equal(sent: str, kept: str) -> bool:
    return hmac.compare_digest(sent.encode(errors="surrogatepass"), kept.encode())


async def _body_of(request: web.Request, route: Route) -> Body:
    assert route.body is not None
    if request.content_type != "application/json":
        raise Refused(415, "the body must be application/json")
    try:
        whole = request.clone(client_max_size=route.bytes_max)
        document = json.loads(await whole.read())
    except (ValueError, RecursionError) as wrong:
        raise Refused(400, "the body is not JSON") from wrong
    checked: Body = _checked(route.body, document)
    return checked


def _checked(model: type[BaseModel], document: Any) -> Any:
    try:
        return model.model_validate(document)
    except ValidationError as wrong:
        errors = [
            FieldProblem(field=".".join(map(str, e["loc"])), message=e["msg"])
            for e in wrong.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Refused(422, "see `errors`", kind="invalid", errors=errors) from wrong


# --- OpenAPI --------------------------------------------------------------------------------------

_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]


def openapi(routes: Sequence[Route], server: str = "/") -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    template = "#/components/schemas/{name}"
    answers = [route.answer for route in routes if route.answer is not bytes] + [ProblemDocument]
    _, schemas = msgspec.json.schema_components(answers, ref_template=template)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        body = _body_schema(route, schemas)
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route, body)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callcenter",
            "version": __version__,
            "description": "Times are RFC 3339 in UTC, spans are `*_seconds`. Errors are RFC 9457.",
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-callcenter"},
            },
        },
    }


def _operation(route: Route, body: Mapping[str, Any] | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{route.answer.__name__}"}
    content = {"application/json": {"schema": schema}}
    if route.answer is bytes:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    problem = {"$ref": "#/components/schemas/ProblemDocument"}
    responses: dict[str, Any] = {
        str(status): {
            "description": "Done",
            **({} if status == 204 else {"content": content}),
        }
        for status in route.statuses
    }
    responses["default"] = {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": problem}},
    }
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "x-need": route.need.value,
        "parameters": _parameters(route),
        "responses": responses,
    }
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    operation["security"] = [] if route.need is Need.PUBLIC else _SECURITY
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    schema = route.query.model_json_schema()
    required = schema.get("required", [])
    found += [
        {"name": name, "in": "query", "required": name in required, "schema": part}
        for name, part in schema.get("properties", {}).items()
    ]
    return found


def _body_schema(route: Route, schemas: dict[str, Any]) -> dict[str, Any] | None:
    if route.body is None:
        return None
    schema = route.body.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[route.body.__name__] = schema
    return {"$ref": f"#/components/schemas/{route.body.__name__}"}
