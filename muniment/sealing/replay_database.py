"""A private database that holds both sides of a replay: the records, and what the log tells."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, select

from muniment.model.records import RECORD_TABLES, RecordTable
from muniment.sealing.outbox import event_id_of
from muniment.store.audit import AuditReader, RecordChange
from muniment.store.open import Store
from muniment.store.records import plain_rows
from muniment.store.records_outbox import OutboxRow
from muniment.store.records_values import from_database
from muniment.store.tables import ASSESSMENT, IMPORT_BATCH, OUTBOX, RECORDS

# content: a row as JSON, keys sorted, without NULLs. A change that waits has no place in the log.
_SCHEMA = """
    create table held (subject, row_id, content, primary key (subject, row_id));
    create table told (subject, row_id, content, primary key (subject, row_id)) without rowid;
    create table sealed (seq integer, segment_no, leaf_index, event_id);
    create index sealed_seq on sealed (seq);
    create table outbox (seq integer primary key, waits, segment_no, leaf_index, event_id, payload);
    create table note (subject, thing, content, primary key (subject, thing)) without rowid;
"""
_WAITING = """
    select seq, payload from outbox where waits and seq not in (select seq from sealed) order by seq
"""
_SHAPE = (KeyError, TypeError, ValueError)
_NOTED = {"import_batch": "id", "assessment": "assessment_id"}
_ROWS_AT_ONCE = 2_000


class ReplayDatabase:
    """Records and log as they were when this was made; what is sealed later is not in it.

    unreadable: faults of record rows; not_replayed: faults of changes. batches, assessments: as
    `RecordStore` gives them. rows_by_batch: how many record rows each import made.
    """

    def __init__(self, store: Store, reader: AuditReader) -> None:
        self.unreadable: list[str] = []
        self.not_replayed: list[str] = []
        self.rows_by_batch: Counter[str] = Counter()
        self._sql = sqlite3.connect("", isolation_level=None)  # on disk where it grows, and private
        self._sql.executescript(f"pragma journal_mode = off; begin; {_SCHEMA}")
        # Writers go on. Of the log counts what it holds before the records are read, and of what
        # comes later, what the outbox told of at that moment.
        before = reader.view()
        last = before.segments[-1].no if before.segments else 0
        waiting = frozenset(before.tail.column("event_id").to_pylist())
        with store.records.reading() as connection:
            self.batches = plain_rows(connection, IMPORT_BATCH, "reject_reasons")
            self.assessments = plain_rows(connection, ASSESSMENT, "state_summary")
            filled = _filled(connection)
            for record in RECORD_TABLES:
                if record.name in filled:
                    self._hold(connection, record)
            self._hold_outbox(connection)
        for change in reader.record_changes():
            known = (change.segment_no or last + 1) <= last or change.event_id in waiting
            if known or self._in_outbox(change.seq):
                self._seal(change)
        unsealed = (
            "select seq, payload from outbox where waits and seq not in (select seq from sealed)"
        )
        for seq, payload in self.rows(f"{unsealed} order by seq"):
            self._apply(seq, payload)

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """What a query gives, row by row."""
        yield from self._sql.execute(query, values)

    def notes(self, subject: str, key: str) -> dict[str, dict[str, Any]]:
        """The last note of each thing of one kind, by its id."""
        found = self.rows("select content from note where subject = ?", subject)
        notes = (orjson.loads(content) for (content,) in found)
        return {note[key]: note for note in notes}

    def _hold(self, connection: Connection, record: RecordTable) -> None:
        chosen = select(RECORDS[record.name])
        found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(chosen)
        for part in found.mappings().partitions():
            self.rows_by_batch.update(str(raw["import_batch_id"]) for raw in part)
            self._sql.executemany(
                "insert into held values (?, ?, ?)", [self._held(record, raw) for raw in part]
            )

    def _held(self, record: RecordTable, raw: RowMapping) -> tuple[str, str, bytes]:
        row_id = str(raw["row_id"])
        try:
            content = _content(from_database(record, raw))
        except _SHAPE:
            self.unreadable.append(f"`{record.name}` row `{row_id}`: holds a value of another kind")
            content = _content({n: v if v is None else str(v) for n, v in raw.items()})
        return record.name, row_id, content

    def _hold_outbox(self, connection: Connection) -> None:
        chosen = select(OUTBOX).order_by(OUTBOX.c.seq)
        found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(chosen)
        for part in found.mappings().partitions():
            rows = [_outbox_row(row) for row in part]
            self._sql.executemany("insert into outbox values (?, ?, ?, ?, ?, ?)", rows)

    def _in_outbox(self, seq: int) -> bool:
        found = self._sql.execute("select 1 from outbox where seq = ?", [seq])
        return found.fetchone() is not None

    def _seal(self, change: RecordChange) -> None:
        place = (change.seq, change.segment_no, change.row, change.event_id)
        self._sql.execute("insert into sealed values (?, ?, ?, ?)", place)
        self._apply(change.seq, change.payload)

    def _apply(self, seq: int, payload: str) -> None:
        try:
            change = orjson.loads(payload)
            subject = str(change["table"])
            if change["op"] == "insert":
                row = change["row"]
                told = (subject, str(row["row_id"]), _content(row))
                self._sql.execute("insert or replace into told values (?, ?, ?)", told)
            elif change["op"] == "supersede":
                self._supersede(subject, str(change["row_id"]), change["superseded_at"])
            elif subject in _NOTED:
                note = (subject, str(change["row"][_NOTED[subject]]), _content(change["row"]))
                self._sql.execute("insert or replace into note values (?, ?, ?)", note)
        except _SHAPE:
            self.not_replayed.append(f"outbox entry {seq}: what it says cannot be replayed")

    def _supersede(self, subject: str, row_id: str, at: str) -> None:
        key = (subject, row_id)
        query = "select content from told where subject = ? and row_id = ?"
        found = self._sql.execute(query, key).fetchone()
        if found is None:
            raise KeyError(row_id)
        row = orjson.loads(found[0])
        row["superseded_at"] = at
        change = "update told set content = ? where subject = ? and row_id = ?"
        self._sql.execute(change, (_content(row), *key))


def _filled(connection: Connection) -> frozenset[str]:
    """The record tables that hold a row: one query, where most of some forty tables are empty."""
    named = connection.dialect.identifier_preparer.format_table
    each = (
        f"select '{name}' where exists (select 1 from {named(RECORDS[name])})" for name in RECORDS
    )
    return frozenset(row[0] for row in connection.exec_driver_sql(" union all ".join(each)))


def _content(row: Mapping[str, Any]) -> bytes:
    told = {name: value for name, value in row.items() if value is not None}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _outbox_row(row: RowMapping) -> tuple[Any, ...]:
    waits = row["payload"] is not None
    event_id = row["event_id"]
    if waits:
        event_id = event_id_of(OutboxRow(**{name: row[name] for name in OutboxRow.__slots__}))
    return row["seq"], waits, row["segment_no"], row["leaf_index"], event_id, row["payload"]
