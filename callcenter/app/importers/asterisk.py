"""`queues.conf` and `queuerules.conf` as queues, plans, skills and agents.

What happens here: each queue becomes a queue whose skill bears its name; its members become agents
who have that skill, the more of it the lower their penalty (`ladder`); its default rule becomes its
plan (`asterisk_rules`). Asterisk's own defaults that decide who is asked, and for how long, are
written down, because ours differ.

Sources: `queues.conf.sample` and `apps/app_queue.c` (queue_set_param, calc_metric) of Asterisk 20.
"""

from __future__ import annotations

from pathlib import Path

from callcenter.app.importers.asterisk_file import Section, read_files
from callcenter.app.importers.asterisk_members import Members
from callcenter.app.importers.asterisk_rules import KEY, Change, follow, rules_of
from callcenter.app.importers.asterisk_words import reason_of
from callcenter.app.importers.draft import QUEUES_MAX, Draft, QueueDraft
from callcenter.app.importers.ladder import Ladder, said
from callcenter.app.importers.report import FALSE, Report, Setting, whole, yes
from callcenter.domain.center import PRIORITY_MAX, AgentChoice

RING_SECONDS_MAX = 180
WAITING_MAX = 1_000_000

C = AgentChoice
STRATEGIES: dict[str, tuple[AgentChoice, str]] = {
    "ringall": (C.RING_ALL, ""),
    "leastrecent": (C.LONGEST_IDLE, "idle for longest, of calls of any queue"),
    "fewestcalls": (C.LEAST_OCCUPIED, "the smallest share of time at work, not the fewest calls"),
    "random": (C.LONGEST_IDLE, "there is no chance in routing: it can be replayed"),
    "wrandom": (C.LONGEST_IDLE, "there is no chance in routing; penalties are no order here"),
    "rrmemory": (C.ROUND_ROBIN, "in the order of their ids"),
    "roundrobin": (C.ROUND_ROBIN, "in the order of their ids"),
    "rrordered": (C.ROUND_ROBIN, "in the order of their ids, not of the file"),
    "linear": (C.TOP_DOWN, ""),
}
"""Strategy: the order of agents here, and how it differs."""


def convert(
    paths: list[Path], report: Report, max_penalties: dict[str, int] | None = None
) -> Draft:
    """The center that these files describe. Raises `WrongInput` when they cannot be taken.

    `max_penalties` is what the dialplan sets QUEUE_MAX_PENALTY to, by queue; `*` for all others.
    """
    sections = read_files(paths, report)
    report.raise_if_wrong()
    rules = rules_of(sections, report)
    queues = [s for s in sections if _is_queue(s)]
    if len(queues) > QUEUES_MAX:
        report.wrong(queues[QUEUES_MAX].mark("queue"), f"there are more than {QUEUES_MAX} queues",
                     "import them in parts")  # fmt: skip
        report.raise_if_wrong()
    converter = _Converter(report, rules, max_penalties or {})
    for section in sections:
        report.add(section.settings)
        if section.name.lower() == "general":
            converter.general(section)
        elif section.is_template:
            converter.template(section)
        elif section in queues:
            converter.queue(section)
    converter.finish(queues)
    report.raise_if_wrong()
    return converter.draft


def _is_queue(section: Section) -> bool:
    """A section that is neither `[general]`, nor a template, nor a rule."""
    if section.name.lower() == "general" or section.is_template:
        return False
    return not any(setting.key.lower() == KEY for setting in section.settings)


