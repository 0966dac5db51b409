"""What a provider posts is taken only with its signature, in its time, and as what it is."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from callcenter.intake.fax_hooks import (
    WINDOW_SECONDS,
    HookRefused,
    ours,
    phaxio,
    sign_ours,
    sign_phaxio,
)

SECRET, NOW = "a long secret of ours", 1_800_000_000
URL = "https://fax.example.test/intake/fax/provider"


def body(**more: Any) -> bytes:
    made = {"id": "f-1", "from": "+34600", "file_base64": base64.b64encode(b"%PDF-1.7").decode()}
    return json.dumps({**made, "pages": 2, "unknown": 1, **more}).encode()


def test_a_signed_post_is_read() -> None:
    data = body()
    posted = ours(data, sign_ours(data, SECRET, NOW), SECRET, NOW + 10)
    assert posted == ("f-1", "+34600", "2", b"%PDF-1.7")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("", "unsigned"), ("t=1", "unsigned"), ("t=x,v1=00", "unsigned"),
        (sign_ours(body(), "another secret", NOW), "unsigned"),
        (sign_ours(body(id="f-2"), SECRET, NOW), "unsigned"),
        (sign_ours(body(), SECRET, NOW).replace(f"t={NOW}", f"t={NOW + 1}"), "unsigned"),
        (sign_ours(body(), SECRET, NOW - WINDOW_SECONDS - 1), "replayed"),
        (sign_ours(body(), SECRET, NOW + WINDOW_SECONDS + 1), "replayed"),
    ],
)  # fmt: skip
def test_what_is_not_signed_now_is_refused_by_name(header: str, kind: str) -> None:
    with pytest.raises(HookRefused) as refused:
        ours(body(), header, SECRET, NOW)
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", "malformed"), (b"[]", "malformed"), (body(id=""), "malformed"),
        (body(id="x" * 201), "malformed"), (body(file_base64="%%"), "malformed"),
        (body(**{"from": "x" * 41}), "malformed"),
        (body(file_base64=base64.b64encode(b"GIF89a").decode()), "no_pages"),
        (body(file_base64=""), "no_pages"),
    ],
)  # fmt: skip
def test_a_signed_post_that_makes_no_sense_is_refused_by_name(data: bytes, kind: str) -> None:
    with pytest.raises(HookRefused) as refused:
        ours(data, sign_ours(data, SECRET, NOW), SECRET, NOW)
    assert refused.value.kind == kind


def test_the_form_of_phaxio_is_read_and_its_signature_covers_all_of_it() -> None:
    fax = json.dumps({"id": 7, "direction": "received", "num_pages": 1, "from_number": "+1555"})
    fields = [("success", "true"), ("direction", "received"), ("fax", fax)]
    files = {"filename": b"II*\0 pages"}
    good = sign_phaxio(URL, fields, files, SECRET)
    assert phaxio(URL, fields, files, good, SECRET) == ("7", "+1555", "1", b"II*\0 pages")
    assert phaxio(URL, fields[::-1], files, good.upper(), SECRET) is not None, "by name"
    changed: list[tuple[str, Any, Any]] = [
        (URL + "x", fields, files), (URL, [*fields, ("a", "b")], files),
        (URL, fields, {"filename": b"II*\0 others"}), (URL, fields, {}),
    ]  # fmt: skip
    for url, told, sent in changed:
        with pytest.raises(HookRefused, match="signature"):
            phaxio(url, told, sent, good, SECRET)


def test_what_phaxio_tells_of_faxes_that_were_sent_is_none_to_us() -> None:
    fields = [("direction", "sent"), ("fax", '{"id": 7, "direction": "sent"}')]
    assert phaxio(URL, fields, {}, sign_phaxio(URL, fields, {}, SECRET), SECRET) is None
    wrong = [("fax", "no json")]
    with pytest.raises(HookRefused, match="fax:"):
        phaxio(URL, wrong, {}, sign_phaxio(URL, wrong, {}, SECRET), SECRET)
