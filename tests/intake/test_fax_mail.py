"""A mail of a service that takes faxes is a fax; every other mail is a mail."""

from __future__ import annotations

import io
from email.message import EmailMessage

import pytest
from PIL import Image

from callcenter.adapters.intake.reader import READERS, fax_mail
from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.arrival import Arrival, as_fax, mail_arrival
from callcenter.intake.document import Document

GATEWAY = "fax@provider.example"


def mail(
    kind: str = "tiff", sender: str = GATEWAY, subject: str = "Fax from +34600123456"
) -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"], made["Message-ID"] = f"Fax <{sender}>", subject, "<1@p.example>"
    made.set_content("One page came.")
    sheet = io.BytesIO()
    Image.new("1", (1728, 1000), 1).save(sheet, kind, resolution=204)
    if kind in ("tiff", "pdf"):
        main = "image" if kind == "tiff" else "application"
        made.add_attachment(sheet.getvalue(), maintype=main, subtype=kind, filename=f"fax.{kind}")
    return made.as_bytes()


def arrival(data: bytes, sender: str = GATEWAY, gateways: tuple[str, ...] = (GATEWAY,)) -> Arrival:
    return as_fax(mail_arrival("office", data, sender, "office@x.example"), data, gateways)


@pytest.mark.parametrize("kind", ["tiff", "pdf"])
@pytest.mark.parametrize("sender", [GATEWAY, GATEWAY.upper(), ""])
def test_pages_from_a_gateway_are_a_fax(kind: str, sender: str) -> None:
    data = mail(kind)
    found = arrival(data, sender)
    assert (found.channel, found.kind, found.address) == (Channel.FAX, "fax-mail", "+34600123456")
    assert found.keys == mail_arrival("office", data, sender, "office@x.example").keys
    blank = Document(contact=ContactId("f"), channel=Channel.FAX, source="office", received=1)
    reading = READERS["fax-mail"](data, blank)
    assert [file.role for file in reading.files] == ["attachment", "pages", "thumbnail"]
    assert (reading.document.subject, reading.document.text) == ("Fax, 1 page", "One page came.")


def test_without_a_number_it_is_nobody_known() -> None:
    assert arrival(mail(subject="A fax")).address == ""


@pytest.mark.parametrize(
    ("data", "sender", "gateways"),
    [
        (mail(sender="eve@x.example"), "eve@x.example", (GATEWAY,)),
        (mail(), "eve@x.example", (GATEWAY,)),
        (mail(), GATEWAY, ()),
        (mail("png"), GATEWAY, (GATEWAY,)),
    ],
)
def test_every_other_mail_is_a_mail(data: bytes, sender: str, gateways: tuple[str, ...]) -> None:
    assert arrival(data, sender, gateways).kind == "mail"


def test_a_mail_that_only_says_it_has_pages_is_shown_as_it_came() -> None:
    data = mail("tiff").replace(b"SUkq", b"AAAA").replace(b"TU0A", b"AAAA")
    blank = Document(contact=ContactId("f"), channel=Channel.FAX, source="office", received=1)
    with pytest.raises(ValueError, match="no pages in it"):
        fax_mail(data, blank)
