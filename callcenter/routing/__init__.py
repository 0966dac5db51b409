"""Wait, be matched by skill, be offered: who gets whom, and in which order.

`admission` lets a contact into a queue or names the exit, `place` orders those who wait, `skills`
turns requirements and proficiencies into bits, `terms` says what else a contact asks, `engine` finds
the agent for a contact and the contact for an agent, `choice` which of several, `plan` what changes
while it waits, `evidence` says why in words, `explain` why not somebody else, `gaps` whom to train.
`lookahead` plays the queue forward to tell how long they will wait, from what `spread` and `experience`
remember of talks, patience and arrivals.
"""
