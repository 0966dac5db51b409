"""A contact's steps in words.

Why: a supervisor reads sentences, not codes; one table holds all of them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from callcenter.domain.units import SECOND
from callcenter.records.contact_record import Step
from callcenter.records.day import as_time


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line as a screen shows it."""

    at: datetime
    code: str
    words: str


def _seconds(facts: dict[str, Any], name: str) -> str:
    return f"{facts.get(name, 0) / SECOND:.0f} s"


def _plain(text: object) -> str:
    return str(text).replace("_", " ")


def _who(facts: dict[str, Any]) -> str:
    return f"Agent {facts.get('agent', '')}" if facts.get("by_agent", True) else "The caller"


def _offered(facts: dict[str, Any]) -> str:
    why = f": {facts['why']}" if facts.get("why") else ""
    return f"Offered to {facts.get('agent')} for {facts.get('seconds')} s{why}"


def _needs(facts: dict[str, Any]) -> str:
    skills = ", ".join(f"{name} {level}" for name, level in (facts.get("skills") or {}).items())
    return f", needs {skills}" if skills else ""


def _queued(facts: dict[str, Any]) -> str:
    alone = f"; for {facts['agent']} alone at first" if facts.get("agent") else ""
    hears = f"; hears announcement {facts['announcement']}" if facts.get("announcement") else ""
    waits = f"Waits in {facts.get('queue')} with priority {facts.get('priority')}"
    return f"{waits}{_needs(facts)}{alone}{hears}"


def _moved(facts: dict[str, Any]) -> str:
    how = f"moved by {facts['by']}" if facts.get("by") else "overflowed"
    return (
        f"Left {facts.get('left')} after {_seconds(facts, 'waited')}: {how} to "
        f"{facts.get('queue')}, waits on there{_needs(facts)}"
    )


def _widened(facts: dict[str, Any]) -> str:
    after = f"After {facts.get('after_seconds')} s"
    if facts.get("refused"):
        return f"{after}: waits on where it is, {_plain(facts['refused'])}"
    others = ", ".join(
        [*(facts.get("agents") or ()), *(f"team {team}" for team in facts.get("teams") or ())]
    )
    also = f", may go to {others} too" if others else ""
    return f"{after} in a wider ring: priority {facts.get('priority')}{_needs(facts)}{also}"


_OUTSIDE = {
    "not_allowed": "may not call the number",
    "dialled": "has it dialled",
    "answered": "reached it",
    "busy": "found it busy",
    "no_answer": "got no answer",
    "failed": "could not be connected",
    "given_up": "gave it up",
    "over": "has left the number, or it has gone",
}


def _outside(facts: dict[str, Any]) -> str:
    kind = {"transfer": "To hand it on, ", "consult": "To ask, "}.get(str(facts.get("kind")), "")
    stage = _OUTSIDE.get(str(facts.get("stage")), _plain(facts.get("stage")))
    by = f" by trunk {facts['trunk']}" if facts.get("trunk") else ""
    duty = f" ({facts['duty']} on duty)" if facts.get("duty") else ""
    return f"Outside number{by}{duty}: {kind}{facts.get('agent')} {stage}"


_LETTERS = {
    "waiting": "Our answer is to go out",
    "due": "Our answer goes out",
    "sent": "Our answer was sent",
    "unsure": "Our answer may have been sent: the mail server's word was lost",
    "failed": "Our answer could not be sent",
    "cancelled": "Our answer was taken back",
    "returned": "Our answer came back: it was not delivered",
}

_FAXES = {
    "waiting": "waits for its time",
    "due": "the number is called",
    "sent": "sent",
    "unsure": "nobody knows whether the rest arrived",
    "failed": "not sent",
    "cancelled": "taken back",
}


def _fax(facts: dict[str, Any]) -> str:
    stage = _FAXES.get(str(facts.get("stage")), str(facts.get("stage")))
    attempt = f"Attempt {facts['attempt']}: " if facts.get("attempt") else "Our fax: "
    outcome = f", {_plain(facts['outcome'])}" if facts.get("outcome") else ""
    there = f"{facts.get('confirmed')} of {facts.get('pages')} pages there"
    return f"{attempt}{stage}{outcome}; {there}"


