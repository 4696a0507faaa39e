"""What readers hand on: documents with their place in the file, and parts that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muniment.errors import InputError

MAX_TEXT_BYTES = 1 << 20
MAX_ROW_BYTES = 16 << 20
EXCERPT_CHARACTERS = 200


class RowError(InputError):
    """One row cannot become evidence; the import goes on. `kind` groups alike reasons."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(slots=True)  # not frozen: one is made for each row of a file
class Document:
    """One readable piece of a file: a line, a CSV row, a span, or an element of an array.

    place: its line, or its number from 1. value: the piece. context: the whole document around it
    (for a streamed array only the members that the map asks for). rows: the `rows` path whose array
    it is an element of; None: it is the whole document. size: its bytes in the file; 0: not known.
    """

    place: int
    value: Any
    context: Any
    rows: str | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A piece of a file that is not even a row: a broken line, a span without an id."""

    place: int
    kind: str
    reason: str
    excerpt: str


def excerpt_of(value: Any) -> str:
    """The start of a hostile value, safe to store and to show."""
    text = value if isinstance(value, str) else repr(value)
    return text[:EXCERPT_CHARACTERS].encode("ascii", "backslashreplace").decode("ascii")
