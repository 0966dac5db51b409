"""`callcenter backup` and `callcenter restore`: a living center as one file, and back.

    box        the file: parts with checksums under a manifest, written and read whole or not at all
    setup      configuration, flows and secrets beside it
    take       what goes in, and in which order, so that it is one moment of the center
    put_back   the way back into an empty state directory, store and history
    command    what is typed

Why: a center that is one disk away from being gone is not one that a person sleeps beside. The
copy is taken while calls run: it reads what the journal's readers read and asks nothing of the
leader.
"""
