"""What the demo can prove at its end: the server's own count beside what the phones heard.

Why: a summary that only repeats the server's numbers proves nothing. The counts come from the
API, the proof from the tones, the ledger from each call beside its contact; where they differ it
is said, and the exit code says it too.

Terms (counted per queue visit): offered = answered + abandoned + flowed_out + callbacks + waiting.
A callback is a contact of its own: its visit is offered, and counted under callbacks when it is over.
Those that still wait when the demo ends keep waiting; nobody is on their line.
Beside ours there may be others: whoever calls the demo or answers as its free agent is counted by
the server, but no tone proves them (`answered_by_people`, `others`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from callcenter.app.demo.center import CHAT, VISITOR
from callcenter.app.demo.ledger import Ledger, Row, lay_together
from callcenter.app.phones.line import BEAT
from callcenter.app.phones.people import Heard, cross_talk, proved

COUNTS = ("offered", "answered", "abandoned", "flowed_out", "callbacks", "waiting")
SHORT_SECONDS = 1.0
"""A conversation shorter than this cannot be proved by three windows of 100 ms each way."""
SHORT_MAX = 2
SHORT_EVERY = 20
"""So many conversations may be that short: two, and one more in twenty."""
HELD_UP_SECONDS = 1.0
"""From so much on, silence may be this machine's doing: its phones did not get to speak."""
ENDED_BY_THE_CENTER = ("flowed_out", "refused")
"""Results of contacts that the center ends while the caller is still there."""


def heard(documents: Iterable[dict[str, Any]]) -> list[Heard]:
    """Records of phones, back from JSON (whose keys are strings)."""
    return [
        Heard(**{**d, "tones": {int(tone): n for tone, n in d["tones"].items()}}) for d in documents
    ]


def summarize(
    queues: list[dict[str, Any]],
    contacts: list[Row],
    phones: list[dict[str, Any]],
    unregistered: Sequence[str] = (),
) -> dict[str, Any]:
    """The summary document.

    Args:
        queues: rows of `/api/v1/queues`.
        contacts: rows of `/api/v1/contacts`, all of them, alive and ended.
        phones: `result` lines of the processes that hold the phones.
        unregistered: agents whose phone the center no longer hears though it is there.
    """
    written = [q for q in queues if q.get("id") == CHAT]
    queues = [q for q in queues if q.get("id") != CHAT]
    totals = {name: sum(int(q[name]) for q in queues) for name in COUNTS}
    callers = heard(d for p in phones for d in p.get("callers", []))
    agents = heard(d for p in phones for d in p.get("agents", []))
    back = heard(d for p in phones for d in p.get("called_back", []))
    callbacks = [row for row in contacts if row.get("origin")]
    chats = [row for row in contacts if row.get("channel") == "chat"]
    calls = [row for row in contacts if not row.get("origin") and row not in chats]
    ledger = lay_together(callers, calls)
    in_target = sum(int(q["answered_in_target"]) for q in queues)
    counted = (
        totals["answered"] + totals["abandoned"] - sum(int(q["short_abandoned"]) for q in queues)
    )
    waits = [(q["asa_seconds"] or 0.0, int(q["answered"])) for q in queues]
    lost = [c["contact"] for c in contacts if c["result"] in ("lost", "failed")]
    return {
        **totals,
        "lost": len(lost),
        **_proof(callers, back, agents, totals["answered"]),
        **_callbacks(callbacks, back),
        **_chats(written, chats, [told for p in phones for told in p.get("chats", [])]),
        "service_level": round(in_target / counted, 4) if counted else None,
        "asa_seconds": _mean(waits),
        **_ledger(ledger, callers),
        "placed": sum(int(p.get("placed", 0)) for p in phones),
        "contacts": len(contacts),
        "lost_contacts": lost,
        "cross_talk": cross_talk(callers, agents),
        "held_up_seconds": round(sum(p.get("late_frames", 0) for p in phones) * BEAT, 1),
        "unregistered": list(unregistered),
        "phone_failures": [
            *(h.outcome for h in callers if h.outcome.startswith(("refused", "failed"))),
            *(f for p in phones for f in p.get("failures", [])),
        ],
    }


