"""An agent presses a code on her phone: ready, not ready, logged out, done, what am I.

    *11 ready · *12 not ready (*121, *122 … with a reason) · *10 log out · *13 end wrap-up
    *14 say my state

Why: a desk phone is all that an agent needs. Each code is a call of its own: it is answered, the
request goes to control like any other, and what control answered is said aloud, never guessed.

Sources: DESIGN 6 (phones); the codes are this house's own.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.commands import Command, Presence, PresenceRequested, WrapUpEndRequested
from callcenter.domain.events import CommandAnswered
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, CommandId, Micros
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg, failure
from callcenter.frontend.talk import answer_reinvite
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.record import DialogRecord

ANSWER_LIMIT: Micros = 5 * SECOND
"""How long control may take before the agent is told that it did not answer."""
CALL_LIMIT: Micros = 60 * SECOND


class Code(StrEnum):
    """What may be dialled. The prompt that confirms it has the member's name in lower case."""

    LOG_OUT = "*10"
    READY = "*11"
    NOT_READY = "*12"
    WRAP_UP_END = "*13"
    STATE = "*14"


CONFIRMED: dict[Code, str] = {
    Code.LOG_OUT: "logged_out",
    Code.READY: "ready",
    Code.NOT_READY: "not_ready",
    Code.WRAP_UP_END: "wrap_up_ended",
}
"""The system prompt that confirms each code."""
REFUSED, NO_ANSWER = "not_allowed", "technical_problem"

STATES: dict[str, str] = {
    Presence.LOGGED_OUT: "logged_out",
    Presence.NOT_READY: "not_ready",
    Presence.READY: "ready",
    Presence.RESERVED: "ready",
    Presence.TALKING: "ready",
    Presence.WRAP_UP: "not_ready",
}
"""The prompt that says each presence."""


def code_of(dialled: str) -> tuple[Code, str] | None:
    """The code and what follows it (`*122` is `*12` and `2`); None for no code of ours."""
    for code in Code:
        if dialled.startswith(code.value):
            return code, dialled.removeprefix(code.value)
    return None


class FeatureRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know: only that this call has to be let go."""

    dialog: DialogRecord
    media: LegRecord


class FeatureStory:
    """One code, from the key press to the spoken confirmation."""

    def __init__(
        self, hands: Hands, name: str, agent: AgentId, code: Code, rest: str, call: sip.Call
    ) -> None:
        self.hands = hands
        self.id = name
        self.agent = agent
        self.code = code
        self.rest = rest
        self.call = call
        self.media = MediaLeg(hands, LegRecord(id=f"{name}/c"), self._said)
        self.request = CommandId("")
        self._answered = self._over = False
        self._gives_up: Micros = hands.now + CALL_LIMIT

    def arrive(self) -> None:
        """Her INVITE: let her hear us."""
        offer = self.call.remote_sdp
        if offer is None or not self.media.open_for_caller(offer, self._ready, self._failed):
            self.end(Reason.NOT_ACCEPTABLE_MEDIA)
        self.hands.wake(self.id, CALL_LIMIT)

    def _ready(self) -> None:
        if not self._over and not self._answered:
            self._answered = True
            self.call.answer(self.media.answer_sdp(), self.hands.now)

    def _failed(self, reply: Message) -> None:
        self.end(failure(reply))

    def _ask(self) -> None:
        """She hears us: ask control, or say at once what is known here."""
        if self.code is Code.STATE:
            known = self.hands.presences.get(self.agent, "")
            self._say(STATES.get(known, NO_ANSWER))
            return
        self.request = CommandId(f"{self.hands.rules.frontend}:{self.id}")
        self.hands.report(self._command())
        self._gives_up = self.hands.now + ANSWER_LIMIT
        self.hands.wake(self.id, ANSWER_LIMIT)

    def _command(self) -> Command:
        if self.code is Code.WRAP_UP_END:
            return WrapUpEndRequested(agent=self.agent, request=self.request)
        presence = {
            Code.LOG_OUT: Presence.LOGGED_OUT,
            Code.READY: Presence.READY,
            Code.NOT_READY: Presence.NOT_READY,
        }[self.code]
        reason = self._reason() if presence is Presence.NOT_READY else ""
        return PresenceRequested(
            agent=self.agent, presence=presence, reason=reason, by="phone", request=self.request
        )

    def _reason(self) -> str:
        """`*121` is the first reason of the center, as is `*12`; `*122` the second, and so on."""
        reasons = self.hands.center.reasons
        number = self.rest or "1"
        if len(number) == 1 and number.isdigit() and 1 <= int(number) <= len(reasons):
            return reasons[int(number) - 1]
        return ""

    def told(self, answer: CommandAnswered) -> None:
        """Control answered the request."""
        if answer.request == self.request and self.request and not self._over:
            self._say(CONFIRMED[self.code] if answer.accepted else REFUSED)

    def _say(self, prompt: str) -> None:
        self.request = CommandId("")
        self._gives_up = self.hands.now + CALL_LIMIT
        file = self.hands.config.audio.get(f"system/{self.hands.rules.voice}/{prompt}")
        self.media.say([file] if file else [])

    def _said(self) -> None:
        self.end(Reason.FLOW_HUNG_UP)

    def end(self, reason: Reason, *, she_left: bool = False) -> None:
        """Let go of her."""
        if self._over:
            return
        self._over = True
        row = ending(reason)
        if self._answered and not she_left:
            self.call.bye(self.hands.now, headers=(row.reason_header,))
            self.hands.let_go(self.call)
        elif not she_left:
            self.call.reject(row.status, self.hands.now, headers=row.headers)
        self.media.close()
        self.hands.over(self)

    # ---- what is heard of it --------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        match event:
            case sip.CallConfirmed():
                self._ask()
            case sip.CallReinvited(sdp=offer):
                answer_reinvite(self.hands, self.call, self.media, offer)
            case sip.CallCancelled() | sip.CallEnded():
                self.end(Reason.CALLER_HUNG_UP, she_left=True)
            case sip.AckTimeout():
                self.end(Reason.NO_ACK)
            case _:
                pass

    def digit(self, leg: str, digit: str) -> None:
        """Keys mean nothing here."""

    def pressed(self, call: sip.Call, digit: str) -> None:
        """Nor do they by INFO."""

    def finished(self, leg: str, file: str) -> None:
        """The confirmation was said."""
        if leg == self.media.record.id:
            self.media.finished(file)

    def silent(self, leg: str, seconds: int) -> None:
        """The call limit is near enough."""

    def sound(self, leg: str) -> None:
        """As expected."""

    def tick(self) -> None:
        if self._over:
            return
        self.media.tick()
        if self.hands.now < self._gives_up:
            return
        if self.request:
            self._say(NO_ANSWER)
        else:
            self.end(Reason.CALL_LIMIT)

    def legs(self) -> list[str]:
        """Hers only."""
        return [self.media.record.id]

    def kept(self) -> dict[str, bytes]:
        if self._over or not self._answered:
            return {}
        record = FeatureRecord(dialog=self.call.record(), media=self.media.record)
        return {f"feature:{self.id}": msgspec.msgpack.encode(record)}
