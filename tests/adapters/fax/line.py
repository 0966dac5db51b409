"""A telephone line between two ends of a fax, in virtual time: 20 ms a step, as fast as it goes."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from callcenter.adapters.fax.terminal import AudioFax, FaxReport, FaxTerms, ImageFax, Terminal
from callcenter.media.udptl import Receiver, Sender

STEPS_MAX = 30_000
"""Ten minutes."""
SENDER = FaxTerms(ident="+49301234567", sub_address="4711")
RECEIVER = FaxTerms(ident="+49307654321")

Each: TypeAlias = Callable[[int], bool]
"""Called after every step with its number; False ends the call."""


class Faxed(NamedTuple):
    """What both ends say of it, and how long it took on the line."""

    sent: FaxReport
    received: FaxReport
    seconds: float


def _go_on(_step: int) -> bool:
    return True


class Line:
    """`loss` of the datagrams are lost each way, a frame of sound or a datagram of T.38 each."""

    def __init__(
        self, sender: Terminal, receiver: Terminal, loss: float = 0, seed: int = 1
    ) -> None:
        self.sender, self.receiver = sender, receiver
        self._loss = loss
        self._chance = random.Random(seed)
        self._out = {id(end): Sender(copies=3) for end in (sender, receiver)}
        self._in = {id(end): Receiver() for end in (sender, receiver)}

    def run(self, each: Each = _go_on) -> Faxed:
        """Until both are done, or `each` says no."""
        step = 0
        for step in range(STEPS_MAX):
            self._step()
            if not each(step) or (self.sender.is_over and self.receiver.is_over):
                break
        sent, received = self.sender.hang_up(), self.receiver.hang_up()
        self.sender.close()
        self.receiver.close()
        return Faxed(sent, received, step / 50)

    def _step(self) -> None:
        if isinstance(self.sender, AudioFax) and isinstance(self.receiver, AudioFax):
            there, back = self.sender.speak(), self.receiver.speak()
            self._sound(self.receiver, there)
            self._sound(self.sender, back)
        elif isinstance(self.sender, ImageFax) and isinstance(self.receiver, ImageFax):
            there_packets, back_packets = self.sender.step(), self.receiver.step()
            self._packets(self.sender, self.receiver, there_packets)
            self._packets(self.receiver, self.sender, back_packets)

    def _is_lost(self) -> bool:
        return self._chance.random() < self._loss

    def _sound(self, to: AudioFax, samples: bytes) -> None:
        if self._is_lost():
            to.miss(len(samples) // 2)
        else:
            to.hear(samples)

    def _packets(self, by: ImageFax, to: ImageFax, packets: list[tuple[bytes, int]]) -> None:
        for packet, times in packets:
            datagram = self._out[id(by)].send(packet)
            for _ in range(times):
                if not self._is_lost():
                    for sequence, heard in self._in[id(to)].receive(datagram):
                        to.hear_packet(sequence, heard)


def fax(
    source: Path, target: Path, kind: type[AudioFax] | type[ImageFax] = AudioFax, *,
    loss: float = 0, seed: int = 1, sender: FaxTerms = SENDER, receiver: FaxTerms = RECEIVER,
    each: Each = _go_on,
) -> Faxed:  # fmt: skip
    """Send `source`, receive `target`."""
    ends = kind(sender, send=source), kind(receiver, receive=target)
    return Line(*ends, loss=loss, seed=seed).run(each)
