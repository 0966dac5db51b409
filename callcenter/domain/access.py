"""Who may do what at the doors of the center: scopes, tokens, sessions.

Why: the same four words stand in the API, on the command line and in the history, and a secret is
never among them: what is kept is a digest.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.units import AgentId, Micros


class Scope(StrEnum):
    """What a token or a session may do. Each includes what is said beside it."""

    WALL = "wall"
    """Read queues, agents and contacts, numbers masked."""
    AGENT = "agent"
    """Her own desk: her state, her contact."""
    SUPERVISOR = "supervisor"
    """Everything of `wall` and `agent`, for everyone; numbers in full when asked for."""
    ADMIN = "admin"
    """Everything."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as it is kept: by the digest of its secret."""

    id: str
    name: str
    scope: Scope
    digest: str
    created: Micros
    expires: Micros = 0
    """0 for never."""
    revoked: Micros = 0

    def valid(self, now: Micros) -> bool:
        """Neither revoked nor expired."""
        return not self.revoked and (not self.expires or now < self.expires)


class WebSession(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that logged in, by the digest of its cookie."""

    digest: str
    scope: Scope
    agent: AgentId = AgentId("")
    """The person; empty when a token was exchanged for the session."""
    token: str = ""
    """The token it came from: revoked with it."""
    csrf: str
    created: Micros
    seen: Micros
    expires: Micros
