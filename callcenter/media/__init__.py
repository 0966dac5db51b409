"""Hear and speak: RTP, G.711, digits, prompts, and the ng messages that ask for them.

Why: a call's audio must go on whatever signalling does, so the engine is a room of its own with
one door, the ng protocol. Everything here is sans-I/O: bytes and `now` come in, bytes and facts
come out. The loop that owns the sockets is `adapters/media_worker.py`.

Where to look::

    ng, bencode     the messages                      engine      what each verb does
    sdp             what both sides can hear          leg, side   one phone and its inner side
    latch           whom we believe                   line        one unbroken stream to a phone
    ports, wheel    what is shared out                report      what is known of a leg
    rtp, reception, rtcp, g711, dtmf, prompts         one file per standard
    compose         the music while waiting
    sdes, secrecy, guard                              keys of encrypted audio, and who uses them
    web, stun       what a browser is told, and its questions

Units: RTP timestamps count samples at 8 kHz, a frame is 160 of them (20 ms); `now` is a monotonic
count of microseconds.
"""
