"""CSV and Parquet files as batches of columns, where every reader would read the same from them.

What is not as plain as that (nested columns, odd quotes, columns that need a second look) is read
row by row as other files are.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from muniment.errors import InputError
from muniment.ingest.blocks import Batch, TableBlock, batches_of
from muniment.ingest.column_values import Numbers
from muniment.ingest.csv_records import Records, records_of
from muniment.ingest.documents import read_documents
from muniment.ingest.files import SourceFile, open_text
from muniment.ingest.headers import check_header
from muniment.ingest.readers import csv_header, wrong_cells
from muniment.ingest.row_mapping import Group
from muniment.ingest.rows import MAX_ROW_BYTES, Unreadable
from muniment.model.sources import SourceMap
from muniment.store.arrow_text import bytes_of, one_piece

_FORMULA = r"\A'[=+\-@\t\r]"


def read_batches(
    file: SourceFile, source: SourceMap, groups: list[Group], most: int
) -> Iterator[Batch]:
    """The rows of a file, about so many at a time.

    Raises InputError before the first where the file is bad as a whole.
    """
    if not source.json_texts:
        if source.reads == "csv" and _is_plain_csv(file, source):
            yield from _csv_batches(file, source, groups, most)
            return
        if source.reads == "parquet" and _is_flat(file):
            yield from _parquet_batches(file, source, groups, most)
            return
    yield from batches_of(groups, read_documents(file, source), most)


def _numbered(groups: list[Group], table: pa.Table, places: Numbers, numbers: Numbers) -> Batch:
    """A batch of rows that every group takes; numbers: the order of the rows."""
    block = TableBlock(table, places)
    each = [(group, block, numbers * len(groups) + at) for at, group in enumerate(groups)]
    return Batch(list(each))


# CSV


def _is_plain_csv(file: SourceFile, source: SourceMap) -> bool:
    """Whether the whole file is regular; it is read to its end for that."""
    if not source.delimiter.isascii() or source.delimiter in '"\r\n\0':
        return False
    with open_text(file.path, source.encoding) as stream:
        return all(
            found is not None for found in records_of(stream, source.delimiter, MAX_ROW_BYTES)
        )


def _csv_batches(
    file: SourceFile, source: SourceMap, groups: list[Group], most: int
) -> Iterator[Batch]:
    header = csv_header(file.path, source)
    check_header(file.path.name, header, source)
    with open_text(file.path, source.encoding) as stream:
        begun = False
        for found in records_of(stream, source.delimiter, MAX_ROW_BYTES):
            if found is None:
                raise InputError(
                    f"`{file.path.name}` was changed while it was read. Import it again."
                )
            held = np.flatnonzero(found.cells)
            held = held if begun else held[1:]
            begun = begun or bool(len(np.flatnonzero(found.cells)))
            for at in range(0, len(held), most):
                yield _csv_batch(found, held[at : at + most], header, source, groups)


def _csv_batch(
    found: Records, rows: Numbers, header: list[str], source: SourceMap, groups: list[Group]
) -> Batch:
    whole = found.cells[rows] == len(header)
    good = rows[whole]
    table = _csv_table(_bytes_of(found, good), header, source.delimiter)
    batch = Batch()
    if len(good):
        batch = _numbered(groups, table, found.lines[good], np.flatnonzero(whole))
    for number in np.flatnonzero(~whole).tolist():
        at = int(rows[number])
        batch.unreadable.append((number * len(groups), _refused(found, at, header, source)))
    return batch


def _bytes_of(found: Records, rows: Numbers) -> bytes:
    """The text of some records, which may have others between them."""
    if not len(rows):
        return b""
    starts, ends = found.starts[rows], found.ends[rows]
    breaks = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    firsts, lasts = np.concatenate(([0], breaks)), np.concatenate((breaks - 1, [len(rows) - 1]))
    pieces = zip(starts[firsts].tolist(), ends[lasts].tolist(), strict=True)
    return b"".join(found.data[start:end] for start, end in pieces)


def _csv_table(text: bytes, header: list[str], delimiter: str) -> pa.Table:
    if not text:
        return pa.table({name: pa.array([], pa.string()) for name in header})
    if text.startswith(BOM_UTF8):  # Arrow takes one away, and here it is part of the first cell
        text = BOM_UTF8 + text
    names = [str(number) for number in range(len(header))]
    table = pa_csv.read_csv(
        pa.BufferReader(text),
        read_options=pa_csv.ReadOptions(column_names=names, block_size=len(text) + 1),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    columns = [_unprotected(one_piece(table.column(name))) for name in names]
    return pa.table(columns, names=header)


def _unprotected(cells: pa.Array) -> pa.Array:
    """The cells without the quote that our exports put before what a spreadsheet would compute."""
    if not (bytes_of(cells) == ord("'")).any():
        return cells
    protected = pc.match_substring_regex(cells, _FORMULA)
    return pc.if_else(protected, pc.utf8_slice_codeunits(cells, 1), cells)


def _refused(found: Records, at: int, header: list[str], source: SourceMap) -> Unreadable:
    text = found.data[int(found.starts[at]) : int(found.ends[at])].decode()
    (cells,) = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter, strict=True)
    return wrong_cells(int(found.lines[at]), cells, header, source)


# Parquet


def _is_flat(file: SourceFile) -> bool:
    """Whether every column has a name of its own and holds scalars, or lists of them."""
    try:
        schema = pq.read_schema(file.path)
    except (pa.ArrowException, OSError, ValueError):
        return False
    kinds = [field.type for field in schema]
    lists = [kind for kind in kinds if pa.types.is_list(kind)]
    nested = [k for k in kinds if pa.types.is_nested(k) and not pa.types.is_list(k)]
    deep = [kind for kind in lists if pa.types.is_nested(kind.value_type)]
    return not nested and not deep and len(set(schema.names)) == len(schema.names)


def _parquet_batches(
    file: SourceFile, source: SourceMap, groups: list[Group], most: int
) -> Iterator[Batch]:
    try:
        with pq.ParquetFile(file.path) as parquet:
            check_header(file.path.name, parquet.schema_arrow.names, source)
            for batch in parquet.iter_batches(batch_size=most):
                _check_whole(batch)
            taken = 0
            for batch in parquet.iter_batches(batch_size=most):
                places = np.arange(taken + 1, taken + batch.num_rows + 1)
                taken += batch.num_rows
                yield _numbered(groups, pa.Table.from_batches([batch]), places, places - places[0])
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(
            f"`{file.path.name}` is not a whole Parquet file: {str(error)[:200]}. Fetch it again."
        ) from error


def _check_whole(batch: pa.RecordBatch) -> None:
    """Raise an error for a text that is no UTF-8, or a time that Python has no name for."""
    batch.validate(full=True)
    for column in batch.columns:
        if pa.types.is_temporal(column.type) and len(column):
            pc.min_max(column).as_py()
