"""The machines behind a trunk that is found by name: which of them is called now.

    found ──► asked by OPTIONS ──► answers: may be called; the first that does is
                   └── no answer, or 503: not before it answers again

Why: the DNS says where a provider's machines are and in which order he wants them used, but not
which of them lives. So each is asked now and then, and calls leave by the first in his order that
answered last. Where none answers the first is tried all the same: a line that does not answer
OPTIONS must not be dead for that. Calls that come from any of them are the trunk's.

Sources: RFC 3263 4.3 (the next one after a failure), RFC 3261 11 (OPTIONS), 21.5.4 (503).
"""

from dataclasses import dataclass

from msgspec.structs import replace

from callcenter.domain.units import SECOND, Micros
from callcenter.frontend.hands import Hands
from callcenter.frontend.turn import TargetsFound, Trunk
from callcenter.sip import endpoint as sip
from callcenter.sip.flow import Address, Flow

ASK_SECONDS, ASK_DEAD_SECONDS = 30, 10
"""How often one that answers is asked, and one that does not."""
ANSWER_SECONDS = 5
"""Who has not answered by then, after several repetitions, is taken for dead."""


@dataclass(slots=True)
class Target:
    """One machine of a trunk."""

    address: Address
    due: Micros
    """When to ask, or, while it is asked, when its answer comes too late."""
    is_alive: bool | None = None
    """None before it was asked."""
    request: sip.ClientRequest | None = None


class Targets:
    """Those of every trunk that is found by name, as one small machine."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.of: dict[str, list[Target]] = {}

    @property
    def deadline(self) -> Micros | None:
        """When `tick` has something to do."""
        every = (target for targets in self.of.values() for target in targets)
        return min((target.due for target in every), default=None)

    def learned(self, found: TargetsFound) -> None:
        """Where they are now; what is known of those that stay is kept."""
        known = {target.address: target for target in self.of.get(found.trunk, ())}
        fresh = [
            known.get(address) or Target(address, self.hands.now) for address in found.addresses
        ]
        if fresh:
            self.of[found.trunk] = fresh
        self.apply()
        self.tick()

    def apply(self) -> None:
        """Make the trunks of the configuration what is known of them."""
        trunks = self.hands.config.trunks
        wanted = {trunk.name for trunk in trunks if trunk.local is not None}
        for name in [name for name in self.of if name not in wanted]:
            del self.of[name]
        placed = tuple(self._placed(trunk) for trunk in trunks)
        if placed != trunks:
            self.hands.config = self.hands.config._replace(trunks=placed)

    def _placed(self, trunk: Trunk) -> Trunk:
        targets = self.of.get(trunk.name)
        if not targets or trunk.local is None:
            return trunk
        best = next((one for one in targets if one.is_alive), targets[0])
        return replace(
            trunk,
            addresses=frozenset(target.address for target in targets),
            flow=Flow("udp", trunk.local, best.address),
        )

    def tick(self) -> None:
        """Ask whoever is due."""
        for trunk in self.hands.config.trunks:
            for target in self.of.get(trunk.name, ()) if trunk.local is not None else ():
                if self.hands.now < target.due:
                    continue
                if target.request is not None:
                    self._told(target, lives=False)
                else:
                    self._ask(trunk, target)

    def _ask(self, trunk: Trunk, target: Target) -> None:
        assert trunk.local is not None
        uri = f"sip:{trunk.address}"
        target.due = self.hands.now + ANSWER_SECONDS * SECOND
        target.request = self.hands.endpoint.request(
            "OPTIONS",
            to_uri=uri,
            request_uri=uri,
            from_addr=f"sip:{trunk.username or 'callcenter'}@{self.hands.rules.domain}",
            flow=Flow("udp", trunk.local, target.address),
            now=self.hands.now,
        )

    def heard(self, event: sip.SipEvent) -> bool:
        """What an OPTIONS of ours came to; False for anything else. Any answer but 503 is life."""
        if not isinstance(event, sip.ResponseReceived | sip.RequestTimeout):
            return False
        for targets in self.of.values():
            for target in targets:
                if target.request is event.request:
                    lives = isinstance(event, sip.ResponseReceived) and event.response.status != 503
                    self._told(target, lives=lives)
                    return True
        return event.request.method == "OPTIONS" and event.request.call is None

    def _told(self, target: Target, *, lives: bool) -> None:
        target.request = None
        wait = ASK_SECONDS if lives else ASK_DEAD_SECONDS
        target.due = self.hands.now + wait * SECOND
        if target.is_alive is not lives:
            target.is_alive = lives
            self.hands.counts[f"target.{'up' if lives else 'down'}"] += 1
            self.apply()
