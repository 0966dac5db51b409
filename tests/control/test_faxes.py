"""A fax of ours waits, is called for, and goes on from the page that was not confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from callcenter.control.center import Control
from callcenter.control.faxes import CALL_HOURS_MAX, FINAL, GIVEN_UP, OURS, OURS_MORE
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.commands import FaxOutcome, LetterStage
from callcenter.domain.termination import Reason
from callcenter.domain.units import DAY, HOUR, SECOND, CommandId, ContactId, PartyId
from tests.control.house import F, House, agent, center, one, only

FAX = ContactId("fax-1")


def house() -> House:
    made = House()
    made.open(center(agent("ann")))
    return made


def asked(made: House, fax: str = FAX, span: float = 0, **more: Any) -> e.CommandAnswered:
    at = made.now + round(span * SECOND)
    wish = {"blob": "1" * 64, "pages": 3, "not_before": at, "attempts_max": 3, "retry_seconds": 60}
    return made.request(
        c.FaxRequested(
            fax=ContactId(fax), party=PartyId(f"party-{fax}"), request=CommandId("r"),
            **{**wish, **more},
        )
    )  # fmt: skip


def came_to(
    made: House, outcome: FaxOutcome, confirmed: int = 0, attempt: int = 1
) -> list[e.Event]:
    return made.tell(
        c.FaxReported(fax=FAX, attempt=attempt, outcome=outcome, confirmed=confirmed)
    )  # fmt: skip


def stages(made: House) -> list[str]:
    return [event.stage.value for event in only(made.journal, e.FaxChanged)]


def test_a_fax_waits_for_its_time_and_is_called_for_once() -> None:
    made = house()
    assert asked(made, span=10).accepted
    assert not only(made.wait(9), e.FaxChanged)
    due = one(made.wait(1), e.FaxChanged)
    assert (due.stage, due.attempt, due.frontend) == (LetterStage.DUE, 1, F)
    assert due.act_before == due.at + 60 * SECOND
    made.wait(60)
    end = one(came_to(made, FaxOutcome.SENT, 3), e.ContactEnded)
    assert (end.contact, end.termination.reason) == (FAX, Reason.FAX_SENT)
    assert stages(made) == ["waiting", "due", "sent"]
    assert not made.control.state.faxes
    assert not made.control.state.contacts


def test_it_goes_on_from_the_page_that_was_not_confirmed() -> None:
    made = house()
    asked(made)
    made.wait(0.1)
    again = one(came_to(made, FaxOutcome.CUT_OFF, 2), e.FaxChanged)
    assert (again.stage, again.confirmed, again.outcome) == (LetterStage.WAITING, 2, "cut_off")
    assert not only(made.wait(59), e.FaxChanged)
    due = one(made.wait(1), e.FaxChanged)
    assert (due.attempt, due.confirmed) == (2, 2)
    came_to(made, FaxOutcome.SENT, 3, attempt=2)
    assert stages(made)[-1] == "sent"


def test_a_report_that_comes_twice_or_of_another_attempt_changes_nothing() -> None:
    made = house()
    asked(made)
    made.wait(0.1)
    came_to(made, FaxOutcome.BUSY)
    assert came_to(made, FaxOutcome.BUSY) == []
    made.wait(60)
    assert came_to(made, FaxOutcome.SENT, 3, attempt=1) == []
    assert made.control.state.faxes[FAX].stage is LetterStage.DUE
    assert made.control.counters["unknown_fax"] == 2


@pytest.mark.parametrize("outcome", list(FaxOutcome))
def test_every_outcome_is_tried_again_or_has_an_end_of_its_own(outcome: FaxOutcome) -> None:
    assert (outcome in FINAL) != (outcome in GIVEN_UP)
    made = house()
    asked(made)
    most = 3 + (OURS_MORE if outcome in OURS else 0)
    for attempt in range(1, most + 1):
        made.wait(60)
        came_to(made, outcome, 3 if outcome is FaxOutcome.SENT else 1, attempt)
        if outcome in FINAL:
            break
    end = made.journal[-1]
    assert isinstance(end, e.ContactEnded)
    stage, reason = FINAL.get(outcome, (LetterStage.FAILED, GIVEN_UP.get(outcome)))
    assert (end.termination.reason, stages(made)[-1]) == (reason, stage.value)


def test_every_page_confirmed_is_sent_whatever_happened_after_it() -> None:
    made = house()
    asked(made)
    made.wait(0.1)
    came_to(made, FaxOutcome.CUT_OFF, 3)
    assert stages(made)[-1] == "sent"


def test_sent_with_a_page_missing_is_no_end() -> None:
    made = house()
    asked(made)
    made.wait(0.1)
    came_to(made, FaxOutcome.SENT, 2)
    assert stages(made)[-1] == "waiting"


def test_it_may_be_taken_back_until_somebody_is_called_and_between_attempts() -> None:
    made = house()
    asked(made)
    made.wait(0.1)
    no = made.request(c.FaxCancelRequested(fax=FAX, request=CommandId("x")))
    assert no.reason == "fax 'fax-1' does not wait any more"
    came_to(made, FaxOutcome.BUSY)
    assert made.request(c.FaxCancelRequested(fax=FAX, request=CommandId("y"))).accepted
    end = one(made.journal, e.ContactEnded)
    assert end.termination.reason is Reason.FAX_TAKEN_BACK
    assert not only(made.wait(600), e.FaxChanged)


def test_the_same_job_is_sent_once_even_after_its_end() -> None:
    made = house()
    assert asked(made).accepted
    assert asked(made).accepted
    made.wait(0.1)
    came_to(made, FaxOutcome.SENT, 3)
    assert asked(made).accepted
    assert len(only(made.journal, e.FaxPlaced)) == 1
    made.wait(2 * DAY / SECOND + 1)
    asked(made, "fax-2")
    made.wait(0.1)
    made.tell(
        c.FaxReported(fax=ContactId("fax-2"), attempt=1, outcome=FaxOutcome.SENT, confirmed=3)
    )
    assert list(made.control.state.faxed) == ["fax-2"], "the first is forgotten after two days"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pages": 0}, "pages: a fax has 1 to 500"), ({"pages": 501}, "pages: a fax has"),
        ({"first": 3}, "pages: a fax has"), ({"origin": ContactId("x")}, "there is no contact 'x'"),
        ({"not_before": 10**18}, "not_before: a fax goes out within 92 days"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(more: dict[str, Any], words: str) -> None:
    made = house()
    answer = asked(made, **more)
    assert not answer.accepted
    assert answer.reason.startswith(words)
    assert not only(made.journal, e.FaxPlaced)


def test_without_a_front_end_it_waits_for_one() -> None:
    made = house()
    made.lose()
    asked(made)
    made.wait(30)
    assert set(stages(made)) == {"waiting"}
    made.start()
    made.wait(10)
    assert stages(made)[-1] == "due"


def test_a_front_end_that_forgot_it_leaves_it_unsure() -> None:
    made = house()
    asked(made)
    made.wait(120)
    made.start(faxes=(FAX,))
    assert stages(made)[-1] == "due"
    made.start()
    assert stages(made)[-1] == "unsure"
    assert one(made.journal, e.ContactEnded).termination.reason is Reason.FAX_UNSURE


def test_a_front_end_that_may_still_read_the_word_keeps_it() -> None:
    made = house()
    asked(made)
    made.wait(1)
    made.start()
    assert stages(made)[-1] == "due"
    made.wait(CALL_HOURS_MAX * HOUR / SECOND)
    assert stages(made)[-1] == "unsure", "nobody ever came back with it"


def test_a_fax_outlives_a_snapshot() -> None:
    made = house()
    asked(made, span=30)
    again = Control.restore(made.control.snapshot(), epoch=1)
    assert again.state.faxes == made.control.state.faxes
    assert again.deadline == made.control.deadline
    (due,) = only(again.tick(made.now + 30 * SECOND), e.FaxChanged)
    assert due.stage is LetterStage.DUE


def test_its_end_and_that_of_the_one_it_answers_are_apart() -> None:
    made = house()
    made.document("m1")
    asked(made, origin=ContactId("m1"))
    made.wait(0.1)
    came_to(made, FaxOutcome.SENT, 3)
    assert "m1" in made.control.state.contacts
    assert only(made.journal, e.FaxPlaced)[0].origin == "m1"
