"""What the demo can prove at its end: the server's own count beside what the phones heard.

Why: a summary that only repeats the server's numbers proves nothing. The counts come from the
API, the proof from the tones; where the two differ it is said, and the exit code says it too.

Terms (counted per queue visit): offered = answered + abandoned + flowed_out + callbacks + waiting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from callcenter.app.phones.people import Heard, proved

COUNTS = ("offered", "answered", "abandoned", "flowed_out", "callbacks", "waiting")
SHORT_SECONDS = 1.0
"""A conversation shorter than this cannot be proved by three windows of 100 ms each way."""


def heard(documents: Iterable[dict[str, Any]]) -> list[Heard]:
    """Records of phones, back from JSON (whose keys are strings)."""
    return [
        Heard(**{**d, "tones": {int(tone): n for tone, n in d["tones"].items()}}) for d in documents
    ]


def summarize(
    queues: list[dict[str, Any]], ended: list[dict[str, Any]], phones: list[dict[str, Any]]
) -> dict[str, Any]:
    """The summary document.

    Args:
        queues: rows of `/api/v1/queues`.
        ended: rows of `/api/v1/contacts?state=ended`.
        phones: `result` lines of the processes that hold the phones.
    """
    totals = {name: sum(int(q[name]) for q in queues) for name in COUNTS}
    callers = heard(d for p in phones for d in p.get("callers", []))
    agents = heard(d for p in phones for d in p.get("agents", []))
    pairs = proved(callers, agents)
    proved_agents = {id(agent) for _, agent in pairs}
    short = sum(
        id(agent) not in proved_agents and agent.ended - agent.answered < SHORT_SECONDS
        for agent in agents
    )
    in_target = sum(int(q["answered_in_target"]) for q in queues)
    counted = (
        totals["answered"] + totals["abandoned"] - sum(int(q["short_abandoned"]) for q in queues)
    )
    waits = [(q["asa_seconds"] or 0.0, int(q["answered"])) for q in queues]
    lost = [c["contact"] for c in ended if c["result"] in ("lost", "failed")]
    return {
        **totals,
        "lost": len(lost),
        "audio_verified": len(pairs),
        "audio_too_short": short,
        "service_level": round(in_target / counted, 4) if counted else None,
        "asa_seconds": _mean(waits),
        "placed": sum(int(p.get("placed", 0)) for p in phones),
        "contacts": len(ended),
        "lost_contacts": lost,
        "phone_failures": [
            f for p in phones for f in (*p.get("failed", []), *p.get("failures", []))
        ],
    }


def _mean(waits: list[tuple[float, int]]) -> float | None:
    answered = sum(n for _, n in waits)
    return round(sum(wait * n for wait, n in waits) / answered, 2) if answered else None


def complaints(summary: dict[str, Any]) -> list[str]:
    """Why this run is no success, in words; empty when it is one."""
    found = []
    parts = sum(summary[name] for name in COUNTS[1:])
    if summary["offered"] != parts:
        found.append(f"offered {summary['offered']} is not the sum of its parts {parts}")
    if summary["waiting"]:
        found.append(f"{summary['waiting']} still waiting after the drain")
    if summary["lost"]:
        found.append(f"{summary['lost']} contacts lost: {', '.join(summary['lost_contacts'][:5])}")
    unproved = summary["answered"] - summary["audio_verified"] - summary["audio_too_short"]
    if unproved > 0:
        found.append(f"{unproved} answered calls without audio both ways")
    found += [f"a phone says: {failure}" for failure in summary["phone_failures"]]
    return found
