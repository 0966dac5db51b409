"""All of it put together: the routes of the API, the pages, the socket and the metrics.

Why: one list (`api_routes`) is the API. What is not in it does not exist, and what is in it is
checked, documented and tested by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web

from callcenter.records.screens import AgentRow
from callcenter.web import views as v
from callcenter.web.access import LOOPBACK, Doorkeeper, Need, authorize
from callcenter.web.act import Acting, Asking, DispositionBody, PresenceBody, WrapUpBody
from callcenter.web.calls import Calls, call_routes
from callcenter.web.chat_desk import ChatDesk, chat_routes
from callcenter.web.chat_files import ChatFiles
from callcenter.web.chat_socket import ChatSocket
from callcenter.web.chats import Chats, ChatWorld
from callcenter.web.document_views import DocumentView, FaxList, FaxView, Notes
from callcenter.web.documents import (
    AgainBody,
    AsideBody,
    Documents,
    DocumentsPort,
    DoneBody,
    LetterBody,
    NotesBody,
    OfferBody,
    to_be_saved,
)
from callcenter.web.faxes import BODY_BYTES_MAX as FAX_BYTES_MAX
from callcenter.web.faxes import AgainBody as FaxAgainBody
from callcenter.web.faxes import FaxBody, Faxes, FaxTerms
from callcenter.web.gaps import IfTrained, SkillGaps
from callcenter.web.hooks import PATH as HOOKS
from callcenter.web.hooks import Hooks, HooksPort
from callcenter.web.hub import Hub
from callcenter.web.live_socket import LiveSocket
from callcenter.web.messengers import Messengers
from callcenter.web.metrics import CONTENT_TYPE, Metrics
from callcenter.web.pages import PAGES, STATIC, file_response, secure
from callcenter.web.picture import Picture
from callcenter.web.ports import (
    AccessPort,
    CommandPort,
    CustomersPort,
    PartiesPort,
    RecordsPort,
    WhyPort,
)
from callcenter.web.problems import Refused
from callcenter.web.read import ContactQuery, ContactsQuery, IntervalsQuery, Reading
from callcenter.web.routes import (
    BODY_BYTES_MAX,
    PREFIX,
    Body,
    Handling,
    Route,
    encode,
    handler_of,
    openapi,
)
from callcenter.web.sessions import LoginBody, Person, Sessions, TokenBody
from callcenter.web.supervise import (
    AnnouncementBody,
    AssignBody,
    CloseBody,
    GapsQuery,
    MoveBody,
    OpenBody,
    PriorityBody,
    SkillsBody,
    Supervising,
    TrainingBody,
)
from callcenter.web.tally import Tally
from callcenter.web.why import Reasons, WhyQuery
from callcenter.web.why_views import AgentWhy, ContactWhy

log = structlog.get_logger()

COMMANDED = (200, 202)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class World:
    """What the server needs from outside."""

    commands: CommandPort
    records: RecordsPort
    customers: CustomersPort
    parties: PartiesPort
    access: AccessPort
    people: Callable[[], Mapping[str, Person]]
    why: Callable[[Tally], WhyPort]
    documents: DocumentsPort | None = None
    """Where mails and faxes are kept; None where none come in."""
    faxes: FaxTerms | None = None
    """How faxes are sent; None where none are."""
    hooks: HooksPort | None = None
    """Where faxes go that providers post; None where none do."""
    chats: ChatWorld | None = None
    """How visitors chat; None where no chat is configured."""
    origins: Sequence[str] = ()
    private: bool = True
    """Only this machine can reach the listener: `/metrics` needs no token then."""
    static: Path = STATIC
    prompts: Callable[[], Sequence[str]] = tuple
    """Names of the prompts that an announcement may be, read when they are asked for."""


class Server:
    """The application and its parts."""

    def __init__(self, picture: Picture, world: World) -> None:
        self.picture = picture
        self.world = world
        self.tally = Tally()
        self.doors = Doorkeeper(world.access, self.tally)
        self.hub = Hub(picture, self.doors)
        self.metrics = Metrics(picture, self.tally)
        self.hooks = Hooks(world.hooks, self.tally)
        self.sessions = Sessions(picture, self.doors, world.access, world.people, self.tally)
        self.reading = Reading(picture, world.records, world.parties)
        self.reasons = Reasons(world.why(self.tally))
        asking = Asking(picture, world.commands)
        self.acting = Acting(picture, asking)
        self.calls = Calls(picture, asking, world.parties, self.tally)
        self.supervising = Supervising(picture, asking, world.prompts)
        self.documents = Documents(picture, asking, world.documents)
        self.chats = (
            Chats(picture, world.commands, world.chats, self.hub.wake) if world.chats else None
        )
        if self.chats is not None:
            self.documents.chat_row = self.chats.row
            self.metrics.chats = self.chats
        self.chat_desk = ChatDesk(picture, asking, self.documents, self.chats)
        picture.use_customers(world.customers)
        self.faxes = Faxes(picture, asking, self.documents, world.faxes, world.parties)
        self.documents.faxable = self.faxes.answerable
        picture.documents = self.documents.on_desk
        picture.faxes = self.faxes.on_desk
        picture.sends_faxes = world.faxes is not None
        self.routes = api_routes(self)
        self._openapi = b""

    def application(self) -> web.Application:
        """A new aiohttp application with everything in it."""
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._problems])
        app.on_response_prepare.append(secure)
        for route in self.routes:
            handler = handler_of(route, self.doors, self.world.origins)
            app.router.add_route(route.method, PREFIX + route.path, handler)
        socket = LiveSocket(self.picture, self.doors, self.hub, self.world.origins)
        app.router.add_get("/ws", socket.handle)
        app.router.add_post(HOOKS, self.hooks.handle)
        if self.chats is not None:
            self._add_chats(app, self.chats)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/openapi.json", self._document)
        for path in PAGES:
            app.router.add_get(path, self._page)
        app.router.add_get("/static/{name:.+}", self._file)
        return app

    def _add_chats(self, app: web.Application, chats: Chats) -> None:
        """What visitors' pages reach."""
        files = ChatFiles(
            chats, to_be_saved, lambda: file_response(self.world.static, "chat/widget.js")
        )
        app.router.add_get("/chat.js", files.script)
        app.router.add_get("/chat/{door}/ws", ChatSocket(chats).handle)
        app.router.add_post("/chat/{door}/files", files.send)
        app.router.add_get("/chat/{door}/files/{blob}", files.fetch)
        if chats.world.senders is not None:
            hooks = Messengers(chats, chats.world.messengers, chats.world.senders)
            app.router.add_post("/messages/{name}", hooks.receive)
            app.router.add_get("/messages/{name}", hooks.verify)
        for path in ("/chat/{door}/files", "/chat/{door}/files/{blob}"):
            app.router.add_route("OPTIONS", path, files.may)

    @web.middleware
    async def _problems(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever goes wrong becomes a problem document, and is counted."""
        try:
            return await handler(request)
        except Exception as wrong:
            refused = _refusal(request, wrong)
            if refused is None:
                raise
            self.tally.refused[str(refused.document.status), refused.kind] += 1
            return refused.response()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if "t" in request.query:
            return await self.sessions.by_link(request)
        return file_response(self.world.static, PAGES[request.path])

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return file_response(self.world.static, request.match_info["name"])

    async def _document(self, _request: web.Request) -> web.Response:
        self._openapi = self._openapi or encode(openapi(self.routes))
        return web.Response(body=self._openapi, content_type="application/json")

    async def _metrics(self, request: web.Request) -> web.Response:
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        local = self.world.private and request.remote in LOOPBACK and not forwarded
        if not local:
            authorize(await self.doors.principal(request), Need.WALL)
        self.tally.screens = len(self.hub.screens)
        return web.Response(body=self.metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        """Ready when the journal was read to its end, the store answers and somebody leads."""
        checks = {
            "journal": self.picture.ready,
            "store": self.picture.stale_since is None,
            "control": self.picture.control.alive,
        }
        status = 200 if all(checks.values()) else 503
        return web.json_response({"ready": status == 200, "checks": checks}, status=status)


def api_routes(s: Server) -> list[Route]:
    """The whole API, in the order of the documentation."""
    return [
        *desk_routes(s),
        *document_routes(s),
        *fax_routes(s),
        *chat_routes(s.chat_desk),
        *call_routes(s.calls),
        *why_routes(s),
        *supervisor_routes(s),
        *token_routes(s),
    ]


def desk_routes(s: Server) -> list[Route]:
    """Sessions, everything that is read, and what agents do."""
    read, act, sessions = s.reading, s.acting, s.sessions
    return [
        Route("POST", "/session", Need.PUBLIC, "Log in", v.SessionView, sessions.login,
              body=LoginBody),
        Route("GET", "/session", Need.SESSION, "Who am I", v.SessionView, sessions.who),
        Route("DELETE", "/session", Need.SESSION, "Log out", v.SessionView, sessions.logout,
              statuses=(204,)),
        Route("GET", "/wall", Need.WALL, "Everything the wall shows", v.WallState, read.wall),
        Route("GET", "/queues", Need.WALL, "All queues, now and today", v.QueueList, read.queues),
        Route("GET", "/queues/{id}", Need.WALL, "One queue with its formulas", v.QueueDetail,
              read.queue),
        Route("GET", "/agents", Need.WALL, "All agents", v.AgentList, read.agents),
        Route("GET", "/agents/{id}", Need.WALL, "One agent", AgentRow, read.agent),
        Route("GET", "/agents/{id}/desk", Need.DESK, "Everything her desk shows", v.DeskState,
              read.desk, owner="id"),
        Route("POST", "/agents/{id}/presence", Need.DESK, "Be ready, not ready or logged out",
              v.CommandResult, act.presence, body=PresenceBody, owner="id", statuses=COMMANDED),
        Route("POST", "/agents/{id}/wrap-up/end", Need.DESK, "End the work after a contact",
              v.CommandResult, act.wrap_up_end, body=WrapUpBody, owner="id", statuses=COMMANDED),
        Route("POST", "/segments/{id}/disposition", Need.DESK, "Say what a contact was",
              v.CommandResult, act.disposition, body=DispositionBody, statuses=COMMANDED),
        Route("GET", "/contacts", Need.WALL, "Contacts, and those behind a number",
              v.ContactList, read.contacts, query=ContactsQuery),
        Route("GET", "/contacts/{id}", Need.WALL, "One contact with its timeline",
              v.ContactDetail, read.contact, query=ContactQuery),
        Route("GET", "/reports/intervals", Need.WALL, "15 minutes at a time", v.IntervalList,
              read.intervals, query=IntervalsQuery),
    ]  # fmt: skip


def document_routes(s: Server) -> list[Route]:
    """Mails, faxes and messages: for whoever holds one, and for supervisors."""
    does, need = s.documents, Need.DESK
    return [
        Route("POST", "/offers/{id}/answer", need, "Take or decline a document or a call that is offered",
              v.CommandResult, does.answer, body=OfferBody, statuses=COMMANDED),
        Route("GET", "/contacts/{id}/document", need, "What there is to read", DocumentView,
              does.read),
        Route("GET", "/contacts/{id}/pages/{part}", need, "Its page, made harmless, for a frame",
              bytes, does.page),
        Route("GET", "/contacts/{id}/pictures/{blob}", need, "A page of a fax, to be shown", bytes,
              does.picture),
        Route("GET", "/contacts/{id}/files/{blob}", need, "One of its files, to be saved", bytes,
              does.file),
        Route("PUT", "/contacts/{id}/notes", need, "What is noted beside it, and a draft", Notes,
              does.keep_notes, body=NotesBody),
        Route("POST", "/contacts/{id}/letters", need, "Answer the customer", v.CommandResult,
              does.write, body=LetterBody, statuses=COMMANDED),
        Route("DELETE", "/contacts/{id}/letters/{letter}", need,
              "Take an answer back that has not gone out", v.CommandResult, does.take_back,
              statuses=COMMANDED),
        Route("POST", "/contacts/{id}/letters/{letter}/again", need,
              "Send the same letter once more", v.CommandResult, does.again, body=AgainBody,
              statuses=COMMANDED),
        Route("POST", "/contacts/{id}/put-aside", need, "Let it rest until a time or a reply",
              v.CommandResult, does.put_aside, body=AsideBody, statuses=COMMANDED),
        Route("POST", "/contacts/{id}/done", need, "It is resolved", v.CommandResult, does.done,
              body=DoneBody, statuses=COMMANDED),
    ]  # fmt: skip


def fax_routes(s: Server) -> list[Route]:
    """Faxes that we send."""
    does, need = s.faxes, Need.DESK
    return [
        Route("GET", "/faxes", need, "Faxes of ours, and where they are", FaxList, does.recent),
        Route("POST", "/faxes", need, "Send a fax: a text, a PDF, or both", v.CommandResult,
              does.new, body=FaxBody, statuses=COMMANDED, bytes_max=FAX_BYTES_MAX),
        Route("POST", "/contacts/{id}/faxes", need, "Answer by fax", v.CommandResult,
              does.reply, body=FaxBody, statuses=COMMANDED, bytes_max=FAX_BYTES_MAX),
        Route("GET", "/faxes/{id}", need, "One of them", FaxView, does.read),
        Route("DELETE", "/faxes/{id}", need, "Take a fax back while nobody is called",
              v.CommandResult, does.take_back, statuses=COMMANDED),
        Route("POST", "/faxes/{id}/again", need, "Send what is not there for certain once more",
              v.CommandResult, does.again, body=FaxAgainBody, statuses=COMMANDED),
    ]  # fmt: skip


def why_routes(s: Server) -> list[Route]:
    """Why a contact or an agent is where it is."""
    reasons = s.reasons
    return [
        Route("GET", "/contacts/{id}/why", Need.SUPERVISOR,
              "Why: its decisions, why it still waits, what comes next", ContactWhy, reasons.contact,
              query=WhyQuery),
        Route("GET", "/agents/{id}/why", Need.DESK,
              "Why: what keeps her from what waits, her last offers, what comes next", AgentWhy,
              reasons.agent, query=WhyQuery, owner="id"),
    ]  # fmt: skip


def supervisor_routes(s: Server) -> list[Route]:
    """What supervisors do, and what they look at before they do it."""
    does, need = s.supervising, Need.SUPERVISOR

    def act(path: str, summary: str, handler: Handling, body: type[Body]) -> Route:
        return Route("POST", path, need, summary, v.CommandResult, handler, body=body,
                     statuses=COMMANDED)  # fmt: skip

    return [
        act("/contacts/{id}/move", "Let a contact wait in another queue", does.move, MoveBody),
        act("/contacts/{id}/assign", "Give a waiting contact to one agent", does.assign,
            AssignBody),
        act("/contacts/{id}/priority", "Give a waiting contact another priority", does.priority,
            PriorityBody),
        Route("GET", "/contacts/{id}/if-trained", need, "Who can take it, and who could if trained",
              IfTrained, does.if_trained),
        act("/queues/{id}/open", "Open a queue by hand, or as its calendar says", does.open,
            OpenBody),
        act("/queues/{id}/close", "Close a queue by hand", does.close, CloseBody),
        act("/queues/{id}/announcement", "The emergency announcement of a queue", does.announce,
            AnnouncementBody),
        Route("GET", "/prompts", need, "Prompts that an announcement may be", v.PromptList,
              does.prompts),
        act("/announcement", "The emergency announcement of all queues", does.announce_everywhere,
            AnnouncementBody),
        Route("PUT", "/agents/{id}/skills", need, "Skills instead of the configured ones",
              v.CommandResult, does.skills, body=SkillsBody, statuses=COMMANDED),
        act("/agents/{id}/trainings", "Record a training", does.train, TrainingBody),
        Route("GET", "/agents/{id}/trainings", Need.DESK, "Her trainings", v.TrainingList,
              does.trainings, owner="id"),
        Route("GET", "/agents/{id}/certificates", Need.DESK, "Her certificates",
              v.CertificateList, does.certificates, owner="id"),
        Route("GET", "/reports/skill-gaps", need, "Which skills are missing, and whom to train",
              SkillGaps, does.gaps, query=GapsQuery),
    ]  # fmt: skip


def token_routes(s: Server) -> list[Route]:
    """Tokens of programs and walls."""
    sessions = s.sessions
    return [
        Route("GET", "/tokens", Need.ADMIN, "All tokens", v.TokenList, sessions.tokens),
        Route("POST", "/tokens", Need.ADMIN, "Make a token", v.TokenView, sessions.make_token,
              body=TokenBody, statuses=(201,)),
        Route("DELETE", "/tokens/{id}", Need.ADMIN, "Revoke a token", v.TokenView,
              sessions.revoke_token, statuses=(204,)),
    ]  # fmt: skip


def _refusal(request: web.Request, wrong: Exception) -> Refused | None:
    """What is answered when `wrong` was raised; None for an answer that went another way.

    What we did wrong goes to the log.
    """
    if isinstance(wrong, Refused):
        return wrong
    if isinstance(wrong, web.HTTPException):
        if wrong.status < 400:
            return None
        headers = {"Allow": wrong.headers["Allow"]} if "Allow" in wrong.headers else {}
        return Refused(wrong.status, headers=headers)
    if isinstance(wrong, ConnectionError | TimeoutError):
        return Refused(503)
    log.error("request failed", method=request.method, path=request.path, exc_info=wrong)
    return Refused(500)
