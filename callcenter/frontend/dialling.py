"""Which number may be called, and by which trunk: nothing may, unless a trunk's `dial` says so.

    number   as typed or as it came: what people write between digits is left out, `00` is `+`
    allowed  by the first trunk that has a road and a prefix of it, unless a longer one denies it;
             never a number of our own; for an agent, by the rule that she dials by besides
    refused  everything else

Why: whoever can type a number can make us pay for it. So the rule is a list of what is wanted and
not of what is feared, it is asked before anything is promised, and once more when we dial.

Sources: ITU-T E.164 (15 digits), GSMA and FCC on toll fraud by callbacks.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from callcenter.domain.commands import DialStage, OfferOutcome
from callcenter.domain.units import AgentId
from callcenter.frontend.caller import plain_number
from callcenter.frontend.hands import Hands
from callcenter.frontend.turn import Trunk
from callcenter.sip import endpoint as sip

DIGITS_MIN, DIGITS_MAX = 3, 15


class Road(NamedTuple):
    """A number as it is dialled, and the trunk that dials it."""

    number: str
    trunk: Trunk


def road_to(hands: Hands, number: str, trunk: str = "") -> Road | None:
    """How `number` may be called; None when it may not. `trunk` is the only one asked, if given."""
    plain = plain_number(number)
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and DIGITS_MIN <= len(digits) <= DIGITS_MAX):
        return None
    if plain in _own(hands):
        return None
    for one in _asked(hands.config.trunks, trunk):
        if one.flow is not None and may_dial(one.dial, one.deny, plain):
            return Road(plain, one)
    return None


def road_for(hands: Hands, agent: AgentId, number: str) -> Road | None:
    """How this agent may call `number`: her rule and a trunk's must both allow it."""
    center = hands.center
    dials = next((one.dials for one in center.agents if one.id == agent), "")
    rule = next((one for one in center.dial_rules if one.name == dials), None) if dials else None
    if rule is None or not may_dial(rule.allow, rule.deny, plain_number(number)):
        return None
    return road_to(hands, number)


def may_dial(allow: Sequence[str], deny: Sequence[str], plain: str) -> bool:
    """The longest beginning that is named decides; at equal length the one that denies."""
    allowed = max((len(p) for p in allow if plain.startswith(p)), default=-1)
    denied = max((len(p) for p in deny if plain.startswith(p)), default=-1)
    return allowed > denied


def _asked(trunks: Iterable[Trunk], name: str) -> Iterable[Trunk]:
    return (trunk for trunk in trunks if not name or trunk.name == name)


def _own(hands: Hands) -> frozenset[str]:
    """Numbers that lead back to us: a callback there would call itself for ever."""
    return frozenset(plain_number(one.number) for one in hands.center.numbers)


def dial(hands: Hands, road: Road, sdp: bytes, *, caller: str) -> sip.Call:
    """The INVITE to a customer. `caller` is the number of ours that is shown."""
    trunk = road.trunk
    assert trunk.flow is not None
    shown = trunk.caller or caller or trunk.username or "anonymous"
    return hands.endpoint.invite(
        to_uri=f"sip:{road.number}@{trunk.address}",
        request_uri=f"sip:{road.number}@{trunk.address}",
        from_addr=f"sip:{shown}@{hands.rules.domain}",
        flow=trunk.flow,
        sdp=sdp,
        now=hands.now,
        credentials=sip.Credentials(trunk.username, trunk.password, trunk.realm)
        if trunk.password
        else None,
    )


def outcome_of_refusal(status: int) -> OfferOutcome:
    """What a trunk's refusal says about the customer.

    486 and 600 are a phone in use; 408, 480, 487 and 603 one that nobody took up; anything else
    (404, 403, 401, 5xx, no answer at all) is a call that the trunk could not or would not make.
    """
    if status in (486, 600):
        return OfferOutcome.CUSTOMER_BUSY
    if status in (408, 480, 487, 603):
        return OfferOutcome.CUSTOMER_NO_ANSWER
    return OfferOutcome.CUSTOMER_FAILED


STAGES: dict[OfferOutcome, DialStage] = {
    OfferOutcome.CUSTOMER_BUSY: DialStage.BUSY,
    OfferOutcome.CUSTOMER_NO_ANSWER: DialStage.NO_ANSWER,
    OfferOutcome.CUSTOMER_FAILED: DialStage.FAILED,
}
"""The same, as the audit of dialling has it."""
