"""What the HTTP server says in the log of requests that it could not read.

Why: aiohttp writes a traceback and quotes what it was sent, a header with a token among others. A
request that breaks the rules of HTTP is the sender's mistake: it is answered with 400, and the log
holds its status, once, and nothing of its words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp.http_exceptions import HttpProcessingError


class WithoutQuotes(logging.Filter):
    """Turns the report of an unreadable request into one line without its content, and counts."""

    def __init__(self, count: Callable[[int], None]) -> None:
        super().__init__()
        self._count = count

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info = None
            record.msg, record.args = "unreadable request refused with %d", (error.code,)
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            self._count(error.code)
        return True


def keep_requests_out_of_the_log(count: Callable[[int], None] = lambda _status: None) -> None:
    """Install the filter where aiohttp's server logs; each status is told to `count`.

    A second time replaces the first.
    """
    log = logging.getLogger("aiohttp.server")
    for before in [one for one in log.filters if isinstance(one, WithoutQuotes)]:
        log.removeFilter(before)
    log.addFilter(WithoutQuotes(count))
