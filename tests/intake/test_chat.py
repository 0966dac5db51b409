"""What visitors say: within limits, under a name, with a key; and when a chat is over by itself."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.center import Channel
from callcenter.domain.units import MINUTE, SECOND, ContactId
from callcenter.intake.chat import (
    MESSAGE_BYTES_MAX,
    TEXT_MAX,
    BadMessage,
    Bucket,
    Buckets,
    By,
    ChatFile,
    Conversation,
    Ends,
    Hello,
    Leave,
    Limits,
    Said,
    Say,
    Start,
    contact_named,
    decode_conversation,
    decode_said,
    encode,
    ends,
    is_key,
    key_of,
    read_message,
    transcript,
    type_of,
    with_ending,
)
from callcenter.intake.chat_door import (
    ChatDoor,
    chat_arrival,
    form_of,
    read_form,
    word_arrival,
)
from callcenter.intake.document import Document

ID = "0123456789abcdef"
SECRET = b"s" * 32
NOW = 1_800_000_000 * SECOND
DOOR = ChatDoor(name="website", title="Chat", queue="sales", mailbox="office")


def message(**fields: object) -> str:
    return json.dumps(fields)


def refused(**fields: object) -> str:
    """By which code it is refused."""
    with pytest.raises(BadMessage) as bad:
        read_message(message(**fields))
    return bad.value.code


def test_what_a_page_says_is_read_and_cleaned() -> None:
    said = read_message(message(type="say", id=ID, text="  one\r\ntwo\x00\u202e  "))
    assert said == Say(id=ID, text="one\ntwo")
    begun = read_message(
        message(type="start", id=ID, text="Hi", name="Cleo\n\tMarsh ", email=" a@example.org ")
    )
    assert begun == Start(id=ID, text="Hi", name="Cleo Marsh", email="a@example.org")
    assert read_message(message(type="hello", contact="c", key="k", after=3)) == Hello(
        contact="c", key="k", after=3
    )


def test_what_is_wrong_with_a_message_has_a_name() -> None:
    assert refused(type="say", id=ID, text=" \n ") == "empty"
    assert refused(type="say", id=ID, text="x" * (TEXT_MAX + 1)) == "too_long"
    assert refused(type="say", id="short", text="x") == "unnamed"
    assert refused(type="say", id=ID + "\n", text="x") == "unnamed"
    assert refused(type="fly", id=ID) == "unreadable"
    assert refused(type="say", id=ID) == "unreadable"
    assert refused(type="start", id=ID, text="x", email="no address") == "email"
    assert refused(type="leave", id=ID, text="x", email="") == "email"
    for odd in ("a@b\r\nBcc: c@d", "a b@c", "<a@b>", "@b", "a@", "a@-"):
        assert refused(type="start", id=ID, text="x", email=odd) == "email", odd


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(BadMessage):
        read_message(data)


def test_the_longest_message_fits_however_it_is_escaped() -> None:
    said = message(type="say", id=ID, text="\u00e9" * (TEXT_MAX - 100))
    assert len(said) <= MESSAGE_BYTES_MAX
    assert isinstance(read_message(said), Say)


def test_a_chat_begun_twice_is_one_and_its_key_is_nobody_elses() -> None:
    contact = contact_named(SECRET, "website", ID)
    assert contact == contact_named(SECRET, "website", ID)
    assert (
        len({contact, contact_named(SECRET, "other", ID), contact_named(SECRET, "website", "x")})
        == 3
    )
    key = key_of(SECRET, contact)
    assert is_key(SECRET, contact, key)
    for wrong in ("", key[:-1], key.upper(), contact, "\u00e9"):
        assert not is_key(SECRET, contact, wrong)
    assert not is_key(SECRET, contact[:-1], key)
    assert not is_key(b"t" * 32, contact, key)


def test_a_chat_in_which_nobody_writes_ends_and_one_that_is_left_waiting() -> None:
    limits = Limits(idle=10 * MINUTE, away=90 * SECOND)

    def over(*, talking: bool, said: int, seen: int) -> Ends | None:
        return ends(
            limits, talking=talking, said=NOW - said * SECOND, seen=NOW - seen * SECOND, now=NOW
        )

    assert over(talking=True, said=599, seen=9999) is None
    assert over(talking=True, said=600, seen=0) is Ends.IDLE
    assert over(talking=False, said=9999, seen=89) is None
    assert over(talking=False, said=0, seen=90) is Ends.AWAY


def test_a_bucket_gives_so_many_at_once_and_then_one_by_one() -> None:
    bucket = Bucket()
    assert [bucket.take(3, SECOND, NOW) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(3, SECOND, NOW + SECOND - 1)
    assert bucket.take(3, SECOND, NOW + SECOND)
    assert not bucket.take(3, SECOND, NOW + SECOND)
    assert [bucket.take(3, SECOND, NOW + 60 * SECOND) for _ in range(4)] == [True] * 3 + [False]


def test_buckets_forget_those_who_say_nothing_and_refuse_strangers_when_full() -> None:
    buckets = Buckets(most=2)
    assert all(buckets.take(name, 1, SECOND, NOW) for name in ("a", "b"))
    assert not buckets.take("c", 1, SECOND, NOW), "no room for a stranger"
    assert not buckets.take("a", 1, SECOND, NOW), "and no new beginning for anybody else"
    assert buckets.take("c", 1, SECOND, NOW + SECOND)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"GIF89a..", "gif"),
        (b"RIFF....WEBPVP8 ", "webp"),
        (b"%PDF-1.7", "pdf"),
        ("grüße\n".encode(), "txt"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(data: bytes, kind: str) -> None:
    assert type_of(data, ("png", "jpeg", "gif", "webp", "pdf", "txt"))[0] == kind
    with pytest.raises(BadMessage, match="cannot be sent"):
        type_of(data, ())


@pytest.mark.parametrize("data", [b"", b"MZ\x90\x00", b"\x7fELF", b"PK\x03\x04\xff", b"a\x00b"])
def test_other_files_cannot_be_sent(data: bytes) -> None:
    with pytest.raises(BadMessage) as bad:
        type_of(data, Limits().file_types)
    assert bad.value.code == "file_type"


def test_a_file_is_called_what_it_is() -> None:
    assert with_ending("photo.jpeg", "jpeg") == "photo.jpeg"
    assert with_ending("photo.JPG", "jpeg") == "photo.JPG"
    assert with_ending("run.exe", "png") == "run.exe.png"
    assert with_ending("page.html", "txt") == "page.html.txt"


def test_a_conversation_is_kept_as_it_was_and_reads_as_a_text() -> None:
    file = ChatFile(blob="0" * 64, name="a.png", type="image/png", size=3)
    said = (
        Said(id=ID, by=By.VISITOR, at=NOW, text="Hi"),
        Said(id=ID, by=By.AGENT, at=NOW + SECOND, name="Anna\nOrtiz", agent="anna", text="Hello"),
        Said(id=ID, by=By.VISITOR, at=NOW, file=file),
    )
    assert [decode_said(encode(one)) for one in said] == list(said)
    kept = Conversation(contact="c", said=said)
    assert decode_conversation(encode(kept)) == kept
    assert transcript(said, "Cleo") == (
        "Cleo, 2027-01-15 08:00:00 UTC\nHi\n\nAnna Ortiz, 2027-01-15 08:00:01 UTC\nHello\n\n"
        "Cleo, 2027-01-15 08:00:00 UTC\n[a.png, 3 bytes]\n"
    )
    with pytest.raises(msgspec.MsgspecError):
        decode_said(b"{}")


def test_a_form_becomes_a_document_of_its_own_kind() -> None:
    begun = Start(id=ID, text="\n My parcel \nis lost", name="Cleo", email="c@example.org",
                  page="https://shop.example", language="en-GB")  # fmt: skip
    arrival = chat_arrival(DOOR, begun)
    assert (arrival.channel, arrival.source, arrival.address) == (
        Channel.CHAT, "website", "c@example.org",
    )  # fmt: skip
    word = word_arrival(DOOR, Leave(id=ID, text="x", email="c@example.org"))
    assert (word.channel, word.source) == (Channel.EMAIL, "office")
    assert word.keys != arrival.keys
    blank = Document(contact=ContactId("c"), channel=Channel.CHAT, source="website", received=NOW)
    read = read_form(form_of(begun), blank).document
    assert (read.subject, read.sender, read.name) == ("My parcel", "c@example.org", "Cleo")
    assert (read.text, read.language) == ("\n My parcel \nis lost", "en")
    assert read.facts == {"page": "https://shop.example"}
    with pytest.raises(msgspec.MsgspecError):
        read_form(b"[]", blank)
