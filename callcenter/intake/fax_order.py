"""What is to be written on the pages of a fax that we send.

Why: whoever asks (the desk, the API, a mail) says the same things, and the process that makes pages
of them needs nothing else. `CannotFax` is what it says when it cannot.
"""

import msgspec


class CannotFax(ValueError):
    """Why no pages can be made, in words for whoever asked."""


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """What the first page says."""

    to: str = ""
    sender: str = ""
    date: str = ""
    subject: str = ""
    message: str = ""


class FaxOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A cover, then text, then the pages of a PDF; each may be missing."""

    cover: Cover | None = None
    text: str = ""
    pdf_bytes: int = 0
