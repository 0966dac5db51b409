"""The table of roles: what runs, in which order, and on what it stands.

Why: the holder, the service files, the container files and the documentation must not each know
this for themselves. A role's module holds `serve(context, stopping)`; how its process runs is
`RUNNER` there or here:

- `asyncio`: a coroutine on uvloop;
- `reactor`: the same, with Twisted's asyncio reactor installed on that loop;
- `plain`:   a function `serve(context)` in the main thread, which watches `stopping()` itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """One row of the table."""

    name: str
    after: tuple[str, ...]
    """Roles that must be ready before this one begins, where they are started together."""
    stop_seconds: float
    """How long it may drain before it is killed."""
    runner: str
    purpose: str
    replicas: str
    """How many there may be, in words for the operator."""

    @property
    def module(self) -> str:
        """Where `serve` is."""
        return f"callcenter.app.roles.{self.name}"


ROLES: tuple[Role, ...] = (
    Role("store", (), 10, "server", "the embedded Valkey", "one per center, or an external store"),
    Role("media", (), 3, "plain", "hears and speaks: RTP, prompts, bridges", "any number"),
    Role("control", ("store",), 3, "plain", "decides: the one writer of the journal", "one leads"),
    Role(
        "standby", ("control",), 3, "plain",
        "follows, writes snapshots and the archive, takes over", "one or more",
    ),
    Role(
        "intake", ("control",), 10, "asyncio",
        "takes in mails, faxes and messages: kept, claimed, read, queued", "one per center",
    ),
    Role("fax", ("control",), 5, "asyncio", "takes faxes: T.30 over sound and T.38", "one per machine"),
    Role("records", ("control",), 5, "asyncio", "folds events into the history", "one per center"),
    Role(
        "frontend", ("media", "control"), 15, "reactor",
        "the SIP and IVR front end: owns calls", "any number, each with its own address",
    ),
    Role("web", ("frontend", "records"), 5, "asyncio", "wall, desk, API, metrics", "any number"),
)  # fmt: skip
"""In the order they are started."""

STOP_ORDER = (
    "frontend", "fax", "intake", "web", "records", "media", "standby", "control", "store",
)  # fmt: skip
"""Calls end first, what they are written with ends last."""

BY_NAME: dict[str, Role] = {role.name: role for role in ROLES}
