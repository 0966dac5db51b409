"""People who handle contacts: skills, training, presence, capacity, wrap-up.

`agent` is what is remembered of one person at work, `capacity` says what she may be offered beside
what she has, `presence` what she is shown as and what she may ask for,
`hindrance` what keeps her from one more contact, and until when.
"""
