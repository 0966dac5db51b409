"""`callcenter run`: every role of this machine under one holder.

Why: one command must start the whole center, and the same code must start one role for systemd,
compose or Kubernetes (`--role`). A second server on the same directory is refused before it opens
anything. `run.json` in the state directory says, while all are ready, where everything is.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import resource
import socket
from pathlib import Path
from typing import Any

import structlog

from callcenter.adapters.store.embedded import StoreUnavailable, private_directory, store_url
from callcenter.app.addresses import host_port
from callcenter.app.config import Settings
from callcenter.app.config_check import dump
from callcenter.app.holder import Child, Holder, StartFailed
from callcenter.app.nursery import Nursery
from callcenter.app.roles import ROLES, STOP_ORDER, Role
from callcenter.app.roles.store import StoreProcess
from callcenter.app.sockets import fixed_addresses, open_for
from callcenter.domain.errors import Problem, WrongInput

log = structlog.get_logger()

RUN_FILE = "run.json"
DESCRIPTORS = 65536


def run_roles(
    settings: Settings, config_file: Path | None, role: str | None, nursery: Nursery | None = None
) -> int:
    """Run until told to stop. Raises `WrongInput` or `StoreUnavailable` before anything runs."""
    _require_fixed_ports(settings, role)
    raise_descriptor_limit()
    keep_private(settings.state_directory)
    lock = _lock(settings.state_directory, role)
    run_file = settings.state_directory / (RUN_FILE if role is None else f"run-{role}.json")
    run_file.unlink(missing_ok=True)
    children = children_of(settings, role)
    url = store_url(settings.store.url, settings.store_directory)
    holder = Holder(
        children,
        settings_json=dump(settings, secrets=True),
        store_url=url,
        state_directory=settings.state_directory,
        config_file=config_file,
        stop_order=STOP_ORDER,
        known_addresses=fixed_addresses(settings),
        on_ready=lambda: _announce(holder, run_file, url),
        nursery=nursery,
    )
    try:
        asyncio.run(holder.run())
    except StartFailed as failed:
        log.error("the center did not start", reason=str(failed))
        return 1
    finally:
        run_file.unlink(missing_ok=True)
        os.close(lock)
    return 0


def keep_private(state: Path) -> None:
    """Make the state directory, or take it back from others. Raises `StoreUnavailable`."""
    if state.exists() and (mode := state.stat().st_mode & 0o777) & 0o077:
        log.warning("the state directory was readable by others; now it is not", mode=oct(mode))
    private_directory(state)


def _require_fixed_ports(settings: Settings, role: str | None) -> None:
    """Media and front end under holders of their own must find each other. Raises `WrongInput`."""
    if role not in ("media", "frontend") or settings.media.url != "embedded":
        return
    for key in ("ng_listen", "events_listen"):
        if host_port(getattr(settings.media, key))[1] == 0:
            raise WrongInput(
                [
                    Problem(
                        file="[media]", field=key, message="a free port is found by nobody else",
                        hint=f"with --role {role} write a fixed one, such as 127.0.0.1:2223",
                    )
                ]
            )  # fmt: skip


def children_of(settings: Settings, only: str | None) -> list[Child]:
    """The processes of this machine, with their sockets open."""
    children: list[Child] = []
    try:
        for role in ROLES:
            if only in (None, role.name):
                for index in range(_count(role, settings)):
                    children += [_child(role, index, settings)]
    except BaseException:
        for child in children:
            for opened in child.sockets.values():
                opened.close()
        raise
    return children


def _count(role: Role, settings: Settings) -> int:
    """How many processes of a role belong to this configuration."""
    if role.name == "store":
        return 1 if settings.store.url == "embedded" else 0
    if role.name == "fax":
        return 1 if settings.takes_faxes else 0
    if role.name == "media":
        return settings.media.workers if settings.media.url == "embedded" else 0
    if role.name == "intake":
        return 1 if settings.reads else 0
    return 1


def _child(role: Role, index: int, settings: Settings) -> Child:
    return Child(
        role=role.name,
        index=index,
        after=role.after,
        stop_seconds=role.stop_seconds,
        sockets=open_for(role.name, index, settings),
        program=StoreProcess(settings) if role.runner == "server" else None,
    )


def _lock(state: Path, role: str | None) -> int:
    """Held as long as we live, so that a second server on the same directory is refused."""
    lock = os.open(_lock_file(state, role), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreUnavailable(
            f"another server is using {state}: stop it, or give this one its own state_directory"
        ) from None
    return lock


def _lock_file(state: Path, role: str | None) -> Path:
    return state / ("lock" if role is None else f"lock-{role}")


def is_running(state: Path, role: str | None = None) -> bool:
    """Whether a server, or one role of it, lives on this directory now.

    Its lock says so, which dies with it; `run.json` may be left over, and its number used again.
    """
    try:
        with _lock_file(state, role).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def raise_descriptor_limit() -> int:
    """As many descriptors as we may have, up to what a full machine needs; the limit now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _announce(holder: Holder, run_file: Path, url: str) -> None:
    addresses = holder.addresses()
    facts: dict[str, Any] = {
        "pid": os.getpid(),
        "store": url,
        "addresses": {name: f"{host}:{port}" for name, (host, port) in addresses.items()},
        "processes": {
            child.name: child.process.pid for child in holder.children if child.process is not None
        },
    }
    first = not run_file.exists()
    temporary = run_file.with_suffix(".new")
    temporary.write_text(json.dumps(facts, indent=2))
    temporary.replace(run_file)
    if first:
        _say_up(facts)


def _say_up(facts: dict[str, Any]) -> None:
    shown = {
        n.replace("-", "_"): a for n, a in facts["addresses"].items() if n[:3] in ("sip", "web")
    }
    log.info("the center is up", **shown)
    _notify_service_manager()


def _notify_service_manager() -> None:
    """Tell systemd that we are ready (sd_notify), when it started us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect("\0" + address[1:] if address.startswith("@") else address)
        manager.send(b"READY=1")
