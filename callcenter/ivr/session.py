"""One caller in one flow: what comes in, what is to be done, where she stands.

    phase       waits for                                   leaves by
    saying      the prompt's end                            PromptFinished, a digit
    prompting   the question's end or a key                 PromptFinished, a digit
    collecting  keys, until `deadline`                      Digit, tick
    asking      a calendar, a customer or the waits of      CalendarState, LookupDone, WaitsKnown,
                queues, until `deadline`                    Failed
    asking      a number, a promise (`calling_back.py`)     NumberChecked, CallbackAnswered
    recording   a message (`leaving_word.py`), till `deadline`  Recorded, `#`, tick
    queued      an agent; announces at `deadline`           QueueLeft, AgentTalking, the leave key
    leaving     the end of the queue visit                  QueueLeft
    talking     the end of the talk                         QueueLeft
    ended       nothing

Why: the front end owns sockets and clocks, the flow owns what a caller hears. Here is only the
second: `react(input, now)` and `tick(now)` give actions, the same ones for the same inputs. What
comes too late for its phase is ignored, so reports may cross. Steps that the caller has no part
in are limited; a failing step leads to its `on_error`, or ends the call by name.

`now` and `deadline` are monotonic microseconds. `record()` holds everything: a restarted process
calls `restore` and then `resume`, and the caller goes on at the same node. The record holds typed
digits, so it may only live where a call's state lives, never in the journal; the actions that are
journalled (`Enter`, `Collected`, `Enqueue`) hold none.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import msgspec

from callcenter.domain.errors import LocalError
from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import MINUTE, SECOND, Micros
from callcenter.ivr import shape, waits
from callcenter.ivr.announcing import Announcing
from callcenter.ivr.calling_back import CallingBack
from callcenter.ivr.exchange import (
    Action,
    AgentTalking,
    AskCalendar,
    AskCallback,
    AskLookup,
    AskWaits,
    CalendarState,
    CallbackAnswered,
    CheckNumber,
    Collected,
    Digit,
    Enqueue,
    Enter,
    Estimated,
    Failed,
    HangUp,
    Input,
    LeaveQueue,
    LeaveWord,
    LookupDone,
    NumberChecked,
    PromptFinished,
    QueueLeft,
    Recorded,
    RecordedHow,
    Say,
    StopRecording,
    StopSaying,
    WaitsKnown,
)
from callcenter.ivr.expression import Expression, Value
from callcenter.ivr.leaving_word import LeavingWord
from callcenter.ivr.shape import ALWAYS, AnyNode, Flow
from callcenter.ivr.state import Phase, State

__all__ = [
    "Action",
    "AgentTalking",
    "AskCalendar",
    "AskCallback",
    "AskLookup",
    "AskWaits",
    "CalendarState",
    "CallbackAnswered",
    "CheckNumber",
    "Collected",
    "Digit",
    "Enqueue",
    "Enter",
    "Estimated",
    "Failed",
    "HangUp",
    "Input",
    "LeaveQueue",
    "LeaveWord",
    "LookupDone",
    "NumberChecked",
    "Phase",
    "PromptFinished",
    "QueueLeft",
    "Recorded",
    "RecordedHow",
    "Say",
    "Session",
    "StopRecording",
    "StopSaying",
    "WaitsKnown",
]

STEPS_MAX = 100
"""Nodes entered since the caller last did something."""
FAILURES_MAX = 3
TYPED_AHEAD_MAX = 32
ASK_LIMIT = 5 * SECOND
PROMPT_LIMIT = 5 * MINUTE
"""A prompt whose end is never reported counts as failed after this."""


_Handler: TypeAlias = Callable[["Session", Any], object]
_Due: TypeAlias = Callable[["Session"], None]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


class Session(Announcing, CallingBack, LeavingWord):
    """A caller's way through a flow. Drive it with `start`, `react` and `tick`."""

    def __init__(self, flow: Flow, *, facts: Mapping[str, Any] | None = None) -> None:
        """`facts` are what conditions see as `call.…`: `caller_registered`, `dialled` …"""
        known = {k: v for k, v in (facts or {}).items() if isinstance(v, str | bool | int)}
        self._flow = flow
        self._state = State(
            flow=flow.name,
            revision=flow.revision,
            settings={"language": flow.languages[0]},
            facts=known,
        )
        self._actions: list[Action] = []
        self._next: str | None = None
        self._now: Micros = 0

    @property
    def flow(self) -> Flow:
        """The flow in the revision this caller began with."""
        return self._flow

    @property
    def node(self) -> str:
        """Name of the node the caller stands at."""
        return self._state.node

    @property
    def phase(self) -> Phase:
        """What the session waits for."""
        return self._state.phase

    @property
    def deadline(self) -> Micros | None:
        """When `tick` is due, if ever."""
        return self._state.deadline

    @property
    def variables(self) -> dict[str, str]:
        """What `set` wrote, and the language."""
        return dict(self._state.settings)

    @property
    def language(self) -> str:
        """What the caller hears."""
        return self._state.settings["language"]

    def goes_on_after(self, exit_: QueueExit) -> bool:
        """Whether the caller stays in the flow after this exit of the present queue node."""
        node = self._node()
        if not isinstance(node, shape.Queue):
            return False
        return not isinstance(self._flow.nodes[node.ways[exit_]], shape.HangUp)

    def start(self, now: Micros) -> list[Action]:
        """Enter the flow. Call once."""
        if self._state.node:
            raise LocalError("a session starts once")
        self._now = now
        self._next = self._flow.entry
        return self._drain()

    def react(self, input: Input, now: Micros) -> list[Action]:  # noqa: A002 - the room's word
        """One input, drained to rest. What the phase does not wait for does nothing."""
        handler = self._HANDLERS.get((self._state.phase, type(input)))
        if handler is None:
            return []
        self._now = now
        handler(self, input)
        return self._drain()

    def tick(self, now: Micros) -> list[Action]:
        """What is due at `now`."""
        state = self._state
        if state.deadline is None or now < state.deadline:
            return []
        state.deadline = None
        self._now = now
        if due := self._WHEN_DUE.get(state.phase):
            due(self)
        return self._drain()

    def resume(self, now: Micros) -> list[Action]:
        """After `restore`: ask again what a dead process may have taken with it."""
        self._now = now
        node = self._node()
        if self._state.phase is Phase.ASKING and node is not None:
            self._ask(node)
        return self._drain()

    def record(self) -> bytes:
        """The whole state, for `restore`."""
        return _encoder.encode(self._state)

    @classmethod
    def restore(cls, flow: Flow, record: bytes) -> "Session":
        """A session as recorded. `flow` must be the recorded name and revision.

        Raises:
            LocalError: the record is of another flow or revision, or no record.
        """
        try:
            state = _decoder.decode(record)
        except msgspec.MsgspecError as error:
            raise LocalError(f"no session record: {error}") from None
        if (state.flow, state.revision) != (flow.name, flow.revision):
            raise LocalError(f"recorded with {state.flow} {state.revision}")
        if state.node and state.node not in flow.nodes:
            raise LocalError(f"no node {state.node} in {state.flow}")
        session = cls(flow)
        session._state = state
        return session

    # One step after the other

    def _drain(self) -> list[Action]:
        """Enter nodes until one has to wait. Bounded by `STEPS_MAX`."""
        while self._next is not None:
            name, self._next = self._next, None
            if self._state.steps >= STEPS_MAX:
                self._end(Reason.FLOW_STEPS_LIMIT)
                break
            self._enter(self._flow.nodes[name])
        actions, self._actions = self._actions, []
        return actions

    def _enter(self, node: AnyNode) -> None:
        state = self._state
        state.steps += 1
        state.node = node.name
        state.attempts = 0
        state.digits = ""
        state.deadline = None
        self._do(Enter(node.name))
        self._ENTER[type(node)](self, node)

    def _do(self, action: Action) -> None:
        self._actions.append(action)

    def _go(self, name: str) -> None:
        self._state.deadline = None
        self._next = name

    def _node(self) -> AnyNode | None:
        return self._flow.nodes.get(self._state.node)

    def _end(self, reason: Reason) -> None:
        self._stop_saying()
        self._state.phase = Phase.ENDED
        self._state.deadline = None
        self._next = None
        self._do(HangUp(reason))

    def _fail(self) -> None:
        """The node cannot be done: its `on_error`, the flow's, or the end. Never twice the same."""
        state = self._state
        node = self._flow.nodes[state.node]
        target = node.on_error or self._flow.on_error
        state.failures += 1
        self._stop_saying()
        if not target or target == node.name or state.failures > FAILURES_MAX:
            self._end(Reason.FLOW_FAILED)
        else:
            self._go(target)

    # Speaking

    def _say(self, prompts: tuple[str, ...], *, every: bool, stop: bool) -> None:
        flow = self._flow
        languages = flow.languages if every else (self.language,)
        said = [(prompt, language) for language in languages for prompt in prompts]
        self._speak(
            tuple(flow.reference(*one) for one in said),
            tuple(flow.prompts[prompt][language] for prompt, language in said),
            stop=stop,
        )

    def _speak(self, prompts: tuple[str, ...], texts: tuple[str, ...], *, stop: bool) -> None:
        state = self._state
        state.play += 1
        state.speaking = True
        state.deadline = self._now + PROMPT_LIMIT
        self._do(Say(prompts=prompts, texts=texts, interruptible=stop, play=state.play))

    def _stop_saying(self) -> None:
        if self._state.speaking:
            self._state.speaking = False
            self._do(StopSaying())

    def _is_current(self, finished: PromptFinished) -> bool:
        """Whether the report is about what plays now, not about what was stopped."""
        return self._state.speaking and finished.play in (0, self._state.play)

    def _enter_say(self, node: shape.Say) -> None:
        if node.interruptible and self._state.ahead:
            self._go(node.next)
            return
        self._state.phase = Phase.SAYING
        self._say(node.prompts, every=node.every_language, stop=node.interruptible)

    def _said(self, finished: PromptFinished) -> None:
        node = self._node()
        if not self._is_current(finished):
            return
        self._state.speaking = False
        if isinstance(node, shape.Say):
            self._go(node.next)
        elif isinstance(node, shape.Voicemail):
            self.record_after(node)

    def _digit_while_saying(self, digit: Digit) -> None:
        node = self._node()
        if self._keep(digit) and isinstance(node, shape.Say) and node.interruptible:
            self._stop_saying()
            self._go(node.next)

    # Keys

    def _keep(self, digit: Digit) -> bool:
        """Keep a key for the node that will ask for it; whether it was one to keep."""
        key = digit.digit
        if len(key) != 1 or key not in shape.KEYS or self._swallowed(key):
            return False
        self._state.steps = 0
        self._state.ahead = (self._state.ahead + key)[:TYPED_AHEAD_MAX]
        return True

    def _swallowed(self, key: str) -> bool:
        state = self._state
        swallow, state.swallow = state.swallow, ""
        return bool(swallow) and key == swallow and self._now <= state.swallow_until

    def _enter_asking(self, node: shape.Asking) -> None:
        if self._state.ahead:
            self._listen(node)
        else:
            self._ask_caller(node)

    def _ask_caller(self, node: shape.Asking, *, again: bool = False) -> None:
        self._state.phase = Phase.PROMPTING
        if isinstance(node, shape.Callback):
            self._ask_callback(node, again=again)
            return
        before = node.again if again else ()
        self._say(before + node.prompts, every=node.every_language, stop=True)

    def _listen(self, node: shape.Asking) -> None:
        """Take what was typed ahead, then wait for more."""
        state = self._state
        state.phase = Phase.COLLECTING
        state.deadline = self._now + node.input_timeout
        while state.ahead and state.phase is Phase.COLLECTING and self._next is None:
            key, state.ahead = state.ahead[0], state.ahead[1:]
            self._take(node, key)

    def _asked(self, finished: PromptFinished) -> None:
        node = self._node()
        if isinstance(node, shape.Asking) and self._is_current(finished):
            self._state.speaking = False
            self._listen(node)

    def _digit_while_asking(self, digit: Digit) -> None:
        node = self._node()
        if self._keep(digit) and isinstance(node, shape.Asking):
            self._stop_saying()
            self._listen(node)

    def _take(self, node: shape.Asking, key: str) -> None:
        if isinstance(node, shape.Menu):
            self._take_choice(node, key)
        elif isinstance(node, shape.Digits):
            self._take_digit(node, key)
        elif isinstance(node, shape.Callback):
            self._take_callback_key(node, key)

    def _take_choice(self, node: shape.Menu, key: str) -> None:
        choice = node.keys.get(key)
        if choice is None:
            self._try_again(node, node.no_match)
            return
        self._do(Collected(node.name, 1))
        self._state.settings.update(choice.set)
        self._go(choice.next)

    def _take_digit(self, node: shape.Digits, key: str) -> None:
        state = self._state
        if node.finish and key == node.finish:
            self._digits_done(node)
            return
        state.digits += key
        state.deadline = self._now + node.digit_timeout
        if len(state.digits) >= node.maximum:
            self._swallow_finish(node)
            self._digits_done(node)

    def _swallow_finish(self, node: shape.Digits) -> None:
        """Who types the finish key after the last possible digit means it for this number."""
        state = self._state
        if node.finish and state.ahead.startswith(node.finish):
            state.ahead = state.ahead[1:]
        elif not state.ahead:
            state.swallow, state.swallow_until = node.finish, self._now + node.digit_timeout

    def _digits_done(self, node: shape.Digits) -> None:
        state = self._state
        count = len(state.digits)
        if count < node.minimum:
            self._try_again(node, node.no_match)
            return
        state.typed[node.variable] = state.digits
        state.digits = ""
        self._do(Collected(node.name, count))
        self._go(node.next)

    def _try_again(self, node: shape.Asking, exit_: str) -> None:
        """Ask once more, or leave by `exit_` when it was asked often enough."""
        state = self._state
        state.ahead = ""
        state.digits = ""
        if state.attempts >= node.retries:
            self._go(exit_)
            return
        state.attempts += 1
        self._ask_caller(node, again=True)

    def _silence(self) -> None:
        node = self._node()
        if isinstance(node, shape.Digits) and self._state.digits:
            self._digits_done(node)
        elif isinstance(node, shape.Callback):
            self._callback_silence(node)
        elif isinstance(node, shape.Asking):
            self._try_again(node, node.no_input)

    # Deciding

    def _enter_hours(self, node: shape.Hours) -> None:
        if node.calendar == ALWAYS:
            self._go(node.open)
        else:
            self._ask(node)

    def _enter_lookup(self, node: shape.Lookup) -> None:
        self._state.customer = {}
        self._ask(node)

    def _wait_for_answer(self) -> None:
        self._state.phase = Phase.ASKING
        self._state.deadline = self._now + ASK_LIMIT

    def _ask(self, node: AnyNode) -> None:
        self._wait_for_answer()
        if isinstance(node, shape.Hours):
            self._do(AskCalendar(node.calendar))
        elif isinstance(node, shape.When):
            self._do(AskWaits(waits.asked_by(node, self._flow)))
        elif isinstance(node, shape.Lookup):
            value = self._state.typed.get(node.variable, "") if node.variable else ""
            if node.variable and not value:
                self._go(node.unknown)
            else:
                self._do(AskLookup(node.by, value))
        elif isinstance(node, shape.Callback):
            self._ask_about_callback()

    def _looked_up(self, done: LookupDone) -> None:
        node = self._node()
        if isinstance(node, shape.Lookup):
            self._state.customer = dict(done.fields) if done.found else {}
            self._go(node.found if done.found else node.unknown)

    def _calendar(self, calendar: CalendarState) -> None:
        node = self._node()
        if isinstance(node, shape.Hours):
            ways = {"open": node.open, "closed": node.closed, "holiday": node.holiday}
            if calendar.state in ways:
                self._go(ways[calendar.state])
            else:
                self._fail()

    def _enter_when(self, node: shape.When) -> None:
        if waits.asked_by(node, self._flow):
            self._ask(node)
        else:
            self._decide(node, {})

    def _waits_known(self, known: WaitsKnown) -> None:
        node = self._node()
        if isinstance(node, shape.When):
            self._decide(node, known.waits)

    def _asked_in_vain(self) -> None:
        """What is not known of a wait is a value of its own; of all else there must be an answer."""
        node = self._node()
        if isinstance(node, shape.When):
            self._decide(node, {})
        else:
            self._fail()

    def _decide(self, node: shape.When, found: waits.Waits) -> None:
        names = {**self._names(), waits.ROOT: waits.seen_as(found, self._flow)}
        for case in node.cases:
            if case.condition.holds(names):
                self._go(case.next)
                return
        self._go(node.otherwise)

    def _names(self) -> dict[str, Value]:
        """What conditions see."""
        return {**self._state.typed, **self._tellable()}

    def _tellable(self) -> dict[str, Value]:
        """The same without what was typed, which never leaves the call."""
        state = self._state
        return {**state.settings, "customer": dict(state.customer), "call": dict(state.facts)}

    def _enter_set(self, node: shape.Set) -> None:
        self._state.settings.update(node.values)
        self._go(node.next)

    # Waiting for an agent

    def _enter_queue(self, node: shape.Queue) -> None:
        state = self._state
        comfort = self._comfort(node)
        state.phase = Phase.QUEUED
        state.ahead = ""
        state.announcement = 0
        state.place = state.said_place = state.said_range = 0
        state.promised_at = None
        state.deadline = self._now + comfort.every if comfort.announce else None
        self._do(
            Enqueue(
                queue=node.queue,
                skills=self._skills(node.skills),
                priority=node.priority,
                attributes=dict(state.settings),
                comfort=comfort,
                prefer=self._skills(node.prefer),
                agent=self._named(node.agent),
                exclude=tuple(name for one in node.exclude if (name := self._named(one))),
                language=self._asked_language(node),
            )
        )

    def _comfort(self, node: shape.Queue) -> shape.Comfort:
        return self._flow.comfort[node.comfort] if node.comfort else shape.Comfort()

    def _named(self, expression: Expression | None) -> str:
        """Whom or what it names; nothing for what is not there. Typed digits name nobody."""
        return expression.named(self._tellable()) if expression is not None else ""

    def _asked_language(self, node: shape.Queue) -> str | None:
        if node.language is None:
            return "" if node.any_language else None
        return self._named(node.language)

    def _skills(self, asked: Mapping[str, int]) -> dict[str, int]:
        """A skill `$name` is the one that the variable names; unset, it asks for nothing."""
        skills: dict[str, int] = {}
        for name, level in asked.items():
            skill = self._state.settings.get(name[1:], "") if name.startswith("$") else name
            if skill:
                skills[skill] = max(level, skills.get(skill, 0))
        return skills

    def _announced(self, finished: PromptFinished) -> None:
        if self._is_current(finished):
            self._state.speaking = False

    def _digit_while_queued(self, digit: Digit) -> None:
        node = self._node()
        if isinstance(node, shape.Queue) and digit.digit:
            self._state.steps = 0
            if digit.digit == self._comfort(node).leave_key:
                self._stop_saying()
                self._state.phase = Phase.LEAVING
                self._state.deadline = None
                self._do(LeaveQueue())

    def _talking(self, _talking: AgentTalking) -> None:
        self._stop_saying()
        self._state.phase = Phase.TALKING
        self._state.deadline = None

    def _left(self, left: QueueLeft) -> None:
        node = self._node()
        if isinstance(node, shape.Queue):
            self._stop_saying()
            self._go(node.ways[left.exit])

    # The end

    def _enter_hangup(self, node: shape.HangUp) -> None:
        self._end(node.reason)

    def _failed(self, _failed: Failed) -> None:
        self._fail()

    # The tables: laid beside the one at the top; what stands in none of them does nothing

    _ENTER: ClassVar[dict[type, _Handler]] = {
        shape.Say: _enter_say,
        shape.Menu: _enter_asking,
        shape.Digits: _enter_asking,
        shape.Hours: _enter_hours,
        shape.When: _enter_when,
        shape.Set: _enter_set,
        shape.Lookup: _enter_lookup,
        shape.Queue: _enter_queue,
        shape.Callback: CallingBack.enter_callback,
        shape.Voicemail: LeavingWord.enter_voicemail,
        shape.HangUp: _enter_hangup,
    }

    _HANDLERS: ClassVar[dict[tuple[Phase, type], _Handler]] = {
        (Phase.SAYING, PromptFinished): _said,
        (Phase.SAYING, Digit): _digit_while_saying,
        (Phase.SAYING, Failed): _failed,
        (Phase.PROMPTING, PromptFinished): _asked,
        (Phase.PROMPTING, Digit): _digit_while_asking,
        (Phase.PROMPTING, Failed): _failed,
        (Phase.COLLECTING, Digit): _digit_while_asking,
        (Phase.COLLECTING, Failed): _failed,
        (Phase.ASKING, LookupDone): _looked_up,
        (Phase.ASKING, CalendarState): _calendar,
        (Phase.ASKING, NumberChecked): CallingBack.number_checked,
        (Phase.ASKING, CallbackAnswered): CallingBack.callback_answered,
        (Phase.ASKING, WaitsKnown): _waits_known,
        (Phase.ASKING, Digit): _keep,
        (Phase.ASKING, Failed): _failed,
        (Phase.RECORDING, Recorded): LeavingWord.recorded,
        (Phase.RECORDING, Digit): LeavingWord.digit_while_recording,
        (Phase.RECORDING, Failed): _failed,
        (Phase.QUEUED, PromptFinished): _announced,
        (Phase.QUEUED, Digit): _digit_while_queued,
        (Phase.QUEUED, AgentTalking): _talking,
        (Phase.QUEUED, Estimated): Announcing.estimated,
        (Phase.QUEUED, QueueLeft): _left,
        (Phase.QUEUED, Failed): _failed,
        (Phase.LEAVING, Digit): _keep,
        (Phase.LEAVING, AgentTalking): _talking,
        (Phase.LEAVING, QueueLeft): _left,
        (Phase.LEAVING, Failed): _failed,
        (Phase.TALKING, QueueLeft): _left,
        (Phase.TALKING, Failed): _failed,
    }

    _WHEN_DUE: ClassVar[dict[Phase, _Due]] = {
        Phase.SAYING: _fail,
        Phase.PROMPTING: _fail,
        Phase.COLLECTING: _silence,
        Phase.ASKING: _asked_in_vain,
        Phase.RECORDING: LeavingWord.not_kept_in_time,
        Phase.QUEUED: Announcing.announce,
    }
