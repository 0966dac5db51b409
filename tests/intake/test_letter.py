"""A letter of ours: whole, safe against what strangers wrote, and known again when it is answered."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import msgspec
import pytest

from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.document import Document
from callcenter.intake.letter import CannotWrite, Writer, compose
from callcenter.intake.quotes import new_and_quoted
from callcenter.intake.sorts import may_be_answered, trusted
from callcenter.intake.threads import answered, contact_of, message_id

SECRET = b"k" * 32
OFFICE = Writer(address="office@example.test", name="The office", signature="Call us")
CAME = Document(
    contact=ContactId("m1"), channel=Channel.EMAIL, source="office", received=0,
    subject="Parcel", sender="cus@example.org", message_id="<a@example.org>",
    references=("<x@example.org>",),
)  # fmt: skip


def letter(by_itself: bool = False, **changes: Any) -> Any:
    document = msgspec.structs.replace(CAME, **changes)
    name = message_id(SECRET, "m1", 1, "example.test")
    made = compose(document, OFFICE, "Here it is.", name, 0, by_itself=by_itself)
    return message_from_bytes(made, policy=policy.default)


def test_it_answers_what_was_written_and_can_be_known_again() -> None:
    made = letter()
    assert (made["To"], made["Subject"]) == ("cus@example.org", "Re: Parcel")
    assert made["In-Reply-To"] == "<a@example.org>"
    assert made["References"] == "<x@example.org> <a@example.org>"
    ids = answered(made["Message-ID"], "")
    assert contact_of(SECRET, ids) == "m1"
    assert contact_of(b"another", ids) == ""
    assert made.get_content().replace("\r\n", "\n").endswith("-- \nCall us\n")


def test_the_same_letter_is_the_same_bytes_each_time() -> None:
    name = message_id(SECRET, "m1", 1, "example.test")
    one, other = (compose(CAME, OFFICE, "Here.", name, 5) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: all@example.org", "a\nBcc: x@y.z", "a\x00\x1b[2J\u2028b"]
)
def test_nothing_that_a_stranger_wrote_begins_a_field_of_ours(evil: str) -> None:
    made = letter(subject=evil, message_id=f"<{evil}@example.org>")
    assert made["Bcc"] is None
    assert len(made.get_all("Subject")) == 1


def test_where_there_is_nobody_to_answer_nothing_is_written() -> None:
    with pytest.raises(CannotWrite):
        letter(sender="")


def test_an_answer_of_a_machine_says_that_it_is_one() -> None:
    made = letter(by_itself=True)
    assert made["Auto-Submitted"] == "auto-replied"
    assert made["X-Auto-Response-Suppress"] == "All"


@pytest.mark.parametrize(
    ("sort", "sender", "may"),
    [
        ("normal", "cus@example.org", True),
        ("auto-reply", "cus@example.org", False),
        ("bounce", "mailer-daemon@example.org", False),
        ("list", "cus@example.org", False),
        ("loop", "cus@example.org", False),
        ("normal", "no-reply@example.org", False),
        ("normal", "office@example.test", False),
        ("normal", "", False),
    ],
)
def test_no_machine_is_ever_answered(sort: str, sender: str, may: bool) -> None:
    assert may_be_answered(sort, sender, ["office@example.test"]) is may


def test_only_our_own_servers_word_about_a_sender_counts() -> None:
    results = [
        "evil.example; dkim=pass; spf=pass; dmarc=pass",
        "mx.example.test; dkim=fail (bad) header.d=x; spf=softfail smtp.mailfrom=x",
    ]
    assert trusted(results, "mx.example.test") == {"dkim": "fail", "spf": "softfail"}
    assert trusted(results, "") == {}


@pytest.mark.parametrize(
    "over",
    [
        "On Mon, 2 Nov 2026 at 10:00, Bob <b@x.y> wrote:\n> old\n> older",
        "On Mon, 2 Nov 2026\n at 10:00, Bob <b@x.y>\n wrote:\n\n> old",
        "Am 02.11.2026 um 10:00 schrieb Bob:\n> alt",
        "-----Ursprüngliche Nachricht-----\nVon: Bob",
        "-----Original Message-----\nFrom: Bob",
        "From: Bob\nSent: Monday\nTo: us\nSubject: x\n\nold",
        "________________________________\nVon: Bob",
    ],
)
def test_what_a_reply_repeats_is_laid_aside(over: str) -> None:
    new, quoted = new_and_quoted(f"New words.\n\n{over}\n")
    assert new == "New words."
    assert quoted.strip() == over.strip()


def test_a_mail_that_only_quotes_is_shown_whole_and_answers_within_are_kept() -> None:
    assert new_and_quoted("> all\n> quoted")[0] == "> all\n> quoted"
    inside = "> question?\nYes.\n> other?\nNo."
    assert new_and_quoted(inside) == (inside, "")


def test_quotes_are_found_in_one_pass() -> None:
    bomb = "On Mon, 1 wrote\n" * 40_000
    assert new_and_quoted(bomb)[0]
