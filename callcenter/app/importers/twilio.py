"""A TaskRouter workflow as queues, plans and skills.

What happens here: each filter becomes a queue, because its targets are what a plan is: who is asked
first, and who else after a while. The flow decides which queue a contact goes to, so a filter's own
expression has no place in the file; the report repeats it beside the queue. A target's TaskQueue
and its expression become skills that are needed; a later target of the same TaskQueue is a step
that needs less, one of another TaskQueue is an overflow; what follows the last is the default.

Workers are not in a workflow: the skills are, and agents are given them by hand.

Sources: Twilio, "Workflows Overview", "Lifecycle of a Task", "Ordering Workers".
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from callcenter.app.importers.draft import QUEUES_MAX, Draft, QueueDraft, name_of
from callcenter.app.importers.report import Report, Setting
from callcenter.app.importers.twilio_file import Node, parse, read_json
from callcenter.app.importers.twilio_terms import NotAnExpression, terms_of
from callcenter.domain.center import PRIORITY_MAX, AgentChoice
from callcenter.routing.plan import STEPS_MAX

SECONDS_MAX = 2_592_000
TARGETS_MAX = 100
DEFAULT = "default"

TARGET_NONE: dict[str, str] = {
    "skip_if": "a plan goes by time alone; what nobody could take now waits for its next step",
}
KNOWN_WORKER = ("known_worker_sid", "known_worker_friendly_name")
STICKY_SECONDS_MAX = 3600


def convert(path: Path, report: Report) -> Draft:
    """The queues that this workflow describes. Raises `WrongInput` when it cannot be taken."""
    root = read_json(path)
    converter = _Converter(str(path), report)
    converter.read(root)
    report.raise_if_wrong()
    return converter.draft


class _Converter:
    def __init__(self, file: str, report: Report) -> None:
        self.draft = Draft()
        self.file = file
        self.report = report
        self.ranks: dict[int, int] = {}
        """Priorities of the workflow, and what they are here."""

    def setting(self, section: str, key: str, node: Node) -> Setting:
        setting = Setting(self.file, node.line, section, key, node.text)
        self.report.add([setting])
        return setting

    # -- the document --------------------------------------------------------------------------

    def read(self, root: Node) -> None:
        """The workflow, bare or as the API answers it."""
        if (text := root.member("configuration")) is not None and isinstance(text.inner, str):
            for key, node in self._others(root, "configuration"):
                self.report.none(self.setting("workflow", key, node), _RESOURCE)
            root = parse(text.inner, self.file)
        routing = root.member("task_routing")
        if routing is None or not isinstance(routing.inner, dict):
            self.report.wrong(Setting(self.file, root.line, "", "task_routing", ""),
                               "there is no object task_routing",
                               "give the configuration of a workflow")  # fmt: skip
            return
        for key, node in self._others(root, "task_routing"):
            self.setting("", key, node)
        for key, node in self._others(routing, "filters", "default_filter"):
            self.setting("task_routing", key, node)
        filters = self._list(routing, "task_routing", "filters", QUEUES_MAX)
        self._priorities(filters)
        default = routing.member("default_filter")
        if default is not None and isinstance(default.inner, dict):
            self.draft.queue(DEFAULT)  # its name is taken first: the filters lead to it
        else:
            default = None
        for number, node in enumerate(filters, 1):
            self._filter(node, number, has_default=default is not None)
        if default is not None:
            self._default(default)

    def _others(self, node: Node, *known: str) -> list[tuple[str, Node]]:
        return [(k, n) for k, n in node.inner.items() if k not in known] if isinstance(
            node.inner, dict) else []  # fmt: skip

    def _list(self, node: Node, section: str, key: str, most: int) -> list[Node]:
        """A list of objects; what is none is told."""
        found = node.member(key)
        place = Setting(self.file, (found or node).line, section, key, "")
        if found is None or not isinstance(found.inner, list):
            self.report.wrong(place, "there is no such list", f'write "{key}": [ … ]')
            return []
        if len(found.inner) > most:
            self.report.wrong(place, f"has more than {most} entries", "import it in parts")
        for entry in found.inner:
            if not isinstance(entry.inner, dict):
                self.report.wrong(Setting(self.file, entry.line, section, key, ""),
                                   f"{entry.text[:40]!r} is no object", "write { … }")  # fmt: skip
        return [entry for entry in found.inner[:most] if isinstance(entry.inner, dict)]

    def _priorities(self, filters: list[Node]) -> None:
        """Priorities as they are, or by their rank where they go beyond ours."""
        values = {0}
        for one in filters:
            targets = one.member("targets")
            for target in targets.inner if targets and isinstance(targets.inner, list) else []:
                if (node := target.member("priority")) is not None:
                    values.add(self._number(node))
        if len(values) == 1:
            return
        self.draft.center["contact_choice"] = "strict"
        fits = min(values) >= 0 and max(values) <= PRIORITY_MAX
        ordered = sorted(values)
        self.ranks = {v: v if fits else min(ordered.index(v), PRIORITY_MAX) for v in ordered}

    def _number(self, node: Node) -> int:
        try:
            value = float(node.inner)
            return int(value) if math.isfinite(value) else 0
        except (TypeError, ValueError):
            return 0

    # -- filters -------------------------------------------------------------------------------

    def _filter(self, node: Node, number: int, *, has_default: bool) -> None:
        named = node.member("filter_friendly_name") or node.member("friendly_name")
        name = named.text if named else f"filter-{number}"
        queue = self.draft.queue(name, name)
        section = f"filter {name}"
        if named is not None:
            self.report.taken(self.setting(section, "filter_friendly_name", named),
                               f"queue {queue.id}")  # fmt: skip
        if (condition := node.member("expression")) is not None:
            self.report.none(
                self.setting(section, "expression", condition), "a flow decides on the queue: "
                f"branch there, and go to `queue: {queue.id}`"
            )  # fmt: skip
        known = ("filter_friendly_name", "friendly_name", "expression", "targets")
        for key, other in self._others(node, *known):
            self.setting(section, key, other)
        targets = self._list(node, section, "targets", TARGETS_MAX)
        if not targets:
            self.report.wrong(Setting(self.file, node.line, section, "targets", ""),
                               "there is no target", "a filter needs at least one")  # fmt: skip
            return
        _Timeline(self, section, queue).follow(targets, has_default=has_default)

    def _default(self, node: Node) -> None:
        section, queue = "default_filter", self.draft.queues[DEFAULT]
        task_queue = node.member("queue")
        if task_queue is None:
            self.report.wrong(Setting(self.file, node.line, section, "queue", ""),
                               "is not given", "name a TaskQueue")  # fmt: skip
            return
        skill = self.draft.skill(name_of(task_queue.text))
        queue.skills = {skill: 1}
        self.report.approximated(self.setting(section, "queue", task_queue),
                                  f"queue {queue.id}: {membership(skill)}")  # fmt: skip
        if self.ranks:
            queue.settings["priority"] = self.ranks[0]
        for key, other in self._others(node, "queue"):
            self.report.none(self.setting(section, key, other),
                              f"a flow sends what is left over to `queue: {queue.id}`")  # fmt: skip


class _Timeline:
    """The targets of one filter, laid along the time that a contact waits."""

    def __init__(self, converter: _Converter, section: str, queue: QueueDraft) -> None:
        self._converter = converter
        self._draft = converter.draft
        self._report = converter.report
        self._section = section
        self._first = self._queue = queue
        self._skill = ""
        self._priority = 0
        self._elapsed: int | None = 0
        """Seconds in the present queue; None once a target has no end."""

    def follow(self, targets: list[Node], *, has_default: bool) -> None:
        """Take the targets in order."""
        for number, target in enumerate(targets, 1):
            settings = {
                key: self._converter.setting(f"{self._section} target {number}", key, node)
                for key, node in target.inner.items()
            }
            if self._elapsed is None:
                for setting in settings.values():
                    self._report.none(setting, "no task comes here: the target before has no "
                                      "timeout")  # fmt: skip
                continue
            self._target(number, settings)
        if self._elapsed is None:
            return
        end = {"queue": DEFAULT} if has_default else {"exit": "timeout"}
        self._step(end, self._elapsed)

    def _target(self, number: int, settings: dict[str, Setting]) -> None:
        needs = self._needs(settings.get("expression"))
        task_queue = settings.get("queue")
        if task_queue is None and number == 1:
            place = next(iter(settings.values()), Setting(self._converter.file, 0, "", "", ""))
            self._report.wrong(place, "the first target names no queue", "name a TaskQueue")
            return
        skill = self._draft.skill(name_of(task_queue.value)) if task_queue else self._skill
        priority = self._rank(settings.get("priority"))
        if number == 1:
            self._begin(skill, needs, priority)
        elif skill != self._skill:
            self._overflow(number, skill, needs, priority)
        else:
            self._widen(settings, {skill: 1, **needs}, priority)
        if task_queue is not None:
            self._report.approximated(task_queue, f"queue {self._queue.id}: {membership(skill)}")
        self._rest(settings, first=number == 1)
        self._pass(settings.get("timeout"))

    def _begin(self, skill: str, needs: dict[str, int], priority: int | None) -> None:
        self._skill = skill
        self._queue.skills = {skill: 1, **needs}
        self._priority = priority or 0
        if self._converter.ranks:
            self._queue.settings["priority"] = self._converter.ranks[self._priority]

    def _overflow(
        self, number: int, skill: str, needs: dict[str, int], priority: int | None
    ) -> None:
        """Another TaskQueue: another queue, where it goes on waiting."""
        later = self._draft.queue(f"{self._first.id[:55]}.{number}", self._first.title)
        self._step({"queue": later.id}, self._elapsed or 0)
        self._queue, self._elapsed = later, 0
        self._begin(skill, needs, self._priority if priority is None else priority)

    def _widen(
        self, settings: dict[str, Setting], wanted: dict[str, int], priority: int | None
    ) -> None:
        """The same TaskQueue: less is needed, or more urgently."""
        present = self._present()
        step: dict[str, Any] = {}
        if drop := [skill for skill in present if skill not in wanted]:
            step["drop"] = drop
        lower = {s: wanted[s] for s, level in present.items() if wanted.get(s, level) < level}
        if lower:
            step["lower"] = lower
        more = [s for s, level in wanted.items() if level > present.get(s, 0)]
        if more and (told := settings.get("expression")) is not None:
            self._report.none(told, f"{', '.join(more)}: a ring widens; what was not needed before "
                              "is not needed now")  # fmt: skip
        ranks = self._converter.ranks
        if priority is not None and ranks:
            raised = ranks[priority] - ranks[self._priority]
            if raised > 0:
                step["raise_priority"] = raised
            elif raised < 0:
                self._report.none(
                    settings["priority"], "a plan raises priority and never lowers it"
                )
            self._priority = max(self._priority, priority)
        if step:
            self._step(step, self._elapsed or 0)

    def _present(self) -> dict[str, int]:
        """What the queue needs after its steps so far."""
        skills = dict(self._queue.skills)
        for step in self._queue.steps:
            skills = {
                s: step.get("lower", {}).get(s, n)
                for s, n in skills.items()
                if s not in step.get("drop", ())
            }
        return skills

    def _step(self, step: dict[str, Any], seconds: int) -> None:
        """A step of the present queue. Two at one moment become one."""
        steps, at = self._queue.steps, max(1, seconds)
        if steps and steps[-1]["after_seconds"] >= at:
            at = steps[-1]["after_seconds"] + 1
        if len(steps) < STEPS_MAX:
            steps.append({"after_seconds": at, **step})

    # -- settings of a target ------------------------------------------------------------------

    def _needs(self, setting: Setting | None) -> dict[str, int]:
        if setting is None:
            return {}
        try:
            terms = terms_of(setting.value)
        except NotAnExpression as wrong:
            self._report.wrong(setting, str(wrong), "write it as in the workflow's editor")
            return {}
        for skill in terms.needs:
            self._draft.skill(skill)
        needs = ", ".join(f"{skill} {level}" for skill, level in terms.needs.items())
        if terms.needs and not terms.left_out:
            self._report.taken(setting, f"skills that are needed: {needs}")
        elif terms.needs:
            self._report.approximated(setting, f"skills that are needed: {needs}; left out, so that "
                                      f"more people may take it: {'; '.join(terms.left_out)}")  # fmt: skip
        elif terms.left_out:
            self._report.none(setting, "; ".join(terms.left_out))
        else:
            self._report.taken(setting, "nothing: everybody fits")
        return terms.needs

    def _rank(self, setting: Setting | None) -> int | None:
        """The priority of a target, and what became of it; None when it gives none."""
        if setting is None:
            return None
        try:
            value = int(float(setting.value))
        except (ValueError, OverflowError):
            self._report.wrong(setting, f"{setting.value!r} is not a number", "write digits only")
            return None
        ranks = self._converter.ranks
        if not ranks:
            self._report.taken(setting, "nothing: all priorities are the same")
            return value
        words = f"priority {ranks[value]} of queue {self._first.id}, strictly before waiting"
        if len(ranks) > PRIORITY_MAX + 1:
            self._report.approximated(setting, f"{words} ({len(ranks)} priorities became 11)")
        else:
            self._report.taken(setting, words)
        return value

    def _rest(self, settings: dict[str, Setting], *, first: bool) -> None:
        for key, setting in settings.items():
            if key == "order_by":
                self._order_by(setting, first=first)
            elif key in KNOWN_WORKER:
                self._known_worker(setting, settings.get("timeout"), first=first)
            elif key in TARGET_NONE:
                self._report.none(setting, TARGET_NONE[key])

    def _known_worker(self, setting: Setting, timeout: Setting | None, *, first: bool) -> None:
        """A worker of the task's own: the flow names her, the queue says how long she is waited
        for. That is so only from the beginning."""
        flow = f"the flow names her: `agent:` where it goes to `queue: {self._first.id}`"
        if not first:
            self._report.none(setting, "one agent is waited for alone only at first, by the first "
                              f"target; {flow}")  # fmt: skip
            return
        try:
            wanted = float(timeout.value) if timeout else float(STICKY_SECONDS_MAX)
            seconds = min(max(1, math.ceil(wanted)), STICKY_SECONDS_MAX)
        except (ValueError, OverflowError):
            return  # told of the timeout
        self._queue.settings["plan.sticky_seconds"] = seconds
        self._report.approximated(setting, f"plan.sticky_seconds = {seconds}; {flow}. Who is not on "
                                  "duty is not waited for")  # fmt: skip

    def _order_by(self, setting: Setting, *, first: bool) -> None:
        words = setting.value.upper().split()
        if first and len(words) <= 2 and words[-1:] in (["DESC"], ["ASC"]):
            choice = {"DESC": AgentChoice.MOST_SKILLED, "ASC": AgentChoice.LEAST_SKILLED}[words[-1]]
            self._queue.settings["agent_choice"] = choice.value
            self._report.approximated(setting, f"agent_choice = {choice.value}: by proficiency in "
                                      "what is needed, not by one attribute")  # fmt: skip
        else:
            self._report.none(setting, "a queue has one order of agents, by proficiency in what is "
                              "needed")  # fmt: skip

    def _pass(self, setting: Setting | None) -> None:
        """The time that the target takes."""
        if setting is None:
            self._elapsed = None
            return
        try:
            seconds = float(setting.value)
            if not 0 <= seconds <= SECONDS_MAX:
                raise ValueError
        except ValueError:
            self._report.wrong(setting, f"{setting.value!r} are not seconds within {SECONDS_MAX}",
                               "write a number")  # fmt: skip
            self._elapsed = None
            return
        self._elapsed = (self._elapsed or 0) + math.ceil(seconds)
        self._report.taken(setting, f"after_seconds = {max(1, self._elapsed)} of what comes next in "
                           f"queue {self._queue.id}")  # fmt: skip


def membership(skill: str) -> str:
    """How people come to a TaskQueue."""
    return f"the skill {skill}, to be given to the workers of that TaskQueue"


_RESOURCE = "of the workflow's own record at Twilio; tasks and their callbacks are not made here"
