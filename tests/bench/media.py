"""The media bench from the checkout: `python tests/bench/media.py [--json]`; see `app/bench/media`."""

import sys

from callcenter.app.bench.media import main

if __name__ == "__main__":
    sys.exit(0 if main("--json" in sys.argv)["ok"] else 1)
