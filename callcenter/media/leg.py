"""One SIP leg: a phone, our inner side, and what the phone hears right now.

Why: a phone hears exactly one thing at a time, in this order of precedence: the file that plays,
the party it is connected to (or all of them, in a mix), silence. The silence is really sent to a phone that sends itself: a
stream that never pauses gives it no gap to make up for. A phone that sends nothing gets one frame
of it a second, which keeps the way through a NAT open at a fiftieth of the cost.

`playout` is asked every 20 ms and writes the next packet of ours, if one is due. `tick` is asked now
and then for what only time reveals: a phone gone silent.

Sources: rtpengine `docs/ng_control_protocol.md`, `play media`; RFC 3551 4.1.
"""

from typing import NamedTuple, TypeAlias

from callcenter.domain.units import SECOND, Micros
from callcenter.media.g711 import ALAW_SILENCE, ULAW_SILENCE
from callcenter.media.line import BREATH_MICROS
from callcenter.media.mix import Mix
from callcenter.media.prompts import Audio
from callcenter.media.recorder import Recorded, Recorder
from callcenter.media.rtcp import INTERVAL_SECONDS
from callcenter.media.rtp import FRAME, HEADER_OCTETS, PCMA, PCMU
from callcenter.media.side import DigitPressed, FaxHeard, Side

PHONE, INNER = "leg", "in"
"""The two tags of the leg model."""

PACKET = HEADER_OCTETS + FRAME
LISTENS_MICROS: Micros = SECOND
"""A phone that was heard so lately is given silence where there is nothing else."""
_SILENCE = {PCMU: bytes([ULAW_SILENCE]) * FRAME, PCMA: bytes([ALAW_SILENCE]) * FRAME}


class Finished(NamedTuple):
    """A file played to its end."""

    call_id: str
    file: str
    play_id: int


class WentSilent(NamedTuple):
    """No packet from a phone that said it would send, for `seconds`."""

    call_id: str
    seconds: int


class Spoke(NamedTuple):
    """The first packet after `WentSilent`."""

    call_id: str


class Orphaned(NamedTuple):
    """Nobody asked for this leg and nothing was heard for very long: it is gone."""

    call_id: str
    seconds: int


Fact: TypeAlias = DigitPressed | FaxHeard | Finished | WentSilent | Spoke | Orphaned | Recorded


class Playback:
    """A file on its way to one phone. `position` counts frames; all phones share the audio."""

    __slots__ = ("audio", "file", "fresh", "id", "plays_left", "position")

    def __init__(self, file: str, audio: Audio, plays: int, position: int, play_id: int) -> None:
        self.file = file
        self.audio = audio
        self.plays_left = plays
        self.position = position % audio.frames
        self.id = play_id
        self.fresh = True

    def next(self, codec: int) -> bytes | None:
        """The next frame in the law of the phone; None after the last."""
        audio = self.audio
        if self.position >= audio.frames:
            self.plays_left -= 1
            if self.plays_left <= 0:
                return None
            self.position = 0
        start = self.position * FRAME
        self.position += 1
        return (audio.alaw if codec == PCMA else audio.ulaw)[start : start + FRAME]

    def advance(self, frames: int) -> None:
        """Catch up with time that passed while nobody could play."""
        frames += self.position
        self.plays_left -= frames // self.audio.frames
        self.position = frames % self.audio.frames
        if self.plays_left <= 0:
            self.plays_left, self.position = 1, self.audio.frames


