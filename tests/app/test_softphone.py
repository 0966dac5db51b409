"""The telephone in the terminal says at once why it is of no use, and what to do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from callcenter.app.phones.command import free_port, free_ports, not_registered
from callcenter.app.phones.foreign import ForeignPhone, NotRegistered


@contextmanager
def registrar(*answers: str) -> Iterator[tuple[str, int]]:
    """Says one of `answers` after the other to whatever it is sent, the last one for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        left = list(answers)

        def serve() -> None:
            while True:
                try:
                    request, source = door.recvfrom(65535)
                except OSError:
                    return
                if not request:
                    return
                kept = [
                    line for line in request.decode().split("\r\n")
                    if line.partition(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
                ]  # fmt: skip
                answer = left.pop(0) if len(left) > 1 else left[0]
                challenge = 'WWW-Authenticate: Digest realm="x",nonce="y",algorithm=MD5'
                text = "\r\n".join([f"SIP/2.0 {answer}", *kept, challenge, "Content-Length: 0"])
                door.sendto(text.encode() + b"\r\n\r\n", source)

        thread = threading.Thread(target=serve)
        if answers:
            thread.start()
        yield door.getsockname()
        if answers:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", door.getsockname())
            thread.join(5)


def refusal(server: tuple[str, int], seconds: float) -> int:
    """The status with which a phone gives up."""
    phone = ForeignPhone(server, "anna", "wrong", sip_port=free_port(), rtp_ports=free_ports(4))
    with pytest.raises(NotRegistered) as caught:
        phone.register_within(seconds)
    return caught.value.status


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    began = time.monotonic()
    with registrar() as server:
        assert refusal(server, 1.0) == 0
    assert time.monotonic() - began < 5


def test_a_wrong_password_is_told_by_its_status_and_not_tried_again() -> None:
    with registrar("401 Unauthorized") as server:
        assert refusal(server, 8.0) == 401


def test_a_phone_that_is_shut_out_is_told_so() -> None:
    with registrar("403 Forbidden") as server:
        assert refusal(server, 8.0) == 403


def test_a_right_password_is_taken_after_the_challenge() -> None:
    with registrar("401 Unauthorized", "200 OK") as server:
        phone = ForeignPhone(server, "anna", "right", sip_port=free_port(), rtp_ports=free_ports(4))
        phone.register_within(8.0)
        assert phone.sip.statuses == (401, 200)
        phone.stop()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, ("no answer from center:5060", "--server HOST:PORT")),
        (401, ("401", "password", "phone_profile")),
        (403, ("403", "wrong passwords", "wait a minute")),
        (503, ("503",)),
    ],
)
def test_what_went_wrong_is_said_with_its_remedy(status: int, words: tuple[str, ...]) -> None:
    said = not_registered("center:5060", "anna", status)
    assert all(word in said for word in words), said
