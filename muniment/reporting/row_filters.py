"""What templates may compute from rows: counts by a column, minutes between two times, medians."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from muniment.model import times
from muniment.reporting.scope import NOT_RECORDED

_DECIMAL = re.compile(r"-?\d+\.\d{9}")


def words(value: object) -> str:
    """A recorded value as words: lists joined, yes or no, times to the minute; or not recorded."""
    if value is None or value in ("", []):
        return NOT_RECORDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    text = str(value)
    is_time = len(text) == 30 and text[10] == "T" and text.endswith("Z")
    if is_time:
        return f"{text[:10]} {text[11:16]} UTC"
    # Decimals are kept with nine places.
    return text.rstrip("0").rstrip(".") if _DECIMAL.fullmatch(text) else text


def counts(rows: Iterable[Mapping[str, Any]], column: str) -> list[tuple[str, int]]:
    """How many rows have each value of a column, the most frequent first."""
    found = Counter(words(row[column]) for row in rows)
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def minutes(rows: Iterable[Mapping[str, Any]], start: str, end: str) -> list[float]:
    """Minutes from one time of a row to another, for the rows that have both."""
    return [
        (times.to_nanos(row[end]) - times.to_nanos(row[start])) / times.NANOS / 60
        for row in rows
        if row[start] and row[end]
    ]


def median(values: Sequence[float]) -> str:
    """`12.5`, the middle value with one decimal; a dash of nothing."""
    if not values:
        return "–"
    held, half = sorted(values), len(values) // 2
    middle = held[half] if len(held) % 2 else (held[half - 1] + held[half]) / 2
    return f"{middle:,.1f}"
