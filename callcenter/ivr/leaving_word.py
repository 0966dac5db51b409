"""The part of a session that a `voicemail` node is: the words before it, the beep, the recording.

    saying      words and beep                          PromptFinished
    recording   what she says, until `deadline`         Recorded, `#`, tick

Why: whoever hears the beep speaks at once, so the beep is the end of what is said, and nothing is
said after it until the message is kept or is not.
"""

from typing import TYPE_CHECKING

from callcenter.domain.units import SECOND, Micros
from callcenter.ivr import shape
from callcenter.ivr.exchange import (
    Action,
    Digit,
    LeaveWord,
    PromptFinished,
    Recorded,
    RecordedHow,
    StopRecording,
)
from callcenter.ivr.state import Phase, State

BEEP = "music/beep"
KEPT_LIMIT: Micros = 15 * SECOND
"""After the longest message; by then it is kept, or it is not."""
END_KEY = "#"


class LeavingWord:
    """A caller who leaves a message. `Session` has the rest."""

    _state: State
    _now: Micros

    if TYPE_CHECKING:

        def _do(self, action: Action) -> None: ...
        def _go(self, name: str) -> None: ...
        def _node(self) -> shape.AnyNode | None: ...
        def _speak(
            self, prompts: tuple[str, ...], texts: tuple[str, ...], *, stop: bool
        ) -> None: ...
        def _is_current(self, finished: PromptFinished) -> bool: ...
        @property
        def language(self) -> str: ...

        _flow: shape.Flow

    def enter_voicemail(self, node: shape.Voicemail) -> None:
        """The words, then the beep."""
        flow, language = self._flow, self.language
        self._state.phase = Phase.SAYING
        self._state.ahead = ""
        self._speak(
            (*(flow.reference(prompt, language) for prompt in node.prompts), BEEP),
            (*(flow.prompts[prompt][language] for prompt in node.prompts), "(beep)"),
            stop=False,
        )

    def record_after(self, node: shape.Voicemail) -> None:
        """The beep is over: from here on what she says is kept."""
        state = self._state
        state.phase = Phase.RECORDING
        state.deadline = self._now + node.longest + KEPT_LIMIT
        self._do(
            LeaveWord(
                queue=node.queue,
                longest=node.longest,
                shortest=node.shortest,
                silence=node.silence,
                attributes=dict(state.settings),
            )
        )

    def digit_while_recording(self, digit: Digit) -> None:
        """`#` ends it."""
        self._state.steps = 0
        if digit.digit == END_KEY:
            self._do(StopRecording())

    def recorded(self, done: Recorded) -> None:
        node = self._node()
        if isinstance(node, shape.Voicemail):
            ways = {
                RecordedHow.SAVED: node.saved,
                RecordedHow.TOO_SHORT: node.too_short,
                RecordedHow.FAILED: node.failed,
            }
            self._go(ways[done.how])

    def not_kept_in_time(self) -> None:
        """Nobody said what became of it."""
        node = self._node()
        if isinstance(node, shape.Voicemail):
            self._do(StopRecording())
            self._go(node.failed)
