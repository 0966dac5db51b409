"""Faxes in virtual time: what was sent is what was received, bit by bit, or both ends know."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from callcenter.adapters.fax.terminal import (
    DROPPED,
    NOT_KEPT,
    AudioFax,
    FaxTerms,
    ImageFax,
)
from tests.adapters.fax import pages
from tests.adapters.fax.line import RECEIVER, SENDER, Line, fax

KINDS = (AudioFax, ImageFax)
FAXES = 30


@pytest.mark.parametrize("kind", KINDS)
def test_pages_arrive_bit_by_bit(kind: type[AudioFax], tmp_path: Path) -> None:
    source = pages.write(tmp_path / "sent.tif", [1, 2, 3])
    done = fax(source, tmp_path / "got.tif", kind)
    assert done.sent.is_complete
    assert done.received.is_complete
    assert done.received.ecm
    assert done.received.bit_rate == 14_400
    assert done.received.pages == done.sent.pages == 3
    assert pages.differing(tmp_path / "got.tif", [1, 2, 3]) == [0, 0, 0]


@pytest.mark.parametrize(
    ("terms", "rate", "ecm"),
    [(FaxTerms(ecm=False), 14_400, False), (FaxTerms(v17=False), 9600, True)],
)
def test_older_machines_are_understood(
    terms: FaxTerms, rate: int, ecm: bool, tmp_path: Path
) -> None:
    source = pages.write(tmp_path / "sent.tif", [4])
    done = fax(source, tmp_path / "got.tif", sender=terms)
    assert (done.received.bit_rate, done.received.ecm) == (rate, ecm)
    assert pages.differing(tmp_path / "got.tif", [4]) == [0]


def test_each_end_learns_who_the_other_is_and_where_the_fax_is_to_go(tmp_path: Path) -> None:
    source = pages.write(tmp_path / "sent.tif", [5])
    done = fax(source, tmp_path / "got.tif")
    assert done.received.ident == SENDER.ident
    assert done.received.sub_address == "4711"
    assert done.sent.ident == RECEIVER.ident


def test_t38_at_a_fifth_of_all_datagrams_lost_delivers_identical_pages(tmp_path: Path) -> None:
    source = pages.write(tmp_path / "sent.tif", [6, 7])
    done = fax(source, tmp_path / "got.tif", ImageFax, loss=0.2, seed=38)
    assert done.sent.is_complete
    assert done.received.is_complete
    assert pages.differing(tmp_path / "got.tif", [6, 7]) == [0, 0]


def test_sound_that_loses_a_frame_in_a_thousand_is_mended_by_ecm(tmp_path: Path) -> None:
    source = pages.write(tmp_path / "sent.tif", [8])
    done = fax(source, tmp_path / "got.tif", loss=0.001, seed=3)
    assert done.received.is_complete
    assert pages.differing(tmp_path / "got.tif", [8]) == [0]


def test_no_fax_of_many_is_lost_or_changed_on_the_way(tmp_path: Path) -> None:
    """Every kind of line and machine; a confirmed page is a page that is there."""
    chance = random.Random(500)
    used = time.process_time()
    for number in range(FAXES):
        seeds = [chance.randrange(10_000) for _ in range(chance.randint(1, 3))]
        kind = chance.choice(KINDS)
        loss = chance.choice([0, 0.05, 0.2]) if kind is ImageFax else 0
        source = pages.write(tmp_path / f"{number}.tif", seeds)
        target = tmp_path / f"{number}-got.tif"
        terms = msgspec.structs.replace(SENDER, ecm=loss > 0 or chance.random() < 0.8)
        done = fax(source, target, kind, loss=loss, seed=number, sender=terms)
        assert done.sent.pages <= pages.count(target)
        assert done.received.is_complete, (number, done)
        assert pages.differing(target, seeds) == [0] * len(seeds)
    assert time.process_time() - used < FAXES * 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_ends_in_the_middle_keeps_the_pages_before(
    kind: type[AudioFax], tmp_path: Path
) -> None:
    source, target = pages.write(tmp_path / "sent.tif", [1, 2, 3]), tmp_path / "got.tif"
    sender, receiver = kind(SENDER, send=source), kind(RECEIVER, receive=target)
    after = [40]

    def until_page_two(_step: int) -> bool:
        after[0] -= receiver.pages >= 1
        return after[0] > 0

    done = Line(sender, receiver).run(until_page_two)
    assert done.received.code == done.sent.code == DROPPED
    assert done.received.pages == 1
    assert pages.count(target) == 1
    assert pages.differing(target, [1]) == [0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_cannot_be_kept_is_never_confirmed(
    kind: type[AudioFax], tmp_path: Path
) -> None:
    def full_disk(page: int, _file: Path) -> None:
        if page == 2:
            raise OSError(28, "No space left on device")

    source, target = pages.write(tmp_path / "sent.tif", [1, 2, 3]), tmp_path / "got.tif"
    sender, receiver = kind(SENDER, send=source), kind(RECEIVER, receive=target, keep=full_disk)
    done = Line(sender, receiver).run()
    assert receiver.is_silent
    assert done.received.code == NOT_KEPT
    assert (done.received.pages, done.sent.pages) == (1, 1)
    assert not done.sent.is_complete


def test_a_receiver_without_a_place_to_write_says_so_to_the_sender(tmp_path: Path) -> None:
    source = pages.write(tmp_path / "sent.tif", [1])
    done = fax(source, tmp_path / "no" / "such" / "folder" / "got.tif")
    assert not done.sent.is_complete
    assert done.sent.pages == done.received.pages == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_machine_that_says_nothing_is_given_up(kind: type[AudioFax], tmp_path: Path) -> None:
    receiver = kind(RECEIVER, receive=tmp_path / "got.tif")
    seconds = 0.0
    while not receiver.is_over and seconds < 120:
        if isinstance(receiver, AudioFax):
            receiver.speak()
            receiver.miss(160)
        else:
            receiver.step()
        seconds += 0.02
    assert receiver.hang_up().pages == 0
    assert seconds < 60
    receiver.close()


def test_no_confirmed_page_is_missing_after_a_crash_at_any_step(tmp_path: Path) -> None:
    """The receiver is killed in the middle; what the sender took for confirmed is on the disk."""
    source = pages.write(tmp_path / "sent.tif", [1, 2, 3])
    chance = random.Random(9)
    for life in range(12):
        target, steps = tmp_path / f"got-{life}.tif", chance.randrange(200, 1300)
        program = [
            sys.executable,
            "-m",
            "tests.adapters.fax.crash",
            f"{source}",
            f"{target}",
            f"{steps}",
        ]
        child = subprocess.run(program, capture_output=True, text=True, check=False)
        assert child.returncode == -9, child.stderr
        confirmed = int(child.stdout.split()[-1])
        assert pages.count(target) >= confirmed
        if confirmed > 0:
            assert pages.differing(target, [1, 2, 3][:confirmed]) == [0] * confirmed


def test_mutated_packets_of_t38_crash_nothing() -> None:
    """Five thousand, in a process of their own: a crash would be seen."""
    program = [sys.executable, "-m", "tests.adapters.fax.mutate", "5000"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    child = subprocess.run(program, capture_output=True, text=True, check=False, env=environment)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == "5000 heard"
