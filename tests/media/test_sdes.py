"""Keys in SDP: RFC 4568's own lines, and lines that are not for us."""

import pytest

from callcenter.media.sdes import SUITES, Crypto, read, read_lines

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
RFC_4568 = f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"
GCM = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="


def test_the_line_of_the_standard_is_read_and_written_again() -> None:
    crypto = read(RFC_4568)
    assert crypto is not None
    assert (crypto.tag, crypto.suite, len(crypto.key)) == (1, "AES_CM_128_HMAC_SHA1_80", 30)
    assert crypto.value == f"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
    assert read(crypto.value.removeprefix("crypto:")) == crypto


def test_a_key_does_not_show_itself() -> None:
    crypto = read(RFC_4568)
    assert repr(crypto) == "Crypto(1, AES_CM_128_HMAC_SHA1_80)"
    assert KEY not in f"{crypto} {[crypto]}"


@pytest.mark.parametrize("end", ["", "=", "=="])
def test_gcm_is_read_with_and_without_all_of_the_end_of_its_base64(end: str) -> None:
    crypto = read(f"7 AEAD_AES_128_GCM inline:{GCM.rstrip('=')}{end}")
    assert crypto is not None
    assert crypto.key == bytes(range(28))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1 AES_CM_128_HMAC_SHA1_80",
        f"x AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"1 F8_128_HMAC_SHA1_80 inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 outline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY[:-4]}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1",
        f"{'1' * 10} AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{'ü' * 40}",
    ],
)
def test_a_line_that_says_more_or_other_than_we_do_is_passed_over(line: str) -> None:
    assert read(line) is None


def test_a_window_and_what_may_be_ignored_are_no_hindrance() -> None:
    assert read(f"{RFC_4568} WSH=64 -FUTURE") is not None


def test_the_first_line_that_is_for_us_is_the_phones_choice() -> None:
    lines = [f"1 F8_128_HMAC_SHA1_80 inline:{KEY}", f"2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"]
    assert [c.tag for c in read_lines(lines)] == [2]
    assert len(read_lines([RFC_4568] * 100)) == 16


def test_every_suite_has_the_size_of_its_standard() -> None:
    for suite, size in SUITES.items():
        written = Crypto(3, suite, bytes(range(size)))
        assert read(written.value.removeprefix("crypto:")) == written
