"""G.711 against values of the standard's tables."""

import pytest

from callcenter.media import g711


@pytest.mark.parametrize(
    ("octet", "value"),
    [(0xFF, 0), (0x7F, 0), (0x80, 32124), (0x00, -32124), (0xEF, 132), (0xF0, 120)],
)
def test_mu_law_decodes_as_the_table_says(octet: int, value: int) -> None:
    assert g711.ulaw_to_linear(octet) == value


@pytest.mark.parametrize(
    ("octet", "value"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0xC5, 264)]
)
def test_a_law_decodes_as_the_table_says(octet: int, value: int) -> None:
    assert g711.alaw_to_linear(octet) == value


def test_every_octet_but_minus_zero_survives_decoding_and_encoding() -> None:
    ulaw = [o for o in range(256) if g711.linear_to_ulaw(g711.ulaw_to_linear(o)) != o]
    alaw = [o for o in range(256) if g711.linear_to_alaw(g711.alaw_to_linear(o)) != o]
    assert ulaw == [0x7F]
    assert alaw == []


def test_changing_the_law_keeps_the_value_within_the_step_of_the_coarser_one() -> None:
    for octet in range(256):
        value = g711.ulaw_to_linear(octet)
        other = g711.alaw_to_linear(g711.ULAW_TO_ALAW[octet])
        assert abs(value - other) <= max(16, abs(value) // 16)


def test_silence_stays_silence_in_the_other_law() -> None:
    assert g711.ULAW_TO_ALAW[g711.ULAW_SILENCE] == g711.ALAW_SILENCE
    assert abs(g711.ulaw_to_linear(g711.ALAW_TO_ULAW[g711.ALAW_SILENCE])) <= 8


@pytest.mark.parametrize("value", [-32768, 32767, 0, -1])
def test_the_ends_of_the_range_encode(value: int) -> None:
    assert abs(g711.ulaw_to_linear(g711.linear_to_ulaw(value)) - value) <= 700
    assert abs(g711.alaw_to_linear(g711.linear_to_alaw(value)) - value) <= 700
