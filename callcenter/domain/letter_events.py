"""What we write to customers, letters and faxes: that it exists, and how far it is.

Why: these are of one piece, and beside the life of a contact (`events.py`), where they belong to the
one list of events. A fax of ours is a contact of its own that begins with us, so its end is in the
history like any other's. Whom it goes to stands behind `party`, its pages in the blob.
"""

from callcenter.domain.commands import FaxOutcome, LetterStage
from callcenter.domain.event import Evt
from callcenter.domain.units import AgentId, ContactId, FrontendId, LetterId, Micros, PartyId


class LetterChanged(Evt, frozen=True, kw_only=True):
    """Something that we write to a customer, on its way. `due` is the word to send it."""

    letter: LetterId
    contact: ContactId
    stage: LetterStage
    agent: AgentId = AgentId("")
    blob: str = ""
    not_before: Micros = 0
    reason: str = ""


class FaxPlaced(Evt, frozen=True, kw_only=True):
    """A fax is to be sent, perhaps as an answer to `origin`."""

    contact: ContactId
    party: PartyId
    blob: str
    pages: int
    origin: ContactId = ContactId("")
    caller: str = ""
    agent: AgentId = AgentId("")
    by: str = ""
    first: int = 0
    attempts_max: int = 3
    retry_seconds: int = 300


class FaxChanged(Evt, frozen=True, kw_only=True):
    """Where it is. `due` is the word to `frontend` to call, once for each `attempt`, read before
    `act_before`; whatever else it is, `outcome` tells what the last attempt came to."""

    contact: ContactId
    stage: LetterStage
    attempt: int = 0
    confirmed: int = 0
    """Pages that the other machine has for certain."""
    pages: int = 0
    not_before: Micros = 0
    outcome: FaxOutcome | None = None
    frontend: FrontendId = FrontendId("")
    act_before: Micros = 0
    party: PartyId = PartyId("")
    blob: str = ""
    caller: str = ""
    origin: ContactId = ContactId("")
