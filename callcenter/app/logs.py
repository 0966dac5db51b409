"""Logs: one line per thing worth knowing, columns on a terminal and JSON elsewhere.

Why: every role writes to the same stderr, in one shape, so that a line can be found by its fields
and a service manager can take it as it is. Nothing is written to stdout: that is for answers.
A traceback shows lines of code and never the values of variables: passwords and what people sent
are among them.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog


def configure(role: str) -> None:
    """Set the process's logging up; `role` stands on every line."""
    structlog.configure(
        processors=processors(role, terminal=sys.stderr.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")


def processors(role: str, *, terminal: bool) -> list[Any]:
    """What a line passes through until it is text: columns for a terminal, JSON elsewhere."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        lambda _logger, _method, line: {"role": role, **line},
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f" if terminal else "iso", utc=True),
    ]
    if terminal:
        plain = structlog.dev.plain_traceback  # the default shows locals where `rich` is installed
        return [*shared, structlog.dev.ConsoleRenderer(colors=True, exception_formatter=plain)]
    as_text = structlog.processors.format_exc_info
    return [*shared, as_text, structlog.processors.JSONRenderer(_as_json)]


def _as_json(line: Any, **_: Any) -> str:
    """What has no form in JSON stands there as Python would show it."""
    return msgspec.json.encode(line, enc_hook=repr).decode()
