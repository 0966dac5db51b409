"""ng datagrams: cookie, body, and the reply that is given again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import SECOND
from callcenter.media import ng


@pytest.mark.parametrize("as_bencode", [False, True])
def test_a_message_survives_the_wire_in_both_tongues(as_bencode: bool) -> None:
    body = {"command": "offer", "call-id": "L1", "flags": ["port-latching"], "n": 3}
    data = ng.encode("c1", body, as_bencode=as_bencode)
    assert ng.decode(data) == ("c1", body)
    assert ng.is_bencode(data) is as_bencode


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_nothing_else_happens(data: bytes) -> None:
    try:
        ng.decode(data)
    except ng.NgError:
        pass


@pytest.mark.parametrize(
    "data", [b"", b" {}", b"c1", b"c1 []", b"c1 12", b"c1 le", b"c1 {", b"x" * 200 + b" {}"]
)
def test_a_datagram_that_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ng.NgError):
        ng.decode(data)


def test_the_outcome_of_a_reply_is_read_without_its_report() -> None:
    said = {"result": "error", "error-reason": "Unknown call-id", "tags": {"leg": [1, 2]}}
    told = {"result": "error", "error-reason": "Unknown call-id"}
    assert ng.outcome(ng.encode("c1", said)) == told
    with pytest.raises(ng.NgError):
        ng.outcome(b"c1 [")


def test_a_body_nested_without_end_is_refused() -> None:
    with pytest.raises(ng.NgError):
        ng.decode(b"c1 " + b"[" * 60_000)


def test_a_repeated_cookie_gets_the_reply_it_already_got() -> None:
    replays = ng.Replays()
    assert replays.find(b"c1 {}", 0) is None
    replays.keep(b"c1 {}", b"c1 reply", 0)
    assert replays.find(b"c1 {}", SECOND) == b"c1 reply"
    assert replays.hits == 1


def test_replies_are_forgotten_after_ten_seconds() -> None:
    replays = ng.Replays()
    replays.keep(b"c1 {}", b"c1 reply", 0)
    assert replays.find(b"c1 {}", 10 * SECOND) is None


def test_the_number_of_replies_kept_is_bounded() -> None:
    replays = ng.Replays()
    for n in range(ng.REPLAYS_MAX + 5):
        replays.keep(b"c%d {}" % n, b"r", 0)
    assert replays.find(b"c0 {}", 0) is None
    assert replays.find(b"c9 {}", 0) == b"r"


def test_numbers_may_come_as_text() -> None:
    assert ng.number({"repeat-times": "12"}, "repeat-times") == 12
    assert ng.number({"repeat-times": "x"}, "repeat-times", 1) == 1
    assert ng.number({"repeat-times": []}, "repeat-times", 1) == 1
