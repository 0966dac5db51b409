"""Members of `queues.conf`: which person an interface is, and on which rung she stands.

    member => interface[,penalty][,name][,state interface][,ringinuse][,wrapuptime][,paused]

An interface is a phone, an agent here is a person with an account that any number of phones register
with. So interfaces that share a member name, or end in the same extension, are one agent.
"""

from __future__ import annotations

import re

from callcenter.app.importers.draft import Draft, name_of
from callcenter.app.importers.report import FALSE, Report, Setting

PENALTY_MAX = 1_000_000_000
SIP_LIKE = frozenset(("sip", "pjsip", "iax2", "agent", "local", "hint", "sccp"))
"""Technologies whose name of a device can be an agent's id as it is."""

_INTERFACE = re.compile(r"([A-Za-z0-9]+)[/:]([^@/]+).*")


class Members:
    """Everybody who is a member of some queue."""

    def __init__(self, draft: Draft, report: Report) -> None:
        self._draft = draft
        self._report = report
        self._by_interface: dict[str, str] = {}
        self._by_name: dict[str, str] = {}

    def rungs(self, settings: list[Setting], ignore_penalties: str) -> dict[str, int]:
        """The agents of one queue and their penalties; `ignore_penalties` says why they are 0."""
        rungs: dict[str, int] = {}
        for setting in settings:
            parts = [part.strip() for part in setting.value.split(",")]
            parts += [""] * (7 - len(parts))
            if not parts[0]:
                self._report.wrong(setting, "a member has no interface", "write PJSIP/1001")
                continue
            agent, words, exact = self._agent(parts[0], parts[2], parts[3])
            penalty = 0 if ignore_penalties else self._penalty(setting, parts[1])
            if agent in rungs:
                words += ", whose lower penalty counts"
                exact = False
            rungs[agent] = min(rungs.get(agent, penalty), penalty)
            words += f", penalty {penalty}"
            if ignore_penalties and parts[1]:
                words += f" ({ignore_penalties})"
            tell = self._report.taken if exact else self._report.approximated
            tell(setting, words)
            self._tell_rest(setting, parts)
        return rungs

    def _agent(self, interface: str, name: str, state: str) -> tuple[str, str, bool]:
        """Her id, how to say who she is, and whether that is as it was."""
        kind, device = _split(state or interface)
        exact = kind in SIP_LIKE
        wanted = name_of(device if exact else f"{kind}-{device}", small=True)
        known = self._by_interface.get(interface) or (self._by_name.get(name) if name else None)
        agent = known or wanted
        same = agent in self._draft.agents and interface not in self._by_interface
        self._by_interface[interface] = agent
        if name:
            self._by_name.setdefault(name, agent)
        made = self._draft.agent(agent)
        made.name = made.name or name
        words = f"agent {agent}"
        if not exact:
            return agent, f"{words}: {kind} cannot be rung, give her a SIP phone", False
        if same:
            return agent, f"{words}: {interface} is another phone of hers, to register too", False
        return agent, words, True

    def _penalty(self, setting: Setting, text: str) -> int:
        if not text:
            return 0
        if not re.fullmatch(r"-?\d{1,10}", text):
            self._report.wrong(
                setting, f"penalty {text!r} is not a whole number", "write 0 or more"
            )
            return 0
        return max(0, min(int(text), PENALTY_MAX))

    def _tell_rest(self, setting: Setting, parts: list[str]) -> None:
        """What else may stand behind a member."""
        if parts[4] and parts[4].lower() not in FALSE:
            self._report.none(setting, "ringinuse: an agent in a call is offered no other call")
        if parts[5]:
            self._report.none(setting, f"wrapuptime {parts[5]}: wrap-up is the queue's, see "
                              "wrap_up_seconds")  # fmt: skip
        if parts[6] and parts[6].lower() not in FALSE:
            self._report.none(setting, "paused: agents begin logged out and say themselves that "
                              "they are ready")  # fmt: skip
        for extra in parts[7:]:
            self._report.none(setting, f"{extra!r}: a member has seven fields")


def _split(interface: str) -> tuple[str, str]:
    """Technology and device: `PJSIP/1001@trunk/n` is pjsip and 1001."""
    found = _INTERFACE.fullmatch(interface)
    return (found[1].lower(), found[2]) if found else ("sip", interface)
