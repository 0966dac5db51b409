"""Whether a store that somebody else runs is safe enough to hold the journal.

Why: an acknowledged command must survive a power cut, and nothing may be evicted. A weaker store,
or one that does not say how it is set, is refused unless `[store] accept_loss_seconds` admits what
could be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callcenter.adapters.store.embedded import StoreUnavailable

if TYPE_CHECKING:
    from redis import Redis

EVERYSEC_LOSS_SECONDS = 2.0
"""What `everysec` may lose by its own documentation, when the disk is slow."""

_WANTED = ("appendonly", "appendfsync", "maxmemory-policy")


def settings_of(client: Redis) -> dict[str, str]:
    """What the store says of itself; empty values where it does not."""
    from redis import ResponseError

    found: dict[str, str] = {}
    for name in _WANTED:
        try:
            reply: Any = client.config_get(name)
        except ResponseError:
            reply = {}
        value = reply.get(name, reply.get(name.encode(), ""))
        found[name] = value.decode() if isinstance(value, bytes) else str(value)
    return found


def weakness(found: dict[str, str]) -> tuple[float, str]:
    """Seconds that may be lost (infinite for all), and why; 0 for a safe store."""
    if not all(found.values()):
        return float("inf"), "it does not say how it writes to disk (CONFIG GET is not allowed)"
    if found["appendonly"] != "yes":
        return float("inf"), "appendonly is off: a restart loses everything since the last dump"
    if found["appendfsync"] == "everysec":
        return EVERYSEC_LOSS_SECONDS, "appendfsync is everysec"
    if found["appendfsync"] != "always":
        return float("inf"), f"appendfsync is {found['appendfsync']}"
    return 0.0, ""


def require_safe(client: Redis, accept_loss_seconds: float | None) -> None:
    """Raises `StoreUnavailable` with the remedy when the store is weaker than admitted."""
    found = settings_of(client)
    if found["maxmemory-policy"] not in ("", "noeviction"):
        raise StoreUnavailable(
            f"the store's maxmemory-policy is {found['maxmemory-policy']}: it would forget calls; "
            "set `maxmemory-policy noeviction`"
        )
    seconds, reason = weakness(found)
    if seconds > (accept_loss_seconds or 0):
        if seconds == float("inf") and accept_loss_seconds is not None:
            return  # the operator has said that a loss is acceptable
        raise StoreUnavailable(
            f"the store may lose what it acknowledged: {reason}. Set `appendonly yes` and "
            "`appendfsync always`, or admit the loss with [store] accept_loss_seconds"
        )
