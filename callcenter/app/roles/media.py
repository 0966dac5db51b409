"""The media role: the keeper of one worker of the embedded engine.

Why: the worker is a loop of its own (`adapters/media_worker.py`), kept alive by its keeper; this
role only tells it what the settings say: its share of the ports, where digits go, and where it
keeps what a successor needs. With `[media] url = "ng://…"` another engine does the work and no worker is started.
"""

import os
from typing import TYPE_CHECKING

from callcenter.adapters.media_keeper import Keeper
from callcenter.adapters.media_worker import WorkerConfig
from callcenter.adapters.seal import secret_at

if TYPE_CHECKING:
    from callcenter.app.config import MediaSettings
    from callcenter.app.context import RoleContext

RUNNER = "plain"


def serve(context: "RoleContext") -> None:
    """Keep one worker until SIGTERM."""
    media = context.settings.media
    first, last = share(media, context.index)
    events_host, events_port = context.addresses.get("media-events", ("127.0.0.1", 0))
    config = WorkerConfig(
        address=media.address,
        advertised=media.advertised_address,
        address6=media.address6,
        advertised6=media.advertised_address6,
        first_port=first,
        last_port=last,
        events_host=events_host,
        events_port=events_port,
        directory=str(context.state_directory / f"media-{context.index}"),
        identity_file=str(context.state_directory / f"media-{context.index}-identity.pem"),
        seal_file=str(context.settings.seal_file),
    )
    secret_at(context.settings.seal_file)
    Keeper(config, context.sockets["media-ng"], os.getppid()).run(context.line.ready)


def share(media: "MediaSettings", index: int) -> tuple[int, int]:
    """First and last RTP port of worker `index`: the range is divided evenly, in pairs."""
    first, last = media.port_range
    pairs = (last - first + 1) // 2 // max(media.workers, 1)
    start = first + first % 2 + index * pairs * 2
    return start, start + pairs * 2 - 1
