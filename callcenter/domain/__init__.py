"""The words: nouns, commands, events, units and endings that every room speaks.

Why: rooms do not know each other. What they share is this vocabulary and nothing else, so a
change of one room is never a change of another. Nothing of ours is imported here.
"""
