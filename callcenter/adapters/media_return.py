"""How a leg comes back after its worker died: from a record and a note to a leg that plays.

Why: the next worker must be, to the phone, the same worker. So ports, stream, law, whom we believe
and the place in the music are set to what they would be by now.
"""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from callcenter.adapters.dtls import Kept
from callcenter.adapters.media_files import log_trouble
from callcenter.adapters.media_journal import LegRecord, Note, PlayRecord, SideRecord
from callcenter.adapters.srtp import Counters, SrtpGuard
from callcenter.domain.units import Micros
from callcenter.media import ng, sdes, sdp
from callcenter.media.engine import Engine
from callcenter.media.leg import INNER, PHONE, Leg, Playback
from callcenter.media.line import Line
from callcenter.media.rtp import FRAME_MICROS
from callcenter.media.side import Side

OpenSide = Callable[[Side], None]
SPARE_PACKETS = 100
"""Left out of the numbers of an encrypted stream: what was sent after the note, however fast, must
not be sent again with other contents."""


def take_back(
    engine: Engine,
    openers: tuple[OpenSide, OpenSide],
    record: LegRecord,
    note: Note | None,
    now: Micros,
) -> None:
    """Give a leg back to the engine, on the ports it had.

    Args:
        openers: open a side's ports, and those on IPv6.

    Raises:
        OSError: a port was taken by another process meanwhile.
        NgError: the record does not hold what a leg needs.
    """
    if record.phone is None or record.inner is None:
        raise ng.NgError("The record has no sides")
    since = note.at if note is not None else record.at
    elapsed = max(now - since, 0)
    phone = _side(engine, openers, record.call_id, PHONE, record.phone)
    try:
        inner = _side(engine, openers, record.call_id, INNER, record.inner)
    except (OSError, ng.NgError):
        engine.release(phone)
        raise
    if note is not None:
        phone.line.sequence, phone.line.timestamp = note.sequence, note.timestamp
        phone.latch.source = note.source
        phone.settle()
    phone.line.resume(elapsed, SPARE_PACKETS if record.phone.is_encrypted else 0)
    if record.phone.web:
        _meet_again(engine, phone, Kept(*record.phone.web), note)
    elif record.phone.is_encrypted:
        _encrypt_again(phone, note)
    leg = Leg(record.call_id, phone, inner, engine.facts, now)
    leg.created_at, leg.answered_at = record.created_at, record.answered_at
    if record.play is not None:
        _play_on(engine, leg, record.play, note, elapsed)
    engine.adopt(leg)


def _meet_again(engine: Engine, phone: Side, kept: Kept, note: Note | None) -> None:
    """A browser: it asks again by itself, and its keys are known, if the handshake was done."""
    assert phone.description is not None
    web: Any = engine.make_web(kept)
    phone.web = web
    if phone.description.web is not None:
        web.expect(phone.description.web)
    ours, theirs = (sdes.read(key.removeprefix("crypto:")) for key in (kept.ours, kept.theirs))
    if ours is not None and theirs is not None:
        web.go_on(ours, theirs, note.counters if note and note.counters else Counters())
        phone.guard = web.guard


def _encrypt_again(phone: Side, note: Note | None) -> None:
    """Under the same keys, the counters where they were."""
    secrecy, description = phone.secrecy, phone.description
    assert secrecy is not None
    assert description is not None
    theirs = secrecy.choose(description, opportunistic=True)
    secrecy.agree(theirs)
    if note is not None and note.counters is not None and secrecy.ours and theirs:
        secrecy.guard = SrtpGuard(secrecy.ours, theirs, note.counters)
    phone.guard = secrecy.guard


def _side(
    engine: Engine,
    openers: tuple[OpenSide, OpenSide],
    call_id: str,
    tag: str,
    record: SideRecord,
) -> Side:
    line = Line(record.ssrc, record.sequence, record.timestamp)
    side = Side(call_id, tag, line, engine.drops, engine.facts, learning=tag == PHONE)
    side.port = record.port
    engine.ports.claim(record.port)
    try:
        openers[0](side)
        if record.has_v6:
            openers[1](side)
    except OSError:
        engine.ports.give(record.port)
        raise
    side.has_v6, side.uses_v6 = record.has_v6, record.uses_v6
    if tag == PHONE:
        side.secrecy = engine.secrecy()
        side.secrecy.offers = tuple(record.offers)
        side.secrecy.keys = {
            suite: b64decode(key.removeprefix("inline:")) for suite, key in record.keys.items()
        }
    side.codec = record.codec
    for gate in record.gates:
        side.gate(gate, shut=True)
    if record.sdp:
        side.advertise(sdp.read(record.sdp))
    return side


def _play_on(
    engine: Engine, leg: Leg, record: PlayRecord, note: Note | None, elapsed: Micros
) -> None:
    """Play the file from where it would be by now; a file that is gone is left out."""
    try:
        audio = engine.load(record.file)
    except ng.NgError as e:
        log_trouble("a file could not be resumed", leg=leg.call_id, reason=str(e))
        return
    playback = Playback(record.file, audio, record.plays_left, record.position, record.id)
    if note is not None and note.play_id == record.id:
        playback.plays_left, playback.position = note.plays_left, note.position
    playback.advance(elapsed // FRAME_MICROS)
    leg.play(playback)
