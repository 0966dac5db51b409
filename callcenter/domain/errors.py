"""What can go wrong, as one tree.

    CallcenterError
    ├── RemoteError          somebody else did wrong; carries what to answer
    │   └── sip.errors.SipError (status, reason phrase)
    ├── WrongInput           a file or a setting is wrong: file, line, column, remedy
    └── LocalError           we did wrong: ends the contact, never the process

An *outcome* (busy, no answer, hung up) is no error: it is a `Termination` or an event.
"""

import msgspec


class CallcenterError(Exception):
    """Root of everything we raise on purpose."""


class RemoteError(CallcenterError):
    """A peer sent what it must not; the subclass carries the reply."""


class LocalError(CallcenterError):
    """An impossible state of ours. Ends the contact it belongs to, never the process."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one place of a file, and what to do about it.

    `line` and `column` count from 1; 0 where the place is not known.
    """

    file: str
    line: int = 0
    column: int = 0
    field: str = ""
    message: str
    hint: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        name = f" {self.field}:" if self.field else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.severity}:{name} {self.message}{hint}"


class WrongInput(CallcenterError):
    """A file that cannot be taken. Nothing of it was applied."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems
