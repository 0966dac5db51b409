"""A front end dies at each exchange with the store and at each message it sends.

The front end is a process of its own: the pure `Frontend` in the shipped loop and the shipped
writer, on a real store. Around it, here, are real SIP ends, a media engine and control, in virtual
time. When it is dead, the next one takes back what the store holds, as the role does, and the
calls go on: nobody is hung up on, no phone rings on, nothing is left behind.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from callcenter.adapters import frontend_loop
from callcenter.adapters.frontend_loop import FrontendLoop
from callcenter.adapters.store import journal
from callcenter.adapters.store.journal import CommandWriter, read_records
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import AsyncConnection
from callcenter.control.state import Stage
from callcenter.domain import events as e
from callcenter.domain.termination import Result
from callcenter.domain.units import FrontendId, Micros
from callcenter.frontend.frontend import Frontend
from callcenter.frontend.hands import Rules
from callcenter.frontend.turn import AskMedia, DigitHeard, Input, LookUp, MediaHolds, SendSip, Turn
from callcenter.sip import endpoint as sip
from callcenter.sip.flow import Flow
from tests.adapters.store_server import StoreServer
from tests.crash.checker import check_meetings, fresh
from tests.crash.death import Fate, How, Life, Point, die
from tests.frontend.world import REALM, SERVER, WALL, Phone, World, configured

NAME = FrontendId("frontend-0")
TRIES = 60
"""Half seconds in which what should happen does."""
_LENGTH = struct.Struct(">I")


def put(line: socket.socket, what: Any) -> None:
    data = pickle.dumps(what)
    line.sendall(_LENGTH.pack(len(data)) + data)


def get(line: socket.socket) -> Any:
    """The next message; `EOFError` when the other side is gone."""
    (length,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    return pickle.loads(_exactly(line, length))


def _exactly(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        try:
            more = line.recv(count - len(data))
        except ConnectionResetError:
            more = b""
        if not more:
            raise EOFError
        data += more
    return data


class Center(World):
    """The world of the front end's tests, with its front end in another process."""

    def __init__(self, store: StoreServer, name: str, point: Point) -> None:
        super().__init__("ana", "ben")
        self.keys = Keys(name)
        self.store = store
        self.point = point
        self.deaths = self.stalls = 0
        self._own = store.connect()
        self._after = "0-0"
        self._marks: dict[str, tuple[int, int]] = {}
        kept = {**self.records, "cursor": str(len(self.journal)).encode()}
        flat = [part for record in kept.items() for part in record]
        self._own.call("HSET", self.keys.frontend_records(NAME), *flat)
        self._due: Micros | None = None
        self.exchanges = 0
        self.frontend = self  # type: ignore[assignment]  # the part of it that is here
        self._take(self._live())
        self.run()

    # --- the front end, as the world knows it ---------------------------------------------------

    @property
    def deadline(self) -> Micros | None:
        return self._due

    def react(self, what: Input, now: Micros) -> Turn:
        turn: Turn = self._ask(("feed", what, now))
        return turn

    def tick(self, now: Micros) -> Turn:
        turn: Turn = self._ask(("tick", None, now))
        return turn

    def leg_of(self, phone: Phone) -> str:
        call = phone.call.call_id if phone.call else ""
        found = self._ask(("leg", (call, phone.name in self.agents), self.now), whole=False)
        return str(found)

    def leaks(self) -> list[str]:
        """What is left over in the front end, the store, the media engine and control."""
        self.wait(70)
        left = list(self._ask(("leaks", None, self.now), whole=False))
        kept = self._own.call("HKEYS", self.keys.frontend_records(NAME))
        names = [bytes(key).decode() for key in kept]
        lasting = ("phone", "cursor", "parting:")  # a parting is forgotten with the next turn
        left += [name for name in names if not name.startswith(lasting)]
        left += [f"media {name}" for name in self.media.legs]
        left += [f"contact {name}" for name in self.control.state.contacts]
        return left

    # --- the process ----------------------------------------------------------------------------

    def _live(self) -> Turn:
        """Begin a life, and what it does first."""
        self._epoch += 1
        self._road = deque(item for item in self._road if item[0] != "events")
        self._read = len(self.journal)
        point = Point() if self.deaths else self.point
        self._life = Life(lambda line: serve(line, self, point))
        turn: Turn = self._hear()
        return turn

    def _deliver(self, kind: str, what: Any) -> None:
        """A new life asks the media engine what it holds, after all that the dead one asked."""
        if kind == "holds":
            self._take(self.react(MediaHolds(tuple(self.media.legs)), self.now))
        else:
            super()._deliver(kind, what)

    def _ask(self, what: Any, *, whole: bool = True) -> Any:
        put(self._life.line, what)
        heard = self._hear(whole=whole)
        if not whole and isinstance(heard, Turn):  # it died of the question
            self._take(heard)
            return self._ask(what, whole=whole)
        return heard

    def _hear(self, *, whole: bool = True) -> Any:
        """What it does until it rests; if it dies, what its next life does as well."""
        actions: list[Any] = []
        try:
            while True:
                kind, what = get(self._life.line)
                if kind == "stalled":
                    self.stalls += 1
                    self._publish(self.control.frontend_lost(NAME, self.now + WALL))
                    put(self._life.line, "go on")
                elif kind == "rests":
                    self._due, self.exchanges = what
                    return Turn(commands=self._asked(), actions=actions)
                elif kind == "found":
                    return what
                else:
                    actions.append(what)
        except EOFError:
            code = self._life.end()
            assert code == -9, f"it ended by itself with {code}"
            self.deaths += 1
            self._take(Turn(commands=self._asked(), actions=actions))
            self._road.append(("holds", None))
            return self._live()

    def _asked(self) -> list[Any]:
        """The commands that came into the store since."""
        found = self._own.call("XRANGE", self.keys.cmds, f"({self._after}", "+")
        commands = []
        for entry, fields in found:
            self._after = bytes(entry).decode()
            commands += [command for _, command in fresh(fields[1], self._marks)]
        return commands

    def close(self) -> None:
        """The last life ends with the story."""
        self._life.kill()
        self._own.close()


