"""The demo's own time: its year, its periods, and instants as nanoseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from muniment.model import times

TIME_ZONE = "Europe/Copenhagen"
ZONE = ZoneInfo(TIME_ZONE)
AS_OF = "2026-11-20T18:00:00.000000000Z"
# A month before, people looked for the first time: what changed since then is news.
EARLIER_AS_OF = "2026-10-20T18:00:00.000000000Z"
PERIOD_DAYS = 90
MICRO = 1_000
MILLI = 1_000_000
SECOND = times.NANOS
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

AS_OF_NANOS = times.to_nanos(AS_OF)
PERIOD_START_NANOS = AS_OF_NANOS - PERIOD_DAYS * DAY
PERIOD_START = times.format_time(PERIOD_START_NANOS)
FIRST_DAY = date(2025, 11, 20)
LAST_DAY = date(2026, 11, 20)
LOG_DAYS = tuple(FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
# No ordinary run is still open at the as-of instant.
LAST_END = AS_OF_NANOS - 30 * MINUTE


def at(text: str) -> int:
    """Nanoseconds of an ISO text that states its zone; a bare date is 07:00 UTC of that day."""
    return times.to_nanos(text if len(text) > len("2026-11-20") else f"{text}T07:00:00Z")


def local(day: date, hour: int, minute: int = 0, second: int = 0) -> int:
    """The instant of a Copenhagen wall-clock time."""
    moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZONE)
    return int(moment.timestamp()) * SECOND


def utc_text(nanos: int) -> str:
    """ISO text in UTC with as many decimals as the instant needs: three, six or nine."""
    whole = times.format_time(nanos)
    if nanos % MICRO:
        return whole
    return f"{whole[:23]}Z" if nanos % MILLI == 0 else f"{whole[:26]}Z"


def local_text(nanos: int) -> str:
    """ISO text in Copenhagen time with its offset, as the ticket tool writes it."""
    moment = datetime.fromtimestamp(nanos // SECOND, UTC).astimezone(ZONE)
    text = moment.isoformat()
    fraction = f"{nanos % SECOND:09d}"
    return f"{text[:19]}.{fraction if nanos % MICRO else fraction[:6]}{text[19:]}"
