"""Who ends with whom: programs that do not outlive their starter, and the signals that mean it.

Why: a terminal that is closed, or a `kill -9`, must not leave a store or a whole center behind
that holds ports and files. The kernel's death signal needs no cooperation of the program.
Source: prctl(2) PR_SET_PDEATHSIG; it is kept over execve(2) and belongs to the thread that forks,
so start such a program from the main thread.
"""

from __future__ import annotations

import os
import signal
import sys

_HELPER = (
    "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,int(sys.argv[1]));"
    "os.getppid()==int(sys.argv[2]) or os._exit(1);os.execvp(sys.argv[3],sys.argv[3:])"
)
"""Asks for the death signal, makes sure that it is not too late, then becomes the program."""


def mortal(*words: str, by: signal.Signals = signal.SIGTERM) -> list[str]:
    """The command line of a program that gets the signal `by` when this process ends."""
    return [sys.executable, "-I", "-S", "-c", _HELPER, str(int(by)), str(os.getpid()), *words]


def ending_signals() -> tuple[signal.Signals, ...]:
    """What asks a program to end in order: SIGTERM, Ctrl-C, and a terminal that is closed.

    Whoever was started with `nohup` goes on without its terminal.
    """
    asked = (signal.SIGTERM, signal.SIGINT)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return asked
    return (*asked, signal.SIGHUP)
