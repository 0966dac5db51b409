"""Queues, skills and agents in the making, and the TOML that they become.

Why: names elsewhere hold what names here may not (`support@default`, `Local/1001@agents/n`), and
two of them may come to the same. So names are made in one place, each once; and the text is
written so that a person reads and edits it afterwards.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

NAME_MAX = 64
QUEUES_MAX = 1000
AGENTS_MAX = 10_000


def name_of(text: str, *, small: bool = False) -> str:
    """What comes closest to `text` among names: letters, digits and . _ - (agents: small ones)."""
    plain = text.lower() if small else text
    allowed = "a-z0-9" if small else "A-Za-z0-9"
    made = re.sub(rf"[^{allowed}_.-]+", "-", plain).strip("-_.")
    return made[:NAME_MAX] or "unnamed"


def unique(name: str, taken: Any) -> str:
    """`name`, or with the first number behind it that makes it new."""
    made, number = name, 1
    while made in taken:
        number += 1
        made = f"{name[: NAME_MAX - 6]}-{number}"
    return made


@dataclass
class QueueDraft:
    """One `[[queue]]`."""

    id: str
    title: str = ""
    skills: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Everything else, as the configuration calls it."""
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class AgentDraft:
    """One `[[agent]]`."""

    id: str
    name: str = ""
    skills: dict[str, int] = field(default_factory=dict)


@dataclass
class Draft:
    """A center in the making."""

    queues: dict[str, QueueDraft] = field(default_factory=dict)
    agents: dict[str, AgentDraft] = field(default_factory=dict)
    skills: dict[str, None] = field(default_factory=dict)
    center: dict[str, Any] = field(default_factory=dict)

    def queue(self, name: str, title: str = "") -> QueueDraft:
        """A new queue, named after `name`."""
        made = QueueDraft(unique(name_of(name), self.queues), title)
        self.queues[made.id] = made
        return made

    def agent(self, name: str) -> AgentDraft:
        """The agent of this id, made when she is new."""
        return self.agents.setdefault(name, AgentDraft(name))

    def skill(self, name: str) -> str:
        """A skill, known from now on."""
        self.skills[name] = None
        return name

    def put_first(self, people: list[str]) -> None:
        """Name these agents before all others, in this order: what `top_down` goes by."""
        order = [*people, *(name for name in self.agents if name not in people)]
        self.agents = {name: self.agents[name] for name in order}

    def toml(self, heading: list[str]) -> str:
        """The file."""
        lines = [f"# {line}".rstrip() for line in heading]
        if self.center:
            lines += ["", "[center]", *_pairs(self.center)]
        for skill in self.skills:
            lines += ["", "[[skill]]", f"name = {_value(skill)}"]
        for queue in self.queues.values():
            lines += ["", *_queue(queue)]
        for agent in self.agents.values():
            lines += ["", *_agent(agent)]
        return "\n".join(lines) + "\n"


def _queue(queue: QueueDraft) -> list[str]:
    lines = ["[[queue]]", f"id = {_value(queue.id)}"]
    if queue.title and queue.title != queue.id:
        lines.append(f"title = {_value(queue.title)}")
    if queue.skills:
        lines.append(f"skills = {_value(queue.skills)}")
    lines += _pairs(queue.settings)
    for step in queue.steps:
        lines += ["[[queue.plan.steps]]", *_pairs(step)]
    return lines


def _agent(agent: AgentDraft) -> list[str]:
    lines = ["[[agent]]", f"id = {_value(agent.id)}"]
    if agent.name and agent.name != agent.id:
        lines.append(f"name = {_value(agent.name)}")
    lines.append(f'# password_file = "secrets/{agent.id}-phone"   # her phone registers with it')
    if agent.skills:
        lines.append(f"skills = {_value(agent.skills)}")
    return lines


def _pairs(values: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items()]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    # JSON's text is TOML's, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)
