"""Nothing leaves before it is kept; in order; and calls go on when nothing can be kept.

The store is played by a writer that answers when it is told to, so nothing here waits for a clock
but the watch of the store itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from structlog.testing import capture_logs

from callcenter.adapters import frontend_loop
from callcenter.adapters.frontend_loop import FrontendLoop
from callcenter.adapters.store.health import Backlog
from callcenter.adapters.store.journal import OutboxFull
from callcenter.domain.commands import Command, StepReported
from callcenter.domain.units import SECOND, ContactId, Micros
from callcenter.frontend.turn import (
    AskMedia,
    ContactClosed,
    Draining,
    EventsSeen,
    FeatureClosed,
    Input,
    KeepParty,
    LookUp,
    Overloaded,
    RecordChange,
    SendGranted,
    SendSip,
    SipReceived,
    StoreDown,
    StoreUp,
    Turn,
)
from callcenter.sip.flow import Flow

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))


class Machine:
    """A front end that does what the test says for each input."""

    def __init__(self) -> None:
        self.does: Callable[[Input], Turn] = lambda _: Turn()
        self.seen: list[Input] = []
        self.known = {FLOW}
        self.deadline: Micros | None = None
        self.awaits_control = False
        self.ticks = 0
        self.made = Turn()

    def take(self, what: Input, now: Micros) -> None:
        self.seen.append(what)
        made = self.does(what)
        self.made.records += made.records
        self.made.commands += made.commands
        self.made.actions += made.actions

    def knows(self, flow: Flow) -> bool:
        return flow in self.known

    def turn(self) -> Turn:
        made, self.made = self.made, Turn()
        return made

    def tick(self, now: Micros) -> Turn:
        self.ticks += 1
        self.deadline = None
        return Turn()


class Writer:
    """A journal that answers when it is told to."""

    def __init__(self) -> None:
        self.appends: list[tuple[list[Command], list[Any]]] = []
        self.numbers: dict[str, str] = {}
        self.patient: list[bool] = []
        self.waiting: list[asyncio.Future[None]] = []
        self.down = False
        self.full = self.store_full = False
        self.backlog = Backlog()

    def append(
        self,
        commands: Sequence[Command] = (),
        records: Sequence[Any] = (),
        numbers: Mapping[str, str] = {},
        *,
        patient: bool = False,
    ) -> asyncio.Future[None]:
        if self.full:
            raise OutboxFull("full")
        self.numbers.update(numbers)
        self.patient.append(patient)
        self.appends.append((list(commands), list(records)))
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return future

    async def answers(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            future.set_result(None)
        await rest()


class Stage:
    """A loop with everything around it recorded."""

    def __init__(self) -> None:
        self.machine, self.writer = Machine(), Writer()
        self.done: list[Any] = []
        self.hurry = asyncio.Event()
        self.loop = FrontendLoop(
            self.machine,  # type: ignore[arg-type]
            writer=self.writer,  # type: ignore[arg-type]
            wire=self,
            engine=self,
            look=self.done.append,
            hurry=self.hurry,
            seal=lambda value: b"sealed" if b"key" in value else value,
        )

    def send(self, flow: Flow, data: bytes) -> None:
        self.done.append(data)

    def close_flow(self, flow: Flow) -> None:
        self.done.append(f"closed {flow.connection}")

    def ask(self, cookie: str, message: dict[str, Any]) -> None:
        self.done.append(cookie)

    async def feed(self, *inputs: Input) -> None:
        for what in inputs:
            self.loop.feed(what)
        await rest()


async def rest() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(story: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        await asyncio.wait_for(story(Stage()), 10)

    asyncio.run(tell())


def sends(data: bytes) -> Turn:
    return Turn(actions=[SendSip(FLOW, data)])


def keeps(data: bytes) -> Turn:
    step = StepReported(contact=ContactId("c"), node="n")
    return Turn([RecordChange("k", data)], [step], [SendSip(FLOW, data)])


def test_a_turn_that_keeps_nothing_acts_at_once() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: sends(b"100")
        await stage.feed(Draining())
        assert stage.done == [b"100"]
        assert stage.writer.appends == []

    run(story)


def test_a_turn_that_keeps_something_acts_on_the_reply() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: keeps(b"200")
        await stage.feed(Draining())
        assert stage.done == []
        await stage.writer.answers()
        assert stage.done == [b"200"]

    run(story)


def test_all_inputs_of_one_pass_are_one_append() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: keeps(b"x")
        await stage.feed(*[Draining()] * 20)
        assert len(stage.writer.appends) == 1
        commands, records = stage.writer.appends[0]
        assert len(commands) == 20
        assert len(records) == 1, "only the newest value of a record is written"

    run(story)


def test_records_are_sealed_before_they_are_kept_and_what_is_sent_is_not() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: keeps(b"a key")
        await stage.feed(Draining())
        [(_, [record])] = stage.writer.appends
        assert record.value == b"sealed"
        await stage.writer.answers()
        assert stage.done == [b"a key"]

    run(story)


def test_what_comes_after_waits_for_what_is_in_front() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: keeps(b"first")
        await stage.feed(Draining())
        stage.machine.does = lambda _: sends(b"second")
        await stage.feed(Draining())
        assert stage.done == []
        await stage.writer.answers()
        assert stage.done == [b"first", b"second"]

    run(story)


def rings(data: bytes, *rests_on: str) -> Turn:
    """A grant is acted on: its record, and an INVITE that need not wait for it."""
    return Turn([RecordChange("call:c:offer", data)], [], [SendGranted(FLOW, data, rests_on)])


def test_what_a_grant_asks_for_leaves_before_it_is_kept() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: keeps(b"200")
        await stage.feed(Draining())
        stage.machine.does = lambda _: rings(b"INVITE", "phone:ana")
        await stage.feed(EventsSeen((), 1, 7))
        assert stage.done == [b"INVITE"]
        records = dict(stage.writer.appends[1][1])
        assert records == {"call:c:offer": b"INVITE", "cursor": b"7"}, "one append: both or none"
        await stage.writer.answers()
        assert stage.done == [b"INVITE", b"200"], "and it is sent once"

    run(story)


def test_a_grant_waits_for_the_records_that_it_rests_on() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: Turn([RecordChange("phone:ana", b"x")], [], [])
        await stage.feed(Draining())
        stage.machine.does = lambda _: rings(b"INVITE", "phone:ana")
        await stage.feed(Draining())
        assert stage.done == []
        await stage.writer.answers()
        assert stage.done == [b"INVITE"]

    run(story)


def test_a_grant_does_not_overtake_the_good_bye_in_its_own_turn() -> None:
    async def story(stage: Stage) -> None:
        cancels = Turn([RecordChange("parting:d", b"x")], [], [SendSip(FLOW, b"CANCEL")])
        made = iter((cancels, rings(b"INVITE", "phone:ana", "parting:d")))
        stage.machine.does = lambda _: next(made)
        await stage.feed(Draining(), Draining())
        assert stage.done == []
        await stage.writer.answers()
        assert stage.done == [b"CANCEL", b"INVITE"]

    run(story)


def test_every_kind_of_action_is_done_in_order() -> None:
    async def story(stage: Stage) -> None:
        look = LookUp(ContactId("c"), "caller_number", "1")
        stage.machine.does = lambda _: Turn(
            actions=[
                AskMedia("cookie", {}),
                look,
                ContactClosed("c", "caller_hung_up", "nobody", 1.0),
                SendSip(FLOW, b"bye"),
            ]
        )
        await stage.feed(Draining())
        assert stage.done == ["cookie", look, b"bye"]

    run(story)


def test_a_callers_number_is_kept_with_what_names_it() -> None:
    async def story(stage: Stage) -> None:
        made = keeps(b"200")
        made.actions.append(KeepParty("party-1", "+1"))
        stage.machine.does = lambda _: made
        await stage.feed(Draining())
        assert (len(stage.writer.appends), stage.writer.numbers) == (1, {"party-1": "+1"})
        await stage.writer.answers()
        assert stage.done == [b"200"]

    run(story)


def test_what_nobody_waits_for_is_kept_without_hurry() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: Turn([RecordChange("k", b"v")])
        await stage.feed(Draining())
        stage.machine.does = lambda _: sends(b"options")
        await stage.feed(Draining())
        assert stage.writer.patient == [True, False], "what is sent waits for what is in front"

    run(story)


def test_a_question_that_goes_ahead_is_asked_at_once_and_its_turn_is_kept_with_the_reply() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: Turn(
            [RecordChange("k", b"v")],
            actions=[SendSip(FLOW, b"ACK"), AskMedia("cookie", {}, ahead=True)],
        )
        await stage.feed(Draining())
        assert stage.done == ["cookie"]
        assert stage.writer.patient == [True]
        stage.machine.does = lambda _: keeps(b"connected")
        await stage.feed(Draining())
        assert stage.writer.patient == [True, False]
        await stage.writer.answers()
        assert stage.done == ["cookie", b"ACK", b"connected"]

    run(story)


def test_events_are_read_in_a_hurry_while_somebody_waits_for_one() -> None:
    async def story(stage: Stage) -> None:
        for waits in (True, False):
            stage.machine.awaits_control = waits
            await stage.feed(Draining())
            assert stage.hurry.is_set() is waits

    run(story)


def test_endings_are_one_line_each_in_the_log() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda _: Turn(
            actions=[
                ContactClosed(
                    "c", "caller_hung_up", "nobody", 61.23456, result="served", flow="main",
                    queue="sales", agent="ana", waited_seconds=4.0, talked_seconds=30.0,
                ),
                FeatureClosed("ana", "ready", "flow_hung_up", "nobody", 2.0),
            ]
        )  # fmt: skip
        with capture_logs() as logged:
            await stage.feed(Draining())
        assert logged == [
            {
                "log_level": "info", "event": "contact ended", "contact": "c", "channel": "voice",
                "reason": "caller_hung_up", "result": "served", "fault": "nobody", "flow": "main",
                "queue": "sales", "agent": "ana", "lived_seconds": 61.235, "waited_seconds": 4.0,
                "talked_seconds": 30.0,
            },
            {
                "log_level": "info", "event": "feature call ended", "agent": "ana",
                "code": "ready", "reason": "flow_hung_up", "fault": "nobody", "lived_seconds": 2.0,
            },
        ]  # fmt: skip

    run(story)


def test_the_cursor_is_written_with_whatever_followed_from_it() -> None:
    async def story(stage: Stage) -> None:
        await stage.feed(EventsSeen((), 1, 41))
        assert stage.writer.appends == []
        stage.machine.does = lambda _: Turn([RecordChange("k", b"x")])
        await stage.feed(EventsSeen((), 2, 42), Draining())
        records = dict(stage.writer.appends[0][1])
        assert records["cursor"] == b"42"

    run(story)


def test_a_store_that_does_not_answer_does_not_stop_the_calls() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.does = lambda what: keeps(b"kept") if type(what) is Draining else Turn()
        watch = asyncio.create_task(stage.loop.watch())
        await stage.feed(Draining())
        stage.loop._pending[0].since -= frontend_loop.PATIENCE + SECOND
        while not stage.loop.store_is_down:
            await asyncio.sleep(0.01)
        await rest()
        assert stage.done == [b"kept"]
        assert type(stage.machine.seen[-1]) is StoreDown
        await stage.feed(Draining())
        assert stage.done == [b"kept", b"kept"], "acted on from memory"
        assert len(stage.writer.appends) == 2, "and kept in order for later"
        await stage.writer.answers()
        while stage.loop.store_is_down:
            await asyncio.sleep(0.01)
        await rest()
        assert type(stage.machine.seen[-1]) is StoreUp
        assert stage.done == [b"kept", b"kept"], "nothing is done twice"
        watch.cancel()

    run(story)


def test_a_store_that_is_away_is_noticed_though_nothing_waits_to_be_kept() -> None:
    async def story(stage: Stage) -> None:
        watch = asyncio.create_task(stage.loop.watch())
        stage.writer.down = True
        while stage.loop._away_since is None:
            await asyncio.sleep(0.01)
        assert not stage.loop.store_is_down, "it may be back at once"
        stage.loop._away_since -= frontend_loop.PATIENCE
        while not stage.loop.store_is_down:
            await asyncio.sleep(0.01)
        await rest()
        assert type(stage.machine.seen[-1]) is StoreDown
        stage.writer.down = False
        while stage.loop.store_is_down:
            await asyncio.sleep(0.01)
        await rest()
        assert type(stage.machine.seen[-1]) is StoreUp
        watch.cancel()

    run(story)


def test_a_full_outbox_loses_facts_and_counts_them_but_no_call() -> None:
    async def story(stage: Stage) -> None:
        stage.writer.full = True
        stage.machine.does = lambda _: keeps(b"kept")
        await stage.feed(Draining())
        assert stage.done == [b"kept"]
        assert stage.loop.lost_turns == 1

    run(story)


def test_commands_that_nobody_decides_mean_overload() -> None:
    async def story(stage: Stage) -> None:
        watch = asyncio.create_task(stage.loop.watch())
        stage.writer.backlog.asked("1-0", -1_000_000.0)
        while Overloaded(True) not in stage.machine.seen:
            await asyncio.sleep(0.01)
        stage.writer.backlog.decided("1-0")
        while Overloaded(False) not in stage.machine.seen:
            await asyncio.sleep(0.01)
        watch.cancel()

    run(story)


def test_a_deadline_wakes_the_machine() -> None:
    async def story(stage: Stage) -> None:
        stage.machine.deadline = frontend_loop.now() + SECOND // 100
        await stage.feed(Draining())
        while not stage.machine.ticks:
            await asyncio.sleep(0.005)
        stage.loop.close()

    run(story)


STRANGER = Flow("udp", ("192.0.2.1", 5060), ("203.0.113.9", 5060))


def test_who_is_known_does_not_wait_behind_strangers() -> None:
    async def story(stage: Stage) -> None:
        for number in range(200):
            stage.loop.feed(SipReceived(b"%d" % number, STRANGER))
        stage.loop.feed(SipReceived(b"known", FLOW))
        await asyncio.sleep(0)
        first = [one.data for one in stage.machine.seen if isinstance(one, SipReceived)]
        assert first[0] == b"known"
        assert len(first) == 1 + frontend_loop.STRANGERS_AT_ONCE
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(stage.machine.seen) == 201

    run(story)


def test_strangers_are_dropped_when_too_many_wait_and_told_so_by_name() -> None:
    async def story(stage: Stage) -> None:
        at_tcp = STRANGER._replace(transport="tcp", connection=9)
        for _ in range(frontend_loop.STRANGERS_MAX):
            stage.loop.feed(SipReceived(b"", STRANGER))
        stage.loop.feed(SipReceived(b"one more", STRANGER))
        stage.loop.feed(SipReceived(b"another", at_tcp))
        assert stage.loop.strangers_dropped == 2
        assert stage.done == ["closed 9"]
        stage.loop._watch_load()
        await rest()
        assert Overloaded(overloaded=False, crowded=True) in stage.machine.seen

    run(story)
