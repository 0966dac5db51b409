"""`/metrics`: the queues and agents from the folds, and what every role publishes.

What happens here: at each scrape the folds are read as they are; histograms of waits grow with
every visit that ends while this role runs. Names and labels are those of `README.md`.

Why: service level belongs in PromQL, from counters, so none is exported; ages are gauges taken at
the scrape. No label names a contact, an agent or a caller.

Sources: Prometheus naming practice; the text format 0.0.4 (classic histograms).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from callcenter import __version__
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import DialKind, DialStage, Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND
from callcenter.records.counters import Counters
from callcenter.records.published import FAMILIES_MAX, SAMPLES_MAX, Published
from callcenter.records.screens import CERTIFICATE_STATES, certificate_rows
from callcenter.records.visits import Visit
from callcenter.web.chats import Chats
from callcenter.web.picture import Picture
from callcenter.web.tally import EXPLAINED, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WAIT_BUCKETS = (1, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200)
HANDLE_BUCKETS = (5, 15, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600)
STALE_SECONDS = 30.0
"""A role that has published nothing for so long is left out."""

COUNTS: tuple[tuple[str, str, str], ...] = (
    ("callcenter_contacts_offered", "offered", "Queue visits begun."),
    ("callcenter_contacts_answered", "answered", "Queue visits an agent answered."),
    ("callcenter_contacts_answered_within_target", "answered_in_target",
     "Queue visits answered within the queue's target time."),
    ("callcenter_contacts_overflowed", "flowed_out", "Queue visits that left by a rule of ours."),
    ("callcenter_callbacks", "callbacks", "Callbacks that ended, the customer reached or not."),
    ("callcenter_contacts_lost", "lost", "Queue visits that a failure of ours ended."),
    ("callcenter_contacts_handled", "handled", "Segments ended."),
)  # fmt: skip


class Metrics:
    """The registry and the page."""

    def __init__(self, picture: Picture, tally: Tally) -> None:
        self._picture = picture
        self._tally = tally
        self._registry = CollectorRegistry(auto_describe=False)
        self.wait = Histogram(
            "callcenter_wait_seconds", "Time in a queue, by how the visit ended.",
            ("queue", "outcome"), buckets=WAIT_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self.handle = Histogram(
            "callcenter_handle_seconds", "Time of agents on contacts: talk and wrap-up.",
            ("queue", "phase"), buckets=HANDLE_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._registry.register(LiveCollector(picture))
        self.published: Sequence[Published] = ()
        self.chats: Chats | None = None
        picture.on_visit = self._visit
        picture.listeners.append(self._event)

    def _visit(self, visit: Visit) -> None:
        self.wait.labels(visit.queue, visit.outcome.value).observe(visit.waited / SECOND)

    def _event(self, event: e.Event) -> None:
        self._handed_on(event)
        if type(event) is e.SegmentEnded:
            self.handle.labels(event.queue, "talk").observe(event.talked / SECOND)
        elif type(event) is e.WrapUpEnded:
            self.handle.labels(event.queue, "wrap_up").observe(event.wrapped / SECOND)

    def _handed_on(self, event: e.Event) -> None:
        """What is a fact is counted where it is told, whichever way it was asked for."""
        counts = self._tally.transfers
        if type(event) is e.ContactTransferred:
            counts["agent" if event.to else "queue", "made"] += 1
        elif type(event) is e.HandedOver:
            counts["attended", "made"] += 1
        elif type(event) is e.SegmentEnded and event.termination.reason is Reason.TRANSFERRED:
            contact = self._picture.live.data.contacts.get(event.contact)
            if contact is not None and contact.outside is DialStage.ANSWERED:
                counts["attended_outside", "made"] += 1
        elif type(event) is e.OutsideDialled and event.kind is DialKind.TRANSFER:
            counts["duty" if event.duty else "outside", event.stage.value] += 1

    def page(self) -> bytes:
        """The text a scraper reads."""
        self._picture.live.roll(self._picture.now())
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Fixed([*self._own(), *published_families(self.published)]))
        return generate_latest(self._registry) + generate_latest(registry)

    def _own(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("callcenter_build_info", "Always 1.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        tally = self._tally
        yield GaugeMetricFamily(
            "callcenter_web_screens", "Open WebSockets of this web process.", value=tally.screens
        )
        yield CounterMetricFamily(
            "callcenter_web_tokens_rejected", "Unknown, expired and revoked tokens shown.",
            value=tally.tokens_rejected,
        )  # fmt: skip
        logins = CounterMetricFamily(
            "callcenter_web_logins", "Logins and wall links, by result.", labels=["result"]
        )
        for result in ("accepted", "wrong", "slow_down", "insecure"):
            logins.add_metric([result], tally.logins[result])
        yield logins
        explained = CounterMetricFamily(
            "callcenter_web_explanations", "Questions why, by result.", labels=["result"]
        )
        for result in EXPLAINED:
            explained.add_metric([result], tally.explanations[result])
        yield explained
        hooks = CounterMetricFamily(
            "callcenter_fax_posts", "What providers posted as faxes.", labels=["what"]
        )
        for what, count in sorted(tally.hooks.items()):
            hooks.add_metric([what], count)
        yield hooks
        refused = CounterMetricFamily(
            "callcenter_web_requests_refused", "Requests answered with a problem document.",
            labels=["status", "kind"],
        )  # fmt: skip
        for (status, kind), count in sorted(tally.refused.items()):
            refused.add_metric([status, kind], count)
        yield refused
        transfers = CounterMetricFamily(
            "callcenter_transfers",
            "Callers handed on, by what to and what came of it; `refused` at the desk.",
            labels=["kind", "result"],
        )
        for (kind, result), count in sorted(tally.transfers.items()):
            transfers.add_metric([kind, result], count)
        yield transfers
        if self.chats is not None:
            yield GaugeMetricFamily(
                "callcenter_chat_pages", "Visitors' pages that are connected to this web process.",
                value=sum(self.chats.sockets.values()),
            )  # fmt: skip
            chats = CounterMetricFamily(
                "callcenter_chats", "What visitors did, and what was refused them, by name.",
                labels=["what"],
            )  # fmt: skip
            for what, count in sorted(self.chats.counts.items()):
                chats.add_metric([what], count)
            yield chats


class _Fixed:
    """A collector of families made before."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


