"""The control center's process: leads while it holds the lease, follows while another does.

Why: a leader that comes back after its standby took over must not take back; it becomes the
standby. So `control` and `standby` are one program, and only the lease tells them apart. Their
names say who tries first at the start.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import signal
import time

import structlog

from callcenter.adapters.priority import stand_back, stand_first
from callcenter.adapters.store.archive import Archive
from callcenter.adapters.store.check import require_safe
from callcenter.adapters.store.client import open_client
from callcenter.adapters.store.clock import HeardTime, monotonic
from callcenter.adapters.store.follower import STEP_SECONDS, Follower, acquire, connect
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.leader import Fenced, Leader, Stopped
from callcenter.adapters.store.lookahead import LookAhead
from callcenter.adapters.store.replica import Replica, catch_up, recover
from callcenter.adapters.store.resp import Connection, StoreError, pack, public_url
from callcenter.app.config import file_version
from callcenter.app.context import RoleContext
from callcenter.domain.commands import ConfigurationRequested, Envelope, encode_envelope
from callcenter.domain.units import CommandId

log = structlog.get_logger()

RUNNER = "plain"
RETRY_SECONDS = 0.05
PATIENT_SECONDS = 3.0
REPEAT_SECONDS = 30.0
"""A store that is away is told of after this long, and every so often until it answers."""
SEED_SOURCE = "files"


def serve(context: RoleContext) -> None:
    """Lead or follow until SIGTERM."""
    _ControlProcess(context).run()


class _ControlProcess:
    def __init__(self, context: RoleContext) -> None:
        self._context = context
        self._keys = Keys(context.settings.store.namespace)
        self._owner = f"{context.name}:{context.epoch}"
        self._archive_directory = context.state_directory / "archive"
        self._stopped = False
        self._dead = ""
        """The owner whose process the holder saw die."""
        self._heard = HeardTime()
        """Center time over all stretches: who led before us goes on where it was."""
        self._looks = itertools.count(1)
        """Numbers for the reports of this process, whichever stretch they are made in."""
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def run(self) -> None:
        """Terms of leading and following, until told to stop."""
        while not self._stopped:
            try:
                self._one_stretch()
            except (OSError, StoreError) as away:
                log.error("the store is away", reason=str(away))
                time.sleep(RETRY_SECONDS * 4)
            except Fenced as fenced:
                log.warning("no longer leading", reason=str(fenced))
            except Stopped:
                return

    def _one_stretch(self) -> None:
        """Recover, then lead if nobody does, else follow until nobody does."""
        with contextlib.closing(self._connect()) as connection:
            replica = recover(connection, self._keys, self._archive_directory)
            epoch = acquire(connection, self._keys, self._owner, self._dead)
            while not epoch and not self._stopped:
                self._context.line.ready()
                self._follow(connection, replica)
                if not self._stopped:
                    epoch = acquire(connection, self._keys, self._owner, self._dead)
            if epoch:
                self._lead(connection, replica, epoch)

    def _connect(self) -> Connection:
        store = self._context.settings.store
        tell_at = time.monotonic() + PATIENT_SECONDS
        while not self._stopped:
            try:
                connection = connect(self._context.store_url)
            except (OSError, StoreError) as away:
                if time.monotonic() >= tell_at:
                    tell_at += REPEAT_SECONDS
                    log.error(
                        "the store does not answer; until it does no call is taken",
                        store=public_url(self._context.store_url),
                        reason=str(away),
                        remedy="start it, or correct [store] url",
                    )
                time.sleep(RETRY_SECONDS)
                continue
            if store.url != "embedded":
                with open_client(self._context.store_url) as client:
                    require_safe(client, store.accept_loss_seconds)
            return connection
        raise Stopped

    def _follow(self, connection: Connection, replica: Replica) -> None:
        """Until the lease is free, its owner is known to be dead, or we are told to stop."""
        stand_back()
        days = self._context.settings.store.archive_days
        archive = Archive(self._archive_directory, days=days)
        follower = Follower(
            connection, self._keys, replica, archive, owner=self._owner, heard=self._heard
        )
        ahead = LookAhead(
            connection,
            self._keys,
            source=f"lookahead:{self._context.name}",
            epoch=self._context.epoch,
            numbers=self._looks,
            heard=self._heard,
        )
        while not self._stopped:
            free = follower.step()
            if free or self._hears_of_death():
                break
            if follower.archives:
                ahead.step(replica)
        follower.finish() if self._stopped else archive.close()

    def _hears_of_death(self) -> bool:
        """Wait a step; whether the holder said meanwhile that a leader's process died."""
        line = self._context.line
        if line.fileno() < 0:
            time.sleep(STEP_SECONDS)
            return False
        ready, _, _ = select.select([line.fileno()], [], [], STEP_SECONDS)
        if not ready:
            return False
        message, _ = line.receive()
        if not message:
            self._stopped = True  # the holder is gone
        elif message["op"] == "gone":
            self._dead = message["owner"]
            return True
        return False

    def _lead(self, connection: Connection, replica: Replica, epoch: int) -> None:
        stand_first()
        # What the former leader committed before it was fenced belongs to the journal.
        catch_up(connection, self._keys, replica, self._archive_directory)
        log.info("leading", epoch=epoch, seq=replica.seq)
        self._seed(connection, replica, epoch)
        leader = Leader(
            connection,
            self._keys,
            replica,
            owner=self._owner,
            epoch=epoch,
            reconnect=lambda: connect(self._context.store_url),
            stopping=lambda: self._stopped,
            on_ready=self._context.line.ready,
            start=self._heard.now(monotonic()),
        )
        self._heard.hear(leader.health().at, monotonic())
        with contextlib.closing(leader):
            try:
                leader.lead()
            finally:
                self._heard.hear(leader.health().at, monotonic())
            leader.release()

    def _seed(self, connection: Connection, replica: Replica, epoch: int) -> None:
        """Ask for the center in our file when it differs from the last one a file brought."""
        center = self._context.settings.center()
        version = file_version(center)
        if replica.control.state.version and version == replica.file_version:
            return
        request = ConfigurationRequested(
            center=center, version=version, by=SEED_SOURCE, request=CommandId(f"seed:{epoch}")
        )
        envelope = Envelope(SEED_SOURCE, epoch, 1, self._heard.told(), (request,))
        connection.calls([pack("XADD", self._keys.cmds, "*", "e", encode_envelope(envelope))])