class _Converter:
    def __init__(
        self, report: Report, rules: dict[str, list[Change]], max_penalties: dict[str, int]
    ) -> None:
        self.draft = Draft()
        self._report = report
        self._rules = rules
        self._rules_used: set[str] = set()
        self._max_penalties = max_penalties
        self._members = Members(self.draft, report)
        self._weights: list[tuple[QueueDraft, Setting, int]] = []
        self._linear: list[tuple[Setting, list[str]]] = []

    # -- sections ------------------------------------------------------------------------------

    def general(self, section: Section) -> None:
        """What holds for all queues."""
        for setting in section.settings:
            key = setting.key.lower()
            if key == "autofill":
                self._autofill(setting)
            elif key == "shared_lastcall":
                self._shared_lastcall(setting)
            elif key == "force_longest_waiting_caller":
                self._longest_waiting(setting)
            elif reason := reason_of(key):
                self._report.none(setting, reason)

    def template(self, section: Section) -> None:
        """Who inherits from it tells what became of its settings."""
        for setting in section.settings:
            if section.used:
                self._report.taken(setting, "part of the queues that inherit from it")
            else:
                self._report.none(setting, "no queue inherits from this template")

    def queue(self, section: Section) -> None:
        """One queue with its members."""
        if section.repeats is not None:
            for setting in section.settings:
                self._report.none(setting, f"Asterisk reads only the first [{section.name}], "
                                  f"line {section.repeats.line}")  # fmt: skip
            return
        queue = self.draft.queue(section.name, section.name)
        values = self._last_values(section)
        choice = self._strategy(queue, values.get("strategy"), section)
        self._times(queue, values, section)
        for key, setting in values.items():
            self._setting(queue, key, setting)
        self._people(queue, choice, section, values)
        if (empty := values.get("joinempty")) is not None:
            self._join_empty(queue, empty)

    def finish(self, queues: list[Section]) -> None:
        """What needs all queues: weights, the order of agents, rules that nobody follows."""
        self._priorities()
        self._order()
        for name, rule in self._rules.items():
            for change in rule if name not in self._rules_used else ():
                where = "no queue is given" if not queues else "no queue has it as its defaultrule"
                self._report.none(
                    change.setting, f"{where}; a dialplan may name it, a plan may not"
                )

    # -- settings ------------------------------------------------------------------------------

    def _last_values(self, section: Section) -> dict[str, Setting]:
        """Each setting but the members; of one that is there twice the last."""
        values: dict[str, Setting] = {}
        for setting in section.settings:
            key = setting.key.lower()
            if key == "member":
                continue
            if key in values:
                self._report.none(values[key], f"line {setting.line} says it again")
            values[key] = setting
        return values

    def _setting(self, queue: QueueDraft, key: str, setting: Setting) -> None:
        special = {
            "servicelevel": self._service_level, "maxlen": self._length, "weight": self._weight,
            "autofill": lambda _q, s: self._autofill(s), "autopause": self._autopause,
            "autopausebusy": self._busy,
            "leavewhenempty": self._leave_empty, "ringinuse": self._in_use,
        }  # fmt: skip
        if key in special:
            special[key](queue, setting)
        elif reason := reason_of(key):
            self._report.none(setting, reason)

    def _strategy(
        self, queue: QueueDraft, setting: Setting | None, section: Section
    ) -> AgentChoice:
        word = setting.value.strip().lower() if setting else "ringall"
        told = setting or section.mark("strategy (default ringall)")
        if word not in STRATEGIES:
            known = ", ".join(STRATEGIES)
            self._report.wrong(told, f"{word!r} is no strategy", f"one of {known}")
            return C.LONGEST_IDLE
        choice, differs = STRATEGIES[word]
        words = said(choice)
        if differs:
            self._report.approximated(told, f"{words}: {differs}")
        elif choice is C.RING_ALL:
            self._report.approximated(
                told, f"{words}: up to ring_width phones at once, those of the lowest penalty"
            )
        else:
            self._report.taken(told, words)
        if word == "linear":
            self._linear.append((told, [queue.id]))
        return choice

    def _times(self, queue: QueueDraft, values: dict[str, Setting], section: Section) -> None:
        """Ringing and wrap-up, with Asterisk's defaults where nothing is said."""
        ring = values.get("timeout")
        seconds = whole(self._report, ring, 0, 1_000_000) if ring else 15
        queue.settings["ring_seconds"] = min(seconds or RING_SECONDS_MAX, RING_SECONDS_MAX)
        words = f"ring_seconds = {queue.settings['ring_seconds']}"
        told = ring or section.mark("timeout (default 15)")
        if seconds == queue.settings["ring_seconds"]:
            self._report.taken(told, words)
        else:
            self._report.approximated(told, f"{words}, the longest that a phone may ring")
        wrap = values.get("wrapuptime")
        queue.settings["wrap_up_seconds"] = whole(self._report, wrap, 0, 3600) if wrap else 0
        told = wrap or section.mark("wrapuptime (default 0)")
        self._report.taken(told, f"wrap_up_seconds = {queue.settings['wrap_up_seconds']}")

    def _service_level(self, queue: QueueDraft, setting: Setting) -> None:
        seconds = whole(self._report, setting, 0, 604_800)
        if not seconds:
            self._report.none(setting, "0 counts nothing; target_seconds stays at its default")
            return
        queue.settings["target_seconds"] = seconds
        self._report.taken(setting, f"target_seconds = {seconds}")

    def _length(self, queue: QueueDraft, setting: Setting) -> None:
        length = whole(self._report, setting, 0, WAITING_MAX)
        queue.settings["waiting_max"] = length or WAITING_MAX
        words = f"waiting_max = {length or WAITING_MAX}"
        if length:
            self._report.taken(setting, words)
        else:
            self._report.approximated(setting, f"{words}: every queue has an end here")

    def _weight(self, queue: QueueDraft, setting: Setting) -> None:
        self._weights.append((queue, setting, whole(self._report, setting, 0, 1_000_000)))

    def _autofill(self, setting: Setting) -> None:
        if yes(self._report, setting):
            self._report.taken(setting, "what always happens: everybody who is free is offered to")
        else:
            self._report.none(setting, "callers never wait while somebody who could answer is free")

    def _shared_lastcall(self, setting: Setting) -> None:
        if yes(self._report, setting):
            self._report.taken(setting, "what always happens: wrap-up holds for all queues")
        else:
            self._report.none(setting, "wrap-up after a call of one queue holds for all queues")

    def _longest_waiting(self, setting: Setting) -> None:
        if setting.value.strip().lower() in FALSE:
            self._report.none(setting, "the longest wait comes first over all queues anyway")
        else:
            self._report.taken(setting, "[center] contact_choice = ageing, the default")

    def _autopause(self, _queue: QueueDraft, setting: Setting) -> None:
        word = setting.value.strip().lower()
        if word == "all":
            self._report.taken(setting, "what always happens: who does not answer is not ready")
        elif word in FALSE:
            self._report.none(setting, "who does not answer is not ready until she says otherwise")
        else:
            self._report.approximated(setting, "who does not answer is not ready, in all queues")

    def _busy(self, queue: QueueDraft, setting: Setting) -> None:
        queue.settings["declines_max"] = 0 if yes(self._report, setting) else 100
        words = f"declines_max = {queue.settings['declines_max']}"
        self._report.approximated(setting, f"{words}: so often in a row she may decline")

    def _join_empty(self, queue: QueueDraft, setting: Setting) -> None:
        if setting.value.strip().lower() in ("yes", "true", "1", "on", "y", "t", ""):
            queue.settings["unstaffed_exit"] = False
            self._report.taken(setting, "unstaffed_exit = false")
            return
        if queue.steps:
            self._report.none(setting, "unstaffed_exit would look at the first ring of the plan "
                              "alone, and send away who is answered by a later one")  # fmt: skip
            return
        queue.settings["unstaffed_exit"] = True
        self._report.approximated(
            setting, "unstaffed_exit = true: a caller leaves when nobody who could answer is "
            "logged in; pauses, calls and wrap-up do not count as absence"
        )  # fmt: skip

    def _leave_empty(self, _queue: QueueDraft, setting: Setting) -> None:
        if setting.value.strip().lower() in FALSE | {""}:
            self._report.taken(setting, "what always happens: who waits goes on waiting")
        else:
            self._report.none(setting, "who waits goes on waiting when everybody leaves; let the "
                              "plan end with an exit")  # fmt: skip

    def _in_use(self, _queue: QueueDraft, setting: Setting) -> None:
        if yes(self._report, setting):
            self._report.none(setting, "an agent in a call is offered no other call")
        else:
            self._report.taken(setting, "what always happens: who is in a call is not rung")

    # -- people --------------------------------------------------------------------------------

    def _people(
        self, queue: QueueDraft, choice: AgentChoice, section: Section, values: dict[str, Setting]
    ) -> None:
        members = [s for s in section.settings if s.key.lower() == "member"]
        rungs = self._members.rungs(members, self._no_penalties(values, len(members)))
        if not members:
            self._report.none(
                section.mark("(no members)"), "who logs in by dialplan or database is not in this "
                f"file: give agents the skill {queue.id}"
            )  # fmt: skip
        if self._linear and self._linear[-1][1] == [queue.id]:
            self._linear[-1] = (self._linear[-1][0], list(rungs))
        rule, start = self._rule(section.name, values.get("defaultrule"))
        ladder = Ladder(rungs, start if rule is not None else None)
        ladder.build(self.draft, queue, choice)
        if ladder.merged:
            self._report.approximated(
                section.mark("penalties"), f"ten rungs: the last {ladder.merged + 1} became one"
            )
        if rule is not None:
            follow(rule, start, ladder, queue, self._report)

    def _no_penalties(self, values: dict[str, Setting], members: int) -> str:
        """Why penalties do not count in this queue; empty when they do."""
        words = ""
        if (limit := values.get("penaltymemberslimit")) is not None:
            most = whole(self._report, limit, 0, 1_000_000)
            if most and members <= most:
                words = f"penaltymemberslimit {most}"
            self._report.approximated(
                limit, f"penalties that {'do not count' if words else 'count'}, as there are "
                f"{members} members in the file"
            )  # fmt: skip
        strategy = values.get("strategy")
        if strategy is not None and strategy.value.strip().lower() == "wrandom":
            words = words or "a weight of wrandom"
        return words

    def _rule(self, queue: str, setting: Setting | None) -> tuple[list[Change] | None, int]:
        """The rule of a queue, and the greatest penalty that is accepted at first."""
        given = self._max_penalties.get(queue, self._max_penalties.get("*"))
        if setting is None:
            return ([], given) if given is not None else (None, 0)
        name = setting.value.strip()
        if name.lower() not in self._rules:
            self._report.none(setting, f"no rule {name!r} is given; import queuerules.conf with it")
            return None, 0
        self._rules_used.add(name.lower())
        if given is None:
            self._report.approximated(
                setting, "the plan of the queue, as if the dialplan set QUEUE_MAX_PENALTY to 0; "
                "say --max-penalty if it does not"
            )  # fmt: skip
        else:
            self._report.taken(setting, f"the plan of the queue, from QUEUE_MAX_PENALTY {given} on")
        return self._rules[name.lower()], given or 0

    # -- over all queues -----------------------------------------------------------------------

    def _priorities(self) -> None:
        """Weights as priorities, which then come before every wait."""
        ranks = sorted({weight for _, _, weight in self._weights} | {0})
        for queue, setting, weight in self._weights:
            if len(ranks) == 1:
                self._report.taken(setting, "nothing: all queues weigh the same")
                continue
            priority = min(5 + ranks.index(weight), PRIORITY_MAX)
            queue.settings["priority"] = priority
            words = f"priority = {priority} with [center] contact_choice = strict"
            if 5 + ranks.index(weight) > PRIORITY_MAX:
                self._report.approximated(setting, f"{words}, the highest there is")
            else:
                self._report.taken(setting, words)
        if len(ranks) > 1:
            self.draft.center["contact_choice"] = "strict"

    def _order(self) -> None:
        """Agents in the order of the first linear queue; others may differ from it."""
        for setting, people in self._linear[:1]:
            self.draft.put_first(people)
            del setting
        order = list(self.draft.agents)
        for setting, people in self._linear[1:]:
            if sorted(people, key=order.index) != people:
                self._report.approximated(
                    setting, "the order in which the file names the agents, which is another "
                    "queue's: one order holds for all"
                )  # fmt: skip
