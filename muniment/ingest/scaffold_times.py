"""How a column of values spells its times, where it holds times at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

from muniment.ingest.rows import RowError
from muniment.ingest.values import to_time

# The first that fits all values is taken, so the unambiguous ones stand first.
PATTERNS = (
    "%Y/%m/%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%d.%m.%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %z", "%d-%b-%Y %H:%M:%S", "%b %d %Y %H:%M:%S", "%Y%m%dT%H%M%S%z",
    "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%Y/%m/%d",
)  # fmt: skip
AMBIGUOUS = {"%m/%d/%Y %H:%M:%S": "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M": "%d/%m/%Y %H:%M"}
# The years 2001 to 2128, in each unit; smaller numbers are durations or counts.
_EPOCHS = (("epoch_s", 9), ("epoch_ms", 12), ("epoch_us", 15), ("epoch_ns", 18))


def spelling_of(values: Sequence[Any]) -> tuple[str, bool] | None:
    """How all values spell a time, and whether they state their zone; None where they are none."""
    there = [value for value in values if value not in (None, "", "-")][:50]
    if not there:
        return None
    if all(isinstance(value, dict) for value in there):
        return ("seconds_nanos", True) if _fits(there, "seconds_nanos") else None
    if any(isinstance(value, (bool, list, dict)) for value in there):
        return None
    numbers = [_number(value) for value in there]
    if all(number is not None for number in numbers):
        found = _epoch_of([number for number in numbers if number is not None])
        if found is not None or not isinstance(there[0], str):
            return found
    for spelling in ("iso", *PATTERNS):
        stated = _fits(there, spelling)
        if stated is not None:
            return spelling, stated
    return None


def _epoch_of(numbers: list[Decimal]) -> tuple[str, bool] | None:
    for name, digits in _EPOCHS:
        if all(10**digits <= number < 4 * 10**digits for number in numbers):
            return name, True
    return None


def _fits(values: list[Any], spelling: str) -> bool | None:
    """Whether the values state their zone, where each is a time in this spelling; else None."""
    stated = True
    for value in values:
        try:
            _, states = to_time("time", value, (spelling,), UTC)
        except RowError:
            return None
        stated = stated and states
    return stated


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(value) if not isinstance(value, str) or len(value) >= 9 else None
    except (ArithmeticError, ValueError):
        return None
