"""What is read in an Identity header, and that nothing in it can do harm."""

import json
from base64 import urlsafe_b64encode

import pytest

from callcenter.sip.headers import Headers
from callcenter.sip.identity import attestation
from callcenter.sip.message import Request


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def passport(attest: object = "A", ppt: str = "shaken") -> str:
    header = {"alg": "ES256", "ppt": ppt, "typ": "passport", "x5u": "https://cert.example.org/p"}
    claims = {"attest": attest, "dest": {"tn": ["15550100"]}, "orig": {"tn": "15550111"}, "iat": 1}
    return (
        f"{part(header)}.{part(claims)}.c2ln;info=<https://cert.example.org/p>;alg=ES256;ppt=shaken"
    )


def read(*values: str) -> str:
    return attestation(Request("INVITE", "sip:x", Headers([("Identity", v) for v in values])))


@pytest.mark.parametrize("letter", ["A", "B", "C"])
def test_the_attestation_is_read(letter: str) -> None:
    assert read(passport(letter)) == letter


def test_the_compact_name_and_the_first_passport_that_is_one_count() -> None:
    request = Request("INVITE", "sip:x", Headers([("y", "rubbish"), ("y", passport("B"))]))
    assert attestation(request) == "B"
    assert read(passport("A", ppt="div"), passport("C")) == "C"


@pytest.mark.parametrize(
    "value",
    [
        "", "a.b.c", "...", "a.b", passport("D"), passport(1), passport(["A"]), "é.é.é;x",
        f"{part([])}.{part('A')}.x", "A" * 5000 + "." + part({"attest": "A"}) + ".x",
        ("W1tb" * 900) + ".W1tb.x", "\udcff.\udcff.\udcff",
    ],
)  # fmt: skip
def test_whatever_else_stands_there_says_nothing(value: str) -> None:
    assert read(value) == ""


def test_without_the_header_nothing_is_said() -> None:
    assert read() == ""
