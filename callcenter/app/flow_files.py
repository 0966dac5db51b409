"""Flow files on disk: which there are, what they hold, which prompts have audio.

Why: `ivr` opens no file. The command line and the front end's hot reload read the same directory
in the same way, here. A file that cannot be read is a problem with a place, like any other.
"""

from collections.abc import Iterable
from pathlib import Path

from callcenter.domain.center import Center
from callcenter.domain.errors import Problem, WrongInput
from callcenter.ivr.shape import Known
from callcenter.ivr.tree import FILE_BYTES_MAX

SUFFIXES = (".yaml", ".yml")
AUDIO_FOLDER = "prompts"


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
        inside = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and p.is_file())
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


def known_names(center: Center, directory: Path | None = None) -> Known:
    """What a flow may name: queues, skills and calendars of the center, audio of a directory."""
    return Known(
        queues=frozenset(str(queue.id) for queue in center.queues),
        calendars=frozenset(calendar.name for calendar in center.calendars),
        skills=frozenset(center.skills),
        audio=frozenset(audio_files(directory)) if directory is not None else None,
    )
