"""How much is let in: calls per source, guesses at passwords, and how late is too late.

Why: everything a stranger can make us keep has a bound, and reaching it is a named ending, not a
slow death. All of these count in monotonic microseconds handed in.

Sources: RFC 3261 26 (security considerations), `security.md` 2 (scanners, password guessing).
"""

from callcenter.domain.units import MINUTE, SECOND, Micros

CALLS_MAX = 2000
CALL_SECONDS_MAX = 4 * 3600
SOURCES_MAX = 10_000
"""Sources remembered at once; the longest unheard are forgotten first."""


class RateLimit:
    """A token bucket per source: `burst` at once, `per_second` in the long run."""

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._per_micro = per_second / SECOND
        self._burst = float(burst)
        self._buckets: dict[str, tuple[float, Micros]] = {}

    def allows(self, source: str, now: Micros) -> bool:
        """Take one token of `source`. False when there is none left."""
        tokens, since = self._buckets.pop(source, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_micro)
        allowed = tokens >= 1.0
        self._buckets[source] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > SOURCES_MAX:
            del self._buckets[next(iter(self._buckets))]
        return allowed


class FailureLock:
    """Shuts a source out for `lock` after `failures_max` failures within `window`.

    One good password clears the count, so a mistyped phone never locks itself out for long.
    """

    def __init__(
        self, *, failures_max: int = 10, window: Micros = MINUTE, lock: Micros = MINUTE
    ) -> None:
        self._failures_max = failures_max
        self._window = window
        self._lock = lock
        self._failures: dict[str, list[Micros]] = {}
        self._locked_until: dict[str, Micros] = {}

    def is_locked(self, source: str, now: Micros) -> bool:
        """Whether `source` is refused unheard."""
        until = self._locked_until.get(source)
        if until is None:
            return False
        if until > now:
            return True
        del self._locked_until[source]
        return False

    def failed(self, source: str, now: Micros) -> None:
        """Count a wrong password (or an unknown name: the two are the same to us)."""
        recent = [at for at in self._failures.pop(source, ()) if at > now - self._window]
        recent.append(now)
        if len(recent) >= self._failures_max:
            self._remember(self._locked_until, source, now + self._lock)
            return
        self._failures[source] = recent
        if len(self._failures) > SOURCES_MAX:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, source: str) -> None:
        """A good password."""
        self._failures.pop(source, None)

    @staticmethod
    def _remember(table: dict[str, Micros], source: str, until: Micros) -> None:
        table[source] = until
        if len(table) > SOURCES_MAX:
            del table[next(iter(table))]


class CenterClock:
    """What center time is, as learnt from what control commits.

    An event's `at` was center time when it was committed and reached us a little later, so
    `at - now` is never more than the true offset: the largest sample of the last two windows is
    the best guess. The wall clock (`guess`) counts within two seconds, as DESIGN 4 allows.
    """

    def __init__(self, guess: Micros) -> None:
        self._guess = guess
        self._current: Micros | None = None
        self._previous: Micros | None = None
        self._window_ends: Micros = 0

    def heard(self, at: Micros, now: Micros) -> None:
        """An event committed at center time `at` was read."""
        if now >= self._window_ends:
            self._previous, self._current = self._current, None
            self._window_ends = now + 30 * SECOND
        sample = at - now
        self._current = sample if self._current is None else max(self._current, sample)

    def center(self, now: Micros) -> Micros:
        """Center time at `now`."""
        samples = [s for s in (self._current, self._previous) if s is not None]
        if not samples:
            return now + self._guess
        learnt = max(samples)
        return now + min(max(learnt, self._guess - 2 * SECOND), self._guess + 2 * SECOND)
