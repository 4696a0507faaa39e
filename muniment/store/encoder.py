"""Canonical bytes and leaf hashes of whole tables, computed column by column in Arrow.

Must equal `integrity.canonical.entry_bytes` row for row; a test holds the two together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.integrity.canonical import canonical_json
from muniment.model.columns import DECIMAL_PLACES, DECIMAL_PRECISION, Column, ColumnKind
from muniment.model.entries import CONTENT_COLUMNS, ENTRY_COLUMNS
from muniment.store.arrow_text import bytes_of, offsets_of, one_piece

ARROW_KINDS: dict[ColumnKind, pa.DataType] = {
    ColumnKind.TEXT: pa.string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.DECIMAL: pa.decimal128(DECIMAL_PRECISION, DECIMAL_PLACES),
    ColumnKind.TIME: pa.timestamp("ns"),
    ColumnKind.TEXT_LIST: pa.list_(pa.string()),
}
ENTRY_SCHEMA = pa.schema([(column.name, ARROW_KINDS[column.kind]) for column in ENTRY_COLUMNS])
# What the source said, and of what kind the entry is, which is never NULL.
_CONTENT = frozenset({*(column.name for column in CONTENT_COLUMNS), "entry_kind"})
# Members of a canonical text stand in the order of their names. Each run of neighbours that are
# all content, or all envelope, is written once and serves both hashes.
_RUNS = [
    (content, list(columns))
    for content, columns in groupby(
        sorted(ENTRY_COLUMNS, key=lambda column: column.name),
        key=lambda column: column.name in _CONTENT,
    )
]
_ROWS_AT_ONCE = 8_192
# Arrow's text offsets end at 2 GiB; escaping can make a text six times as long.
_BYTES_AT_ONCE = 128 << 20
_BRACE, _SPACE = b"{ "
# The backslash first, since the others bring more of it.
_ESCAPES = tuple((character, canonical_json(character)[1:-1]) for character in '\\"\n\t\r')
_TIME_WIDTH = len("2026-11-20T18:04:00.000000000")


@dataclass(frozen=True, slots=True)
class EntryHashes:
    """Of each entry in row order: `contents`, the first 16 bytes of SHA-256 over what the source
    said, without envelope; `leaves`, the RFC 6962 leaf hash of its canonical bytes.
    """

    contents: list[bytes]
    leaves: list[bytes]


def entry_hashes(table: pa.Table) -> EntryHashes:
    """Both hashes of each entry, from columns that are written once."""
    found = EntryHashes([], [])
    for runs in _written_runs(table):
        content = _document([text for is_content, text in runs if is_content])
        leaf = _document([text for _, text in runs], b"\x00")
        found.contents.extend(digest[:16] for digest in digests_of(content))
        found.leaves.extend(digests_of(leaf))
    return found


def said_digests(table: pa.Table) -> list[bytes]:
    """SHA-256 over what the source said of each row, without even its kind: all content columns."""
    columns = sorted(CONTENT_COLUMNS, key=lambda column: column.name)
    found: list[bytes] = []
    for part in _parts(table):
        text = _members(part, columns)
        found.extend(digests_of(_document([] if text is None else [text])))
    return found


def canonical_texts(table: pa.Table) -> pa.ChunkedArray:
    """The canonical JSON text of each entry, in row order."""
    whole = [_document([text for _, text in runs]) for runs in _written_runs(table)]
    return pa.chunked_array(whole, pa.string())


def leaf_hashes(table: pa.Table) -> list[bytes]:
    """The RFC 6962 leaf hash of each entry's canonical bytes, in row order."""
    return entry_hashes(table).leaves


def content_digests(table: pa.Table) -> list[bytes]:
    """The first 16 bytes of SHA-256 over what the source said of each entry, without envelope."""
    return entry_hashes(table).contents


def entry_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Each entry as a mapping: times and decimals as their fixed strings, NULLs as None."""
    return list(_texts_for(table).to_pylist())


def entry_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Entries as a table of the log's schema, from mappings as `entry_rows` gives them."""
    arrays = [column_of(c.kind, [row.get(c.name) for row in rows]) for c in ENTRY_COLUMNS]
    return pa.Table.from_arrays(arrays, schema=ENTRY_SCHEMA)


def column_of(kind: ColumnKind, values: Sequence[Any]) -> pa.Array:
    """Values of one column as an array; times and decimals come as their fixed strings."""
    if kind is ColumnKind.TIME:
        naive = pa.array([v if v is None else v[:-1] for v in values], pa.string())
        return pc.cast(naive, pa.timestamp("ns"))
    if kind is ColumnKind.DECIMAL:
        return pc.cast(pa.array(values, pa.string()), ARROW_KINDS[kind])
    return pa.array(values, ARROW_KINDS[kind])


def in_log_schema(table: pa.Table) -> pa.Table:
    """Entries written before a column was there, with that column as NULL."""
    held = set(table.column_names)
    for field in ENTRY_SCHEMA:
        if field.name not in held:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(ENTRY_SCHEMA.names)


