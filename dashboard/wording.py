"""The words, signs and number forms of the screen; the same everywhere, so that states compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from muniment.model import times

NONE = "–"


@dataclass(frozen=True, slots=True)
class Status:
    """How a state is shown: sign and word first, colour third. mark: filled, tint or outline."""

    sign: str
    word: str
    colour: str
    mark: str


CONTROL_STATES: dict[str, Status] = {
    "error": Status("✘", "Test error", "broken", "filled"),
    "fail": Status("▲", "Exceptions", "exception", "filled"),
    "undetermined": Status("?", "Undetermined", "doubt", "tint"),
    "stale": Status("▽", "Stale", "doubt", "outline"),
    "pending": Status("…", "Not settled yet", "open", "tint"),
    "not_tested": Status("○", "Not tested", "open", "outline"),
    "excepted": Status("◊", "Excepted", "doubt", "outline"),
    "attested": Status("◉", "Attested", "evidence", "outline"),
    "pass": Status("✓", "No exceptions", "evidence", "filled"),
    "not_applicable": Status("–", "Not applicable", "na", "none"),
}
REQUIREMENT_STATES: dict[str, Status] = {
    "exceptions_noted": Status("▲", "Exceptions noted", "exception", "filled"),
    "partly_evidenced": Status("½", "Partly evidenced", "evidence", "tint"),
    "not_tested": Status("○", "Not tested", "open", "outline"),
    "manual_evidence_needed": Status("¶", "Manual evidence needed", "human", "tint"),
    "evidenced": Status("✓", "Evidenced", "evidence", "filled"),
    "not_yet_in_application": Status("→", "Not yet in application", "later", "outline"),
    "not_applicable": Status("–", "Not applicable", "na", "none"),
}
OUTCOMES: dict[str, Status] = {
    "exception": Status("▲", "Exception", "exception", "filled"),
    "undetermined": CONTROL_STATES["undetermined"],
    "pending": CONTROL_STATES["pending"],
    "pass": Status("✓", "No exception", "evidence", "filled"),
}
NOT_CONCLUDED = ("error", "undetermined", "stale", "pending", "not_tested")
SEVERITIES = ("critical", "high", "medium", "low")
UNKNOWN = Status("?", "Unknown state", "doubt", "tint")


def number(value: int) -> str:
    """`1,234,567`, with U+2212 for minus."""
    return f"{value:,}".replace("-", "\u2212")


def of(part: int, whole: int) -> str:
    """`14 of 3,862`; a dash where there is no population, since 0 of 0 says nothing."""
    return f"{number(part)} of {number(whole)}" if whole else NONE


def share(part: int, whole: int) -> str:
    """`0.36 %`, or a dash without a population; small shares never round down to 0."""
    if not whole:
        return NONE
    percent = 100 * part / whole
    return "< 0.01 %" if 0 < percent < 0.005 else f"{percent:.2f} %"


def plural(count: int, one: str, many: str) -> str:
    """`1 control`, `2 controls`."""
    return f"{number(count)} {one if count == 1 else many}"


def moment(text: str | None, seconds: bool = False) -> str:
    """`2026-11-20 18:04 UTC` of a fixed time string, or a dash."""
    if not text:
        return NONE
    return f"{text[:10]} {text[11 : 19 if seconds else 16]} UTC"


def span(first: str, last: str) -> str:
    """`5 min 56 s` between two fixed time strings."""
    seconds = (times.to_nanos(last) - times.to_nanos(first)) // times.NANOS
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{number(hours)} h {minutes:02d} min"
    return f"{minutes} min {seconds % 60:02d} s" if minutes else f"{seconds} s"


def local_day(text: str, time_zone: str, *, before: bool = False) -> str:
    """The day of an instant in the organisation's zone; before: of the last moment before it."""
    nanos = times.to_nanos(text) - (1 if before else 0)
    instant = datetime.fromtimestamp(nanos // times.NANOS, UTC)
    return instant.astimezone(ZoneInfo(time_zone)).date().isoformat()


def period(start: str, end: str, time_zone: str) -> str:
    """`2026-08-23 to 2026-11-20`: first and last day of [start, end) in the organisation's zone."""
    return f"{local_day(start, time_zone)} to {local_day(end, time_zone, before=True)}"


def days_between(first: str, last: str) -> list[str]:
    """Every ISO day from first to last, both included."""
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    return [(start + timedelta(n)).date().isoformat() for n in range((end - start).days + 1)]


def digest(text: str | None, head: int = 8) -> str:
    """`9f31c07a…c07a`: enough of a digest to compare by eye, or a dash."""
    if not text:
        return NONE
    return text if len(text) <= head + 5 else f"{text[:head]}…{text[-4:]}"


def named(value: object) -> str:
    """A value of the vocabulary as words: `high_risk` as `high risk`."""
    return str(value).replace("_", " ")
