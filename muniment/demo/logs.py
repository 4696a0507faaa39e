"""The logs as columns: what each export holds, in the order in which it was logged."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from muniment.demo.runs import (
    EMPTY,
    GATEWAY,
    OTLP,
    PLATFORM,
    POLICY_ENGINE,
    Event,
    Runs,
    Step,
    Value,
    Values,
)
from muniment.model.columns import ColumnKind
from muniment.model.entries import CONTENT_COLUMNS, ENTRY_COLUMN_BY_NAME

LIST_SEPARATOR = "|"
# Whose running number a table's lines carry, and where that log began to count; traces have none.
NUMBERED = {GATEWAY: ((GATEWAY,), 4_100_001), POLICY_ENGINE: ((POLICY_ENGINE,), 72_000_001)} | {
    PLATFORM[0]: (PLATFORM, 880_001)
}
SOURCES = (GATEWAY, *PLATFORM, POLICY_ENGINE, OTLP)
ID, LOGGED = "id", "logged"
_ARROW = {
    ColumnKind.TEXT: pa.string(), ColumnKind.TEXT_LIST: pa.string(),
    ColumnKind.INTEGER: pa.int64(), ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.TIME: pa.int64(), ColumnKind.DECIMAL: pa.int64(),
}  # fmt: skip
_ORDER = {column.name: number for number, column in enumerate(CONTENT_COLUMNS)}


def log_tables(bulk: Iterable[Runs], events: Iterable[Event]) -> dict[str, pa.Table]:
    """Each export as a table: `id`, then entry columns; times and decimals are whole numbers.

    Lines stand in the order of logging, and are numbered where their log numbers its lines.
    """
    steps: dict[str, list[Step]] = {source: [] for source in SOURCES}
    sizes: dict[int, int] = {}
    for runs in bulk:
        for step in runs.steps:
            steps[step.source].append(step)
            sizes[id(step)] = runs.count
    single: dict[str, list[Event]] = {source: [] for source in SOURCES}
    for event in events:
        single[event.source].append(event)
    tables = {source: _table(source, steps[source], sizes, single[source]) for source in SOURCES}
    for sources, first in NUMBERED.values():
        tables |= _numbered({source: tables[source] for source in sources}, first)
    return {name: table.drop_columns([LOGGED]) for name, table in tables.items()}


def _table(source: str, steps: list[Step], sizes: dict[int, int], events: list[Event]) -> pa.Table:
    names = {name for step in steps for name in step.values}
    names |= {name for event in events for name in event.values}
    schema = [(name, _ARROW[ENTRY_COLUMN_BY_NAME[name].kind]) for name in sorted(names, key=_place)]
    blocks = [_block(step, sizes[id(step)], schema) for step in steps]
    blocks.append(_lines(events, schema))
    table = pa.concat_tables(blocks)
    spans = table.column("span_id").to_pylist()
    table = table.add_column(0, ID, pa.array([f"{source}-{span}" for span in spans], pa.string()))
    order = np.argsort(table.column(LOGGED).to_numpy(), kind="stable")
    return table.take(pa.array(order))


def _place(name: str) -> int:
    return _ORDER[name]


def _block(step: Step, count: int, schema: list[tuple[str, pa.DataType]]) -> pa.Table:
    """One step of many runs as rows."""
    size = count if step.where is None else int(step.where.sum())
    arrays = {name: _column(step, name, kind, size) for name, kind in schema}
    arrays[LOGGED] = arrays["event_time"]
    return pa.table(arrays)


def _column(step: Step, name: str, kind: pa.DataType, size: int) -> pa.Array:
    value: Values = step.values.get(name, EMPTY)
    if isinstance(value, np.ndarray):
        taken = value if step.where is None else value[step.where]
        if taken.dtype == object:
            return pa.array([_cell(one) for one in taken.tolist()], kind)
        return pa.array(taken, kind)
    cell = _cell(value)
    return pa.nulls(size, kind) if cell is None else pa.repeat(pa.scalar(cell, kind), size)


def _lines(events: list[Event], schema: list[tuple[str, pa.DataType]]) -> pa.Table:
    """Lines that were written one by one."""
    arrays = {
        name: pa.array([_cell(event.values.get(name, EMPTY)) for event in events], kind)
        for name, kind in schema
    }
    arrays[LOGGED] = pa.array([event.logged or event.time for event in events], pa.int64())
    return pa.table(arrays)


def _cell(value: Value) -> Value | None:
    if isinstance(value, list):
        return LIST_SEPARATOR.join(value) or None
    return None if isinstance(value, str) and value == EMPTY else value


def _numbered(tables: dict[str, pa.Table], first: int) -> dict[str, pa.Table]:
    """The tables of one log with its running number, over all of them in the order of logging."""
    logged = np.concatenate([table.column(LOGGED).to_numpy() for table in tables.values()])
    numbers = np.empty(len(logged), dtype=np.int64)
    numbers[np.argsort(logged, kind="stable")] = np.arange(first, first + len(logged))
    found, start = {}, 0
    for name, table in tables.items():
        mine = pa.array(numbers[start : start + table.num_rows])
        found[name] = table.add_column(1, "source_seq", mine)
        start += table.num_rows
    return found
