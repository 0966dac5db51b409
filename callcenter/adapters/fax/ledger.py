"""What of every fax is on the disk: its pages, and how many the sender holds to be delivered.

    fax/CALL/call.json     who called what, written before the first sound      (mode 0600)
    fax/CALL/pages-N.tif   the pages of attempt N: sound first, T.38 after a change
    fax/CALL/kept.json     {"1": 2}: two pages of attempt 1 lasted before they were confirmed
    fax/CALL/report.json   the fax is over; from now on it only has to be delivered

Why: whoever has our confirmation of a page will not send it again, so that page must reach
somebody whatever dies here. Each step is on the disk before the next one; a call without a report
after a restart is one that was cut off, and what was confirmed of it is delivered as a part.

Numbers of callers stand here until the fax is delivered, and nowhere else.
"""

import os
import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from callcenter.adapters.fax.terminal import DROPPED, FaxReport

CALL, KEPT, REPORT = "call.json", "kept.json", "report.json"


class FaxCall(msgspec.Struct, frozen=True, kw_only=True):
    """Who faxes what to whom."""

    id: str
    """Of the call, never used again: what arrives twice under it is one fax."""
    dialled: str = ""
    queue: str = ""
    sub_addresses: dict[str, str] = {}
    """Queues by the sub-address that a sender may name."""
    caller: str = ""
    began: int = 0
    """Center time, microseconds."""


class Fax(msgspec.Struct, frozen=True, kw_only=True):
    """A fax that is over: at least one page of it is confirmed."""

    call: FaxCall
    report: FaxReport
    pages: tuple[tuple[Path, int], ...]
    """Files in the order they came, and how many pages of each count."""

    @property
    def is_partial(self) -> bool:
        """Whether the sender knows that not all of it came over."""
        return not self.report.is_complete

    @property
    def queue(self) -> str:
        """The queue of its sub-address, or else of its number."""
        return self.call.sub_addresses.get(self.report.sub_address, self.call.queue)


class Entry:
    """One fax of the ledger."""

    def __init__(self, place: Path, call: FaxCall) -> None:
        self.place = place
        self.call = call
        self._kept: dict[str, int] = _read(place / KEPT, dict[str, int]) or {}
        self.report = _read(place / REPORT, FaxReport)

    def file(self, attempt: int) -> Path:
        """Where the pages of an attempt go."""
        return self.place / f"pages-{attempt}.tif"

    def keep(self, attempt: int, pages: int) -> None:
        """So many pages of an attempt are on the disk. Raises `OSError` when it cannot be noted."""
        kept = {**self._kept, str(attempt): pages}
        write(self.place / KEPT, msgspec.json.encode(kept))
        self._kept = kept

    @property
    def confirmed(self) -> int:
        """Pages that the sender may hold to be delivered."""
        return sum(self._kept.values())

    def close(self, report: FaxReport) -> Fax | None:
        """It is over; None when nothing of it has to be delivered, and then nothing is left."""
        if not self.confirmed:
            self.forget()
            return None
        write(self.place / REPORT, msgspec.json.encode(report))
        self.report = report
        return self.fax()

    def fax(self) -> Fax | None:
        """What is to be delivered, once it is over."""
        if self.report is None or not self.confirmed:
            return None
        pages = tuple(
            (self.file(int(n)), count) for n, count in sorted(self._kept.items()) if count
        )
        return Fax(call=self.call, report=self.report, pages=pages)

    def forget(self) -> None:
        """It was delivered, or there is nothing to deliver."""
        shutil.rmtree(self.place, ignore_errors=True)


class Ledger:
    """All faxes that are under way or not yet delivered."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True, mode=0o700)

    def open(self, call: FaxCall) -> Entry:
        """A fax begins. Raises `OSError` when there is no room for it."""
        place = self.place / _safe(call.id)
        place.mkdir(mode=0o700)
        try:
            write(place / CALL, msgspec.json.encode(call))
            _settle(self.place)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return Entry(place, call)

    def left(self) -> list[Fax]:
        """After a restart: what must still be delivered. What was cut off is closed as a part."""
        found = []
        for place in sorted(self.place.iterdir()):
            call = _read(place / CALL, FaxCall)
            if call is None:
                shutil.rmtree(place, ignore_errors=True)  # it died before its first sound
                continue
            entry = Entry(place, call)
            fax = entry.fax() if entry.report is not None else entry.close(cut_off(entry.confirmed))
            if fax is not None:
                found.append(fax)
        return found

    def delivered(self, fax: Fax) -> None:
        """Somebody else has it for good."""
        shutil.rmtree(self.place / _safe(fax.call.id), ignore_errors=True)


def cut_off(pages: int) -> FaxReport:
    """The report of a fax whose worker died."""
    return FaxReport(code=DROPPED, text="The call dropped prematurely", pages=pages)


def write(file: Path, data: bytes) -> None:
    """All of it or nothing, on the disk when this returns. Raises `OSError`."""
    new = file.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(file)
    _settle(file.parent)


def _settle(place: Path) -> None:
    """The names in a folder last, too."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


T = TypeVar("T")


def _read(file: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _safe(call: str) -> str:
    """A folder's name: what a call is called, without what leads elsewhere."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in call)[:100] or "_"
