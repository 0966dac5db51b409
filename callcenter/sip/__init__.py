"""A call arrives: SIP without a socket and without a clock.

Bytes and `now` go in, events and bytes come out. From the wire upwards:

    flow, errors, limits       what a road is, what a peer did wrong, how much we take
    headers, uri, message      one message, read lazily and written without altering it
    sdp, digest                what is offered to be heard, and who says so
    client_*, server_*         the four transaction machines, run by transaction_layer
    dialog, call, invite_*     one relation between two phones, and its record
    changes                    another session within a call: re-INVITE and UPDATE
    session_timer, reliable    a call that must be confirmed, a 180 that must arrive
    refer                      a phone asks for its other side to be brought elsewhere
    registrar                  where a phone is
    events, endpoint           what happened; all of it together

Sources: RFC 3261, 6026, 3264, 8866, 8760, 5626, 4475.
"""
