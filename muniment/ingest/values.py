"""Turning one value of a source into one value of a column, exactly or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from muniment.ingest.canonical_text import canonical_text
from muniment.ingest.rows import MAX_TEXT_BYTES, RowError
from muniment.model.columns import DECIMAL_PLACES, DECIMAL_PRECISION, Column, ColumnKind
from muniment.model.times import MAX_NANOS, MIN_NANOS, NANOS, format_time, parse_time

_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_EPOCH = {"epoch_s": 0, "epoch_ms": 3, "epoch_us": 6, "epoch_ns": 9}
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_UNITS = {"micros_to_units": Decimal(1_000_000), "cents_to_units": Decimal(100)}


def to_text(column: str, value: Any) -> str:
    """A scalar as text; RowError for an object, a list, or a text that no database can hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return canonical_text(value)
    if not isinstance(value, str):
        raise RowError(f"{column}: not a text", f"`{column}` is {_kind(value)}, not a text")
    if len(value) * 4 > MAX_TEXT_BYTES or not value.isascii() or "\x00" in value:
        _check_text(column, value)
    return value


def _check_text(column: str, value: str) -> None:
    if _BAD_TEXT.search(value):
        raise RowError(
            f"{column}: NUL or half a character",
            f"`{column}` holds a NUL or half a character (lone surrogate), which cannot be stored",
        )
    size = len(value.encode("utf-8"))
    if size > MAX_TEXT_BYTES:
        raise RowError(
            f"{column}: text too long",
            f"`{column}` has {size:,} bytes; the limit is {MAX_TEXT_BYTES:,}. Map its `digest`",
        )


def to_integer(column: str, value: Any) -> int:
    """A whole number of 64 bits."""
    number = to_decimal(column, value)
    if number != number.to_integral_value() or not -(2**63) <= number < 2**63:
        raise RowError(
            f"{column}: not a whole number",
            f"`{column}` is `{str(value)[:60]}`, not a whole number of 64 bits",
        )
    return int(number)


def to_boolean(column: str, value: Any) -> bool:
    """A truth value: true, false, yes, no, 1 or 0."""
    if isinstance(value, bool):
        return value
    found = _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, (str, int)) else None
    if found is None:
        raise RowError(
            f"{column}: not true or false",
            f"`{column}` is `{str(value)[:60]}`, neither true nor false",
        )
    return found


