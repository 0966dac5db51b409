"""Prompts and music on disk, read once and kept in both laws.

Why: a file that is played to many phones is read and converted once; a file that changed is seen
by its size and time and read again. The oldest leave when the memory allowed is used up.
"""

import os
from collections import OrderedDict
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from callcenter.media import prompts
from callcenter.media.ng import NgError

MUSIC = Path(prompts.__file__).parent / "audio" / "music" / "default.au"
"""What waiting callers hear unless a queue names something else."""
ATTENTION = MUSIC.parents[1] / "tones" / "attention.au"
"""What an agent hears whose phone answered by itself."""

CACHE_BYTES_MAX = 256 * 1024 * 1024


class _Kept(NamedTuple):
    stamp: tuple[int, int]
    audio: prompts.Audio


class AudioFiles:
    """Audio by path."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def load(self, path: str) -> prompts.Audio:
        """The audio in `path`. Raises `NgError` when it cannot be read or is no such file."""
        try:
            status = os.stat(path)
            stamp = (status.st_mtime_ns, status.st_size)
            kept = self._kept.get(path)
            if kept is not None and kept.stamp == stamp:
                self._kept.move_to_end(path)
                return kept.audio
            if not S_ISREG(status.st_mode) or status.st_size > prompts.AUDIO_OCTETS_MAX:
                raise NgError("Not an audio file")
            data = Path(path).read_bytes()
        except (OSError, ValueError) as e:
            raise NgError(f"Failed to open the media file: {e}") from e
        audio = prompts.read_au(data)
        self._keep(path, _Kept(stamp, audio))
        return audio

    def _keep(self, path: str, kept: _Kept) -> None:
        old = self._kept.pop(path, None)
        self._bytes += _size(kept.audio) - (_size(old.audio) if old else 0)
        self._kept[path] = kept
        while self._bytes > CACHE_BYTES_MAX and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest.audio)


def _size(audio: prompts.Audio) -> int:
    return len(audio.ulaw) + len(audio.alaw)


def log_trouble(event: str, **facts: str) -> None:
    """One line; the library is loaded only when there is something to say."""
    import structlog

    structlog.get_logger("media").warning(event, **facts)