class Leg:
    """One ng call. Its two sides are `phone` (tag `leg`) and `inner` (tag `in`)."""

    __slots__ = (
        "answered_at",
        "call_id",
        "created_at",
        "facts",
        "inner",
        "mix",
        "phone",
        "playback",
        "report_at",
        "rounds_slot",
        "silent",
        "slot",
        "touched_at",
    )

    def __init__(
        self, call_id: str, phone: Side, inner: Side, facts: list[Fact], now: Micros
    ) -> None:
        self.call_id = call_id
        self.phone = phone
        self.inner = inner
        self.facts = facts
        self.playback: Playback | None = None
        self.mix: Mix | None = None
        """The phone is in a conference."""
        self.created_at = self.touched_at = now
        self.answered_at: Micros = 0
        self.report_at: Micros = now + INTERVAL_SECONDS * SECOND
        self.silent = False
        self.slot = -1
        """Where it stands on the playout wheel; -1 while another stream feeds the phone."""
        self.rounds_slot = -1

    def side(self, tag: str) -> Side | None:
        """The side with this tag."""
        return self.phone if tag == PHONE else self.inner if tag == INNER else None

    def play(self, playback: Playback) -> None:
        """Play to the phone, instead of whatever it hears."""
        self.playback = playback
        self.phone.playing = True
        self.phone.settle()

    def stop(self) -> Playback | None:
        """Stop playing; what was playing."""
        playback, self.playback = self.playback, None
        self.phone.playing = False
        self.phone.settle()
        return playback

    def record(self, recorder: Recorder) -> None:
        """Keep what the phone says, until `recorder` has an end."""
        self.end_recording("stopped")
        self.phone.recorder = recorder
        self.look_at_recorder(None)

    def look_at_recorder(self, now: Micros | None) -> None:
        """Notice silence, the limit, and a disk that is full."""
        recorder = self.phone.recorder
        if recorder is None:
            return
        if now is not None:
            recorder.tick(now)
        if recorder.done is not None:
            self.phone.recorder = None
            self.facts.append(recorder.done)

    def end_recording(self, why: str) -> Recorded | None:
        """Keep no more; what was kept."""
        recorder = self.phone.recorder
        if recorder is None:
            return None
        done = recorder.end(why)
        self.look_at_recorder(None)
        return done

    def playout(self, packet: bytearray, now: Micros) -> int:
        """The packet of ours that is due now.

        Args:
            packet: buffer of at least `PACKET` octets, overwritten.

        Returns:
            Octets to send to the phone; 0 when another stream feeds it or it does not listen.
        """
        codec = self.phone.codec
        if codec is None:
            return 0
        payload: bytes | None = None
        marker = False
        if self.playback is not None:
            payload = self.playback.next(codec)
            marker, self.playback.fresh = self.playback.fresh, False
            if payload is None:
                self._finish()
        elif self.mix is not None:
            payload = self.mix.frame(self.call_id, codec, now)
        elif self.is_fed(now):
            return 0
        return self._write(packet, payload, marker, now)

    def keep_alive(self, packet: bytearray, now: Micros) -> int:
        """One frame of silence for a phone that hears nothing else; see `playout`."""
        if self.phone.codec is None or self.playback is not None or self._is_carried(now):
            return 0
        return self._write(packet, None, marker=False, now=now)

    def _write(self, packet: bytearray, payload: bytes | None, marker: bool, now: Micros) -> int:
        phone = self.phone
        if not phone.sending:
            return 0
        codec = phone.codec
        assert codec is not None
        packet[HEADER_OCTETS:PACKET] = payload or _SILENCE[codec]
        phone.line.write(packet, codec, marker, now)
        return PACKET

    def is_fed(self, now: Micros) -> bool:
        """Whether nothing of ours is due: another stream reaches the phone, or it sends nothing."""
        if self.playback is not None or self.mix is not None:
            return False
        heard_at = self.phone.heard_at
        return not heard_at or now - heard_at > LISTENS_MICROS or self._is_carried(now)

    def _is_carried(self, now: Micros) -> bool:
        line = self.phone.line
        return line.origin is not None and now - line.sent_at < BREATH_MICROS

    def tick(self, now: Micros, silence_seconds: int) -> None:
        """Notice a phone that fell silent or speaks again."""
        phone = self.phone
        if phone.codec is None or phone.description is None or not phone.description.speaks:
            return
        quiet = now - max(phone.heard_at, self.answered_at)
        if quiet < silence_seconds * SECOND:
            if self.silent:
                self.silent = False
                self.facts.append(Spoke(self.call_id))
        elif not self.silent:
            self.silent = True
            self.facts.append(WentSilent(self.call_id, quiet // SECOND))

    def _finish(self) -> None:
        playback = self.stop()
        if playback is not None:
            self.facts.append(Finished(self.call_id, playback.file, playback.id))