def to_decimal(column: str, value: Any) -> Decimal:
    """An exact number. Thousands separators and decimal commas are refused, never guessed."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        number = Decimal(value)
    elif isinstance(value, str) and _NUMBER.match(value.strip()):
        number = Decimal(value.strip())
    else:
        raise RowError(
            f"{column}: not a number", f"`{column}` is `{str(value)[:60]}`, not a plain number"
        )
    if not number.is_finite() or abs(number.adjusted()) > 60 or len(number.as_tuple().digits) > 80:
        raise RowError(f"{column}: number out of range", f"`{column}` is out of range")
    return number


def to_fixed_decimal(column: str, value: Any, unit: str | None, keep: int | None) -> str:
    """The string with nine places; RowError for a value with more, unless rounding is declared."""
    number = to_decimal(column, value)
    with localcontext(prec=100):
        if unit is not None:
            number = number / _UNITS[unit]
        if keep is not None:
            number = number.quantize(Decimal(1).scaleb(-keep), rounding=ROUND_HALF_EVEN)
        fixed = number.quantize(Decimal(1).scaleb(-DECIMAL_PLACES))
        if fixed != number:
            raise RowError(
                f"{column}: more than nine decimals",
                f"`{column}` is `{str(value)[:60]}` and has more than nine decimals. "
                "Declare `round` in the source map to round it",
            )
        if abs(fixed) >= Decimal(10) ** (DECIMAL_PRECISION - DECIMAL_PLACES):
            raise RowError(f"{column}: number out of range", f"`{column}` has too many digits")
        return format(abs(fixed) if fixed.is_zero() else fixed, "f")


def to_time(
    column: str, value: Any, spellings: Sequence[str], zone: tzinfo | None
) -> tuple[str, bool]:
    """The fixed time string, and whether the value stated its zone (an epoch always does).

    spellings: how it may be written, tried in turn. RowError for a local time that occurs twice or
    never in its zone, since guessing would move evidence by an hour.
    """
    failed: list[Exception] = []
    for spelling in spellings:
        try:
            nanos, stated = _instant(column, value, spelling, zone)
            return format_time(nanos), stated
        except (ValueError, OverflowError, RowError) as error:
            failed.append(error)
    # Where one spelling fits and only the zone is wanting, that is the reason, not the others.
    reason = next((error for error in failed if "zone" in str(error)), failed[0])
    if isinstance(reason, RowError):
        raise reason
    kind = "no time zone" if "no time zone" in str(reason) else "not a time"
    raise RowError(f"{column}: {kind}", f"`{column}`: {reason}") from reason


def _instant(column: str, value: Any, spelling: str, zone: tzinfo | None) -> tuple[int, bool]:
    """Nanoseconds since 1970, and whether the value stated its zone."""
    if spelling in _EPOCH:
        return _epoch(column, value, spelling), True
    if spelling == "seconds_nanos":
        return _seconds_and_nanos(column, value), True
    if spelling != "iso":
        value = _as_iso(value, spelling)
    if not isinstance(value, str):
        raise ValueError(f"`{str(value)[:60]}` is not an ISO 8601 time")
    nanos, stated = parse_time(value, zone)
    if not stated and zone is not None:
        _check_once(value.strip(), zone)
    return nanos, stated


def _as_iso(value: Any, pattern: str) -> str:
    """A time written in a pattern of strptime, as ISO 8601, with its zone where it states one."""
    text = value.strip() if isinstance(value, str) else str(value)[:60]
    try:
        return datetime.strptime(text[:100], pattern).isoformat()
    except ValueError:
        raise ValueError(f"`{text[:60]}` is not a time written as `{pattern}`") from None


def _seconds_and_nanos(column: str, value: Any) -> int:
    """An object {seconds, nanos}, as protobuf's Timestamp; nanos of 5 are 5, not 500 million."""
    if not isinstance(value, dict) or "seconds" not in value:
        raise ValueError(f"`{str(value)[:60]}` is no object of seconds and nanos")
    nanos = to_integer(column, value.get("nanos") or 0)
    if not 0 <= nanos < NANOS:
        raise ValueError(f"`{nanos}` nanoseconds are no part of a second")
    return _epoch(column, to_integer(column, value["seconds"]), "epoch_s") + nanos


def _check_once(text: str, zone: tzinfo) -> None:
    if not _NAIVE.match(text):
        return
    local = datetime.fromisoformat(text[:16].replace(" ", "T")).replace(tzinfo=zone)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise ValueError(f"`{text[:60]}` occurs twice or never in {zone}, as clocks change")


def _epoch(column: str, value: Any, spelling: str) -> int:
    number = to_decimal(column, value).scaleb(9 - _EPOCH[spelling])
    if number != number.to_integral_value():
        raise ValueError(f"`{str(value)[:60]}` is finer than a nanosecond")
    if not MIN_NANOS <= number <= MAX_NANOS:
        raise ValueError(f"`{str(value)[:60]}` lies outside the years 1679 to 2261")
    return int(number)


def to_list(column: str, value: Any) -> list[str]:
    """A list of texts; a single text is a list of one. Empty elements are left out."""
    items = value if isinstance(value, list) else [value]
    texts = [to_text(column, item) for item in items if item not in (None, "")]
    if sum(map(len, texts)) * 4 > MAX_TEXT_BYTES:
        _check_text(column, "".join(texts))
    return texts


def check_choice(column: Column, value: str) -> str:
    """The value, if the column allows it."""
    if column.choices and value not in column.choices:
        raise RowError(
            f"{column.name}: unknown value",
            f"`{column.name}` is `{value[:60]}`, not one of: {', '.join(column.choices)}",
        )
    return value


SIMPLE: dict[ColumnKind, Callable[[str, Any], Any]] = {
    ColumnKind.INTEGER: to_integer,
    ColumnKind.BOOLEAN: to_boolean,
    ColumnKind.TEXT_LIST: to_list,
}


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bytes: "binary", float: "a binary fraction"}
    return names.get(type(value), type(value).__name__)
