"""What is wrong with certificates and TLS trunks is told at the setting that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.app.config_check import check_settings
from tests.adapters.authority import Authority


def problems(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    file = tmp_path / "callcenter.toml"
    file.write_text(text, "utf-8")
    _, found = check_settings(file, {})
    return [(p.field, p.message) for p in found if p.severity == "error"]


def table(authority: Authority, name: str = "sip.test") -> str:
    files = authority.issue(name)
    return (
        f'[[certificate]]\ncertificate_file = "{files.certificate.name}"\n'
        f'key_file = "{files.key.name}"\n'
    )


def test_a_listener_with_a_certificate_beside_the_file_is_good(tmp_path: Path) -> None:
    text = '[sip]\ntls_listen = "127.0.0.1:5061"\n' + table(Authority(tmp_path))
    assert problems(tmp_path, text) == []


def test_a_listener_without_a_certificate_is_told(tmp_path: Path) -> None:
    text = '[sip]\nwss_listen = "127.0.0.1:5443"\n'
    assert problems(tmp_path, text) == [("sip.wss_listen", "needs a certificate to show")]


@pytest.mark.parametrize(
    ("broken", "field", "words"),
    [
        ("sip.test.pem", "certificate.0.certificate_file", "holds no certificate in PEM"),
        ("sip.test.key", "certificate.0.key_file", "is no private key in PEM"),
    ],
)
def test_a_broken_file_is_told_where_it_is_named(
    tmp_path: Path, broken: str, field: str, words: str
) -> None:
    text = table(Authority(tmp_path))
    (tmp_path / broken).write_text("nothing of the kind")
    [(told, message)] = problems(tmp_path, text)
    assert told == field
    assert words in message


def test_a_missing_file_and_a_key_that_everybody_may_read_are_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    text = table(authority)
    (tmp_path / "sip.test.key").chmod(0o644)
    [(field, message)] = problems(tmp_path, text)
    assert field == "certificate.0.key_file"
    assert "can be read by everybody" in message
    (tmp_path / "sip.test.pem").unlink()
    assert "cannot be read: No such file" in problems(tmp_path, text)[0][1]


TRUNK = '[[trunk]]\nname = "x"\naddress = "198.51.100.20:5061"\n'


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ('peer_name = "a"\n', "trunk.0.peer_name", "is for a trunk over TLS"),
        ('transport = "tls"\n', "trunk.0.transport", "calls cannot come in over TLS"),
        ('srtp = "required"\n', "trunk.0.srtp", "keys are sent over TLS only"),
        ('sources = ["300.1.1.1"]\n', "trunk.0.sources.0", "write 198.51.100.20"),
    ],
)
def test_what_does_not_fit_a_trunk_is_told(
    tmp_path: Path, more: str, field: str, words: str
) -> None:
    [(told, message)] = problems(tmp_path, TRUNK + more)
    assert told == field
    assert words in message


def test_the_files_of_a_tls_trunk_are_opened(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    listen = '[sip]\ntls_listen = "127.0.0.1:5061"\n' + table(authority)
    trunk = TRUNK + 'transport = "tls"\npeer_name = "sbc.test"\n'
    good = f'authorities_file = "{authority.file.name}"\n'
    assert problems(tmp_path, listen + trunk + good) == []
    [(field, _)] = problems(tmp_path, listen + trunk + 'authorities_file = "none.pem"\n')
    assert field == "trunk.0.authorities_file"
    [(field, message)] = problems(tmp_path, listen + trunk + 'certificate_file = "a.pem"\n')
    assert (field, message) == (
        "trunk.0.certificate_file", "certificate_file and key_file belong together",
    )  # fmt: skip


def test_encryption_that_no_phone_could_agree_on_is_told(tmp_path: Path) -> None:
    [(field, message)] = problems(tmp_path, '[sip]\nsrtp = "required"\n')
    assert field == "sip.srtp"
    assert "no phone can send its keys over TLS" in message
    text = '[sip]\nsrtp = "required"\ntls_listen = "127.0.0.1:5061"\n' + table(Authority(tmp_path))
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize("address", ["192.0.2.10", "sip.example.com", "2001:db8::g"])
def test_a_second_address_that_is_no_ipv6_address_is_told(tmp_path: Path, address: str) -> None:
    [(field, message)] = problems(tmp_path, f'[media]\naddress6 = "{address}"\n')
    assert field == "media.address6"
    assert "is no IPv6 address" in message
