"""Importing one file: every row it holds is imported, refused, known already, or superseding."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment import __version__
from muniment.catalog.sources import EVENT
from muniment.errors import UsageError
from muniment.ingest.batch import Counts, ImportBatch, Rejects, RunningMark, mark_interrupted
from muniment.ingest.documents import read_documents
from muniment.ingest.fields import path_of
from muniment.ingest.files import SourceFile, examine
from muniment.ingest.mapping import MappedRow, Mapper
from muniment.ingest.recognise import recognise
from muniment.ingest.rows import Document, RowError, Unreadable, excerpt_of
from muniment.ingest.writing import EventWriter, Import, RecordWriter
from muniment.model.entries import OWN_SOURCE_ID
from muniment.model.paths import Row, unnest
from muniment.model.sources import SourceMap
from muniment.model.times import now
from muniment.sealing.log import AuditLog
from muniment.store.open import Store

CHUNK_ROWS = 5_000
Progress = Callable[[str, int, int | None], None]
__all__ = ["ImportBatch", "ingest_file", "map_file", "recognise"]


def ingest_file(
    store: Store,
    path: Path,
    *,
    source_map: SourceMap,
    source_id: str,
    recorded_by: str,
    progress: Progress | None = None,
    seal: bool = True,
    chunk_rows: int = CHUNK_ROWS,
) -> ImportBatch:
    """Import a file by a source map, and seal what came in.

    source_id: the organisation's name of the source; part of every event's identity, so the same
    file under another name is another source. progress: called with a label and the rows so far.
    Importing a file again changes nothing; importing it after an interruption completes it.
    Raises InputError where the file as a whole cannot be read: then nothing of it was written.
    """
    _check_source_id(source_id)
    file = examine(Path(path))
    mark_interrupted(store)
    # The check of the whole file comes before the batch, so that a bad file leaves no trace.
    started_at = now()
    pieces = _started(read_documents(file, source_map))
    batch_id = secrets.token_hex(16)
    one = Import(store, source_map, source_id, batch_id, started_at, recorded_by)
    mark = RunningMark(store.layout, batch_id)
    mark.take()
    try:
        _start_batch(one, file)
        counts, rejects = _run(one, pieces, chunk_rows, progress)
    finally:
        mark.release()
    if seal:
        AuditLog(store).seal()
    return _batch(one, counts, rejects)


def _start_batch(one: Import, file: SourceFile) -> None:
    one.store.records.start_batch(
        id=one.batch_id,
        source_id=one.source_id,
        source_map=one.source.id,
        run_by=one.recorded_by,
        started_at=one.started_at,
        source_uri=file.name,
        content_sha256=file.sha256,
        bytes=file.size,
        map_digest=one.source.digest,
        importer_version=__version__,
    )


def map_file(
    path: Path, *, source_map: SourceMap, import_time: str | None = None
) -> Iterator[tuple[int, MappedRow | Unreadable]]:
    """What an import would take from a file, with each row's place; nothing is written.

    For trying out a source map. Raises InputError as `ingest_file` does.
    """
    pieces = read_documents(examine(Path(path)), source_map)
    return _mapped(source_map, import_time or now(), pieces)


def _check_source_id(source_id: str) -> None:
    wrong = not source_id.strip() or len(source_id) > 200 or not source_id.isprintable()
    if wrong or source_id == OWN_SOURCE_ID:
        raise UsageError(
            f"source id `{source_id[:60]}` cannot be used. Give the source a short name of your "
            f"own, e.g. gateway-eu; `{OWN_SOURCE_ID}` is kept for Muniment's own entries."
        )


def _started(pieces: Iterator[Document | Unreadable]) -> Iterator[Document | Unreadable]:
    """The same pieces, with the check of the whole file done before anything is written."""
    first = next(pieces, None)

    def all_of() -> Iterator[Document | Unreadable]:
        if first is not None:
            yield first
            yield from pieces

    return all_of()


def _run(
    one: Import,
    pieces: Iterator[Document | Unreadable],
    chunk_rows: int,
    progress: Progress | None,
) -> tuple[Counts, Path]:
    counts = Counts()
    path = one.store.layout.rejects_file(one.batch_id)
    with Rejects(path, counts) as rejects:
        events = EventWriter(one, AuditLog(one.store), counts, chunk_rows)
        records = RecordWriter(one, counts, rejects)
        status = "failed"
        try:
            for taken, (place, found) in enumerate(
                _mapped(one.source, one.started_at, pieces), start=1
            ):
                counts.read = taken
                if isinstance(found, Unreadable):
                    rejects.add(found)
                elif found.record == EVENT:
                    events.add(found, place)
                else:
                    records.add(found, place)
                if progress is not None and taken % 1_000 == 0:
                    progress("rows", taken, None)
            events.flush()
            records.flush()
            status = "done"
        finally:
            events.close()
            one.store.records.finish_batch(
                one.batch_id, status=status, finished_at=now(), **counts.as_columns()
            )
    return counts, path


@dataclass(frozen=True, slots=True)
class _Group:
    """The mappers that share one `rows` path and set; the first that takes a row has it."""

    rows: str
    mappers: tuple[Mapper, ...]


def _groups(source: SourceMap, import_time: str) -> list[_Group]:
    maps = source.maps
    return [
        _Group(
            rows,
            tuple(Mapper(source, m, import_time) for m in maps if (m.rows, m.set) == (rows, set_)),
        )
        for rows, set_ in dict.fromkeys((row_map.rows, row_map.set) for row_map in maps)
    ]


def _mapped(
    source: SourceMap, import_time: str, pieces: Iterator[Document | Unreadable]
) -> Iterator[tuple[int, MappedRow | Unreadable]]:
    groups = _groups(source, import_time)
    place = 0
    for piece in pieces:
        if isinstance(piece, Unreadable):
            yield piece.place, piece
            continue
        for group in groups:
            if piece.rows is not None and piece.rows != group.rows:
                continue
            for row in _rows(piece, group):
                place += 1
                at = piece.place if piece.rows is None else place
                found = _one(group, row, at)
                if found is not None:
                    yield at, found


def _rows(piece: Document, group: _Group) -> Iterator[Row]:
    """The rows of a group inside one piece of the file."""
    path = path_of(group.rows)
    document = Row(piece.context, None, piece.context)
    _, inside = path.split_at_first_array()
    if piece.rows is None or inside is None or piece.value is piece.context:
        yield from unnest(document, path.steps)
    else:
        yield from unnest(Row(piece.value, document, piece.context), inside)


def _one(group: _Group, row: Row, place: int) -> MappedRow | Unreadable | None:
    try:
        for mapper in group.mappers:
            if mapper.takes(row):
                return mapper.apply(row)
    except RowError as error:
        return Unreadable(place, error.kind, str(error), excerpt_of(_shown(row)))
    except ArithmeticError:
        return Unreadable(place, "number out of range", "the row holds a number out of range", "")
    except (RecursionError, UnicodeError):
        return Unreadable(
            place,
            "half a character or too deep",
            "the row holds half a character or is nested too deeply",
            "",
        )
    return Unreadable(
        place,
        "no map takes the row",
        "no row map's `where` holds for the row",
        excerpt_of(_shown(row)),
    )


def _shown(row: Row) -> Any:
    value = row.value
    try:
        if isinstance(value, dict):
            return {key: str(item)[:40] for key, item in list(value.items())[:8]}
        return str(value)[:200]
    except RecursionError:
        return "nested too deeply to show"


def _batch(one: Import, counts: Counts, rejects: Path) -> ImportBatch:
    columns = counts.as_columns()
    return ImportBatch(
        batch_id=one.batch_id,
        source_id=one.source_id,
        source_map=one.source.id,
        read=columns.pop("rows_read"),
        rejects_file=str(rejects) if counts.rejected else None,
        **columns,
    )
