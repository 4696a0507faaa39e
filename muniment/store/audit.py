"""The audit log, for reading: sealed segments, the unsealed tail, and annotations applied.

Readers take no lock. A view reads the write-ahead file before the list of segments and leaves out
frames that a segment holds already, so that an entry that is sealed meanwhile shows exactly once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.integrity.headers import FIRST_PREVIOUS, header_hash
from muniment.model.results import LogState
from muniment.store.annotations import Annotation, apply_annotations, read_annotation
from muniment.store.checkpoint_files import checkpoint_ref, latest_checkpoint
from muniment.store.encoder import ENTRY_SCHEMA, content_digests, entry_rows
from muniment.store.identity import ERASED, IdIndex, build_index, id_bytes, read_index, write_index
from muniment.store.layout import StoreLayout
from muniment.store.segment_files import (
    SegmentInfo,
    header_numbers,
    read_batches,
    read_segment,
    read_table,
    run_query,
    select_entries,
    source_of,
)
from muniment.store.wal_frames import read_frames

__all__ = ["AuditReader", "Entry", "LogView", "RecordChange", "SegmentInfo"]

NOT_SEALED = "not_sealed"
_TIMES = ("event_time", "ingested_at")
_CHANGE_COLUMNS = ["entry_kind", "event_id", "source_seq", "payload"]
_INGESTED = "ingested_at <= ?::timestamp_ns"
# Said in the query: a condition with a list of ids is a join, whose rows come in any order.
_LOG_ORDER = "parse_filename(filename), file_row_number"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry and where it lies; both numbers are None while it is not sealed."""

    row: dict[str, Any]
    segment_no: int | None
    leaf_index: int | None


