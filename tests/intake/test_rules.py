"""Which queue a mail waits in: the first rule that fits; and what its writer is promised."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.document import Document
from callcenter.intake.rules import Door, Rule, acknowledged, wish

CAME = Document(
    contact=ContactId("m1"), channel=Channel.EMAIL, source="office", received=0,
    subject="My Invoice", text="Please look.", sender="Ann@Example.org",
    facts={"to": "sales@example.test"},
)  # fmt: skip


def queue(rule: Rule, **changes: Any) -> str:
    door = Door(name="office", queue="mail", rules=(rule,))
    return wish(door, msgspec.structs.replace(CAME, **changes)).queue


@pytest.mark.parametrize(
    "rule",
    [
        Rule(words=("invoice",), queue="there"),
        Rule(words=("please look",), queue="there"),
        Rule(to=("sales",), queue="there"),
        Rule(to=("SALES@example.test",), queue="there"),
        Rule(sender=("@example.org",), queue="there"),
        Rule(sender=("ann@example.org",), queue="there"),
        Rule(sort=("normal",), queue="there"),
    ],
)
def test_a_rule_that_fits_decides(rule: Rule) -> None:
    assert queue(rule) == "there"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(words=("voice",), queue="there"),
        Rule(to=("office",), queue="there"),
        Rule(sender=("@le.org",), queue="there"),
        Rule(sort=("bounce", "list"), queue="there"),
        Rule(language=("es",), queue="there"),
        Rule(words=("invoice",), sender=("@other.org",), queue="there"),
    ],
)
def test_what_fits_in_part_does_not(rule: Rule) -> None:
    assert queue(rule) == "mail"


def test_a_rule_gives_priority_and_skills_beside_the_doors_own() -> None:
    rule = Rule(words=("invoice",), priority=8, skills={"billing": 5})
    asked = wish(Door(name="o", queue="mail", skills={"english": 3}, rules=(rule,)), CAME)
    assert (asked.queue, asked.priority) == ("mail", 8)
    assert asked.skills == {"english": 3, "billing": 5}


def test_what_is_shown_of_it_are_kinds_and_no_words() -> None:
    spam = msgspec.structs.replace(CAME, sort="list", trust={"spam": "yes", "dkim": "pass"})
    asked = wish(Door(name="o", queue="mail"), spam)
    assert asked.attributes == {"type": "list", "spam": "yes"}


def test_whoever_writes_is_told_by_when_an_answer_is_promised() -> None:
    door = Door(
        name="o", queue="mail", acknowledge="By {answer_by}.", answer_hours=48,
        timezone="Europe/Madrid",
    )  # fmt: skip
    assert acknowledged(door, 1_764_000_000_000_000) == "By 2025-11-26 17:00 CET."
