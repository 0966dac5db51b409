"""Takes changed flow files while calls are running: checked as a whole, then all at once.

Why: an author saves a file and expects the next caller to hear it; a mistake in it must never
replace what works. Calls go on with the revision they began with, also over a restart, so every
revision that was taken is kept beside the state, under its hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from callcenter.app.flow_files import audio_files, known_names, read_flow_files
from callcenter.domain.center import Center
from callcenter.domain.errors import WrongInput
from callcenter.ivr.flow import load_flow
from callcenter.ivr.library import Library
from callcenter.ivr.shape import Flow
from callcenter.media import prompts

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0
KEPT_MAX = 60
"""Revisions kept on disk; the oldest go first."""
MUSIC_FOLDER = Path(prompts.__file__).parent / "audio" / "music"


class FlowWatch:
    """The flows of one directory, as files and as a checked library."""

    def __init__(self, directory: Path, kept: Path) -> None:
        self._directory = directory
        self._kept = kept
        self._seen: dict[str, tuple[int, int]] = {}
        self.library = Library()
        self.rejected = 0
        """How often changed files were refused."""

    def load(self, center: Center) -> None:
        """Take the files of the flows that a number starts, and the revisions of earlier lives.

        Raises:
            WrongInput: a file is wrong; nothing was taken.
        """
        self._seen = self._stamps(center)
        texts = read_flow_files(self._files(center))
        self.library = self.library.replace(texts, known_names(center, self._directory))
        for flow in self._earlier():
            self.library = self.library.with_revision(flow)
        self._keep(texts)

    def changed(self, center: Center) -> bool:
        """Take the files if any changed. False when none did, or when one is wrong."""
        stamps = self._stamps(center)
        if stamps == self._seen:
            return False
        try:
            self.load(center)
        except WrongInput as wrong:
            self._seen = stamps
            self.rejected += 1
            for problem in wrong.problems:
                log.error("flow refused; the one before goes on", problem=str(problem))
            return False
        log.info("flows taken", flows=sorted(self.library.names))
        return True

    def audio(self) -> dict[str, str]:
        """Audio reference to file: prompts beside the flows, and the music."""
        found = {name: str(path) for name, path in audio_files(self._directory).items()}
        for folder in (MUSIC_FOLDER, self._directory / "music"):
            for path in sorted(folder.glob("*.au")):
                found[f"music/{path.stem}"] = str(path)
        return found

    @property
    def revisions(self) -> Mapping[str, Flow]:
        """Every flow that a running call may have begun with, by revision."""
        return self.library.revisions

    def _files(self, center: Center) -> list[Path]:
        """The files that matter: a flow no number starts may ask for queues that are not ours."""
        started = {number.flow for number in center.numbers}
        return sorted(p for p in self._directory.glob("*.y*ml") if p.stem in started)

    def _stamps(self, center: Center) -> dict[str, tuple[int, int]]:
        stamps = {}
        for path in self._files(center):
            try:
                stat = path.stat()
            except OSError:
                continue
            stamps[path.name] = (stat.st_mtime_ns, stat.st_size)
        return stamps

    def _keep(self, texts: Mapping[str, str]) -> None:
        """Write each revision under its hash, for a later life of this process."""
        self._kept.mkdir(parents=True, exist_ok=True)
        by_file = {flow.file: flow.revision for flow in self.library.flows.values()}
        for file, text in texts.items():
            path = self._kept / f"{by_file[file]}.yaml"
            if not path.exists():
                path.write_text(text, encoding="utf-8")
        oldest_first = sorted(self._kept.glob("*.yaml"), key=lambda p: p.stat().st_mtime)
        for path in oldest_first[:-KEPT_MAX]:
            path.unlink(missing_ok=True)

    def _earlier(self) -> list[Flow]:
        flows = []
        for path in sorted(self._kept.glob("*.yaml")):
            try:
                flows.append(load_flow(path.read_text("utf-8"), str(path)))
            except (WrongInput, OSError):
                log.warning("an earlier revision cannot be read", file=path.name)
        return flows
