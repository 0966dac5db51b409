"""Every message of RFC 4475, byte for byte, at the layer that must object or take it.

`OUTCOME` is one row per message: what `parse_message` followed by `validate_request` (or
`validate_response`) does. None means that the message is taken; a number is the status of the
answer to a request; `DROPPED` a response of which nothing is seen again. Where the RFC leaves a
choice, the row says which one we made.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callcenter.sip.digest import challenges, find_authorization
from callcenter.sip.errors import SipError
from callcenter.sip.message import (
    AnyMessage,
    Request,
    Response,
    frame_length,
    parse_message,
    response_to,
    validate_request,
    validate_response,
)
from callcenter.sip.sdp import find_sdp, parse_sdp
from callcenter.sip.uri import parse_uri

GOLDEN = Path(__file__).parent.parent / "golden" / "sip-torture"
MANIFEST: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in json.loads((GOLDEN / "manifest.json").read_text())
}
DROPPED = "dropped"

OUTCOME: dict[str, int | str | None] = {
    # 3.1.1 valid messages
    "wsinv": None,
    "intmeth": 501,  # the syntax is taken, the method is nobody's
    "esc01": None,
    "escnull": None,
    "esc02": 501,  # RE%47IST%45R is not REGISTER
    "lwsdisp": None,
    "longreq": None,
    "dblreq": None,
    "semiuri": None,
    "transports": None,
    "mpart01": None,
    "unreason": None,
    "noreason": None,
    # 3.1.2 invalid messages
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": DROPPED,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "trws": 400,
    "escruri": 400,  # could be ignored instead; never obeyed
    "baddate": None,  # could be 400; a Date is of no interest to us
    "regbadct": 400,
    "badaspec": None,  # could be 400; the spaces are dropped
    "baddn": 400,  # the file lacks the blank line; see the test below for the names
    "badvers": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": DROPPED,
    # 3.2 transaction layer
    "badbranch": None,  # could be 400; its branch names no transaction
    # 3.3 application layer
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": None,  # the registrar's matter: no such address of record
    "bext01": 420,
    "invut": 415,
    "regaut01": None,  # challenged as if it held no credentials
    "multi01": 400,
    "mcl01": 400,
    "bcast": DROPPED,
    "zeromf": None,  # 0 hops left is enough for the last one
    "cparam01": None,
    "cparam02": None,
    "regescrt": None,
    "sdp01": 406,
    # 3.4 backward compatibility
    "inv2543": None,
    # in the archive, described by no section
    "test": 400,
}


def data_of(name: str) -> bytes:
    return (GOLDEN / str(MANIFEST[name]["file"])).read_bytes()


def parsed(name: str) -> AnyMessage:
    return parse_message(data_of(name))


def request_of(name: str) -> Request:
    message = parsed(name)
    assert isinstance(message, Request)
    return message


def taken(data: bytes) -> AnyMessage:
    message = parse_message(data)
    if isinstance(message, Request):
        validate_request(message)
    else:
        validate_response(message)
    return message


def refusal(name: str) -> SipError:
    with pytest.raises(SipError) as refused:
        taken(data_of(name))
    return refused.value


def test_the_table_has_a_row_for_every_message_and_no_other() -> None:
    assert OUTCOME.keys() == MANIFEST.keys()
    assert len(OUTCOME) == 50
    assert sorted(p.name for p in GOLDEN.glob("rfc4475/*.dat")) == sorted(
        Path(entry["file"]).name for entry in MANIFEST.values()
    )


@pytest.mark.parametrize("name", OUTCOME)
def test_each_message_is_taken_or_refused_as_the_rfc_says(name: str) -> None:
    expected = OUTCOME[name]
    if expected is None:
        assert taken(data_of(name)).cseq.number >= 0
        return
    error = refusal(name)
    if expected == DROPPED:
        assert error.request is None
        return
    assert error.status == expected
    assert error.request is not None
    answer = response_to(error.request, error.status, to_tag="ours")
    again = parse_message(answer.encode())
    assert isinstance(again, Response)
    assert again.headers.get_all("Via") == answer.headers.get_all("Via")


@pytest.mark.parametrize("name", OUTCOME)
def test_our_outcome_is_one_that_the_manifest_allows(name: str) -> None:
    entry, expected = MANIFEST[name], OUTCOME[name]
    by_application = {"intmeth", "esc02", "unkscm", "novelsc", "bext01", "invut", "sdp01", "bcast"}
    if entry["parser_should"] == "reject":
        assert expected is not None
    if entry["parser_should"] == "accept":
        parse_message(data_of(name))
        assert expected is None or name in by_application
    assert entry["kind"] == "request" or expected in (None, DROPPED)


def check_wsinv() -> None:
    message = request_of("wsinv")
    assert message.to.uri == "sip:vivekg@chair-dnrc.example.com"
    assert message.to.tag == "1918181833n"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.from_.tag == "98asjd8"
    assert message.max_forwards == 68
    assert message.cseq.number == 9
    assert [(via.transport, via.host) for via in message.vias] == [
        ("UDP", "192.0.2.2"),
        ("TCP", "spindle.example.com"),
        ("UDP", "192.168.255.111"),
    ]
    assert message.vias[1].branch == "z9hG4bK9ikj8"
    assert message.header("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.header("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert message.header("Subject") == ""
    assert message.routes[0].uri == "sip:services.example.com;lr;unknownwith=value;unknown-no-value"
    contact = message.contacts[0]
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}
    assert len(message.body) == 150


def check_intmeth() -> None:
    message = request_of("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.params["fromparam''~+*_!.-%"] == '"работающий"'
    assert message.header("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert parse_uri(message.uri).host == "example.com"
    assert refusal("intmeth").headers[0][0] == "Allow"


def check_esc01() -> None:
    message = request_of("esc01")
    assert parse_uri(message.uri).user == "sips:user@example.com"
    assert parse_uri(message.to.uri) == parse_uri("sip:user@example.com")
    assert parse_uri(message.contacts[0].uri).params == {"lr": "", "name": "value%41"}


def check_escnull() -> None:
    users = [parse_uri(contact.uri).user for contact in request_of("escnull").contacts]
    assert users == ["\0", "\0\0"]


def check_esc02() -> None:
    message = request_of("esc02")
    assert message.method == "RE%47IST%45R"
    assert message.to.display == "%Z%45"
    assert len(message.contacts) == 2


def check_lwsdisp() -> None:
    assert request_of("lwsdisp").from_.display == "caller"


def check_longreq() -> None:
    message = request_of("longreq")
    assert len(message.vias) == 34
    assert message.to.display.startswith("I have a user name of extremeextreme")
    assert len(message.body) == 150


def check_dblreq() -> None:
    message = request_of("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")


def check_semiuri() -> None:
    uri = parse_uri(request_of("semiuri").uri)
    assert (uri.user, uri.host, uri.params) == ("user;par=u@example.net", "example.com", {})


def check_transports() -> None:
    transports = [via.transport for via in request_of("transports").vias]
    assert transports == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def check_mpart01() -> None:
    message = request_of("mpart01")
    assert message.body == data_of("mpart01").partition(b"\r\n\r\n")[2]
    assert b"\0" in message.body
    assert find_sdp(message.header("Content-Type") or "", message.body) is None


def check_unreason() -> None:
    message = parsed("unreason")
    assert isinstance(message, Response)
    assert message.phrase.endswith("но сто девяносто девять - простое")


def check_noreason() -> None:
    message = parsed("noreason")
    assert isinstance(message, Response)
    assert (message.status, message.phrase) == (100, "")


def check_clerr() -> None:
    assert frame_length(data_of("clerr")) is None


def check_ncl() -> None:
    with pytest.raises(SipError):
        frame_length(data_of("ncl"))


def check_mcl01() -> None:
    with pytest.raises(SipError):
        frame_length(data_of("mcl01"))


def check_escruri() -> None:
    assert request_of("escruri").routes == []


def check_badaspec() -> None:
    assert request_of("badaspec").to.uri == "sip:t.watson@example.org"


def check_baddn() -> None:
    message = taken(data_of("baddn") + b"\r\n")
    assert message.from_.display == "Bell, Alexander"


def check_badbranch() -> None:
    assert not request_of("badbranch").vias[0].names_transaction


def check_insuf() -> None:
    error = refusal("insuf")
    assert error.request is not None
    answer = response_to(error.request, 400, to_tag="x")
    assert answer.header("Via") is not None
    assert answer.header("To") is None


def check_unksm2() -> None:
    message = request_of("unksm2")
    schemes = [parse_uri(a.uri).scheme for a in (message.to, message.from_, message.contacts[0])]
    assert schemes == ["isbn", "http", "name"]


def check_bext01() -> None:
    unsupported = "nothingSupportsThis, nothingSupportsThisEither"
    assert refusal("bext01").headers == (("Unsupported", unsupported),)


def check_invut() -> None:
    assert refusal("invut").headers == (("Accept", "application/sdp"),)


def check_regaut01() -> None:
    lines = request_of("regaut01").headers.get_all("Authorization")
    assert find_authorization(lines, "example.com") is None
    assert challenges("example.com", "f00d", ["MD5"])[0].startswith("Digest ")


def check_cparam01() -> None:
    contact = request_of("cparam01").contacts[0]
    assert contact.params == {"unknownparam": ""}
    assert parse_uri(contact.uri).params == {}


def check_cparam02() -> None:
    contact = request_of("cparam02").contacts[0]
    assert contact.params == {}
    assert contact.uri == "sip:+19725552222@gw1.example.net;unknownparam"


def check_regescrt() -> None:
    contact = request_of("regescrt").contacts[0]
    assert contact.uri == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    assert parse_uri(contact.uri).headers == (("Route", "<sip:sip.example.com>"),)


def check_inv2543() -> None:
    message = request_of("inv2543")
    assert (message.from_.tag, message.vias[0].branch, message.max_forwards) == ("", "", None)
    assert parse_sdp(message.body).media[0].port == 49217


def check_scalar02() -> None:
    assert request_of("scalar02").expires == 2**32 - 1


DETAILS: list[Callable[[], None]] = [
    value for name, value in sorted(globals().items()) if name.startswith("check_")
]


@pytest.mark.parametrize("check", DETAILS, ids=lambda check: check.__name__)
def test_what_the_rfc_says_about_the_content_holds(check: Callable[[], None]) -> None:
    check()
