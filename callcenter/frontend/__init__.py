"""The SIP/IVR front end: one call's story over its legs.

Why: telephony, media and flow each know their own rules and nothing of each other. This is the
only room that knows all three. It reads, in the order a caller lives it:

- `frontend.py`  an input comes in: which call, which phone, is there room for one more
- `call.py`      the story: arrival, flow, queue, talk, end
- `offer.py`     an agent's phones ring under a grant
- `talk.py`      two legs are one conversation: bridge, hold, either side leaving
- `feature.py`   an agent presses *11 on her phone
- `phones.py`    who is registered, and is she who she says
- `media_leg.py` what the media engine is asked for one leg
- `endings.py`   the one table from a reason to what the peer is told

Sources: RFC 3261 (SIP), 3264 (offer/answer), 3326 (Reason), 5626 (bindings), 8866 (SDP).
"""
