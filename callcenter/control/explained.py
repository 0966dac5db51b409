"""A batch of the journal decided again, with somebody looking on.

A copy of the center as it was before the batch is fed the same inputs. Just before each offer the
watching turn looks through a `Lens`; what comes out is compared with the journal byte for byte.

Why: an explanation that is computed beside the decision can differ from it. This one is made by the
decision itself, at the moment it is made, and says of itself whether the journal agrees.
"""

from collections import Counter
from collections.abc import Iterable
from functools import partial

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.control.center import ENGINE, Control
from callcenter.control.replay import decide_again, same
from callcenter.control.state import ContactState
from callcenter.control.turn import Turn
from callcenter.control.why import Choice, Lens
from callcenter.control.world import World
from callcenter.domain.calendar import next_change
from callcenter.domain.commands import Command
from callcenter.domain.events import Batch, Event, QueueExit, QueueRefused
from callcenter.domain.units import AgentId, ContactId, Micros, OfferId


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a contact might not wait: what stood against it when it asked."""

    contact: ContactId
    exit: QueueExit
    by_hand: bool = False
    """Somebody closed the queue, whatever its calendar says."""
    waiting: int = 0
    most: int = 0
    """How many waited, and how many may."""
    opens: Micros = 0
    """When its calendar changes next; 0 when it has none."""
    known: bool = True


class Redecided(msgspec.Struct, frozen=True, kw_only=True):
    """A batch decided again."""

    same: bool
    """Whether it is the one in the journal, byte for byte."""
    choices: dict[OfferId, Choice] = {}
    refusals: dict[ContactId, Refusal] = {}


class Seen:
    """What was seen so far: of one contact, or of all when none is named."""

    def __init__(self, contact: ContactId) -> None:
        self._contact = contact
        self.choices: dict[OfferId, Choice] = {}
        self.refusals: dict[ContactId, Refusal] = {}

    def wants(self, contact: ContactId) -> bool:
        """Is it looked at?"""
        return self._contact in ("", contact)


class Watched(Turn):
    """A turn that is looked at. It decides as the one it is."""

    def __init__(
        self, world: World, now: Micros, *, epoch: int, source: str, counters: Counter[str],
        seen: Seen,
    ) -> None:  # fmt: skip
        super().__init__(world, now, epoch=epoch, source=source, counters=counters)
        self.seen = seen

    def _offer(
        self,
        contact: ContactState,
        agent: AgentState,
        runner_up: AgentId | None,
        *,
        freed: bool = False,
    ) -> None:
        if self.seen.wants(contact.id):
            offer = OfferId(f"o{self.epoch}-{self.state.offered + 1}")
            self.seen.choices[offer] = Lens(self.world, self.now).choice(
                contact,
                agent,
                self._order(contact),
                offer=offer,
                runner_up=runner_up or AgentId(""),
                freed=freed,
            )
        super()._offer(contact, agent, runner_up, freed=freed)

    def emit(self, event: Event) -> None:
        if isinstance(event, QueueRefused):
            queue = self.world.queues.get(event.queue)
            calendar = self.world.calendars.get(queue.calendar) if queue else None
            opens = next_change(calendar, self.now) or 0 if calendar else 0
            self.seen.refusals[event.contact] = Refusal(
                contact=event.contact,
                exit=event.exit,
                by_hand=self.state.doors.get(event.queue) is False,
                waiting=self.world.in_queue.get(event.queue, 0),
                most=queue.waiting_max if queue else 0,
                opens=opens,
                known=queue is not None,
            )
        super().emit(event)


class Explaining(Control):
    """A control center that remembers why. For copies only: it is slow."""

    def __init__(self, *, epoch: int = 0) -> None:
        super().__init__(epoch=epoch)
        self.look_at(ContactId(""))

    def look_at(self, contact: ContactId) -> None:
        """From now on, at what is decided about this contact, or about all."""
        self.seen = Seen(contact)
        self.turns = partial(Watched, seen=self.seen)


def redecide(
    before: bytes,
    batch: Batch,
    commands: Iterable[tuple[str, Command]],
    contact: ContactId = ContactId(""),
) -> Redecided | None:
    """Decide a batch again on a copy; None when another engine decided it.

    `before` is the snapshot of control just before it, `commands` are those it consumed, with their
    ids, repeats skipped.
    """
    if batch.engine != ENGINE:
        return None
    control = Explaining.restore(before, epoch=batch.epoch)
    control.look_at(contact)
    try:
        events = decide_again(control, batch.inputs, commands)
    except StopIteration:
        return Redecided(same=False)
    seen = control.seen
    return Redecided(same=same(events, batch.events), choices=seen.choices, refusals=seen.refusals)
