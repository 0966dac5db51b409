"""The golden mails read as their manifest says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.document import Document, encode_document
from callcenter.intake.mail import read_mail

CORPUS = Path(__file__).parents[1] / "golden" / "email"
MANIFEST: list[dict[str, Any]] = json.loads((CORPUS / "manifest.json").read_text("utf-8"))
BLANK = Document(contact=ContactId("c1"), channel=Channel.EMAIL, source="office", received=0)


def read(name: str) -> tuple[Document, list[str]]:
    reading = read_mail((CORPUS / name).read_bytes(), BLANK)
    files = [file.name for file in reading.files if file.role == "attachment"]
    return reading.document, files


@pytest.mark.parametrize("one", MANIFEST, ids=[one["file"] for one in MANIFEST])
def test_a_golden_mail_reads_as_its_manifest_says(one: dict[str, Any]) -> None:
    document, files = read(one["file"])
    expect = one["expect"]
    json.loads(encode_document(document))
    whole = document.text + "\n" + document.quoted
    if "subject" in expect:
        assert document.subject == expect["subject"]
    if expect.get("from"):
        assert document.sender in expect["from"]
    if expect.get("message_id"):
        assert document.message_id == expect["message_id"]
    if expect.get("in_reply_to"):
        assert document.in_reply_to == expect["in_reply_to"][0]
    if "kind" in expect:
        assert document.sort == expect["kind"]
    if "attachment_count" in expect:
        assert len(files) == expect["attachment_count"], files
    for words in expect.get("text_contains", ()):
        assert " ".join(words.split()) in " ".join(whole.split())
