"""Where a session stands, as one value that outlives a process.

Why: a restarted front end takes its callers back at the same node. Fields are only added, with a
default, so that a record of an older release can be read.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.units import Micros


class Phase(StrEnum):
    """Where a session stands; see the table above."""

    SAYING = "saying"
    PROMPTING = "prompting"
    COLLECTING = "collecting"
    ASKING = "asking"
    RECORDING = "recording"
    QUEUED = "queued"
    LEAVING = "leaving"
    TALKING = "talking"
    ENDED = "ended"


class Step(StrEnum):
    """Where in a `callback` node; see `calling_back.py`."""

    CALLER_ID = "caller_id"
    TYPING = "typing"
    CHECKING = "checking"
    CONFIRM = "confirm"
    PLACING = "placing"


class State(msgspec.Struct):
    """All of a session that its flow does not hold. `typed`, `ahead` and `digits` are personal."""

    flow: str
    revision: str
    node: str = ""
    phase: Phase = Phase.SAYING
    deadline: Micros | None = None
    settings: dict[str, str] = {}
    """Written by `set`: shown to the agent."""
    typed: dict[str, str] = {}
    """Written by `digits`: never leaves the call's own state."""
    facts: dict[str, str | bool | int] = {}
    customer: dict[str, str] = {}
    ahead: str = ""
    """Keys pressed before anything asked for them."""
    digits: str = ""
    """Keys of the `digits` node so far."""
    swallow: str = ""
    swallow_until: Micros = 0
    """A finish key pressed after the last possible digit belongs to that number."""
    step: Step = Step.CALLER_ID
    number: str = ""
    """To be called back at. Personal, as `typed` is."""
    attempts: int = 0
    steps: int = 0
    failures: int = 0
    play: int = 0
    announcement: int = 0
    estimated_at: Micros = 0
    place: int = 0
    promised_at: Micros | None = None
    """The estimate of her wait that was heard last; none is known when it is 0 or None."""
    said_place: int = 0
    said_range: int = 0
    """What she was told of it last; 0 for nothing."""
    speaking: bool = False
