"""What a name that may stand in the journal looks like, and how to speak of one that does not.

Why: the journal is kept for long and read by many, and nothing in it can be erased. A wrong id is
sometimes no id at all but what somebody had on the clipboard: a number, an address, a sentence.
So only what looks like a name of ours is repeated.
"""

import re

NAME_MAX = 64
REQUEST_MAX = 128
"""Of the name of a request: a source, its epoch and a number."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
UNNAMED = "unnamed"


def is_name(text: str, longest: int = NAME_MAX) -> bool:
    """Letters, digits, `_`, `.`, `:` and `-`, beginning with one of the first two."""
    return len(text) <= longest and _NAME.fullmatch(text) is not None


def quoted(text: str) -> str:
    """For a sentence about something of that name: the name, if it looks like one."""
    return repr(str(text)) if is_name(text) else "of that name"


def signed(by: str) -> str:
    """Who asked, as the journal may hold it."""
    return by if not by or is_name(by) else UNNAMED
