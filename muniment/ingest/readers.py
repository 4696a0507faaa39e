"""Readers: a file becomes documents, one at a time.

A reader whose file can be broken as a whole (a JSON document, a CSV file, Parquet) reads it twice:
first to its end without keeping anything, so that a file which was cut off gives one error and
leaves nothing behind; then to give its rows. JSON Lines has no whole to be broken: a bad line
is refused alone and the rest counts.
"""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from muniment.errors import InputError
from muniment.ingest.files import SourceFile, check_byte_order, open_text
from muniment.ingest.headers import check_header
from muniment.ingest.json_text import JsonCursor, parse_json, parse_json_line
from muniment.ingest.rows import MAX_ROW_BYTES, Document, Unreadable, excerpt_of
from muniment.model.paths import Step, parse_path
from muniment.model.sources import SourceMap

Piece = Document | Unreadable
_PARQUET_ROWS = 1_000
_UTF8 = frozenset({"utf-8", "utf8", "utf_8"})
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def read_json(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """Elements of each array that the map's rows run over, or the whole document as one piece.

    A map may name several arrays; InputError where the document has none of them.
    """
    keep = dict.fromkeys(_document_names(source))
    arrays = {m.rows: parse_path(m.rows).split_at_first_array() for m in source.maps}
    if any(inside is None for _, inside in arrays.values()):
        with open_text(file.path, source.encoding) as stream:
            value = JsonCursor(stream, file.path.name).whole()
        for rows in arrays:
            yield Document(1, value, value, rows)
        return
    lacking = [names for names in {names for names, _ in arrays.values()}
               if not exhaust(_elements(file, source, names, keep))]  # fmt: skip
    if len(lacking) == len({names for names, _ in arrays.values()}):
        texts = " or ".join(f"`{'.'.join(map(str, names)) or '$'}`" for names in lacking)
        raise InputError(
            f"`{file.path.name}` has no array {texts}. Choose the source map of its format. "
            "Nothing was imported."
        )
    for rows, (names, _) in arrays.items():
        for place, value in enumerate(_elements(file, source, names, {}), start=1):
            yield Document(place, value, keep, rows)


def exhaust(elements: Generator[Any, None, bool]) -> bool:
    """Read to the end, keeping nothing; whether the array was there."""
    try:
        while True:
            next(elements)
    except StopIteration as end:
        return bool(end.value)


def _elements(
    file: SourceFile, source: SourceMap, names: tuple[Step, ...], keep: dict[str, Any]
) -> Generator[Any, None, bool]:
    with open_text(file.path, source.encoding) as stream:
        steps = tuple(str(name) for name in names)
        return (yield from JsonCursor(stream, file.path.name).elements(steps, keep))


def _document_names(source: SourceMap) -> set[str]:
    paths = [
        path
        for row_map in source.maps
        for field in (*row_map.columns.values(), row_map.valid_from)
        if field is not None
        for path in field.all_paths
    ]
    paths += [c.path for row_map in source.maps for c in row_map.where]
    paths += [path for row_map in source.maps for path in row_map.natural_key]
    parsed = [parse_path(path) for path in paths]
    return {str(path.steps[0]) for path in parsed if path.start == "$" and path.steps}


def read_json_lines(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """One document per line that is not blank; a line that is broken is refused alone."""
    check_byte_order(file.path, source.encoding)
    encoding = source.encoding
    for place, line in lines_of(file):
        if isinstance(line, Unreadable):
            yield line
        else:
            yield json_line(place, line, encoding)


def json_line(place: int, line: bytes, encoding: str) -> Piece:
    """The document of one line, or why it has none."""
    try:
        is_utf8 = encoding.lower() in _UTF8
        value = parse_json_line(line) if is_utf8 else parse_json(line.decode(encoding))
    except UnicodeDecodeError:
        reason = f"the line is not {encoding} text"
        return Unreadable(place, f"not {encoding} text", reason, excerpt_of(line))
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        reason = f"the line is not exact JSON: {why[:200]}"
        return Unreadable(place, "not JSON", reason, excerpt_of(line.decode(encoding)))
    if not isinstance(value, (dict, list)):
        reason = "the line is JSON, but no object"
        return Unreadable(place, "not an object", reason, excerpt_of(line.decode(encoding)))
    return Document(place, value, value, size=len(line))


def lines_of(file: SourceFile) -> Iterator[tuple[int, bytes | Unreadable]]:
    """Lines with their numbers, no further than the file's size when the import began.

    A line above 16 MiB is passed over without being held in memory.
    """
    left = file.size
    with file.path.open("rb") as stream:
        place = 0
        while left > 0:
            line = stream.readline(min(left, MAX_ROW_BYTES + 1))
            if not line:
                return
            place += 1
            left -= len(line)
            if len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
                left -= _pass_over(stream, left)
                yield (
                    place,
                    Unreadable(
                        place,
                        "line too long",
                        "the line is longer than 16 MiB",
                        excerpt_of(line[:200]),
                    ),
                )
                continue
            if place == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield place, line


def _pass_over(stream: BinaryIO, left: int) -> int:
    passed = 0
    while passed < left:
        part = stream.readline(min(left - passed, 1 << 20))
        passed += len(part)
        if not part or part.endswith(b"\n"):
            break
    return passed


def read_csv(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """One document per CSV row, keyed by the header; the whole file is checked first."""
    header = csv_header(file.path, source)
    check_header(file.path.name, header, source)
    for _ in _csv_rows(file.path, source):
        pass
    rows = _csv_rows(file.path, source)
    next(rows)
    for place, cells in rows:
        if len(cells) != len(header):
            yield wrong_cells(place, cells, header, source)
            continue
        value = {name: unprotected(cell) for name, cell in zip(header, cells, strict=True)}
        yield Document(place, value, value)


def wrong_cells(place: int, cells: list[str], header: list[str], source: SourceMap) -> Unreadable:
    """Why a row that has more or fewer cells than the header is none."""
    return Unreadable(
        place,
        "wrong number of cells",
        f"the row has {len(cells)} cells, the header {len(header)}",
        excerpt_of(source.delimiter.join(cells[:20])),
    )


def csv_header(path: FilePath, source: SourceMap) -> list[str]:
    """The column names. Raises InputError where there are none, or one stands twice."""
    first = next(_csv_rows(path, source), None)
    if first is None:
        raise InputError(f"`{path.name}` has no header line. Export it with column names.")
    header = [name.strip() for name in first[1]]
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise InputError(
            f"`{path.name}`: the column `{min(twice)[:60]}` stands twice in the header. "
            "Name each column once."
        )
    return header


def unprotected(cell: str) -> str:
    """The cell without the quote that our exports put before what a spreadsheet would compute."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA_STARTS else cell


def _csv_rows(path: FilePath, source: SourceMap) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(MAX_ROW_BYTES)
    with open_text(path, source.encoding) as stream:
        reader = csv.reader(stream, delimiter=source.delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(
                f"`{path.name}` line {line}: {error}. Look for a quote that is never closed, or "
                f"a delimiter other than `{source.delimiter}`. Nothing was imported."
            ) from error


def read_parquet(file: SourceFile, source: SourceMap) -> Iterator[Piece]:
    """One document per row; the numbers of binary fractions are their shortest decimal."""
    try:
        with pq.ParquetFile(file.path) as parquet:
            check_header(file.path.name, parquet.schema_arrow.names, source)
            place = 0
            for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS):
                for row in batch.to_pylist():
                    place += 1
                    value = plain(row)
                    yield Document(place, value, value)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"`{file.path.name}` is not a whole Parquet file: {str(error)[:200]}. Fetch it again."
        ) from error


def plain(value: Any) -> Any:
    """A value of Arrow as parsed JSON would have it, times as ISO 8601 to the nanosecond."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        number = Decimal(repr(value))
        return number if number.is_finite() else None
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value
