"""What stands between a contact and an agent: the words in which a decision is explained.

Why: "why not Anna" has an answer only if every rule that can keep her from a contact has a name of
its own. Each room names the rules that it applies; `control/why.py` puts them side by side.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.units import AgentId, ContactId, Micros, QueueId


class Rule(StrEnum):
    """Why somebody is not offered a contact. In this order they are told: first what the contact
    asks of people, then what keeps one who could take it."""

    EXCLUDED = "excluded"
    """The queue or the contact names her as one who never gets it."""
    WAITS_FOR_ANOTHER = "waits_for_another"
    """It waits for one agent alone, or is assigned to her."""
    LACKS = "lacks"
    """She has less of a skill than is needed."""
    TAKES_NO = "takes_no"
    """Her capacity for the channel is nothing."""
    GONE = "gone"
    """The center does not name her any more."""
    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    LEAVING = "leaving"
    """She asked to be something else than ready after her work."""
    UNREACHABLE = "unreachable"
    RINGING = "ringing"
    WRAP_UP = "wrap_up"
    AT_WORK = "at_work"
    """What she has in hand leaves no room for it."""
    RESTING = "resting"
    """Her occupancy is at its ceiling."""
    RESERVED = "reserved"
    """Kept for another queue, of which too few are free."""
    PASSED = "passed"
    """She could have had it, and did not take it a moment ago: others come first."""
    LATER = "later"
    """She could have had it; another came before her (`Criterion`)."""


class Criterion(StrEnum):
    """By what the chosen one came before one who could have had the contact too."""

    WELCOME = "welcome"
    """More of the skills that are welcome."""
    CHOICE = "choice"
    """By the way in which the queue chooses agents."""
    IDLE = "idle"
    """Idle for longer."""
    NAME = "name"
    """Nothing but the id tells them apart."""
    FREED = "freed"
    """She came free that moment, and the contact was the first in line for her."""


class Obstacle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule that keeps one agent from one contact, with what it is about."""

    rule: Rule
    skill: str = ""
    has: int = 0
    needs: int = 0
    reason: str = ""
    """Of not being ready; of a `LATER`, the criterion."""
    contact: ContactId = ContactId("")
    """What she has in hand."""
    queue: QueueId = QueueId("")
    agent: AgentId = AgentId("")
    """Who is waited for."""
    until: Micros = 0
    """When it ends by itself; 0 when nothing says so."""


FOR_CONTACT = frozenset(
    {Rule.EXCLUDED, Rule.WAITS_FOR_ANOTHER, Rule.LACKS, Rule.TAKES_NO, Rule.GONE}
)
"""Rules that say who somebody is to a contact; the others pass with time and work."""
