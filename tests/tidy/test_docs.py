"""The documents say what the program is: commands, settings, links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from callcenter.app.__main__ import callcenter
from callcenter.app.config import Settings
from callcenter.app.init import init

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
LISTED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*README.md"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split()  # fmt: skip
READMES = [name for name in LISTED if (ROOT / name).is_file()]


def commands() -> Iterator[tuple[str, set[str]]]:
    """Every command as it is typed, and every option it or a group of it takes."""

    def walk(command: click.Command, name: str, above: set[str]) -> Iterator[tuple[str, set[str]]]:
        options = above | {opt for parameter in command.params for opt in parameter.opts}
        if isinstance(command, click.Group):
            context = click.Context(command)
            for part in command.list_commands(context):
                inner = command.get_command(context, part)
                assert inner is not None
                yield from walk(inner, f"{name} {part}", options)
        else:
            yield name, options

    return walk(callcenter, "callcenter", {"--help", "-h"})


COMMANDS = dict(commands())


def commands_shown(text: str) -> Iterator[tuple[str, list[str]]]:
    """Command lines of a document: each command shown in code, and the options shown with it.

    `flow check` in code counts, though it stands without its program; so does `config show|apply`.
    """
    groups = {name.split()[1] for name in COMMANDS if len(name.split()) == 3}
    shown = re.findall(r"^(?:\$ )? *(?:[A-Z_]+=.*? )?(callcenter [^#\n]*)", text, re.MULTILINE)
    for code in re.findall(r"`([^`\n]+)`", text):
        first = code.split()[0] if code.split() else ""
        if code.startswith("callcenter ") or (first in groups and re.match(r"\w+ [a-z|]+$", code)):
            shown.append(code if code.startswith("callcenter ") else f"callcenter {code}")
    for line in shown:
        words = re.sub(r"--?\w[\w-]*(?: [\w.:/]+)? (?=call|answer|register)", "", line).split()
        options = re.findall(r"(?<=\s)--?[a-z][\w-]*", line)
        last = words[2].split("|") if len(words) > 2 and words[1] in groups else [""]
        for one in last:
            yield " ".join([*words[:2], one]).strip(), options


def known(command: str) -> bool:
    """Whether the program has it; a group by itself, as in `callcenter flow`, is known too."""
    return any(name == command or name.startswith(f"{command} ") for name in COMMANDS)


def test_every_command_stands_in_the_readme() -> None:
    assert [name for name in COMMANDS if f"`{name}`" not in README] == []


@pytest.mark.parametrize("readme", READMES)
def test_every_command_shown_exists_with_its_options(readme: str) -> None:
    wrong = []
    for command, options in commands_shown((ROOT / readme).read_text("utf-8")):
        if not known(command):
            wrong.append(command)
        allowed = set().union(*(o for n, o in COMMANDS.items() if n.startswith(command)))
        wrong += [f"{command} {option}" for option in options if option not in allowed]
    assert wrong == []


def test_a_command_that_is_not_there_is_found() -> None:
    text = "\n    callcenter fly --high\n\n`callcenter token forge`, `flow check|dance`, `config check`"
    shown = [command for command, _ in commands_shown(text)]
    assert [command for command in shown if not known(command)] == [
        "callcenter fly", "callcenter token forge", "callcenter flow dance",
    ]  # fmt: skip


def tables(model: type[BaseModel], name: str = "") -> Iterator[tuple[str, str]]:
    """Every key of the configuration, with the table it stands in."""
    for field, info in model.model_fields.items():
        key = info.alias or field
        parts = [info.annotation, *get_args(info.annotation)]
        inner = [p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)]
        if not inner:
            yield name, key
        elif name:
            yield name, key
            yield from ((name, below) for _, below in tables(inner[0], key))
        else:
            yield from tables(inner[0], key)


def test_every_setting_stands_in_the_readme_beside_its_table() -> None:
    rows = {
        match[1].strip("[]`"): match[2]
        for match in re.finditer(r"^\| (`\[+\w+\]+`|\(top\)) \| (.*) \|$", README, re.MULTILINE)
    }
    missing = [
        f"[{table}] {key}"
        for table, key in tables(Settings)
        if f"`{key}`" not in rows.get(table or "(top)", "")
    ]
    assert missing == []
    known_keys = {key for _, key in tables(Settings)}
    told = {key for row in rows.values() for key in re.findall(r"`(\w+)`", row)}
    assert told - known_keys - {"true", "false"} == set(), "told, but no setting"


def test_what_init_writes_shows_what_a_newcomer_needs(tmp_path: Path) -> None:
    assert CliRunner().invoke(init, [str(tmp_path)]).exit_code == 0
    written = (tmp_path / "callcenter.toml").read_text("utf-8")
    keys = ("listen", "advertised_address", "guests", "phone_profile", "password_file", "reasons")
    needed = [*keys, *(f"[{t}]" for t in ("center", "store", "history", "sip", "media", "web"))]
    needed += [f"[[{t}]]" for t in ("trunk", "number", "skill", "calendar", "queue", "agent")]
    assert [key for key in needed if key not in written] == []


def links_in(text: str) -> list[str]:
    """Where the links and pictures of a Markdown text go, without those to other machines."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(<?([^)\s>]+)>?[^)]*\)", prose)
    found += re.findall(r"^\[[^\]]+\]:\s*(\S+)", prose, re.MULTILINE)
    found += re.findall(r"""(?:src|href)=["']([^"']+)["']""", prose)
    return [link for link in found if not re.match(r"[a-z]+:|//|#", link)]


@pytest.mark.parametrize("readme", READMES)
def test_every_link_and_picture_is_there(readme: str) -> None:
    path = ROOT / readme
    broken = [
        link
        for link in links_in(path.read_text("utf-8"))
        if not (path.parent / link.partition("#")[0]).exists()
    ]
    assert broken == []


def test_files_named_in_the_readme_are_there() -> None:
    """A path in code is a promise as a link is: `tests/e2e/test_roles_killed.py`."""
    paths = re.findall(r"`((?:tests|callcenter|deploy|ivr_flows)/[\w./-]+)`", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_links_of_every_kind_are_found() -> None:
    text = '[a](b.md#c) ![p](q.png "title") <img src="r.svg"> [x](https://y) [s](#t)\n\n[ref]: z.md'
    assert links_in(text) == ["b.md#c", "q.png", "z.md", "r.svg"]
