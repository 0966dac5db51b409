"""The frequencies by which phones know each other, in Hz.

Why: whoever only plans a day at the phones needs these numbers, but none of the arithmetic that
makes and hears them.
"""

CALLER_TONES = tuple(range(350, 1150, 50))
AGENT_TONES = tuple(range(1250, 3250, 100))
