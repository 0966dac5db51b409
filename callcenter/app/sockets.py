"""The sockets that outlive a role: opened once by the holder, inherited by every life of a child.

Why: while a front end restarts (half a second, nearly all imports), datagrams and connections wait
in the kernel; so the receive buffers are large. Each trunk has its own connected socket on our
port: the kernel sorts its datagrams apart, and a flood on the public port does not touch them.

Two servers must not share a port unseen. A UDP port can be opened twice when both sockets allow
it, so ours only allow it to each other: the public socket is bound first, without.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from callcenter.app.addresses import host_port
from callcenter.app.config import Settings
from callcenter.domain.errors import Problem, WrongInput

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
BACKLOG = 1024
TAKEOVER_SECONDS = 1.0
"""So long the roles of a killed holder may still have our ports: they die with it, but later."""

_SO_RCVBUFFORCE = 33
_IP_MTU_DISCOVER, _IP_PMTUDISC_DONT = 10, 0

Sockets: TypeAlias = dict[str, socket.socket]


def open_for(role: str, index: int, settings: Settings) -> Sockets:
    """The sockets of one process of `role`. Raises `WrongInput` when one cannot be opened."""
    opener: dict[str, Callable[[Settings, int], Sockets]] = {
        "fax": _of_fax,
        "frontend": _of_frontend,
        "intake": _of_intake,
        "media": _of_media,
        "web": _of_web,
    }
    return opener[role](settings, index) if role in opener else {}


def _of_frontend(settings: Settings, _index: int) -> Sockets:
    opened: Sockets = {}
    for number, address in enumerate(settings.sip.listen):
        udp = _udp(address, "[sip] listen")
        opened[f"sip-udp-{number}"] = udp
        opened[f"sip-tcp-{number}"] = _tcp(_same_port(address, udp), "[sip] listen")
    for number, address in enumerate(settings.sip.tls_listen):
        opened[f"sip-tls-{number}"] = _tcp(address, "[sip] tls_listen")
    for number, address in enumerate(settings.sip.wss_listen):
        opened[f"sip-wss-{number}"] = _tcp(address, "[sip] wss_listen")
    for trunk in settings.trunks:
        if trunk.transport == "udp" and not trunk.discover:
            number = _listener_for(trunk.address, settings.sip.listen)
            local, public = settings.sip.listen[number], opened[f"sip-udp-{number}"]
            others = [one for name, one in opened.items() if name.startswith("trunk-")]
            opened[f"trunk-{trunk.name}"] = _connected(local, trunk.address, public, others)
    opened["media-events"] = _udp(settings.media.events_listen, "[media] events_listen")
    return opened


def _listener_for(remote: str, listen: tuple[str, ...]) -> int:
    """Which of our addresses speaks with `remote`: the first of its family, else the first."""
    wanted = _family(host_port(remote)[0])
    families = [_family(host_port(address)[0]) for address in listen]
    return families.index(wanted) if wanted in families else 0


def _of_media(settings: Settings, index: int) -> Sockets:
    return {"media-ng": _udp(ng_address(settings, index), "[media] ng_listen")}


def _of_fax(settings: Settings, _index: int) -> Sockets:
    return {"fax-ng": _udp(settings.fax.listen, "[fax] listen")}


def _of_web(settings: Settings, _index: int) -> Sockets:
    return {"web": _tcp(settings.web.listen, "[web] listen")}


def _of_intake(settings: Settings, _index: int) -> Sockets:
    listen = settings.intake.lmtp_listen
    return {"lmtp": _tcp(listen, "[intake] lmtp_listen")} if listen else {}


def ng_address(settings: Settings, index: int) -> str:
    """Where media worker `index` listens; port 0 when any free one will do."""
    host, _, port = settings.media.ng_listen.rpartition(":")
    return f"{host}:{int(port) + index if int(port) else 0}"


def fixed_addresses(settings: Settings) -> dict[str, tuple[str, int]]:
    """Addresses that are known without asking the holder that opened them."""
    named = {
        "media-events": settings.media.events_listen,
        "fax-ng": settings.fax.listen,
        "web": settings.web.listen,
    }
    for index in range(settings.media.workers):
        named[f"media-ng-{index}"] = ng_address(settings, index)
    pairs = {name: host_port(address) for name, address in named.items()}
    return {name: pair for name, pair in pairs.items() if pair[1]}


def address_of(opened: socket.socket) -> tuple[str, int]:
    """Host and port of one of ours."""
    host, port = opened.getsockname()[:2]
    return host, port


def _same_port(address: str, opened: socket.socket) -> str:
    """`address` with the port that was really taken (port 0 takes a free one)."""
    host, _, _ = address.rpartition(":")
    return f"{host}:{address_of(opened)[1]}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _one_family(opened: socket.socket) -> None:
    """An IPv6 socket takes IPv6 alone: `0.0.0.0` and `[::]` stand beside each other, and nobody's
    IPv4 address has two spellings."""
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _may_be_cut(opened: socket.socket) -> None:
    """A message longer than a link takes is cut by whoever has that link, us or a router: many
    firewalls swallow the word that it was too long (RFC 3261 18.1.1 wants TCP beyond 1300 octets;
    a phone behind a translator that came over UDP can be reached by nothing else)."""
    if opened.family == socket.AF_INET:
        opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)


def _udp(address: str, setting: str) -> socket.socket:
    host, port = host_port(address)
    opened = socket.socket(_family(host), socket.SOCK_DGRAM)
    _one_family(opened)
    _may_be_cut(opened)
    _bind(opened, host, port, setting, "udp")
    enlarge(opened)
    return opened


def _tcp(address: str, setting: str) -> socket.socket:
    host, port = host_port(address)
    opened = socket.socket(_family(host), socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _one_family(opened)
    _bind(opened, host, port, setting, "tcp")
    opened.listen(BACKLOG)
    return opened


def _connected(
    local: str, remote: str, public: socket.socket, others: Sequence[socket.socket]
) -> socket.socket:
    """A socket on our public port that only hears `remote`. While it is bound, all that share the
    port (`others` are those of other trunks) must say that they share it."""
    host, _ = host_port(local)
    trunk = socket.socket(_family(host), socket.SOCK_DGRAM)
    _one_family(trunk)
    _may_be_cut(trunk)
    for shared in (public, trunk, *others):
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _bind(trunk, host, address_of(public)[1], "[[trunk]]", "udp")
    try:
        trunk.connect(host_port(remote))
    except OSError as wrong:
        trunk.close()
        raise _cannot("[[trunk]] address", remote, "udp", wrong) from wrong
    for shared in (public, trunk, *others):
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    enlarge(trunk)
    return trunk


def _bind(opened: socket.socket, host: str, port: int, setting: str, kind: str) -> None:
    opened.setblocking(False)  # an adopted blocking socket would hang its whole process
    give_up = time.monotonic() + TAKEOVER_SECONDS
    while True:
        try:
            opened.bind((host, port))
            return
        except OSError as wrong:
            if wrong.errno == errno.EADDRINUSE and time.monotonic() < give_up:
                time.sleep(0.02)
                continue
            opened.close()
            raise _cannot(setting, f"{host}:{port}", kind, wrong) from wrong


def _cannot(setting: str, address: str, kind: str, wrong: OSError) -> WrongInput:
    hints = {
        "Address already in use": "another program, or another callcenter, has it: "
        f"`ss -lpn{kind[0]}` shows which; stop it or choose another port",
        "Cannot assign requested address": "this machine does not have that address",
        "Permission denied": "ports below 1024 need root or CAP_NET_BIND_SERVICE",
    }
    reason = wrong.strerror or str(wrong)
    message = f"{kind} {address} cannot be opened: {reason}"
    return WrongInput([Problem(file=setting, message=message, hint=hints.get(reason, ""))])


def enlarge(opened: socket.socket) -> int:
    """Make the receive buffer as large as we may; its size in bytes as the kernel counts it."""
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
