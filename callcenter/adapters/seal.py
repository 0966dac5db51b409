"""What holds keys of encrypted audio is sealed before it is kept.

    \\x00S1   nonce (12)   AES-256-GCM of the value

Why: a restart must find the keys of the calls again, and the store's log, its copies and backups
would hold them for as long as they live: who gets one could hear calls that were recorded on the
wire. So what holds a key (`inline:`, as SDES writes it) or a password of ICE is sealed with a secret that lies in the
state directory, beside no copy of the store. All else is kept as it is, which costs nothing.

Sources: RFC 4568 7 (keys in SDP must be kept secret), NIST SP 800-38D.
"""

import contextlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIGN = b"\x00S1"
NONCE = 12
MARKS = (b"inline:", b"ice-pwd:")


class Unsealable(ValueError):
    """It was sealed with another secret, or it is broken."""


class Seal:
    """One secret. What was sealed by an earlier life with the same one opens again."""

    def __init__(self, secret: bytes) -> None:
        """`secret` has 32 octets."""
        self._cipher = AESGCM(secret)

    @classmethod
    def at(cls, file: Path) -> "Seal":
        """With the secret of a file, which is made if it is not there."""
        return cls(secret_at(file))

    def close(self, value: bytes) -> bytes:
        """The value as it may be kept."""
        if not holds_key(value):
            return value
        nonce = os.urandom(NONCE)
        return SIGN + nonce + self._cipher.encrypt(nonce, value, SIGN)

    def open(self, kept: bytes) -> bytes:
        """The value that was kept. Raises `Unsealable`."""
        if not kept.startswith(SIGN):
            return kept
        nonce = kept[len(SIGN) : len(SIGN) + NONCE]
        try:
            return self._cipher.decrypt(nonce, kept[len(SIGN) + NONCE :], SIGN)
        except (InvalidTag, ValueError) as wrong:
            raise Unsealable("sealed with another secret") from wrong


def holds_key(value: bytes) -> bool:
    """Whether a key stands in it."""
    return any(mark in value for mark in MARKS)


def secret_at(path: Path) -> bytes:
    """32 random octets; made once, whole before anybody can read them."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
    return path.read_bytes()
