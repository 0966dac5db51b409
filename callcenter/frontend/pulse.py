"""Is a phone that says nothing still there?

Why: a phone whose power is cut sends no BYE. Its audio stops, and it does not answer when it is
asked; only both together mean that it is gone. A phone that is muted, or holds the line, answers
and is asked again from time to time. One that never sent audio is not asked: it never promised to.

`legacy` phones answer no OPTIONS but send audio without a pause, so their silence alone decides.

Sources: RFC 3261 11 (OPTIONS), 12.2.1.2 (481 and 408 end a dialog); `research/sip.md` 1.2.
"""

from collections.abc import Callable
from dataclasses import dataclass

from callcenter.domain.units import SECOND, Micros
from callcenter.frontend.hands import Hands
from callcenter.sip import endpoint as sip

ASK_AGAIN: Micros = 15 * SECOND
_GONE = (408, 481)


@dataclass(slots=True)
class _Asked:
    call: sip.Call
    answer_by: Micros
    """0 while no question is open."""
    ask_at: Micros


class Pulse:
    """Feels the pulse of one story's phones; calls `vanished` with the dialog of one that has none."""

    def __init__(self, hands: Hands, story: str, vanished: Callable[[sip.Call], None]) -> None:
        self.hands = hands
        self.story = story
        self.vanished = vanished
        self._asked: dict[str, _Asked] = {}

    def silent(self, call: sip.Call, *, legacy: bool = False) -> None:
        """No audio comes from the phone of `call`."""
        if legacy:
            self.vanished(call)
        elif call.id not in self._asked:
            self._ask(call)

    def sound(self, call: sip.Call) -> None:
        """It is heard again."""
        self._asked.pop(call.id, None)

    def heard(self, event: sip.SipEvent) -> None:
        """An answer to a question of ours, or the lack of one."""
        match event:
            case sip.ResponseReceived(request=request, response=response) if request.call:
                self._answered(request.call, alive=response.status not in _GONE)
            case sip.RequestTimeout(request=request) if request.call:
                self._answered(request.call, alive=False)
            case _:
                pass

    def tick(self) -> None:
        """Give up on who did not answer in time; ask again who is still silent."""
        now = self.hands.now
        for asked in list(self._asked.values()):
            if asked.answer_by and asked.answer_by <= now:
                self._answered(asked.call, alive=False)
            elif not asked.answer_by and asked.ask_at <= now:
                self._ask(asked.call)

    def _ask(self, call: sip.Call) -> None:
        hands = self.hands
        patience = hands.rules.probe_seconds * SECOND
        if call.send_request("OPTIONS", hands.now) is None:
            return
        self._asked[call.id] = _Asked(call, hands.now + patience, hands.now + ASK_AGAIN)
        hands.wake(self.story, patience)
        hands.wake(self.story, ASK_AGAIN)

    def _answered(self, call: sip.Call, *, alive: bool) -> None:
        asked = self._asked.get(call.id)
        if asked is None:
            return
        asked.answer_by = 0
        if not alive:
            del self._asked[call.id]
            self.vanished(call)