def _proof(
    callers: list[Heard], back: list[Heard], agents: list[Heard], answered: int
) -> dict[str, Any]:
    """Which conversations were heard at both ends, and which were too short to be."""
    pairs, back_pairs = proved(callers, agents), proved(back, agents)
    proved_agents = {id(agent) for _, agent in (*pairs, *back_pairs)}
    return {
        "audio_verified": len(pairs),
        "callbacks_verified": len(back_pairs),
        "audio_too_short": sum(
            id(agent) not in proved_agents and agent.ended - agent.answered < SHORT_SECONDS
            for agent in agents
        ),
        "audio_too_short_max": SHORT_MAX + answered // SHORT_EVERY,
    }


def _callbacks(rows: list[Row], back: list[Heard]) -> dict[str, Any]:
    """What became of promises, by the center's account and by the customers'."""
    return {
        "callbacks_placed": len(rows),
        "callbacks_waiting": sum(row["state"] in ("waiting", "ringing") for row in rows),
        "callbacks_reached": sum(row["state"] == "talking" or _reached(row) for row in rows),
        "callbacks_talked": len(back),
        "called_back": sum(_reached(row) for row in rows),
    }


def _chats(
    queues: list[dict[str, Any]], rows: list[Row], told: list[dict[str, Any]]
) -> dict[str, Any]:
    """What became of chats, by the center's account and by the visitors'. They have a queue of their
    own, which is none of the calls' books."""
    known = {row["contact"] for row in rows}
    return {
        "chats": len(rows),
        "chats_offered": sum(int(q["offered"]) for q in queues),
        "chats_parts": sum(int(q[part]) for q in queues for part in COUNTS[1:]),
        "chats_answered": sum(int(q["answered"]) for q in queues),
        "chats_waiting": sum(int(q["waiting"]) for q in queues),
        "chats_told": len(told),
        "chats_whole": sum(one["whole"] for one in told),
        "chats_talked": sum(one["outcome"] == "talked" for one in told),
        "chats_strange": [one["contact"] for one in told if one["contact"] not in known],
    }


def _reached(row: Row) -> bool:
    return bool(row["result"] == "served" and row["agent"])


def _ledger(ledger: Ledger, callers: list[Heard]) -> dict[str, Any]:
    """How the calls went by the callers' own account, and where the center's differs."""
    outcomes = Counter(h.outcome for h in callers)
    ended = [(h, row) for h, row in ledger.pairs if h.outcome == "ended"]
    living = [row for _, row in ledger.pairs if row["state"] != "ended"]
    people = [
        row
        for row in (*ledger.others, *(row for _, row in ledger.pairs))
        if _by_people(row, ledger)
    ]
    return {
        "known": len(ledger.pairs),
        "recorded": len(callers),
        "talked": outcomes["talked"],
        "left": outcomes["left"],
        "promised": outcomes["promised"],
        "ended": outcomes["ended"],
        "drained": outcomes["drained"],
        "refused": sum(h.outcome.startswith("refused") for h in callers),
        "refused_unknown": sum(_was_refused(h) for h in ledger.unknown),
        "surplus": [row["contact"] for row in ledger.surplus],
        "active": [row["contact"] for row in living if row["state"] != "waiting"],
        "unfinished": [h.who for h in callers if h.outcome == "unfinished"],
        "unexplained": [
            f"{row['contact']} ({row['result'] or row['state']}, {row['reason'] or 'no reason'})"
            for _, row in ended
            if not _explains(row)
        ],
        "ended_by": dict(Counter(row["reason"] for _, row in ended)),
        "answered_by_people": len(people),
        "others": len(ledger.others),
        "others_waiting": sum(row["state"] in ("waiting", "ringing") for row in ledger.others),
    }


def _was_refused(caller: Heard) -> bool:
    """Whether she was told a status; `refused 0` is no answer at all."""
    kind, _, status = caller.outcome.partition(" ")
    return kind == "refused" and status.isdigit() and int(status) >= 300


def _by_people(row: Row, ledger: Ledger) -> bool:
    """Whether somebody we do not play had a part in an answered call."""
    answered = row["state"] == "talking" or (row["result"] == "served" and row["agent"])
    return bool(answered) and (row["agent"] == VISITOR or row in ledger.others)


def _explains(row: Row) -> bool:
    """Whether the contact's own ending says why a caller who heard no agent was cut off."""
    if row["result"] in ENDED_BY_THE_CENTER or row["reason"] == "flow_hung_up":
        return True
    at_once = row["talked_seconds"] < SHORT_SECONDS or row["agent"] == VISITOR
    return bool(row["reason"] == "agent_hung_up" and at_once)


def _mean(waits: list[tuple[float, int]]) -> float | None:
    answered = sum(n for _, n in waits)
    return round(sum(wait * n for wait, n in waits) / answered, 2) if answered else None


