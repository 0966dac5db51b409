"""A living center in one command: a configuration, the server as it is, and people who call.

Why: the first minute decides whether a stranger stays. Nothing here is known to the server: the
demo writes a configuration, starts `callcenter run` on it and lets phones in processes of their
own place real calls.
"""
