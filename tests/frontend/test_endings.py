"""Every reason has one row, and every row says what a peer and a report can use."""

import pytest

from callcenter.domain.commands import OfferOutcome
from callcenter.domain.termination import RESULT_OF, Reason, Result
from callcenter.frontend.endings import ENDINGS, Fault, ending, outcome_of_status


def test_every_reason_has_a_row() -> None:
    assert set(ENDINGS) == set(Reason)


def test_labels_are_unique_and_fit_a_metric() -> None:
    labels = [row.label for row in ENDINGS.values()]
    assert len(set(labels)) == len(labels)
    assert all(label.replace("_", "").isalpha() and label.islower() for label in labels)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_row_can_be_said_before_and_after_an_answer(reason: Reason) -> None:
    row = ending(reason)
    assert 400 <= row.status <= 699
    assert 1 <= row.cause <= 127
    name, value = row.reason_header
    assert name == "Reason"
    assert value.startswith(f"Q.850;cause={row.cause};text=")


@pytest.mark.parametrize("reason", list(Reason))
def test_an_answer_that_asks_to_try_later_says_when(reason: Reason) -> None:
    row = ending(reason)
    names = [name for name, _ in row.headers]
    assert ("Retry-After" in names) == (row.status == 503)


@pytest.mark.parametrize("reason", [r for r in Reason if RESULT_OF[r] is Result.SERVED])
def test_nobody_is_at_fault_when_the_caller_was_served(reason: Reason) -> None:
    assert ending(reason).fault is Fault.NOBODY


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, OfferOutcome.BUSY),
        (600, OfferOutcome.BUSY),
        (603, OfferOutcome.DECLINED),
        (480, OfferOutcome.DECLINED),
        (488, OfferOutcome.FAILED),
        (408, OfferOutcome.UNREACHABLE),
        (404, OfferOutcome.UNREACHABLE),
        (500, OfferOutcome.UNREACHABLE),
        (503, OfferOutcome.UNREACHABLE),
        (302, OfferOutcome.UNREACHABLE),
    ],
)
def test_a_refusal_says_whether_the_agent_or_her_phone_refused(
    status: int, outcome: OfferOutcome
) -> None:
    assert outcome_of_status(status) is outcome
