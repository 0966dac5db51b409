"""The root of all commands, for the files that hold some of them."""

import msgspec


class Cmd(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Root of all commands."""
