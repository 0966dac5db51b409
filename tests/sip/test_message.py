"""How messages are read and written: fields, lists, framing, answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.sip import limits
from callcenter.sip.errors import SipError
from callcenter.sip.headers import (
    CSeq,
    Headers,
    NameAddr,
    Via,
    parse_name_addr,
    parse_parameters,
    parse_via,
    quote,
    split_list,
    unquote,
)
from callcenter.sip.message import (
    Request,
    Response,
    frame_length,
    is_keepalive,
    keepalive_length,
    note_source,
    parse_message,
    response_to,
    validate_request,
    validate_response,
)

INVITE = b"\r\n".join(
    [
        b"INVITE sip:sales@cc.example.com SIP/2.0",
        b"Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKaa1;rport",
        b"Via: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKbb2",
        b"Max-Forwards: 69",
        b"Record-Route: <sip:192.0.2.10;lr;ftag=1>",
        b'Contact: <sip:alice@192.0.2.11:5060;transport=UDP>;+sip.instance="<urn:uuid:0A-11>"',
        b"To: <sip:sales@cc.example.com>",
        b'From: "Alice \\"B\\"" <sip:alice@example.com>;tag=9fxced76sl',
        b"Call-ID: 3848276298220188511@192.0.2.11",
        b"CSeq: 1 INVITE",
        b"Content-Type: application/sdp",
        b"Content-Length: 5",
        b"",
        b"v=0\r\n",
    ]
)


def request_of(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def options(*extra: str, body: bytes = b"") -> bytes:
    lines = [
        "OPTIONS sip:cc.example.com SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKaa1",
        "To: <sip:cc.example.com>",
        "From: <sip:a@example.com>;tag=1",
        "Call-ID: a",
        "CSeq: 1 OPTIONS",
        *extra,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status_of(data: bytes) -> int:
    with pytest.raises(SipError) as refused:
        validate_request(request_of(data))
    assert refused.value.request is not None
    return refused.value.status


def test_the_fields_of_an_invite_are_read_when_asked_for() -> None:
    invite = request_of(INVITE)
    assert (invite.method, invite.uri, invite.body) == (
        "INVITE",
        "sip:sales@cc.example.com",
        b"v=0\r\n",
    )
    assert invite.from_ == NameAddr('Alice "B"', "sip:alice@example.com", {"tag": "9fxced76sl"})
    assert invite.to.tag == ""
    assert invite.cseq == CSeq(1, "INVITE")
    assert invite.call_id == "3848276298220188511@192.0.2.11"
    assert invite.max_forwards == 69
    assert invite.expires is None
    assert invite.content_type == "application/sdp"
    assert [via.sent_by for via in invite.vias] == ["192.0.2.10:5062", "192.0.2.11"]
    assert invite.vias[0].rport == ""
    assert invite.vias[1].rport is None
    assert invite.record_routes[0].uri == "sip:192.0.2.10;lr;ftag=1"


def test_a_parameter_is_kept_word_for_word_and_read_without_its_quotes() -> None:
    contact = request_of(INVITE).contacts[0]
    assert contact.params["+sip.instance"] == '"<urn:uuid:0A-11>"'
    assert contact.param("+SIP.instance") == "<urn:uuid:0A-11>"
    assert str(contact) == (
        '<sip:alice@192.0.2.11:5060;transport=UDP>;+sip.instance="<urn:uuid:0A-11>"'
    )


def test_a_message_that_was_only_read_is_written_as_it_came() -> None:
    assert request_of(INVITE).encode() == INVITE


def test_names_are_found_in_any_case_and_in_compact_form() -> None:
    message = request_of(options("i : b", "M: <sip:x@h>", "x-OWN-thing: 1", "c: text/plain"))
    assert message.headers.get_all("CALL-id") == ["a", "b"]
    assert message.header("contact") == "<sip:x@h>"
    assert message.header("X-Own-Thing") == "1"
    assert message.header("Content-Type") == "text/plain"


def test_a_folded_line_is_one_value() -> None:
    message = request_of(options("Subject: I know\r\n  you\r\n\tare there"))
    assert message.header("Subject") == "I know you are there"


def test_a_bare_line_break_inside_a_field_is_refused_and_never_echoed() -> None:
    with pytest.raises(SipError) as refused:
        parse_message(options("Subject: a\nRoute: <sip:evil>"))
    assert refused.value.request is not None
    assert b"evil" not in response_to(refused.value.request, 400).encode()


def test_what_we_write_cannot_begin_a_field_of_its_own() -> None:
    headers = Headers([("Subject", "a\r\nRoute: <sip:evil>")])
    written = Request("OPTIONS", "sip:a@b\r\nX: y", headers).encode()
    assert written.count(b"\r\n") == 4
    assert b"\r\nRoute" not in written


def test_headers_keep_order_and_can_be_changed() -> None:
    headers = Headers([("Via", "2"), ("To", "t")])
    headers.prepend("v", "1")
    headers.add("VIA", "3")
    assert list(headers.items()) == [("Via", "1"), ("Via", "2"), ("Via", "3"), ("To", "t")]
    copy = headers.copy()
    copy.set("Via", "x")
    copy.set_all("To", [])
    copy.remove("Route")
    assert list(copy.items()) == [("Via", "x")]
    assert len(headers) == 4
    assert "t" in headers
    assert headers != copy


def test_commas_in_quotes_and_brackets_do_not_cut_a_list() -> None:
    assert split_list('"a, b" <sip:x,y@h>;q="1,2" , <sip:z@h>') == [
        '"a, b" <sip:x,y@h>;q="1,2"',
        "<sip:z@h>",
    ]


@pytest.mark.parametrize("text", ["a,,b", ",a", "a,", '"a, b', "<sip:a, b"])
def test_a_list_with_a_hole_or_an_open_quote_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        split_list(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:a@b;tag=1", NameAddr("", "sip:a@b", {"tag": "1"})),
        ("<sip:a@b;lr>;tag=1", NameAddr("", "sip:a@b;lr", {"tag": "1"})),
        ("Alice Smith <sip:a@b>", NameAddr("Alice Smith", "sip:a@b", {})),
        ("caller<sip:a@b>", NameAddr("caller", "sip:a@b", {})),
        ('"A, \\\\ \\"B\\"" <tel:+1> ; x', NameAddr('A, \\ "B"', "tel:+1", {"x": ""})),
        ('sip:a@b;x="<y>"', NameAddr("", "sip:a@b", {"x": '"<y>"'})),
        ("*", NameAddr("", "*", {})),
        ("Jürgen <sip:j@b>", NameAddr("Jürgen", "sip:j@b", {})),
    ],
)
def test_an_address_is_read_in_all_its_forms(text: str, expected: NameAddr) -> None:
    assert parse_name_addr(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        '"open <sip:a@b>',
        '"x" sip:a@b',
        '"x" y <sip:a@b>',
        "<sip:a@b",
        "<>",
        "<sip:a b@c>",
        "sip:a@b?Route=x",
        "<sip:a@b> x",
        "<sip:a@b>;;",
        "<sip:a@b>;=1",
        '<sip:a@b>;x="1',
    ],
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_name_addr(text)


def test_an_address_survives_being_written_and_read() -> None:
    address = NameAddr('Ann "the" O\\X', "sip:a@b", {"tag": "1", "x": '"y z"', "flag": ""})
    assert parse_name_addr(str(address)) == address
    assert address.with_params(tag="2").tag == "2"
    assert address.tag == "1"


@given(st.text())
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    plain = text.replace("\r", " ").replace("\n", " ")
    assert unquote(quote(text)) == plain


def test_a_via_is_read_with_spaces_and_brackets() -> None:
    via = parse_via("SIP / 2.0 / tls [2001:db8::9] : 5061 ; received=[::1];branch=z9hG4bKx;RPORT=7")
    assert (via.transport, via.host, via.port) == ("TLS", "[2001:db8::9]", 5061)
    assert (via.received, via.rport, via.branch) == ("[::1]", "7", "z9hG4bKx")
    assert via.names_transaction
    assert not Via("UDP", "h", 0, {"branch": "z9hG4bK"}).names_transaction
    assert parse_via(str(via)) == via


@pytest.mark.parametrize(
    "text", ["SIP/2.0/UDP", "SIP/3.0/UDP h", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h x", "HTTP/1.1 h"]
)
def test_a_malformed_via_is_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_via(text)


def test_the_first_of_two_equal_parameters_counts() -> None:
    assert parse_parameters(";a=1;A=2;b") == {"a": "1", "b": ""}


def test_a_datagram_may_come_without_content_length_and_with_bytes_behind() -> None:
    assert request_of(options(body=b"xyz")).body == b"xyz"
    assert request_of(options("l: 2", body=b"xyz")).body == b"xy"


@pytest.mark.parametrize("value", ["-1", "1, 1", "x", "", "99999999999", "+1", "٣"])
def test_a_content_length_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(SipError) as refused:
        parse_message(options(f"Content-Length: {value}"))
    assert refused.value.status == 400


def test_equal_content_lengths_are_one_and_different_ones_none() -> None:
    assert request_of(options("l: 1", "Content-Length: 1", body=b"xy")).body == b"x"
    with pytest.raises(SipError):
        parse_message(options("l: 1", "Content-Length: 2", body=b"xy"))


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"\r\n\r\n", 400),
        (b"x" * 65_536, 513),
        (b"OPTIONS sip:" + b"a" * 3_000 + b" SIP/2.0\r\n\r\n", 414),
        (b"OPTIONS sip:a SIP/2.0\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 513),
        (b"OPTIONS sip:a SIP/2.0\r\nX: " + b"a" * 9_000 + b"\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\n" + b"X: a\r\n" * 300 + b"\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\n\r\n" + b"a" * 50_000, 413),
        (b"OPTIONS sip:a SIP/3.0\r\n\r\n", 505),
        (b"OPTIONS sip:a HTTP/1.1\r\n\r\n", 400),
        (b"SIP/2.0 099 No\r\n\r\n", 400),
        (b"SIP/2.0 2000 No\r\n\r\n", 400),
    ],
)
def test_each_limit_and_each_broken_start_line_has_its_status(data: bytes, status: int) -> None:
    with pytest.raises(SipError) as refused:
        parse_message(data)
    assert refused.value.status == status


def test_a_response_is_read_with_and_without_a_phrase() -> None:
    for line, phrase in ((b"SIP/2.0 180 Ringing", "Ringing"), (b"SIP/2.0 180", "")):
        message = parse_message(line + b"\r\nVia: SIP/2.0/UDP h\r\n\r\n")
        assert isinstance(message, Response)
        assert (message.status, message.phrase) == (180, phrase)


def test_an_answer_repeats_what_names_the_dialog_with_one_via_a_line() -> None:
    data = INVITE.replace(
        b"rport\r\nVia: SIP/2.0/UDP 192.0.2.11", b"rport , SIP/2.0/UDP 192.0.2.11"
    )
    answer = response_to(request_of(data), 180, to_tag="a73kszlfl", record_route=True)
    assert answer.encode() == b"\r\n".join(
        [
            b"SIP/2.0 180 Ringing",
            b"Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bKaa1;rport",
            b"Via: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKbb2",
            b"Record-Route: <sip:192.0.2.10;lr;ftag=1>",
            b'From: "Alice \\"B\\"" <sip:alice@example.com>;tag=9fxced76sl',
            b"To: <sip:sales@cc.example.com>;tag=a73kszlfl",
            b"Call-ID: 3848276298220188511@192.0.2.11",
            b"CSeq: 1 INVITE",
            b"Content-Length: 0",
            b"",
            b"",
        ]
    )


def test_an_answer_adds_no_second_tag() -> None:
    data = INVITE.replace(b"To: <sip:sales@cc.example.com>", b"To: <sip:s@h>;tag=old")
    assert response_to(request_of(data), 200, to_tag="new").to.tag == "old"


def test_an_answer_to_rubbish_echoes_what_there_is() -> None:
    broken = Request("OPTIONS", "sip:a", Headers([("To", '"open'), ("Via", ",,")]))
    answer = response_to(broken, 400, to_tag="x")
    assert answer.header("To") == '"open'
    assert answer.header("From") is None


def test_the_source_is_noted_in_the_top_via() -> None:
    invite = request_of(INVITE)
    note_source(invite, "198.51.100.7", 40_000)
    assert invite.vias[0].received == "198.51.100.7"
    assert invite.vias[0].rport == "40000"
    assert invite.vias[1] == request_of(INVITE).vias[1]
    plain = request_of(options())
    note_source(plain, "192.0.2.10", 5060)
    assert plain.vias[0].params == {"branch": "z9hG4bKaa1"}


@given(
    host=st.sampled_from(["h.test", "H.Test", "192.0.2.1", "[2001:db8::1]"]), asked=st.booleans()
)
def test_a_via_that_we_wrote_on_is_known_as_what_it_says(host: str, asked: bool) -> None:
    via = f'SIP/2.0/udp {host};branch=z9hG4bK1;X="a;b";flag{";rport" if asked else ""}'
    request = Request("OPTIONS", "sip:h.test", Headers([("Via", via)]))
    note_source(request, "198.51.100.7", 40_000)
    written = request.header("Via") or ""
    assert request.top_via == parse_via(written.replace(";flag", " ; flag"))


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        (["CSeq: 2 OPTIONS"], 400),
        (["Via: SIP/2.0/UDP"], 400),
        (["Max-Forwards: 256"], 400),
        (["Max-Forwards: -1"], 400),
        (["Max-Forwards: 1", "Max-Forwards: 1"], 400),
        (["Contact: *"], 400),
        (["Contact: nobody"], 400),
        (["Route: <"], 400),
        (["Require: 100rel, x"], 420),
    ],
)
def test_a_faulty_request_is_refused_with_its_status(extra: list[str], status: int) -> None:
    assert status_of(options(*extra)) == status


def test_methods_that_are_not_taken_are_told_from_unknown_ones() -> None:
    publish = options().replace(b"OPTIONS", b"PUBLISH")
    with pytest.raises(SipError) as refused:
        validate_request(request_of(publish), methods=("INVITE", "ACK"))
    assert refused.value.status == 405
    assert refused.value.headers == (("Allow", "INVITE, ACK"),)
    assert status_of(options().replace(b"OPTIONS", b"GREET")) == 501


def test_supported_extensions_may_be_required() -> None:
    request = request_of(options("Require: Timer, path"))
    validate_request(request, supported={"timer", "path"})
    with pytest.raises(SipError) as refused:
        validate_request(request, supported={"path"})
    assert refused.value.headers == (("Unsupported", "Timer"),)


def test_ack_and_cancel_are_not_refused_for_an_extension() -> None:
    validate_request(request_of(options("Require: x").replace(b"OPTIONS", b"CANCEL")))


def test_a_coded_body_is_refused_with_what_we_take() -> None:
    data = INVITE.replace(b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type")
    with pytest.raises(SipError) as refused:
        validate_request(request_of(data))
    assert (refused.value.status, refused.value.headers) == (
        415,
        (("Accept-Encoding", "identity"),),
    )


def test_a_tel_request_uri_is_taken() -> None:
    validate_request(request_of(options().replace(b"sip:cc.example.com SIP", b"tel:+4930123 SIP")))


def test_a_response_with_several_vias_is_not_for_us() -> None:
    answer = response_to(request_of(INVITE), 200)
    with pytest.raises(SipError):
        validate_response(answer)
    answer.headers.set("Via", "SIP/2.0/UDP 192.0.2.10")
    validate_response(answer)


def test_too_many_vias_are_refused() -> None:
    via = ["Via: SIP/2.0/UDP h"] * limits.VIAS_MAX
    assert status_of(options(*via)) == 400


def test_an_expiry_beyond_all_bounds_is_the_bound() -> None:
    message = request_of(options("Expires: " + "9" * 100))
    assert message.expires == limits.EXPIRES_SECONDS_MAX
    assert request_of(options("Expires: soon")).expires is None


def test_a_stream_is_cut_into_whole_messages() -> None:
    first, second = options("l: 3", body=b"abc"), INVITE
    buffer = b"\r\n\r\n" + first + b"\r\n" + second
    length = frame_length(buffer)
    assert length == 4 + len(first)
    assert parse_message(buffer[:length], stream=True).body == b"abc"
    rest = buffer[length:]
    assert frame_length(rest) == len(rest)


@given(st.integers(min_value=0, max_value=len(INVITE) - 1))
def test_a_message_cut_short_waits_for_the_rest(length: int) -> None:
    assert frame_length(INVITE[:length]) is None


@given(st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=60))
def test_however_a_stream_is_split_the_messages_are_the_same(spans: list[int]) -> None:
    sent = [INVITE, options("l: 3", body=b"abc"), b"\r\n\r\n" + INVITE, options("l:0")]
    stream, buffer, taken = b"".join(sent), b"", list[bytes]()
    while stream:
        for span in spans:
            buffer, stream = buffer + stream[:span], stream[span:]
            while (length := frame_length(buffer)) is not None:
                taken.append(parse_message(buffer[:length], stream=True).encode())
                buffer = buffer[length:]
    assert taken == [parse_message(message).encode() for message in sent]
    assert buffer == b""


def test_a_folded_content_length_counts_on_a_stream() -> None:
    data = options("Content-Length :\r\n  2", body=b"xyz")
    assert frame_length(data) == len(data) - 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (options(), 400),
        (options("l: 1", "Content-Length: 2"), 400),
        (options("l: 60000"), 413),
        (b"x" * 40_000, 513),
        (b"OPTIONS sip:a SIP/2.0\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 513),
        (b"\r\n" * 200, 400),
    ],
)
def test_a_stream_that_lost_its_framing_is_told_so(data: bytes, status: int) -> None:
    with pytest.raises(SipError) as refused:
        frame_length(data)
    assert refused.value.status == status


def test_keepalives_are_told_from_messages() -> None:
    assert keepalive_length(b"\r\n\r\nOPTIONS") == 4
    assert keepalive_length(b"OPTIONS") == 0
    assert is_keepalive(b"\r\n\r\n")
    assert is_keepalive(b"\0\0\0\0")
    assert is_keepalive(b"")
    assert not is_keepalive(b"\r\nOPTIONS")
