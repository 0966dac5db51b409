"""`queuerules.conf`: how the penalties that a caller accepts change while she waits.

    penaltychange => seconds, max [, min [, raise]]     each a number, +n or -n; r before raise

A rule works on QUEUE_MAX_PENALTY, which the dialplan sets before the queue; it is not in these
files, so it is given with the import or taken to be 0, the only value that every rule can widen.
Only a maximum that grows can be said by a plan: rings here widen and never narrow.

Sources: `insert_penaltychange` and `update_qe_rule` in Asterisk's app_queue.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from callcenter.app.importers.asterisk_file import Section
from callcenter.app.importers.draft import QueueDraft
from callcenter.app.importers.ladder import Ladder
from callcenter.app.importers.report import Report, Setting
from callcenter.routing.plan import STEPS_MAX

KEY = "penaltychange"
_NUMBER = re.compile(r"[+-]?\d{1,9}")


class Change(NamedTuple):
    """One line of a rule. A relative value is added, an absolute one replaces."""

    setting: Setting
    seconds: int
    maximum: str
    minimum: str
    raised: str


def rules_of(sections: list[Section], report: Report) -> dict[str, list[Change]]:
    """Every rule by its name in small letters, its lines in order of time."""
    rules: dict[str, list[Change]] = {}
    for section in sections:
        lines = [setting for setting in section.settings if setting.key.lower() == KEY]
        if lines:
            changes = [change for line in lines if (change := _change(line, report))]
            rules[section.name.lower()] = sorted(changes, key=lambda change: change.seconds)
    return rules


def _change(setting: Setting, report: Report) -> Change | None:
    parts = [part.strip() for part in setting.value.split(",")]
    remedy = "write seconds,max[,min[,raise]], such as 30,+3"
    if len(parts) < 2 or not (parts[0].isascii() and parts[0].isdigit()) or len(parts[0]) > 7:
        report.wrong(
            setting, f"{setting.value!r} does not begin with seconds and a maximum", remedy
        )
        return None
    maximum, minimum, raised = (*parts[1:4], "", "")[:3]
    for part in (maximum, minimum, raised.removeprefix("r")):
        if part and not _NUMBER.fullmatch(part):
            report.wrong(setting, f"{part!r} is no penalty", remedy)
            return None
    return Change(setting, int(parts[0]), maximum, minimum, raised)


def follow(
    rule: list[Change], start: int, ladder: Ladder, queue: QueueDraft, report: Report
) -> None:
    """Make the rule the plan of the queue, and say what became of every line."""
    highest, reached, changes = start, start, []
    for change in rule:
        highest = max(0, _after(highest, change.maximum))
        reached = max(reached, highest)
        changes.append((change.seconds, reached))
    merged = dict(changes)  # what comes at one moment is one step
    opened = dict(zip(merged, ladder.open(queue, list(merged.items())), strict=True))
    del queue.steps[STEPS_MAX:]
    written = {step["after_seconds"] for step in queue.steps}
    highest = start
    for change in rule:
        before, highest = highest, max(0, _after(highest, change.maximum))
        _tell(change, before, highest, opened[change.seconds], queue, written, report)


def _tell(
    change: Change, before: int, highest: int, opens: bool, queue: QueueDraft,
    written: set[int], report: Report,
) -> None:  # fmt: skip
    setting, at = change.setting, max(1, change.seconds)
    if opens and at not in written:
        report.none(setting, f"queue {queue.id}: a plan has at most {STEPS_MAX} steps")
    elif opens and highest > before:
        need = next(step["lower"] for step in queue.steps if step["after_seconds"] == at)
        words = f"queue {queue.id}: plan step after_seconds = {at}, lower = {need}"
        report.taken(setting, f"{words} (penalty up to {highest})")
    elif highest > before:
        report.taken(setting, f"queue {queue.id}: nothing: no member has such a penalty")
    elif highest < before:
        report.none(
            setting, f"queue {queue.id}: a ring widens and never narrows; max stays {before}"
        )
    if change.minimum:
        report.none(setting, f"queue {queue.id}: min {change.minimum}: a ring widens; those with a "
                    "lower penalty stay, and are asked first")  # fmt: skip
    if change.raised:
        report.none(setting, f"queue {queue.id}: raise {change.raised}: the order of agents does "
                    "not change while a contact waits")  # fmt: skip
    if highest == before and not change.minimum and not change.raised:
        report.taken(setting, f"queue {queue.id}: nothing: it changes no penalty")


def _after(value: int, change: str) -> int:
    if not change:
        return value
    return value + int(change) if change[0] in "+-" else int(change)
