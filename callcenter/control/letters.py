"""What follows when we write to a customer: it may still be taken back, then it goes out once.

    waiting ──► due ──► sent
       │         ├────► unsure       the answer of the mail server was lost: nobody knows
       │         └────► failed       it was refused, with its reason
       │                sent ──► returned        a delivery report gave it up
       └──► cancelled                taken back in time

Why: a letter that went out cannot be taken back, so nobody sends it before it is `due` in the
journal, and a letter that was cancelled never becomes due. Whoever sends it acts on that event. A
letter has its Message-ID from the beginning: tried again under the same name it is the same letter.
"""

from callcenter.control.people import answer
from callcenter.control.state import LetterState
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain.commands import LetterStage
from callcenter.domain.events import LetterChanged
from callcenter.domain.units import DAY, LetterId

AHEAD_DAYS_MAX = 92
"""A letter that is to go out later does so within this time."""


def on_letter(turn: Turn, command: c.LetterRequested) -> None:
    """Let it go out at its time. The same letter again while it waits changes its time."""
    refused = ""
    known = turn.state.letters.get(command.letter)
    if command.agent and command.contact not in turn.state.contacts:
        refused = f"there is no contact {command.contact!r}"
    elif known is not None and known.stage is LetterStage.DUE:
        refused = f"letter {command.letter!r} is going out"
    elif command.not_before > turn.now + AHEAD_DAYS_MAX * DAY:
        refused = f"not_before: a letter goes out within {AHEAD_DAYS_MAX} days"
    if refused:
        answer(turn, command.request, refused)
        return
    turn.emit(
        LetterChanged(
            at=turn.now,
            letter=command.letter,
            contact=command.contact,
            stage=LetterStage.WAITING,
            agent=command.agent,
            blob=command.blob,
            not_before=max(turn.now, command.not_before),
        )
    )
    answer(turn, command.request)


def on_cancel(turn: Turn, command: c.LetterCancelRequested) -> None:
    """Take it back, if it has not gone out."""
    found = turn.state.letters.get(command.letter)
    if found is None or found.stage is not LetterStage.WAITING:
        answer(turn, command.request, f"letter {command.letter!r} does not wait any more")
        return
    change(turn, command.letter, found, LetterStage.CANCELLED)
    answer(turn, command.request)


def on_due(turn: Turn, letter: LetterId) -> None:
    """Its time has come: whoever sends letters may."""
    change(turn, letter, turn.state.letters[letter], LetterStage.DUE)


def on_report(turn: Turn, command: c.LetterReported) -> None:
    """What became of it. A report of one that is not going out changes nothing."""
    found = turn.state.letters.get(command.letter)
    if found is None or found.stage is not LetterStage.DUE:
        turn.note("unknown_letter")
        return
    change(turn, command.letter, found, command.stage, command.reason)


def on_returned(turn: Turn, command: c.LetterReturned) -> None:
    """It came back. What still waits or is going out did not, and a contact that is over is left
    as it was."""
    if command.contact not in turn.state.contacts or command.letter in turn.state.letters:
        turn.note("unknown_letter")
        return
    turn.emit(
        LetterChanged(
            at=turn.now, letter=command.letter, contact=command.contact,
            stage=LetterStage.RETURNED,
        )
    )  # fmt: skip


def change(
    turn: Turn, letter: LetterId, found: LetterState, stage: LetterStage, reason: str = ""
) -> None:
    turn.emit(
        LetterChanged(
            at=turn.now,
            letter=letter,
            contact=found.contact,
            stage=stage,
            agent=found.agent,
            blob=found.blob,
            not_before=found.not_before,
            reason=reason,
        )
    )
