"""Instants: nanoseconds since 1970 UTC, and the one string form that evidence uses.

`2026-11-20T18:04:00.000000000Z` keeps OpenTelemetry's nanoseconds, has a fixed width, and sorts as
text in every database.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

NANOS = 1_000_000_000
# What 64-bit nanoseconds can hold, less a margin of a year at each end.
MIN_NANOS = -9_190_000_000 * NANOS
MAX_NANOS = 9_190_000_000 * NANOS

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?"
    r"\s*(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?)?\Z"
)


def format_time(nanos: int) -> str:
    """The fixed string of an instant, e.g. `2026-11-20T18:04:00.000000000Z`."""
    seconds, rest = divmod(nanos, NANOS)
    # isoformat writes four year digits on every platform; strftime("%Y") does not.
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{rest:09d}Z"


def now() -> str:
    """The present instant, as its fixed string."""
    return format_time(time.time_ns())


def local_day(instant: str, time_zone: str) -> str:
    """The calendar day of an instant in a time zone, as an ISO date."""
    # Whole seconds: a float of the last nanosecond of a day rounds up into the next day.
    seconds = to_nanos(instant) // NANOS
    return datetime.fromtimestamp(seconds, ZoneInfo(time_zone)).date().isoformat()


def parse_time(text: str, zone: tzinfo | None = None) -> tuple[int, bool]:
    """The instant of an ISO 8601 text and whether the text stated its zone.

    zone: read a text without zone as local time there; without `zone` such a text is an error,
    since guessing would move evidence by hours. Raises ValueError with a reason fit for a person.
    """
    match = _ISO.match(text.strip())
    if match is None:
        raise ValueError(f"`{text[:60]}` is not an ISO 8601 time")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    digits = (fraction or "").ljust(9, "0")
    if digits[9:].strip("0"):
        raise ValueError(f"`{text[:60]}` is finer than a nanosecond")
    naive = f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}"
    if offset is not None:
        iso = naive + ("+00:00" if offset.upper() in {"Z", "UTC"} else offset)
        moment = datetime.fromisoformat(iso)
    elif zone is not None:
        moment = datetime.fromisoformat(naive).replace(tzinfo=zone)
    else:
        raise ValueError(f"`{text[:60]}` states no time zone; declare one in the source map")
    whole = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    nanos = whole * NANOS + int(digits[:9])
    if not MIN_NANOS <= nanos <= MAX_NANOS:
        raise ValueError(f"`{text[:60]}` lies outside the years 1679 to 2261")
    return nanos, offset is not None


def to_nanos(text: str) -> int:
    """The instant of a fixed string (or any ISO 8601 text that states its zone)."""
    return parse_time(text)[0]


def normal_time(text: str, zone: tzinfo = UTC) -> str:
    """The fixed string of any ISO 8601 text; one without zone is read in `zone`."""
    return format_time(parse_time(text, zone)[0])
