"""Secrets the server makes for itself: one file each, readable by the owner only.

Why: a center must be safe without anybody having chosen anything. What signs web sessions and
tokens, and what SIP nonces are made with, is made once and kept, so that a restart logs nobody out.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32

WEB_TOKEN_SECRET = "web-token"
"""Signs API tokens and browser sessions."""

SIP_NONCE_SECRET = "sip-nonce"
"""Makes digest nonces."""

NAMES = (WEB_TOKEN_SECRET, SIP_NONCE_SECRET)


def ensure_secrets(directory: Path) -> list[Path]:
    """Make what is missing; the files that were made."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    made = []
    for name in NAMES:
        path = directory / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES))
        made.append(path)
    return made


def read_secret(directory: Path, name: str) -> bytes:
    """The bytes of a secret. Raises `OSError` when it was never made."""
    return bytes.fromhex((directory / name).read_text().strip())


def new_password() -> str:
    """A password a person can type on a phone's settings page: 20 characters, 99 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(20))
