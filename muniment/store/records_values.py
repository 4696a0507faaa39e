"""A record's values: checked on the way in, as text in the database, as Python on the way out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import RowMapping

from muniment.errors import InputError, UsageError
from muniment.model.columns import DECIMAL_PLACES, DECIMAL_PRECISION, Column, ColumnKind
from muniment.model.records import RECORD_TABLE_BY_NAME, RecordTable
from muniment.model.times import format_time, to_nanos

_FIXED_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z", re.ASCII)
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST = Decimal(10) ** (DECIMAL_PRECISION - DECIMAL_PLACES)
_STEP = Decimal(1).scaleb(-DECIMAL_PLACES)


def record_table(name: str) -> RecordTable:
    """The record table of this name; UsageError where there is none."""
    table = RECORD_TABLE_BY_NAME.get(name)
    if table is None:
        known = ", ".join(sorted(RECORD_TABLE_BY_NAME))
        raise UsageError(f"no record table is called `{name}`. Name one of: {known}.")
    return table


def fixed_time(value: object, where: str) -> str:
    """The fixed string of a time; InputError names `where` for a text that is none."""
    if not isinstance(value, str):
        raise InputError(
            f"{where}: `{value!r:.60}` is not a time. Give an ISO 8601 text with zone."
        )
    try:
        # The fixed form itself, inside the range of nanoseconds, needs only its calendar checked.
        if _FIXED_TIME.match(value) and "1680" <= value < "2261":
            datetime.fromisoformat(value[:19])
            return value
        instant = format_time(to_nanos(value))
    except ValueError as error:
        raise InputError(f"{where}: {error}. Give an ISO 8601 text with zone.") from None
    return instant


def checked_values(table: RecordTable, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in their one stored form, every own column present (None where absent).

    Times and decimals may come in any exact spelling and leave as their fixed strings. Raises
    InputError, naming table and column, for an unknown column, a missing required value, a value
    of another kind, or one outside the column's choices.
    """
    unknown = values.keys() - _OWN_NAMES[table.name]
    if unknown:
        raise InputError(
            f"record `{table.name}` has no column `{min(unknown)}`. "
            f"Its columns are: {', '.join(sorted(table.own_names))}."
        )
    return {
        column.name: _checked(table, column, values.get(column.name)) for column in table.columns
    }


def checked_names(table: RecordTable, names: Sequence[str], what: str) -> tuple[str, ...]:
    """The column names, sorted and once each; InputError for one that the table lacks."""
    unknown = set(names) - _OWN_NAMES[table.name]
    if unknown:
        raise InputError(f"record `{table.name}` has no column `{min(unknown)}` to be {what}.")
    return tuple(sorted(set(names)))


def _checked(table: RecordTable, column: Column, value: Any) -> Any:
    where = f"record `{table.name}`, column `{column.name}`"
    if value is None:
        if column.required:
            raise InputError(f"{where}: a value is required and none was given.")
        return None
    kind = column.kind
    if kind is ColumnKind.TEXT:
        return _checked_choice(column, _checked_text(value, where), where)
    if kind is ColumnKind.TIME:
        return fixed_time(value, where)
    if kind is ColumnKind.DECIMAL:
        return _checked_decimal(value, where)
    if kind is ColumnKind.TEXT_LIST:
        if not isinstance(value, (list, tuple)):
            raise InputError(f"{where}: `{value!r:.60}` is not a list of texts.")
        return [_checked_text(each, where) for each in value]
    wanted = bool if kind is ColumnKind.BOOLEAN else int
    if type(value) is not wanted or (wanted is int and not -(2**63) <= value < 2**63):
        raise InputError(f"{where}: `{value!r:.60}` is not {kind.value} of 64 bits or less.")
    return value


def _checked_text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: `{value!r:.60}` is not a text.")
    if _UNKEEPABLE.search(value):
        raise InputError(
            f"{where}: the text holds a NUL or half a character, which no database and no "
            "canonical form can keep. Remove it at the source."
        )
    return value


def _checked_choice(column: Column, value: str, where: str) -> str:
    if column.choices and value not in column.choices:
        choices = ", ".join(column.choices)
        raise InputError(f"{where}: `{value:.60}` is not one of: {choices}.")
    return value


def _checked_decimal(value: object, where: str) -> str:
    try:
        if isinstance(value, (bool, float)):
            raise InvalidOperation
        number = Decimal(value)  # type: ignore[arg-type]
        exact = number.quantize(_STEP) if number.is_finite() and abs(number) < _LARGEST else None
    except (InvalidOperation, TypeError, ValueError):
        exact = None
    if exact is None or exact != number:
        raise InputError(
            f"{where}: `{value!r:.60}` is not a decimal of at most "
            f"{DECIMAL_PRECISION - DECIMAL_PLACES} whole digits and {DECIMAL_PLACES} places. "
            "Give it as text; nothing is rounded silently."
        )
    return f"{abs(exact) if exact.is_zero() else exact:f}"


def to_database(table: RecordTable, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the database keeps it: lists as canonical JSON text."""
    stored = dict(row)
    for name in list_names(table):
        if stored[name] is not None:
            stored[name] = json.dumps(stored[name], ensure_ascii=False, separators=(",", ":"))
    return stored


def from_database(table: RecordTable, row: RowMapping) -> dict[str, Any]:
    """A row as Python: lists as `list[str]`, all columns present in the model's order."""
    read: dict[str, Any] = {name: row[name] for name in _NAMES[table.name]}
    for name in list_names(table):
        if read[name] is not None:
            read[name] = json.loads(read[name])
    return read


_NAMES = {
    table.name: tuple(c.name for c in table.all_columns) for table in RECORD_TABLE_BY_NAME.values()
}
_OWN_NAMES = {table.name: table.own_names for table in RECORD_TABLE_BY_NAME.values()}
_LIST_NAMES: dict[str, tuple[str, ...]] = {
    table.name: tuple(c.name for c in table.all_columns if c.kind is ColumnKind.TEXT_LIST)
    for table in RECORD_TABLE_BY_NAME.values()
}


def list_names(table: RecordTable) -> tuple[str, ...]:
    """Names of the table's list columns."""
    return _LIST_NAMES[table.name]
