"""Requests that cannot be read: answered, and not quoted in the log."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from callcenter.web.refusals import keep_requests_out_of_the_log
from callcenter.web.tally import Tally


async def broken(_: web.Request) -> web.Response:
    raise RuntimeError("ours")


def status_of(token: str = "", tally: Tally | None = None) -> int:
    """What a server whose one page breaks answers to a request with this token."""
    keep_requests_out_of_the_log((tally or Tally()).unreadable)

    async def ask() -> int:
        application = web.Application()
        application.router.add_get("/", broken)
        async with TestClient(TestServer(application)) as client:
            return (await client.get("/", headers={"Authorization": f"Bearer {token}"})).status

    return asyncio.run(ask())


def test_a_header_that_is_too_long_is_refused_and_not_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tally = Tally()
    keep_requests_out_of_the_log()  # a second time, in `status_of`, takes its place
    assert status_of("s3cret" * 4000, tally) == 400
    assert tally.refused == {("400", "unreadable"): 1}
    [line] = [record for record in caplog.records if record.name == "aiohttp.server"]
    assert line.getMessage() == "unreadable request refused with 400"
    assert line.exc_info is None
    assert line.levelno == logging.WARNING
    assert "s3cret" not in caplog.text


def test_a_mistake_of_ours_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert status_of() == 500
    assert [record for record in caplog.records if record.exc_info]
