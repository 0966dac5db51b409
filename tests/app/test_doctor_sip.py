"""What `doctor` says of certificates, names, translators and trunks."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.config import Settings, TrunkSettings
from callcenter.app.doctor_sip import examine_sip, trunk_answers
from tests.adapters.authority import Authority

OK = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


def found(**settings: Any) -> list[tuple[str, str, str]]:
    findings = examine_sip(Settings.model_validate(settings))
    return [(f.check, f.state, f.detail) for f in findings]


def certificate(authority: Authority, name: str, days: int) -> dict[str, Any]:
    files = authority.issue(name, days=days)
    return {"certificate_file": files.certificate, "key_file": files.key}


def test_a_certificate_is_told_with_its_days(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    rows = [certificate(authority, f"{days}.test", days) for days in (90, 5, -3)]
    assert found(certificate=rows) == [
        ("certificate", "ok", "90.test: 89 days left"),
        ("certificate", "warning", "5.test: ends in 4 days"),
        ("certificate", "error", "-3.test: ended 4 days ago"),
    ]


def test_a_certificate_that_does_not_hold_the_domain_is_told(tmp_path: Path) -> None:
    rows = [certificate(Authority(tmp_path), "a.test", 90)]
    told = found(certificate=rows, sip={"domain": "127.0.0.1"})
    assert ("certificate", "warning", "does not hold [sip] domain 127.0.0.1") in told


def test_an_inside_address_is_told_where_trunks_are_outside() -> None:
    trunk = {"name": "far", "address": "203.0.113.9:5060"}
    inside = {"listen": "192.168.0.10:5060"}
    told = [row for row in found(trunk=[], sip=inside) if row[0] == "nat"]
    assert told == []
    settings = Settings.model_validate({"trunk": [trunk], "sip": inside})
    names = [f.check for f in _without_trunks(settings)]
    assert names == ["nat"]


def _without_trunks(settings: Settings) -> list[Any]:
    from callcenter.app.doctor_sip import _translators

    return list(_translators(settings))


def test_a_name_that_nobody_knows_is_told() -> None:
    told = found(trunk=[{"name": "x", "address": "no-such-host.invalid:5060"}])
    assert told[0][:2] == ("dns", "error")
    assert told[1][:2] == ("trunk", "warning")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Somebody who answers datagrams."""
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))

        def talk() -> None:
            data, where = peer.recvfrom(65_536)
            assert data.startswith(b"OPTIONS ")
            peer.sendto(answer, where)

        talker = threading.Thread(target=talk)
        talker.start()
        yield "{}:{}".format(*peer.getsockname())
        talker.join()


def test_a_trunk_that_answers_whatever_it_says_is_there() -> None:
    with answering(b"SIP/2.0 403 Forbidden\r\n\r\n") as address:
        finding = trunk_answers(TrunkSettings(name="t", address=address))
    assert (finding.state, finding.detail.endswith("answers 403 Forbidden")) == ("ok", True)


def test_a_trunk_that_says_nothing_or_no_sip_is_told() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        trunk = TrunkSettings(name="t", address="{}:{}".format(*silent.getsockname()))
        assert trunk_answers(trunk, 0.05).state == "warning"
    with answering(b"HTTP/1.1 400 no\r\n\r\n") as address:
        assert (
            "does not speak SIP" in trunk_answers(TrunkSettings(name="t", address=address)).detail
        )


@pytest.mark.parametrize(("peer", "state"), [("sbc.test", "ok"), ("other.test", "error")])
def test_a_tls_trunk_must_show_the_certificate_of_its_name(
    tmp_path: Path, peer: str, state: str
) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("sbc.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    def talk() -> None:
        line, _ = listener.accept()
        try:
            with context.wrap_socket(line, server_side=True) as secured:
                secured.recv(65_536)
                secured.sendall(OK)
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        talker = threading.Thread(target=talk)
        talker.start()
        trunk = TrunkSettings(
            name="t",
            address="{}:{}".format(*listener.getsockname()),
            transport="tls",
            peer_name=peer,
            authorities_file=authority.file,
        )
        assert trunk_answers(trunk).state == state
        talker.join()
