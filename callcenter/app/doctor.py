"""`callcenter doctor`: what would stop the server from working, and what to do about it.

Why: a telephone system fails in few and well-known ways: a taken port, a store that forgets, a
clock that runs away, a full disk, too few descriptors, small buffers. Each is looked at before a
caller meets it, and each finding says its remedy. Flows, prompts and codecs are tried, not listed.
"""

from __future__ import annotations

import errno
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
import msgspec

from callcenter.app.config import Settings, default_file, load_settings
from callcenter.app.doctor_sip import examine_sip
from callcenter.app.run_command import config_option

DESCRIPTORS_WANTED = 16384
DISK_MEGABYTES_WANTED = 1024
BUFFER_BYTES_WANTED = 4 * 1024 * 1024
FSYNC_SECONDS_MAX = 0.02
RTP_PORTS_PROBED = 100
CLOCK_NOT_IN_STEP = 5
"""TIME_ERROR of adjtimex(2)."""


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
    yield _codecs()
    if settings.takes_faxes:
        yield _fax()
    yield from _flows(settings)
    yield _prompts(settings.flows_directory)
    yield from _privacy(settings)
    yield from examine_sip(settings)


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
    if not place.is_dir():
        yield Finding("disk", "error", f"{place} is no directory", "set another state_directory")
        return
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
    try:
        seconds = _fsync_seconds(place)
    except OSError as refused:
        yield Finding(
            "disk speed", "error", f"a write to {place} failed: {refused.strerror}",
            "free some space there, or set another state_directory",
        )  # fmt: skip
        return
    slow = seconds > FSYNC_SECONDS_MAX
    yield Finding(
        "disk speed", "warning" if slow else "ok", f"a write is safe after {seconds * 1000:.1f} ms",
        "put state_directory on a faster disk: every decision waits for it" if slow else "",
    )  # fmt: skip


def _fsync_seconds(place: Path) -> float:
    """The middle one of nine small writes. Raises `OSError` when the disk takes none."""
    path = place / f".doctor-{os.getpid()}"
    taken = []
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(9):
                began = time.monotonic()
                file.write(b"x" * 512)
                os.fdatasync(file.fileno())
                taken.append(time.monotonic() - began)
    finally:
        path.unlink(missing_ok=True)
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
    from callcenter.app.run import is_running

    state = settings.state_directory
    if is_running(state):
        yield Finding("ports", "ok", f"the server is running (process {_process_in(state)})")
        return
    for role in ("frontend", "web"):
        if is_running(state, role):
            yield Finding("ports", "ok", f"{role} is running")
        else:
            yield _ports_of(role, settings)
    if settings.media.url == "embedded" and not is_running(state, "media"):
        yield _rtp_ports(settings)


def _process_in(state: Path) -> str:
    from callcenter.app.run import RUN_FILE

    try:
        return str(json.loads((state / RUN_FILE).read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return "not ready yet"


def _ports_of(role: str, settings: Settings) -> Finding:
    from callcenter.app.sockets import open_for
    from callcenter.domain.errors import WrongInput

    try:
        opened = open_for(role, 0, settings)
    except WrongInput as wrong:
        problem = wrong.problems[0]
        return Finding("ports", "error", f"{problem.file} {problem.message}", problem.hint)
    places = sorted({"{}:{}".format(*one.getsockname()[:2]) for one in opened.values()})
    for one in opened.values():
        one.close()
    return Finding("ports", "ok", f"{role}: {', '.join(places)}")


def _rtp_ports(settings: Settings) -> Finding:
    address, (first, last) = settings.media.address, settings.media.port_range
    probed = range(first, last + 1, 2)[:RTP_PORTS_PROBED]
    taken = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in probed:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, port))
            except OSError as wrong:
                if wrong.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or wrong.errno is None:
                    return Finding(
                        "rtp ports", "error", f"{address}: this machine does not have that address",
                        "correct [media] address; `ip address` lists those it has",
                    )  # fmt: skip
                taken.append(port)
    if len(taken) > len(probed) // 5:
        return Finding(
            "rtp ports", "error" if len(taken) == len(probed) else "warning",
            f"{len(taken)} of the first {len(probed)} are taken, from {taken[0]}",
            "choose another range in [media] rtp_ports",
        )  # fmt: skip
    return Finding("rtp ports", "ok", f"{first}-{last} on {address}")


