"""Mails are handed over for good: on the disk, claimed, in the journal, queued; never twice."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callcenter.adapters.blobs import Blobs, NoSuchBlob
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import ContactReported, decode_envelope, encode_around_first
from callcenter.domain.units import ContactId, FrontendId
from callcenter.intake.document import decode_document
from callcenter.intake.threads import message_id
from tests.adapters.intake_house import OFFICE, SECRET, Intake, hand_over, letter, running
from tests.adapters.store_server import Led, StoreServer, seed


async def soon(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what other processes do."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def played(store: StoreServer, tmp_path: Path, story: Callable[[Intake], Awaitable[None]],
           **settings: object) -> None:  # fmt: skip
    """A story with an intake, a store and a leader."""
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)

    async def whole() -> None:
        async with running(store.url, tmp_path / "state", **settings) as intake:
            await story(intake)

    try:
        asyncio.run(whole())
    finally:
        led.end()


def test_a_mail_that_was_taken_waits_in_its_queue(store: StoreServer, tmp_path: Path) -> None:
    async def story(intake: Intake) -> None:
        assert not await asyncio.to_thread(hand_over, intake.port, letter(1))
        await soon(lambda: bool(intake.all(e.ContactQueued)))
        await soon(lambda: not intake.pipeline.left)
        (arrived,) = intake.all(e.ContactArrived)
        assert isinstance(arrived, e.ContactArrived)
        assert (arrived.channel, arrived.dialled, arrived.frontend) == (Channel.EMAIL, "office", "")
        assert intake.pipeline.blobs.read(arrived.blob) == letter(1)
        document = decode_document(intake.pipeline.blobs.read_document(arrived.contact))
        assert (document.subject, document.sender) == ("Letter 1", "customer1@example.org")

    played(store, tmp_path, story)


def test_no_event_holds_an_address_or_a_word(store: StoreServer, tmp_path: Path) -> None:
    async def story(intake: Intake) -> None:
        await asyncio.to_thread(hand_over, intake.port, letter(7, "Very secret"))
        await soon(lambda: bool(intake.all(e.ContactQueued)))
        told = str(
            [event for event in intake.events if not isinstance(event, e.ConfigurationChanged)]
        )
        assert "example.org" not in told
        assert "secret" not in told
        assert "matter" not in told

    played(store, tmp_path, story)


def test_what_is_handed_over_again_is_acknowledged_and_not_taken_again(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake) -> None:
        for received in ("", "", "Received: by another; today\r\n"):
            mail = received.encode() + letter(1)
            assert not await asyncio.to_thread(hand_over, intake.port, mail)
        await asyncio.to_thread(hand_over, intake.port, letter(2))
        await soon(lambda: len(intake.all(e.ContactQueued)) == 2)
        assert len(intake.all(e.ContactArrived)) == 2
        assert (intake.pipeline.counts["new"], intake.pipeline.counts["known"]) == (2, 2)

    played(store, tmp_path, story)


def test_other_words_under_the_same_message_id_are_another_letter(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake) -> None:
        for number in (1, 2):
            mail = letter(number).replace(b"letter-2", b"letter-1")
            await asyncio.to_thread(hand_over, intake.port, mail)
        await soon(lambda: len(intake.all(e.ContactQueued)) == 2)

    played(store, tmp_path, story)


def test_what_an_earlier_life_had_taken_and_not_queued_is_taken_up(
    store: StoreServer, tmp_path: Path
) -> None:
    async def first(intake: Intake) -> None:
        intake.pipeline._notes.clear()  # it dies before it reads
        for task in asyncio.all_tasks():
            if task.get_coro().__name__ == "work":  # type: ignore[union-attr]
                task.cancel()
        assert not await asyncio.to_thread(hand_over, intake.port, letter(1))
        await soon(lambda: bool(intake.all(e.ContactArrived)))

    async def second(intake: Intake) -> None:
        await soon(lambda: bool(intake.all(e.ContactQueued)))
        await soon(lambda: not intake.pipeline.left)
        assert len(intake.all(e.ContactArrived)) == 1

    played(store, tmp_path, first)
    played(store, tmp_path, second, epoch=2)


def test_a_queue_that_is_gone_is_replaced_by_the_doors_own(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake) -> None:
        from callcenter.intake.rules import Door, Rule

        rule = Rule(words=("matter",), queue="gone")
        intake.pipeline._doors = {"office": Door(name="office", queue="sales", rules=(rule,))}
        await asyncio.to_thread(hand_over, intake.port, letter(1))
        await soon(lambda: bool(intake.all(e.QueueRefused)))
        await soon(lambda: bool(intake.all(e.ContactQueued)))

    played(store, tmp_path, story)


def test_a_reply_to_a_letter_of_ours_joins_what_it_answers(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake) -> None:
        await asyncio.to_thread(hand_over, intake.port, letter(1))
        await soon(lambda: bool(intake.all(e.ContactQueued)))
        (arrived,) = intake.all(e.ContactArrived)
        assert isinstance(arrived, e.ContactArrived)
        ours = message_id(SECRET, arrived.contact, 1, "example.test")
        reply = letter(2, "other subject", In_Reply_To=ours)
        await asyncio.to_thread(hand_over, intake.port, reply)
        forged = letter(3, In_Reply_To=ours.replace(f".{arrived.contact}.", ".x" + arrived.contact))
        await soon(lambda: bool(intake.all(e.ReplyArrived)))
        again = letter(4, In_Reply_To="<letter-2@example.org>")
        await soon(lambda: not intake.pipeline.left)
        await asyncio.to_thread(hand_over, intake.port, again)
        await soon(lambda: len(intake.all(e.ReplyArrived)) == 2)
        await asyncio.to_thread(hand_over, intake.port, forged)
        await soon(lambda: len(intake.all(e.ContactQueued)) == 2)

    played(store, tmp_path, story)


def test_each_recipient_has_its_answer(store: StoreServer, tmp_path: Path) -> None:
    async def story(intake: Intake) -> None:
        refused = await asyncio.to_thread(
            hand_over, intake.port, letter(1), "stranger@example.test", OFFICE
        )
        assert {address: code for address, (code, _) in refused.items()} == {
            "stranger@example.test": 550
        }
        await soon(lambda: bool(intake.all(e.ContactQueued)))

    played(store, tmp_path, story)


def test_what_is_too_large_is_refused_and_a_long_line_is_not(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake) -> None:
        long_line = letter(1) + b"x" * 40_000 + b"\r\n"
        assert not await asyncio.to_thread(hand_over, intake.port, long_line)
        with pytest.raises(smtplib.SMTPResponseException) as told:
            await asyncio.to_thread(hand_over, intake.port, letter(2) + b"y" * 1_100_000)
        assert told.value.smtp_code == 552

    played(store, tmp_path, story)


def test_without_the_store_nothing_is_acknowledged(store: StoreServer, tmp_path: Path) -> None:
    async def story(intake: Intake) -> None:
        assert store.process is not None
        store.process.kill()
        with pytest.raises(smtplib.SMTPDataError) as told:
            await asyncio.to_thread(hand_over, intake.port, letter(1))
        assert told.value.smtp_code == 451

    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())

    async def whole() -> None:
        async with running(store.url, tmp_path / "state") as intake:
            await story(intake)

    asyncio.run(whole())


def test_a_full_disk_is_said_so_that_the_mail_is_kept_elsewhere(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(intake: Intake) -> None:
        def full(_data: bytes) -> str:
            raise OSError(28, "No space left on device")

        intake.pipeline.blobs.keep = full  # type: ignore[method-assign, assignment]
        with pytest.raises(smtplib.SMTPDataError) as told:
            await asyncio.to_thread(hand_over, intake.port, letter(1))
        assert told.value.smtp_code == 452
        assert intake.pipeline.counts["disk"] == 1

    played(store, tmp_path, story)


def test_what_no_reader_understands_is_shown_as_it_came(store: StoreServer, tmp_path: Path) -> None:
    async def story(intake: Intake) -> None:
        bomb = b"Subject: bomb\r\n" + b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n)
            for n in range(1200)
        )
        await asyncio.to_thread(hand_over, intake.port, bomb)
        await asyncio.to_thread(hand_over, intake.port, letter(2))
        await soon(lambda: len(intake.all(e.ContactQueued)) == 2)

    played(store, tmp_path, story)


def test_the_envelope_of_a_claim_is_an_envelope_like_any_other() -> None:
    command = ContactReported(
        contact=ContactId("c1"), channel=Channel.EMAIL, frontend=FrontendId(""), dialled="office"
    )
    head, tail = encode_around_first("intake-0-claims", 1_764_000_000, 5, (command,))
    found = decode_envelope(head + b"\xcf" + (77).to_bytes(8, "big") + tail)
    assert (found.source, found.epoch, found.first) == ("intake-0-claims", 1_764_000_000, 77)
    assert found.commands == (command,)


def test_a_blob_has_one_name_for_us_alone_and_no_other_path(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.prepare()
    name = blobs.keep(b"hello")
    assert blobs.keep(b"hello") == name
    assert blobs.path(name).stat().st_mode & 0o777 == 0o600
    for wrong in ("../x", "", "a" * 63, "A" * 64):
        with pytest.raises(NoSuchBlob):
            blobs.read(wrong)
    with pytest.raises(NoSuchBlob):
        blobs.read_document("../../etc/passwd")


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n"]
)
def test_no_second_mail_is_smuggled_in_behind_the_first(
    store: StoreServer, tmp_path: Path, end: bytes
) -> None:
    async def story(intake: Intake) -> None:
        smuggled = b"MAIL FROM:<e@x.y>\r\nRCPT TO:<office@example.test>\r\nDATA\r\nsecond\r\n.\r\n"
        words = [
            b"LHLO x\r\n", b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<office@example.test>\r\n",
            b"DATA\r\n", b"Subject: first\r\n\r\nwords" + end + smuggled,
        ]  # fmt: skip
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        await reader.readline()
        for word in words:
            writer.write(word)
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.2)
        assert len(intake.all(e.ContactArrived)) <= 1

    played(store, tmp_path, story)
