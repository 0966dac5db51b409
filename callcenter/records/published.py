"""What a role publishes for `/metrics`: families of samples, as one JSON document.

Why: one page shows the whole center, though its figures are made in several processes, and the
media worker or a front end must not serve HTTP for it. A role writes its document to the store
every few seconds (`adapters/metrics.py`); the web role puts them together (`web/metrics.py`).

Names follow the Prometheus rules: `callcenter_` first, base units, `_total` for counters, no ids
of contacts, agents or callers in labels.
"""

import msgspec

from callcenter.domain.units import Micros

FAMILIES_MAX = 200
SAMPLES_MAX = 2000


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. `samples` maps label values, in the order of `labels`, to the value.

    `kind` is `counter` or `gauge`. A counter's name ends in `_total`.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    samples: list[tuple[tuple[str, ...], float]] = []


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One role's document. `at` is its wall clock, in microseconds."""

    role: str
    at: Micros
    families: list[Family] = []


_decoder = msgspec.json.Decoder(Published)


def encode_published(document: Published) -> bytes:
    """As it stands in the store."""
    return msgspec.json.encode(document)


def decode_published(data: bytes) -> Published:
    """Read a document. Raises `msgspec.DecodeError` or `ValidationError`."""
    return _decoder.decode(data)
