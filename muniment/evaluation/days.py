"""Local days by arithmetic: the number of the calendar day of an instant, without a calendar.

An offset from UTC holds for months; a day is then a division. DuckDB's own time zones cost more
than the rest of a scan. Both must give the same day, which a test holds together.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from muniment.model.times import NANOS

_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -9_223_372_800, 9_223_372_800  # what a TIMESTAMP_NS can hold, in seconds


@lru_cache(maxsize=16)
def transitions(zone: str) -> tuple[tuple[int, int], ...]:
    """(second from which it holds, offset from UTC in seconds), ascending, over all of time."""
    info = ZoneInfo(zone)

    def offset(second: int) -> int:
        moment = (_EPOCH + timedelta(seconds=second)).astimezone(info)
        return round((moment.utcoffset() or timedelta()).total_seconds())

    found = [(_FIRST, offset(_FIRST))]
    for second in range(_FIRST, _LAST, 7 * _DAY_S):
        low, high = second, second + 7 * _DAY_S
        while found[-1][1] != offset(high):
            before, after = low, high
            while after - before > 1:
                middle = (before + after) // 2
                if offset(middle) == found[-1][1]:
                    before = middle
                else:
                    after = middle
            found.append((after, offset(after)))
            low = after
    return tuple(found)


def day_number_sql(expression: str, zone: str, first: int, last: int) -> str:
    """SQL of the local day of a TIMESTAMP_NS as days since 1970, NULL for NULL.

    first, last: nanoseconds between which every value lies.
    """
    nanos = f"epoch_ns({expression})"
    known = transitions(zone)
    at = max(n for n, (second, _) in enumerate(known) if n == 0 or second * NANOS <= first)
    shift = str(known[at][1])
    for second, offset in known[at + 1 :]:
        if second * NANOS > last:
            break
        shift = f"case when {nanos} < {second * NANOS} then {shift} else {offset} end"
    # `//` cuts towards zero: seconds are first moved so far that none is negative.
    moved = 200_000 * _DAY_S
    whole = f"({nanos} // {NANOS} - cast({nanos} % {NANOS} < 0 as integer))"
    return f"(({whole} + {shift} + {moved}) // {_DAY_S} - 200000)"


def day_text(number: int) -> str:
    """The ISO date of a day's number."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + number).isoformat()
