"""`callcenter softphone`: a telephone in a terminal, to try a center without any other program.

Why: the first thing a new operator wants is to call in and hear the menu, and to be called. The
phone is pyVoIP (`foreign.py`), so it also shows that somebody else's stack works with this
server. Audio comes from and goes to WAV files (8 kHz, mono); without files it sends a quiet tone
and reports how loud the other side was. Keys typed on the terminal are pressed on the keypad.
"""

from __future__ import annotations

import audioop
import contextlib
import json
import select
import socket
import sys
import threading
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from callcenter.app.addresses import host_port
from callcenter.app.phones.add import add
from callcenter.app.phones.tones import CALLER_TONES

if TYPE_CHECKING:
    from callcenter.app.phones.foreign import ForeignCall, ForeignPhone

TONE = bytes(round(128 + 20 * np.sin(2 * np.pi * CALLER_TONES[2] * n / 8000)) for n in range(160))
KEYS = "0123456789*#ABCD"
FRAME = 160
FRAME_SECONDS = 0.02
REGISTER_SECONDS = 10.0
RTP_PORTS = 20
"""pyVoIP takes one of them by chance for each call and gives it back late."""


def free_port() -> int:
    """A UDP port of loopback that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> tuple[int, int]:
    """First and last of `count` neighbouring UDP ports of loopback that nobody uses."""
    for _ in range(100):
        first = 20000 + 2 * (free_port() % 5000)
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    held.enter_context(probe).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first, first + count - 1
    raise click.ClickException(f"there are no {count} free UDP ports in a row")


def not_registered(server: str, user: str, status: int) -> str:
    """Why the phone is of no use yet, and what to do about it."""
    if not status:
        return (
            f"no answer from {server}: start the center there (`callcenter run`, `callcenter demo`) "
            "or give the address it listens on with --server HOST:PORT"
        )
    if status == 403:
        return (
            f"{server} answered 403 to {user}: too many wrong passwords were tried for it; "
            "wait a minute, then try again with the right one"
        )
    if status == 401:
        return (
            f"{server} answered 401 to {user}: check the user and the password (--password or "
            "$SOFTPHONE_PASSWORD), and that the agent's phone_profile is `legacy`"
        )
    return f"{server} answered {status} to the registration of {user}"


class Session:
    """One phone, one call at a time, and what is said about it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.call: ForeignCall | None = None
        self.heard_frames = 0
        self.loudest = 0.0
        self.keys_received = ""
        self._answered = threading.Event()
        self._recording: wave.Wave_write | None = None

    def say(self, text: str) -> None:
        """Tell the person; JSON mode keeps standard output for the result."""
        click.echo(text, err=True)

    def open(self, on_call: Any = None) -> ForeignPhone:
        """Register. Raises `click.ClickException` when the server refuses or says nothing."""
        from callcenter.app.phones.foreign import ForeignPhone, NotRegistered

        server, user = self.settings["server"], self.settings["user"]
        if not user:
            raise click.UsageError("say whose phone it is: softphone --user ID …")
        try:
            host, port = host_port(server)
        except ValueError as wrong:
            raise click.BadParameter(str(wrong), param_hint="--server") from wrong
        phone = ForeignPhone(
            (host, port), user, self.settings["password"],
            address=self.settings["address"], sip_port=self.settings["sip_port"] or free_port(),
            rtp_ports=free_ports(RTP_PORTS), on_call=on_call,
        )  # fmt: skip
        try:
            phone.register_within(REGISTER_SECONDS)
        except NotRegistered as wrong:
            raise click.ClickException(not_registered(server, user, wrong.status)) from wrong
        self.say(f"Registered as {user} at {server}.")
        return phone

    def converse(self, seconds: float, press: str, play: Path | None, record: Path | None) -> None:
        """Stay in the call: play, record, press keys, until it ends or time is up."""
        from pyVoIP.VoIP.VoIP import CallState

        assert self.call is not None
        if record:
            self._recording = wave.open(str(record), "wb")  # noqa: SIM115 - closed at the end
            self._recording.setparams((1, 2, 8000, 0, "NONE", ""))
        threading.Thread(target=self._speak, args=(play,), daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()
        end = time.monotonic() + seconds
        pending = list(press)
        next_key = time.monotonic() + 1.0
        while self.call.state == CallState.ANSWERED and time.monotonic() < end:
            if pending and time.monotonic() >= next_key:
                key = pending.pop(0)
                if key in KEYS:
                    self.call.press(key)
                next_key = time.monotonic() + (1.0 if key == "," else 0.4)
            self._typed()
            self.keys_received += self.call.get_dtmf()
            time.sleep(0.05)
        if self.call.state == CallState.ANSWERED:
            self.call.hangup()
        if self._recording:
            self._recording.close()

    def _typed(self) -> None:
        if self.call is None or not sys.stdin.isatty():
            return
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        if ready:
            self.call.press("".join(c for c in sys.stdin.readline().upper() if c in KEYS))

    def _speak(self, play: Path | None) -> None:
        from pyVoIP.VoIP.VoIP import CallState

        assert self.call is not None
        sound = read_wav(play) if play else TONE * 50
        due = time.monotonic()
        place = 0
        while self.call.state == CallState.ANSWERED:
            chunk = sound[place : place + 800]
            place = place + 800 if place + 800 < len(sound) else (len(sound) if play else 0)
            self.call.write_audio(chunk.ljust(800, b"\x80"))
            due += 0.1
            time.sleep(max(0.0, due - time.monotonic()))

    def _listen(self) -> None:
        from pyVoIP.VoIP.VoIP import CallState

        assert self.call is not None
        due = time.monotonic()
        while self.call.state == CallState.ANSWERED:
            data = self.call.read_audio(FRAME, blocking=False)
            self.heard_frames += data != b"\x80" * FRAME
            linear = audioop.lin2lin(audioop.bias(data, 1, -128), 1, 2)
            self.loudest = max(self.loudest, float(audioop.rms(linear, 2)))
            if self._recording:
                try:
                    self._recording.writeframes(linear)
                except (ValueError, OSError):
                    return
            due += FRAME_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))

    def report(self, outcome: str) -> dict[str, Any]:
        """What is told at the end."""
        return {
            "outcome": outcome,
            "heard_seconds": round(self.heard_frames * 0.02, 2),
            "loudest_rms": round(self.loudest),
            "keys_received": self.keys_received,
        }


