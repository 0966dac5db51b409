"""The store's disk is full: calls go on, new ones are refused, and room is all that it needs.

Any user can make a disk full for one process: no file of it may grow (`RLIMIT_FSIZE`). A server that
is started again is given the same limit by the holder, so the disk stays full until the test makes
room, as a disk does.
"""

from __future__ import annotations

import asyncio
import resource

import pytest

from callcenter.adapters.store.embedded import store_url
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import Connection
from callcenter.app.phones.audio import AGENT_TONES
from tests.e2e.harness import Books, Center, eventually_async, people, reach_queue, run
from tests.e2e.test_roles_killed import still_hear_each_other, talking_pair

pytestmark = pytest.mark.e2e

FILLING_BYTES = 4_000_000
"""Makes the journal the largest file of all: only it is what cannot grow."""
EVERYTHING = resource.RLIM_INFINITY


class Disk:
    """The disk of a center's store."""

    def __init__(self, center: Center) -> None:
        self._center = center
        self.directory = center.directory / "state" / "store"
        self._url = store_url("embedded", self.directory)

    def _limit(self, pid: int, file_bytes: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (file_bytes, EVERYTHING))

    def fill(self) -> int:
        """No byte more. The last batch that is on it."""
        connection = Connection(self._url)
        connection.call("SET", "filling", b"x" * FILLING_BYTES)
        connection.call("DEL", "filling")
        whole = max(file.stat().st_size for file in (self.directory / "appendonlydir").iterdir())
        head = int(connection.call("HGET", Keys().head, "seq"))
        connection.close()
        for pid in (self._center.holder, self._center.role("store")):
            self._limit(pid, whole)
        return head

    def make_room(self) -> None:
        """For the server that is started next."""
        self._limit(self._center.holder, EVERYTHING)

    def kept(self) -> list[int]:
        """Which batches are in the journal."""
        connection = Connection(self._url)
        found = connection.call("XRANGE", Keys().events, "-", "+")
        connection.close()
        return [int(bytes(entry[0]).partition(b"-")[0]) for entry in found]


def test_a_full_disk_ends_no_call_refuses_new_ones_and_room_mends_it(own_center: Center) -> None:
    center = own_center
    books, disk = Books(center), Disk(center)

    async def tell() -> None:
        async with people(center) as those:
            call, at_desk = await talking_pair(those)
            killed = center.role("store")
            head = await asyncio.to_thread(disk.fill)
            await still_hear_each_other(call, at_desk)
            await eventually_async(lambda: not center.is_ready(), 20, "nobody noticed")
            await eventually_async(
                lambda: "calls go on, new ones are refused" in center.log.read_text(), 20
            )
            late = those.caller(1).dial("100")
            assert await late.until_over(8)
            assert late.status == 503
            await still_hear_each_other(call, at_desk)
            said = center.log.read_text()
            assert f"the store cannot write to {disk.directory}" in said
            assert "free some space there" in said
            assert "Traceback" not in said

            await asyncio.to_thread(disk.make_room)
            await eventually_async(
                lambda: center.is_whole() and center.role("store") != killed, 30, "still not ready"
            )
            await still_hear_each_other(call, at_desk)
            call.hang_up()
            assert await at_desk.until_over(8)
            after = those.caller(2).dial("100")
            await reach_queue(after)
            assert await after.until(lambda: after.hears((AGENT_TONES[0],), 3) is not None, 15)
            after.hang_up()
            batches = await asyncio.to_thread(disk.kept)
            assert batches == list(range(batches[0], batches[-1] + 1)), "the journal has a hole"
            assert batches[0] <= head < batches[-1]

    run(tell(), 150)
    books.balance({"served": 2})
