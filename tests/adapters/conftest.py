"""A real store for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.store_server import StoreServer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreServer]:
    """A running store on a directory of its own."""
    server = StoreServer(tmp_path / "store")
    server.start()
    yield server
    server.close()
