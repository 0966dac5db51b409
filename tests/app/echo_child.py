"""A child for the holder's tests: echoes datagrams and lines, and keeps its connections.

Run in place of `callcenter.app.child`; it speaks the same few words with its holder.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys

from callcenter.app.child import CHILD_VARIABLE, SOCKETS_VARIABLE
from callcenter.app.context import HolderLine


def main() -> None:
    facts = json.loads(os.environ[CHILD_VARIABLE])
    fds = json.loads(os.environ[SOCKETS_VARIABLE])
    line = HolderLine(socket.socket(fileno=facts["line"]))
    connections = {kept.id: kept.socket for kept in line.begin()}
    line.ready()
    udp = socket.socket(fileno=fds["udp"]) if "udp" in fds else None
    tcp = socket.socket(fileno=fds["tcp"]) if "tcp" in fds else None
    if "--die" in sys.argv:
        sys.exit(3)
    while True:
        watched = [s for s in (udp, tcp, *connections.values()) if s is not None]
        ready, _, _ = select.select(watched, [], [])
        for one in ready:
            if one is udp:
                data, peer = one.recvfrom(2048)
                one.sendto(data, peer)
            elif one is tcp:
                accepted, _ = one.accept()
                connections[line.keep(accepted, by="tcp")] = accepted
            else:
                serve(one, connections, line)


def serve(one: socket.socket, connections: dict[int, socket.socket], line: HolderLine) -> None:
    data = one.recv(2048)
    if data:
        one.sendall(f"{os.getpid()} ".encode() + data)
        return
    kept = next(number for number, found in connections.items() if found is one)
    connections.pop(kept).close()
    line.drop(kept)


if __name__ == "__main__":
    main()
