"""The demo's own time: its period, instants as nanoseconds, and a working-hour rhythm."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from muniment.model import times

TIME_ZONE = "Europe/Copenhagen"
ZONE = ZoneInfo(TIME_ZONE)
AS_OF = "2026-11-20T18:00:00.000000000Z"
PERIOD_DAYS = 90
MICRO = 1_000
MILLI = 1_000_000
SECOND = times.NANOS
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

AS_OF_NANOS = times.to_nanos(AS_OF)
PERIOD_START_NANOS = AS_OF_NANOS - PERIOD_DAYS * DAY
PERIOD_START = times.format_time(PERIOD_START_NANOS)
# The log begins five days before the period, so that a test which ignores the period shows.
FIRST_DAY = date(2026, 8, 17)
LAST_DAY = date(2026, 11, 20)
LOG_DAYS = tuple(FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))

_OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 1, 4, 9, 10, 10, 8, 5, 8, 9, 8, 6, 3, 1, 0, 0, 0, 0, 0)
_ALWAYS_HOURS = (3, 2, 2, 3, 5, 6, 7, 7, 7, 7, 6, 6, 5, 6, 6, 6, 6, 5, 5, 4, 4, 4, 3, 3)


def at(text: str) -> int:
    """Nanoseconds of an ISO text that states its zone."""
    return times.to_nanos(text)


def draw_start(rng: random.Random, *, around_the_clock: bool) -> int:
    """An instant in the logged days at which work plausibly starts, to the microsecond."""
    weekend = 0.55 if around_the_clock else 0.02
    weights = [weekend if day.weekday() >= 5 else 1.0 for day in LOG_DAYS]
    day = rng.choices(LOG_DAYS, weights)[0]
    hours = _ALWAYS_HOURS if around_the_clock else _OFFICE_HOURS
    hour = rng.choices(range(24), hours)[0]
    return local(day, hour, rng.randrange(60), rng.randrange(60)) + rng.randrange(10**6) * MICRO


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
