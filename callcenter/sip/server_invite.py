"""The server's INVITE transaction: RFC 3261 figure 7 with RFC 6026 figure 2 laid over it.

                        | INVITE: tell the user, 100
                        V
                  +------------+
     INVITE again:| proceeding |-- 1xx from the user: send it
     last 1xx   ^-|            |
                  +------------+
    300-699 from the  |      | 2xx from the user: send it
    user: send it     |      +-----------------------------+
                      V                                    V
               +-----------+                         +----------+
   INVITE again| completed |-- Timer G: answer again | accepted |-- INVITE again: nothing
   or Timer G: +-----------+                         |          |-- 2xx again: send it
   answer again |    | ACK                           +----------+-- ACK: tell the user
                |    V                                     |
                |  +-----------+                           | Timer L
        Timer H:|  | confirmed |-- Timer I --+             |
        tell the|  +-----------+             |             |
        user    |    (ACK again: nothing)    V             V
                |                         +------------------+
                +------------------------>|    terminated    |
                                          +------------------+

Why accepted: the user repeats its 2xx until the ACK (13.3.1.4), and meanwhile the INVITE may come
again; without this state it would look like a new call.

Sources: RFC 3261 17.2.1, RFC 6026 7.1 and 8.5.
"""

from callcenter.sip.transaction import Do, Input, Machine, State

SERVER_INVITE = Machine(
    name="server INVITE",
    start=State.PROCEEDING,
    rows={
        (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Do.RESEND,)),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Input.SUCCESS): (State.ACCEPTED, (Do.SEND,)),
        (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.SEND,)),
        (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Do.RESEND,)),
        (State.COMPLETED, Input.G): (State.COMPLETED, (Do.RESEND,)),
        (State.COMPLETED, Input.ACK): (State.CONFIRMED, ()),
        (State.COMPLETED, Input.H): (State.TERMINATED, (Do.TELL_TIMEOUT,)),
        (State.CONFIRMED, Input.I): (State.TERMINATED, ()),
        (State.ACCEPTED, Input.SUCCESS): (State.ACCEPTED, (Do.SEND,)),
        (State.ACCEPTED, Input.ACK): (State.ACCEPTED, (Do.TELL,)),
        (State.ACCEPTED, Input.L): (State.TERMINATED, ()),
    },
    timers={
        State.PROCEEDING: (None, None),
        State.COMPLETED: (Input.G, Input.H),
        State.CONFIRMED: (None, Input.I),
        State.ACCEPTED: (None, Input.L),
        State.TERMINATED: (None, None),
    },
)
