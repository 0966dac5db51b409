"""The standby: the control center's second process; see `control`, which is the same program."""

from callcenter.app.roles.control import RUNNER, serve

__all__ = ["RUNNER", "serve"]
