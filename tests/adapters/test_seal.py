"""What holds a key is kept sealed; everything else as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callcenter.adapters.seal import SIGN, Seal, Unsealable, secret_at

RECORD = b"m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n"


def test_a_record_with_a_key_is_sealed_and_opens_again(tmp_path: Path) -> None:
    first = Seal.at(tmp_path / "deep" / "secret")
    kept = first.close(RECORD)
    assert kept.startswith(SIGN)
    assert b"secret" not in kept
    assert kept != first.close(RECORD)
    assert Seal.at(tmp_path / "deep" / "secret").open(kept) == RECORD


@pytest.mark.parametrize("record", [b"", b"m=audio 4000 RTP/AVP 0", b"\x00\x01\x02"])
def test_what_holds_no_key_is_kept_as_it_is(record: bytes) -> None:
    seal = Seal(bytes(32))
    assert seal.close(record) is record
    assert seal.open(record) == record


def test_a_password_of_ice_is_sealed_too() -> None:
    assert Seal(bytes(32)).close(b"a=ice-pwd:x").startswith(SIGN)


@pytest.mark.parametrize("spoil", [lambda k: k[:-1], lambda k: k[:10], lambda k: k[:-1] + b"x"])
def test_another_secret_and_a_spoilt_record_open_nothing(spoil: object) -> None:
    kept = Seal(bytes(32)).close(RECORD)
    with pytest.raises(Unsealable):
        Seal(os.urandom(32)).open(kept)
    with pytest.raises(Unsealable):
        Seal(bytes(32)).open(spoil(kept))  # type: ignore[operator]


def test_the_secret_is_made_once_and_only_we_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    secret = secret_at(file)
    assert len(secret) == 32
    assert secret_at(file) == secret
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