def read_wav(path: Path) -> bytes:
    """A WAV file as 8-bit unsigned mono at 8 kHz. Raises `click.BadParameter` for anything else."""
    try:
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels()) != (8000, 1):
                raise click.BadParameter(f"{path}: must be 8000 Hz, one channel")
            data, width = file.readframes(file.getnframes()), file.getsampwidth()
    except (wave.Error, OSError, EOFError) as error:
        raise click.BadParameter(f"{path}: not a WAV file that can be read ({error})") from error
    return data if width == 1 else audioop.bias(audioop.lin2lin(data, width, 1), 1, 128)


def finish(session: Session, phone: ForeignPhone, outcome: str, *, as_json: bool) -> None:
    """Report and put the phone away. Exit code 1 when there was no conversation."""
    phone.stop()
    report = session.report(outcome)
    if as_json:
        click.echo(json.dumps(report))
    else:
        session.say(
            f"{outcome}. Heard {report['heard_seconds']} s, loudest {report['loudest_rms']} of "
            f"32767. Keys received: {report['keys_received'] or 'none'}."
        )
    if outcome not in ("talked", "registered"):
        sys.exit(1)


@click.group()
@click.option("--server", default="127.0.0.1:5060", show_default=True, help="host:port")
@click.option("--user", default="", help="The agent's id.")
@click.option("--password", default="", envvar="SOFTPHONE_PASSWORD", help="Or $SOFTPHONE_PASSWORD.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Our own address.")
@click.option("--sip-port", default=0, help="Our own SIP port; a free one by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def softphone(context: click.Context, /, **settings: Any) -> None:
    """A telephone in the terminal: register, call, be called, press keys."""
    context.obj = settings


softphone.add_command(add)


@softphone.command()
@click.option("--seconds", default=5.0, show_default=True, help="Stay registered this long.")
@click.pass_obj
def register(settings: dict[str, Any], seconds: float) -> None:
    """Register and stay reachable for a while."""
    session = Session(settings)
    phone = session.open()
    time.sleep(seconds)
    finish(session, phone, "registered", as_json=settings["as_json"])


@softphone.command()
@click.argument("number")
@click.option("--press", default="", help="Keys to press, a comma is one second: `1,,2`.")
@click.option("--play", type=click.Path(exists=True, path_type=Path), help="WAV to send.")
@click.option("--record", type=click.Path(path_type=Path), help="WAV to write what is heard to.")
@click.option("--seconds", default=60.0, show_default=True, help="Hang up after this long.")
@click.pass_obj
def call(
    settings: dict[str, Any],
    number: str,
    press: str,
    play: Path | None,
    record: Path | None,
    seconds: float,
) -> None:
    """Call NUMBER and talk. Type keys and Enter to press them."""
    from pyVoIP.VoIP.VoIP import CallState

    session = Session(settings)
    phone = session.open()
    session.call = made = phone.call(number)
    session.say(f"Calling {number} …")
    deadline = time.monotonic() + 60
    while made.state == CallState.DIALING and time.monotonic() < deadline:
        time.sleep(0.05)
    if made.state != CallState.ANSWERED:
        made.cancel()
        finish(session, phone, f"no answer ({made.status})", as_json=settings["as_json"])
        return
    session.say("Answered.")
    session.converse(seconds, press, play, record)
    finish(session, phone, "talked", as_json=settings["as_json"])


@softphone.command()
@click.option("--press", default="", help="Keys to press once answered.")
@click.option("--play", type=click.Path(exists=True, path_type=Path), help="WAV to send.")
@click.option("--record", type=click.Path(path_type=Path), help="WAV to write what is heard to.")
@click.option("--seconds", default=60.0, show_default=True, help="Hang up after this long.")
@click.option("--wait", default=300.0, show_default=True, help="Wait this long to be called.")
@click.option("--ready", is_flag=True, help="Dial *11 first, so that calls are offered.")
@click.pass_obj
def answer(
    settings: dict[str, Any],
    press: str,
    play: Path | None,
    record: Path | None,
    seconds: float,
    wait: float,
    ready: bool,
) -> None:
    """Wait to be called, answer, talk."""
    from pyVoIP.VoIP.VoIP import CallState

    session = Session(settings)
    rang: list[ForeignCall] = []
    phone = session.open(rang.append)
    if ready:
        code = phone.call("*11")
        deadline = time.monotonic() + 8
        while code.state != CallState.ENDED and time.monotonic() < deadline:
            time.sleep(0.05)
    deadline = time.monotonic() + wait
    while not rang and time.monotonic() < deadline:
        time.sleep(0.05)
    if not rang or rang[0].state != CallState.RINGING:
        finish(session, phone, "nobody called", as_json=settings["as_json"])
        return
    session.call = rang[0]
    rang[0].answer()
    session.say("Answered.")
    session.converse(seconds, press, play, record)
    finish(session, phone, "talked", as_json=settings["as_json"])
