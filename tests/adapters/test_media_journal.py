"""What a killed worker leaves behind, and what the next one makes of it."""

from pathlib import Path

import pytest

from callcenter.adapters import media_journal
from callcenter.adapters.media_journal import Journal, LegRecord, Note
from callcenter.domain.units import SECOND, Micros
from tests.media.house import House

LEGS_MAX = 10


class Life:
    """One life of a worker's journal."""

    def __init__(self, directory: Path, house: House) -> None:
        self.house = house
        self.journal = Journal(directory, LEGS_MAX)
        self.journal.begin(house.engine.legs.values(), house.now)
        self.keep()

    def keep(self) -> None:
        """Write down what changed."""
        changed = self.house.engine.changed
        for call_id, leg in changed.items():
            self.journal.changed(call_id, leg, self.house.engine.legs.values(), self.house.now)
        changed.clear()
        self.journal.alive(self.house.now)


def found(directory: Path, now: Micros) -> dict[str, tuple[LegRecord, Note | None]]:
    """What the next worker reads."""
    journal = Journal(directory, LEGS_MAX)
    records = {record.call_id: (record, note) for record, note in journal.read(now)}
    journal.close()
    return records


def test_legs_come_back_with_their_ports_sdp_and_stream(tmp_path: Path) -> None:
    house = House()
    leg = house.caller()
    house.ask("play media", from_tag="leg", file="/prompt.au", repeat_times=9)
    life = Life(tmp_path, house)
    house.hear(leg)
    life.journal.note(leg, house.now)
    record, note = found(tmp_path, house.now)["L1"]
    assert record.phone is not None
    assert leg.phone.description is not None
    assert (record.phone.port, record.phone.sdp) == (leg.phone.port, leg.phone.description.text)
    assert record.play is not None
    assert note is not None
    assert (note.sequence, note.position, note.plays_left) == (leg.phone.line.sequence, 1, 9)


def test_the_learned_address_comes_back_too(tmp_path: Path) -> None:
    house = House()
    leg = house.caller()
    life = Life(tmp_path, house)
    house.say(leg, 1)
    life.journal.note(leg, house.now)
    note = found(tmp_path, house.now)["L1"][1]
    assert note is not None
    assert note.source == ("192.0.2.1", 4000)


def test_deleted_legs_stay_deleted_and_the_order_is_kept(tmp_path: Path) -> None:
    house = House()
    life = Life(tmp_path, house)
    for call in ("L1", "L2", "L3"):
        house.caller(call)
    life.keep()
    house.ask("delete", "L2")
    house.ask("stop media", "L1")
    life.keep()
    assert list(found(tmp_path, house.now)) == ["L1", "L3"]


def test_a_line_cut_short_by_the_end_is_left_out(tmp_path: Path) -> None:
    house = House()
    house.caller()
    Life(tmp_path, house)
    with (tmp_path / "legs.log").open("ab") as log:
        log.write(b'{"call_id":"L2","pla')
    assert list(found(tmp_path, house.now)) == ["L1"]


@pytest.mark.parametrize("seconds", [31, -1])
def test_calls_of_long_ago_and_of_another_boot_are_forgotten(tmp_path: Path, seconds: int) -> None:
    house = House()
    house.caller()
    Life(tmp_path, house)
    assert found(tmp_path, house.now + seconds * SECOND) == {}


def test_an_empty_directory_has_no_calls(tmp_path: Path) -> None:
    assert found(tmp_path / "new", SECOND) == {}


def test_the_log_is_rewritten_when_it_has_grown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_journal, "LOG_BYTES_MAX", 20_000)
    house = House()
    house.caller()
    life = Life(tmp_path, house)
    for _ in range(200):
        house.ask("play media", from_tag="leg", file="/prompt.au")
        life.keep()
    assert (tmp_path / "legs.log").stat().st_size < 21_000
    assert list(found(tmp_path, house.now)) == ["L1"]


def test_places_are_used_again_for_ever(tmp_path: Path) -> None:
    house = House()
    life = Life(tmp_path, house)
    for n in range(5 * LEGS_MAX):
        house.caller(f"L{n}")
        life.keep()
        house.ask("delete", f"L{n}")
        life.keep()
    house.caller("last")
    life.keep()
    assert list(found(tmp_path, house.now)) == ["last"]


def test_the_next_life_keeps_the_places_of_the_calls_it_takes_over(tmp_path: Path) -> None:
    house = House()
    first, second = house.caller("L1"), house.caller("L2")
    life = Life(tmp_path, house)
    house.ask("delete", "L1")
    life.keep()
    journal = Journal(tmp_path, LEGS_MAX)
    (place,) = [record.place for record, _ in journal.read(house.now)]
    journal.begin([second], house.now)
    journal.note(second, house.now + SECOND)
    ((record, note),) = journal.read(house.now)
    assert record.place == place
    assert note is not None
    assert note.at == house.now + SECOND
    assert first.call_id not in house.engine.legs
