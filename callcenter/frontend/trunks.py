"""Which line to the outside a message came by, if it came by one.

Why: a trunk's calls need no password, so nobody may pass for one. Over UDP, where a stranger's own
port is what gives him away, the trunk is an address *and* a port; over TCP and TLS, where an address
cannot be forged, the address; with a certificate, what that proves and nothing else. A trunk that
speaks TLS is not one over UDP, whatever the address says. `sources` are for carriers that send from
other machines than the one that is called.

Sources: RFC 3261 26.3.2.1 (TLS between domains), `sip.md` 6.2 (15).
"""

from collections.abc import Sequence

from callcenter.frontend.hands import within
from callcenter.frontend.turn import Trunk
from callcenter.sip.flow import Flow


class Trunks:
    """What the certificates of open connections have proved."""

    def __init__(self) -> None:
        self._proven: dict[int, str] = {}
        """Name of the trunk by number of the connection."""

    def proven(self, flow: Flow, trunk: str) -> None:
        """The other end of `flow` is `trunk`."""
        self._proven[flow.connection] = trunk

    def flow_closed(self, flow: Flow) -> None:
        """The connection is gone, and with it what was proved."""
        self._proven.pop(flow.connection, None)

    def of(self, flow: Flow, trunks: Sequence[Trunk]) -> Trunk | None:
        """The trunk at the other end of `flow`; None for anybody else."""
        return next((trunk for trunk in trunks if self._is(trunk, flow)), None)

    def _is(self, trunk: Trunk, flow: Flow) -> bool:
        if trunk.transport != flow.transport:
            return False
        if trunk.by_certificate:
            return bool(flow.connection) and self._proven.get(flow.connection) == trunk.name
        host, port = flow.remote
        if any(host == h and (flow.reliable or port == p) for h, p in trunk.addresses):
            return True
        return any(within(host, network) for network in trunk.sources)
