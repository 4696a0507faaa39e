"""Importing one file: every row it holds is imported, refused, known already, or superseding."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from muniment import __version__
from muniment.errors import UsageError
from muniment.ingest.batch import Counts, ImportBatch, Rejects, RunningMark, mark_interrupted
from muniment.ingest.batch_mapping import MappedBatch, map_batch
from muniment.ingest.behind import Behind
from muniment.ingest.blocks import Batch, batches_of
from muniment.ingest.discovery import VisitGatherer
from muniment.ingest.documents import read_documents
from muniment.ingest.files import examine
from muniment.ingest.mapping import MappedRow
from muniment.ingest.recognise import recognise
from muniment.ingest.row_mapping import Group, groups_of, mapped_rows
from muniment.ingest.rows import Document, Unreadable
from muniment.ingest.table_batches import read_batches
from muniment.ingest.writing import EventWriter, Import, RecordWriter
from muniment.model.entries import OWN_SOURCE_ID
from muniment.model.sources import SourceMap
from muniment.model.times import now
from muniment.model.visits import VISIT
from muniment.sealing.log import AuditLog
from muniment.store.open import Store

CHUNK_ROWS = 10_000
Progress = Callable[[str, int, int | None], None]
__all__ = ["ImportBatch", "ingest_file", "map_file", "recognise"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where an import's rows came from: a name or address, the digest and size of what it held."""

    uri: str
    sha256: str | None
    size: int | None


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
    file = examine(Path(path))
    return _ingest(
        store,
        lambda groups, most: read_batches(file, source_map, groups, most),
        Delivery(file.name, file.sha256, file.size),
        source_map=source_map,
        source_id=source_id,
        recorded_by=recorded_by,
        progress=progress,
        seal=seal,
        chunk_rows=chunk_rows,
    )


def ingest_pieces(
    store: Store,
    pieces: Iterator[Document | Unreadable],
    delivery: Delivery,
    *,
    source_map: SourceMap,
    source_id: str,
    recorded_by: str,
    progress: Progress | None = None,
    seal: bool = True,
    chunk_rows: int = CHUNK_ROWS,
) -> ImportBatch:
    """As `ingest_file`, of the pieces that a reader gives.

    What the reader raises before the first piece is raised before anything is written.
    """
    return _ingest(
        store,
        lambda groups, most: batches_of(groups, pieces, most),
        delivery,
        source_map=source_map,
        source_id=source_id,
        recorded_by=recorded_by,
        progress=progress,
        seal=seal,
        chunk_rows=chunk_rows,
    )


def _ingest(
    store: Store,
    read: Callable[[list[Group], int], Iterator[Batch]],
    delivery: Delivery,
    *,
    source_map: SourceMap,
    source_id: str,
    recorded_by: str,
    progress: Progress | None,
    seal: bool,
    chunk_rows: int,
) -> ImportBatch:
    _check_source_id(source_id)
    mark_interrupted(store)
    # The check of the whole file comes before the batch, so that a bad file leaves no trace.
    started_at = now()
    batches = _started(read(groups_of(source_map, started_at), chunk_rows))
    batch_id = secrets.token_hex(16)
    one = Import(store, source_map, source_id, batch_id, started_at, recorded_by)
    mark = RunningMark(store.layout, batch_id)
    mark.take()
    try:
        _start_batch(one, delivery)
        with _collector_at_rest():
            counts, rejects = _run(one, batches, chunk_rows, progress)
    finally:
        mark.release()
    if seal:
        AuditLog(store).seal()
    return _batch(one, counts, rejects)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep Python from looking for cycles: rows are very many objects, and none is in a cycle."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _start_batch(one: Import, delivery: Delivery) -> None:
    one.store.records.start_batch(
        id=one.batch_id,
        source_id=one.source_id,
        source_map=one.source.id,
        run_by=one.recorded_by,
        started_at=one.started_at,
        source_uri=delivery.uri,
        content_sha256=delivery.sha256,
        bytes=delivery.size,
        map_digest=one.source.digest,
        importer_version=__version__,
    )


def map_file(
    path: Path, *, source_map: SourceMap, import_time: str | None = None
) -> Iterator[tuple[int, MappedRow | Unreadable]]:
    """What an import would take from a file, with each row's place; nothing is written.

    For trying out a source map. Raises InputError as `ingest_file` does.
    """
    groups = groups_of(source_map, import_time or now())
    return mapped_rows(groups, read_documents(examine(Path(path)), source_map))


def _check_source_id(source_id: str) -> None:
    wrong = not source_id.strip() or len(source_id) > 200 or not source_id.isprintable()
    if wrong or source_id == OWN_SOURCE_ID:
        raise UsageError(
            f"source id `{source_id[:60]}` cannot be used. Give the source a short name of your "
            f"own, e.g. gateway-eu; `{OWN_SOURCE_ID}` is kept for Muniment's own entries."
        )


def _started(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, with the check of the whole file done before anything is written."""
    first = next(batches, None)
    return iter(()) if first is None else chain((first,), batches)


def _run(
    one: Import, batches: Iterator[Batch], chunk_rows: int, progress: Progress | None
) -> tuple[Counts, Path]:
    counts, written = Counts(), Counts()  # each counted by one thread
    path = one.store.layout.rejects_file(one.batch_id)
    with Rejects(path, counts) as rejects:
        events = EventWriter(one, AuditLog(one.store), written, chunk_rows)
        records = RecordWriter(one, counts, rejects)
        visits = VisitGatherer(one, counts)
        status = "failed"
        try:
            with Behind(events.add) as behind:
                for batch in batches:
                    mapped = map_batch(batch)
                    _report(progress, counts.read, counts.read + mapped.read)
                    counts.read += mapped.read
                    counts.left_out += mapped.left_out
                    _take_others(mapped, counts, rejects, records, visits)
                    if mapped.events is not None:
                        behind.add(mapped.events)
                behind.finish()
            events.flush()
            records.flush()
            visits.write()
            status = "done"
        finally:
            events.close()
            visits.close()
            counts.add(written)
            one.store.records.finish_batch(
                one.batch_id, status=status, finished_at=now(), **counts.as_columns()
            )
    return counts, path


def _take_others(
    mapped: MappedBatch,
    counts: Counts,
    rejects: Rejects,
    records: RecordWriter,
    visits: VisitGatherer,
) -> None:
    """What a batch holds beside events: refused rows, visits, records."""
    for place, found in mapped.others:
        if isinstance(found, Unreadable):
            rejects.add(found)
        elif found.record == VISIT.name:
            if not visits.add(found):
                counts.read -= 1
                counts.left_out += 1
        else:
            records.add(found, place)


def _report(progress: Progress | None, before: int, after: int) -> None:
    """Tell of each thousand rows."""
    if progress is not None:
        for taken in range((before // 1_000 + 1) * 1_000, after + 1, 1_000):
            progress("rows", taken, None)


def _batch(one: Import, counts: Counts, rejects: Path) -> ImportBatch:
    columns = counts.as_columns()
    return ImportBatch(
        batch_id=one.batch_id,
        source_id=one.source_id,
        source_map=one.source.id,
        read=columns.pop("rows_read"),
        rejects_file=str(rejects) if counts.rejected else None,
        left_out=counts.left_out,
        undated=counts.undated,
        timeless=counts.events > 0 and counts.first is None,
        **columns,
    )
