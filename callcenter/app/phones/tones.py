"""The frequencies by which phones know each other, in Hz.

Why: whoever only plans a day at the phones needs these numbers, but none of the arithmetic that
makes and hears them.
"""

MUSIC_TONE = 700
"""Our own music holds it for a moment."""
CALLER_TONES = tuple(tone for tone in range(400, 1250, 50) if tone != MUSIC_TONE)
"""Nothing that the center plays sounds like one of them: who hears one, hears a caller."""
AGENT_TONES = tuple(range(1250, 3250, 100))