class LiveCollector:
    """Queues, agents and the control center, read at the scrape."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def collect(self) -> Iterator[Metric]:
        """Every family there is."""
        yield from self._counts()
        yield self._abandoned()
        yield from self._waiting()
        yield self._agents()
        yield self._certificates()
        yield from self._center()
        yield self._commands()

    def _counters(self) -> Iterator[tuple[str, Channel, Counters]]:
        """Since ever: the days before and today. Waiting carried over midnight counts once."""
        for queue in self._picture.live.data.queues.values():
            for channel in {*queue.before, *queue.today}:
                whole = Counters()
                for part in (queue.before.get(channel), queue.today.get(channel)):
                    if part is not None:
                        whole.add(part)
                yield queue.id, channel, whole

    def _counts(self) -> Iterator[Metric]:
        found = list(self._counters())
        for name, field, text in COUNTS:
            family = CounterMetricFamily(name, text, labels=["channel", "queue"])
            for queue, channel, counters in found:
                family.add_metric([channel.value, queue], getattr(counters, field))
            yield family

    def _abandoned(self) -> Metric:
        family = CounterMetricFamily(
            "callcenter_contacts_abandoned",
            "Queue visits abandoned; short ones are within the queue's short-abandon time.",
            labels=["channel", "queue", "short"],
        )
        for queue, channel, counters in self._counters():
            short = counters.short_abandoned
            family.add_metric([channel.value, queue, "true"], short)
            family.add_metric([channel.value, queue, "false"], counters.abandoned - short)
        return family

    def _waiting(self) -> Iterator[Metric]:
        live, now = self._picture.live, self._picture.now()
        waiting = GaugeMetricFamily(
            "callcenter_queue_waiting", "Contacts that wait.", labels=["channel", "queue"]
        )
        longest = GaugeMetricFamily(
            "callcenter_queue_longest_wait_seconds",
            "Age of the oldest waiting contact; 0 when nobody waits.",
            labels=["queue"],
        )
        target = GaugeMetricFamily(
            "callcenter_queue_target_seconds", "Target time of the queue.", labels=["queue"]
        )
        opened = GaugeMetricFamily(
            "callcenter_queue_open", "1 while somebody may come to wait there.", labels=["queue"]
        )
        estimated = GaugeMetricFamily(
            "callcenter_queue_estimated_wait_seconds",
            "Wait of a caller who would come now: expected, and promised to four of five.",
            labels=["queue", "kind"],
        )
        for queue in live.queues():
            contacts = live.in_queue.get(queue.id, {}).values()
            for channel in Channel:
                number = sum(c.channel is channel for c in contacts)
                if number or channel is Channel.VOICE:
                    waiting.add_metric([channel.value, queue.id], number)
            oldest = min((c.since for c in contacts), default=now)
            longest.add_metric([queue.id], max(0, now - oldest) / SECOND)
            target.add_metric([queue.id], queue.target_seconds)
            opened.add_metric([queue.id], live.is_open(queue, now))
            state = live.data.queues.get(queue.id)
            found = state.estimate if state else None
            if found and found.stands(now) and found.expected is not None:
                estimated.add_metric([queue.id, "expected"], found.expected / SECOND)
                estimated.add_metric([queue.id, "promised"], (found.promised or 0) / SECOND)
        yield from (waiting, longest, target, opened, estimated)

    def _agents(self) -> Metric:
        live = self._picture.live
        family = GaugeMetricFamily(
            "callcenter_agents",
            "Agents by state; `unreachable` are logged in without a phone, in no other state.",
            labels=["team", "state"],
        )
        counts: dict[tuple[str, str], int] = {}
        for agent in live.data.agents.values():
            config = live.people.get(agent.id)
            gone = agent.presence is not Presence.LOGGED_OUT and not agent.reachable_by
            key = (config.team if config else "", "unreachable" if gone else agent.presence.value)
            counts[key] = counts.get(key, 0) + 1
        for (team, state), number in sorted(counts.items()):
            family.add_metric([team, state], number)
        return family

    def _certificates(self) -> Metric:
        """Of those who are configured; `expiring` ones are valid still, for 30 days at most."""
        live = self._picture.live
        family = GaugeMetricFamily(
            "callcenter_certificates", "Certificates of agents: valid, expiring, expired.",
            labels=["state"],
        )  # fmt: skip
        rows = [
            row for a in live.people for row in certificate_rows(live.data.qualifications.get(a))
        ]
        for state in CERTIFICATE_STATES:
            family.add_metric([state], sum(row.state == state for row in rows))
        return family

    def _center(self) -> Iterator[Metric]:
        control = self._picture.control
        for name, text, value in (
            ("callcenter_control_lag_seconds", "Age of the oldest undecided command.",
             control.lag_seconds),
            ("callcenter_control_alive", "1 while a control center leads.", float(control.alive)),
            ("callcenter_store_up", "1 while the store answers.", float(control.store)),
            ("callcenter_store_memory_ratio", "Share of the store's memory in use.",
             control.memory_percent / 100),
            ("callcenter_journal_batches", "Sequence of the last batch of the journal.",
             self._picture.seq),
        ):  # fmt: skip
            yield GaugeMetricFamily(name, text, value=value)

    def _commands(self) -> Metric:
        """What the leader did with commands; it begins anew with each leader."""
        family = CounterMetricFamily(
            "callcenter_control_commands", "Commands, by what the control center did with them.",
            labels=["outcome"],
        )  # fmt: skip
        for outcome, count in self._picture.control_counts.items():
            family.add_metric([outcome], count)
        return family


def published_families(documents: Sequence[Published]) -> list[Metric]:
    """What the roles published, put together by name; the label `role` tells them apart."""
    families: dict[str, Metric] = {}
    for document in documents:
        if time.time() - document.at / SECOND > STALE_SECONDS:
            continue
        for family in document.families[:FAMILIES_MAX]:
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = families.get(family.name)
            if metric is None:
                labels = [*family.labels, "role"]
                metric = families[family.name] = kind(family.name, family.help, labels=labels)
            if not isinstance(metric, kind):
                continue  # two roles disagree about what it is: the first one stands
            for labels_of, value in family.samples[:SAMPLES_MAX]:
                if len(labels_of) == len(family.labels):
                    metric.add_metric([*labels_of, document.role], value)
    return list(families.values())
