"""The media bench from the checkout: `python tests/bench/media.py [--json]`; see `app/bench/media`."""

import sys

from callcenter.app.bench.media import run

if __name__ == "__main__":
    sys.exit(run(sys.argv))
