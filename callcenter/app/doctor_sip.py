"""The telephone side of `callcenter doctor`: certificates, names, translators, and do trunks answer.

Why: a center that looks healthy and that nobody can call is nearly always one of these. Each is
asked the way a phone or a trunk would ask: the certificate is opened, the name is resolved, the
trunk is sent an OPTIONS over its own transport.

Sources: RFC 3261 11 (OPTIONS: any answer shows that somebody is there), RFC 1918, 4193 and 6598.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from callcenter.app.addresses import host_port
from callcenter.app.config import Settings, TrunkSettings

if TYPE_CHECKING:
    from callcenter.app.doctor import Finding

CERTIFICATE_DAYS_WARN = 14
ANSWER_SECONDS = 2.0
TRIES = 3
INSIDE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Addresses that the outside has no road to."""


def examine_sip(settings: Settings) -> Iterator[Finding]:
    """Every check of the telephone side."""
    yield from _certificates(settings)
    yield from _names(settings)
    yield from _translators(settings)
    for trunk in _each_place(settings):
        yield trunk_answers(trunk)


def _certificates(settings: Settings) -> Iterator[Finding]:
    from callcenter.adapters.certificates import (
        Certificate,
        CertificateError,
        CertificateFiles,
        days_left,
    )
    from callcenter.app.doctor import Finding

    for row in settings.certificates:
        try:
            found = Certificate.read(CertificateFiles(row.certificate_file, row.key_file))
        except CertificateError as wrong:
            yield Finding(
                "certificate", "error", str(wrong), "give certificate and key of one pair"
            )
            continue
        left, names = days_left(found.ends), ", ".join(sorted(found.names)) or "no name"
        if left < 0:
            yield Finding(
                "certificate", "error", f"{names}: ended {-left} days ago",
                "renew it; a renewed file is taken within a minute",
            )  # fmt: skip
        elif left < CERTIFICATE_DAYS_WARN:
            yield Finding(
                "certificate", "warning", f"{names}: ends in {left} days",
                "renew it; a renewed file is taken within a minute",
            )  # fmt: skip
        else:
            yield Finding("certificate", "ok", f"{names}: {left} days left")
        if settings.sip.domain and not found.speaks_for(settings.sip.domain):
            yield Finding(
                "certificate", "warning", f"does not hold [sip] domain {settings.sip.domain}",
                "phones that check names will refuse it: have the domain put into it",
            )  # fmt: skip


def _names(settings: Settings) -> Iterator[Finding]:
    from callcenter.app.doctor import Finding

    named = [("[sip] domain", settings.sip.domain)]
    named += [(f"[[trunk]] {t.name}", host_port(t.address)[0]) for t in settings.trunks]
    for trunk in settings.trunks:
        if trunk.discover:
            named.remove((f"[[trunk]] {trunk.name}", host_port(trunk.address)[0]))
            yield _discovered(settings, trunk)
    for setting, name in named:
        if not name or _is_literal(name):
            continue
        try:
            found = sorted({str(row[4][0]) for row in socket.getaddrinfo(name, None)})
        except OSError as wrong:
            yield Finding(
                "dns", "error" if "trunk" in setting else "warning",
                f"{setting}: {name} is not known: {wrong.strerror or wrong}",
                "correct the name, or the resolver in /etc/resolv.conf",
            )  # fmt: skip
        else:
            yield Finding("dns", "ok", f"{setting}: {name} is {', '.join(found)}")


def _each_place(settings: Settings) -> Iterator[TrunkSettings]:
    """Every trunk; one that is found by name once for each of its machines."""
    for trunk in settings.trunks:
        places = _places(settings, trunk) if trunk.discover else [trunk.address]
        for place in places:
            yield trunk.model_copy(update={"address": place})


def _discovered(settings: Settings, trunk: TrunkSettings) -> Finding:
    """What the records of its name say."""
    from callcenter.app.doctor import Finding

    setting, host = f"[[trunk]] {trunk.name}", host_port(trunk.address)[0]
    places = _places(settings, trunk)
    if not places:
        return Finding(
            "dns", "error", f"{setting}: {host} has neither SRV records nor addresses",
            "correct the name, or ask the provider; `dig SRV _sip._udp.NAME` shows what there is",
        )  # fmt: skip
    return Finding("dns", "ok", f"{setting}: {host} is {', '.join(places)}")


