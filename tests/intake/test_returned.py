"""A delivery report gives up letters of ours, by ids that nobody else can make."""

from __future__ import annotations

import pytest

from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.document import Document
from callcenter.intake.mail import read_mail
from callcenter.intake.threads import letter_of, message_id

SECRET = b"secret"
OURS = message_id(SECRET, "m1", 7, "example.test")


def report(action: str = "Action: failed", named: str = OURS) -> bytes:
    return (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.org\r\nTo: office@example.test\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\n\r\nIt did not work.\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.example.org\r\n\r\n{action}\r\nStatus: 5.1.1\r\n"
        f"--x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {named}\r\n--x--\r\n"
    ).encode()


def returned(data: bytes) -> tuple[str, str]:
    blank = Document(contact=ContactId("b"), channel=Channel.EMAIL, source="office", received=1)
    document = read_mail(data, blank).document
    return letter_of(SECRET, tuple(document.facts.get("returned", "").split()))


def test_a_failed_delivery_names_the_letter() -> None:
    assert returned(report()) == ("m1", "m1.7")
    assert returned(report("action:  FAILED")) == ("m1", "m1.7")


@pytest.mark.parametrize(
    "data",
    [
        report("Action: delayed"), report("Action: delivered"),
        report(named=OURS.replace(".7.", ".8.")), report(named="<a@b>"),
        report().replace(b"multipart/report", b"multipart/mixed").replace(b"Undelivered", b"Hello")
        .replace(b"MAILER-DAEMON", b"eve"),
    ],
)  # fmt: skip
def test_what_gives_up_nothing_of_ours_marks_nothing(data: bytes) -> None:
    assert returned(data) == ("", "")
