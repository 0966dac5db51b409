"""A simulated day as an archive on the disk: commands, batches, states, in many small files."""

from __future__ import annotations

from pathlib import Path
from random import Random

from callcenter.adapters.store.archive import BATCH, COMMAND, Archive, Record
from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.states import StateKeeper
from callcenter.control.center import ENGINE
from callcenter.control.replay import feed
from callcenter.domain.commands import Command, Envelope, encode_envelope
from callcenter.domain.events import Batch, Event, Input, InputKind, encode_batch
from tests.simulation.day import Day

SOURCE = "frontend-0"


class ArchivedDay:
    """Writes as leader and follower do, with all that a stream may hold: repeats and rubbish."""

    def __init__(self, directory: Path, day: Day, *, engine: str = ENGINE) -> None:
        self.directory = directory
        self.batches: list[Batch] = []
        self.replica = Replica()
        self._archive = Archive(directory)
        self._states = StateKeeper(directory)
        self._chance = Random(day.seed)
        self._engine = engine
        self._sent = 0
        self._minor = 0
        group: list[tuple[int, Input, Command | None]] = []
        for fed in day.fed:
            if group and (group[0][0] != fed[0] or len(group) >= self._chance.randint(1, 5)):
                self._commit(group)
                group = []
            group.append(fed)
        self._commit(group)
        self._archive.close()

    def _commit(self, group: list[tuple[int, Input, Command | None]]) -> None:
        replica, events, written = self.replica, list[Event](), 0
        epoch = replica.control.epoch = group[0][0]
        marks: dict[str, tuple[int, int]] = {}
        for _, given, command in group:
            named = []
            if command is not None:
                self._sent += 1
                written += self._write_command(command)
                named = [(f"{SOURCE}:1:{self._sent}", command)]
                marks[SOURCE] = (1, self._sent)
            events += feed(replica.control, given, iter(named))
        inputs = tuple(given for _, given, _ in group)
        batch = Batch(
            replica.seq + 1, epoch, max(given.now for given in inputs), f"1-{self._minor}", marks,
            inputs, self._engine, replica.control.state.version, tuple(events),
        )  # fmt: skip
        data = encode_batch(batch)
        self._archive.write(Record(BATCH, batch.seq, 0, data))
        self.batches.append(batch)
        replica.note(batch)
        finished = self._archive.sync()
        self._states.archived(replica, written + len(data), finished=finished)
        assert [given.kind for given in inputs].count(InputKind.COMMAND) >= len(marks)

    def _write_command(self, command: Command) -> int:
        data = encode_envelope(Envelope(SOURCE, 1, self._sent, 0, (command,)))
        kinds = [data] * (2 if self._chance.random() < 0.1 else 1)
        if self._chance.random() < 0.05:
            kinds.insert(0, b"\xc1 rubbish")
        for one in kinds:
            self._minor += 1
            self._archive.write(Record(COMMAND, 1, self._minor, one))
        return sum(map(len, kinds))
