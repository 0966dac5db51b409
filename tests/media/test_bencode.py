"""Bencode round trips, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.media import bencode

values = st.recursive(
    st.integers(-(10**18), 10**18) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_again(value: object) -> None:
    assert bencode.loads(bencode.dumps(value)) == value


@given(st.binary(max_size=60))
def test_no_octets_do_worse_than_be_refused(data: bytes) -> None:
    try:
        bencode.loads(data)
    except bencode.BencodeError:
        pass


def test_octets_that_are_no_utf8_come_out_as_they_went_in() -> None:
    assert bencode.dumps(bencode.loads(b"3:\xff\xfe\x00")) == b"3:\xff\xfe\x00"


@pytest.mark.parametrize(
    "data",
    [b"", b"i12", b"i1x2e", b"5:abc", b"l", b"d1:a", b"di1ei2ee", b"i1ei2e", b"99999999999999999999999:a",
     b"l" * 40 + b"e" * 40],
)  # fmt: skip
def test_the_invalid_twin_is_refused(data: bytes) -> None:
    with pytest.raises(bencode.BencodeError):
        bencode.loads(data)
