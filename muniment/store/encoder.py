"""Canonical bytes and leaf hashes of whole tables, computed column by column in Arrow.

Must equal `integrity.canonical.entry_bytes` row for row; a test holds the two together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.integrity.canonical import canonical_json
from muniment.model.columns import DECIMAL_PLACES, DECIMAL_PRECISION, Column, ColumnKind
from muniment.model.entries import CONTENT_COLUMNS, ENTRY_COLUMNS

ARROW_KINDS: dict[ColumnKind, pa.DataType] = {
    ColumnKind.TEXT: pa.string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.DECIMAL: pa.decimal128(DECIMAL_PRECISION, DECIMAL_PLACES),
    ColumnKind.TIME: pa.timestamp("ns"),
    ColumnKind.TEXT_LIST: pa.list_(pa.string()),
}
ENTRY_SCHEMA = pa.schema([(column.name, ARROW_KINDS[column.kind]) for column in ENTRY_COLUMNS])
# Never NULL in any entry: members before it end with a comma, members after it begin with one.
_PIVOT = "entry_kind"
_CONTENT = (*CONTENT_COLUMNS, next(c for c in ENTRY_COLUMNS if c.name == _PIVOT))
_ROWS_AT_ONCE = 8_192
# Arrow's text offsets end at 2 GiB; escaping can make a text six times as long.
_BYTES_AT_ONCE = 128 << 20


def canonical_texts(table: pa.Table) -> pa.ChunkedArray:
    """The canonical JSON text of each entry, in row order."""
    return pa.chunked_array(list(_documents(table, ENTRY_COLUMNS)), pa.string())


def leaf_hashes(table: pa.Table) -> list[bytes]:
    """The RFC 6962 leaf hash of each entry's canonical bytes, in row order."""
    return [
        hashlib.sha256(b"\x00" + content).digest()
        for texts in _documents(table, ENTRY_COLUMNS)
        for content in texts.cast(pa.binary()).to_pylist()
    ]


def content_digests(table: pa.Table) -> list[bytes]:
    """The first 16 bytes of SHA-256 over what the source said of each entry, without envelope."""
    return [
        hashlib.sha256(content).digest()[:16]
        for texts in _documents(table, _CONTENT)
        for content in texts.cast(pa.binary()).to_pylist()
    ]


def entry_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Each entry as a mapping: times and decimals as their fixed strings, NULLs as None."""
    return list(_texts_for(table).to_pylist())


def entry_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Entries as a table of the log's schema, from mappings as `entry_rows` gives them."""
    arrays = []
    for column in ENTRY_COLUMNS:
        values = [row.get(column.name) for row in rows]
        if column.kind is ColumnKind.TIME:
            naive = pa.array([v if v is None else v[:-1] for v in values], pa.string())
            arrays.append(pc.cast(naive, pa.timestamp("ns")))
        elif column.kind is ColumnKind.DECIMAL:
            decimals = [v if v is None else Decimal(v) for v in values]
            arrays.append(pa.array(decimals, ARROW_KINDS[column.kind]))
        else:
            arrays.append(pa.array(values, ARROW_KINDS[column.kind]))
    return pa.Table.from_arrays(arrays, schema=ENTRY_SCHEMA)


def in_log_schema(table: pa.Table) -> pa.Table:
    """Entries written before a column was there, with that column as NULL."""
    held = set(table.column_names)
    for field in ENTRY_SCHEMA:
        if field.name not in held:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(ENTRY_SCHEMA.names)


