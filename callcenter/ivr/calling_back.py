"""The part of a session that a `callback` node is: which number, is it right, then the promise.

    step       waits for                                          leaves by
    caller_id  whether her own number may be called back          NumberChecked
    typing     a number, in keys                                  the finish key, a pause, the last key
    checking   whether that number may be called back             NumberChecked
    confirm    1 takes the number that was read out, 2 types one   a key
    placing    the promise                                        CallbackAnswered

Why: a number that is wrong is a promise that nobody can keep, so it is read back digit by digit
and taken by key, whether it was typed or came with the call. Whether it may be called at all is
the front end's to say, before she is promised anything.
"""

from typing import TYPE_CHECKING

from callcenter.domain.units import Micros
from callcenter.ivr import shape
from callcenter.ivr.exchange import (
    Action,
    AskCallback,
    CallbackAnswered,
    CheckNumber,
    Collected,
    NumberChecked,
)
from callcenter.ivr.state import State, Step

TAKE, TYPE_ANOTHER = "1", "2"
"""The keys after a number was read out."""


class CallingBack:
    """A caller who would rather be called back. `Session` has the rest."""

    _state: State
    _now: Micros

    if TYPE_CHECKING:

        def _do(self, action: Action) -> None: ...
        def _go(self, name: str) -> None: ...
        def _node(self) -> shape.AnyNode | None: ...
        def _wait_for_answer(self) -> None: ...
        def _speak(
            self, prompts: tuple[str, ...], texts: tuple[str, ...], *, stop: bool
        ) -> None: ...
        def _ask_caller(self, node: shape.Asking, *, again: bool = False) -> None: ...
        def _try_again(self, node: shape.Asking, exit_: str) -> None: ...
        @property
        def language(self) -> str: ...

        _flow: shape.Flow

    def enter_callback(self, _node: shape.Callback) -> None:
        """Her own number first, if it came with the call and may be called."""
        self._state.number = ""
        self._step(Step.CALLER_ID)

    def _step(self, step: Step) -> None:
        """Ask the front end; to be asked again after a restart."""
        self._state.step = step
        self._wait_for_answer()
        self._ask_about_callback()

    def _ask_about_callback(self) -> None:
        state, node = self._state, self._node()
        if not isinstance(node, shape.Callback):
            return
        if state.step is Step.PLACING:
            self._do(AskCallback(state.number, node.queue, dict(state.settings)))
        else:
            self._do(CheckNumber(state.digits if state.step is Step.CHECKING else ""))

    def number_checked(self, checked: NumberChecked) -> None:
        node, state = self._node(), self._state
        if not isinstance(node, shape.Callback):
            return
        if checked.number:
            state.number, state.digits = checked.number, ""
            state.step, state.attempts, state.ahead = Step.CONFIRM, 0, ""
            self._ask_caller(node)
        elif state.step is Step.CHECKING:
            state.step, state.digits = Step.TYPING, ""
            self._try_again(node, node.no_match)
        else:
            self._let_her_type(node)

    def _let_her_type(self, node: shape.Callback) -> None:
        self._state.step, self._state.digits = Step.TYPING, ""
        self._ask_caller(node)

    def _ask_callback(self, node: shape.Callback, *, again: bool) -> None:
        """The question of the present step. Digits are read out in the telephone's own voice."""
        flow, language = self._flow, self.language
        digits = [key for key in self._state.number if key.isdigit()]
        before, after = node.number_is, node.confirm
        if self._state.step is Step.TYPING:
            before, digits, after = node.prompts, [], ()
        before = (*(node.again if again else ()), *before)
        self._speak(
            (
                *(flow.reference(prompt, language) for prompt in before),
                *(f"system/{language}/{digit}" for digit in digits),
                *(flow.reference(prompt, language) for prompt in after),
            ),
            (
                *(flow.prompts[prompt][language] for prompt in before),
                *digits,
                *(flow.prompts[prompt][language] for prompt in after),
            ),
            stop=True,
        )

    def _take_callback_key(self, node: shape.Callback, key: str) -> None:
        if self._state.step is Step.CONFIRM:
            self._take_confirmation(node, key)
        else:
            self._take_number_key(node, key)

    def _take_confirmation(self, node: shape.Callback, key: str) -> None:
        if key == TAKE:
            self._do(Collected(node.name, 1))
            self._step(Step.PLACING)
        elif key == TYPE_ANOTHER:
            self._state.attempts = 0
            self._let_her_type(node)
        else:
            self._try_again(node, node.no_match)

    def _take_number_key(self, node: shape.Callback, key: str) -> None:
        """`#` ends the number, `*` begins it anew."""
        state = self._state
        state.deadline = self._now + node.digit_timeout
        if key == "#":
            self._number_typed(node)
        elif key == "*":
            state.digits = ""
        else:
            state.digits += key
            if len(state.digits) >= node.maximum:
                self._number_typed(node)

    def _number_typed(self, node: shape.Callback) -> None:
        count = len(self._state.digits)
        if count < node.minimum:
            self._try_again(node, node.no_match)
            return
        self._do(Collected(node.name, count))
        self._step(Step.CHECKING)

    def _callback_silence(self, node: shape.Callback) -> None:
        if self._state.step is Step.TYPING and self._state.digits:
            self._number_typed(node)
        else:
            self._try_again(node, node.no_input)

    def callback_answered(self, answered: CallbackAnswered) -> None:
        node = self._node()
        if isinstance(node, shape.Callback):
            self._go(node.promised if answered.promised else node.refused)
