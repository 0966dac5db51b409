"""What a restarted media worker needs to take its calls back: two files in the run directory.

Why: a phone does not notice a worker's death if the next one binds the same ports and goes on with
the same stream, so no SIP is needed. What changes by ng message is appended to `legs.log` before
the reply leaves; what changes with every packet (sequence, timestamp, the learned address, the
place in the music) is noted five times a second in `lines.bin`, which is mapped memory: it costs a
copy of 32 octets and outlives a kill -9. A reboot ends all calls, so nothing is synced to disk,
and notes older than `STALE_SECONDS` are forgotten.

Keys of encrypted legs are sealed (`seal.py`). How far their counters are, and a learned IPv6
address, stand in `more.bin`, for the legs that have any.

`legs.log`: one JSON `LegRecord` per line; the last of a call counts, `gone` ends it.
`lines.bin`: header (magic, time of the last note), then one `_NOTE` per leg, by `place`.
`more.bin`: one `_MORE` per leg, by `place`; its `at` tells whether it belongs to that note.
All times are CLOCK_MONOTONIC, which processes of one boot share.
"""

import mmap
import os
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from callcenter.adapters.seal import Seal, Unsealable
from callcenter.adapters.srtp import Counters
from callcenter.domain.units import SECOND, Micros
from callcenter.media.leg import Leg
from callcenter.media.side import Side

STALE_SECONDS = 30
LOG_BYTES_MAX = 8 * 1024 * 1024
_MAGIC = 0x63636D31
_HEADER = struct.Struct(">IQ")
_NOTE = struct.Struct(">QHIIIIIH")
_START = 32
_SIZE = 34
_MORE = struct.Struct(">QIqIqI16sH")
"""When, the counters of the guard, and whom we believe on IPv6."""


class PlayRecord(msgspec.Struct):
    """A file that was playing."""

    file: str
    plays_left: int
    position: int
    id: int


class SideRecord(msgspec.Struct):
    """One side as the messages left it, and the numbers of its stream."""

    port: int
    sdp: str
    codec: int | None
    gates: list[str]
    ssrc: int
    sequence: int
    timestamp: int
    keys: dict[str, str] = {}
    """Ours by suite, as SDES writes them."""
    offers: list[str] = []
    """Suites that the phone was offered."""
    is_encrypted: bool = False
    has_v6: bool = False
    uses_v6: bool = False
    web: list[str] = []
    """Of a browser: `dtls.Kept`."""


class LegRecord(msgspec.Struct):
    """One leg, or the end of one."""

    call_id: str
    place: int
    at: Micros
    phone: SideRecord | None = None
    inner: SideRecord | None = None
    play: PlayRecord | None = None
    created_at: Micros = 0
    answered_at: Micros = 0
    gone: bool = False


class Note(NamedTuple):
    """The numbers of a leg a moment before the end."""

    at: Micros
    sequence: int
    timestamp: int
    position: int
    plays_left: int
    play_id: int
    source: tuple[str, int] | None
    counters: Counters | None = None
    """Of its keys."""


