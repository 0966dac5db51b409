"""Telephones of our own: what calls the center in the demo, in benches and in tests.

Why: a server that is judged by its own parts is not judged. These phones speak SIP with the
project's sans-I/O stack, but their audio (tones, G.711, RTP, digits) is written here a second
time and shares nothing with `media/`, so that a mistake there cannot hide here.
"""
