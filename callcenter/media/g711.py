"""G.711: µ-law and A-law, and the way from one to the other.

Why: two phones in one call may speak different laws, prompts are kept in µ-law, and changing law
must cost nothing: 256 octets of table and `bytes.translate`.

`ULAW_TO_ALAW` and `ALAW_TO_ULAW` map one octet to the octet of the other law whose value is
nearest, so a tone keeps its level; the way there and back is not always exact, as G.711 says.

Sources: ITU-T G.711 tables 1a/1b (A-law), 2a/2b (µ-law).
"""

from typing import Final

BIAS = 0x84
CLIP = 32635


def ulaw_to_linear(octet: int) -> int:
    """Value of one µ-law octet, as 16-bit linear (14 significant bits)."""
    octet = ~octet & 0xFF
    magnitude = (((octet & 0x0F) << 3) + BIAS) << ((octet & 0x70) >> 4)
    return BIAS - magnitude if octet & 0x80 else magnitude - BIAS


def alaw_to_linear(octet: int) -> int:
    """Value of one A-law octet, as 16-bit linear (13 significant bits)."""
    octet ^= 0x55
    exponent = (octet & 0x70) >> 4
    mantissa = (octet & 0x0F) << 4
    magnitude = mantissa + 8 if exponent == 0 else (mantissa + 0x108) << (exponent - 1)
    return magnitude if octet & 0x80 else -magnitude


def linear_to_ulaw(value: int) -> int:
    """The µ-law octet of a 16-bit linear value."""
    sign = 0x80 if value < 0 else 0
    magnitude = min(abs(value), CLIP) + BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def linear_to_alaw(value: int) -> int:
    """The A-law octet of a 16-bit linear value."""
    sign = 0x80 if value >= 0 else 0
    magnitude = min(value if value >= 0 else -value - 1, 32767)
    exponent = max(magnitude.bit_length() - 8, 0)
    mantissa = magnitude >> 4 if exponent == 0 else magnitude >> (exponent + 3)
    return (sign | exponent << 4 | mantissa & 0x0F) ^ 0x55


ULAW_TO_ALAW: Final = bytes(linear_to_alaw(ulaw_to_linear(octet)) for octet in range(256))
ALAW_TO_ULAW: Final = bytes(linear_to_ulaw(alaw_to_linear(octet)) for octet in range(256))

ULAW_SILENCE: Final = 0xFF
ALAW_SILENCE: Final = 0xD5
