"""Limits count per source, in virtual time."""

from callcenter.domain.units import MINUTE, SECOND
from callcenter.frontend.limits import SOURCES_MAX, CenterClock, FailureLock, RateLimit


def test_a_burst_is_let_in_and_then_only_the_rate() -> None:
    rates = RateLimit(per_second=2.0, burst=3)
    assert [rates.allows("a", 0) for _ in range(4)] == [True, True, True, False]
    assert rates.allows("a", SECOND // 2)
    assert not rates.allows("a", SECOND // 2)


def test_sources_do_not_share_their_rate() -> None:
    rates = RateLimit(per_second=1.0, burst=1)
    assert rates.allows("a", 0)
    assert rates.allows("b", 0)
    assert not rates.allows("a", 0)


def test_remembered_sources_are_bounded() -> None:
    rates = RateLimit(per_second=1.0, burst=1)
    for number in range(SOURCES_MAX + 10):
        rates.allows(str(number), 0)
    assert rates.allows("0", 0), "the longest unheard source was forgotten"


def test_a_source_that_keeps_guessing_is_locked_for_a_while() -> None:
    lock = FailureLock(failures_max=3)
    for at in range(3):
        assert not lock.is_locked("a", at)
        lock.failed("a", at)
    assert lock.is_locked("a", 3)
    assert not lock.is_locked("b", 3)
    assert not lock.is_locked("a", 3 + MINUTE)


def test_old_failures_and_a_good_password_do_not_count() -> None:
    lock = FailureLock(failures_max=2)
    lock.failed("a", 0)
    lock.failed("a", 2 * MINUTE)
    assert not lock.is_locked("a", 2 * MINUTE)
    lock.succeeded("a")
    lock.failed("a", 2 * MINUTE + 1)
    assert not lock.is_locked("a", 2 * MINUTE + 1)


def test_center_time_is_guessed_by_the_wall_clock_until_an_event_is_heard() -> None:
    clock = CenterClock(1000 * SECOND)
    assert clock.center(5 * SECOND) == 1005 * SECOND
    clock.heard(at=1005 * SECOND - 300_000, now=5 * SECOND)
    assert clock.center(6 * SECOND) == 1006 * SECOND - 300_000


def test_a_late_event_does_not_pull_center_time_back() -> None:
    clock = CenterClock(1000 * SECOND)
    clock.heard(at=1001 * SECOND, now=SECOND)
    clock.heard(at=1001 * SECOND, now=3 * SECOND)
    assert clock.center(4 * SECOND) == 1004 * SECOND


def test_an_event_from_before_a_restart_is_not_believed() -> None:
    clock = CenterClock(1000 * SECOND)
    clock.heard(at=400 * SECOND, now=SECOND)
    assert clock.center(SECOND) == 999 * SECOND
