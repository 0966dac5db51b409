"""The part of a session that speaks to one who waits: prompts of the flow, her place, her wait.

Why: what is announced comes round in turn, and a number is said again only where it has changed;
what is said of waits is in `estimate.py`.
"""

from typing import TYPE_CHECKING

from callcenter.domain.units import Micros
from callcenter.ivr import estimate, shape
from callcenter.ivr.exchange import Estimated
from callcenter.ivr.state import State


class Announcing:
    """To a caller in a queue. `Session` has the rest."""

    _state: State
    _now: Micros

    if TYPE_CHECKING:

        def _node(self) -> shape.AnyNode | None: ...
        def _comfort(self, node: shape.Queue) -> shape.Comfort: ...
        def _say(self, prompts: tuple[str, ...], *, every: bool, stop: bool) -> None: ...
        def _speak(
            self, prompts: tuple[str, ...], texts: tuple[str, ...], *, stop: bool
        ) -> None: ...
        @property
        def language(self) -> str: ...

        _flow: shape.Flow

    def announce(self) -> None:
        node = self._node()
        if not isinstance(node, shape.Queue):
            return
        comfort = self._comfort(node)
        for _ in comfort.announce:
            word = comfort.announce[self._state.announcement % len(comfort.announce)]
            self._state.announcement += 1
            if self._say_word(word):
                break
        self._state.deadline = self._now + comfort.every

    def _say_word(self, word: str) -> bool:
        """Say the next of what is announced, if there is anything to say."""
        if word in self._flow.prompts:
            self._say((word,), every=False, stop=True)
            return True
        state = self._state
        prompts: tuple[str, ...] = ()
        if self._now - state.estimated_at > estimate.GOOD_FOR:
            return False
        if word == estimate.POSITION:
            prompts = tuple(filter(None, [estimate.place_words(state.place, state.said_place)]))
            state.said_place = state.place if prompts else state.said_place
        elif state.promised_at is not None:
            number = estimate.range_of(max(0, state.promised_at - self._now))
            prompts = estimate.wait_words(number, state.said_range)
            state.said_range = number if prompts else state.said_range
        if prompts:
            self._say_own(prompts)
        return bool(prompts)

    def _say_own(self, prompts: tuple[str, ...]) -> None:
        """Words of the telephone itself, in the caller's language."""
        self._speak(
            tuple(f"system/{self.language}/{prompt}" for prompt in prompts),
            tuple(estimate.WORDS[prompt] for prompt in prompts),
            stop=True,
        )

    def estimated(self, found: Estimated) -> None:
        state = self._state
        state.estimated_at, state.place = self._now, found.position
        state.promised_at = None if found.promised is None else self._now + found.promised