def _written_runs(table: pa.Table) -> Iterator[list[tuple[bool, pa.Array]]]:
    """The texts of each run, some thousand rows at a time, and whether the run is content."""
    if table.column("entry_kind").null_count:
        raise ValueError("an entry has no `entry_kind`")
    for part in _parts(table):
        texts = [(content, _members(part, columns)) for content, columns in _RUNS]
        yield [(content, text) for content, text in texts if text is not None]


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        part = table.slice(start, _ROWS_AT_ONCE)
        pieces = min(part.num_rows, part.nbytes // _BYTES_AT_ONCE + 1)
        rows = -(-part.num_rows // pieces)
        for at in range(0, part.num_rows, rows):
            yield part.slice(at, rows)


def _members(part: pa.Table, columns: Sequence[Column]) -> pa.Array | None:
    """`,"name":value` of each column that is not NULL; None where all are NULL in all rows."""
    pieces: list[Any] = []
    literal = ""
    for column in columns:
        values = one_piece(part.column(column.name))
        if values.null_count == len(values):
            continue
        opening, closing = _quotes(column.kind)
        start = f',"{column.name}":{opening}'
        written = _written(column.kind, values)
        if written.null_count:
            member = pc.binary_join_element_wise(start, written, closing, "")
            pieces += [literal, member]
            literal = ""
        else:
            pieces += [literal + start, written]
            literal = closing
    return concatenated([*pieces, literal]) if pieces else None


def concatenated(pieces: Sequence[Any]) -> pa.Array:
    """Texts and columns of texts, joined row by row; NULL adds nothing."""
    return pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="")


def _document(runs: Sequence[pa.Array], prefix: bytes = b"") -> pa.Array:
    """Whole objects of the runs' members, each with `prefix` before it."""
    texts = concatenated([prefix.decode(), *runs, "}"])
    # Each begins with the comma of its first member, whichever that is: it becomes the brace.
    offsets, data = offsets_of(texts), bytearray(texts.buffers()[2])
    np.frombuffer(data, np.uint8)[offsets[:-1] + len(prefix)] = _BRACE
    return pa.StringArray.from_buffers(len(texts), texts.buffers()[1], pa.py_buffer(data))


def digests_of(texts: pa.Array) -> list[bytes]:
    """SHA-256 of the UTF-8 bytes of each text."""
    view, ends = memoryview(texts.buffers()[2] or b""), offsets_of(texts).tolist()
    return [hashlib.sha256(view[start:end]).digest() for start, end in pairwise(ends)]


def _quotes(kind: ColumnKind) -> tuple[str, str]:
    if kind is ColumnKind.TEXT_LIST:
        return "[", "]"
    return ("", "") if kind in {ColumnKind.INTEGER, ColumnKind.BOOLEAN} else ('"', '"')


def _written(kind: ColumnKind, values: pa.Array) -> pa.Array:
    """The values' texts inside their quotes or brackets; NULL stays NULL."""
    if kind is ColumnKind.TEXT:
        return escaped(values)
    if kind is ColumnKind.TIME:
        return _time_texts(values)
    if kind is ColumnKind.DECIMAL:
        return _decimal_texts(values)
    if kind is ColumnKind.TEXT_LIST:
        return _list_texts(values)
    return pc.cast(values, pa.string())


def escaped(values: pa.Array) -> pa.Array:
    """Texts with what RFC 8785 section 3.2.2.2 escapes."""
    data = bytes_of(values)
    plain = values
    for character, escape in _ESCAPES:
        if (data == ord(character)).any():
            plain = pc.replace_substring(plain, character, escape)
    data = bytes_of(plain)
    if not len(data) or data.min() >= _SPACE:
        return plain
    # Few rows hold other control characters; the reference writes those.
    controls = pc.match_substring_regex(plain, r"[\x00-\x1f]").fill_null(False)
    rare = [canonical_json(text)[1:-1] for text in values.filter(controls).to_pylist()]
    return pc.replace_with_mask(plain, controls, pa.array(rare, pa.string()))


def _list_texts(values: pa.Array) -> pa.Array:
    items = values.flatten()
    if items.null_count:
        raise ValueError("a list of an entry holds a NULL, which has no canonical form")
    quoted = pc.binary_join_element_wise('"', escaped(items), '"', "")
    lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), quoted), ",")
    return pc.if_else(values.is_valid(), joined, pa.scalar(None, pa.string()))


def _time_texts(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return pa.chunked_array([_time_texts(chunk) for chunk in values.chunks], pa.string())
    # Arrow writes `2026-11-20 18:04:00.000000000`, always so wide; strftime takes 30 times as long.
    spaced = pc.cast(values.cast(pa.timestamp("ns")), pa.string())
    wide = np.full((len(spaced) - spaced.null_count, _TIME_WIDTH + 1), ord("Z"), np.uint8)
    wide[:, :_TIME_WIDTH] = bytes_of(spaced).reshape(-1, _TIME_WIDTH)
    wide[:, 10] = ord("T")
    offsets = offsets_of(spaced) // _TIME_WIDTH * (_TIME_WIDTH + 1)
    validity = spaced.buffers()[0]
    buffers = [validity, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(wide)]
    return pa.Array.from_buffers(pa.string(), len(spaced), buffers, spaced.null_count)


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
