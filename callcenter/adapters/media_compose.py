"""Write the composed music to a file: `python -m callcenter.adapters.media_compose FILE`.

Why: the shipped file is a rendering of `media/compose.py`; this is how it was made and how it is
made again after a change of the piece. The ringing tone (`media/ringback.py`) is written beside it.
"""

import sys
from pathlib import Path

from callcenter.adapters.media_files import MUSIC
from callcenter.media.compose import render
from callcenter.media.ringback import render_ringback


def main() -> None:
    """Render to the path given, or to the place of the shipped music."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else MUSIC
    target.write_bytes(render())
    tone = target.with_name("ringback.au")
    tone.write_bytes(render_ringback())
    for written in (target, tone):
        print(f"{written}: {written.stat().st_size} octets")


if __name__ == "__main__":
    main()
