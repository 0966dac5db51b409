"""The store: one Redis or Valkey that holds the journal and what must outlive a process.

Read in this order: `keys` (what is in it), `scripts` (what must happen at once), `journal`
(commands in, events out), `leader` (the one writer), `follower` (snapshots, archive,
standby), `past` (all of it to look back on) and `explain` (why).
"""
