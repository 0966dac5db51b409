"""Remember: every number, record and screen is a fold of the journal.

Read in this order: `visits` (how a stay in a queue ends), `counters` (what is counted),
`service_level` (what is computed from it), `live` (now and today), `contact_record` (one contact's
story), `intervals` (15 minutes at a time).

Why: a fold can be thrown away and made again. Nothing here decides, and nothing here reads a clock.
"""
