"""Debian's `efax` at the other end: a T.30 of its own, behind a soft modem (T.31, class 1).

    efax ◄── characters, pty ──► T.31 modem ◄── samples ──► our end

Why: two ends of one library agree even where both are wrong. efax was written by somebody else, for
real modems. Its modem here is the same library's, but only its modulation: what is said over it,
and when, is efax's. Samples flow `PACE` times faster than on a telephone line, as fast as efax
answers: nothing waits for a clock but its own time limits. (A page must take it a second or more:
it divides by that.)
"""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import termios
import time
from pathlib import Path
from typing import Any

import cffi

from callcenter.adapters.fax.spandsp import LIBRARY
from callcenter.adapters.fax.terminal import FRAME, AudioFax

PACE = 2
FRAME_SECONDS = 0.02 / PACE
ANSWERED, CONNECTED = 3, 2
CALL, ANSWER, HANG_UP, CTS = 0, 1, 2, 7

DECLARATIONS = """
typedef struct at_state_s at_state_t;
typedef struct t31_state_s t31_state_t;
typedef int (*at_tx_handler_t)(at_state_t *s, void *user_data, const uint8_t *buf, size_t len);
typedef int (*t31_control_t)(t31_state_t *s, void *user_data, int op, const char *num);
typedef int (*t31_packet_t)(void *s, void *user_data, const uint8_t *buf, int len, int count);
t31_state_t *t31_init(t31_state_t *s, at_tx_handler_t tx, void *tx_data, t31_control_t control,
                      void *control_data, t31_packet_t packet, void *packet_data);
int t31_free(t31_state_t *s);
int t31_at_rx(t31_state_t *s, const char *t, int len);
int t31_rx(t31_state_t *s, int16_t *amp, int len);
int t31_tx(t31_state_t *s, int16_t *amp, int max_len);
void t31_set_transmit_on_idle(t31_state_t *s, int transmit_on_idle);
void t31_call_event(t31_state_t *s, int event);
"""


class Efax:
    """efax, its modem, and the line to an end of ours. `words` is what it printed."""

    def __init__(self, place: Path, *arguments: str) -> None:
        self._ffi: Any = cffi.FFI()
        self._ffi.cdef(DECLARATIONS)
        self._lib: Any = self._ffi.dlopen(LIBRARY)
        self._ours, theirs = pty.openpty()
        _make_raw(theirs)
        os.set_blocking(self._ours, False)
        self._clear_to_send = True
        self._event = 0
        self._say = self._ffi.callback(
            "int(at_state_t *, void *, const uint8_t *, size_t)", self._said
        )
        self._control = self._ffi.callback(
            "int(t31_state_t *, void *, int, const char *)", self._controlled
        )
        null = self._ffi.NULL
        self._modem = self._lib.t31_init(null, self._say, null, self._control, null, null, null)
        self._lib.t31_set_transmit_on_idle(self._modem, 1)
        self._buffer = self._ffi.new("int16_t[]", FRAME)
        self.words = ""
        self._log = (place / "efax.log").open("w+b")
        self.process = subprocess.Popen(
            ["efax", "-d", os.ttyname(theirs), "-h", "", *arguments],
            stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL, cwd=place,
        )  # fmt: skip
        self._theirs = theirs

    def _said(self, _at: Any, _data: Any, octets: Any, size: int) -> int:
        """The modem has characters for efax."""
        left = bytes(self._ffi.buffer(octets, size))
        while left:
            try:
                left = left[os.write(self._ours, left) :]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                break
        return 0

    def _controlled(self, _modem: Any, _data: Any, what: int, number: Any) -> int:
        """The modem wants something of the line."""
        if what in (CALL, ANSWER):
            self._event = CONNECTED if what == CALL else ANSWERED
        elif what == CTS:
            self._clear_to_send = number != self._ffi.NULL
        return 0

    def fax(self, end: AudioFax, seconds: float = 120) -> int:
        """Until both are done; its exit code. Raises `TimeoutError`."""
        began = due = time.monotonic()
        while self.process.poll() is None:
            if time.monotonic() - began > seconds:
                raise TimeoutError
            self._step(end)
            due = max(due + FRAME_SECONDS, time.monotonic() - 10 * FRAME_SECONDS)
            time.sleep(max(0, due - time.monotonic()))
        self._log.seek(0)
        self.words = self._log.read().decode("utf-8", "replace")
        return self.process.returncode

    def _step(self, end: AudioFax) -> None:
        if self._event:
            event, self._event = self._event, 0
            self._lib.t31_call_event(self._modem, event)
        if self._clear_to_send:
            self._pass_characters()
        made = self._lib.t31_tx(self._modem, self._buffer, FRAME)
        theirs = bytes(self._ffi.buffer(self._buffer)[: made * 2])
        ours = end.speak()
        end.hear(theirs + bytes(FRAME * 2 - len(theirs)))
        self._lib.t31_rx(self._modem, self._ffi.from_buffer("int16_t[]", bytearray(ours)), FRAME)

    def _pass_characters(self) -> None:
        try:
            data = os.read(self._ours, 256)
        except OSError as nothing:
            if nothing.errno not in (errno.EAGAIN, errno.EIO):
                raise
            return
        self._lib.t31_at_rx(self._modem, data, len(data))

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._lib.t31_free(self._modem)
        self._log.close()
        os.close(self._ours)
        os.close(self._theirs)


def _make_raw(terminal: int) -> None:
    """No echo, no lines, every octet."""
    settings = termios.tcgetattr(terminal)
    settings[0] = settings[1] = settings[3] = 0
    settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
