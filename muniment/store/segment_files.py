"""Reading segments: their headers on disk, and queries over their Parquet files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.integrity.headers import shape_fault
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.store.encoder import ENTRY_SCHEMA, in_log_schema
from muniment.store.layout import StoreLayout

_HEADER_NAME = re.compile(r"\d{10}\.json\Z")
_SEGMENT_NAME = re.compile(r"seg-(\d{10})\.\w+\Z")
_ROWS_AT_ONCE = 8_192
# Nothing of a file is kept between two queries: each reads the bytes as they are on disk then.
_CONFIG: dict[str, Any] = {
    "memory_limit": "1GB",
    "threads": 2,
    "preserve_insertion_order": True,
    "enable_external_file_cache": False,
}


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """A sealed segment: its number, its Parquet file, and its header."""

    no: int
    path: Path
    header: dict[str, Any]


def header_numbers(layout: StoreLayout) -> list[int]:
    """The numbers of the headers on disk, ascending; files of other names are none."""
    names = (path.name for path in layout.headers.glob("*.json"))
    return sorted(int(name[:10]) for name in names if _HEADER_NAME.match(name))


def foreign_headers(layout: StoreLayout) -> list[str]:
    """Names in the folder of headers that no header bears."""
    names = (path.name for path in layout.headers.glob("*"))
    return sorted(n for n in names if not _HEADER_NAME.match(n) and not n.endswith(".tmp"))


def segment_number(path: Path) -> int | None:
    """The number in the name of a segment's file of any kind; None for another name."""
    match = _SEGMENT_NAME.match(path.name)
    return int(match.group(1)) if match else None


def read_segment(layout: StoreLayout, number: int) -> SegmentInfo:
    """A segment by its header; EvidenceBrokenError where that is gone or no header."""
    path = layout.header_file(number)
    try:
        if not path.is_file():
            raise ValueError("it is no plain file")  # a pipe would be waited for
        header = json.loads(path.read_bytes())
        why = shape_fault(header)
    except (OSError, ValueError, RecursionError) as error:
        why = str(error)
    if why is not None:
        raise EvidenceBrokenError(
            f"header {number} at `{path}` cannot be read: {why}. "
            "Run `muniment status --verify`, then restore it from a backup."
        )
    return SegmentInfo(number, layout.segment_file(header["ingest_day"], number), header)


def read_table(path: Path) -> pa.Table:
    """A whole segment in the log's schema, in row order; EvidenceBrokenError if unreadable."""
    with _reading():
        return in_log_schema(pq.read_table(path, partitioning=None)).cast(ENTRY_SCHEMA)


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a segment in row order, piece by piece; EvidenceBrokenError as `read_table`.

    columns: such as every segment has, however old.
    """
    with _reading(), pq.ParquetFile(path) as file:
        yield from file.iter_batches(_ROWS_AT_ONCE, columns=list(columns))


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise EvidenceBrokenError(
            f"a segment of the log cannot be read: {str(error).splitlines()[0][:200]}. "
            "Run `muniment status --verify` to find it, then restore it from a backup."
        ) from error


def source_of(segments: Sequence[SegmentInfo | Path]) -> str:
    """SQL of the rows of some segments, in order, with `file_row_number` and `filename`."""
    paths = [each if isinstance(each, Path) else each.path for each in segments]
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    read = (
        f"read_parquet([{listed}], hive_partitioning = false, file_row_number = true, "
        "filename = true, union_by_name = true)"
    )
    # A segment sealed before a column was there lacks it; the empty table gives it as NULL.
    return f"(select * from {read} union all by name select * from no_entries)"


def run_query(query: str, values: Sequence[Any], tail: pa.Table | None = None) -> pa.Table:
    """What a query gives, with the unsealed entries as `tail`.

    Raises EvidenceBrokenError where a segment cannot be read.
    """
    with _reading():
        try:
            return _answer(query, values, tail)
        except duckdb.FatalException:
            # A damaged file can end the whole database, under queries that never read that file.
            _database.cache_clear()
        try:
            return _answer(query, values, tail)
        except duckdb.FatalException:
            _database.cache_clear()
            raise


def _answer(query: str, values: Sequence[Any], tail: pa.Table | None) -> pa.Table:
    with _connected() as connection:
        connection.register("no_entries", ENTRY_SCHEMA.empty_table())
        if tail is not None:
            connection.register("tail", tail)
        return connection.sql(query, params=list(values)).to_arrow_table()


@cache
def _database(_process: int) -> duckdb.DuckDBPyConnection:
    """One in-memory DuckDB for each process: to start one costs a hundred small queries."""
    return duckdb.connect(config=_CONFIG)


def _connected() -> duckdb.DuckDBPyConnection:
    """A connection that the caller closes; the names that it registers are its own."""
    return _database(os.getpid()).cursor()  # a forked process cannot use its parent's


def select_entries(
    source: str,
    columns: Sequence[str],
    where: str = "true",
    values: Sequence[Any] = (),
    tail: pa.Table | None = None,
) -> pa.Table:
    """Some columns of the entries of `source` that meet a condition, in the log's types."""
    unknown = [name for name in columns if name not in ENTRY_COLUMN_BY_NAME]
    if unknown:
        raise StoreError(f"the log has no column `{unknown[0][:40]}`.")
    query = f"select {', '.join(columns)} from {source} where {where}"
    wanted = pa.schema([ENTRY_SCHEMA.field(name) for name in columns])
    return run_query(query, values, tail).cast(wanted)
