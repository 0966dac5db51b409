"""What follows when we fax somebody: it waits for its time, is called for, page by page it is there.

    waiting ──► due: one front end calls ──► sent
       ▲            │
       ├────────────┤  busy, no answer, no machine, cut off: again later, from the page that was
       │            │  not confirmed, as often as it may be
       │            ├──► failed      for the last time, or it may not or cannot be sent at all
       │            └──► unsure      our machine died over a page: nobody knows; a person decides
       └──► cancelled                taken back while nobody was called

Why: a page that the other machine has confirmed is never sent again, and one that it has not is
never given up for sent. So every attempt begins at the first page that is not confirmed, an attempt
is called for by one word in the journal to one front end, and whatever that reports is laid beside
the attempt it belongs to: a report that comes twice, or late, changes nothing.

A fax is a contact of its own, in no queue and with no owner; its end has a name in the one table.

Limits: attempts, pages, days ahead, and `CALL_HOURS_MAX`, after which a front end that never came
back with its word leaves the fax `unsure`.
"""

from callcenter.control.contacts import end_contact
from callcenter.control.people import answer
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain.commands import FaxOutcome, LetterStage
from callcenter.domain.events import FaxChanged, FaxPlaced
from callcenter.domain.names import quoted
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import DAY, HOUR, SECOND, ContactId, FrontendId

PAGES_MAX = 500
AHEAD_DAYS_MAX = 92
ATTEMPTS_MAX = 20
RETRY_SECONDS_MAX = 86_400
GRANT_SECONDS = 60
"""So long the word to call is good."""
NOBODY_SECONDS = 10
"""Looked again for a front end after so long."""
CALL_HOURS_MAX = 12
"""A call of 500 pages takes six."""
OURS = frozenset((FaxOutcome.UNAVAILABLE, FaxOutcome.LATE))
"""Nobody was called: we had no machine free, or read the word too late."""
OURS_MORE = 250
"""So many attempts more may come to that: a day of them, five minutes apart."""
FINAL: dict[FaxOutcome, tuple[LetterStage, Reason]] = {
    FaxOutcome.SENT: (LetterStage.SENT, Reason.FAX_SENT),
    FaxOutcome.NOT_ALLOWED: (LetterStage.FAILED, Reason.FAX_NOT_ALLOWED),
    FaxOutcome.UNSENDABLE: (LetterStage.FAILED, Reason.FAX_UNSENDABLE),
    FaxOutcome.UNSURE: (LetterStage.UNSURE, Reason.FAX_UNSURE),
}
"""What is not tried again."""
GIVEN_UP: dict[FaxOutcome, Reason] = {
    FaxOutcome.BUSY: Reason.FAX_UNREACHED,
    FaxOutcome.NO_ANSWER: Reason.FAX_UNREACHED,
    FaxOutcome.NOT_CONNECTED: Reason.FAX_UNREACHED,
    FaxOutcome.NO_MACHINE: Reason.FAX_UNREACHED,
    FaxOutcome.CUT_OFF: Reason.FAX_NOT_SENT,
    FaxOutcome.UNAVAILABLE: Reason.FAX_UNAVAILABLE,
    FaxOutcome.LATE: Reason.FAX_UNAVAILABLE,
}
"""How it ends when the last attempt came to this."""


def on_fax(turn: Turn, command: c.FaxRequested) -> None:
    """Let it wait for its time. One that is known already is not sent a second time."""
    known = command.fax in turn.state.faxes or command.fax in turn.state.faxed
    reason = "" if known else refused(turn, command)
    if not known and not reason:
        turn.emit(
            FaxPlaced(
                at=turn.now,
                contact=command.fax,
                party=command.party,
                blob=command.blob,
                pages=command.pages,
                origin=command.origin,
                caller=command.caller,
                agent=command.agent,
                by=command.by,
                first=command.first,
                attempts_max=min(max(1, command.attempts_max), ATTEMPTS_MAX),
                retry_seconds=min(max(1, command.retry_seconds), RETRY_SECONDS_MAX),
            )
        )
        change(turn, command.fax, LetterStage.WAITING, not_before=max(turn.now, command.not_before))
    answer(turn, command.request, reason)


def refused(turn: Turn, command: c.FaxRequested) -> str:
    """Why it is not taken; empty when it is."""
    if command.fax in turn.state.contacts:
        return f"{quoted(command.fax)} is another contact"
    if command.origin and command.origin not in turn.state.contacts:
        return f"there is no contact {quoted(command.origin)}"
    if not 0 < command.pages <= PAGES_MAX or not 0 <= command.first < command.pages:
        return f"pages: a fax has 1 to {PAGES_MAX}"
    if command.not_before > turn.now + AHEAD_DAYS_MAX * DAY:
        return f"not_before: a fax goes out within {AHEAD_DAYS_MAX} days"
    return ""


