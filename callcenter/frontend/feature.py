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
from callcenter.frontend.hands import AgentSeen, Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg, failure
from callcenter.frontend.talk import answer_reinvite
from callcenter.frontend.turn import FeatureClosed, Message
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

STATES: dict[Presence, str] = {
    Presence.LOGGED_OUT: "logged_out",
    Presence.NOT_READY: "not_ready",
    Presence.READY: "ready",
    Presence.RESERVED: "reserved",
    Presence.TALKING: "talking",
    Presence.WRAP_UP: "wrap_up",
}
"""The prompt that says each presence."""
UNREACHABLE = "unreachable"
"""Said after the presence of an agent to whom nothing is offered, as no phone of hers is heard."""


def code_of(dialled: str) -> tuple[Code, str] | None:
    """The code and what follows it (`*122` is `*12` and `2`); None for no code of ours.

    Only `*12` may be followed by anything: `*119` is a mistyped number, not `*11`.
    """
    exact = next((code for code in Code if code.value == dialled), None)
    if exact is not None:
        return exact, ""
    if dialled.startswith(Code.NOT_READY.value):
        return Code.NOT_READY, dialled.removeprefix(Code.NOT_READY.value)
    return None


def state_prompts(seen: AgentSeen) -> list[str]:
    """What an agent is told of herself: her presence, its reason where one is recorded by that
    name, and that her phone is not heard. Logged out, she needs no phone."""
    said = [STATES[seen.presence]]
    if seen.presence is Presence.NOT_READY and seen.reason:
        said.append(f"reason_{seen.reason}")
    if not seen.is_reachable and seen.presence is not Presence.LOGGED_OUT:
        said.append(UNREACHABLE)
    return said


class FeatureRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know: only that this call has to be let go."""

    dialog: DialogRecord
    media: LegRecord
    agent: str = ""
    code: str = ""


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
        self.media.tell(call.flow)
        self.request = CommandId("")
        self._answered = self._asked = self._over = False
        self._began: Micros = hands.now
        self._gives_up: Micros = hands.now + CALL_LIMIT

    def arrive(self) -> None:
        """Her INVITE: let her hear us. One without an offer is answered with ours."""
        offer = self.call.remote_sdp
        if offer is None:
            self.media.open_for_phone(None, self._ready, self._failed)
        elif not self.media.open_for_caller(offer, self._ready, self._failed):
            self.end(self.media.refusal)
        self.hands.wake(self.id, CALL_LIMIT)

    def _ready(self) -> None:
        if not self._over and not self._answered:
            self._answered = True
            late = self.call.remote_sdp is None
            sdp = self.media.offer_sdp() if late else self.media.answer_sdp()
            self.call.answer(sdp, self.hands.now)

    def _failed(self, reply: Message) -> None:
        self.end(failure(reply))

    def _confirmed(self, late_answer: bytes | None) -> None:
        if late_answer is None:
            self._ask()
        elif not self.media.answered(late_answer, self._ask, self._failed):
            self.end(self.media.refusal)

    def _ask(self) -> None:
        """She hears us: ask control, or say at once what is known here."""
        if self._asked or self._over:
            return
        self._asked = True
        if self.code is Code.STATE:
            self._say(*state_prompts(self.hands.seen(self.agent)))
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

    def _say(self, *prompts: str) -> None:
        self.request = CommandId("")
        self._gives_up = self.hands.now + CALL_LIMIT
        names = [f"system/{self.hands.rules.voice}/{prompt}" for prompt in prompts]
        audio = self.hands.config.audio
        self.media.say([audio[name] for name in names if name in audio])

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
        lived = (self.hands.now - self._began) / SECOND
        self.hands.act(FeatureClosed(self.agent, self._code_name, row.label, row.fault, lived))
        self.hands.over(self)

    @property
    def _code_name(self) -> str:
        """As logs and metrics name it."""
        return self.code.name.lower()

    # ---- what is heard of it --------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        match event:
            case sip.CallConfirmed(sdp=late_answer):
                self._confirmed(late_answer)
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

    @property
    def awaits_control(self) -> bool:
        """Its call is short, and is all about the answer."""
        return True

    def kept(self) -> dict[str, bytes]:
        if self._over or not self._answered:
            return {}
        record = FeatureRecord(
            dialog=self.call.record(),
            media=self.media.record,
            agent=self.agent,
            code=self._code_name,
        )
        return {f"feature:{self.id}": msgspec.msgpack.encode(record)}
