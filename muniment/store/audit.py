"""The audit log, for reading: sealed segments, the unsealed tail, and annotations applied.

Readers take no lock. The tail is read before the list of segments, and entries of the tail that a
segment holds already are left out, so that an entry that is sealed meanwhile shows exactly once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.integrity.headers import FIRST_PREVIOUS, header_hash
from muniment.model.entries import ENTRY_COLUMN_BY_NAME, EntryKind
from muniment.model.results import LogState
from muniment.store.annotations import Annotation, apply_annotations, read_annotation
from muniment.store.encoder import ENTRY_SCHEMA, content_digests, entry_rows
from muniment.store.identity import IdIndex, build_index, id_bytes, read_index, write_index
from muniment.store.layout import StoreLayout
from muniment.store.wal_frames import read_frames

NOT_SEALED = "not_sealed"


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """A sealed segment: its number, its Parquet file, and its header."""

    no: int
    path: Path
    header: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry and where it lies; both numbers are None while it is not sealed."""

    row: dict[str, Any]
    segment_no: int | None
    leaf_index: int | None


class AuditReader:
    """Reads the log of one store. Keeps headers and indexes in memory; both are append-only."""

    def __init__(self, layout: StoreLayout) -> None:
        self.layout = layout
        self._headers: dict[int, dict[str, Any]] = {}
        self._indexes: dict[int, IdIndex] = {}

    # Segments and headers

    def segments(self, known_at: str | None = None) -> list[SegmentInfo]:
        """Sealed segments in order; with `known_at`, those that hold anything taken in by then."""
        numbers = sorted(int(path.stem) for path in self.layout.headers.glob("*.json"))
        found = [self._segment(number) for number in numbers]
        return [s for s in found if known_at is None or s.header["ingested_from"] <= known_at]

    def header(self, number: int) -> dict[str, Any]:
        """A segment's header; EvidenceBrokenError where its file is gone or no header."""
        if number not in self._headers:
            path = self.layout.header_file(number)
            try:
                content: dict[str, Any] = json.loads(path.read_bytes())
                str(content["file_name"]), str(content["ingested_from"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise EvidenceBrokenError(
                    f"header {number} at `{path}` cannot be read: {error}. "
                    "Run `muniment status --verify`, then restore it from a backup."
                ) from error
            self._headers[number] = content
        return self._headers[number]

    def forget(self) -> None:
        """Read headers and indexes anew; verification trusts nothing that was kept."""
        self._headers.clear()
        self._indexes.clear()

    def _segment(self, number: int) -> SegmentInfo:
        header = self.header(number)
        return SegmentInfo(number, self.layout.segments / str(header["file_name"]), header)

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
        return _query(_source([segment.path]), list(ENTRY_SCHEMA.names), "true", [])

    def state(self) -> LogState:
        """How much is sealed and how much waits in the write-ahead file."""
        tail = self.tail()
        segments = self.segments()
        last = segments[-1].header if segments else None
        return LogState(
            segments=len(segments),
            sealed_entries=sum(int(s.header["entry_count"]) for s in segments),
            sealed_events=sum(int(s.header["event_count"]) for s in segments),
            unsealed_entries=tail.num_rows,
            last_header_hash=header_hash(last) if last else FIRST_PREVIOUS,
            sealed_to=str(last["ingested_to"]) if last else None,
        )

    # Entries

    def tail(self) -> pa.Table:
        """Entries that are acknowledged and not sealed yet."""
        frames, _ = read_frames(self.layout.wal_file)
        if not frames:
            return ENTRY_SCHEMA.empty_table()
        table = pa.concat_tables(frames)
        recent = self.segments()[-2:]
        sealed: set[bytes] = set()
        wanted = [id_bytes(event_id) for event_id in table.column("event_id").to_pylist()]
        for segment in recent:
            sealed |= self.index(segment).find_many(wanted).keys()
        if not sealed:
            return table
        return table.filter(pa.array([each not in sealed for each in wanted]))

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
        end: window [start, end) of the event's time; an event without time is placed by its intake.
        """
        tail = self.tail()
        segments = self.segments(known_at)
        wanted = list(dict.fromkeys(["event_id", *(c for c in columns if c != NOT_SEALED)]))
        where, values = _window(known_at, start, end)
        parts = []
        if segments:
            source = _source([segment.path for segment in segments])
            parts.append(_mark(_query(source, wanted, where, values), sealed=True))
        parts.append(_mark(_query("tail", wanted, where, values, tail=tail), sealed=False))
        table = pa.concat_tables(parts)
        changes = self._annotations(segments, tail, known_at)
        if changes:
            table = apply_annotations(table, changes)
        return table.select(list(columns))

    def entry(self, event_id: str) -> Entry:
        """One entry of any kind by its id; StoreError where the log has none."""
        tail = self.tail()
        place = self.place(event_id)
        if place is not None:
            number, row = place
            source = _source([self._segment(number).path])
            names = list(ENTRY_SCHEMA.names)
            found = _query(source, names, "event_id = ?", [event_id])
            if found.num_rows:
                return Entry(entry_rows(found)[0], number, row)
        waiting = tail.filter(pa.compute.equal(tail.column("event_id"), event_id))
        if waiting.num_rows:
            return Entry(entry_rows(waiting)[0], None, None)
        raise StoreError(f"the log holds no entry `{event_id[:40]}`. Check the reference.")

    def place(self, event_id: str) -> tuple[int, int] | None:
        """(segment number, row) of a sealed entry."""
        try:
            wanted = id_bytes(event_id)
        except ValueError:
            return None
        for segment in reversed(self.segments()):
            found = self.index(segment).find(wanted)
            if found is not None:
                return segment.no, found[0]
        return None

    def annotations(self, event_id: str) -> list[dict[str, Any]]:
        """Later values for fields of an event, oldest first, as their entries' payloads."""
        tail = self.tail()
        rows = self._annotation_rows(self.segments(), tail, "target_ref = ?", [event_id])
        return [
            {"annotation_id": row["event_id"], "ingested_at": row["ingested_at"],
             "source_id": row["source_id"], **json.loads(row["payload"])}
            for row in rows
        ]  # fmt: skip

    def trace(self, trace_id: str, limit: int, known_at: str | None = None) -> pa.Table:
        """Events of one trace in time order, all columns, at most `limit`."""
        tail = self.tail()
        segments = self.segments(known_at)
        names = list(ENTRY_SCHEMA.names)
        where, values = "entry_kind = 'event' and trace_id = ?", [trace_id]
        parts = [_query("tail", names, where, values, tail=tail)]
        if segments:
            parts.append(_query(_source([s.path for s in segments]), names, where, values))
        order = [("event_time", "ascending"), ("source_row", "ascending")]
        return pa.concat_tables(parts).sort_by(order).slice(0, limit)

    def record_entries(self) -> Iterator[tuple[int | None, int, dict[str, Any]]]:
        """Every record entry in log order: (segment number, row, entry), the tail's last."""
        for segment in self.segments():
            if segment.header["entry_count"] == segment.header["event_count"]:
                continue
            for row, entry in enumerate(entry_rows(self.table(segment))):
                if entry["entry_kind"] == EntryKind.RECORD:
                    yield segment.no, row, entry

    # Indexes

    def index(self, segment: SegmentInfo) -> IdIndex:
        """A segment's ids; rebuilt from the segment where the file is missing or unfit."""
        if segment.no not in self._indexes:
            path = self.layout.index_file(segment.no)
            index = read_index(path, int(segment.header["entry_count"]))
            if index is None:
                table = self.table(segment)
                index = build_index(table.column("event_id").to_pylist(), content_digests(table))
                # A read-only store is read all the same, only slower.
                with contextlib.suppress(OSError):
                    write_index(path, index)
            self._indexes[segment.no] = index
        return self._indexes[segment.no]

    def _annotations(
        self, segments: list[SegmentInfo], tail: pa.Table, known_at: str
    ) -> list[Annotation]:
        rows = self._annotation_rows(segments, tail, "ingested_at <= ?", [known_at[:-1]])
        return [read_annotation(row) for row in rows]

    def _annotation_rows(
        self, segments: list[SegmentInfo], tail: pa.Table, where: str, values: list[Any]
    ) -> list[dict[str, Any]]:
        names = ["event_id", "target_ref", "ingested_at", "source_id", "payload"]
        condition = f"entry_kind = 'annotation' and {where}"
        parts = [_query("tail", names, condition, values, tail=tail)]
        mixed = [s.path for s in segments if s.header["entry_count"] != s.header["event_count"]]
        if mixed:
            parts.append(_query(_source(mixed), names, condition, values))
        order = [("ingested_at", "ascending"), ("event_id", "ascending")]
        return entry_rows(pa.concat_tables(parts).sort_by(order))


def _source(paths: Sequence[Path]) -> str:
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _window(known_at: str, start: str | None, end: str | None) -> tuple[str, list[Any]]:
    where, values = ["entry_kind = 'event'", "ingested_at <= ?"], [known_at[:-1]]
    placed = "coalesce(event_time, ingested_at)"
    for bound, sign in ((start, ">="), (end, "<")):
        if bound is not None:
            where.append(f"{placed} {sign} ?::timestamp_ns")
            values.append(bound[:-1])
    return " and ".join(where), values


def _query(
    source: str, columns: Sequence[str], where: str, values: list[Any], tail: pa.Table | None = None
) -> pa.Table:
    unknown = [name for name in columns if name not in ENTRY_COLUMN_BY_NAME]
    if unknown:
        raise StoreError(f"the log has no column `{unknown[0]}`.")
    connection = duckdb.connect()
    try:
        connection.execute("set memory_limit = '1GB'")
        connection.execute("set threads = 2")
        if tail is not None:
            connection.register("tail", tail)
        condition = where.replace("ingested_at <= ?", "ingested_at <= ?::timestamp_ns")
        condition = condition.replace("::timestamp_ns::timestamp_ns", "::timestamp_ns")
        query = f"select {', '.join(columns)} from {source} where {condition}"
        found = connection.sql(query, params=values).to_arrow_table()
    except duckdb.Error as error:
        raise EvidenceBrokenError(
            f"a segment of the log cannot be read: {str(error).splitlines()[0][:200]}. "
            "Run `muniment status --verify` to find it, then restore it from a backup."
        ) from error
    finally:
        connection.close()
    return found.cast(pa.schema([ENTRY_SCHEMA.field(name) for name in columns]))


def _mark(table: pa.Table, *, sealed: bool) -> pa.Table:
    flags = pa.array([not sealed] * table.num_rows, pa.bool_())
    return table.append_column(NOT_SEALED, flags)