def on_cancel(turn: Turn, command: c.FaxCancelRequested) -> None:
    """Take it back, unless somebody is being called for it."""
    found = turn.state.faxes.get(command.fax)
    if found is None or found.stage is not LetterStage.WAITING:
        answer(turn, command.request, f"fax {quoted(command.fax)} does not wait any more")
        return
    change(turn, command.fax, LetterStage.CANCELLED)
    finish(turn, command.fax, Reason.FAX_TAKEN_BACK)
    answer(turn, command.request)


def on_due(turn: Turn, fax: ContactId) -> None:
    """Its time has come; or nobody came back with the word that was given out."""
    found = turn.state.faxes[fax]
    if found.stage is LetterStage.DUE:
        conclude(turn, fax, FaxOutcome.UNSURE, found.confirmed)
        return
    owner = next(
        (name for name, one in sorted(turn.state.frontends.items()) if not one.lost),
        FrontendId(""),
    )
    if not owner:
        change(turn, fax, LetterStage.WAITING, not_before=turn.now + NOBODY_SECONDS * SECOND)
        return
    turn.emit(
        FaxChanged(
            at=turn.now,
            contact=fax,
            stage=LetterStage.DUE,
            attempt=found.attempt + 1,
            confirmed=found.confirmed,
            pages=found.pages,
            not_before=turn.now + CALL_HOURS_MAX * HOUR,
            frontend=owner,
            act_before=turn.now + GRANT_SECONDS * SECOND,
            party=found.party,
            blob=found.blob,
            caller=found.caller,
            origin=found.origin,
        )
    )


def on_report(turn: Turn, command: c.FaxReported) -> None:
    """What an attempt came to. Of one that is not under way it changes nothing."""
    found = turn.state.faxes.get(command.fax)
    if found is None or found.stage is not LetterStage.DUE or found.attempt != command.attempt:
        turn.note("unknown_fax")
        return
    confirmed = max(found.confirmed, min(command.confirmed, found.pages))
    conclude(turn, command.fax, command.outcome, confirmed)


def drop_unnamed(turn: Turn, command: c.FrontendReported) -> None:
    """A front end started again and knows nothing of a fax that it was to send: it may have been
    called for. Words that it may still be about to read are left to it."""
    late = turn.now + (CALL_HOURS_MAX * HOUR - GRANT_SECONDS * SECOND)
    for fax, found in list(turn.state.faxes.items()):
        hers = found.stage is LetterStage.DUE and found.frontend == command.frontend
        if hers and fax not in command.faxes and found.not_before < late:
            conclude(turn, fax, FaxOutcome.UNSURE, found.confirmed)


def conclude(turn: Turn, fax: ContactId, outcome: FaxOutcome, confirmed: int) -> None:
    """Sent, never, or once more later."""
    found = turn.state.faxes[fax]
    if confirmed == found.pages:
        outcome = FaxOutcome.SENT  # whatever happened after the last page was confirmed
    elif outcome is FaxOutcome.SENT:
        outcome = FaxOutcome.CUT_OFF
    if outcome in FINAL:
        stage, reason = FINAL[outcome]
    elif found.attempt < found.attempts_max + (OURS_MORE if outcome in OURS else 0):
        later = 0 if outcome is FaxOutcome.LATE else found.retry_seconds * SECOND
        change(
            turn, fax, LetterStage.WAITING, confirmed=confirmed, outcome=outcome,
            not_before=turn.now + later,
        )  # fmt: skip
        return
    else:
        stage, reason = LetterStage.FAILED, GIVEN_UP[outcome]
    change(turn, fax, stage, confirmed=confirmed, outcome=outcome)
    finish(turn, fax, reason)


def change(
    turn: Turn,
    fax: ContactId,
    stage: LetterStage,
    *,
    confirmed: int | None = None,
    outcome: FaxOutcome | None = None,
    not_before: int = 0,
) -> None:
    found = turn.state.faxes[fax]
    turn.emit(
        FaxChanged(
            at=turn.now,
            contact=fax,
            stage=stage,
            attempt=found.attempt,
            confirmed=found.confirmed if confirmed is None else confirmed,
            pages=found.pages,
            not_before=not_before,
            outcome=outcome,
            origin=found.origin,
        )
    )


def finish(turn: Turn, fax: ContactId, reason: Reason) -> None:
    end_contact(turn, turn.state.contacts[fax], ended(reason))
