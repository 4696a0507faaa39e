"""Canonical bytes and leaf hashes of whole tables, computed column by column in DuckDB.

Must equal `integrity.canonical.entry_bytes` row for row; a test holds the two together. Two traps
measured in DuckDB 2.0: `strftime` garbles TIMESTAMP_NS, so times become text in Arrow first; and
`to_json` writes control characters with upper-case hex where RFC 8785 wants lower case.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

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
_CONTENT = (*CONTENT_COLUMNS, next(c for c in ENTRY_COLUMNS if c.name == "entry_kind"))
_RARE = [chr(code) for code in range(0x20) if chr(code) not in "\b\t\n\f\r"]
_LEAF_PREFIX = "'\\x00'::blob"


def canonical_texts(table: pa.Table) -> pa.ChunkedArray:
    """The canonical JSON text of each entry, in row order."""
    return _run(table, ENTRY_COLUMNS, "doc")


def leaf_hashes(table: pa.Table) -> list[bytes]:
    """The RFC 6962 leaf hash of each entry's canonical bytes, in row order."""
    hashed = f"unhex(sha256({_LEAF_PREFIX} || encode(doc)))"
    return list(_run(table, ENTRY_COLUMNS, hashed).to_pylist())


def content_digests(table: pa.Table) -> list[bytes]:
    """The first 16 bytes of SHA-256 over what the source said of each entry, without envelope."""
    digest = "substr(sha256(encode(doc)), 1, 32)"
    return list(_run(table, _CONTENT, f"unhex({digest})").to_pylist())


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


def _run(table: pa.Table, columns: Sequence[Column], what: str) -> pa.ChunkedArray:
    ordered = sorted(columns, key=lambda column: column.name)
    parts = " || ".join(_member(column) for column in ordered)
    entries = _texts_for(table.select([column.name for column in ordered]))
    connection = duckdb.connect()
    try:
        connection.execute("set threads = 2")
        connection.execute("set preserve_insertion_order = true")
        connection.execute(f"create macro quoted(t) as ({_quoted()})")
        connection.register("entries", entries)
        document = f"select '{{' || substr({parts}, 2) || '}}' as doc from entries"
        query = f"select {what} as v from ({document})"
        return connection.sql(query).to_arrow_table().column("v")
    finally:
        connection.close()


def _member(column: Column) -> str:
    """SQL text of one member with its leading comma; empty where the value is NULL."""
    name = column.name
    texts = f"list_transform({name}, lambda x: quoted(x))"
    written = {
        ColumnKind.TEXT: f"quoted({name})",
        ColumnKind.INTEGER: f"{name}::varchar",
        ColumnKind.BOOLEAN: f"case when {name} then 'true' else 'false' end",
        ColumnKind.DECIMAL: f"'\"' || {name} || '\"'",
        ColumnKind.TIME: f"'\"' || {name} || '\"'",
        ColumnKind.TEXT_LIST: f"'[' || array_to_string({texts}, ',') || ']'",
    }[column.kind]
    return f"case when {name} is null then '' else ',\"{name}\":' || {written} end"


def _quoted() -> str:
    """SQL that writes a text as a JSON string by RFC 8785 section 3.2.2.2."""
    rare = "t"
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"')):
        rare = f"replace({rare}, '{plain}', '{escaped}')"
    for code, short in ((8, "b"), (9, "t"), (10, "n"), (12, "f"), (13, "r")):
        rare = f"replace({rare}, chr({code}), '\\{short}')"
    for character in _RARE:
        rare = f"replace({rare}, chr({ord(character)}), '\\u{ord(character):04x}')"
    return (
        "case when not regexp_matches(t, '[\\x00-\\x1f\"\\\\]') then '\"' || t || '\"' "
        "when not regexp_matches(t, '[\\x00-\\x07\\x0b\\x0e-\\x1f]') then to_json(t)::varchar "
        f"else '\"' || {rare} || '\"' end"
    )


def _texts_for(table: pa.Table) -> pa.Table:
    """The table with times and decimals as their fixed strings."""
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            column = table.column(number)
            if field.type != pa.timestamp("ns"):
                column = column.cast(pa.timestamp("ns"))
            # With nanoseconds, Arrow's %S prints nine digits of fraction.
            texts = pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(number, field.name, texts)
        elif pa.types.is_decimal(field.type):
            table = table.set_column(number, field.name, pc.cast(table.column(number), pa.string()))
    return table
