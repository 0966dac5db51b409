"""kill -9 at every place: nobody lost, nobody connected twice, nobody stuck, the books balance.

Some two hundred points here; `python -m tests.crash --points 10000` plays as many as you like.
"""

from __future__ import annotations

import pytest

from callcenter.adapters.store import follower as followers
from callcenter.adapters.store import leader as leaders
from tests.crash.death import Point
from tests.crash.outside import CENTER, Outside
from tests.crash.run import kill_front_ends, kill_leaders, kill_standbys, kill_stores, spread, store


@pytest.fixture(autouse=True)
def _as_shipped_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """These stories let nobody wait; what comes after them does again."""
    monkeypatch.setattr(leaders, "PATIENT_SECONDS", leaders.PATIENT_SECONDS)
    monkeypatch.setattr(followers, "ARCHIVE_SECONDS", followers.ARCHIVE_SECONDS)


def test_a_leader_that_dies_stalls_or_is_cut_off_anywhere_costs_nothing() -> None:
    with store(on_disk=False) as server:
        tally = kill_leaders(server, 90)
    assert tally.played == 90
    assert tally.came >= 80


def test_a_standby_that_dies_or_stalls_anywhere_loses_nothing_of_the_archive() -> None:
    with store(on_disk=False) as server:
        tally = kill_standbys(server, 36)
    assert tally.played == 36
    assert tally.came >= 25  # on a busy machine more is read at once, and fewer points are met


def test_a_front_end_that_dies_or_stalls_anywhere_costs_no_call() -> None:
    with store(on_disk=False) as server:
        tally = kill_front_ends(server, 70)
    assert tally.played == 70
    assert tally.came >= 60


def test_a_store_that_is_killed_anywhere_costs_nothing() -> None:
    with store(on_disk=True) as server:
        tally = kill_stores(server, 10)
    assert tally.played == 10


def test_points_are_spread_over_all_there_are() -> None:
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread([1, 2], 5) == [1, 2]
    assert str(Point(3)) == "3:before"


def test_the_story_outside_depends_on_its_seed_alone() -> None:
    assert Outside(1, 5).chance.random() == Outside(1, 5).chance.random()
    assert len(CENTER.agents) == 4
