"""The contact whose agent asks a colleague, or a number outside: what either may use of it.

Why: `consult.py` and `dial_out.py` tell what happens to the same call, and neither knows `call.py`,
which tells the whole of it.
"""

from typing import Protocol

from callcenter.domain.commands import QueueRequested
from callcenter.frontend.call_record import CallRecord
from callcenter.frontend.hearing import Hearing
from callcenter.frontend.media_leg import MediaLeg
from callcenter.frontend.offer import Asker
from callcenter.frontend.talk import Speaker, Talk


class Notified(Protocol):
    """Whoever waits for what becomes of a REFER."""

    def done(self) -> None:
        """The caller has left her."""
        ...


class Having(Asker, Speaker, Protocol):
    """The contact."""

    record: CallRecord
    media: MediaLeg
    hearing: Hearing
    talk: Talk | None

    @property
    def notified(self) -> Notified:
        """Her agent's phone, if it asked by REFER."""
        ...

    def wait_again(self, waits: QueueRequested) -> None:
        """Back to the head of her queue."""
        ...
