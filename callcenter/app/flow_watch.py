"""Takes changed flow files while calls are running: checked as a whole, then all at once.

What happens here: at a start the files of all flows that numbers start are taken; later, whenever
a file, its audio or the center changed, they are laid beside the center again. What is wrong, does
not fit or has no file any more changes nothing, is said, and counted in `refused`. At a start,
where there is nothing yet to go on with, the last revision that was kept of that flow is taken.

Why: an author saves a file and expects the next caller to hear it; a mistake in it must never
replace what works. Calls go on with the revision they began with, also over a restart, so every
revision that was taken is kept beside the state, under its hash, and read when a call names it.

`changed` may run in a thread of its own: what is taken is one value, replaced in one step.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import msgspec
import structlog

from callcenter.app.flow_files import (
    all_audio,
    known_names,
    misnamed,
    read_flow_files,
    started_files,
)
from callcenter.domain.center import Center
from callcenter.domain.errors import Problem, WrongInput
from callcenter.ivr.flow import load_flow
from callcenter.ivr.library import Library, load_files
from callcenter.ivr.shape import Flow, Known

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0
KEPT_MAX = 60
"""Revisions kept on disk; those that were taken longest ago go first."""

Loader: TypeAlias = Callable[[str, str, Known | None], Flow]
"""Text, file and names to a checked flow; raises `WrongInput`."""


@dataclass(frozen=True)
class _Taken:
    """What calls begin with: the flows and their audio, which belong together."""

    library: Library = field(default_factory=Library)
    audio: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Seen:
    """All that a look depends on; the same again needs no second look."""

    stamps: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    started: frozenset[str] = frozenset()
    known: Known | None = None


class FlowWatch:
    """The flows of one directory, as files and as a checked library."""

    def __init__(self, directory: Path, kept: Path, load: Loader = load_flow) -> None:
        self._directory = directory
        self._kept = kept
        self._load = load
        self._seen = _Seen()
        self._taken = _Taken()
        self._parsed: dict[str, tuple[str, Known | None, Flow]] = {}
        self.refused: Counter[str] = Counter()
        """How often flows were refused: `wrong`, or `gone` when a file was missing."""

    @property
    def library(self) -> Library:
        """The flows in force."""
        return self._taken.library

    @property
    def audio(self) -> Mapping[str, str]:
        """Audio reference to file: prompts beside the flows, and the music."""
        return self._taken.audio

    @property
    def revisions(self) -> Mapping[str, Flow]:
        """Every flow that a running call may have begun with, by revision."""
        return Revisions(self.library.revisions, self._kept, self._load)

    def load(self, center: Center) -> None:
        """Take the files of the flows that a number starts: the start of a life.

        Raises:
            WrongInput: a file is wrong, and no revision of its flow was ever kept.
        """
        self._seen = self._look(center)
        try:
            flows = self._read(self._seen)
        except WrongInput as wrong:
            self._refuse("wrong", wrong)
            flows = self._one_by_one(self._seen)
        for name in sorted(self._seen.started - flows.keys()):
            self._refuse("gone", self._gone({name}))
            if kept := self._as_kept(name):
                flows[name] = kept
        self._take(flows)

    def changed(self, center: Center) -> bool:
        """Look again. True when other flows are in force now, false when none or wrong ones are."""
        seen = self._look(center)
        if seen == self._seen:
            return False
        self._seen = seen
        if lost := (seen.started & self.library.names) - {Path(file).stem for file in seen.stamps}:
            self._refuse("gone", self._gone(lost))
            return False
        try:
            flows = self._read(seen)
        except WrongInput as wrong:
            self._refuse("wrong", wrong)
            return False
        self._take(flows)
        log.info("flows taken", flows=sorted(self.library.names))
        return True

    def _look(self, center: Center) -> _Seen:
        stamps = {}
        for path in started_files(center, self._directory):
            try:
                stat = path.stat()
            except OSError:
                continue
            stamps[str(path)] = (stat.st_mtime_ns, stat.st_size)
        return _Seen(
            stamps=stamps,
            started=frozenset(n.flow for n in center.numbers if n.flow),
            known=known_names(center, self._directory),
        )

    def _read(self, seen: _Seen) -> dict[str, Flow]:
        """All flows by name. Raises `WrongInput`; then none of them may be taken."""
        if not seen.stamps:
            return {}
        texts = read_flow_files(Path(file) for file in seen.stamps)
        flows = load_files(texts, seen.known, self._parse)
        if wrong := misnamed(flows):
            raise WrongInput(wrong)
        return flows

    def _parse(self, text: str, file: str, known: Known | None) -> Flow:
        """A flow that was parsed before is not parsed again while nothing of its own changed."""
        name = Path(file).stem
        if known is not None and known.audio is not None:
            own = frozenset(ref for ref in known.audio if ref.startswith(f"{name}/"))
            known = msgspec.structs.replace(known, audio=own)
        before = self._parsed.get(file)
        if before is not None and before[:2] == (text, known):
            return before[2]
        flow = self._load(text, file, known)
        self._parsed[file] = (text, known, flow)
        return flow

    def _one_by_one(self, seen: _Seen) -> dict[str, Flow]:
        """Each flow from its file, else as it was taken last. Raises `WrongInput` for neither."""
        flows: dict[str, Flow] = {}
        problems: list[Problem] = []
        for file, stamp in seen.stamps.items():
            try:
                flows |= self._read(replace(seen, stamps={file: stamp}))
            except WrongInput as wrong:
                name = Path(file).stem
                if kept := self._as_kept(name):
                    flows[name] = kept
                else:
                    problems += wrong.problems
        if problems:
            raise WrongInput(problems)
        return flows

    def _as_kept(self, name: str) -> Flow | None:
        kept = last_kept(self._kept, name, self._load)
        if kept is not None:
            log.warning("flow taken as it was kept last", flow=name, revision=kept.revision)
        return kept

    def _gone(self, names: AbstractSet[str]) -> WrongInput:
        return WrongInput(
            [
                Problem(
                    file=str(self._directory / f"{name}.yaml"),
                    message="is not there, but a number starts this flow",
                    hint="put it back, or change the number first",
                )
                for name in sorted(names)
            ]
        )

    def _refuse(self, why: str, wrong: WrongInput) -> None:
        self.refused[why] += 1
        for problem in wrong.problems:
            log.error("flow refused; the one before goes on", problem=str(problem))

    def _take(self, flows: Mapping[str, Flow]) -> None:
        audio = {name: str(path) for name, path in all_audio(self._directory).items()}
        self._taken = _Taken(self.library.with_flows(flows), audio)
        try:
            keep(self._kept, {flow.revision: flow.source for flow in flows.values()})
        except OSError as error:
            log.error("flow revisions not kept", reason=str(error))


class Revisions(Mapping[str, Flow]):
    """Flows by revision: those in memory, and those on disk that are read when one is asked for."""

    def __init__(self, present: Mapping[str, Flow], kept: Path, load: Loader = load_flow) -> None:
        self._present = present
        self._kept = kept
        self._load = load
        self._found: dict[str, Flow] = {}

    def __getitem__(self, revision: str) -> Flow:
        flow = self._present.get(revision) or self._found.get(revision)
        if flow is None:
            if not revision.isalnum():
                raise KeyError(revision)
            flow = _read_kept(self._kept / f"{revision}.yaml", self._load)
            if flow is None:
                raise KeyError(revision)
            self._found[revision] = flow
        return flow

    def __iter__(self) -> Iterator[str]:
        return iter(self._present.keys() | {path.stem for path in self._kept.glob("*.yaml")})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def keep(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text under its revision, the youngest now; the oldest go, none of these."""
    folder.mkdir(parents=True, exist_ok=True)
    for revision, text in texts.items():
        path = folder / f"{revision}.yaml"
        if not path.exists():
            unfinished = path.with_suffix(".new")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        now = time.time_ns()
        os.utime(path, ns=(now, now))
    old = [path for path in _youngest_first(folder) if path.stem not in texts]
    for path in old[max(0, KEPT_MAX - len(texts)) :]:
        path.unlink(missing_ok=True)


def last_kept(folder: Path, name: str, load: Loader = load_flow) -> Flow | None:
    """The revision of flow `name` that was taken last, if one is kept."""
    for path in _youngest_first(folder):
        flow = _read_kept(path, load, name)
        if flow is not None and flow.name == name:
            return flow
    return None


def _youngest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _read_kept(path: Path, load: Loader, word: str = "") -> Flow | None:
    """A kept revision; None when it is not there, is spoilt, or does not hold `word`."""
    try:
        text = path.read_text("utf-8")
        flow = load(text, str(path), None) if word in text else None
    except FileNotFoundError:
        return None
    except (WrongInput, OSError, ValueError):
        log.warning("an earlier revision cannot be read", file=path.name)
        return None
    return flow if flow is None or flow.revision == path.stem else None
