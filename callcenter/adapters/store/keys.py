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
    {cc}:chat:CONTACT:said        list     messages of a living chat, as JSON: the erasable place of
                                           its words; the position is the message's place. On the
                                           disk when it is over; expires (CHAT_DAYS)
    {cc}:chat:CONTACT:names       hash     name of a message to its place; `.over` has why it ended,
                                           `.copy` that its visitor wants it by mail,
                                           `.copied`, and `.sent` and `.tried` how far a messenger
                                           has it
    {cc}:chat:seen                zset     chat to when its visitor's page was last there (UTC, s)
    {cc}:chat:of                  hash     digest of messenger and sender to the chat she has
    {cc}:chat:to                  hash     chat to `Party` as JSON: where its answers go; until it is
                                           over and they are sent
    {cc}:chats                    channel  `said CONTACT PLACE`, `over CONTACT`,
                                           `typing CONTACT visitor`, `typing CONTACT agent NAME`
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
CHAT_DAYS = 30
"""A conversation of which nobody said that it is over is forgotten after so long."""


class Keys:
    """The keys of one center."""

    __slots__ = (
        "_prefix", "archived", "archiver", "center", "chats", "chats_of", "chats_seen",
        "chats_to", "cmds", "dead", "epoch", "events", "head",
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
        self.chats = prefix + "chats"
        self.chats_seen = prefix + "chat:seen"
        self.chats_of = prefix + "chat:of"
        self.chats_to = prefix + "chat:to"
        self.pending = prefix + "intake:pending"
        self.sequences = prefix + "intake:sequences"
        self.outbox = prefix + "intake:outbox"
        self.marks = prefix + "intake:marks"

    def claim(self, digest: str) -> str:
        """Tells which contact something that arrived became."""
        return f"{self._prefix}claim:{digest}"

    def chat_said(self, contact: str) -> str:
        """What was said in a chat."""
        return f"{self._prefix}chat:{contact}:said"

    def chat_names(self, contact: str) -> str:
        """By which names its messages are known again."""
        return f"{self._prefix}chat:{contact}:names"

    def frontend_lease(self, frontend: str) -> str:
        """Lives as long as that front end does."""
        return f"{self._prefix}frontend:{frontend}:lease"

    def frontend_records(self, frontend: str) -> str:
        """What that front end needs to take its calls back."""
        return f"{self._prefix}frontend:{frontend}:records"
