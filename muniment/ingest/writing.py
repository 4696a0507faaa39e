"""Writing what was mapped: events to the audit log, record rows to the records."""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muniment.errors import InputError
from muniment.ingest.batch import Counts, Rejects
from muniment.ingest.events import Events, joined
from muniment.ingest.mapping import MappedRow
from muniment.ingest.rows import Unreadable, excerpt_of
from muniment.model.entries import ENTRY_COLUMN_BY_NAME, SCHEMA_VERSION, EntryKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.sources import SourceMap
from muniment.model.times import format_time, now
from muniment.sealing.log import AuditLog
from muniment.store.arrow_text import texts_of_width
from muniment.store.encoder import (
    ENTRY_SCHEMA,
    column_of,
    concatenated,
    digests_of,
    said_digests,
)
from muniment.store.open import Store
from muniment.store.records_writer import RecordPut, check_put

RECORDS_AT_ONCE = 500
BYTES_AT_ONCE = 64 << 20


@dataclass(frozen=True, slots=True)
class Import:
    """What every row of one import shares."""

    store: Store
    source: SourceMap
    source_id: str
    batch_id: str
    started_at: str
    recorded_by: str


class EventWriter:
    """Gives events their ids and appends them to the log, `chunk` at a time."""

    def __init__(self, one: Import, log: AuditLog, counts: Counts, chunk: int) -> None:
        self._import = one
        self._log = log
        self._counts = counts
        self._chunk = chunk
        self._waiting: list[Events] = []
        # A private file that is deleted at close: memory stays bounded for any number of rows.
        self._seen = sqlite3.connect("", check_same_thread=False)  # one thread after the other
        self._seen.execute("create table seen (digest blob primary key, n int) without rowid")

    def add(self, events: Events) -> None:
        """Take events; they are written when the chunk is full."""
        self._waiting.append(events)
        rows = sum(len(each.places) for each in self._waiting)
        if rows >= self._chunk or sum(e.table.nbytes for e in self._waiting) >= BYTES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Append what was taken: new events, and annotations where a known one differs."""
        if not self._waiting:
            return
        events = joined(self._waiting)
        self._waiting = []
        times = pc.min_max(events.table.column("event_time").cast(pa.int64())).as_py()
        for nanos in times.values():
            self._counts.saw(None if nanos is None else format_time(nanos))
        fullest = self._import.source.fullest
        entries = self._entries(events)
        table = entries if fullest is None else _fullest(entries, fullest)
        with self._log.exclusive():  # what is classified as new must still be so when appended
            found = self._log.classify(table)
            self._log.append(found.new)
            changed = [
                (old, new)
                for old, new in found.superseding
                if fullest is None or _says_more(old, new, fullest)
            ]
            if changed:
                self._log.append(self._log.annotations_for(changed))
        self._counts.imported += found.new.num_rows
        self._counts.events += found.new.num_rows
        self._counts.superseding += len(changed)
        self._counts.duplicate += entries.num_rows - found.new.num_rows - len(changed)

    def close(self) -> None:
        """Give back what was held."""
        self._seen.close()

    def _ids(self, events: Events) -> list[bytes]:
        """The first 16 bytes of SHA-256 over source and natural key, else source and content."""
        # Lists of texts and at most one whole number: these are their canonical forms.
        source = json.dumps(self._import.source_id, ensure_ascii=False)
        keyed = events.keys.is_valid()
        texts = concatenated([f'["key",{source},', events.keys, "]"])
        if events.keys.null_count:
            unkeyed = said_digests(events.table.filter(pc.invert(keyed)))
            whole = [
                f'["content",{source},"{digest.hex()}",{self._occurrence(digest)}]'
                for digest in unkeyed
            ]
            texts = pc.replace_with_mask(texts, pc.invert(keyed), pa.array(whole, pa.string()))
        return [digest[:16] for digest in digests_of(texts)]

    def _occurrence(self, digest: bytes) -> int:
        """How often this content stood in the file so far, from 1: equal rows stay several."""
        row = self._seen.execute(
            "insert into seen values (?, 1) on conflict do update set n = n + 1 returning n",
            (digest,),
        ).fetchone()
        return int(row[0])

    def _entries(self, events: Events) -> pa.Table:
        one, count = self._import, events.table.num_rows
        shared = {
            "entry_kind": EntryKind.EVENT.value,
            "ingested_at": now(),
            "source_id": one.source_id,
            "source_format": one.source.id,
            "source_class": one.source.source_class,
            "import_batch_id": one.batch_id,
            "schema_version": SCHEMA_VERSION,
        }
        first = pa.array(np.zeros(count, np.int64))
        columns = {
            name: column_of(ENTRY_COLUMN_BY_NAME[name].kind, [value]).take(first)
            for name, value in shared.items()
        }
        columns["event_id"] = texts_of_width(b"".join(self._ids(events)).hex().encode(), 32)
        columns["salt"] = texts_of_width(secrets.token_hex(16 * count).encode(), 32)
        columns["source_row"] = pa.array(events.places)
        content = {name: events.table.column(name) for name in events.table.column_names}
        return pa.table(columns | content).select(ENTRY_SCHEMA.names)


def _fullest(table: pa.Table, column: str) -> pa.Table:
    """Of several copies of one event the one with the largest number, whatever their order."""
    values = table.column(column).to_pylist()
    best: dict[str, int] = {}
    for row, event_id in enumerate(table.column("event_id").to_pylist()):
        if event_id not in best or _grew(values[best[event_id]], values[row]):
            best[event_id] = row
    if len(best) == table.num_rows:
        return table
    return table.take(pa.array(sorted(best.values()), pa.int64()))


def _grew(old: Any, new: Any) -> bool:
    """Whether the later copy says more: a larger number, or one where there was none."""
    if old is None or new is None:
        return new is not None
    return Decimal(new) > Decimal(old)


def _says_more(old: dict[str, Any], new: dict[str, Any], column: str) -> bool:
    both = old.get(column), new.get(column)
    return both == (None, None) or _grew(*both)


class RecordWriter:
    """Collects record rows of all tables and states them, a few hundred per transaction."""

    def __init__(self, one: Import, counts: Counts, rejects: Rejects) -> None:
        self._import = one
        self._counts = counts
        self._rejects = rejects
        self._puts: dict[str, list[tuple[int, MappedRow]]] = {}
        self._held: dict[str, dict[str, dict[str, Any]]] = {}

    def add(self, mapped: MappedRow, place: int) -> None:
        """Take a record row; it is written when enough have come."""
        waiting = self._puts.setdefault(mapped.record, [])
        waiting.append((place, mapped))
        if len(waiting) >= RECORDS_AT_ONCE:
            self._write(mapped.record)

    def flush(self) -> None:
        """Write what was collected."""
        for table in list(self._puts):
            self._write(table)

    def _write(self, table: str) -> None:
        waiting = self._puts.pop(table, [])
        one = self._import
        held = self._held_at_start(table) if any(row.at_import for _, row in waiting) else {}
        puts = [put for place, row in waiting if (put := self._checked(table, place, row, held))]
        if not puts:
            return
        with one.store.records.writing() as writer:
            outcomes = writer.put_many(
                table,
                puts,
                recorded_by=one.recorded_by,
                source_id=one.source_id,
                import_batch_id=one.batch_id,
            )
        key = RECORD_TABLE_BY_NAME[table].key
        undated = {row.values[key] for _, row in waiting if row.at_import}
        for put, outcome in zip(puts, outcomes, strict=True):
            self._count(str(outcome))
            if str(outcome) == "inserted" and put.values[key] in undated:
                self._counts.undated += 1

    def _checked(
        self, table: str, place: int, row: MappedRow, held: dict[str, dict[str, Any]]
    ) -> RecordPut | None:
        """The row as a statement; one that the table cannot hold is refused, and gives None."""
        since = self._since(table, row, held)
        put = RecordPut(row.values, since, tuple(row.not_carried), tuple(row.redacted))
        try:
            check_put(table, put)
        except InputError as error:
            excerpt = excerpt_of(row.values)
            self._rejects.add(Unreadable(place, "not storable", str(error), excerpt))
            return None
        return put

    def _held_at_start(self, table: str) -> dict[str, dict[str, Any]]:
        if table not in self._held:
            key = RECORD_TABLE_BY_NAME[table].key
            rows = self._import.store.records.rows_as_of(table, self._import.started_at, now())
            self._held[table] = {row[key]: row for row in rows}
        return self._held[table]

    def _since(self, table: str, row: MappedRow, held: dict[str, dict[str, Any]]) -> str:
        """Since when the row holds; one dated by the import that holds already keeps its start."""
        known = RECORD_TABLE_BY_NAME[table]
        earlier = held.get(row.values[known.key])
        if not row.at_import or earlier is None:
            return row.valid_from
        same = all(earlier[column.name] == row.values.get(column.name) for column in known.columns)
        return str(earlier["valid_from"]) if same else row.valid_from

    def _count(self, outcome: str) -> None:
        if outcome == "inserted":
            self._counts.imported += 1
        elif outcome == "unchanged":
            self._counts.duplicate += 1
        else:
            self._counts.superseding += 1
