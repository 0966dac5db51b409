"""Figures that anybody can make again: `callcenter bench …`.

Why: a claim about speed without its command, its method and its raw results is an opinion. Every
bench starts the ordinary server on an ordinary configuration, loads it from other processes, and
prints what it measured beside what would make the figure worthless (the generator's own lateness,
the disk's own fsync).
"""
