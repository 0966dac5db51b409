"""One question of the web, in a process of its own: `python -m callcenter.app.why_child`.

The question comes as JSON on stdin (it may hold the store's password), the answer goes to stdout.
It dies with the web process, takes no more memory and processor time than it may, and gives way to
everything else on the machine.

Why: deciding again is seconds of work; in the web's loop it would stop every screen.
"""

from __future__ import annotations

import os
import resource
import sys

import msgspec

from callcenter.app.child import die_with

MEMORY_BYTES_MAX = 2 * 1024**3
PROCESSOR_SECONDS_MAX = 20
NICENESS = 10


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer, as an HTTP status and words."""

    status: int
    detail: str


def main() -> None:
    """Read the question, answer it, exit."""
    die_with(int(sys.argv[1]))
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS_MAX, PROCESSOR_SECONDS_MAX + 1))
    from callcenter.adapters.store.explain import Unknown
    from callcenter.app.why import Question, tell
    from callcenter.domain.errors import CallcenterError

    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    answer: msgspec.Struct
    try:
        answer = tell(question)
    except Unknown as unknown:
        answer = Refusal(status=404, detail=str(unknown))
    except CallcenterError as failed:
        answer = Refusal(status=503, detail=str(failed))
    except MemoryError:
        answer = Refusal(status=503, detail="it needs more memory than it may take here")
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
