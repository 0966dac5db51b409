"""Flow files on disk: which there are, what they hold, which prompts have audio.

Why: `ivr` opens no file. The command line and the front end's hot reload read the same directory
in the same way, here. A file that cannot be read is a problem with a place, like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from callcenter.domain.center import Center
from callcenter.domain.errors import Problem, WrongInput

if TYPE_CHECKING:
    from callcenter.ivr.shape import Flow, Known

SUFFIXES = (".yaml", ".yml")
AUDIO_FOLDER = "prompts"


def flow_paths(directory: Path) -> list[Path]:
    """The flow files directly in `directory`; none when it cannot be listed."""
    try:
        return sorted(p for p in directory.iterdir() if p.suffix in SUFFIXES and p.is_file())
    except OSError:
        return []


def flow_files(paths: Iterable[Path]) -> list[Path]:
    """The flow files among `paths`; a directory stands for those directly in it.

    Raises:
        WrongInput: a directory holds none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = flow_paths(path)
        if not inside:
            message = "holds no flow"
            raise WrongInput([Problem(file=str(path), message=message, hint="a *.yaml file")])
        found += inside
    return found


def read_flow_files(paths: Iterable[Path]) -> dict[str, str]:
    """Name -> text of each flow file.

    Raises:
        WrongInput: for every file that cannot be read.
    """
    from callcenter.ivr.tree import FILE_BYTES_MAX

    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path in flow_files(paths):
        try:
            with path.open("rb") as file:
                texts[str(path)] = file.read(FILE_BYTES_MAX + 1).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # A file cut at the limit may end within a character; it is too large either way.
            large = error.end >= FILE_BYTES_MAX
            message = f"larger than {FILE_BYTES_MAX // 1024} KiB" if large else "is no UTF-8 text"
            problems.append(Problem(file=str(path), message=message, hint="save it as UTF-8"))
        except OSError as error:
            problems.append(Problem(file=str(path), message=error.strerror or str(error)))
    if problems:
        raise WrongInput(problems)
    return texts


def audio_files(directory: Path) -> dict[str, Path]:
    """Reference `flow/language/prompt` -> file, of all prompts beside the flows."""
    root = directory / AUDIO_FOLDER
    return {
        path.relative_to(root).with_suffix("").as_posix(): path
        for path in sorted(root.glob("*/*/*.au"))
    }


def prompt_names(directory: Path) -> list[str]:
    """What an announcement may be: the prompts of all flows, and those that belong to none."""
    found = (reference.split("/") for reference in audio_files(directory))
    return sorted({prompt for flow, _, prompt in found if flow not in ("system", "queues")})


def all_audio(directory: Path) -> dict[str, Path]:
    """Audio reference -> file: the prompts, and music and tones of ours and of the directory."""
    from callcenter.media import prompts

    found = audio_files(directory)
    for kind in ("music", "tones"):
        for folder in (Path(prompts.__file__).parent / "audio" / kind, directory / kind):
            found |= {f"{kind}/{path.stem}": path for path in sorted(folder.glob("*.au"))}
    return found


def known_names(center: Center, directory: Path | None = None) -> Known:
    """What a flow may name: queues, skills, agents and calendars of the center, audio of a
    directory."""
    from callcenter.ivr.shape import Known

    return Known(
        queues=frozenset(str(queue.id) for queue in center.queues),
        calendars=frozenset(calendar.name for calendar in center.calendars),
        skills=frozenset(center.skills),
        agents=frozenset(str(agent.id) for agent in center.agents),
        asking_language=frozenset(str(q.id) for q in center.queues if q.language_level),
        audio=frozenset(audio_files(directory)) if directory is not None else None,
    )


def started_files(center: Center, directory: Path) -> list[Path]:
    """The files that matter: a flow no number starts may ask for queues that are not ours."""
    started = {number.flow for number in center.numbers if number.flow}
    return [path for path in flow_paths(directory) if path.stem in started]


def check_flows(center: Center, directory: Path) -> list[Problem]:
    """The flow files laid beside a center: a mistake in one that no number starts only warns."""
    used = started_files(center, directory)
    others = [path for path in flow_paths(directory) if path not in used]
    problems, flows = _problems_in(used, known_names(center, directory))
    if flows:
        from callcenter.app.flow_demands import unserved

        problems += [problem for flow in flows.values() for problem in unserved(center, flow)]
    return problems + [
        msgspec.structs.replace(problem, severity="warning")
        for problem in _problems_in(others, None)[0]
    ]


def _problems_in(
    paths: list[Path], known: Known | None
) -> tuple[list[Problem], Mapping[str, Flow]]:
    """What is wrong, and the flows if nothing is."""
    from callcenter.ivr.library import load_files

    if not paths:
        return [], {}
    try:
        flows = load_files(read_flow_files(paths), known)
    except WrongInput as wrong:
        return wrong.problems, {}
    warnings = [problem for flow in flows.values() for problem in flow.warnings]
    return warnings + misnamed(flows), flows


def misnamed(flows: Mapping[str, Flow]) -> list[Problem]:
    """Flows that no number finds, because they are not named like their file."""
    return [
        Problem(
            file=flow.file, line=1, field="flow",
            message=f"{flow.name!r} is not the name of its file, which numbers start it by",
            hint=f"flow: {Path(flow.file).stem}",
        )
        for flow in flows.values()
        if flow.name != Path(flow.file).stem
    ]  # fmt: skip
