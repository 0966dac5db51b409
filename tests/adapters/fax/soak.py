"""Many faxes, with crashes at every step: `python -m tests.adapters.fax.soak COUNT`.

Every third one is cut by SIGKILL at a step of its own. What counts afterwards: no fax is lost of
which a page was confirmed, none is there twice, no confirmed page is missing or changed. Then
twenty faxes at once over real sockets, and what they cost.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from callcenter.adapters.fax.ledger import FaxCall, Ledger
from callcenter.adapters.fax.terminal import AudioFax, ImageFax
from tests.adapters.fax import pages
from tests.adapters.fax.line import RECEIVER, SENDER, Line

AT_ONCE = 20
SHARE_MAX = 0.15
STEPS = (60, 1400)


def one(place: Path, number: int, last: int) -> None:
    """A fax into the ledger, killed at step `last` (0: not at all). Writes what is confirmed."""
    chance = random.Random(number)
    seeds = [number * 10 + n for n in range(chance.randint(1, 3))]
    source = pages.write(place / f"{number}.tif", seeds, height=300)
    entry = Ledger(place / "fax").open(FaxCall(id=f"call-{number}"))
    kind = chance.choice([AudioFax, ImageFax])
    sender = kind(SENDER, send=source)
    receiver = kind(
        RECEIVER, receive=entry.file(1), keep=lambda count, _file: entry.keep(1, count)
    )  # fmt: skip

    said = [-1]

    def each(step: int) -> bool:
        if sender.pages != said[0]:
            said[0] = sender.pages
            (place / f"{number}.confirmed").write_text(str(said[0]))
        if last and step >= last:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    loss = chance.choice([0, 0.1, 0.2]) if kind is ImageFax else 0
    done = Line(sender, receiver, loss=loss, seed=number).run(each)
    entry.close(done.received)


def many(place: Path, count: int) -> list[str]:
    """What went wrong with `count` faxes; nothing, it is to be hoped."""
    wrong: list[str] = []
    cut = 0
    for number in range(count):
        last = random.Random(-number).randrange(*STEPS) if number % 3 == 0 else 0
        cut += bool(last)
        child = os.fork()
        if child == 0:
            one(place, number, last)
            os._exit(0)
        os.waitpid(child, 0)
    left = {fax.call.id: fax for fax in Ledger(place / "fax").left()}
    again = [fax.call.id for fax in Ledger(place / "fax").left()]
    if sorted(again) != sorted(left):
        wrong.append("what is left is not the same when it is read again")
    for number in range(count):
        confirmed = int((place / f"{number}.confirmed").read_text())
        fax = left.get(f"call-{number}")
        kept = sum(pages_kept for _, pages_kept in fax.pages) if fax else 0
        if kept < confirmed:
            wrong.append(f"fax {number}: {confirmed} pages confirmed, {kept} kept")
        if fax is not None:
            file, there = fax.pages[0]
            seeds = [number * 10 + n for n in range(there)]
            if any(pages.differing(file, seeds, height=300)):
                wrong.append(f"fax {number}: a page is not what was sent")
        if number % 3 and (fax is None or fax.is_partial):
            wrong.append(f"fax {number}: not complete")
    print(
        f"{count} faxes, {cut} of them cut by SIGKILL, {len(left)} left pages, {len(wrong)} wrong"
    )
    return wrong


async def at_once(place: Path) -> list[str]:
    """Twenty faxes over real RTP and UDPTL; the processor time of both ends together."""
    from tests.adapters.fax.test_worker import Caller, office

    wrong: list[str] = []
    async with office(place) as there:
        callers = []
        for number in range(AT_ONCE):
            source = pages.write(place / f"real-{number}.tif", [number], height=1100)
            caller = Caller(there, source, name=f"real-{number}/c")
            await caller.dial()
            if number % 2:
                await caller.change_to_image()
            callers.append(caller)
        used, began = time.process_time(), time.monotonic()
        await asyncio.gather(*(caller.talk(lambda: False) for caller in callers))
        used, spent = time.process_time() - used, time.monotonic() - began
        for number, caller in enumerate(callers):
            reply = await there.ask("fax end", caller.name)
            caller.close()
            file = there.received[-1].pages[0][0]
            if reply["code"] or pages.differing(file, [number], height=1100) != [0]:
                wrong.append(f"real fax {number}: {reply}")
    share = used / spent
    print(f"{AT_ONCE} faxes at once, both ends: {share:.1%} of a core for {spent:.0f} s")
    if share > SHARE_MAX:
        wrong.append(f"{share:.1%} of a core is more than {SHARE_MAX:.0%}")
    return wrong


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        wrong = many(place, count) + asyncio.run(at_once(place))
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
