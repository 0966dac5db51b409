"""The SIP/IVR front end: one call's story over its legs.

Why: telephony, media and flow each know their own rules and nothing of each other. This is the
only room that knows all three. It reads, in the order a caller lives it:

- `frontend.py`   an input comes in: which call is it for, is there room for one more
- `call.py`       the story: arrival, flow, queue, talk, end
- `standby.py`    her agent's media leg is ready before anybody is offered
- `offer.py`      an agent's phones ring under a grant
- `talk.py`       two legs are one conversation: bridge, hold, either side leaving
- `consult.py`    her agent asks a colleague; `second_line.py` with her phone's own keys
- `refer.py`      her agent's phone hands her on (REFER)
- `pulse.py`      a phone says nothing: is it still there
- `fax.py`        a call that is a fax: sound or T.38, until its last page
- `feature.py`    an agent presses *11 on her phone

and what they stand on:

- `endings.py`    the one table from a reason to what the peer is told
- `media_leg.py`  what the media engine is asked for one leg
- `secrecy.py`    whether a phone's audio is encrypted
- `phones.py`     who is registered, and is she who she says
- `caller.py`     who calls, as far as anyone may know
- `limits.py`     how much is let in
- `memory.py`     what a restart must know, and how calls are taken back
- `hands.py`, `turn.py`   what a story can do, and what one turn brings and makes

Sources: RFC 3261 (SIP), 3264 (offer/answer), 3326 (Reason), 5626 (bindings), 8866 (SDP).
"""
