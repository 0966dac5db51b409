"""The program: command line, configuration, holder, roles, wiring.

Why: everything is put together here and nowhere else. Read in this order: `config` (what may be
set), `roles` (the table of processes), `run` and `holder` (how they live), `child` (what a process
is), `context` (what a role is given).
"""