@dataclass(frozen=True, slots=True)
class LogView:
    """The log at one moment: its segments in order, and what is acknowledged and in none."""

    segments: list[SegmentInfo]
    tail: pa.Table


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A record entry: where it lies, the number it had in the outbox, and what it says."""

    segment_no: int | None
    row: int
    event_id: str
    seq: int
    payload: str


class AuditReader:
    """Reads the log of one store. Keeps headers and indexes in memory; both are append-only."""

    def __init__(self, layout: StoreLayout) -> None:
        self.layout = layout
        self._segments: dict[int, SegmentInfo] = {}
        self._indexes: dict[int, IdIndex] = {}

    # Segments and headers

    def segments(self, known_at: str | None = None) -> list[SegmentInfo]:
        """Sealed segments in order; with `known_at`, those that hold anything taken in by then."""
        found = [self.segment(number) for number in header_numbers(self.layout)]
        return [s for s in found if known_at is None or s.header["ingested_from"] <= known_at]

    def segment(self, number: int) -> SegmentInfo:
        """A segment by its number; EvidenceBrokenError where its header is gone or no header."""
        if number not in self._segments:
            self._segments[number] = read_segment(self.layout, number)
        return self._segments[number]

    def header(self, number: int) -> dict[str, Any]:
        """A segment's header; EvidenceBrokenError where its file is gone or no header."""
        return self.segment(number).header

    def leaf(self, segment_no: int, index: int) -> bytes:
        """The stored leaf hash of an entry."""
        path = self.layout.leaves_file(segment_no)
        try:
            with path.open("rb") as file:
                file.seek(32 * index)
                found = file.read(32)
        except OSError as error:
            raise EvidenceBrokenError(f"leaf hashes `{path}`: {error.strerror}.") from error
        if len(found) != 32:
            raise EvidenceBrokenError(f"leaf hashes `{path}` end before leaf {index}.")
        return found

    def table(self, segment: SegmentInfo) -> pa.Table:
        """A whole segment in the log's schema, in row order."""
        return read_table(segment.path)

    def view(self) -> LogView:
        """Segments and tail at one moment: no entry in both, none in neither."""
        before = header_numbers(self.layout)
        frames, _ = read_frames(self.layout.wal_file)
        segments = self.segments()
        # What is sealed meanwhile lies after `before`; a sealer that was killed just before it
        # emptied the write-ahead file leaves entries in the last segment before.
        newer = [s for s in segments if not before or s.no >= before[-1]] if frames else []
        kept = [frame for frame in frames if not self.holds_frame(newer, frame)]
        return LogView(segments, pa.concat_tables([ENTRY_SCHEMA.empty_table(), *kept]))

    def holds_frame(self, segments: Iterable[SegmentInfo], frame: pa.Table) -> bool:
        """Whether one of the segments holds a frame; frames are sealed whole, so one id tells."""
        first = id_bytes(frame.column("event_id")[0].as_py())
        return any(self.index(segment).find(first) is not None for segment in segments)

    def tail(self) -> pa.Table:
        """Entries that are acknowledged and not sealed yet."""
        return self.view().tail

    def state(self) -> LogState:
        """How much is sealed and how much waits in the write-ahead file."""
        view = self.view()
        last = view.segments[-1].header if view.segments else None
        head = latest_checkpoint(self.layout, len(view.segments))
        return LogState(
            segments=len(view.segments),
            sealed_entries=sum(s.header["entry_count"] for s in view.segments),
            sealed_events=sum(s.header["event_count"] for s in view.segments),
            unsealed_entries=view.tail.num_rows,
            last_header_hash=header_hash(last) if last else FIRST_PREVIOUS,
            sealed_to=last["ingested_to"] if last else None,
            signed=head is not None and head.size == len(view.segments),
            checkpoint=checkpoint_ref(self.layout, head),
        )

    # Entries

    def events_table(
        self,
        columns: Sequence[str],
        *,
        known_at: str,
        start: str | None = None,
        end: str | None = None,
    ) -> pa.Table:
        """Entries of kind event taken in by `known_at`, with the annotations known then applied.

        columns: names of the log's columns, or `not_sealed` (true for the unsealed tail). start,
        end: window [start, end) of the event's time as annotated; an event without time is placed
        by its intake.
        """
        view = self.view()
        changes = self._annotations(view, known_at)
        moved = sorted({c.event_id for c in changes if "event_time" in c.changes})
        names = ["event_id", *(c for c in columns if c != NOT_SEALED), *(_TIMES if moved else ())]
        wanted = list(dict.fromkeys(names))
        where, values = _window(known_at, start, end, moved)
        parts = [
            _mark(select_entries(source, wanted, where, values, tail), sealed=tail is None)
            for source, tail in _sources(view, known_at)
        ]
        table = pa.concat_tables(parts)
        if changes:
            table = apply_annotations(table, changes)
        if moved:
            table = _inside(table, start, end)
        return table.select(list(columns))

    def gathered(self, query: Callable[[str], str], known_at: str) -> list[pa.Table]:
        """What a query gives over the sealed entries and over the tail, each by itself.

        query: the SQL for a relation of entries; its own conditions say which of them count.
        """
        sources = _sources(self.view(), known_at)
        return [run_query(query(source), [], tail) for source, tail in sources]

    def entry(self, event_id: str) -> Entry:
        """One entry of any kind by its id; StoreError where the log has none."""
        view = self.view()
        place = self._place(view.segments, event_id)
        if place is not None:
            source = source_of([self.segment(place[0])])
            found = select_entries(source, ENTRY_SCHEMA.names, "event_id = ?", [event_id])
            if found.num_rows:
                return Entry(entry_rows(found)[0], *place)
        waiting = view.tail.filter(pc.equal(view.tail.column("event_id"), event_id))
        if waiting.num_rows:
            return Entry(entry_rows(waiting)[0], None, None)
        raise StoreError(f"the log holds no entry `{event_id[:40]}`. Check the reference.")

    def rows_by_id(self, event_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The entries of many ids at once, as they came; ids that the log lacks are left out."""
        view = self.view()
        asked = pa.array(event_ids, pa.string())
        waiting = view.tail.filter(pc.is_in(view.tail.column("event_id"), asked))
        rows = {row["event_id"]: row for row in entry_rows(waiting)}
        keys = [id_bytes(event_id) for event_id in event_ids]
        for segment in view.segments:
            held = [key.hex() for key in self.index(segment).find_many(keys)]
            if held:
                where = "event_id in (select unnest(?))"
                found = select_entries(source_of([segment]), ENTRY_SCHEMA.names, where, [held])
                rows |= {row["event_id"]: row for row in entry_rows(found)}
        return rows

    def place(self, event_id: str) -> tuple[int, int] | None:
        """(segment number, row) of a sealed entry."""
        return self._place(self.segments(), event_id)

    def annotations(self, event_id: str) -> list[dict[str, Any]]:
        """Later values for fields of an event, oldest first, as their entries' payloads."""
        return self.annotations_by_id([event_id]).get(event_id, [])

    def annotations_by_id(self, event_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """As `annotations`, for many events at once; events without any are left out."""
        where = "target_ref in (select unnest(?))"
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self._annotation_rows(self.view(), where, [list(event_ids)]):
            found.setdefault(row["target_ref"], []).append(
                {
                    "annotation_id": row["event_id"],
                    "ingested_at": row["ingested_at"],
                    "source_id": row["source_id"],
                    **json.loads(row["payload"]),
                }
            )
        return found

    def trace(self, trace_id: str, limit: int, known_at: str | None = None) -> pa.Table:
        """Events of one trace in time order, as they came, all columns, at most `limit`."""
        where, values = "entry_kind = 'event' and trace_id = ?", [trace_id]
        if known_at is not None:
            where, values = f"{where} and {_INGESTED}", [trace_id, known_at[:-1]]
        where += f" order by event_time, source_row limit {int(limit)}"
        parts = [
            select_entries(source, ENTRY_SCHEMA.names, where, values, tail)
            for source, tail in _sources(self.view(), known_at)
        ]
        order = [("event_time", "ascending"), ("source_row", "ascending")]
        return pa.concat_tables(parts).sort_by(order).slice(0, limit)

    def record_changes(self) -> Iterator[RecordChange]:
        """Every record entry in log order, segment by segment, the tail's last."""
        view = self.view()
        for segment in view.segments:
            if segment.header["entry_count"] != segment.header["event_count"]:
                yield from _changes(segment.no, read_batches(segment.path, _CHANGE_COLUMNS))
        yield from _changes(None, view.tail.select(_CHANGE_COLUMNS).to_batches())

    def counts_by_batch(self) -> dict[tuple[str, str], int]:
        """How many entries of each kind the log holds of each import: (batch id, kind) to count."""
        counts: dict[tuple[str, str], int] = {}
        for source, tail in _sources(self.view(), None):
            query = f"select import_batch_id, entry_kind, count(*) as n from {source} group by all"
            for row in run_query(query, [], tail).to_pylist():
                key = (row["import_batch_id"], row["entry_kind"])
                counts[key] = counts.get(key, 0) + row["n"]
        return counts

    # Indexes

    def index(self, segment: SegmentInfo) -> IdIndex:
        """A segment's ids; rebuilt from the segment where the file is missing or unfit."""
        if segment.no not in self._indexes:
            path = self.layout.index_file(segment.no)
            digest = segment.header["file_sha256"]
            index = read_index(path, segment.header["entry_count"], digest)
            if index is None:
                table = self.table(segment)
                salts = table.column("salt").to_pylist()
                digests = [
                    digest if salt else ERASED
                    for salt, digest in zip(salts, content_digests(table), strict=True)
                ]
                index = build_index(table.column("event_id").to_pylist(), digests)
                # A read-only store is read all the same, only slower.
                with contextlib.suppress(OSError):
                    write_index(path, index, digest)
            self._indexes[segment.no] = index
        return self._indexes[segment.no]

    def _place(self, segments: Sequence[SegmentInfo], event_id: str) -> tuple[int, int] | None:
        try:
            wanted = id_bytes(event_id)
        except ValueError:
            return None
        for segment in reversed(segments):
            found = self.index(segment).find(wanted)
            if found is not None:
                return segment.no, found[0]
        return None

    def changes(self, view: LogView, known_at: str) -> dict[str, dict[str, Any]]:
        """By event, what annotations known at `known_at` make of its columns (None: withdrawn)."""
        latest: dict[str, dict[str, Any]] = {}
        for annotation in self._annotations(view, known_at):
            latest.setdefault(annotation.event_id, {}).update(annotation.changes)
        return latest

    def _annotations(self, view: LogView, known_at: str) -> list[Annotation]:
        rows = self._annotation_rows(view, _INGESTED, [known_at[:-1]])
        return [read_annotation(row) for row in rows]

    def _annotation_rows(
        self, view: LogView, where: str, values: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Annotations in log order: each says what changed against those before it."""
        names = ["event_id", "target_ref", "ingested_at", "source_id", "payload"]
        condition = (
            f"entry_kind = 'annotation' and payload is not null and {where} order by {_LOG_ORDER}"
        )
        mixed = [s for s in view.segments if s.header["entry_count"] != s.header["event_count"]]
        parts = [
            select_entries(source, names, condition, values, tail)
            for source, tail in _sources(LogView(mixed, _numbered(view.tail)), None)
        ]
        return entry_rows(pa.concat_tables(parts))


def _changes(segment_no: int | None, parts: Iterable[pa.RecordBatch]) -> Iterator[RecordChange]:
    start = 0
    for part in parts:
        found = part.filter(pc.equal(part.column("entry_kind"), "record"))
        rows = pc.indices_nonzero(pc.equal(part.column("entry_kind"), "record")).to_pylist()
        columns = (found.column(name).to_pylist() for name in _CHANGE_COLUMNS[1:])
        for row, event_id, seq, payload in zip(rows, *columns, strict=True):
            yield RecordChange(segment_no, start + row, event_id, seq, payload)
        start += part.num_rows


def _sources(view: LogView, known_at: str | None) -> Iterator[tuple[str, pa.Table | None]]:
    """What to query, in log order: the segments as one, then the tail where it holds anything."""
    fit = [s for s in view.segments if known_at is None or s.header["ingested_from"] <= known_at]
    if fit:
        yield source_of(fit), None
    if view.tail.num_rows or not fit:
        yield "tail", view.tail


def _numbered(tail: pa.Table) -> pa.Table:
    """The tail with the columns that `_LOG_ORDER` names, as a segment has them."""
    numbers = pa.array(range(tail.num_rows), pa.int64())
    named = tail.append_column("filename", pa.repeat(pa.scalar("tail"), tail.num_rows))
    return named.append_column("file_row_number", numbers)


def _window(
    known_at: str, start: str | None, end: str | None, moved: list[str]
) -> tuple[str, list[Any]]:
    placed, inside, bounds = "coalesce(event_time, ingested_at)", ["true"], []
    for bound, sign in ((start, ">="), (end, "<")):
        if bound is not None:
            inside.append(f"{placed} {sign} ?::timestamp_ns")
            bounds.append(bound[:-1])
    where = f"entry_kind = 'event' and {_INGESTED} and ({' and '.join(inside)}"
    # An event whose time was corrected may come into the window; the caller looks again.
    where += " or event_id in (select unnest(?)))" if moved else ")"
    return where, [known_at[:-1], *bounds, *([moved] if moved else [])]


def _inside(table: pa.Table, start: str | None, end: str | None) -> pa.Table:
    for bound, compare in ((start, pc.greater_equal), (end, pc.less)):
        if bound is not None:
            placed = pc.coalesce(*(table.column(name) for name in _TIMES))
            limit = pc.cast(pa.scalar(bound[:-1]), pa.timestamp("ns"))
            table = table.filter(compare(placed, limit))
    return table


def _mark(table: pa.Table, *, sealed: bool) -> pa.Table:
    flags = pa.array([not sealed] * table.num_rows, pa.bool_())
    return table.append_column(NOT_SEALED, flags)
