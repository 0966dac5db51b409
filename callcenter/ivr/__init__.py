"""Greet and ask: a flow file is read, checked, drawn, tested and stepped.

    tree.py        YAML text -> a small tree with line and column     (limits, no anchors)
    expression.py  the conditions of `when`                           (own parser, linear)
    flow.py        what a flow is: nodes, prompts, comfort; `load_flow`
    read.py        tree -> flow, every wrong place named
    check.py       what a whole flow must keep: targets, cycles, prompts
    estimate.py    what a waiting caller is told of her place and wait
    waits.py       what a condition may ask of a queue
    session.py     one caller in one flow: the machine the front end drives
    library.py     all flows by name and revision; replaced as a whole or not at all
    play.py        a caller on a virtual clock
    test.py        the tests inside a flow file
    layout.py, draw.py   the flow as SVG and Mermaid

Why: a flow is written by people who are no programmers and changed while calls are running. So
the file is the graph itself, a wrong one is told by place and remedy, and a running call keeps
the revision it began with. The format is told in `ivr_flows/README.md`.
"""
