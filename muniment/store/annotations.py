"""Later values for fields of an event: how they are written, and how a table takes them up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.model.columns import ColumnKind
from muniment.model.entries import CONTENT_COLUMNS, ENTRY_COLUMN_BY_NAME
from muniment.model.times import to_nanos

CONTENT_NAMES = tuple(column.name for column in CONTENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an annotation says: new values by column, None where the value was withdrawn."""

    annotation_id: str
    event_id: str
    changes: dict[str, Any]


def read_annotation(row: Mapping[str, Any]) -> Annotation:
    """The annotation in a log entry of that kind."""
    payload = json.loads(row["payload"])
    changes = {**payload.get("fields", {}), **dict.fromkeys(payload.get("cleared", []))}
    return Annotation(str(row["event_id"]), str(row["target_ref"]), changes)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The content columns in which two entries differ, with the new value (None: withdrawn)."""
    return {name: new.get(name) for name in CONTENT_NAMES if old.get(name) != new.get(name)}


def apply_annotations(table: pa.Table, annotations: Sequence[Annotation]) -> pa.Table:
    """The table (with event_id) after the annotations, which are given oldest first."""
    latest: dict[str, dict[str, Any]] = {}
    for annotation in annotations:
        latest.setdefault(annotation.event_id, {}).update(annotation.changes)
    event_ids = table.column("event_id")
    found = pc.is_in(event_ids, value_set=pa.array(list(latest), pa.string()))
    rows = np.flatnonzero(found.to_numpy())
    changes = [latest[event_id] for event_id in event_ids.take(rows).to_pylist()]
    touched = {name for change in changes for name in change} & set(table.column_names)
    for name in sorted(touched):
        values = {
            row: change[name]
            for row, change in zip(rows.tolist(), changes, strict=True)
            if name in change
        }
        table = _with_values(table, name, values)
    return table


def _with_values(table: pa.Table, name: str, values: Mapping[int, Any]) -> pa.Table:
    """The table with some rows of one column replaced."""
    kind = ENTRY_COLUMN_BY_NAME[name].kind
    number = table.column_names.index(name)
    field = table.schema.field(number)
    given = pa.array([_arrow(kind, value) for value in values.values()], field.type)
    picked = np.arange(table.num_rows)
    picked[list(values)] = np.arange(len(values)) + table.num_rows
    both = pa.chunked_array([*table.column(number).chunks, given], field.type)
    return table.set_column(number, field, both.take(pa.array(picked)))


def _arrow(kind: ColumnKind, value: Any) -> Any:
    if value is None:
        return None
    if kind is ColumnKind.TIME:
        return to_nanos(value)
    return Decimal(value) if kind is ColumnKind.DECIMAL else value
