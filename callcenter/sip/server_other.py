"""The server's transaction of any other request: RFC 3261 figure 8.

                        | request: tell the user
                        V
                   +---------+
                   | trying  |-------- Timer F ------------------+
                   +---------+                                   |
         200-699: send | | 1xx from the user: send it            |
        +--------------+ V                                       |
        |          +------------+-- 1xx: send it                 |
        |          | proceeding |-- request again: last 1xx      |
        |          +------------+--- Timer F ------------------->|
        V 200-699: send |                                        |
     +-----------+<-----+                                        |
     | completed |-- request again: answer again                 V
     +-----------+------------- Timer J ------------->+------------+
                                                      | terminated |
                                                      +------------+

One thing is not in the figure: Timer F, the client's. When it has run out, the client has given up
and an answer would only confuse (RFC 4320 1.2); without it a request that nobody answers would be
kept for ever.

Sources: RFC 3261 17.2.2, RFC 4320.
"""

from callcenter.sip.transaction import Do, Input, Machine, State

SERVER_OTHER = Machine(
    name="server request",
    start=State.TRYING,
    rows={
        (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Do.SEND,)),
        (State.TRYING, Input.FAILURE): (State.COMPLETED, (Do.SEND,)),
        (State.TRYING, Input.F): (State.TERMINATED, ()),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.SEND,)),
        (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Do.RESEND,)),
        (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Do.SEND,)),
        (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.SEND,)),
        (State.PROCEEDING, Input.F): (State.TERMINATED, ()),
        (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Do.RESEND,)),
        (State.COMPLETED, Input.J): (State.TERMINATED, ()),
    },
    timers={
        State.TRYING: (None, Input.F),
        State.PROCEEDING: (None, Input.F),
        State.COMPLETED: (None, Input.J),
        State.TERMINATED: (None, None),
    },
)