class Journal:
    """The files of one worker. Two workers never share a directory."""

    def __init__(self, directory: Path, legs_max: int, seal_file: str = "") -> None:
        """`seal_file` holds the secret; the directory's own when not given."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log_path = directory / "legs.log"
        self._places: dict[str, int] = {}
        self._all_places = range(legs_max, -1, -1)
        self._free = list(self._all_places)
        self._bytes = 0
        self._seal = Seal.at(Path(seal_file) if seal_file else directory / "secret")
        self._notes = _mapped(directory / "lines.bin", _START + (legs_max + 1) * _SIZE)
        self._more = _mapped(directory / "more.bin", (legs_max + 1) * _MORE.size)
        self._log = os.open(self._log_path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def close(self) -> None:
        """Let go of the files; they stay as they are."""
        os.close(self._log)
        self._notes.close()
        self._more.close()

    def read(self, now: Micros) -> list[tuple[LegRecord, Note | None]]:
        """The legs of the worker before us; none when it died too long ago."""
        magic, alive = _HEADER.unpack_from(self._notes)
        if magic != _MAGIC or not 0 <= now - alive <= STALE_SECONDS * SECOND:
            return []
        found: dict[str, LegRecord] = {}
        decoder = msgspec.json.Decoder(LegRecord)
        for line in self._log_path.read_bytes().splitlines():
            try:
                record = decoder.decode(self._opened(line))
            except (msgspec.MsgspecError, Unsealable, ValueError):
                continue  # the line that was being written when the worker died
            if record.gone:
                found.pop(record.call_id, None)
            else:
                found[record.call_id] = record
        self._places = {record.call_id: record.place for record in found.values()}
        return [(record, self._read_note(record.place)) for record in found.values()]

    def begin(self, legs: Iterable[Leg], now: Micros) -> None:
        """Start a fresh log that holds `legs` only; those that were read keep their place."""
        living = list(legs)
        kept = {leg.call_id: self._places.get(leg.call_id) for leg in living}
        self._places = {call_id: place for call_id, place in kept.items() if place is not None}
        taken = set(self._places.values())
        self._free = [place for place in self._all_places if place not in taken]
        self._rewrite(living, now)

    def alive(self, now: Micros) -> None:
        """Note that the worker runs."""
        _HEADER.pack_into(self._notes, 0, _MAGIC, now)

    def changed(self, call_id: str, leg: Leg | None, legs: Iterable[Leg], now: Micros) -> None:
        """A message changed a leg, or ended it (`leg` is None)."""
        if leg is None:
            place = self._places.pop(call_id, None)
            if place is None:
                return
            self._free.append(place)
            record = LegRecord(call_id, place, now, gone=True)
        else:
            record = self._record(leg, now)
            self.note(leg, now)
        self._append(record)
        if self._bytes > LOG_BYTES_MAX:
            self._rewrite(legs, now)

    def note(self, leg: Leg, now: Micros) -> None:
        """Note the numbers that move with every packet."""
        place = self._places.get(leg.call_id)
        if place is None:
            return
        line, play, source = leg.phone.line, leg.playback, leg.phone.latch.source
        host, port = _packed(source)
        _NOTE.pack_into(
            self._notes, _START + place * _SIZE, now, line.sequence, line.timestamp,
            play.position if play else 0, play.plays_left if play else 0,
            play.id if play else 0, host, port,
        )  # fmt: skip
        guard = leg.phone.guard
        if guard is not None or leg.phone.has_v6:
            counters: Any = guard.progress if guard is not None else Counters()
            host6, port6 = _packed6(source)
            _MORE.pack_into(self._more, place * _MORE.size, now, *counters, host6, port6)

    def _read_note(self, place: int) -> Note | None:
        start = _START + place * _SIZE
        if start + _SIZE > len(self._notes):
            return None
        at, sequence, timestamp, position, plays_left, play_id, host, port = _NOTE.unpack_from(
            self._notes, start
        )
        if not at:
            return None
        source = (".".join(map(str, host.to_bytes(4, "big"))), port) if port else None
        counters = None
        more_at, *more, host6, port6 = _MORE.unpack_from(self._more, place * _MORE.size)
        if more_at == at:
            counters = Counters(*more)
            source = (str(IPv6Address(host6)), port6) if port6 else source
        return Note(at, sequence, timestamp, position, plays_left, play_id, source, counters)

    def _record(self, leg: Leg, now: Micros) -> LegRecord:
        place = self._places.get(leg.call_id)
        if place is None:
            place = self._places[leg.call_id] = self._free.pop()
        play = leg.playback
        return LegRecord(
            call_id=leg.call_id,
            place=place,
            at=now,
            phone=_side_record(leg.phone),
            inner=_side_record(leg.inner),
            play=PlayRecord(play.file, play.plays_left, play.position, play.id) if play else None,
            created_at=leg.created_at,
            answered_at=leg.answered_at,
        )

    def _append(self, record: LegRecord) -> None:
        self._bytes += os.write(self._log, self._line(record))

    def _line(self, record: LegRecord) -> bytes:
        line = msgspec.json.encode(record)
        kept = self._seal.close(line)
        return (line if kept is line else b64encode(kept)) + b"\n"

    def _opened(self, line: bytes) -> bytes:
        return line if line.startswith(b"{") else self._seal.open(b64decode(line, validate=True))

    def _rewrite(self, legs: Iterable[Leg], now: Micros) -> None:
        """Replace the log by one line per living leg."""
        fresh = self._log_path.with_suffix(".new")
        lines = [self._line(self._record(leg, now)) for leg in legs]
        fresh.write_bytes(b"".join(lines))
        os.replace(fresh, self._log_path)
        os.close(self._log)
        self._log = os.open(self._log_path, os.O_RDWR | os.O_APPEND)
        self._bytes = 0
        for leg in legs:
            self.note(leg, now)
        self.alive(now)


def _side_record(side: Side) -> SideRecord:
    return SideRecord(
        port=side.port,
        sdp=side.description.text if side.description else "",
        codec=side.codec,
        gates=sorted(side.gates),
        ssrc=side.line.ssrc,
        sequence=side.line.sequence,
        timestamp=side.line.timestamp,
        keys=_keys(side),
        offers=list(side.secrecy.offers) if side.secrecy is not None else [],
        is_encrypted=side.guard is not None,
        has_v6=side.has_v6,
        uses_v6=side.uses_v6,
        web=_web(side),
    )


def _keys(side: Side) -> dict[str, str]:
    if side.secrecy is None:
        return {}
    return {suite: f"inline:{b64encode(k).decode()}" for suite, k in side.secrecy.keys.items()}


def _web(side: Side) -> list[str]:
    web: Any = side.web
    return [] if web is None else list(web.kept)


def _mapped(file: Path, size: int) -> mmap.mmap:
    fd = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(fd, size)
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def _packed6(source: tuple[str, int] | None) -> tuple[bytes, int]:
    if source is None or ":" not in source[0]:
        return bytes(16), 0
    return IPv6Address(source[0]).packed, source[1]


def _packed(source: tuple[str, int] | None) -> tuple[int, int]:
    if source is None or ":" in source[0]:
        return 0, 0
    return int.from_bytes(bytes(map(int, source[0].split("."))), "big"), source[1]
