"""The demo as files: registers as CSV, logs as Parquet, JSON Lines and OTLP, papers as text."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from muniment.demo.clock import local_text, utc_text
from muniment.demo.logs import LIST_SEPARATOR
from muniment.demo.otlp import otlp_documents
from muniment.demo.papers import write_papers
from muniment.demo.registers import VALID_FROM, Registers, Row
from muniment.demo.runs import OTLP, POLICY_ENGINE, UNIT, Value
from muniment.model.columns import ColumnKind
from muniment.model.entries import ENTRY_COLUMN_BY_NAME
from muniment.model.records import RECORD_TABLE_BY_NAME

# The service desk writes Copenhagen time with its offset; everything else writes UTC.
LOCAL_TIME_TABLES = {"approval"}
_DECIMAL = pa.decimal128(19, 9)


def write_sources(registers: Registers, logs: dict[str, pa.Table], folder: Path) -> dict[str, int]:
    """Write every source file into `folder`; returns rows by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for table, rows in registers.tables():
        counts[f"{table}.csv"] = _write_csv(folder / f"{table}.csv", table, rows)
    for source, log in logs.items():
        name = log_file(source)
        if source == OTLP:
            _write_lines(folder / name, otlp_documents(log))
        elif source == POLICY_ENGINE:
            _write_lines(folder / name, _plain_rows(log))
        else:
            pq.write_table(_typed(log), folder / name, compression="zstd")
        counts[name] = log.num_rows
    write_papers(folder)
    return counts


def log_file(source: str) -> str:
    """The name of a log's file."""
    if source == OTLP:
        return "otel_traces.jsonl"
    if source == POLICY_ENGINE:
        return "policy_decisions.jsonl"
    return "gateway.parquet" if source == "gateway" else f"platform_{source}.parquet"


def _write_csv(path: Path, table: str, rows: list[Row]) -> int:
    kinds = {column.name: column.kind for column in RECORD_TABLE_BY_NAME[table].columns}
    kinds[VALID_FROM] = ColumnKind.TIME
    clock = local_text if table in LOCAL_TIME_TABLES else utc_text
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(kinds)
        writer.writerow([VALID_FROM, *names[:-1]])
        for row in rows:
            writer.writerow(
                [_cell(row[name], kinds[name], clock) for name in (VALID_FROM, *names[:-1])]
            )
    return len(rows)


def _cell(value: Value, kind: ColumnKind, clock: Callable[[int], str]) -> str:
    if isinstance(value, list):
        return LIST_SEPARATOR.join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind is ColumnKind.TIME and isinstance(value, int):
        return clock(value)
    if kind is ColumnKind.DECIMAL and isinstance(value, int):
        return decimal_text(value)
    return str(value)


def decimal_text(billionths: int) -> str:
    """A decimal held as billionths, without zeros at its end."""
    return f"{(Decimal(billionths) / UNIT).normalize():f}"


def _typed(log: pa.Table) -> pa.Table:
    """Times as timestamps with nanoseconds, decimals as decimals."""
    for number, name in enumerate(log.column_names):
        kind = ENTRY_COLUMN_BY_NAME[name].kind if name in ENTRY_COLUMN_BY_NAME else None
        if kind is ColumnKind.TIME:
            log = log.set_column(number, name, log.column(name).cast(pa.timestamp("ns", "UTC")))
        elif kind is ColumnKind.DECIMAL:
            values = log.column(name).cast(pa.decimal128(19, 0))
            chunks = [_scaled(chunk) for chunk in values.chunks]
            log = log.set_column(number, name, pa.chunked_array(chunks, _DECIMAL))
    return log


def _scaled(whole: pa.Array) -> pa.Array:
    """The same digits read as billionths."""
    return pa.Array.from_buffers(_DECIMAL, len(whole), whole.buffers(), offset=whole.offset)


def _write_lines(path: Path, documents: Iterable[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for document in documents:
            file.write(orjson.dumps(document) + b"\n")


def _plain_rows(log: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows under the names of the entry columns; what a line has nothing for, it leaves out."""
    kinds = {name: ENTRY_COLUMN_BY_NAME[name].kind for name in log.column_names[1:]}
    for row in log.to_pylist():
        yield {
            name: _json(value, kinds.get(name)) for name, value in row.items() if value is not None
        }


def _json(value: Any, kind: ColumnKind | None) -> Any:
    if kind is ColumnKind.TIME:
        return utc_text(value)
    if kind is ColumnKind.DECIMAL:
        return decimal_text(value)
    if kind is ColumnKind.TEXT_LIST:
        return value.split(LIST_SEPARATOR)
    return value
