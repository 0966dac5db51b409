"""Packets of T.38 that were changed on the way, into a receiver: `python -m … COUNT`.

Every fax is another seed; a tenth of its packets are cut, stretched, or have octets changed.
"""

import random
import sys
import tempfile
from pathlib import Path

from callcenter.adapters.fax.terminal import ImageFax
from tests.adapters.fax import pages
from tests.adapters.fax.line import RECEIVER, SENDER

STEPS_MAX = 3000


def mutate(packet: bytes, chance: random.Random) -> bytes:
    """One thing about it is wrong."""
    octets = bytearray(packet)
    match chance.randrange(4):
        case 0 if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        case 1:
            del octets[chance.randrange(len(octets) + 1) :]
        case 2:
            octets += chance.randbytes(chance.randrange(1, 60))
        case _:
            octets = bytearray(chance.randbytes(chance.randrange(1, 40)))
    return bytes(octets)


def one_fax(source: Path, target: Path, seed: int, left: int) -> int:
    """How many mutated packets it heard, up to `left`."""
    chance = random.Random(seed)
    sender, receiver = ImageFax(SENDER, send=source), ImageFax(RECEIVER, receive=target)
    numbers = [0, 0]
    heard = 0
    for _ in range(STEPS_MAX):
        for way, (by, to) in enumerate(((sender, receiver), (receiver, sender))):
            for packet, _times in by.step():
                numbers[way] += 1
                if to is receiver and chance.random() < 0.1 and heard < left:
                    packet = mutate(packet, chance)
                    heard += 1
                to.hear_packet(numbers[way] & 0xFFFF, packet)
        if heard >= left or (sender.is_over and receiver.is_over):
            break
    sender.close()
    receiver.close()
    return heard


def main() -> None:
    wanted, heard, seed = int(sys.argv[1]), 0, 0
    with tempfile.TemporaryDirectory() as place:
        source = pages.write(Path(place) / "sent.tif", [1, 2])
        while heard < wanted:
            heard += one_fax(source, Path(place) / "got.tif", seed, wanted - heard)
            seed += 1
    print(f"{heard} heard")


if __name__ == "__main__":
    main()
