"""A fax whose receiver dies at a chosen step: `python -m … SOURCE TARGET STEP`, then SIGKILL.

It says after each page how many the sender holds to be confirmed.
"""

import os
import signal
import sys
from pathlib import Path

from callcenter.adapters.fax.terminal import AudioFax
from tests.adapters.fax.line import RECEIVER, SENDER, Line


def main() -> None:
    source, target, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    sender, receiver = AudioFax(SENDER, send=source), AudioFax(RECEIVER, receive=target)
    said = [-1]

    def each(step: int) -> bool:
        if sender.pages != said[0]:
            said[0] = sender.pages
            print(said[0], flush=True)
        if step >= last:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    Line(sender, receiver).run(each)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