def _store(settings: Settings) -> Iterator[Finding]:
    from callcenter.adapters.store.check import require_safe
    from callcenter.adapters.store.client import open_client
    from callcenter.adapters.store.embedded import StoreUnavailable, find_server
    from callcenter.adapters.store.resp import public_url

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
            yield Finding("store", "error", public_url(settings.store.url), str(weak))
            return
    yield Finding(
        "store", "ok", f"{public_url(settings.store.url)} answers and keeps what it acknowledges"
    )


def _clock() -> Finding:
    """Whether the kernel thinks the clock is kept in step."""
    state = _clock_state()
    if state < 0:
        return Finding(
            "clock", "warning", "the kernel does not tell whether it is kept in step",
            "see that the host runs a time server's client, such as chrony",
        )  # fmt: skip
    if state == CLOCK_NOT_IN_STEP:
        return Finding(
            "clock", "warning", "not kept in step with a time server",
            "timedatectl set-ntp true (reports carry its times)",
        )  # fmt: skip
    return Finding("clock", "ok", "kept in step with a time server")


def _clock_state() -> int:
    """What adjtimex(2) answers; -1 when it may not be asked."""
    import ctypes

    buffer = ctypes.create_string_buffer(512)  # struct timex, read-only call: modes stays 0
    return int(ctypes.CDLL(None).adjtimex(buffer))


def _codecs() -> Finding:
    """Encode and decode every loudness in both laws, and from one law to the other."""
    from callcenter.media import g711

    for value in range(-32000, 32001, 250):
        ulaw, alaw = g711.linear_to_ulaw(value), g711.linear_to_alaw(value)
        heard = {
            "µ-law": g711.ulaw_to_linear(ulaw),
            "A-law": g711.alaw_to_linear(alaw),
            "µ-law to A-law": g711.alaw_to_linear(g711.ULAW_TO_ALAW[ulaw]),
            "A-law to µ-law": g711.ulaw_to_linear(g711.ALAW_TO_ULAW[alaw]),
        }
        for law, got in heard.items():
            if abs(got - value) > max(abs(value) // 12, 64):
                return Finding(
                    "codecs", "error", f"{law}: {value} is heard as {got}",
                    "install the package again",
                )  # fmt: skip
    return Finding("codecs", "ok", "G.711 µ-law and A-law, both ways")


def _fax() -> Finding:
    """Whether faxes can be taken, where a number takes any."""
    from callcenter.adapters.fax.spandsp import LIBRARY, REMEDY, FaxUnavailable, library

    try:
        library()
    except FaxUnavailable as missing:
        return Finding("fax", "error", str(missing), REMEDY)
    return Finding("fax", "ok", f"{LIBRARY} is there")


def _flows(settings: Settings) -> Iterator[Finding]:
    """The flows laid beside the center: what is wrong would cut callers off."""
    from callcenter.app.flow_files import check_flows, flow_paths

    found = 0
    for problem in check_flows(settings.center(), settings.flows_directory):
        found += 1
        plain = msgspec.structs.replace(problem, hint="")
        remedy = problem.hint or f"correct it: `callcenter flow check {problem.file}`"
        yield Finding("flows", problem.severity, str(plain), remedy)
    flows = [path.stem for path in flow_paths(settings.flows_directory)]
    if not flows:
        yield Finding(
            "flows", "warning", f"no flow in {settings.flows_directory}",
            "set flows_directory, or leave it out to use the shipped flows",
        )  # fmt: skip
    elif not found:
        yield Finding("flows", "ok", ", ".join(flows))


def _prompts(directory: Path) -> Finding:
    """Open every prompt as the media engine does; a spoilt one would be silence to a caller."""
    from callcenter.app.flow_files import all_audio
    from callcenter.media.ng import NgError
    from callcenter.media.prompts import read_au

    wrong = []
    files = all_audio(directory)
    for path in files.values():
        try:
            read_au(path.read_bytes())
        except (OSError, NgError) as error:
            wrong.append(f"{path}: {error}")
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return Finding(
            "prompts", "error", wrong[0] + more,
            "record it again as .au, 8000 Hz, one channel (ivr_flows/prompts/README.md)",
        )  # fmt: skip
    return Finding("prompts", "ok", f"{len(files)} files can be played")


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
