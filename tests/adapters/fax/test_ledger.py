"""What of a fax is on the disk at each step, and what a next life makes of it."""

from pathlib import Path

import pytest

from callcenter.adapters.fax.ledger import CALL, FaxCall, Ledger
from callcenter.adapters.fax.terminal import DROPPED, FaxReport

CALL_1 = FaxCall(id="f-1", dialled="200", queue="faxes", sub_addresses={"4711": "claims"})
DONE = FaxReport(code=0, text="OK", pages=2, sub_address="4711")


def test_a_fax_is_delivered_once_with_what_is_known_of_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "fax")
    entry = ledger.open(CALL_1)
    entry.keep(1, 1)
    entry.keep(1, 2)
    fax = entry.close(DONE)
    assert fax is not None
    assert (fax.call, fax.is_partial, fax.queue) == (CALL_1, False, "claims")
    assert fax.pages == ((entry.file(1), 2),)
    assert ledger.left() == [fax]
    ledger.delivered(fax)
    assert ledger.left() == []


def test_an_unknown_sub_address_goes_to_the_queue_of_the_number(tmp_path: Path) -> None:
    entry = Ledger(tmp_path).open(CALL_1)
    entry.keep(1, 1)
    fax = entry.close(FaxReport(code=0, text="OK", pages=1, sub_address="9"))
    assert fax is not None
    assert fax.queue == "faxes"


def test_pages_before_and_after_a_change_to_t38_are_both_delivered(tmp_path: Path) -> None:
    entry = Ledger(tmp_path).open(CALL_1)
    entry.keep(1, 1)
    entry.keep(2, 3)
    fax = entry.close(DONE)
    assert fax is not None
    assert fax.pages == ((entry.file(1), 1), (entry.file(2), 3))


def test_a_call_that_was_cut_off_by_a_crash_is_a_part(tmp_path: Path) -> None:
    Ledger(tmp_path).open(CALL_1).keep(1, 1)
    (fax,) = Ledger(tmp_path).left()
    assert fax.is_partial
    assert (fax.report.code, fax.report.pages) == (DROPPED, 1)
    assert Ledger(tmp_path).left() == [fax]


def test_a_call_without_a_confirmed_page_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.open(CALL_1).close(DONE) is None
    ledger.open(CALL_1)
    assert ledger.left() == []
    assert list(tmp_path.iterdir()) == []


def test_what_died_before_its_first_sound_or_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    (tmp_path / "half").mkdir()
    ledger.open(CALL_1).place.joinpath(CALL).write_bytes(b"{")
    assert ledger.left() == []


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    entry = Ledger(tmp_path / "fax").open(CALL_1)
    assert (tmp_path / "fax").stat().st_mode & 0o777 == 0o700
    assert (entry.place / CALL).stat().st_mode & 0o777 == 0o600


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "fax")
    entry = ledger.open(FaxCall(id="../../evil/ name"))
    assert entry.place.parent == ledger.place


def test_a_call_is_never_opened_twice(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open(CALL_1)
    with pytest.raises(FileExistsError):
        ledger.open(CALL_1)
