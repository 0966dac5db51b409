"""`callcenter.conf.xml` as queues, plans, skills and agents.

What happens here: each queue becomes a queue whose skill bears its name; each tier gives an agent
that skill, the more of it the lower its level (`ladder`); tier rules become the plan. Positions are
the order in which the file names agents, where the strategy goes by it.

Sources: `conf/vanilla/autoload_configs/callcenter.conf.xml` and mod_callcenter (queue_set_config,
agents_callback, the ORDER BY of each strategy) of FreeSWITCH 1.10.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from callcenter.app.importers.draft import AGENTS_MAX, QUEUES_MAX, Draft, QueueDraft, name_of
from callcenter.app.importers.freeswitch_file import Element, Reader, configurations, flat
from callcenter.app.importers.ladder import Ladder, said
from callcenter.app.importers.report import Report, Setting, whole, yes
from callcenter.domain.center import AgentChoice
from callcenter.routing.plan import STEPS_MAX

CONFIGURATION = "callcenter.conf"
WAIT_SECONDS_MAX = 2_592_000
RING_SECONDS_MAX = 180
WRAP_SECONDS_MAX = 3600

C = AgentChoice
STRATEGIES: dict[str, tuple[AgentChoice, str]] = {
    "longest-idle-agent": (C.LONGEST_IDLE, ""),
    "round-robin": (C.ROUND_ROBIN, "in the order of their ids, not of positions"),
    "top-down": (C.TOP_DOWN, "each caller begins at the first, not where she was before"),
    "sequentially-by-agent-order": (C.TOP_DOWN, ""),
    "agent-with-least-talk-time": (C.LEAST_OCCUPIED, "the smallest share of time at work"),
    "agent-with-fewest-calls": (C.LEAST_OCCUPIED, "the smallest share of time at work"),
    "random": (C.LONGEST_IDLE, "there is no chance in routing: it can be replayed"),
    "ring-all": (C.RING_ALL, "up to ring_width phones at once, those of the lowest level"),
    "ring-progressively": (C.RING_ALL, "all at once, up to ring_width, not one after the other"),
}
"""Strategy: the order of agents here, and how it differs."""

FLOW = "what a caller hears while waiting is the flow's: `comfort` of its `queue` node"
REJOIN = "a caller who hung up and calls again is a new contact"
QUEUE_NONE: dict[str, str] = {
    "moh-sound": FLOW, "announce-sound": FLOW, "announce-frequency": FLOW,
    "record-template": "calls are not recorded",
    "discard-abandoned-after": REJOIN, "abandoned-resume-allowed": REJOIN,
    "max-wait-time-with-no-agent-time-reached": "nobody stays for a while when nobody is there",
    "ring-progressively-delay": "ring_all rings all of them at once",
}  # fmt: skip
AGENT_NONE: dict[str, str] = {
    "status": "agents begin logged out and say themselves that they are ready",
    "reject-delay-time": "who declines is not ready; declines_max of the queue lets her stay ready",
    "busy-delay-time": "who is busy is asked again as soon as her phone is free",
    "no-answer-delay-time": "who does not answer is not ready until she says otherwise",
    "reserve-agents": "an agent is always reserved before her phone rings",
    "truncate-agents-on-load": "agents are those in the file", "tier-state": "it is not kept",
}  # fmt: skip


class Tier(NamedTuple):
    """An agent in a queue."""

    setting: Setting
    agent: str
    level: int
    position: int


def convert(path: Path, report: Report) -> Draft:
    """The center that this file describes. Raises `WrongInput` when it cannot be taken."""
    root = Reader(report).read(path)
    report.raise_if_wrong()
    assert root is not None
    found = configurations(root, CONFIGURATION)
    if not found:
        report.wrong(Setting(str(path), 1, "", "configuration", ""),
                     f'there is no <configuration name="{CONFIGURATION}">',
                     "give the file that holds it, such as callcenter.conf.xml")  # fmt: skip
        report.raise_if_wrong()
    converter = _Converter(report)
    for element in found:
        converter.read(element)
    converter.finish()
    report.raise_if_wrong()
    return converter.draft


class _Converter:
    def __init__(self, report: Report) -> None:
        self.draft = Draft()
        self._report = report
        self._queues: dict[str, tuple[QueueDraft, dict[str, Setting], Element]] = {}
        self._ids: dict[str, str] = {}
        """Name of an agent there, her id here."""
        self._wraps: dict[str, tuple[Setting, int]] = {}
        self._rings: dict[str, int] = {}
        self._tiers: dict[str, list[Tier]] = {}

    def read(self, configuration: Element) -> None:
        """Everything in one `<configuration>`."""
        for settings in flat(configuration, "settings"):
            for param in flat(settings, "param"):
                self._report.none(_param(param, "settings"), "the journal and the history are kept "
                                  "as [store] and [history] say")  # fmt: skip
        for queues in flat(configuration, "queues"):
            for element in flat(queues, "queue"):
                self._queue(element)
        for agents in flat(configuration, "agents"):
            for element in flat(agents, "agent"):
                self._agent(element)
        for tiers in flat(configuration, "tiers"):
            for element in flat(tiers, "tier"):
                self._tier(element)
        for child in configuration.children:
            if child.name not in ("settings", "queues", "agents", "tiers", "include"):
                self._report.none(child.setting("", f"<{child.name}>", ""), "it is not known")

    # -- reading -------------------------------------------------------------------------------

    def _queue(self, element: Element) -> None:
        name = element.attributes.get("name", "")
        told = element.setting("queue", "name", name)
        if not name or name in self._queues:
            self._report.wrong(told, "is there twice" if name else "is not given",
                               "give every <queue> a name of its own")  # fmt: skip
            return
        if len(self._queues) >= QUEUES_MAX:
            self._report.wrong(told, f"there are more than {QUEUES_MAX} queues", "take some out")
            return
        queue = self.draft.queue(name.partition("@")[0], name)
        self._report.taken(told, f"queue {queue.id}")
        values: dict[str, Setting] = {}
        for param in flat(element, "param"):
            setting = _param(param, name)
            if setting.key in values:
                self._report.none(values[setting.key], f"line {setting.line} says it again")
            values[setting.key] = setting
        self._report.add(values.values())
        self._queues[name] = queue, values, element

    def _agent(self, element: Element) -> None:
        attributes = element.attributes
        name = attributes.get("name", "")
        told = element.setting("agent", "name", name)
        if not name or name in self._ids:
            self._report.wrong(told, "is there twice" if name else "is not given",
                               "give every <agent> a name of its own")  # fmt: skip
            return
        if len(self._ids) >= AGENTS_MAX:
            self._report.wrong(told, f"there are more than {AGENTS_MAX} agents", "take some out")
            return
        agent = self._new_agent(name)
        self._report.taken(told, f"agent {agent}")
        for key in [key for key in attributes if key != "name"]:
            self._attribute(agent, element.setting(f"agent {name}", key, attributes[key]))

    def _new_agent(self, name: str) -> str:
        """Her id: of `1000@default` it is 1000, if nobody else has it."""
        wanted = name_of(name.partition("@")[0], small=True)
        if wanted in self.draft.agents:
            wanted = name_of(name, small=True)
        number, agent = 1, wanted
        while agent in self.draft.agents:
            number += 1
            agent = f"{wanted[:58]}-{number}"
        self.draft.agent(agent).name = name
        self._ids[name] = agent
        return agent

    def _attribute(self, agent: str, setting: Setting) -> None:
        key = setting.key
        if key == "type":
            if setting.value.strip().lower() == "callback":
                self._report.taken(setting, "what always happens: her phone is rung")
            else:
                self._report.none(setting, "nobody waits on an open line; her phone is rung")
        elif key == "contact":
            self._contact(agent, setting)
        elif key == "wrap-up-time":
            self._wraps[agent] = setting, whole(self._report, setting, 0, WRAP_SECONDS_MAX)
        elif key == "max-no-answer":
            count = whole(self._report, setting, 0, 1_000_000)
            tell = self._report.taken if count == 1 else self._report.approximated
            tell(setting, "1: who does not answer is not ready at once")
        elif key in AGENT_NONE:
            self._report.none(setting, AGENT_NONE[key])
        else:
            self._report.add([setting])

    def _contact(self, agent: str, setting: Setting) -> None:
        """`[leg_timeout=10]user/1000@default`: how long her phone rings, and which one."""
        found = re.search(r"leg_timeout=(\d{1,6})", setting.value)
        words = f"agent {agent}: the phone that registers with her account"
        if found:
            self._rings[agent] = int(found[1])
            words += f"; leg_timeout {found[1]} as ring_seconds of her queues"
        tell = self._report.taken if "user/" in setting.value else self._report.approximated
        tell(setting, words)

    def _tier(self, element: Element) -> None:
        attributes = element.attributes
        agent, queue = attributes.get("agent", ""), attributes.get("queue", "")
        section = f"tier {agent} {queue}"
        told = element.setting(section, "queue", queue)
        if queue not in self._queues or agent not in self._ids:
            kind, name = ("queue", queue) if queue not in self._queues else ("agent", agent)
            known = ", ".join(self._queues if kind == "queue" else self._ids) or "none"
            self._report.wrong(told, f"there is no {kind} {name!r}", f"known: {known[:200]}")
            return
        numbers = {}
        for key in ("level", "position"):
            setting = element.setting(section, key, attributes.get(key) or "1")
            numbers[key] = whole(self._report, setting, 0, 1_000_000)
        for key in [k for k in attributes if k not in ("agent", "queue", "level", "position")]:
            setting = element.setting(section, key, attributes[key])
            if key == "state":
                self._report.none(setting, "agents begin logged out")
            else:
                self._report.add([setting])
        tier = Tier(told, self._ids[agent], numbers["level"], numbers["position"])
        self._tiers.setdefault(queue, []).append(tier)

    # -- making --------------------------------------------------------------------------------

    def finish(self) -> None:
        """Queues with their people, when all of them were read."""
        orders: list[tuple[Setting, list[str]]] = []
        for name, (queue, values, element) in self._queues.items():
            choice, told = self._strategy(values.get("strategy"), element, name)
            tiers = sorted(self._tiers.get(name, ()), key=lambda t: (t.level, t.position))
            if choice is C.TOP_DOWN:
                orders.append((told, [tier.agent for tier in tiers]))
            ladder = self._ladder(queue, values, tiers, choice)
            self._waits(queue, values)
            self._times(queue, [tier.agent for tier in tiers])
            self._tell_tiers(queue, tiers, choice, ladder)
        self._order(orders)
        for setting, seconds in self._wraps.values():
            self._report.approximated(setting, f"wrap_up_seconds = {seconds} of her queues, where "
                                      "nobody has more")  # fmt: skip

    def _strategy(
        self, setting: Setting | None, element: Element, queue: str
    ) -> tuple[AgentChoice, Setting]:
        word = setting.value.strip().lower() if setting else "longest-idle-agent"
        told = setting or element.setting(queue, "strategy (default longest-idle-agent)", "")
        if word not in STRATEGIES:
            self._report.wrong(told, f"{word!r} is no strategy", f"one of {', '.join(STRATEGIES)}")
            return C.LONGEST_IDLE, told
        choice, differs = STRATEGIES[word]
        words = said(choice)
        if differs:
            self._report.approximated(told, f"{words}: {differs}")
        else:
            self._report.taken(told, words)
        return choice, told

    def _waits(self, queue: QueueDraft, values: dict[str, Setting]) -> None:
        report = self._report
        for key, setting in values.items():
            if key in QUEUE_NONE:
                report.none(setting, QUEUE_NONE[key])
        if (found := values.get("max-wait-time")) is not None:
            seconds = whole(report, found, 0, WAIT_SECONDS_MAX)
            queue.settings["wait_seconds_max"] = seconds or WAIT_SECONDS_MAX
            words = f"wait_seconds_max = {queue.settings['wait_seconds_max']}"
            tell = report.taken if seconds else report.approximated
            tell(found, words if seconds else f"{words}: every wait has an end here")
        if (found := values.get("max-wait-time-with-no-agent")) is not None:
            seconds = whole(report, found, 0, WAIT_SECONDS_MAX)
            queue.settings["unstaffed_exit"] = bool(seconds) and not queue.steps
            if seconds and queue.steps:
                report.none(found, "unstaffed_exit would look at the first ring of the plan alone")
            elif seconds:
                report.approximated(found, "unstaffed_exit = true: she leaves at once when nobody "
                                    "who could answer is logged in")  # fmt: skip
            else:
                report.taken(found, "unstaffed_exit = false")
        if (found := values.get("time-base-score")) is not None:
            if found.value.strip().lower() == "queue":
                report.taken(found, "what always happens: waiting counts from the queue on")
            else:
                report.none(found, "waiting counts from the queue on, not from the call's begin")
        if (found := values.get("agent-no-answer-status")) is not None:
            report.approximated(found, "not ready, with the reason that she did not answer")
        if (found := values.get("skip-agents-with-external-calls")) is not None:
            if yes(report, found):
                report.taken(found, "what always happens: who is in a call is not rung")
            else:
                report.none(found, "an agent in a call is offered no other call")

    def _times(self, queue: QueueDraft, people: list[str]) -> None:
        wraps = [self._wraps[name][1] for name in people if name in self._wraps]
        queue.settings["wrap_up_seconds"] = max(wraps, default=0)
        rings = [self._rings[name] for name in people if name in self._rings]
        if rings:
            queue.settings["ring_seconds"] = max(1, min(max(rings), RING_SECONDS_MAX))

    def _ladder(
        self, queue: QueueDraft, values: dict[str, Setting], tiers: list[Tier], choice: AgentChoice
    ) -> Ladder:
        """Levels as rungs, and tier rules as the plan that opens them."""
        rungs: dict[str, int] = {}
        for tier in tiers:
            rungs.setdefault(tier.agent, tier.level)
        levels = sorted(set(rungs.values()))
        applies = self._rules(values)
        if applies is None or not levels:
            ladder = Ladder(rungs)
            ladder.build(self.draft, queue, choice)
            return ladder
        wait, multiplied, at_once = applies
        ladder = Ladder(rungs, levels[0] if at_once else levels[0] - 1)
        ladder.build(self.draft, queue, choice)
        later = levels[1:] if at_once else levels
        changes: dict[int, int] = {}
        for level in later:
            changes[max(1, wait * level if multiplied else wait)] = level
        ladder.open(queue, sorted(changes.items()))
        if len(queue.steps) > STEPS_MAX:
            del queue.steps[STEPS_MAX:]
            self._report.approximated(values["tier-rules-apply"],
                                      f"a plan with the first {STEPS_MAX} steps")  # fmt: skip
        return ladder

    def _rules(self, values: dict[str, Setting]) -> tuple[int, bool, bool] | None:
        """Wait per level, whether it is multiplied, whether the first level is asked at once; None
        when tier rules do not apply."""
        report = self._report
        keys = ("tier-rules-apply", "tier-rule-wait-second", "tier-rule-wait-multiply-level",
                "tier-rule-no-agent-no-wait")  # fmt: skip
        apply, wait, multiply, no_wait = (values.get(key) for key in keys)
        applies = apply is not None and yes(report, apply)
        seconds = whole(report, wait, 0, 86_400) if wait else 0
        multiplied = yes(report, multiply) if multiply else False
        at_once = yes(report, no_wait) if no_wait else True
        if not applies:
            for setting in filter(None, (apply, wait, multiply, no_wait)):
                report.taken(setting, "nothing: tier rules do not apply, all levels are asked")
            return None
        assert apply is not None
        report.taken(apply, "the plan of the queue")
        for setting in filter(None, (wait, multiply)):
            report.taken(setting, "after_seconds of the plan's steps")
        if no_wait is not None and at_once:
            report.approximated(no_wait, "the lowest level asked at once; a level where nobody is "
                                "logged in is waited for like the others")  # fmt: skip
        elif no_wait is not None:
            report.taken(no_wait, "a first step of the plan before the lowest level, too")
        return seconds, multiplied, at_once

    def _tell_tiers(
        self, queue: QueueDraft, tiers: list[Tier], choice: AgentChoice, ladder: Ladder
    ) -> None:
        seen: set[str] = set()
        for tier in tiers:
            level = ladder.level(tier.agent)
            words = f"agent {tier.agent}: skill {queue.id} = {level} (level {tier.level})"
            if tier.agent in seen:
                self._report.none(tier.setting, f"{words} is there twice; the lowest level counts")
            elif ladder.merged and level == 1:
                self._report.approximated(tier.setting, f"{words}: ten levels, the last are one")
            elif choice is C.TOP_DOWN:
                self._report.taken(tier.setting, f"{words}, position {tier.position}")
            elif tier.position != 1:
                self._report.approximated(tier.setting, f"{words}; position {tier.position} has no "
                                          "part: the longest idle comes first")  # fmt: skip
            else:
                self._report.taken(tier.setting, words)
            seen.add(tier.agent)

    def _order(self, orders: list[tuple[Setting, list[str]]]) -> None:
        """Agents in the order of the first queue that goes by positions."""
        for _, people in orders[:1]:
            self.draft.put_first(list(dict.fromkeys(people)))
        order = list(self.draft.agents)
        for setting, people in orders[1:]:
            if sorted(people, key=order.index) != people:
                self._report.approximated(
                    setting, "the order in which the file names the agents, which is another "
                    "queue's: one order holds for all"
                )  # fmt: skip


def _param(element: Element, section: str) -> Setting:
    name = element.attributes.get("name", "?")
    return element.setting(section, name, element.attributes.get("value", ""))
