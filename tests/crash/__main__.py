"""`python -m tests.crash [--points N]`: deaths of leader, standby, front end and store.

Exits with 1 and the seed and point when anybody was lost, doubled, stuck or miscounted.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence

import structlog

from tests.adapters.store_server import StoreServer
from tests.crash.run import Tally, kill_front_ends, kill_leaders, kill_standbys, kill_stores, store

FRONT_ENDS_PER_HUNDRED = 30
"""Of a hundred points; each of one story is played once at most."""
STANDBYS_PER_HUNDRED = 15
"""Of a hundred points."""
STORES_PER_HUNDRED = 6
"""Of a hundred points; a store that is started again costs ten times as much."""


def main(arguments: Sequence[str]) -> int:
    """Play them and print a line for each kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--points", type=int, default=1000)
    points = parser.parse_args(arguments).points
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    stores = points * STORES_PER_HUNDRED // 100
    standbys = points * STANDBYS_PER_HUNDRED // 100
    calls = points * FRONT_ENDS_PER_HUNDRED // 100
    played = play("frontend", kill_front_ends, calls, on_disk=False)
    played += play("standby", kill_standbys, standbys, on_disk=False)
    played += play("store", kill_stores, stores, on_disk=True)
    play("leader", kill_leaders, points - played, on_disk=False)
    return 0


def play(name: str, kill: Callable[[StoreServer, int], Tally], count: int, *, on_disk: bool) -> int:
    """One kind; how many points there were."""
    begin = time.monotonic()
    with store(on_disk=on_disk) as server:
        tally = kill(server, count)
    each = (time.monotonic() - begin) / max(1, tally.played)
    sys.stdout.write(
        f"{name:8} {tally.played:6} points, {tally.came} came before the story was over: 0 lost, "
        f"0 double, 0 over capacity, 0 stuck, counters equal to events ({each * 1000:.0f} ms each)\n"
    )
    sys.stdout.flush()
    return tally.played


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
