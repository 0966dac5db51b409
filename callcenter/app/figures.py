"""What a front end counts, as families for `/metrics`.

Why: every refusal, every wrong password and every dropped packet is somebody who was not served or
somebody who tries; it must be seen without reading logs. Labels come from short lists of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from callcenter.adapters.metrics import counted, gauge
from callcenter.frontend.frontend import Frontend
from callcenter.frontend.registrations import State
from callcenter.records.published import Family

DROPPED = (
    "short", "malformed", "too_long", "stray", "bogus_sequence", "wrong_payload", "unauthentic",
    "replayed",
)  # fmt: skip
"""Why a packet was not heard; said even where there was none."""
LOGINS = ("wrong", "locked", "malformed", "other_name", "unencrypted")


def frontend_figures(frontend: Frontend) -> list[Family]:
    """Calls, phones and SIP."""
    endpoint, counts = frontend.endpoint, frontend.counts
    refused = Counter({"refused.overloaded": endpoint.counters.get("calls_refused", 0)})
    refused.update({k: v for k, v in counts.items() if k.startswith("refused.")})
    rejected = {why: frontend.phones.rejected[why] for why in LOGINS}
    return [
        gauge("callcenter_frontend_calls", "Calls held now.", frontend.calls),
        gauge("callcenter_sip_dialogs", "SIP dialogs kept.", len(endpoint.calls)),
        gauge("callcenter_sip_registrations", "Agents with a phone.", len(frontend.phones.reachable)),
        gauge("callcenter_sip_transactions", "SIP transactions kept.", endpoint.transactions),
        counted("callcenter_calls_ended_total", "Contacts by ending.", "reason", counts, "ended."),
        counted("callcenter_calls_refused_total", "Calls refused, by reason.", "reason", refused, "refused."),
        by_two("callcenter_feature_calls_ended_total", "Codes that agents dialled, by ending.", ("code", "reason"), counts, "feature."),
        counted("callcenter_callback_attempts_total", "Customers called back, by what came of it.", "outcome", counts, "callback."),
        by_two("callcenter_dials_total", "Numbers outside, by what for and what became of it.", ("kind", "stage"), counts, "dial."),
        counted("callcenter_refers_total", "REFER from phones, by answer.", "status", counts, "refer."),
        _registered(frontend),
        _targets(frontend),
        counted("callcenter_trunk_registrations_total", "REGISTER to lines, by what came of it.", "result", counts, "registration."),
        counted("callcenter_fax_attempts_total", "Attempts to send a fax, by what came of them.", "outcome", counts, "fax_out."),
        counted("callcenter_messages_total", "Messages of callers, by what became of them.", "how", counts, "message."),
        gauge("callcenter_callbacks_promised", "Callbacks that wait or are being made.", len(frontend.hands.promises)),
        counted("callcenter_calendars_missing_total", "Calendars that flows asked for and nobody knows; taken as closed.", "calendar", counts, "calendar."),
        counted("callcenter_names_missing_total", "Agents, languages and announcements that were named and the center does not have; left out.", "kind", counts, "unknown."),
        Family(
            name="callcenter_frontend_faults_total", kind="counter",
            help="Mistakes of ours that ended calls.", samples=[((), counts["faults"])],
        ),
        counted("callcenter_sip_requests_total", "Requests received, by method.", "method", counts, "sip."),
        counted("callcenter_sip_logins_rejected_total", "Requests whose digest was not accepted, by why.", "why", rejected),
        counted("callcenter_sip_events_total", "What the SIP endpoint met with.", "event", endpoint.counters),
    ]  # fmt: skip


def _registered(frontend: Frontend) -> Family:
    """By line: 1 while the provider said that our registration stands."""
    lines = frontend.registrations.lines.items()
    samples: list[tuple[tuple[str, ...], float]] = [
        ((name,), float(line.state is State.REGISTERED)) for name, line in sorted(lines)
    ]
    return Family(
        name="callcenter_trunk_registered", kind="gauge",
        help="1 while our account is registered with the line.", labels=("trunk",), samples=samples,
    )  # fmt: skip


def _targets(frontend: Frontend) -> Family:
    """Machines of trunks that are found by name: answering OPTIONS, not answering, not asked yet."""
    words = {True: "up", False: "down", None: "unknown"}
    found = Counter(
        (name, words[target.is_alive])
        for name, targets in frontend.targets.of.items()
        for target in targets
    )
    return Family(
        name="callcenter_trunk_targets", kind="gauge",
        help="Machines of trunks that are found by name.", labels=("trunk", "state"),
        samples=[(labels, float(count)) for labels, count in sorted(found.items())],
    )  # fmt: skip


def by_two(
    name: str, text: str, labels: tuple[str, str], counts: Mapping[str, int], prefix: str
) -> Family:
    """Counts whose name behind `prefix` is `one/other`."""
    samples: list[tuple[tuple[str, ...], float]] = []
    for key, count in sorted(counts.items()):
        if key.startswith(prefix):
            one, _, other = key.removeprefix(prefix).partition("/")
            samples.append(((one, other), count))
    return Family(name=name, kind="counter", help=text, labels=labels, samples=samples)


def media_figures(statistics: Iterable[Mapping[str, Any]]) -> list[Family]:
    """What the engines said of themselves when they were asked last."""
    legs = bridged = encrypted = used = 0
    dropped = Counter(dict.fromkeys(DROPPED, 0))
    for said in statistics:
        current, ports = said.get("currentstatistics", {}), said.get("ports", {})
        legs += int(current.get("sessionstotal", 0))
        bridged += int(current.get("bridged", 0))
        encrypted += int(current.get("encrypted", 0))
        used += int(ports.get("total", 0)) - int(ports.get("free", 0))
        for why in DROPPED:
            dropped[why] += int(said.get("dropped", {}).get(why, 0))
    return [
        gauge("callcenter_media_legs", "Media legs of all engines.", legs),
        gauge("callcenter_media_bridged", "Legs that hear each other.", bridged),
        gauge("callcenter_media_encrypted", "Legs whose phone's audio is encrypted.", encrypted),
        gauge("callcenter_media_ports", "RTP ports in use.", used),
        counted("callcenter_media_packets_dropped_total", "Packets that were not heard, by why.", "why", dropped),
    ]  # fmt: skip
