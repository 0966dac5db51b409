"""The client's transaction of any other request: RFC 3261 figure 6.

                        | request from the user: sent
           Timer E      V
           request +---------+     Timer F or transport error: tell the user
           again   | trying  |-----------------------------------+
             ^-----|         |                                   |
                   +---------+                                   |
         200-699: tell | | 1xx: tell                             |
        +--------------+ V                                       |
        |          +------------+  Timer F or transport error:   |
        | Timer E ^| proceeding |  tell the user                 |
        | request  |            |------------------------------->|
        | again    +------------+-- 1xx: tell                    |
        V 200-699: tell |                                        |
     +-----------+<-----+                                        V
     | completed |------------- Timer K ------------->+------------+
     +-----------+                                    | terminated |
                                                      +------------+

Sources: RFC 3261 17.1.2.
"""

from callcenter.sip.transaction import Do, Input, Machine, State

CLIENT_OTHER = Machine(
    name="client request",
    start=State.TRYING,
    rows={
        (State.TRYING, Input.E): (State.TRYING, (Do.RESEND,)),
        (State.TRYING, Input.F): (State.TERMINATED, (Do.TELL_TIMEOUT,)),
        (State.TRYING, Input.ERROR): (State.TERMINATED, (Do.TELL_ERROR,)),
        (State.TRYING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
        (State.TRYING, Input.SUCCESS): (State.COMPLETED, (Do.TELL,)),
        (State.TRYING, Input.FAILURE): (State.COMPLETED, (Do.TELL,)),
        (State.PROCEEDING, Input.E): (State.PROCEEDING, (Do.RESEND,)),
        (State.PROCEEDING, Input.F): (State.TERMINATED, (Do.TELL_TIMEOUT,)),
        (State.PROCEEDING, Input.ERROR): (State.TERMINATED, (Do.TELL_ERROR,)),
        (State.PROCEEDING, Input.PROVISIONAL): (State.PROCEEDING, (Do.TELL,)),
        (State.PROCEEDING, Input.SUCCESS): (State.COMPLETED, (Do.TELL,)),
        (State.PROCEEDING, Input.FAILURE): (State.COMPLETED, (Do.TELL,)),
        (State.COMPLETED, Input.K): (State.TERMINATED, ()),
    },
    timers={
        State.TRYING: (Input.E, Input.F),
        State.PROCEEDING: (Input.E, Input.F),
        State.COMPLETED: (None, Input.K),
        State.TERMINATED: (None, None),
    },
)
