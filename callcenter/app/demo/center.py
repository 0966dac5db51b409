"""The demo's center: five queues, a team with uneven skills, and how busy the day is.

Why: a scenario is data. It is turned into an ordinary `callcenter.toml` and into orders for the
people at the phones, and into nothing else.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callcenter.app.phones.tones import AGENT_TONES

MAIN_NUMBER = "100"
FOREIGN_AGENT = "vera"
"""The agent whose telephone is pyVoIP: somebody else's code in the same team."""

TEAM: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("anna", "Anna Ortiz", {"sales": 8, "billing": 4, "reception": 5}),
    ("ben", "Ben Carter", {"sales": 6, "reception": 5}),
    ("chandra", "Chandra Rao", {"support": 9, "billing": 3, "reception": 4}),
    ("dana", "Dana Whitfield", {"support": 7, "reception": 6}),
    ("elena", "Elena Ruiz", {"billing": 8, "sales": 3, "reception": 5}),
    ("farid", "Farid Haddad", {"billing": 6, "support": 4, "reception": 5}),
    ("grace", "Grace Kim", {"support": 6, "sales": 5, "reception": 5}),
    ("hugo", "Hugo Lindqvist", {"reception": 9, "sales": 4}),
    ("isha", "Isha Patel", {"sales": 7, "billing": 5, "reception": 5}),
    ("jonas", "Jonas Weber", {"support": 8, "reception": 4}),
    ("karim", "Karim Aziz", {"billing": 7, "reception": 5, "support": 3}),
    (FOREIGN_AGENT, "Vera Novak", {"reception": 7, "sales": 5, "billing": 4, "support": 4}),
)

VISITOR = "you"
"""The agent nobody plays: whoever tries the demo registers a softphone as this one."""
VISITOR_SKILLS = {"sales": 5, "billing": 5, "support": 5, "reception": 5}

QUEUES: tuple[dict[str, Any], ...] = (
    {"id": "sales", "title": "Sales", "skills": {"sales": 3}, "priority": 5},
    {"id": "billing", "title": "Billing", "skills": {"billing": 3}, "priority": 5},
    {"id": "support", "title": "Support", "skills": {"support": 4}, "priority": 6},
    {"id": "reception", "title": "Reception", "skills": {"reception": 4}, "priority": 4},
)

CHAT = "website"
"""The chat, its queue and the skill for it."""
CHAT_AGENT = "nadia"
"""Who chats with visitors, and takes no calls."""
CHAT_QUEUE: dict[str, Any] = {
    "id": CHAT, "title": "Website chat", "skills": {CHAT: 3}, "priority": 5,
}  # fmt: skip

KEYS_OF_QUEUE = {"sales": "1", "billing": "2", "support": "3", "reception": "0"}


@dataclass(frozen=True)
class Scenario:
    """How the day goes. Rates per minute, means in seconds."""

    calls_per_minute: float = 40.0
    patience_seconds: float = 60.0
    talk_seconds: float = 14.0
    weights: dict[str, float] = field(
        default_factory=lambda: {"sales": 4, "billing": 3, "support": 4, "reception": 2}
    )
    team_size: int = len(TEAM)
    ignores_share: float = 0.03
    declines_share: float = 0.02
    callback_share: float = 0.04
    """Of those who wait: they would rather be called back."""


SCENARIOS: dict[str, Scenario] = {
    "normal": Scenario(),
    "monday-morning": Scenario(calls_per_minute=80.0, patience_seconds=90.0, callback_share=0.15),
    "outage": Scenario(
        calls_per_minute=70.0,
        patience_seconds=40.0,
        talk_seconds=10.0,
        weights={"sales": 1, "billing": 1, "support": 12, "reception": 1},
    ),
    "understaffed": Scenario(team_size=4, patience_seconds=45.0, callback_share=0.25),
}


@dataclass(frozen=True)
class DemoCenter:
    """Where the demo's server lives and who works there. Addresses are host:port."""

    directory: Path
    sip: str
    web: str
    scenario: Scenario
    passwords: dict[str, str]

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.directory / "callcenter.toml"

    def agents(self) -> tuple[tuple[str, str, dict[str, int]], ...]:
        """The team on duty, whom we play; the foreign phone is always among them."""
        size = max(2, self.scenario.team_size)
        return (*TEAM[: size - 1], TEAM[-1])

    def tone(self, agent: str) -> int:
        """The frequency by which `agent` is recognised."""
        return AGENT_TONES[[name for name, *_ in TEAM].index(agent)]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def write_center(
    directory: Path,
    *,
    sip: str,
    web: str,
    scenario: Scenario,
    rtp_ports: str,
    guests: bool = True,
    line_port: int = 0,
) -> DemoCenter:
    """Write `callcenter.toml` into `directory` and tell where everything is."""
    passwords = {
        name: secrets.token_urlsafe(12) for name in (*(n for n, *_ in TEAM), VISITOR, CHAT_AGENT)
    }
    center = DemoCenter(directory, sip, web, scenario, passwords)
    lines = [
        "# Written by `callcenter demo`; deleted with its directory at the end.",
        f"state_directory = {_toml(str(directory / 'state'))}",
        "[center]",
        'name = "Demo center"',
        "[sip]",
        f"listen = [{_toml(sip)}]",
        "[media]",
        f"rtp_ports = {_toml(rtp_ports)}",
        "[web]",
        f"listen = {_toml(web)}",
        "[[number]]",
        f"number = {_toml(MAIN_NUMBER)}",
        'flow = "main-line"',
        f"guests = {_toml(guests)}",
        "[[calendar]]",
        'name = "office"',
        'open = ["mon-sun 00:00-24:00"]',
    ]
    if line_port:
        lines += ["[[trunk]]", 'name = "provider"', f'address = "127.0.0.1:{line_port}"']
        lines += ['dial = ["+1555"]']
    for skill in (*QUEUES, CHAT_QUEUE):
        lines += ["[[skill]]", f"name = {_toml(skill['id'])}", f"title = {_toml(skill['title'])}"]
    lines += ["[[chat]]", f"name = {_toml(CHAT)}", f"queue = {_toml(CHAT)}"]
    for queue in (*QUEUES, CHAT_QUEUE):
        lines.append("[[queue]]")
        lines += [f"{key} = {_toml(value)}" for key, value in queue.items()]
        lines += ["ring_seconds = 12", "wrap_up_seconds = 10", "target_seconds = 20"]
        lines += ["callback = { ring_seconds = 15, retry_minutes = 1 }"]
    others = ((VISITOR, "You", VISITOR_SKILLS), (CHAT_AGENT, "Nadia Benali", {CHAT: 8}))
    for name, person, skills in (*center.agents(), *others):
        lines += [
            "[[agent]]",
            f"id = {_toml(name)}",
            f"name = {_toml(person)}",
            f"password = {_toml(passwords[name])}",
            f"web_password = {_toml(passwords[name])}",
            f"skills = {_toml(skills)}",
            f"phone_profile = {_toml('legacy' if name == FOREIGN_AGENT else 'standard')}",
        ]
    lines += ["[[agent]]", 'id = "supervisor"', 'name = "Sam Supervisor"', 'role = "supervisor"']
    secret = secrets.token_urlsafe(12)
    passwords["supervisor"] = secret
    lines += [f"password = {_toml(secrets.token_urlsafe(12))}", f"web_password = {_toml(secret)}"]
    center.config.write_text("\n".join(lines) + "\n", "utf-8")
    center.config.chmod(0o600)
    return center