def complaints(summary: dict[str, Any]) -> list[str]:
    """Why this run is no success, in words; empty when it is one."""
    found = [*_of_the_sum(summary), *_of_the_calls(summary), *_of_the_audio(summary)]
    found += _of_the_callbacks(summary)
    found += _of_the_chats(summary)
    if summary["lost"]:
        found.append(f"{summary['lost']} contacts lost: {_some(summary['lost_contacts'])}")
    if gone := summary["unregistered"]:
        found.append(f"{len(gone)} agents' phones are not heard any more: {_some(gone)}")
    return found + [f"a phone says: {failure}" for failure in summary["phone_failures"]]


def _of_the_sum(s: dict[str, Any]) -> Iterable[str]:
    parts = sum(s[name] for name in COUNTS[1:])
    if s["offered"] != parts:
        yield f"offered {s['offered']} is not the sum of its parts {parts}"
    left = s["waiting"] - s["others_waiting"] - s["callbacks_waiting"]
    if left > 0:
        yield f"{left} still waiting after the drain"
    if s["active"]:
        yield f"{len(s['active'])} contacts still active after the drain: {_some(s['active'])}"


def _of_the_calls(s: dict[str, Any]) -> Iterable[str]:
    missing = s["placed"] - s["known"] - s["refused_unknown"]
    if missing:
        yield (
            f"placed {s['placed']} calls, but the center knows {s['known']} of them and refused "
            f"{s['refused_unknown']} others by name"
        )
    if s["recorded"] != s["placed"]:
        yield f"placed {s['placed']} calls, but callers tell of {s['recorded']}"
    if s["surplus"]:
        yield f"{len(s['surplus'])} contacts that nobody placed: {_some(s['surplus'])}"
    if s["unfinished"]:
        yield f"{len(s['unfinished'])} callers could not hang up: {_some(s['unfinished'])}"
    if s["unexplained"]:
        yield (
            f"{len(s['unexplained'])} callers were cut off before an agent, and the center does "
            f"not say why: {_some(s['unexplained'])}"
        )


def _of_the_callbacks(s: dict[str, Any]) -> Iterable[str]:
    if not s["promised"] <= s["callbacks_placed"] <= s["promised"] + s["drained"]:
        yield (
            f"{s['promised']} callers were promised a callback, the center knows "
            f"{s['callbacks_placed']} of them"
        )
    short = s["audio_too_short"]
    if not s["callbacks_verified"] <= s["callbacks_reached"] <= s["callbacks_verified"] + short:
        yield (
            f"the center reached {s['callbacks_reached']} customers, {s['callbacks_verified']} of "
            f"them were heard both ways"
        )


def _of_the_chats(s: dict[str, Any]) -> Iterable[str]:
    if s["chats_told"] != s["chats"] or s["chats_strange"]:
        yield f"visitors tell of {s['chats_told']} chats, the center of {s['chats']}"
    if s["chats_whole"] != s["chats_told"]:
        yield f"{s['chats_told'] - s['chats_whole']} chats are not word for word what was said"
    if s["chats_offered"] != s["chats_parts"] or s["chats_offered"] > s["chats"]:
        yield f"{s['chats']} chats, but {s['chats_offered']} offered, of {s['chats_parts']} parts"
    if s["chats_waiting"]:
        yield f"{s['chats_waiting']} chats still waiting after the drain"
    if s["chats_talked"] > s["chats_answered"]:
        yield f"{s['chats_talked']} visitors were answered, by {s['chats_answered']} of the center"


def _of_the_audio(s: dict[str, Any]) -> Iterable[str]:
    answered = s["answered"] - s["answered_by_people"]
    short = s["audio_too_short"]
    if not s["talked"] <= answered <= s["talked"] + short:
        yield f"callers talked {s['talked']} times, the center answered {answered} of their calls"
    if answered - s["audio_verified"] - short > 0:
        yield f"{answered - s['audio_verified'] - short} answered calls without audio both ways"
        if s["held_up_seconds"] >= HELD_UP_SECONDS:
            yield f"this machine is too busy: it held the phones up for {s['held_up_seconds']} s"
    if short > s["audio_too_short_max"]:
        yield (
            f"{short} answered calls shorter than {SHORT_SECONDS:g} s, more than the "
            f"{s['audio_too_short_max']} that chance allows"
        )
    if s["cross_talk"]:
        yield f"{len(s['cross_talk'])} heard somebody of another call: {_some(s['cross_talk'])}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5])
