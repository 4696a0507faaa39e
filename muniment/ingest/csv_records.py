"""Where the records of a CSV text end, found for megabytes at a time.

Only regular text: every quote opens a cell at its start or closes it at its end (RFC 4180), lines
end with LF or CRLF, no NUL. For such text all readers of CSV agree. Other text is for the plain
reader, which knows what to say of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
_CHARACTERS = 4 << 20
_QUOTE, _LF, _CR = b'"\n\r'


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records: their bytes; where each begins and ends (behind its line end); how many cells
    each has, none for an empty line; the line on which each begins.
    """

    data: bytes
    starts: Places
    ends: Places
    cells: Places
    lines: Places


def records_of(stream: TextIO, delimiter: str, longest: int) -> Iterator[Records | None]:
    """The records of a text, some megabytes at a time; None, and no more, once it is not regular.

    longest: bytes that no record may exceed.
    """
    rest, line = b"", 1
    while True:
        block = stream.read(_CHARACTERS)
        data = rest + block.encode()
        if not block and data and not data.endswith(b"\n"):
            data += b"\n"
        found = _records(data, ord(delimiter), line)
        whole = 0 if found is None or not len(found.ends) else int(found.ends[-1])
        if found is None or len(data) - whole > longest or (not block and whole < len(data)):
            yield None
            return
        if len(found.ends):
            yield found
        if not block:
            return
        rest, line = data[whole:], line + data.count(b"\n", 0, whole)


def _records(data: bytes, delimiter: int, line: int) -> Records | None:
    held = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(held == _QUOTE)
    line_ends = np.flatnonzero(held == _LF)
    outside = _outside(quotes, line_ends)
    ends = outside[: int(np.searchsorted(outside, len(data)))] + 1
    whole = int(ends[-1]) if len(ends) else 0
    if not _is_regular(held[:whole], quotes[quotes < whole], delimiter):
        return None
    starts = np.concatenate(([0], ends))[:-1].astype(np.int64)
    delimiters = _outside(quotes, np.flatnonzero(held[:whole] == delimiter))
    counts = np.diff(np.searchsorted(delimiters, np.concatenate(([0], ends)))) + 1
    empty = held[starts + (held[starts] == _CR)] == _LF
    lines = line + np.searchsorted(line_ends, starts)
    return Records(data[:whole], starts, ends, np.where(empty, 0, counts), lines)


def _outside(quotes: Places, places: Places) -> Places:
    """The places that lie in no quoted cell."""
    return places[np.searchsorted(quotes, places) % 2 == 0] if len(quotes) else places


def _is_regular(held: npt.NDArray[np.uint8], quotes: Places, delimiter: int) -> bool:
    returns = np.flatnonzero(held == _CR)
    if (held[np.minimum(returns + 1, len(held) - 1)] != _LF).any() or (held == 0).any():
        return False
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    # A quote within a quoted cell is written twice: it closes the cell and opens it again.
    again = np.zeros(len(opening) + 1, np.bool_)
    again[1:-1] = opening[1:] == closing[:-1] + 1
    before = held[np.maximum(opening - 1, 0)]
    after = held[np.minimum(closing + 1, len(held) - 1)]
    opens = again[:-1] | (opening == 0) | np.isin(before, (delimiter, _LF))
    closes = again[1:] | np.isin(after, (delimiter, _LF, _CR))
    return bool(opens.all() and closes.all())
