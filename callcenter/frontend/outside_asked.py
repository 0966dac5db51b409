"""What an agent's phone dialled: a number outside, or whoever is on duty.

Why: her own call, the second line and a transfer all read it in the same way, and all ask the same
rules before anything is promised. Only digits make a number; `*15` is whoever is on duty for her
caller's queue and her place at this hour.
"""

from typing import NamedTuple

from callcenter.domain.center import Duty
from callcenter.domain.commands import DialKind
from callcenter.domain.duty import on_duty
from callcenter.domain.units import AgentId, PartyId, QueueId
from callcenter.frontend.caller import plain_number
from callcenter.frontend.dialling import DIGITS_MIN, Road, road_for, road_to
from callcenter.frontend.hands import Hands
from callcenter.frontend.outside import Wanted

DUTY_CODE = "*15"


class Called(NamedTuple):
    """What she wants dialled, and how it may be; no road where it may not."""

    wanted: Wanted
    number: str
    road: Road | None


def outside_of(
    hands: Hands, agent: AgentId, dialled: str, kind: DialKind, queue: QueueId = QueueId("")
) -> Called | None:
    """What `dialled` is, if it is a number or the code; None for anything else, and where nobody
    with a number is on duty."""
    if dialled == DUTY_CODE:
        duty = duty_for(hands, agent, queue)
        if duty is None or not duty.number:
            return None
        wanted = Wanted(kind=kind, agent=agent, duty=duty.name, by=agent)
        return Called(wanted, duty.number, road_to(hands, duty.number))
    if not is_number(dialled):
        return None
    wanted = Wanted(
        kind=kind, agent=agent, party=PartyId(f"party-{hands.endpoint.new_id()}"), by=agent
    )
    return Called(wanted, dialled, road_for(hands, agent, dialled))


def is_number(dialled: str) -> bool:
    """Whether it could be a number outside at all; whether it may be called is asked later."""
    digits = plain_number(dialled).removeprefix("+")
    return digits.isascii() and digits.isdigit() and len(digits) >= DIGITS_MIN


def duty_for(hands: Hands, agent: AgentId, queue: QueueId) -> Duty | None:
    """Who is on duty for her and a caller of `queue`, now."""
    center = hands.center
    site = next((one.site for one in center.agents if one.id == agent), "")
    return on_duty(center, queue, site, hands.center_now())
