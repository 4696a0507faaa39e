"""Dates and times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from muniment.errors import UsageError
from muniment.model import times


def moment(text: str, time_zone: str, *, end_of_day: bool) -> str:
    """The fixed time string of a date or time as people write it; UsageError when it is neither."""
    try:
        return _instant(text, ZoneInfo(time_zone), end_of_day=end_of_day)
    except ValueError as error:
        raise UsageError(
            f"{error}. Write a date (2026-11-20) or a time (2026-11-20T18:00Z)."
        ) from error


def _instant(text: str, zone: ZoneInfo, *, end_of_day: bool) -> str:
    if len(text.strip()) != len("2026-11-20"):
        return times.normal_time(text, zone)
    day = datetime.fromisoformat(text.strip())
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    if end_of_day:
        ordinal = datetime.fromordinal(day.toordinal() + 1)
        moment = datetime(ordinal.year, ordinal.month, ordinal.day, tzinfo=zone)
    return times.normal_time(moment.astimezone(UTC).isoformat())
