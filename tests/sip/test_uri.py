"""SIP, SIPS and tel URIs: parts, escapes, and when two are the same (RFC 3261 19.1.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.sip.errors import SipError
from callcenter.sip.uri import Uri, parse_uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:alice@atlanta.com", Uri("sip", "alice", host="atlanta.com")),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            Uri("sip", "alice", "secretword", "atlanta.com", params={"transport": "tcp"}),
        ),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            Uri(
                "sips",
                "alice",
                host="atlanta.com",
                headers=(("subject", "project x"), ("priority", "urgent")),
            ),
        ),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            Uri("sip", "+1-212-555-1212", "1234", "gateway.com", params={"user": "phone"}),
        ),
        ("SIP:1212@gateway.com", Uri("sip", "1212", host="gateway.com")),
        (
            "sip:atlanta.com;method=REGISTER",
            Uri("sip", host="atlanta.com", params={"method": "REGISTER"}),
        ),
        ("sip:alice;day=tuesday@atlanta.com", Uri("sip", "alice;day=tuesday", host="atlanta.com")),
        (
            "sip:[2001:db8::10]:5070;lr",
            Uri("sip", host="[2001:db8::10]", port=5070, params={"lr": ""}),
        ),
        ("sip:100#1@h_x", Uri("sip", "100#1", host="h_x")),
        (
            "tel:+49-30-1234;phone-context=x",
            Uri("tel", "+49-30-1234", params={"phone-context": "x"}),
        ),
        ("urn:service:sos", Uri("urn", "service:sos")),
    ],
)
def test_a_uri_is_read_into_its_parts(text: str, expected: Uri) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.params, uri.headers) == (
        expected.scheme,
        expected.user,
        expected.password,
        expected.host,
        expected.port,
        expected.params,
        expected.headers,
    )
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "sip:",
        "sip:@host",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@b:70000",
        "sip:a@b c",
        "sip:a%4@b",
        "sip:a%zz@b",
        "sip:a@b;x=%",
        "tel:",
        "tel:call-me",
        "<sip:a@b>",
    ],
)
def test_a_malformed_uri_is_refused(text: str) -> None:
    with pytest.raises(SipError) as refused:
        parse_uri(text)
    assert refused.value.status == 400


def test_a_uri_that_is_too_long_is_told_so() -> None:
    with pytest.raises(SipError) as refused:
        parse_uri("sip:" + "a" * 3_000)
    assert refused.value.status == 414


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1-201-555-0123", "tel:+1.201.555.0123"),
    ],
)
def test_uris_that_the_rfc_calls_equal_are_equal(one: str, other: str) -> None:
    assert parse_uri(one) == parse_uri(other)
    assert hash(parse_uri(one)) == hash(parse_uri(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
        ("tel:+1201", "tel:1201"),
    ],
)
def test_uris_that_the_rfc_calls_different_are_different(one: str, other: str) -> None:
    assert parse_uri(one) != parse_uri(other)


def test_an_escaped_nul_is_a_character_like_any_other() -> None:
    one, two = parse_uri("sip:%00@h"), parse_uri("sip:%00%00@h")
    assert (one.user, two.user) == ("\0", "\0\0")
    assert one != two
    assert str(two) == "sip:%00%00@h"


def test_where_to_send_to() -> None:
    assert parse_uri("sip:a@h").host_port() == ("h", 5060)
    assert parse_uri("sips:a@h").host_port() == ("h", 5061)
    assert parse_uri("sip:a@[::1]:7").host_port() == ("::1", 7)


def test_one_agent_has_one_address_of_record() -> None:
    assert parse_uri("sip:%61gent1:pw@CC.example;x=y").address_of_record == "agent1@cc.example"


_USER = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(_USER, st.dictionaries(st.sampled_from(["lr", "x", "ttl"]), _USER, max_size=3))
def test_what_is_written_is_read_back(user: str, params: dict[str, str]) -> None:
    uri = Uri("sip", user, host="h", params=params)
    again = parse_uri(str(uri))
    assert (again.user, again.params) == (user, params)
