"""What of every fax that we send is on the disk: the pages that the other machine has confirmed.

    fax-out/CALL/job.json      what is sent, written before the first sound      (mode 0600)
    fax-out/CALL/sent.json     {"begun": true, "pages": 2}: a machine spoke; so many it confirmed
    fax-out/CALL/report.json   it is over

Why: a confirmed page is never sent again, so it is on the disk before the next one begins. What has
no report after a restart was cut off by our own death: its confirmed pages count, and if a machine
had spoken nobody knows of the page that was on its way. The front end asks for that; it may do so
for days, and then the folder goes.

No number stands here: whom it goes to is the front end's to know.
"""

import shutil
import time
from pathlib import Path

import msgspec

from callcenter.adapters.fax.ledger import write
from callcenter.adapters.fax.terminal import FaxReport

JOB, SENT, REPORT = "job.json", "sent.json", "report.json"
LOST = -3
"""The code of one that was cut off by a death of ours."""
KEPT_SECONDS = 3 * 86_400


class FaxJob(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send a fax."""

    fax: str
    attempt: int
    blob: str
    first: int = 0
    """Pages that are there already."""
    pages: int = 0
    ident: str = ""
    """The number that we send under, if the worker has none of its own."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """How far it came."""

    begun: bool = False
    """A fax machine spoke: pages may be on their way."""
    pages: int = 0
    """Confirmed by it in this attempt."""


class Sending:
    """One attempt of the ledger. `file` holds its pages."""

    def __init__(self, place: Path, job: FaxJob, file: Path) -> None:
        self.place = place
        self.job = job
        self.file = file
        self.sent = _read_sent(place)
        self.report = _read_report(place)

    def begin(self) -> None:
        """A machine spoke."""
        self._note(msgspec.structs.replace(self.sent, begun=True))

    def keep(self, pages: int) -> None:
        """So many pages are confirmed."""
        self._note(Sent(begun=True, pages=pages))

    def _note(self, sent: Sent) -> None:
        """A full disk loses the note only if we die, too."""
        self.sent = sent
        try:
            write(self.place / SENT, msgspec.json.encode(sent))
        except OSError:
            pass

    def close(self, report: FaxReport) -> None:
        """It is over. Without room for the report the notes must do."""
        self.report = msgspec.structs.replace(report, pages=self.sent.pages)
        try:
            write(self.place / REPORT, msgspec.json.encode(self.report))
        except OSError:
            pass

    def told(self) -> FaxReport:
        """What is known of it."""
        lost = FaxReport(code=LOST, text="Our machine stopped", pages=self.sent.pages)
        return self.report or lost


class Outgoing:
    """All attempts of the last days."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True, mode=0o700)

    def open(self, name: str, job: FaxJob, file: Path) -> Sending:
        """An attempt begins. Raises `OSError` when there is no room for it, or it was one before."""
        place = self.place / _safe(name)
        place.mkdir(mode=0o700)
        try:
            write(place / JOB, msgspec.json.encode(job))
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return Sending(place, job, file)

    def find(self, name: str) -> Sending | None:
        """An attempt of before; None when it was never begun."""
        place = self.place / _safe(name)
        try:
            job = msgspec.json.decode((place / JOB).read_bytes(), type=FaxJob)
        except (OSError, msgspec.DecodeError):
            return None
        return Sending(place, job, Path())

    def forget_old(self) -> None:
        """What is older than anybody asks for."""
        for place in self.place.iterdir():
            try:
                old = time.time() - place.stat().st_mtime > KEPT_SECONDS
            except OSError:
                continue
            if old:
                shutil.rmtree(place, ignore_errors=True)


def _read_sent(place: Path) -> Sent:
    try:
        return msgspec.json.decode((place / SENT).read_bytes(), type=Sent)
    except (OSError, msgspec.DecodeError):
        return Sent()


def _read_report(place: Path) -> FaxReport | None:
    try:
        return msgspec.json.decode((place / REPORT).read_bytes(), type=FaxReport)
    except (OSError, msgspec.DecodeError):
        return None


def _safe(name: str) -> str:
    """A folder's name: what a call is called, without what leads elsewhere."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:200].strip(".") or "_"
