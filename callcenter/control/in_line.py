"""Is it waiting? Asked by everybody who does something with who waits."""

from callcenter.control.state import IN_QUEUE, ContactState
from callcenter.control.turn import Turn
from callcenter.domain.names import quoted
from callcenter.domain.units import ContactId


def waiting(turn: Turn, contact: ContactId) -> ContactState | None:
    """The contact, if it is in a queue."""
    found = turn.state.contacts.get(contact)
    return found if found is not None and found.stage in IN_QUEUE else None


def not_waiting(turn: Turn, contact: ContactId) -> str:
    if contact in turn.state.contacts:
        return f"contact {contact!r} does not wait in a queue"
    return f"there is no contact {quoted(contact)}"