def _places(settings: Settings, trunk: TrunkSettings) -> list[str]:
    """`host:port` of each machine of a trunk that is found by name, in the order to be tried."""
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

    from callcenter.adapters.sip_names import Located, SipNames

    server, (host, port) = settings.sip.dns_server, host_port(trunk.address)

    async def ask() -> Located:
        reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
        names = SipNames((host_port(server),) if server else (), reactor=reactor)
        return await names.locate(host, port, trunk.transport)

    found = asyncio.run(ask())
    return [f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in found.addresses]


def _translators(settings: Settings) -> Iterator[Finding]:
    """Inside addresses that are told to the outside: calls come in and nothing is heard."""
    from callcenter.app.doctor import Finding

    hosts = [host_port(address)[0] for address in settings.sip.listen]
    inside = [host for host in hosts if _is_literal(host) and _is_inside(host)]
    outside = [
        trunk.name
        for trunk in settings.trunks
        if _is_literal(host_port(trunk.address)[0]) and not _is_inside(host_port(trunk.address)[0])
    ]
    if not inside or not outside or settings.networks:
        return
    missing = [
        setting
        for setting, value in (
            ("[sip] advertised_address", settings.sip.advertised_address),
            ("[media] advertised_address", settings.media.advertised_address),
        )
        if not value
    ]
    if missing:
        yield Finding(
            "nat", "warning",
            f"{inside[0]} is an address of the inside, and {outside[0]} is outside",
            f"set {' and '.join(missing)} to the address that the outside sees; phones inside get "
            "the other one by a [[network]]",
        )  # fmt: skip
    else:
        yield Finding("nat", "ok", f"the outside is told {settings.sip.advertised_address}")


def trunk_answers(trunk: TrunkSettings, seconds: float = ANSWER_SECONDS) -> Finding:
    """Whether somebody answers an OPTIONS there."""
    from callcenter.app.doctor import Finding

    where = f"{trunk.name} ({trunk.transport} {trunk.address})"
    try:
        status = _ask(trunk, seconds)
    except ssl.SSLError as wrong:
        return Finding(
            "trunk", "error", f"{where}: no TLS: {wrong.reason or wrong}",
            "check peer_name and authorities_file; `openssl s_client` shows what it offers",
        )  # fmt: skip
    except OSError as wrong:
        return Finding(
            "trunk", "warning", f"{where}: no answer: {wrong.strerror or 'timed out'}",
            "ask the provider whether OPTIONS are answered, and look at the firewall",
        )  # fmt: skip
    return Finding("trunk", "ok", f"{where} answers {status}")


def _ask(trunk: TrunkSettings, seconds: float) -> str:
    """The status of the answer. Raises `OSError` where none comes."""
    place = host_port(trunk.address)
    kind = socket.SOCK_DGRAM if trunk.transport == "udp" else socket.SOCK_STREAM
    family, _, _, _, address = socket.getaddrinfo(*place, type=kind)[0]
    with socket.socket(family, kind) as plain:
        plain.settimeout(seconds)
        plain.connect(address)
        line = _secured(plain, trunk, place[0]) if trunk.transport == "tls" else plain
        question = _options(trunk, line)
        for _ in range(TRIES if kind == socket.SOCK_DGRAM else 1):
            line.sendall(question)
            try:
                return _status(line.recv(65_536))
            except TimeoutError:
                continue
    raise TimeoutError


def _secured(plain: socket.socket, trunk: TrunkSettings, host: str) -> ssl.SSLSocket:
    authorities = str(trunk.authorities_file) if trunk.authorities_file else None
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trunk.certificate_file and trunk.key_file:
        context.load_cert_chain(trunk.certificate_file, trunk.key_file)
    return context.wrap_socket(plain, server_hostname=trunk.peer_name or host)


def _options(trunk: TrunkSettings, line: socket.socket) -> bytes:
    host, port = line.getsockname()[:2]
    ours = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    token = secrets.token_hex(8)
    return (
        f"OPTIONS sip:{trunk.address} SIP/2.0\r\n"
        f"Via: SIP/2.0/{trunk.transport.upper()} {ours};branch=z9hG4bK{token};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:doctor@{ours}>;tag={token}\r\nTo: <sip:{trunk.address}>\r\n"
        f"Call-ID: {token}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:doctor@{ours}>\r\n"
        "User-Agent: callcenter doctor\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def _status(answer: bytes) -> str:
    version, _, rest = answer.partition(b"\r\n")[0].partition(b" ")
    if version != b"SIP/2.0":
        raise OSError(0, "what answers there does not speak SIP")
    return rest.decode("ascii", "replace")[:60]


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_inside(host: str) -> bool:
    found = ip_address(host)
    return any(found in network for network in INSIDE)
