"""Mapped events as columns: what the source said of each, its natural key, and its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from muniment.ingest.column_values import Numbers
from muniment.ingest.mapping import MappedRow
from muniment.ingest.rows import Unreadable
from muniment.model.entries import CONTENT_COLUMNS
from muniment.store.encoder import column_of


@dataclass(frozen=True, slots=True)
class Events:
    """table: the content columns. keys: natural keys as JSON lists, NULL where there is none."""

    table: pa.Table
    keys: pa.Array
    places: Numbers


def joined(parts: Sequence[Events]) -> Events:
    """Several tables of events as one, in one piece."""
    if len(parts) == 1:
        return parts[0]
    return Events(
        pa.concat_tables([each.table for each in parts]).combine_chunks(),
        pa.concat_arrays([each.keys for each in parts]),
        np.concatenate([each.places for each in parts]),
    )


def events_of_rows(rows: Sequence[tuple[int, MappedRow | Unreadable]]) -> Events:
    """Events that the reference mapped, each with its place."""
    mapped = [row for _, row in rows if isinstance(row, MappedRow)]
    said = [
        {
            **row.values,
            "redacted_fields": sorted(row.redacted) or None,
            "empty_fields": sorted(row.empty) or None,
        }
        for row in mapped
    ]
    keys = [
        None
        if row.key is None
        else json.dumps(list(row.key), ensure_ascii=False, separators=(",", ":"))
        for row in mapped
    ]
    columns = {
        c.name: column_of(c.kind, [row.get(c.name) for row in said]) for c in CONTENT_COLUMNS
    }
    places = np.array([place for place, _ in rows], np.int64)
    return Events(pa.table(columns), pa.array(keys, pa.string()), places)
