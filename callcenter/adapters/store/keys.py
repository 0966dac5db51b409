"""Every key of the store, with its type and its meaning. There are no others.

Why: a store without a list of its keys cannot be reviewed, sized or cleaned. All keys of a center
carry the same hash tag, so that the scripts find them on one node of a cluster.

    {cc}:cmds                     stream   one `Envelope` per source and loop turn; id = arrival
                                           field e: the envelope
    {cc}:events                   stream   one `Batch` per commit; id = `<seq>-0`
                                           field b: the batch
    {cc}:head                     hash     seq, cursor: where the journal ends
    {cc}:epoch                    string   fencing token: INCR by whoever takes the lease
    {cc}:lease                    string   owner of the lease, expires (LEASE_MS)
    {cc}:center                   hash     version, file, seq, data: the center in force
    {cc}:snapshot                 hash     seq, data, crc: the state to recover from
    {cc}:archiver                 string   who archives and trims, expires
    {cc}:archived                 string   highest batch sequence in the archive
    {cc}:lag                      string   `Health` of the leader as JSON, expires (HEALTH_MS)
    {cc}:dead                     list     commands that could not be read, newest first
                                           (DEAD_MAX): JSON with id, reason, head in hex
    {cc}:frontend:ID:lease        string   epoch of the living front end, expires (FRONTEND_MS)
    {cc}:frontend:ID:records      hash     record name to record: dialogs, flows, bindings;
                                           written with the commands of the same turn
                                           `cursor`: the event sequence it has acted on
    {cc}:parties                  hash     party id to `{"number": …, "name": …}`: the erasable
                                           place of living contacts; records moves it to the
                                           history when they end
    {cc}:claim:DIGEST             string   contact that what arrived became; expires (CLAIM_DAYS)
    {cc}:intake:pending           hash     contact to `Note` as JSON: arrived, not yet in a queue
    {cc}:intake:outbox            hash     letter to `Out` as JSON: due, and nobody said it is sent
    {cc}:intake:sequences         hash     `source:epoch` to the number of its last claim
    {cc}:intake:marks             hash     mailbox to `uidvalidity:uid`, up to which it was read
    {cc}:metrics                  hash     role name (`frontend-0`) to what it publishes for
                                           `/metrics` (`records.published`), every few seconds
"""

from __future__ import annotations

LEASE_MS = 1000
FRONTEND_MS = 3000
HEALTH_MS = 5000
ARCHIVER_MS = 5000
DEAD_MAX = 1000
CLAIM_DAYS = 60
"""Who hands something over again does so within days; mail servers give up after five."""


class Keys:
    """The keys of one center."""

    __slots__ = (
        "_prefix", "archived", "archiver", "center", "cmds", "dead", "epoch", "events", "head",
        "lag", "lease", "marks", "metrics", "outbox", "parties",
        "pending", "sequences", "snapshot",
    )  # fmt: skip

    def __init__(self, namespace: str = "cc") -> None:
        prefix = self._prefix = "{" + namespace + "}:"
        self.cmds = prefix + "cmds"
        self.events = prefix + "events"
        self.head = prefix + "head"
        self.epoch = prefix + "epoch"
        self.lease = prefix + "lease"
        self.center = prefix + "center"
        self.snapshot = prefix + "snapshot"
        self.archiver = prefix + "archiver"
        self.archived = prefix + "archived"
        self.lag = prefix + "lag"
        self.dead = prefix + "dead"
        self.parties = prefix + "parties"
        self.metrics = prefix + "metrics"
        self.pending = prefix + "intake:pending"
        self.sequences = prefix + "intake:sequences"
        self.outbox = prefix + "intake:outbox"
        self.marks = prefix + "intake:marks"

    def claim(self, digest: str) -> str:
        """Tells which contact something that arrived became."""
        return f"{self._prefix}claim:{digest}"

    def frontend_lease(self, frontend: str) -> str:
        """Lives as long as that front end does."""
        return f"{self._prefix}frontend:{frontend}:lease"

    def frontend_records(self, frontend: str) -> str:
        """What that front end needs to take its calls back."""
        return f"{self._prefix}frontend:{frontend}:records"
