"""What callers are told of their wait: looked ahead by who follows, told by who leads.

    follower   report = control.waits(now)        looks ahead; a command, or None when nothing changed
    leader     control.react(report, now)         tells those who still wait: WaitEstimated

Why: looking ahead takes milliseconds, and the leader has none to spare between two decisions. The
standby has the same state and nothing else to do. What it finds comes in as a command like any
other, so the journal has it, a replay needs no second look, and wall, IVR and API say one number.
Without a standby nothing is estimated, and nothing is said.

An estimate is told when it is new, when it has moved noticeably against the clock, and every
`REFRESH` so that nobody goes on with what is no longer looked after. At most `TOLD_MAX` calls are
told of at a time, those who know nothing first.
"""

from callcenter.control.scene import Sketch
from callcenter.control.state import ContactState, Stage, Told
from callcenter.control.turn import Turn
from callcenter.control.world import World
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.units import SECOND, Micros, QueueId
from callcenter.routing.lookahead import Outlook, look_ahead

REFRESH: Micros = 30 * SECOND
NOTICEABLE: Micros = 10 * SECOND
"""A moment that moves by less than this, or by less than a fifth of what remains, stands."""
POSITIONS_EXACT = 10
"""Up to here each place counts; further back one in ten."""
TOLD_MAX = 50
LATE_MAX: Micros = 10 * SECOND
"""A look ahead that was decided on later is of yesterday."""


def report(world: World, now: Micros) -> c.WaitsReported | None:
    """Look ahead: whom to tell what, or None when nobody has to be told anything."""
    sketch = Sketch(world, now)
    if sketch.is_too_large or not (sketch.contacts or sketch.queues):
        return None
    outlooks = look_ahead(sketch.scene())
    callers: list[tuple[ContactState, int, c.Outlook]] = []
    for contact, found in zip(sketch.contacts, outlooks, strict=False):
        told = in_words(found, thin=sketch.thin(contact.queue))
        if is_news(contact.told, found.position, told, now):
            callers.append((contact, found.position, told))
    queues: dict[QueueId, c.Outlook] = {}
    for queue, found in zip(sketch.queues, outlooks[len(sketch.contacts) :], strict=True):
        told = in_words(found, thin=sketch.thin(queue.id))
        before = world.state.told.get(queue.id)
        if (before or told.expected is not None) and is_news(before, 0, told, now):
            queues[queue.id] = told
    if not (callers or queues):
        return None
    callers.sort(key=lambda one: one[0].told.at if one[0].told else 0)
    contacts = {one.id: (position, told) for one, position, told in callers[:TOLD_MAX]}
    return c.WaitsReported(at=now, contacts=contacts, queues=queues)


def in_words(found: Outlook, *, thin: bool) -> c.Outlook:
    """Whole microseconds, and nothing where too little is known."""
    if thin or found.expected is None or found.promised is None:
        return c.Outlook()
    return c.Outlook(round(found.expected), round(found.promised))


def is_news(told: Told | None, position: int, found: c.Outlook, now: Micros) -> bool:
    """Is this worth an event, after what was told last?"""
    if told is None or now - told.at >= REFRESH:
        return True
    moved = abs(position - told.position)
    if moved and (position <= POSITIONS_EXACT or moved * 10 > told.position):
        return True
    passed = now - told.at
    return has_moved(told.expected, found.expected, passed) or has_moved(
        told.promised, found.promised, passed
    )


def has_moved(before: Micros | None, span: Micros | None, passed: Micros) -> bool:
    """Does the moment at which it ends differ noticeably from what was told?"""
    if before is None or span is None:
        return before is not span
    return abs(passed + span - before) > max(NOTICEABLE, span // 5)


def on_waits(turn: Turn, command: c.WaitsReported) -> None:
    """Tell those who still wait where they waited when it was looked ahead."""
    late = max(0, turn.now - command.at)
    if late > LATE_MAX:
        turn.note("estimate_too_late")
        return
    for name, (position, found) in command.contacts.items():
        contact = turn.state.contacts.get(name)
        if contact is None or contact.stage is not Stage.WAITING or contact.entered > command.at:
            turn.note("estimate_of_who_waits_no_more")
            continue
        tell(turn, contact, position, found, late)
    for queue, found in command.queues.items():
        if queue in turn.world.queues:
            turn.emit(
                e.QueueEstimated(
                    at=turn.now, queue=queue, expected=found.expected, promised=found.promised
                )
            )


def tell(turn: Turn, contact: ContactState, position: int, found: c.Outlook, late: Micros) -> None:
    turn.emit(
        e.WaitEstimated(
            at=turn.now,
            contact=contact.id,
            queue=contact.queue,
            position=position,
            expected=less(found.expected, late),
            promised=less(found.promised, late),
        )
    )


def less(span: Micros | None, passed: Micros) -> Micros | None:
    return None if span is None else max(0, span - passed)
