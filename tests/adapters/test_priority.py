"""Who stands back gets its share, and interrupts nobody for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from callcenter.adapters.priority import stand_back, stand_first


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    stand_first()


def test_who_stands_back_is_a_batch_process_until_somebody_waits_for_it() -> None:
    stand_back()
    assert os.sched_getscheduler(0) == os.SCHED_BATCH
    stand_first()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
