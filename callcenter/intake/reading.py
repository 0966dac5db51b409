"""What a reader gives back: the document, and the files that belong to it.

Why: a reader knows one format and nothing else. It gets bytes and gives values; who keeps the
files, and in which process it runs, is not its business.
"""

import msgspec

from callcenter.intake.document import Document


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was inside, before it has a place."""

    data: bytes
    name: str
    type: str
    role: str = "attachment"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found. `document.parts` is empty; `files` become its parts."""

    document: Document
    files: tuple[File, ...] = ()
