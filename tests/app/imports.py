"""What an import made, loaded as the server loads it, and a center to try it in."""

from __future__ import annotations

from pathlib import Path

from callcenter.app.config import Settings, load_settings
from callcenter.app.importers.draft import Draft
from callcenter.app.importers.report import Outcome, Report
from callcenter.domain.commands import Presence
from callcenter.domain.units import AgentId
from tests.control.house import House

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "import"


def loaded(draft: Draft, folder: Path) -> Settings:
    """The settings that the configuration's own reader makes of it."""
    file = folder / "callcenter.toml"
    file.write_text(draft.toml(["imported"]), "utf-8")
    return load_settings(file, {})


def house_of(draft: Draft, folder: Path, *, only: tuple[str, ...] = ()) -> House:
    """A center of these settings, at work; with `only` all others are logged out."""
    house = House().open(loaded(draft, folder).center(), ready=not only)
    for name in only:
        house.presence(AgentId(name), Presence.READY)
    return house


def told(report: Report, file: str, line: int) -> list[tuple[Outcome, str]]:
    """What the report says of a line."""
    return [
        (finding.outcome, finding.words)
        for finding in report.findings()
        if (Path(finding.setting.file).name, finding.setting.line) == (file, line)
    ]


def write(folder: Path, name: str, text: str) -> Path:
    """A file of the test's own."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
