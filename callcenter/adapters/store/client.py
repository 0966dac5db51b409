"""redis-py on our store, for everything that is not hot: commands, checks, looking around.

Why: the hot path has its own few lines of the protocol (`resp`); where a person waits, a complete
client with its time limits and errors is the better tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.resp import public_url

if TYPE_CHECKING:
    from redis import Redis

ANSWER_SECONDS = 5.0


def open_client(url: str) -> Redis:
    """A client whose store answers. Raises `StoreUnavailable` with the reason."""
    from redis import Redis, RedisError

    client = Redis.from_url(
        url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=2, client_name="callcenter"
    )
    try:
        client.ping()
    except RedisError as away:
        client.close()
        raise StoreUnavailable(f"the store at {public_url(url)} does not answer: {away}") from away
    return client
