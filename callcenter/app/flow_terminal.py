"""`callcenter flow run`: the caller is a person at a terminal, or lines from a pipe.

Why: an author wants to hear a flow before a caller does, without a telephone. At a terminal time is
real and every key acts at once; from a pipe time is virtual, each line is what the caller does next
(`12#`, `wait 5s`, `listen`, `queue answered`, `hangup`), and after the last line the caller only
listens.
"""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from callcenter.domain.events import QueueExit
from callcenter.domain.units import SECOND, Micros
from callcenter.ivr.play import Caller, World
from callcenter.ivr.read_tests import WAIT_MAX
from callcenter.ivr.session import Action, AskCallback, Enqueue, Enter, HangUp, Say
from callcenter.ivr.shape import KEYS, Flow
from callcenter.ivr.test import span_of

EXIT_KEYS = {exit_.value[0]: exit_ for exit_ in QueueExit}
"""At a terminal: a answered, t timeout, f full, u unstaffed, c closed, l left."""
HELP = "keys 0-9 * #; in a queue: a answered, t timeout, f full, u unstaffed, c closed; q hangs up"
POLL_SECONDS = 0.2

Print = Callable[[str], None]


class WrongLine(ValueError):
    """A line of the pipe that is nothing a caller can do."""


def describe(action: Action, now: Micros) -> str:
    """One line about what happened, or nothing."""
    at = f"{now / SECOND:7.1f}s  "
    if isinstance(action, Enter):
        return f"{at}[{action.node}]"
    if isinstance(action, Say):
        return "\n".join(f"{at}  “{text}”" for text in action.texts)
    if isinstance(action, Enqueue):
        words = ", ".join(f"{name}={value}" for name, value in action.attributes.items())
        return f"{at}  waiting in queue {action.queue} ({words})"
    if isinstance(action, AskCallback):
        return f"{at}  asks to be called back ({len(action.number)} digits)"
    if isinstance(action, HangUp):
        return f"{at}  the flow hangs up ({action.reason.value})"
    return ""


def run_lines(flow: Flow, world: World, lines: Iterable[str], say: Print) -> Caller:
    """Play a call from lines, on a virtual clock.

    Raises:
        WrongLine: a line cannot be understood; it is named with its number.
    """
    caller = Caller(flow, world, _watch(say))
    for number, line in enumerate(lines, 1):
        words = line.split()
        if caller.over:
            break
        if words:
            _do_line(caller, words, number)
    if not caller.over:
        caller.rest()
    return caller


def _do_line(caller: Caller, words: list[str], number: int) -> None:
    first, *rest = words
    if first in ("hangup", "hang_up") and not rest:
        caller.hang_up()
    elif first == "listen" and not rest:
        caller.listen()
    elif first == "wait" and len(rest) == 1:
        caller.advance(_span(rest[0], number))
    elif first == "queue" and len(rest) == 1 and rest[0] in {e.value for e in QueueExit}:
        caller.rest()
        if caller.waiting:
            caller.leave_queue(QueueExit(rest[0]))
    elif not rest and set(first) <= set(KEYS):
        caller.press(first)
    else:
        what = " ".join(words)[:40]
        message = f"line {number}: {what!r} is nothing a caller can do"
        raise WrongLine(f"{message} (12#, wait 5s, listen, queue answered, hangup)")


def _span(text: str, number: int) -> Micros:
    try:
        span = span_of(text if text[-1:].isalpha() else text + "s")
    except (ValueError, KeyError):
        span = -1
    if not 0 <= span <= WAIT_MAX:
        raise WrongLine(f"line {number}: {text!r} is no time up to 2 hours; write 5s or 2m")
    return span


def run_terminal(flow: Flow, world: World, say: Print) -> Caller:
    """Play a call with the keys of this terminal, in real time. Ctrl-C hangs up."""
    say(HELP)
    with _keys_at_once():  # before the first word: who types at once must be heard
        caller = Caller(flow, world, _watch(say))
        begun = time.monotonic()
        try:
            while not caller.over:
                wait = POLL_SECONDS
                if (at := caller.next_time) is not None:
                    elapsed = time.monotonic() - begun
                    wait = min(wait, max(0.0, at / SECOND - elapsed))
                ready, _, _ = select.select([sys.stdin], [], [], wait)
                caller.advance(round((time.monotonic() - begun) * SECOND) - caller.now)
                if ready:
                    _do_keys(caller, os.read(sys.stdin.fileno(), 64).decode("ascii", "ignore"))
        except KeyboardInterrupt:
            caller.hang_up()
    return caller


def _do_keys(caller: Caller, keys: str) -> None:
    if not keys:
        caller.hang_up()
    for key in keys:
        if caller.over:
            return
        if key == "q":
            caller.hang_up()
        elif key in KEYS:
            caller.press(key)
        elif key in EXIT_KEYS and caller.waiting:
            caller.leave_queue(EXIT_KEYS[key])


def _watch(say: Print) -> Callable[[Action, Micros], None]:
    def watch(action: Action, now: Micros) -> None:
        if line := describe(action, now):
            say(line)

    return watch


@contextmanager
def _keys_at_once() -> Iterator[None]:
    """The terminal gives each key as it is pressed; whatever happens it is put back."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd, termios.TCSADRAIN)  # keeps what was typed ahead
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
