"""What is wrong with a mail is named, and the mail is shown nevertheless."""

from __future__ import annotations

import json
import time

import pytest

from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.document import Document, encode_document, safe_name
from callcenter.intake.mail import read_mail
from callcenter.intake.words import addresses, header_text, text_of

BLANK = Document(contact=ContactId("c1"), channel=Channel.EMAIL, source="office", received=0)


def read(data: bytes) -> Document:
    document = read_mail(data, BLANK).document
    json.loads(encode_document(document))
    return document


def nested(levels: int) -> bytes:
    return b"Subject: deep\r\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
        for n in range(levels)
    )


@pytest.mark.parametrize(
    ("data", "odd"),
    [
        (nested(30), "too_deep"),
        (nested(1200), "unreadable"),
        (b"Subject: x\r\n" + b"X-A: b\r\n" * 5000 + b"\r\nhello", "too_many_fields"),
        (b"Subject: x\r\n" + b"X-A: bbbbbbbbb\r\n" * 200_000 + b"\r\nhello", "header_too_long"),
        (
            b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
            + b"--b\r\n\r\nx\r\n" * 600 + b"--b--\r\n",
            "too_many_parts",
        ),
        (
            b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
            + b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n" * 60 + b"--b--\r\n",
            "too_many_files",
        ),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xfa\xff bad", "charset"),
        (
            b'Content-Disposition: attachment; filename="run.exe"\r\n\r\nMZ',
            "dangerous_file",
        ),
        (b"Content-Type: text/plain\r\n\r\n" + b"x" * 1_100_000, "text_too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_limit_has_a_name_and_a_bound(data: bytes, odd: str) -> None:
    begun = time.process_time()
    assert odd in read(data).oddities
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\r\n\r\n", b"no header at all", b"\xff" * 1000, b":\r\n:\r\n", b"\n"]
)
def test_nothing_is_so_odd_that_it_is_not_shown(data: bytes) -> None:
    read(data)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\temp\\x.doc", "C__temp_x.doc"),
        ("a\x00b.pdf", "a_b.pdf"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("", "file-1"),
        ("...", "file-1"),
        ("x" * 5000 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_no_file_name_leads_anywhere(name: str, safe: str) -> None:
    assert safe_name(name, "file-1") == safe


@pytest.mark.parametrize("bomb", ["(" * 5000, "<" * 5000 + "@", "a@b," * 20_000, '"' * 5000])
def test_no_address_header_is_a_bomb(bomb: str) -> None:
    begun = time.process_time()
    addresses(bomb + " a@customer.test")
    header_text(bomb)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße"),
        ("한글".encode("cp949"), "ks_c_5601-1987", "한글"),
        ("漢字".encode("gb18030"), "gb2312", "漢字"),
        (b"\xef\xbb\xbfplain", "", "plain"),
        (b"plain", "no-such-charset", "plain"),
        (b"a\x00b", "utf-8", "ab"),
    ],
)
def test_a_charset_is_believed_where_the_bytes_agree(data: bytes, label: str, text: str) -> None:
    assert text_of(data, label)[0] == text


def test_a_field_that_a_stranger_folded_stays_one_line() -> None:
    document = read(b"Subject: =?utf-8?q?a=0D=0ABcc:_x?=\r\nFrom: a@b.c\r\n\r\nx")
    assert document.subject == "a Bcc: x"
