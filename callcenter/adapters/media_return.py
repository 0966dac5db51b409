"""How a leg comes back after its worker died: from a record and a note to a leg that plays.

Why: the next worker must be, to the phone, the same worker. So ports, stream, law, whom we believe
and the place in the music are set to what they would be by now.
"""

from collections.abc import Callable

from callcenter.adapters.media_files import log_trouble
from callcenter.adapters.media_journal import LegRecord, Note, PlayRecord, SideRecord
from callcenter.domain.units import Micros
from callcenter.media import ng, sdp
from callcenter.media.engine import Engine
from callcenter.media.leg import INNER, PHONE, Leg, Playback
from callcenter.media.line import Line
from callcenter.media.rtp import FRAME_MICROS
from callcenter.media.side import Side

OpenSide = Callable[[Side], None]


def take_back(
    engine: Engine, open_side: OpenSide, record: LegRecord, note: Note | None, now: Micros
) -> None:
    """Give a leg back to the engine, on the ports it had.

    Raises:
        OSError: a port was taken by another process meanwhile.
        NgError: the record does not hold what a leg needs.
    """
    if record.phone is None or record.inner is None:
        raise ng.NgError("The record has no sides")
    since = note.at if note is not None else record.at
    elapsed = max(now - since, 0)
    phone = _side(engine, open_side, record.call_id, PHONE, record.phone)
    try:
        inner = _side(engine, open_side, record.call_id, INNER, record.inner)
    except (OSError, ng.NgError):
        engine.release(phone)
        raise
    if note is not None:
        phone.line.sequence, phone.line.timestamp = note.sequence, note.timestamp
        phone.latch.source = note.source
        phone.settle()
    phone.line.resume(elapsed)
    leg = Leg(record.call_id, phone, inner, engine.facts, now)
    leg.created_at, leg.answered_at = record.created_at, record.answered_at
    if record.play is not None:
        _play_on(engine, leg, record.play, note, elapsed)
    engine.adopt(leg)


def _side(engine: Engine, open_side: OpenSide, call_id: str, tag: str, record: SideRecord) -> Side:
    line = Line(record.ssrc, record.sequence, record.timestamp)
    side = Side(call_id, tag, line, engine.drops, engine.facts, learning=tag == PHONE)
    side.port = record.port
    engine.ports.claim(record.port)
    try:
        open_side(side)
    except OSError:
        engine.ports.give(record.port)
        raise
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
