"""What can be wrong with certificates and the trunks that use them, found before a start.

Why: a certificate that cannot be used shows as silence on every phone at once. The files are opened
here as the front end will open them, and what is wrong is told at the setting that names the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from callcenter.app.config import Settings, TrunkSettings

if TYPE_CHECKING:
    from callcenter.adapters.certificates import Certificates

Problem: TypeAlias = tuple[tuple[str | int, ...], str, str]


def tls_problems(settings: Settings) -> Iterator[Problem]:
    """Path, message, remedy."""
    for key in ("tls_listen", "wss_listen"):
        if getattr(settings.sip, key) and not settings.certificates:
            yield (
                ("sip", key), "needs a certificate to show",
                "add a [[certificate]] with certificate_file and key_file",
            )  # fmt: skip
    if settings.sip.srtp == "required" and not (settings.sip.tls_listen or settings.sip.wss_listen):
        yield (
            ("sip", "srtp"), "is required, but no phone can send its keys over TLS",
            'write [sip] tls_listen = ["0.0.0.0:5061"] and a [[certificate]]',
        )  # fmt: skip
    for index, row in enumerate(settings.certificates):
        yield from _unusable("certificate", index, row.certificate_file, row.key_file)
    for index, trunk in enumerate(settings.trunks):
        yield from _trunk(settings, index, trunk)


def _trunk(settings: Settings, index: int, trunk: TrunkSettings) -> Iterator[Problem]:
    from callcenter.adapters.certificates import CertificateError, read_chain

    place = ("trunk", index)
    for key in ("peer_name", "authorities_file", "certificate_file"):
        if getattr(trunk, key) and trunk.transport != "tls":
            yield (*place, key), "is for a trunk over TLS", 'write transport = "tls"'
    if trunk.srtp == "required" and trunk.transport != "tls":
        yield (
            (*place, "srtp"), "is required, but keys are sent over TLS only",
            'write transport = "tls"',
        )  # fmt: skip
    if trunk.transport == "tls" and not settings.sip.tls_listen:
        yield (
            (*place, "transport"), "is tls, but calls cannot come in over TLS",
            'write [sip] tls_listen = ["0.0.0.0:5061"] and a [[certificate]]',
        )  # fmt: skip
    if (trunk.certificate_file is None) != (trunk.key_file is None):
        yield (
            (*place, "certificate_file"), "certificate_file and key_file belong together",
            "give both or none",
        )  # fmt: skip
    elif trunk.certificate_file and trunk.key_file:
        yield from _unusable("trunk", index, trunk.certificate_file, trunk.key_file)
    if trunk.authorities_file is not None:
        try:
            read_chain(trunk.authorities_file)
        except CertificateError as wrong:
            yield (*place, "authorities_file"), str(wrong), "give the authorities as PEM"


def _unusable(table: str, index: int, certificate: Path, key: Path) -> Iterator[Problem]:
    from callcenter.adapters.certificates import Certificate, CertificateError, CertificateFiles

    try:
        Certificate.read(CertificateFiles(certificate, key))
    except CertificateError as wrong:
        at = "key_file" if str(wrong).startswith(str(key)) else "certificate_file"
        yield (table, index, at), str(wrong), "give certificate and key as PEM files of one pair"
        return
    if key.stat().st_mode & 0o007:
        yield (table, index, "key_file"), f"{key} can be read by everybody", f"chmod 600 {key}"


def certificates_of(settings: Settings) -> Certificates | None:
    """What our TLS listeners show; None without a `[[certificate]]`. Raises `CertificateError`."""
    from callcenter.adapters.certificates import CertificateFiles, Certificates, TrunkProof

    if not settings.certificates:
        return None
    return Certificates(
        [CertificateFiles(row.certificate_file, row.key_file) for row in settings.certificates],
        [
            TrunkProof(trunk.name, trunk.peer_name, trunk.authorities_file)
            for trunk in settings.trunks
            if trunk.transport == "tls" and trunk.peer_name
        ],
    )
