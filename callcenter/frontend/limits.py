"""How much is let in: calls per source, guesses at passwords, and how late is too late.

Why: everything a stranger can make us keep has a bound, and reaching it is a named ending, not a
slow death. All of these count in monotonic microseconds handed in.

Sources: RFC 3261 26 (security considerations), `security.md` 2 (scanners, password guessing).
"""

from typing import TypeVar

from callcenter.domain.units import MINUTE, SECOND, Micros

CALLS_MAX = 2000
CALL_SECONDS_MAX = 4 * 3600
SOURCES_MAX = 10_000
"""Sources remembered at once; the longest unheard are forgotten first."""
USER_CHARACTERS_MAX = 64
CREDIT_BYTES_MAX = 1_000_000
"""What a source may have sent us and is not answered yet."""
K = TypeVar("K")
V = TypeVar("V")


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


class ReplyBudget:
    """How much is answered to an address that may be forged: no more than came from there.

    Who sends a small request under somebody else's address would have us send more to that one
    than he sent himself. What must be answered at greater length (a challenge, the answer of a
    call) is taken from `allowance`, bytes, which fills up again within `window`.
    """

    def __init__(self, *, allowance: int = 65_536, window: Micros = MINUTE) -> None:
        self._allowance = float(allowance)
        self._per_micro = allowance / window
        self._credit: dict[str, tuple[float, Micros]] = {}

    def heard(self, source: str, size: int, now: Micros) -> None:
        """So many bytes came from `source`."""
        self._change(source, size, now)

    def allows(self, source: str, size: int, now: Micros) -> bool:
        """Whether so many bytes may go there; they are counted if so."""
        if self._change(source, 0, now) < size:
            return False
        self._change(source, -size, now)
        return True

    def _change(self, source: str, size: int, now: Micros) -> float:
        credit, since = self._credit.pop(source, (self._allowance, now))
        if credit < self._allowance:
            credit = min(self._allowance, credit + (now - since) * self._per_micro)
        credit = min(credit + size, CREDIT_BYTES_MAX)
        _remember(self._credit, source, (credit, now))
        return credit


class Proved:
    """Hosts that are no forgery: they answered what only who heard us there can know."""

    def __init__(self) -> None:
        self._hosts: dict[str, None] = {}

    def add(self, host: str) -> None:
        """Believe `host`; the one that was not heard of for longest is forgotten."""
        _remember(self._hosts, host, None)

    def __contains__(self, host: str) -> bool:
        return host in self._hosts


Guess = tuple[str, str]
"""Source and user name."""


class FailureLock:
    """Shuts out whoever guesses at one user's password, and a source that guesses at everybody's.

    After `failures_max` failures within `window` the pair of source and user is refused for
    `lock`; after `source_failures_max`, every user of that source who has not shown a right
    password from there. So one mistyped phone silences itself and not the office it stands in.
    """

    def __init__(
        self,
        *,
        failures_max: int = 10,
        source_failures_max: int = 100,
        window: Micros = MINUTE,
        lock: Micros = MINUTE,
    ) -> None:
        self._failures_max = failures_max
        self._source_failures_max = source_failures_max
        self._window = window
        self._lock = lock
        self._failures: dict[Guess, list[Micros]] = {}
        self._locked_until: dict[Guess, Micros] = {}
        self._proven: dict[Guess, None] = {}

    def is_locked(self, source: str, user: str, now: Micros) -> bool:
        """Whether a password of `user` from `source` is refused unheard."""
        pair = _guess(source, user)
        return self._is_shut(pair, now) or (
            pair not in self._proven and self._is_shut((source, ""), now)
        )

    def _is_shut(self, key: Guess, now: Micros) -> bool:
        until = self._locked_until.get(key)
        if until is None:
            return False
        if until > now:
            return True
        del self._locked_until[key]
        return False

    def failed(self, source: str, user: str, now: Micros) -> None:
        """Count a wrong password (or an unknown name: the two are the same to us)."""
        self._count(_guess(source, user), self._failures_max, now)
        self._count((source, ""), self._source_failures_max, now)

    def _count(self, key: Guess, failures_max: int, now: Micros) -> None:
        recent = [at for at in self._failures.pop(key, ()) if at > now - self._window]
        recent.append(now)
        if len(recent) >= failures_max:
            _remember(self._locked_until, key, now + self._lock)
        else:
            _remember(self._failures, key, recent)

    def succeeded(self, source: str, user: str) -> None:
        """A good password."""
        pair = _guess(source, user)
        self._failures.pop(pair, None)
        _remember(self._proven, pair, None)


def _guess(source: str, user: str) -> Guess:
    """A name of any length takes little room; the empty one stands for the source as a whole."""
    return source, user[:USER_CHARACTERS_MAX] or "?"


def _remember(table: dict[K, V], key: K, value: V) -> None:
    """Keep it as the newest; over the limit the oldest goes."""
    table.pop(key, None)
    table[key] = value
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
