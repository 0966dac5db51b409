"""An agent's phone has a second line, on which she dials the colleague whom she wants to ask.

    she dials ──► 180 ──► the colleague is rung ──► answered: 200, the two hear each other
                                   └── not reached or refused: 480

Why: a desk phone's own keys for an attended transfer are Hold, a second call, and Transfer (a REFER
that names that call). So the second call is no contact of its own: it is the agent's end of asking a
colleague, beside the leg on which her caller waits. Who hears whom on the first line her phone
decides itself, by holding it.

Sources: RFC 3515, RFC 3891 3 (how a dialog is named), RFC 5589 7 (attended transfer).
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from callcenter.domain.units import AgentId, CommandId, ContactId
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.record import DialogRecord
from callcenter.sip.refer import Replaced

NOT_REACHED = 480


class LineRecord(msgspec.Struct, kw_only=True):
    """What a restart must know of it."""

    dialog: DialogRecord
    media: LegRecord
    to: AgentId


@dataclass(slots=True)
class SecondLine:
    """Her second call, from the dialling to the end."""

    hands: Hands
    contact: ContactId
    call: sip.Call
    media: MediaLeg
    to: AgentId
    """Whom she dialled."""
    request: CommandId | None = None
    """By which control was asked."""

    @classmethod
    def of(
        cls, hands: Hands, contact: ContactId, leg: str, call: sip.Call, to: AgentId
    ) -> "SecondLine":
        """A call that has just come."""
        media = MediaLeg(hands, LegRecord(id=leg), lambda: None)
        media.tell(call.flow)
        return cls(hands, contact, call, media, to)

    def open(self, ready: Callable[[], None], failed: Callable[[], None]) -> bool:
        """Let her hear us. False where her phone offers nothing that we can take."""
        offer = self.call.remote_sdp

        def rings() -> None:
            self.request = CommandId(
                f"{self.hands.rules.frontend}:{self.media.record.id.rpartition('/')[2]}:{self.contact}"
            )
            self.call.ringing(self.hands.now)
            ready()

        def broken(_: Message) -> None:
            failed()

        return offer is not None and self.media.open_for_caller(offer, rings, broken)

    @property
    def is_relied_on(self) -> bool:
        """Whether she has heard of us: before that she would only send her INVITE again."""
        return self.call.state is not sip.CallState.PROCEEDING

    def answer(self) -> None:
        """The colleague is there."""
        self.call.answer(self.media.answer_sdp(), self.hands.now)

    def is_named(self, wanted: Replaced) -> bool:
        """Whether a Replaces names this dialog; phones put the two tags either way round."""
        return names(self.call, wanted)

    def close(self, headers: tuple[tuple[str, str], ...] = (), *, say_bye: bool = True) -> None:
        """It is over: refused where it was never answered."""
        if say_bye and self.call.state in (sip.CallState.PROCEEDING, sip.CallState.EARLY):
            self.call.reject(NOT_REACHED, self.hands.now, headers=headers)
        elif say_bye:
            self.call.bye(self.hands.now, headers=headers)
            self.hands.let_go(self.call)
        self.media.close()

    def kept(self) -> LineRecord:
        """As the store keeps it."""
        return LineRecord(dialog=self.call.record(), media=self.media.record, to=self.to)

    @classmethod
    def restored(cls, hands: Hands, contact: ContactId, record: LineRecord) -> "SecondLine":
        """Told again after a restart."""
        call = hands.endpoint.restore(record.dialog, hands.now)
        return cls(hands, contact, call, MediaLeg(hands, record.media, lambda: None), record.to)


def names(call: sip.Call, wanted: Replaced) -> bool:
    """Whether `wanted` is this dialog."""
    tags = {wanted.to_tag, wanted.from_tag}
    return wanted.call_id == call.call_id and tags == {call.local_tag, call.remote_tag}