# --- in the other process -----------------------------------------------------------------------


class Loud:
    """A fault of the front end, or a turn it could not keep, ends the process by another way."""

    def info(self, *_: Any, **__: Any) -> None: ...

    def warning(self, *_: Any, **__: Any) -> None: ...

    def error(self, what: str, **why: Any) -> None:
        os.write(2, f"{what} {why}\n".encode())
        os._exit(3)


class Outgoing:
    """Wire, media engine and database: each message is an exchange, and can be the last."""

    def __init__(self, line: socket.socket, fate: Fate) -> None:
        self._line = line
        self._fate = fate

    def _put(self, what: Any) -> None:
        fate = self._fate
        fate.before()
        if fate.is_now(How.HALF):
            die()
        put(self._line, ("does", what))
        if fate.is_now(How.SENT) or fate.is_now(How.ANSWERED):
            die()

    def close_flow(self, flow: Flow) -> None:
        """Nobody is turned away here."""

    def send(self, flow: Flow, data: bytes) -> None:
        self._put(SendSip(flow, data))

    def ask(self, cookie: str, message: dict[str, Any]) -> None:
        self._put(AskMedia(cookie, message))

    def look(self, question: LookUp) -> None:
        self._put(question)


def serve(line: socket.socket, center: Center, point: Point) -> None:
    """One life of the front end."""
    asyncio.run(_Served(line, center, point).run())


