"""What became of every setting of the source.

Why: an import that drops a setting in silence is worse than none. Every setting that was read is
handed to the report; each is told once as taken over, approximated or without equivalent, and what
nobody told comes out as not known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from callcenter.domain.errors import Problem, WrongInput

UNKNOWN = "it is not known to this importer; look it up in the manual of your version"
SECRET = re.compile(r"dsn|passw|secret|token", re.IGNORECASE)
VALUE_SHOWN_MAX = 80


class Outcome(StrEnum):
    """What became of a setting."""

    TAKEN = "taken over"
    APPROXIMATED = "approximated"
    NONE = "no equivalent"


class Setting(msgspec.Struct, frozen=True, eq=False):
    """One setting of the source, where it stands. Two of them are never the same one."""

    file: str
    line: int
    section: str
    key: str
    value: str

    @property
    def shown(self) -> str:
        """The setting as in the source, without what may be a password."""
        value = "…" if SECRET.search(self.key) else self.value
        if len(value) > VALUE_SHOWN_MAX:
            value = value[:VALUE_SHOWN_MAX] + "…"
        joint = " " if self.key.endswith("=") or self.key.startswith("#") else " = "
        return f"{self.key}{joint}{value}" if value else self.key

    def wrong(self, message: str, hint: str = "") -> Problem:
        """A problem at this place."""
        return Problem(
            file=self.file, line=self.line, field=f"[{self.section}] {self.key}", message=message,
            hint=hint,
        )  # fmt: skip


class Finding(msgspec.Struct, frozen=True):
    """One setting and what became of it."""

    setting: Setting
    outcome: Outcome
    words: str

    def __str__(self) -> str:
        s = self.setting
        section = f" [{s.section}]" if s.section else ""
        joint = {Outcome.TAKEN: " as ", Outcome.APPROXIMATED: " as ", Outcome.NONE: ": "}
        return f"{s.file}:{s.line}:{section} {s.shown}: {self.outcome}" + (
            joint[self.outcome] + self.words
        )


class Report:
    """Findings, and what is wrong with the source."""

    def __init__(self, settings: Iterable[Setting] = ()) -> None:
        self._settings: dict[int, Setting] = {}
        self._findings: dict[int, list[Finding]] = {}
        self.add(settings)
        self.problems: list[Problem] = []

    def add(self, settings: Iterable[Setting]) -> None:
        """These were read too."""
        self._settings |= {id(setting): setting for setting in settings}

    def taken(self, setting: Setting, words: str) -> None:
        """It is said here as it was there."""
        self._tell(setting, Outcome.TAKEN, words)

    def approximated(self, setting: Setting, words: str) -> None:
        """Something close is said here; the words say what differs."""
        self._tell(setting, Outcome.APPROXIMATED, words)

    def none(self, setting: Setting, words: str) -> None:
        """It cannot be said here; the words say why."""
        self._tell(setting, Outcome.NONE, words)

    def wrong(self, setting: Setting, message: str, hint: str = "") -> None:
        """The source cannot be taken because of this."""
        self.problems.append(setting.wrong(message, hint))

    def _tell(self, setting: Setting, outcome: Outcome, words: str) -> None:
        self._settings.setdefault(id(setting), setting)
        self._findings.setdefault(id(setting), []).append(Finding(setting, outcome, words))

    def raise_if_wrong(self) -> None:
        """Raises `WrongInput` with everything that is wrong with the source."""
        if self.problems:
            raise WrongInput(self.problems)

    def findings(self) -> list[Finding]:
        """Every setting of the source, in its order; several lines where it became several."""
        files: dict[str, int] = {}
        for setting in self._settings.values():
            files.setdefault(setting.file, len(files))
        found = [
            finding
            for key, setting in self._settings.items()
            for finding in self._findings.get(key, [Finding(setting, Outcome.NONE, UNKNOWN)])
        ]
        return sorted(found, key=lambda f: (files[f.setting.file], f.setting.line))

    def counts(self) -> dict[str, int]:
        """How many of each outcome."""
        counted = Counter(finding.outcome for finding in self.findings())
        return {outcome.value: counted[outcome] for outcome in Outcome}

    def document(self) -> list[dict[str, Any]]:
        """The findings for `--json`."""
        return [
            {
                "file": f.setting.file, "line": f.setting.line, "section": f.setting.section,
                "setting": f.setting.shown, "outcome": f.outcome.value, "words": f.words,
            }
            for f in self.findings()
        ]  # fmt: skip


def whole(report: Report, setting: Setting, least: int, most: int) -> int:
    """The setting as a whole number within limits; `least` after telling that it is none."""
    try:
        value = int(setting.value.strip())
    except ValueError:
        report.wrong(setting, f"{setting.value!r} is not a whole number", "write digits only")
        return least
    return max(least, min(most, value))


TRUE = frozenset(("yes", "true", "y", "t", "1", "on"))
FALSE = frozenset(("no", "false", "n", "f", "0", "off"))


def yes(report: Report, setting: Setting) -> bool:
    """The setting as yes or no."""
    word = setting.value.strip().lower()
    if word not in TRUE | FALSE:
        report.wrong(setting, f"{setting.value!r} is neither yes nor no", "write yes or no")
    return word in TRUE
