"""The records: what Muniment holds about agents, permissions, people and approvals, on two clocks.

`as_of` asks for what held in the world, `known_at` for what Muniment knew of it. What was learnt
after `known_at` never shows: later rows are left out, and a `superseded_at` later than `known_at`
reads as NULL, so that an old assessment finds exactly the rows that it found then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Select, Table, literal_column, or_, select

from muniment.errors import StoreError
from muniment.integrity.canonical import canonical_json
from muniment.model.records import RECORD_TABLE_BY_NAME, RecordTable
from muniment.model.results import Assessment
from muniment.store import records_outbox as outbox
from muniment.store.engine import Database
from muniment.store.records_arrow import arrow_table
from muniment.store.records_outbox import OutboxPointer, OutboxRow, SealedAt
from muniment.store.records_timeline import PutOutcome
from muniment.store.records_values import fixed_time, from_database, record_table
from muniment.store.records_writer import RecordPut, Writer, check_put, next_instant
from muniment.store.tables import ADDED_COLUMN, ASSESSMENT, IMPORT_BATCH, RECORDS

__all__ = [
    "OutboxPointer",
    "OutboxRow",
    "PutOutcome",
    "RecordPut",
    "RecordStore",
    "Writer",
    "check_put",
]


class RecordStore:
    """The record tables of one store, and the plain tables beside them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def place(self) -> str:
        """The database's file or address, without password."""
        return self._database.place

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One writing transaction. Keep it short: every other writer waits, up to 30 seconds.

        Raises StoreBusyError when the wait is over, UsageError inside another one of this thread.
        """
        with self._database.writing() as connection:
            yield Writer(connection)

    def reading(self) -> AbstractContextManager[Connection]:
        """One snapshot to read from; writing there raises StoreError."""
        return self._database.reading()

    def close(self) -> None:
        """Give back the database's connections."""
        self._database.close()

    def settled_now(self) -> str:
        """The present as a `known_at` that stays true.

        No row that is still being written can end up at or before it: waits for the writer at work.
        """
        with self._database.writing() as connection:
            return next_instant(connection)

    # Record rows

    def rows_as_of(self, table: str, as_of: str, known_at: str) -> list[dict[str, Any]]:
        """The rows that held at `as_of`, as known at `known_at`, by key."""
        record, chosen = _as_of(table, as_of, known_at)
        return self._dicts(record, chosen)

    def history(self, table: str, known_at: str) -> list[dict[str, Any]]:
        """Every row known at `known_at`, by key and `valid_from`: each key's whole timeline."""
        record, chosen = _history(table, known_at)
        return self._dicts(record, chosen)

    def arrow_as_of(self, table: str, as_of: str, known_at: str) -> pa.Table:
        """As `rows_as_of`, as an Arrow table with all columns even where no row is found."""
        record, chosen = _as_of(table, as_of, known_at)
        return self._arrow(record, chosen)

    def arrow_history(self, table: str, known_at: str) -> pa.Table:
        """As `history`, as an Arrow table with all columns even where no row is found."""
        record, chosen = _history(table, known_at)
        return self._arrow(record, chosen)

    def row(self, table: str, row_id: str) -> dict[str, Any] | None:
        """One row as it stands in the database, whether still believed or not."""
        record = record_table(table)
        target = RECORDS[table]
        found = self._dicts(record, select(target).where(target.c.row_id == row_id))
        return found[0] if found else None

    def all_rows(self, table: str) -> list[dict[str, Any]]:
        """Every row ever inserted, superseded or not, by row_id."""
        target = RECORDS[record_table(table).name]
        return self._dicts(record_table(table), select(target).order_by(target.c.row_id))

    def organisation(self) -> dict[str, Any]:
        """The entity under assessment, as believed now."""
        target = RECORDS["organisation"]
        chosen = select(target).where(target.c.superseded_at.is_(None), target.c.valid_to.is_(None))
        found = self._dicts(RECORD_TABLE_BY_NAME["organisation"], chosen)
        if not found:
            raise StoreError(
                f"records database `{self.place}` names no organisation. "
                "Restore it from a backup; `muniment init` writes one."
            )
        return found[0]

    def records_digest(self, known_at: str, tables: Iterable[str] | None = None) -> str:
        """SHA-256 over the canonical rows known at `known_at`, table by table, in row_id order.

        Each table contributes a line with its name, each row one line of canonical JSON. Equal
        digests mean equal rows, whatever was learnt after `known_at`. tables: default all.
        """
        digest = hashlib.sha256()
        names = sorted(set(RECORD_TABLE_BY_NAME if tables is None else tables))
        with self.reading() as connection:
            for name in names:
                record = record_table(name)
                digest.update(canonical_json({"table": name}).encode() + b"\n")
                chosen = _known(record, known_at).order_by(RECORDS[name].c.row_id)
                found = connection.execution_options(yield_per=2_000).execute(chosen)
                for each in found.mappings():
                    row = outbox.without_nulls(from_database(record, each))
                    digest.update(canonical_json(row).encode() + b"\n")
        return digest.hexdigest()

    # Outbox

    def pending_outbox(self, limit: int) -> list[OutboxRow]:
        """The oldest changes that wait to be sealed, in the order in which they were written."""
        with self.reading() as connection:
            return outbox.read_pending(connection, limit)

    def count_pending_outbox(self) -> int:
        """How many changes wait to be sealed."""
        with self.reading() as connection:
            return outbox.count_pending(connection)

    def mark_sealed(self, places: Mapping[int, SealedAt]) -> None:
        """Keep, for each sealed change, (segment number, leaf index, event id); drop its body.

        Works in steps of 5,000, each whole by itself; after a kill, say it again.
        """
        wanted = list(places.items())
        for start in range(0, len(wanted), outbox.MAX_SEALED):
            with self._database.writing() as connection:
                outbox.write_sealed(connection, dict(wanted[start : start + outbox.MAX_SEALED]))

    def outbox_pointer(self, row_id: str) -> list[OutboxPointer]:
        """Every change of one record row, oldest first, with its place in the log."""
        with self.reading() as connection:
            return list(outbox.read_pointers(connection, row_id))

    def sealed_inserts(self, row_ids: Sequence[str]) -> dict[str, str]:
        """The event id of the log's entry for each row's insertion, where that is sealed."""
        with self.reading() as connection:
            return outbox.read_sealed_inserts(connection, row_ids)

    def noted(self, subject: str) -> list[str]:
        """The ids of all notes on a subject, sealed or not, in the order of their writing."""
        with self.reading() as connection:
            return outbox.read_noted(connection, subject)

    # Imports and assessments

    def start_batch(self, *, source_id: str, source_map: str, run_by: str, **facts: Any) -> str:
        """`Writer.start_batch` in a transaction of its own."""
        with self.writing() as writer:
            return writer.start_batch(
                source_id=source_id, source_map=source_map, run_by=run_by, **facts
            )

    def finish_batch(self, batch_id: str, *, status: str, **counts: Any) -> None:
        """`Writer.finish_batch` in a transaction of its own."""
        with self.writing() as writer:
            writer.finish_batch(batch_id, status=status, **counts)

    def batches(self) -> list[dict[str, Any]]:
        """Every import, oldest first; `reject_reasons` is a mapping of reason to count."""
        with self.reading() as connection:
            return plain_rows(connection, IMPORT_BATCH, "reject_reasons")

    def add_assessment(self, assessment: Assessment, document_sha256: str) -> None:
        """`Writer.add_assessment` in a transaction of its own."""
        with self.writing() as writer:
            writer.add_assessment(assessment, document_sha256)

    def assessments(self) -> list[dict[str, Any]]:
        """Every assessment, oldest first; `state_summary` counts controls by state."""
        with self.reading() as connection:
            return plain_rows(connection, ASSESSMENT, "state_summary")

    def _dicts(self, record: RecordTable, chosen: Select[Any]) -> list[dict[str, Any]]:
        with self.reading() as connection:
            found = connection.execute(chosen).mappings()
            return [from_database(record, row) for row in found]

    def _arrow(self, record: RecordTable, chosen: Select[Any]) -> pa.Table:
        with self.reading() as connection:
            added = select(ADDED_COLUMN.c.column_name, ADDED_COLUMN.c.absent_until).where(
                ADDED_COLUMN.c.table_name == record.name
            )
            absent_until = {row[0]: row[1] for row in connection.execute(added)}
            rows = [tuple(row) for row in connection.execute(chosen)]
        return arrow_table(record, rows, absent_until)


