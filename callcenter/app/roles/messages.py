"""Messages of callers, from the front end's wish to the disk and back.

Why: keeping a message means reading, hashing and syncing files. That waits for the disk, so it is
done in a thread, and the answer comes in like any other input.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from callcenter.adapters.recordings import Kept, Recordings
from callcenter.frontend.turn import DropRecording, KeepRecording, RecordingKept

log = structlog.get_logger(__name__)


class Messages:
    """What the front end's loop hands its recordings to."""

    def __init__(self, state_directory: Path, tell: Callable[[RecordingKept], None]) -> None:
        self._files = Recordings(state_directory)
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()

    def prepare(self, embedded: bool) -> str:
        """Where messages are recorded; nowhere by an engine that is not ours, or on a disk that
        does not let us."""
        if not embedded:
            return ""
        try:
            self._files.prepare()
        except OSError as wrong:
            log.error("callers cannot leave messages", error=str(wrong))
            return ""
        return str(self._files.directory)

    def do(self, action: KeepRecording | DropRecording) -> None:
        """Keep or drop one; what follows is told later."""
        task = asyncio.create_task(self._do(action), name="message")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, action: KeepRecording | DropRecording) -> None:
        if isinstance(action, DropRecording):
            await asyncio.to_thread(self._drop, action.file)
            return
        kept = await asyncio.to_thread(self._keep, action)
        self._tell(RecordingKept(action.contact, kept.blob, kept.is_short))

    def _keep(self, action: KeepRecording) -> Kept:
        try:
            return self._files.keep(action)
        except OSError as wrong:
            log.error("a message was not kept", contact=action.contact, error=str(wrong))
            return Kept()

    def _drop(self, file: str) -> None:
        try:
            self._files.drop(file)
        except OSError as wrong:
            log.warning("a recording was not removed", error=str(wrong))

    async def close(self) -> None:
        """Let what was begun come to its end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
