"""Pairs of ports: RTP on the even one, RTCP on the next.

Why: a port that was given back may still be spoken to by a phone that has not noticed the end of
its call. Ports are handed out in the order they came back, so a port rests as long as it can.

Sources: RFC 3550 11.
"""

from collections import deque

from callcenter.media.ng import NgError


class Ports:
    """The free pairs of a range. Both ends belong to it."""

    def __init__(self, first: int, last: int) -> None:
        self.first = first + first % 2
        self.last = last
        self._free = deque(range(self.first, last, 2))
        self.total = len(self._free)

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    @property
    def free(self) -> int:
        """Pairs left."""
        return len(self._free)

    def take(self) -> int:
        """The even port of the pair that rested longest. Raises `NgError` when none is left."""
        if not self._free:
            raise NgError("Ran out of ports")
        return self._free.popleft()

    def claim(self, port: int) -> None:
        """Take this very pair, after a restart. Raises `NgError` when it is not free."""
        try:
            self._free.remove(port)
        except ValueError as e:
            raise NgError("The port is not free") from e

    def give(self, port: int) -> None:
        """Back to the end of the line."""
        self._free.append(port)