def plain_rows(connection: Connection, table: Table, json_column: str) -> list[dict[str, Any]]:
    """Every row of a table that is not bitemporal, oldest first, with one column read as JSON."""
    chosen = select(table).order_by(table.c.started_at, table.c.id)
    rows = [dict(row) for row in connection.execute(chosen).mappings()]
    for row in rows:
        row[json_column] = json.loads(row[json_column]) if row[json_column] else {}
    return rows


def _known(record: RecordTable, known_at: str) -> Select[Any]:
    """Every row known at `known_at`, with nothing in it that was learnt later."""
    target = RECORDS[record.name]
    instant = fixed_time(known_at, "`known_at`")
    columns: list[ColumnElement[Any]] = [
        literal_column("NULL").label(column.name)
        if column.name == "superseded_at"
        else target.c[column.name]
        for column in record.all_columns
    ]
    return select(*columns).where(
        target.c.recorded_at <= instant,
        or_(target.c.superseded_at.is_(None), target.c.superseded_at > instant),
    )


def _history(table: str, known_at: str) -> tuple[RecordTable, Select[Any]]:
    record = record_table(table)
    target = RECORDS[table]
    ordered = _known(record, known_at).order_by(target.c[record.key], target.c.valid_from)
    return record, ordered


def _as_of(table: str, as_of: str, known_at: str) -> tuple[RecordTable, Select[Any]]:
    record, chosen = _history(table, known_at)
    target = RECORDS[table]
    instant = fixed_time(as_of, "`as_of`")
    return record, chosen.where(
        target.c.valid_from <= instant,
        or_(target.c.valid_to.is_(None), target.c.valid_to > instant),
    )
