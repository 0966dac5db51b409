"""What stands beside the state: the configuration, its flows, its secrets.

Why: a backup travels further than a server does. So passwords leave it only when they are asked for:
files named by `*_file` are left out, and those that stand in the configuration itself, in a URL of
a store or a history too, are blanked in the copy. What was left out is named.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callcenter.app.config import FILE_NAME, Settings, shipped

CONFIGURATION = f"configuration/{FILE_NAME}"
FLOWS, SECRETS = "flows", "secrets"
BLANK = "left-out-of-the-backup"

_SECRET_KEYS = ("password", "web_password")
_FILE_KEYS = ("password_file", "web_password_file")
_URL = re.compile(r"(://[^\s\"'/@:]*):[^\s\"'/@]*@")
_PASSWORD = re.compile(r"""(\b(?:web_)?password["']?\s*=\s*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*')""")


def parts(
    config: Path | None, settings: Settings, *, with_secrets: bool
) -> tuple[dict[str, bytes | Path], list[str]]:
    """Parts by name, and what was left out, in words."""
    found: dict[str, bytes | Path] = {}
    left_out: list[str] = []
    if config is not None:
        text = config.read_text("utf-8")
        copy = text if with_secrets else blanked(text)
        if not with_secrets and _still_there(text, copy):
            left_out.append(f"{config}: a password in it cannot be blanked")
        else:
            found[CONFIGURATION] = copy.encode()
            if copy != text:
                left_out.append(f"passwords that stand in {config}")
        for name, path in secret_files(config):
            if name and with_secrets:
                found[f"{SECRETS}/{name}"] = path
            else:
                left_out.append(f"{path}")
    if settings.flows_directory.resolve() != shipped("ivr_flows").resolve():
        for path in files_below(settings.flows_directory):
            found[f"{FLOWS}/{path.relative_to(settings.flows_directory)}"] = path
    return found, left_out


def files_below(directory: Path, leave: tuple[str, ...] = ()) -> Iterator[Path]:
    """Every plain file below a directory, in order, but not below the folders to `leave` in it."""
    for folder, folders, names in os.walk(directory):
        if Path(folder) == directory:
            folders[:] = [name for name in folders if name not in leave]
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def blanked(text: str) -> str:
    """The configuration without the passwords that stand in it."""
    return _URL.sub(rf"\1:{BLANK}@", _PASSWORD.sub(rf'\1"{BLANK}"', text))


def _still_there(text: str, copy: str) -> bool:
    """Whether a password that the file holds can still be read from the copy."""
    secrets = {value for value in _values(tomllib.loads(text), _SECRET_KEYS) if value}
    kept = set(_values(tomllib.loads(copy), _SECRET_KEYS))
    return bool(secrets & kept) or any(f":{BLANK}@" not in one[0] for one in _URL.finditer(copy))


def _values(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and isinstance(inner, str):
                yield inner
            else:
                yield from _values(inner, keys)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, keys)


def secret_files(config: Path) -> list[tuple[str, Path]]:
    """The files that hold passwords, with their names below the configuration's folder; no name
    for those elsewhere."""
    folder = config.resolve().parent
    found = []
    for text in dict.fromkeys(_values(tomllib.loads(config.read_text("utf-8")), _FILE_KEYS)):
        path = folder / text
        inside = path.is_file() and path.resolve().is_relative_to(folder)
        found.append((str(path.resolve().relative_to(folder)) if inside else "", path))
    return found


def put_beside(config: Path, unpacked: Path) -> list[str]:
    """Write configuration, secrets and flows of a backup where there are none; what was written.
    Nothing that is there is touched."""
    written: list[str] = []
    folder = config.resolve().parent
    stored = unpacked / CONFIGURATION
    if not config.exists() and stored.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        written += _copy(stored, config)
    if config.exists() and (unpacked / SECRETS).is_dir():
        for path in files_below(unpacked / SECRETS):
            written += _copy(path, folder / path.relative_to(unpacked / SECRETS))
    flows = _flows_directory(config)
    if flows is not None and not (flows.is_dir() and any(flows.iterdir())):
        for path in files_below(unpacked / FLOWS):
            written += _copy(path, flows / path.relative_to(unpacked / FLOWS))
    return written


def _flows_directory(config: Path) -> Path | None:
    try:
        named = tomllib.loads(config.read_text("utf-8")).get("flows_directory")
    except (OSError, ValueError):
        return None  # `load_settings` tells what is wrong with it
    return config.resolve().parent / named if isinstance(named, str) else None


def _copy(source: Path, target: Path) -> list[str]:
    if target.exists():
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o600)
    return [str(target)]
