"""What must be true of a journal, whoever died while it was written.

    nobody lost      every contact that was reported is ended once, or waits once
    nothing double   every command is decided once, no contact is with two agents
    no overload      nobody ever has more than her capacity, across channels
    nobody stuck     no offer, segment or wrap-up outlives its people
    books            counters of `records` = what people did, outside

and the journal decided again is the journal, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from callcenter.adapters.store.wire import read_envelope
from callcenter.control.center import Control
from callcenter.control.replay import decide_again, same
from callcenter.control.state import Stage
from callcenter.domain import events as e
from callcenter.domain.center import CAPACITY_DEFAULT, Channel
from callcenter.domain.commands import Command, Presence
from callcenter.domain.units import AgentId, ContactId, OfferId
from callcenter.records.live import LiveState
from tests.control.invariants import check, plain
from tests.crash.outside import Outside

Marks = dict[str, tuple[int, int]]
COUNTED = ("offered", "answered", "abandoned", "handled")


def check_story(outside: Outside, envelopes: Sequence[tuple[str, bytes]]) -> None:
    """Everything above. `envelopes` is the command stream: id and data."""
    batches = outside.batches
    check_order(batches)
    control = decided_anew(batches, envelopes)
    check(control)
    check_commands(outside, control.marks, batches)
    check_contacts(outside, control)
    check_people(control)
    check_meetings(batches)
    check_books(outside, batches)


def check_order(batches: Sequence[e.Batch]) -> None:
    """One journal without a hole, in which no older leader writes after a newer one."""
    assert [batch.seq for batch in batches] == list(range(1, len(batches) + 1))
    assert [b.epoch for b in batches] == sorted(b.epoch for b in batches), "an old leader wrote"
    assert [b.at for b in batches] == sorted(b.at for b in batches), "time went back"


def position(entry: str) -> tuple[int, int]:
    major, _, minor = entry.partition("-")
    return int(major), int(minor)


def fresh(data: bytes, marks: Marks) -> Iterator[tuple[str, Command]]:
    """The commands of an envelope that were not there before, with their names."""
    try:
        envelope, _ = read_envelope(data)
    except Exception:  # noqa: BLE001  # whatever it is, the leader set it aside
        return
    for sequence, command in enumerate(envelope.commands, envelope.first):
        if (envelope.epoch, sequence) > marks.get(envelope.source, (-1, 0)):
            marks[envelope.source] = (envelope.epoch, sequence)
            yield f"{envelope.source}:{envelope.epoch}:{sequence}", command


def decided_anew(batches: Sequence[e.Batch], envelopes: Sequence[tuple[str, bytes]]) -> Control:
    """The journal decided once more, and folded beside: both are what was committed."""
    again, folded = Control(), Control()
    marks: Marks = {}
    unread = list(reversed(envelopes))
    for batch in batches:
        commands: list[tuple[str, Command]] = []
        while unread and position(unread[-1][0]) <= position(batch.cursor):
            commands += fresh(unread.pop()[1], marks)
        asked = [given for given in batch.inputs if given.kind is e.InputKind.COMMAND]
        assert len(asked) == len(commands), f"batch {batch.seq} decided a command twice or never"
        again.epoch = batch.epoch
        events = decide_again(again, batch.inputs, commands)
        assert same(events, batch.events), f"batch {batch.seq} is decided otherwise"
        for event in batch.events:
            folded.apply(event)
        again.marks.update(batch.marks)
    assert not unread, "commands were never read"
    assert plain(folded) == plain(again), "the journal does not give the state"
    assert again.marks == marks, "high-water marks"
    return again


def check_commands(outside: Outside, marks: Marks, batches: Sequence[e.Batch]) -> None:
    """As many decisions as were asked for."""
    decided = sum(g.kind is e.InputKind.COMMAND for batch in batches for g in batch.inputs)
    assert decided == outside.asked.total(), "commands were lost or decided twice"
    assert set(marks) == {source for source, count in outside.asked.items() if count}


def events_of(batches: Sequence[e.Batch]) -> Iterator[e.Event]:
    for batch in batches:
        yield from batch.events


def check_contacts(outside: Outside, control: Control) -> None:
    """Each contact is where its people say: ended once, or waiting once."""
    arrived = Counter(
        x.contact for x in events_of(outside.batches) if isinstance(x, e.ContactArrived)
    )
    ends = Counter(x.contact for x in events_of(outside.batches) if isinstance(x, e.ContactEnded))
    assert arrived == Counter(dict.fromkeys(outside.people, 1)), "lost or doubled at arrival"
    gone = [person.contact for person in outside.people.values() if not person.alive]
    assert ends == Counter(dict.fromkeys(gone, 1)), "lost or doubled at the end"
    waiting = {person.contact for person in outside.people.values() if person.alive}
    assert {person.contact for person in outside.people.values() if person.stays} == waiting
    assert set(control.state.contacts) == waiting, "not who waits outside"
    stages = {contact.id: contact.stage for contact in control.state.contacts.values()}
    assert stages == dict.fromkeys(waiting, Stage.WAITING), "not waiting"


def check_people(control: Control) -> None:
    """When nothing is left to do, everybody is free."""
    assert (control.state.offers, control.state.segments) == ({}, {})
    for agent in control.state.agents.values():
        assert agent.presence is Presence.READY, f"{agent.id} is stuck: {agent.presence}"
        has = (*agent.offers, *agent.segments, *agent.wrap_ups)
        assert not has, f"{agent.id} is stuck with {has}"


def check_meetings(batches: Sequence[e.Batch]) -> None:
    """No contact with two agents, no agent with more than she may have, at any moment."""
    center = next(x.center for x in events_of(batches) if isinstance(x, e.ConfigurationChanged))
    room = {a.id: {**CAPACITY_DEFAULT, **center.capacity, **a.capacity} for a in center.agents}
    talks: dict[ContactId, AgentId] = {}
    rings: dict[ContactId, AgentId] = {}
    crossed: set[OfferId] = set()
    """Taken back when they had perhaps been answered: facts are not refused."""
    has: dict[AgentId, Counter[Channel]] = {agent: Counter() for agent in room}
    for event in events_of(batches):
        if isinstance(event, e.OfferMade):
            assert event.contact not in rings, f"{event.contact} is offered twice"
            assert event.contact not in talks, f"{event.contact} is offered while it talks"
            assert event.agent not in rings.values(), f"{event.agent} rings twice"
            rings[event.contact] = event.agent
        elif isinstance(event, e.OfferAccepted) and event.offer in crossed:
            crossed.remove(event.offer)
        elif isinstance(
            event, e.OfferAccepted | e.OfferDeclined | e.OfferExpired | e.OfferRescinded
        ):
            if isinstance(event, e.OfferRescinded):
                crossed.add(event.offer)
            assert rings.pop(event.contact, "") == event.agent, "an offer ends that was not"
        elif isinstance(event, e.SegmentStarted):
            assert event.contact not in talks, f"{event.contact} is connected twice"
            assert event.contact not in rings, f"{event.contact} talks and rings"
            talks[event.contact] = event.agent
            has[event.agent][event.channel] += 1
            mine = has[event.agent]
            assert mine[event.channel] <= room[event.agent][event.channel], "over capacity"
            assert not (mine[Channel.VOICE] and mine[Channel.CHAT]), "a call beside a chat"
        elif isinstance(event, e.SegmentEnded):
            assert talks.pop(event.contact) == event.agent
            has[event.agent][event.channel] -= 1
    assert not talks
    assert not rings


def check_books(outside: Outside, batches: Sequence[e.Batch]) -> None:
    """The counters on the wall are what people did; and the equation of each queue holds."""
    live = LiveState()
    for event in events_of(batches):
        live.apply(event)
    for queue, books in outside.books.items():
        seen = live.today(queue)
        shown = {name: getattr(seen, name) for name in COUNTED}
        assert shown == {name: books[name] for name in COUNTED}, f"the books of {queue}"
        assert seen.offered == seen.left + len(live.waiting(queue))
