"""`callcenter doctor`: what would stop the server from working, and what to do about it.

Why: a telephone system fails in few and well-known ways: a taken port, a store that forgets, a
clock that runs away, a full disk, too few descriptors, small buffers. Each is looked at before a
caller meets it, and each finding says its remedy.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from callcenter.app.config import Settings, default_file, load_settings
from callcenter.app.run_command import config_option

DESCRIPTORS_WANTED = 16384
DISK_MEGABYTES_WANTED = 1024
BUFFER_BYTES_WANTED = 4 * 1024 * 1024
FSYNC_SECONDS_MAX = 0.02


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state` is ok, warning or error."""

    check: str
    state: str
    detail: str
    remedy: str = ""


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(file: Path | None, as_json: bool) -> None:
    """Look for what would stop the server from working. Exit 1 if anything would."""
    findings = list(examine(load_settings(file or default_file())))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = {"ok": "ok     ", "warning": "warning", "error": "error  "}[finding.state]
            click.echo(f"{mark}  {finding.check}: {finding.detail}")
            if finding.remedy:
                click.echo(f"         -> {finding.remedy}")
    sys.exit(any(finding.state == "error" for finding in findings))


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order a start would meet them."""
    yield _python()
    yield from _state(settings)
    yield _descriptors()
    yield _buffers()
    yield from _ports(settings)
    yield from _store(settings)
    yield _clock()
    yield from _codecs(settings)
    yield from _privacy(settings)


def _python() -> Finding:
    version = ".".join(str(n) for n in sys.version_info[:3])
    try:
        import uvloop  # noqa: F401 only whether it is there
    except ImportError:
        return Finding("python", "warning", f"{version}, without uvloop", "pip install uvloop")
    return Finding("python", "ok", f"{version} with uvloop")


def _state(settings: Settings) -> Iterator[Finding]:
    directory = settings.state_directory
    place = next(p for p in (directory, *directory.parents) if p.exists())
    if not os.access(place, os.W_OK):
        yield Finding(
            "disk", "error", f"{place} cannot be written",
            f"give it to this user, or set state_directory: chown {os.getuid()} {place}",
        )  # fmt: skip
        return
    free = shutil.disk_usage(place).free // 1_000_000
    if free < DISK_MEGABYTES_WANTED:
        yield Finding(
            "disk", "error" if free < 100 else "warning", f"{free} MB free in {place}",
            "free some space: the journal stops the center when it cannot be written",
        )  # fmt: skip
    else:
        yield Finding("disk", "ok", f"{free} MB free in {place}")
    seconds = _fsync_seconds(place)
    slow = seconds > FSYNC_SECONDS_MAX
    yield Finding(
        "disk speed", "warning" if slow else "ok", f"a write is safe after {seconds * 1000:.1f} ms",
        "put state_directory on a faster disk: every decision waits for it" if slow else "",
    )  # fmt: skip


def _fsync_seconds(place: Path) -> float:
    """The middle one of nine small writes."""
    path = place / f".doctor-{os.getpid()}"
    taken = []
    with path.open("wb") as file:
        for _ in range(9):
            began = time.monotonic()
            file.write(b"x" * 512)
            file.flush()
            os.fdatasync(file.fileno())
            taken.append(time.monotonic() - began)
    path.unlink()
    return sorted(taken)[4]


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS_WANTED:
        return Finding(
            "descriptors", "warning", f"at most {hard} files and sockets (now {soft})",
            "raise it: LimitNOFILE=65536 in the service, or /etc/security/limits.conf",
        )  # fmt: skip
    return Finding("descriptors", "ok", f"RLIMIT_NOFILE {soft}, may be raised to {hard}")


def _buffers() -> Finding:
    from callcenter.app.sockets import enlarge

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        size = enlarge(probe)
    if size < BUFFER_BYTES_WANTED:
        return Finding(
            "receive buffers", "warning",
            f"{size} bytes: about {size // 2400} SIP messages wait while the front end restarts",
            "sysctl -w net.core.rmem_max=8388608",
        )  # fmt: skip
    return Finding("receive buffers", "ok", f"{size} bytes")


def _ports(settings: Settings) -> Iterator[Finding]:
    from callcenter.app.run import RUN_FILE
    from callcenter.app.sockets import open_for
    from callcenter.domain.errors import WrongInput

    if running := _running(settings.state_directory / RUN_FILE):
        yield Finding("ports", "ok", f"the server is running (process {running})")
        return
    for role in ("frontend", "web"):
        try:
            opened = open_for(role, 0, settings)
        except WrongInput as wrong:
            problem = wrong.problems[0]
            yield Finding(
                "ports", "error", f"{problem.file} {problem.message}", problem.hint
            )  # fmt: skip
            continue
        places = sorted({"{}:{}".format(*one.getsockname()[:2]) for one in opened.values()})
        for one in opened.values():
            one.close()
        yield Finding("ports", "ok", f"{role}: {', '.join(places)}")
    yield from _rtp_ports(settings)


def _rtp_ports(settings: Settings) -> Iterator[Finding]:
    if settings.media.url != "embedded":
        return
    first, last = settings.media.port_range
    taken = []
    for port in range(first, min(last, first + 200) + 1, 2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((settings.media.address, port))
            except OSError:
                taken.append(port)
    if len(taken) > 20:
        yield Finding(
            "rtp ports", "warning", f"{len(taken)} of the first 100 are taken, from {taken[0]}",
            "choose another range in [media] rtp_ports",
        )  # fmt: skip
    else:
        yield Finding("rtp ports", "ok", f"{first}-{last} on {settings.media.address}")


def _running(run_file: Path) -> int:
    """The process id of the server that runs on this state directory, or 0."""
    try:
        pid = int(json.loads(run_file.read_text())["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError):
        return 0
    return pid


def _store(settings: Settings) -> Iterator[Finding]:
    from callcenter.adapters.store.check import require_safe
    from callcenter.adapters.store.client import open_client
    from callcenter.adapters.store.embedded import StoreUnavailable, find_server

    if settings.store.url == "embedded":
        try:
            yield Finding("store", "ok", f"embedded: {find_server()}")
        except StoreUnavailable as missing:
            yield Finding("store", "error", "no server program", str(missing))
        return
    try:
        client = open_client(settings.store.url)
    except StoreUnavailable as away:
        yield Finding(
            "store", "error", str(away),
            "start it, or correct [store] url; `embedded` needs nothing",
        )  # fmt: skip
        return
    with client:
        try:
            require_safe(client, settings.store.accept_loss_seconds)
        except StoreUnavailable as weak:
            yield Finding("store", "error", settings.store.url, str(weak))
            return
    yield Finding("store", "ok", f"{settings.store.url} answers and keeps what it acknowledges")


def _clock() -> Finding:
    """Whether the kernel thinks the clock is kept in step (`adjtimex`)."""
    import ctypes

    buffer = ctypes.create_string_buffer(512)  # struct timex, read-only call: modes stays 0
    state = ctypes.CDLL(None).adjtimex(buffer)
    if state == 5:
        return Finding(
            "clock", "warning", "not kept in step with a time server",
            "timedatectl set-ntp true (reports and recordings carry its times)",
        )  # fmt: skip
    return Finding("clock", "ok", "kept in step with a time server")


def _codecs(settings: Settings) -> Iterator[Finding]:
    flows = sorted(path.stem for path in settings.flows_directory.glob("*.yaml"))
    if not flows:
        yield Finding(
            "flows", "warning", f"no flow in {settings.flows_directory}",
            "set flows_directory, or leave it out to use the shipped flows",
        )  # fmt: skip
    else:
        yield Finding("flows", "ok", ", ".join(flows))
    try:
        from callcenter.media import g711
    except ImportError as missing:
        yield Finding("codecs", "error", str(missing), "install the package again")
        return
    yield Finding("codecs", "ok", f"G.711 µ-law and A-law ({g711.__name__})")


def _privacy(settings: Settings) -> Iterator[Finding]:
    """Whether callers' numbers and tokens are ours alone."""
    directory = settings.state_directory
    if not directory.exists():
        return
    mode = directory.stat().st_mode & 0o777
    if mode & 0o077:
        yield Finding(
            "privacy", "warning",
            f"state directory is readable by others: {directory} has mode {mode:03o}",
            f"chmod 700 {directory} (a start of the server does it too)",
        )  # fmt: skip
    else:
        yield Finding("privacy", "ok", f"{directory} is ours alone")
