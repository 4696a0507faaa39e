"""Read copies: the events of many small segments in one file. Unsealed; made anew when missing."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from muniment.errors import EvidenceBrokenError
from muniment.model.entries import ENTRY_COLUMNS
from muniment.store.cache_files import renamed_into_place
from muniment.store.encoder import ENTRY_SCHEMA
from muniment.store.layout import StoreLayout
from muniment.store.segment_files import source_of
from muniment.store.units import Unit

# Nothing that evaluates reads these; the sealed segment keeps them.
_LEFT_OUT = frozenset({"salt", "payload"})
COPIED = tuple(column.name for column in ENTRY_COLUMNS if column.name not in _LEFT_OUT)


def ensure_copies(layout: StoreLayout, units: Iterable[Unit]) -> int:
    """Make the copies of these units that are not there; how many were made."""
    missing = [u for u in units if u.is_copy and not u.path(layout).is_file()]
    for unit in missing:
        _make(layout, unit)
    return len(missing)


def forget_copies_of(layout: StoreLayout, segment_no: int, units: Iterable[Unit]) -> None:
    """Delete the copies that hold a segment."""
    for unit in units:
        if unit.is_copy and segment_no in unit.numbers:
            unit.path(layout).unlink(missing_ok=True)


def _make(layout: StoreLayout, unit: Unit) -> None:
    columns = ", ".join(COPIED)
    query = (
        f"select {columns}, cast(regexp_extract(filename, 'seg-(\\d+)', 1) as bigint) as segment_no"
        f" from {source_of(unit.segments)} where entry_kind = 'event'"
        " order by segment_no, file_row_number"
    )
    try:
        with (
            renamed_into_place(unit.path(layout)) as temporary,
            duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as connection,
        ):
            connection.register("no_entries", ENTRY_SCHEMA.empty_table())
            target = str(temporary).replace("'", "''")
            connection.execute(f"copy ({query}) to '{target}' (format parquet, compression zstd)")
    except duckdb.Error as error:
        raise EvidenceBrokenError(
            f"a segment of the log cannot be read: {str(error).splitlines()[0][:200]}. "
            "Run `muniment status --verify` to find it, then restore it from a backup."
        ) from error
