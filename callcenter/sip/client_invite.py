"""The client's INVITE transaction: RFC 3261 figure 5 with RFC 6026 figure 1 laid over it.

                        | INVITE from the user: sent
           Timer A      V                      Timer B or transport error:
           INVITE  +---------+                 tell the user
           again   | calling |-----------------------------------+
             ^-----|         |------------ 2xx ------------+     |
                   +---------+       tell the user         |     |
             300-699 | | 1xx                               |     |
        +-- ACK, tell| | tell                              |     |
        |            | V                                   V     |
        |          +------------+                    +----------+|
        |   1xx    | proceeding |------- 2xx ------->| accepted ||
        |   tell ^-|            |       tell         |          ||-- 2xx again: tell
        |          +------------+                    +----------+|
        V 300-699: ACK, tell |                     Timer M |     |
     +-----------+<----------+                             |     |
     | completed |-- 300-699 again: ACK                    |     |
     +-----------+                                         V     V
        | Timer D, or transport error: tell    +------------------+
        +------------------------------------->|    terminated    |
                                               +------------------+

Why accepted: several phones behind one address may answer, each with a 2xx of its own, and each
2xx may come again. The user must hear of all of them to acknowledge them.

Sources: RFC 3261 17.1.1, RFC 6026 7.2 and 8.4.
"""

from callcenter.sip.headers import Headers
from callcenter.sip.message import Request, Response
from callcenter.sip.transaction import Do, Input, Machine, State

CLIENT_INVITE = Machine(
    name="client INVITE",
    start=State.CALLING,
    rows={
        (State.CALLING, Input.A): (State.CALLING, (Do.RESEND,)),
        (State.CALLING, Input.B): (State.TERMINATED, (Do.TELL_TIMEOUT,)),
        (State.CALLING, Input.ERROR): (State.TERMINATED, (Do.TELL_ERROR,)),
        (State.CALLING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
        (State.CALLING, Input.SUCCESS): (State.ACCEPTED, (Do.TELL,)),
        (State.CALLING, Input.FAILURE): (State.COMPLETED, (Do.ACK, Do.TELL)),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
        (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Do.TELL,)),
        (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.ACK, Do.TELL)),
        (State.PROCEEDING, Input.ERROR): (State.TERMINATED, (Do.TELL_ERROR,)),
        (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Do.TELL,)),
        (State.ACCEPTED, Input.M): (State.TERMINATED, ()),
        (State.COMPLETED, Input.FAILURE): (State.COMPLETED, (Do.ACK,)),
        (State.COMPLETED, Input.ERROR): (State.TERMINATED, ()),
        (State.COMPLETED, Input.D): (State.TERMINATED, ()),
    },
    timers={
        State.CALLING: (Input.A, Input.B),
        State.PROCEEDING: (None, None),
        State.ACCEPTED: (None, Input.M),
        State.COMPLETED: (None, Input.D),
        State.TERMINATED: (None, None),
    },
)
"""One row is not in the figures: in `proceeding` the road can be lost, too, when a connection
closes; and the user was told of a failure before it can be lost in `completed`."""


def ack_of_failure(invite: Request, response: Response) -> Request:
    """The ACK of a 300-699: part of this transaction, so it has its Via (RFC 3261 17.1.1.3)."""
    return _same_hop(invite, "ACK", response.headers.get("To") or "")


def cancel_of(invite: Request) -> Request:
    """The CANCEL of an INVITE: same Via, another method (RFC 3261 9.1)."""
    return _same_hop(invite, "CANCEL", invite.headers.get("To") or "")


def _same_hop(invite: Request, method: str, to: str) -> Request:
    lines: dict[str, list[str]] = {
        "Via": invite.headers.get_all("Via")[:1],
        "Max-Forwards": ["70"],
        "From": invite.headers.get_all("From"),
        "To": [to],
        "Call-ID": invite.headers.get_all("Call-ID"),
        "CSeq": [f"{invite.cseq.number} {method}"],
    }
    routes = invite.headers.get_all("Route")
    if routes:
        lines["Route"] = routes
    return Request(method, invite.uri, Headers.of_lines(lines))
