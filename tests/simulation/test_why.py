"""Whole days explained: every offer has the reason it was made for, and everybody else hers."""

from __future__ import annotations

from collections import Counter

from callcenter.control.replay import same
from callcenter.domain.events import OfferMade
from callcenter.domain.why import Rule
from tests.control.explaining import Checker, decide_checked
from tests.simulation.day import Day

SEEDS = (1, 2, 3)
CONTACTS = 250
ORDINARY = (
    Rule.LACKS, Rule.NOT_READY, Rule.LOGGED_OUT, Rule.UNREACHABLE, Rule.AT_WORK, Rule.WRAP_UP,
    Rule.RINGING, Rule.LATER, Rule.RESTING, Rule.WAITS_FOR_ANOTHER,
)  # fmt: skip


def test_every_offer_of_a_day_is_explained_and_every_reason_is_true() -> None:
    told = Counter[str]()
    for seed in SEEDS:
        day = Day(seed, CONTACTS)
        day.run()
        checker = Checker(agents_looked_at=2, seed=seed)
        fed = [(epoch, given, ("", asked) if asked else None) for epoch, given, asked in day.fed]
        again = decide_checked(fed, checker)
        assert same(again, day.journal), f"day {seed}: explaining decides the same, byte for byte"
        offers = sum(isinstance(event, OfferMade) for event in day.journal)
        assert checker.told["offers"] == offers
        told += checker.told
    assert told["toggled"] > 500
    assert [rule for rule in ORDINARY if not told[rule]] == [], "the days were eventful"
