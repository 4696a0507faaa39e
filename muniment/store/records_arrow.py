"""Record rows as Arrow tables, typed by the kind of each column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from muniment.model.columns import DECIMAL_PLACES, DECIMAL_PRECISION, ColumnKind
from muniment.model.records import RecordTable

ARROW_TYPES: dict[ColumnKind, pa.DataType] = {
    ColumnKind.TEXT: pa.string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.DECIMAL: pa.decimal128(DECIMAL_PRECISION, DECIMAL_PLACES),
    ColumnKind.TIME: pa.timestamp("ns"),
    ColumnKind.TEXT_LIST: pa.list_(pa.string()),
}


def record_schema(table: RecordTable) -> pa.Schema:
    """The Arrow schema of a record table: all columns, in the model's order."""
    return pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in table.all_columns])


def arrow_table(
    table: RecordTable, rows: Sequence[Sequence[Any]], absent_until: Mapping[str, str]
) -> pa.Table:
    """Rows as they come from the database (columns in the model's order) as one Arrow table.

    absent_until: by column, the instant up to which rows were recorded without such a column. Those
    rows come with the column among their `not_carried_fields`.
    """
    columns: list[tuple[Any, ...]] = [()] * len(table.all_columns)
    if rows:
        columns = list(zip(*rows, strict=True))
    if absent_until and rows:
        names = [column.name for column in table.all_columns]
        at, recorded = names.index("not_carried_fields"), names.index("recorded_at")
        columns[at] = tuple(_with_absent(row[at], row[recorded], absent_until) for row in rows)
    arrays = [
        _array(column.kind, values)
        for column, values in zip(table.all_columns, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=record_schema(table))


def _with_absent(
    listed: str | None, recorded_at: str, absent_until: Mapping[str, str]
) -> str | None:
    absent = {name for name, until in absent_until.items() if recorded_at <= until}
    return json.dumps(sorted({*json.loads(listed or "[]"), *absent})) if absent else listed


def _array(kind: ColumnKind, values: Sequence[Any]) -> pa.Array:
    if kind is ColumnKind.TIME:
        # Arrow reads the Z only into a zoned type; the zone is then dropped, the instant is not.
        zoned = pa.array(values, pa.string()).cast(pa.timestamp("ns", "UTC"))
        return zoned.cast(ARROW_TYPES[kind])
    if kind is ColumnKind.DECIMAL:
        return pc.cast(pa.array(values, pa.string()), ARROW_TYPES[kind])
    if kind is ColumnKind.TEXT_LIST:
        lists = [None if value is None else json.loads(value) for value in values]
        return pa.array(lists, ARROW_TYPES[kind])
    return pa.array(values, ARROW_TYPES[kind])
