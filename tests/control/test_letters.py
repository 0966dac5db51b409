"""What we write goes out once, and not before it can no longer be taken back."""

from __future__ import annotations

from callcenter.control.center import Control
from callcenter.control.letters import AHEAD_DAYS_MAX
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.commands import LetterStage
from callcenter.domain.units import DAY, SECOND, ContactId, LetterId
from tests.control.house import House, one, only
from tests.control.test_documents import worked


def stages(house: House) -> list[str]:
    return [event.stage.value for event in only(house.journal, e.LetterChanged)]


def test_a_letter_waits_for_its_time_and_then_goes_out_once() -> None:
    house = worked()
    assert house.write("m1").accepted
    assert not only(house.wait(9), e.LetterChanged)
    due = one(house.wait(1), e.LetterChanged)
    assert (due.stage, due.blob, due.agent) == (LetterStage.DUE, "1" * 64, "ann")
    house.wait(60)
    house.sent("m1.1", LetterStage.SENT)
    assert stages(house) == ["waiting", "due", "sent"]
    assert not house.control.state.letters


def test_a_letter_that_was_taken_back_never_goes_out() -> None:
    house = worked()
    house.write("m1")
    assert house.take_back("m1.1").accepted
    house.wait(60)
    assert stages(house) == ["waiting", "cancelled"]


def test_what_goes_out_cannot_be_taken_back() -> None:
    house = worked()
    house.write("m1", span=0)
    house.wait(1)
    assert house.take_back("m1.1").reason == "letter 'm1.1' does not wait any more"
    assert house.write("m1").reason == "letter 'm1.1' is going out"


def test_a_letter_whose_end_nobody_knows_may_be_tried_again_under_its_name() -> None:
    house = worked()
    house.write("m1", span=0)
    house.wait(1)
    house.sent("m1.1", LetterStage.UNSURE)
    assert house.write("m1", span=0).accepted
    house.wait(1)
    assert stages(house)[-2:] == ["waiting", "due"]


def test_a_letter_may_go_out_much_later_but_not_after_three_months() -> None:
    house = worked()
    longest = AHEAD_DAYS_MAX * DAY / SECOND
    assert house.write("m1", span=longest).accepted
    late = house.write("m1", span=longest + 0.000001)
    assert late.reason == "not_before: a letter goes out within 92 days"


def test_a_report_about_nothing_changes_nothing() -> None:
    house = worked()
    assert house.sent("m1.1", LetterStage.SENT) == []
    house.write("m1")
    assert house.sent("m1.1", LetterStage.SENT) == []


def test_it_goes_out_though_its_contact_is_over_and_its_leader_changed() -> None:
    house = worked()
    house.write("m1")
    house.done("m1", "ann")
    house.control = Control.restore(house.control.snapshot(), epoch=2)
    assert one(house.wait(10), e.LetterChanged).stage is LetterStage.DUE


def test_nobody_writes_about_nothing_or_too_far_ahead() -> None:
    house = worked()
    assert house.write("m9").reason == "there is no contact 'm9'"
    far = house.write("m1", span=93 * DAY / SECOND)
    assert far.reason == "not_before: a letter goes out within 92 days"


def test_a_letter_that_came_back_is_marked_while_its_contact_lives() -> None:
    house = worked()
    house.write("m1", span=0)
    house.wait(1)
    back = c.LetterReturned(letter=LetterId("m1.1"), contact=ContactId("m1"))
    assert house.tell(back) == [], "it is still going out"
    house.sent("m1.1", LetterStage.SENT)
    house.tell(back)
    assert stages(house)[-1] == "returned"
    assert house.write("m1", span=0).accepted, "it may be sent again"
    house.done("m1", "ann", "resolved")
    assert house.tell(c.LetterReturned(letter=LetterId("x.1"), contact=ContactId("x"))) == []
