"""Wait, be matched by skill, be offered: who gets whom, and in which order.

`admission` lets a contact into a queue or names the exit, `place` orders those who wait, `skills`
turns requirements and proficiencies into bits, `engine` finds the agent for a contact and the
contact for an agent, `evidence` says why in words.
"""
