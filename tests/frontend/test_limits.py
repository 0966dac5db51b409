"""Limits count per source, in virtual time."""

from callcenter.domain.units import MINUTE, SECOND
from callcenter.frontend.limits import SOURCES_MAX, CenterClock, FailureLock, RateLimit, ReplyBudget


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


def test_whoever_keeps_guessing_at_one_user_is_locked_for_a_while() -> None:
    lock = FailureLock(failures_max=3)
    for at in range(3):
        assert not lock.is_locked("a", "ana", at)
        lock.failed("a", "ana", at)
    assert lock.is_locked("a", "ana", 3)
    assert not lock.is_locked("b", "ana", 3)
    assert not lock.is_locked("a", "ana", 3 + MINUTE)


def test_one_mistyped_phone_does_not_lock_the_office_it_stands_in() -> None:
    lock = FailureLock(failures_max=3)
    for at in range(50):
        lock.failed("office", "ana", at)
    assert lock.is_locked("office", "ana", 50)
    assert not lock.is_locked("office", "ben", 50)


def test_a_source_that_guesses_at_everybody_is_locked_but_for_those_who_proved_themselves() -> None:
    lock = FailureLock(failures_max=3, source_failures_max=5)
    lock.succeeded("a", "ben")
    for at in range(5):
        lock.failed("a", f"user{at}", at)
    assert lock.is_locked("a", "eve", 5)
    assert lock.is_locked("a", "", 5)
    assert not lock.is_locked("a", "ben", 5)
    assert not lock.is_locked("b", "eve", 5)
    assert not lock.is_locked("a", "eve", 5 + MINUTE)


def test_old_failures_and_a_good_password_do_not_count() -> None:
    lock = FailureLock(failures_max=2)
    lock.failed("a", "ana", 0)
    lock.failed("a", "ana", 2 * MINUTE)
    assert not lock.is_locked("a", "ana", 2 * MINUTE)
    lock.succeeded("a", "ana")
    lock.failed("a", "ana", 2 * MINUTE + 1)
    assert not lock.is_locked("a", "ana", 2 * MINUTE + 1)


def test_what_is_remembered_of_guessers_is_bounded() -> None:
    lock = FailureLock(failures_max=2)
    for number in range(SOURCES_MAX + 10):
        for at in (0, 1):
            lock.failed(f"s{number}", "u" * 10_000, at)
        lock.succeeded(f"s{number}", "v" * 10_000)
    tables = (lock._failures, lock._locked_until, lock._proven)
    assert all(len(table) <= SOURCES_MAX for table in tables)
    assert all(len(user) <= 64 for table in tables for _, user in table)


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


def test_a_forged_address_is_sent_no_more_than_came_from_it() -> None:
    budget = ReplyBudget(allowance=1000, window=MINUTE)
    assert budget.allows("victim", 900, 0)
    assert not budget.allows("victim", 900, 0)
    budget.heard("victim", 500, 0)
    assert budget.allows("victim", 600, 0)
    assert not budget.allows("victim", 100, 0)
    assert budget.allows("another", 1000, 0)
    assert budget.allows("victim", 1000, MINUTE), "it fills up again"


def test_many_phones_behind_one_address_are_all_answered() -> None:
    budget = ReplyBudget(allowance=1000, window=MINUTE)
    for _ in range(100):
        budget.heard("office", 500, 0)
    assert sum(budget.allows("office", 500, 1) for _ in range(200)) == 102