class _Served:
    def __init__(self, line: socket.socket, center: Center, point: Point) -> None:
        self.line = line
        self.center = center
        self.now = center.now
        self.fate = Fate(point, self._stall)
        frontend_loop.now = lambda: self.now
        frontend_loop.log = Loud()
        journal.PATIENT_SECONDS = 0.0

    def _stall(self) -> None:
        put(self.line, ("stalled", None))
        get(self.line)

    async def run(self) -> None:
        center, url = self.center, self.center.store.url
        rules = Rules(frontend=NAME, epoch=center._epoch, realm=REALM)
        endpoint = sip.Endpoint(
            new_id=lambda: f"s{center._epoch}-{next(center.ids)}",
            user_agent="callcenter",
            contact_for=lambda _: f"sip:callcenter@{SERVER[0]}:{SERVER[1]}",
        )
        config = configured(center.center)
        frontend = Frontend(rules, endpoint, config, secret=b"test", wall_offset=WALL)
        writer = CommandWriter(
            url, center.keys, NAME, center._epoch, center.keys.frontend_records(NAME)
        )
        await writer.start()
        records = await read_records(url, center.keys, NAME)
        cursor = int(records.pop("cursor"))
        self._let_die()
        outgoing = Outgoing(self.line, self.fate)
        self.loop = FrontendLoop(
            frontend, writer=writer, wire=outgoing, engine=outgoing,
            look=outgoing.look,
        )  # fmt: skip
        self.loop._arm = lambda: None  # type: ignore[method-assign]  # time passes by `tick`
        self.loop.cursor = len(center.journal)
        self.loop.begin(frontend.restore(records, self.now, center.journal[cursor:]))
        await self._rest()
        while True:
            await self._one()

    def _let_die(self) -> None:
        """From here on each exchange with the store may be the last."""
        request, fate = AsyncConnection.request, self.fate

        def doomed(connection: AsyncConnection, packed: bytes, count: int) -> Any:
            fate.before()
            if fate.is_now(How.HALF):
                assert connection._transport is not None
                connection._transport.write(packed[: len(packed) // 2])
                die()
            future = request(connection, packed, count)
            if fate.is_now(How.SENT):
                die()
            if fate.is_now(How.ANSWERED):
                future.add_done_callback(lambda _: die())
            return future

        AsyncConnection.request = doomed  # type: ignore[method-assign, assignment]

    async def _rest(self) -> None:
        """Until nothing is under way; then say so."""
        while self.loop._awake or not self.loop.idle:
            await asyncio.sleep(0)
        put(self.line, ("rests", (self.loop.frontend.deadline, self.fate.count)))

    async def _one(self) -> None:
        kind, what, self.now = get(self.line)
        if kind == "feed":
            self.loop.feed(what)
        elif kind == "tick":
            self.loop._tick()
        else:
            found = self._leg(*what) if kind == "leg" else self._leaks()
            put(self.line, ("found", found))
            return
        await self._rest()

    def _leg(self, call_id: str, of_agent: bool) -> str:
        frontend = self.loop.frontend
        for dialog, story in frontend.hands.dialogs.items():
            call = next((c for c in frontend.endpoint.calls if c.id == dialog), None)
            if call is not None and call.call_id == call_id:
                talk = getattr(story, "talk", None) if of_agent else None
                return str((talk or story).media.record.id)  # type: ignore[union-attr]
        return ""

    def _leaks(self) -> list[str]:
        frontend = self.loop.frontend
        left = [f"story {name}" for name in frontend.hands.stories]
        left += [f"dialog {name}" for name in frontend.hands.dialogs]
        return left + [f"call {call.id}" for call in frontend.endpoint.calls]


# --- the story ----------------------------------------------------------------------------------


def until(
    center: Center, what: str, happened: Callable[[], bool], try_: Callable[[], None]
) -> None:
    """People try again, half a second later, until it has happened."""
    for _ in range(TRIES):
        if happened():
            return
        try_()
        center.wait(0.5)
    raise AssertionError(f"it never happened: {what}")


def stage_of(center: Center, caller: Phone) -> Stage | None:
    """Where the caller's contact is; she is the only one."""
    contacts = list(center.control.state.contacts.values())
    return contacts[-1].stage if contacts else None


def calls_in(center: Center, name: str, key: str) -> Phone:
    """Somebody calls, is greeted, presses a key and waits."""
    caller = center.phone(name)
    caller.dial("+15550100")
    until(center, f"{name} is greeted", lambda: "answered" in caller.story, lambda: None)

    def press() -> None:
        if leg := center.leg_of(caller):
            center.feed(DigitHeard(leg, key))

    queued = (Stage.WAITING, Stage.OFFERED, Stage.TALKING)
    until(center, f"{name} waits", lambda: stage_of(center, caller) in queued, press)
    return caller


def play(center: Center) -> None:
    """Three callers: one is served, one leaves while it rings, one is passed to the next agent."""
    ana, ben = center.agents["ana"], center.agents["ben"]
    ana.mood = ben.mood = "answers"
    served = calls_in(center, "carol", "3")
    talking = (Stage.TALKING,)
    until(center, "carol talks", lambda: stage_of(center, served) in talking, lambda: None)
    center.wait(2)
    (segment,) = center.control.state.segments.values()
    agent = center.agents[segment.agent]
    agent.hold("sendonly")
    center.wait(3)
    agent.hold("sendrecv")
    center.wait(3)
    agent.hang_up()
    until(center, "carol goes", lambda: not center.control.state.contacts, lambda: None)

    ana.mood = ben.mood = "lets it ring"
    leaves = calls_in(center, "dora", "1")
    rings = lambda: stage_of(center, leaves) is Stage.OFFERED  # noqa: E731
    until(center, "it rings", rings, lambda: None)
    center.wait(2)
    leaves.hang_up()
    until(center, "dora is gone", lambda: not center.control.state.contacts, lambda: None)
    center.wait(3)

    ana.mood, ben.mood = "rejects:486", "answers"
    passed = calls_in(center, "emma", "1")
    until(center, "emma talks", lambda: stage_of(center, passed) in talking, lambda: None)
    center.wait(2)
    passed.hang_up()
    until(center, "emma is gone", lambda: not center.control.state.contacts, lambda: None)
    center.wait(10)
    for caller in (served, leaves, passed):
        if caller.call and caller.call in caller.endpoint.calls:
            caller.hang_up()
    check_calls(center)


def check_calls(center: Center) -> None:
    """Nobody lost, nobody twice, nothing left."""
    arrived = [event.contact for event in center.kinds(e.ContactArrived)]
    ends = [event.contact for event in center.kinds(e.ContactEnded)]
    assert len(set(arrived)) == len(arrived)
    assert sorted(ends) == sorted(arrived), "each contact ends once"
    results = [event.termination.result for event in center.kinds(e.ContactEnded)]
    assert Result.LOST not in results, results
    batch = e.Batch(1, 1, 0, "", {}, (), "", "", tuple(center.events))
    check_meetings([batch])
    left = center.leaks()
    assert left == [], left
    for name, phone in center.agents.items():
        assert not list(phone.endpoint.calls), f"{name}'s phone is still in a call"
        agent = center.control.state.agents[phone.name]  # type: ignore[index]
        assert not [*agent.offers, *agent.segments], f"{name} is stuck"


def story(server: StoreServer, name: str, point: Point) -> Center:
    """Play it up to the point and on from there."""
    center = Center(server, name, point)
    try:
        play(center)
    finally:
        center.close()
    return center
