"""What is asked and told of a fax that we send.

Why: these are of one piece, and beside the life of a contact (`commands.py`), where they belong to the
one list of commands.
"""

from enum import StrEnum

from callcenter.domain.command import Cmd
from callcenter.domain.units import AgentId, CommandId, ContactId, Micros, PartyId


class FaxOutcome(StrEnum):
    """What became of one attempt to send a fax; see `control/faxes.py`."""

    SENT = "sent"
    """The other machine confirmed every page."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    NOT_CONNECTED = "not_connected"
    """The trunk could not or would not connect it."""
    NO_MACHINE = "no_machine"
    """Somebody answered who is no fax machine."""
    CUT_OFF = "cut_off"
    """The line or the machines gave up before the last page was confirmed."""
    UNAVAILABLE = "unavailable"
    """No fax machine of ours was free, or none is installed, or its media failed."""
    LATE = "late"
    """The word to send it was read too late: nobody was called."""
    NOT_ALLOWED = "not_allowed"
    """No trunk may dial that number."""
    UNSENDABLE = "unsendable"
    """Our own pages cannot be sent, or are gone."""
    UNSURE = "unsure"
    """Our machine died over a page: nobody knows whether it was confirmed."""


class FaxRequested(Cmd, frozen=True, kw_only=True):
    """Send a fax, not before its time. Its pages are in the blob already, whom it goes to in the
    erasable place under `party`. The same `fax` again, for two days after its end, too, is the
    same one and is sent once."""

    fax: ContactId
    blob: str
    pages: int
    party: PartyId
    origin: ContactId = ContactId("")
    """The contact that it answers."""
    caller: str = ""
    """The number of ours that is shown; empty for the trunk's."""
    agent: AgentId = AgentId("")
    by: str = ""
    not_before: Micros = 0
    first: int = 0
    """So many pages are there already."""
    attempts_max: int = 3
    retry_seconds: int = 300
    request: CommandId = CommandId("")


class FaxCancelRequested(Cmd, frozen=True, kw_only=True):
    """Take a fax back while nobody is being called for it."""

    fax: ContactId
    by: str = ""
    request: CommandId = CommandId("")


class FaxReported(Cmd, frozen=True, kw_only=True):
    """What became of an attempt. `confirmed` counts all pages that are there by now."""

    fax: ContactId
    attempt: int
    outcome: FaxOutcome
    confirmed: int = 0
