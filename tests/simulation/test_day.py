"""Seeded days keep every promise: nobody lost, nobody assigned twice, every place kept."""

from __future__ import annotations

from collections import Counter

import pytest

from callcenter.control.center import Control
from callcenter.control.replay import feed, same
from callcenter.domain import events as e
from tests.control.invariants import plain
from tests.simulation.day import Day, books

SEEDS = (1, 2, 3)
CONTACTS = 1000


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_loses_nobody_and_its_books_balance(seed: int) -> None:
    day = Day(seed, CONTACTS)
    try:
        day.run()
        check_the_day(day)
    except (AssertionError, KeyError) as failure:
        failure.add_note(f"run it again: python -m tests.simulation.day {seed} {CONTACTS}")
        raise


def check_the_day(day: Day) -> None:
    ends = Counter(event.contact for event in day.journal if isinstance(event, e.ContactEnded))
    arrived = {event.contact for event in day.journal if isinstance(event, e.ContactArrived)}
    assert len(arrived) == CONTACTS
    assert ends == Counter(dict.fromkeys(arrived, 1)), "each contact ends once"
    told = books(day.journal)
    assert told["offered"] == told["answered"] + told["abandoned"] + told["flowed_out"]
    assert told["answered"] == told["SegmentEnded"]
    assert told["WrapUpStarted"] == told["WrapUpEnded"]
    assert every_offer_ends(day.journal)
    assert one_at_a_time(day.journal)
    state = day.control.state
    assert (state.contacts, state.offers, state.segments) == ({}, {}, {}), "nothing leaks"
    follower = Control()
    for event in day.journal:
        follower.apply(event)
    assert plain(follower) == plain(day.control), "the journal gives the state"
    assert same(decided_again(day), day.journal), "the inputs give the journal"
    eventful = ("OfferExpired", "OfferRescinded", "FrontendLost", "QueueRefused", "NextPresenceSet",
                "RingWidened", "moved", "ContactAssigned", "PriorityChanged", "TrainingRecorded",
                "CertificateExpired", "SkillsChanged", "AgentReleased", "QueueClosed")  # fmt: skip
    assert all(told[kind] for kind in eventful), "the day was eventful"


def decided_again(day: Day) -> list[e.Event]:
    """The whole day by one control that never failed over."""
    control, events = Control(), list[e.Event]()
    for epoch, given, command in day.fed:
        control.epoch = epoch
        events += feed(control, given, iter([("", command)] if command else []))
    return events


def every_offer_ends(journal: list[e.Event]) -> bool:
    """Each offer ends once; only an acceptance may come after it was rescinded."""
    ends: dict[str, list[str]] = {o.offer: [] for o in journal if isinstance(o, e.OfferMade)}
    for event in journal:
        if isinstance(event, e.OfferAccepted | e.OfferDeclined | e.OfferExpired | e.OfferRescinded):
            ends[event.offer].append(type(event).__name__)
    return all(len(how) == 1 or how == ["OfferRescinded", "OfferAccepted"] for how in ends.values())


def one_at_a_time(journal: list[e.Event]) -> bool:
    """No contact is ever talked with by two agents, no agent talks with two callers."""
    contacts: set[str] = set()
    callers: dict[str, str] = {}
    for event in journal:
        if isinstance(event, e.SegmentStarted):
            assert event.contact not in contacts, f"{event.contact} is answered twice"
            contacts.add(event.contact)
            if event.channel == "voice":
                assert event.agent not in callers, f"{event.agent} talks with two"
                callers[event.agent] = event.contact
        elif isinstance(event, e.SegmentEnded):
            contacts.discard(event.contact)
            if callers.get(event.agent) == event.contact:
                del callers[event.agent]
    return True


def test_the_same_seed_is_the_same_day() -> None:
    one, other = Day(9, 120), Day(9, 120)
    one.run()
    other.run()
    assert one.journal == other.journal