WORDS: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "arrived": "Arrived by {channel} for {dialled}",
    "placed": "A callback for the caller of {origin}",
    "callback": "Will be called back: contact {contact}",
    "faxed": "A fax of ours, {pages} pages, by {by}",
    "answered_by_fax": "Is answered by fax: contact {contact}",
    "fax": _fax,
    "callback_refused": "No callback from {queue}: {reason}",
    "customer_busy": "{agent} was ready to talk, the customer's phone was busy",
    "customer_no_answer": "{agent} was ready to talk, the customer did not answer",
    "customer_failed": "{agent} was ready to talk, the call to the customer failed",
    "tried": lambda f: (
        f"Attempt {f.get('attempt')}: "
        + (f"once more at {as_time(f['again']):%H:%M} UTC" if f.get("again") else "the last one")
    ),
    "flow": "Flow {flow} began, revision {revision}",
    "node": "Flow at {node}",
    "digits": "Typed {count} digits at {node}",
    "customer": "Known as customer {customer}",
    "queued": _queued,
    "moved": _moved,
    "widened": _widened,
    "priority": lambda f: (
        f"Priority {f.get('priority')} from now on" + (f", by {f['by']}" if f.get("by") else "")
    ),
    "assigned": lambda f: (
        f"Waits for {f.get('agent')} alone" + (f", by {f['by']}" if f.get("by") else "")
    ),
    "asks": "{asked_by} asks {agent}",
    "not_reached": lambda f: (
        f"{f.get('agent')} was not reached: {_plain(f.get('outcome') or f.get('reason'))}"
    ),
    "calls": "{agent} calls a number outside",
    "outside": _outside,
    "consulted": "{agent} is in the call, too",
    "handed_over": "{agent} has it from now on",
    "conference": lambda f: "All hear each other" if f.get("joined") else "No conference any more",
    "transferred": lambda f: (
        f"{f.get('agent')} handed it on to {f.get('to') or f.get('queue')}"
        + (f", by {f['by']}" if f.get("by") and f["by"] != f.get("agent") else "")
    ),
    "released": "Waited for {agent} alone for long enough: others may have it",
    "refused": lambda f: f"Could not wait in {f.get('queue')}: {_plain(f.get('exit'))}",
    "left_queue": lambda f: (
        f"Left {f.get('queue')} after {_seconds(f, 'waited')}: {_plain(f.get('exit'))}"
    ),
    "offered": _offered,
    "confirmed": lambda f: (
        f"{f.get('agent')} had it by not saying no in time"
        if f.get("by_time")
        else f"{f.get('agent')} looked at it and will have it"
    ),
    "declined": "{agent} declined",
    "busy": "{agent} was busy on the phone",
    "unreachable": "The phone of {agent} did not answer",
    "failed": "{agent} could not be rung: a failure on our side",
    "expired": "Rang at {agent} without an answer; back in its place",
    "rescinded": lambda f: f"No longer rings at {f.get('agent')}: {_plain(f.get('reason'))}",
    "answered": lambda f: f"{f.get('agent')} answered after {_seconds(f, 'waited')}",
    "held": lambda f: f"{_who(f)} put the call on hold",
    "resumed": lambda f: f"{_who(f)} took the call back",
    "segment_ended": lambda f: (
        f"{f.get('agent')} done after {_seconds(f, 'talked')}: {_plain(f.get('reason'))}"
    ),
    "reply": "The customer wrote again",
    "letter": lambda f: (
        f"{_LETTERS.get(str(f.get('stage')), _plain(f.get('stage')))}"
        + (f" ({f['agent']})" if f.get("agent") else " (by itself)")
        + (f": {f['reason']}" if f.get("reason") else "")
    ),
    "aside": lambda f: (
        f"{f.get('agent')} put it aside until {as_time(f.get('until', 0)):%Y-%m-%d %H:%M} UTC"
    ),
    "wrap_up": "{agent} wraps up",
    "wrapped": lambda f: f"{f.get('agent')} wrapped up in {_seconds(f, 'wrapped')}",
    "disposition": "{agent} filed it as {disposition}",
    "ended": lambda f: f"Ended {_plain(f.get('result'))}: {_plain(f.get('reason'))}",
    "more": "More steps than are kept",
}


def in_words(steps: Sequence[Step]) -> list[Line]:
    """The timeline; a code of a newer version is shown as it is."""
    return [Line(at=as_time(s.at), code=s.code, words=_line(s)) for s in steps]


def _line(step: Step) -> str:
    words = WORDS.get(step.code, _plain(step.code))
    if callable(words):
        return words(step.facts)
    try:
        return words.format(**step.facts)
    except (KeyError, IndexError):
        return _plain(step.code)
