"""What a column is, and the six kinds of value that evidence may hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DECIMAL_PRECISION = 28
DECIMAL_PLACES = 9


class ColumnKind(StrEnum):
    """The kinds of value: floats are absent, since two encoders may print one float differently.

    TIME is nanoseconds since 1970 UTC in Arrow (`timestamp[ns]`) and, everywhere else, the fixed
    string `2026-11-20T18:04:00.000000000Z`. DECIMAL is `decimal128(28, 9)` in Arrow and, everywhere
    else, a string with exactly nine places.
    """

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    TIME = "time"
    TEXT_LIST = "text_list"


@dataclass(frozen=True, slots=True)
class Column:
    """One named value of an entry or a record, with its kind and meaning."""

    name: str
    kind: ColumnKind
    meaning: str
    group: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
