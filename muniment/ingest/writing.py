"""Writing mapped rows, in chunks: events to the audit log, record rows to the records."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from muniment.errors import InputError
from muniment.ingest.batch import Counts, Rejects
from muniment.ingest.canonical_text import canonical_text
from muniment.ingest.mapping import MappedRow
from muniment.ingest.rows import Unreadable, excerpt_of
from muniment.model.entries import SCHEMA_VERSION, EntryKind
from muniment.model.records import RECORD_TABLE_BY_NAME
from muniment.model.sources import SourceMap
from muniment.model.times import now
from muniment.sealing.log import AuditLog
from muniment.store.encoder import entry_table
from muniment.store.open import Store
from muniment.store.records_writer import RecordPut, check_put

RECORDS_AT_ONCE = 500
CHARACTERS_AT_ONCE = 32 << 20


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
    """Collects events and appends them to the log, `chunk` at a time."""

    def __init__(self, one: Import, log: AuditLog, counts: Counts, chunk: int) -> None:
        self._import = one
        self._log = log
        self._counts = counts
        self._chunk = chunk
        self._rows: list[dict[str, Any]] = []
        self._characters = 0
        # A private file that is deleted at close: memory stays bounded for any number of rows.
        self._seen = sqlite3.connect("")
        self._seen.execute("create table seen (digest blob primary key, n int) without rowid")

    def add(self, mapped: MappedRow, place: int) -> None:
        """Take an event; it is written when the chunk is full."""
        content = dict(mapped.values)
        if mapped.redacted:
            content["redacted_fields"] = sorted(mapped.redacted)
        if mapped.empty:
            content["empty_fields"] = sorted(mapped.empty)
        content["event_id"] = self._event_id(mapped, content)
        content["source_row"] = place
        self._counts.saw(mapped.values.get("event_time"))
        self._rows.append(content)
        self._characters += sum(len(value) for value in content.values() if isinstance(value, str))
        if len(self._rows) >= self._chunk or self._characters >= CHARACTERS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Append what was collected: new events, and annotations where a known one differs."""
        if not self._rows:
            return
        table = self._table()
        self._rows, self._characters = [], 0
        with self._log.exclusive():  # what is classified as new must still be so when appended
            found = self._log.classify(table)
            self._log.append(found.new)
            if found.superseding:
                self._log.append(self._log.annotations_for(found.superseding))
        self._counts.imported += found.new.num_rows
        self._counts.duplicate += found.duplicates
        self._counts.superseding += len(found.superseding)

    def close(self) -> None:
        """Give back what was held."""
        self._seen.close()

    def _event_id(self, mapped: MappedRow, content: dict[str, Any]) -> str:
        source = self._import.source_id
        if mapped.key is not None:
            parts: list[Any] = ["key", source, list(mapped.key)]
        else:
            digest = hashlib.sha256(canonical_text(content).encode()).digest()
            parts = ["content", source, digest.hex(), self._occurrence(digest)]
        # A list of texts and one whole number: this is its canonical form.
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _occurrence(self, digest: bytes) -> int:
        """How often this content stood in the file so far, from 1: equal rows stay several."""
        row = self._seen.execute(
            "insert into seen values (?, 1) on conflict do update set n = n + 1 returning n",
            (digest,),
        ).fetchone()
        return int(row[0])

    def _table(self) -> pa.Table:
        one = self._import
        shared = {
            "entry_kind": EntryKind.EVENT.value,
            "ingested_at": now(),
            "source_id": one.source_id,
            "source_format": one.source.id,
            "source_class": one.source.source_class,
            "import_batch_id": one.batch_id,
            "schema_version": SCHEMA_VERSION,
        }
        return entry_table([{**row, **shared, "salt": secrets.token_hex(16)} for row in self._rows])


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
        for outcome in outcomes:
            self._count(str(outcome))

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
