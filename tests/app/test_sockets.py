"""Ports that a role will inherit: taken, or refused with the remedy."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from callcenter.app.addresses import host_port
from callcenter.app.config import Settings
from callcenter.app.sockets import address_of, open_for
from callcenter.domain.errors import WrongInput


def settings(folder: Path, web: str) -> Settings:
    return Settings.model_validate({"state_directory": folder, "web": {"listen": web}})


def taken() -> tuple[socket.socket, str]:
    other = socket.create_server(("127.0.0.1", 0))
    host, port = address_of(other)
    return other, f"{host}:{port}"


def test_a_port_of_a_server_that_was_just_killed_is_waited_for(tmp_path: Path) -> None:
    dying, address = taken()
    threading.Timer(0.1, dying.close).start()
    opened = open_for("web", 0, settings(tmp_path, address))
    assert address_of(opened["web"]) == host_port(address)
    opened["web"].close()


def test_several_trunks_share_our_port_and_nobody_else_does(tmp_path: Path) -> None:
    lines = [{"name": f"t{n}", "address": f"127.0.0.1:{5060 + n}"} for n in (1, 2, 3)]
    center = {"state_directory": tmp_path, "sip": {"listen": ["127.0.0.1:0"]}, "trunk": lines}
    opened = open_for("frontend", 0, Settings.model_validate(center))
    try:
        public = address_of(opened["sip-udp-0"])
        assert {address_of(opened[f"trunk-t{n}"]) for n in (1, 2, 3)} == {public}
        assert opened["trunk-t3"].getpeername() == ("127.0.0.1", 5063)
        thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with thief, pytest.raises(OSError, match="in use"):
            thief.bind(public)
    finally:
        for one in opened.values():
            one.close()


def test_a_port_of_somebody_else_is_refused_with_the_remedy(tmp_path: Path) -> None:
    other, address = taken()
    with other, pytest.raises(WrongInput, match=r"Address already in use .*ss -lpnt"):
        open_for("web", 0, settings(tmp_path, address))
