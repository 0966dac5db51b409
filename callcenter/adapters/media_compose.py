"""Write the composed music to a file: `python -m callcenter.adapters.media_compose FILE`.

Why: the shipped file is a rendering of `media/compose.py`; this is how it was made and how it is
made again after a change of the piece. The tones (`media/ringback.py`, and the one before a call that
a phone answered by itself) are written beside it.
"""

import sys
from pathlib import Path

from callcenter.adapters.media_files import ATTENTION, MUSIC
from callcenter.media.compose import render, render_attention
from callcenter.media.ringback import render_beep, render_ringback


def main() -> None:
    """Render to the path given, or to the place of the shipped music."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else MUSIC
    sounds = {
        target: render(),
        target.with_name("ringback.au"): render_ringback(),
        target.with_name("beep.au"): render_beep(),
        target.with_name(ATTENTION.name): render_attention(),
    }
    for written, sound in sounds.items():
        written.write_bytes(sound)
        print(f"{written}: {len(sound)} octets")


if __name__ == "__main__":
    main()
