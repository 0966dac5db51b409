"""Logs: a line says what happened and never what people typed."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from callcenter.app.logs import processors

SECRET = "correct-horse-battery"


def log_in(password: str) -> None:
    """Goes wrong with a password among its variables."""
    body = {"agent": "anna", "password": password}
    raise RuntimeError(f"no room for {len(body)} fields")


def a_failure_logged(*, terminal: bool) -> str:
    """What stands in the log after `log_in` went wrong."""
    written = io.StringIO()
    log = structlog.wrap_logger(
        structlog.WriteLogger(written), processors=processors("web-0", terminal=terminal)
    )
    try:
        log_in(SECRET)
    except RuntimeError:
        log.exception("request failed")
    return written.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_traceback_shows_code_and_no_values(terminal: bool) -> None:
    text = a_failure_logged(terminal=terminal)
    assert "Traceback" in text
    assert "no room for 2 fields" in text
    assert SECRET not in text


def test_a_line_for_a_machine_is_one_json_object() -> None:
    line = json.loads(a_failure_logged(terminal=False))
    assert (line["role"], line["level"], line["event"]) == ("web-0", "error", "request failed")