def _documents(table: pa.Table, columns: Sequence[Column]) -> Iterator[pa.Array]:
    """The canonical texts, some thousand rows at a time."""
    ordered = sorted(columns, key=lambda column: column.name)
    table = table.select([column.name for column in ordered])
    if table.column(_PIVOT).null_count:
        raise ValueError(f"an entry has no `{_PIVOT}`")
    for part in _parts(table):
        yield _joined(part, ordered)


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        part = table.slice(start, _ROWS_AT_ONCE)
        pieces = min(part.num_rows, part.nbytes // _BYTES_AT_ONCE + 1)
        rows = -(-part.num_rows // pieces)
        for at in range(0, part.num_rows, rows):
            yield part.slice(at, rows)


def _joined(table: pa.Table, ordered: Sequence[Column]) -> pa.Array:
    members: list[Any] = []
    before, after = ",", ""
    for column in ordered:
        values = table.column(column.name).combine_chunks()
        if isinstance(values, pa.ChunkedArray):
            values = pa.concat_arrays(values.chunks)
        if column.name == _PIVOT:
            before, after = "", ","
        if values.null_count == len(values):
            continue
        comma = "" if column.name == _PIVOT else before
        written = _written(column.kind, values)
        opening, closing = _quotes(column.kind)
        start = f'{after if column.name != _PIVOT else ""}"{column.name}":{opening}'
        members.append(pc.binary_join_element_wise(start, written, closing + comma, ""))
    return pc.binary_join_element_wise(
        "{", *members, "}", "", null_handling="replace", null_replacement=""
    )


def _quotes(kind: ColumnKind) -> tuple[str, str]:
    if kind is ColumnKind.TEXT_LIST:
        return "[", "]"
    return ("", "") if kind in {ColumnKind.INTEGER, ColumnKind.BOOLEAN} else ('"', '"')


def _written(kind: ColumnKind, values: pa.Array) -> pa.Array:
    """The values' texts inside their quotes or brackets; NULL stays NULL."""
    if kind is ColumnKind.TEXT:
        return _escaped(values)
    if kind is ColumnKind.TIME:
        return _time_texts(values)
    if kind is ColumnKind.DECIMAL:
        return _decimal_texts(values)
    if kind is ColumnKind.TEXT_LIST:
        return _list_texts(values)
    return pc.cast(values, pa.string())


def _escaped(values: pa.Array) -> pa.Array:
    """Texts with what RFC 8785 section 3.2.2.2 escapes."""
    if not pc.any(pc.match_substring_regex(values, r'[\x00-\x1f"\\]')).as_py():
        return values
    plain = pc.replace_substring(values, "\\", "\\\\")
    plain = pc.replace_substring(plain, '"', '\\"')
    controls = pc.match_substring_regex(values, r"[\x00-\x1f]").fill_null(False)
    if not pc.any(controls).as_py():
        return plain
    # Few rows hold control characters; the reference writes those.
    rare = [canonical_json(text)[1:-1] for text in values.filter(controls).to_pylist()]
    return pc.replace_with_mask(plain, controls, pa.array(rare, pa.string()))


def _list_texts(values: pa.Array) -> pa.Array:
    items = values.flatten()
    if items.null_count:
        raise ValueError("a list of an entry holds a NULL, which has no canonical form")
    quoted = pc.binary_join_element_wise('"', _escaped(items), '"', "")
    lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), quoted), ",")
    return pc.if_else(values.is_valid(), joined, pa.scalar(None, pa.string()))


def _time_texts(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    # With nanoseconds, Arrow's %S prints nine digits of fraction.
    return pc.strftime(values.cast(pa.timestamp("ns")), format="%Y-%m-%dT%H:%M:%SZ")


def _decimal_texts(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return pa.chunked_array([_decimal_texts(chunk) for chunk in values.chunks], pa.string())
    texts = pc.cast(values, pa.string())
    # Arrow writes zero and what is below a millionth as `0E-9`.
    short = pc.match_substring(texts, "E").fill_null(False)
    if not pc.any(short).as_py():
        return texts
    whole = [format(Decimal(text), "f") for text in texts.filter(short).to_pylist()]
    return pc.replace_with_mask(texts, short, pa.array(whole, pa.string()))


def _texts_for(table: pa.Table) -> pa.Table:
    """The table with times and decimals as their fixed strings."""
    for number, field in enumerate(table.schema):
        column = table.column(number)
        if pa.types.is_timestamp(field.type):
            table = table.set_column(number, field.name, _time_texts(column))
        elif pa.types.is_decimal(field.type):
            table = table.set_column(number, field.name, _decimal_texts(column))
    return table
