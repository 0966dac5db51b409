"""Passwords that `init` makes: one file each, readable by the owner only.

Why: a center must be safe without anybody having chosen anything, so no password is ever a default
one, and none stands in the configuration itself.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from callcenter.adapters.seal import secret_at

MAIL_SECRET_FILE = "mail-secret"


def new_password() -> str:
    """A password a person can type on a phone's settings page: 20 characters, 99 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(20))


def make_passwords(folder: Path, names: list[str]) -> list[Path]:
    """A new password in a file for each name; those that are there are kept. The files made."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    made = []
    for name in names:
        path = folder / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w") as secret:
            secret.write(new_password() + "\n")
        made.append(path)
    return made


def secret_of(state: Path) -> bytes:
    """What our message ids are signed with."""
    return secret_at(state / MAIL_SECRET_FILE)
