"""The database tables: one per record table of the model, and the plain ones beside them.

Text is compared byte by byte on both databases (PostgreSQL: collation "C"), so that fixed time
strings and row ids sort alike everywhere.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeEngine

from muniment.model.columns import Column as ModelColumn
from muniment.model.columns import ColumnKind
from muniment.model.records import RECORD_TABLES, RecordTable

METADATA = MetaData()


def byte_text() -> TypeEngine[str]:
    """Text that sorts by its bytes on both databases."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def column_type(kind: ColumnKind) -> TypeEngine[Any]:
    """The database type that holds a kind of value without loss."""
    if kind is ColumnKind.INTEGER:
        return BigInteger()
    if kind is ColumnKind.BOOLEAN:
        return Boolean()
    return byte_text()


def _column(column: ModelColumn) -> Column[Any]:
    return Column(
        column.name,
        column_type(column.kind),
        primary_key=column.name == "row_id",
        nullable=not column.required,
    )


def _record_table(record: RecordTable) -> Table:
    table = Table(record.name, METADATA, *(_column(column) for column in record.all_columns))
    # One believed row per key and start: two timelines of one key can never exist side by side.
    current = text("superseded_at IS NULL")
    Index(
        f"ix_{record.name}_current",
        table.c[record.key],
        table.c.valid_from,
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    Index(f"ix_{record.name}_recorded", table.c.recorded_at)
    return table


RECORDS: dict[str, Table] = {record.name: _record_table(record) for record in RECORD_TABLES}

_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("created_at", byte_text(), nullable=False),
    Column("recorded_by", byte_text(), nullable=False),
    Column("subject", byte_text(), nullable=False),
    Column("op", byte_text(), nullable=False),
    Column("target_ref", byte_text()),
    Column("payload", byte_text()),
    Column("segment_no", BigInteger()),
    Column("leaf_index", BigInteger()),
    Column("event_id", byte_text()),
    # A number that was used is never given again, not even after a deletion.
    sqlite_autoincrement=True,
)
_PENDING = text("payload IS NOT NULL")
Index("ix_outbox_pending", OUTBOX.c.seq, sqlite_where=_PENDING, postgresql_where=_PENDING)
Index("ix_outbox_target", OUTBOX.c.target_ref)

IMPORT_BATCH = Table(
    "import_batch",
    METADATA,
    Column("id", byte_text(), primary_key=True),
    Column("source_id", byte_text(), nullable=False),
    Column("source_map", byte_text(), nullable=False),
    Column("source_uri", byte_text(), nullable=False),
    Column("content_sha256", byte_text()),
    Column("bytes", BigInteger()),
    Column("started_at", byte_text(), nullable=False),
    Column("finished_at", byte_text()),
    Column("status", byte_text(), nullable=False),
    Column("rows_read", BigInteger()),
    Column("imported", BigInteger()),
    Column("rejected", BigInteger()),
    Column("duplicate", BigInteger()),
    Column("superseding", BigInteger()),
    Column("min_event_time", byte_text()),
    Column("max_event_time", byte_text()),
    Column("reject_reasons", byte_text()),
    Column("map_digest", byte_text()),
    Column("importer_version", byte_text()),
    Column("run_by", byte_text(), nullable=False),
)
Index("ix_import_batch_started", IMPORT_BATCH.c.started_at)

ASSESSMENT = Table(
    "assessment",
    METADATA,
    Column("id", byte_text(), primary_key=True),
    Column("started_at", byte_text(), nullable=False),
    Column("finished_at", byte_text(), nullable=False),
    Column("as_of", byte_text(), nullable=False),
    Column("known_at", byte_text(), nullable=False),
    Column("period_start", byte_text(), nullable=False),
    Column("period_end", byte_text(), nullable=False),
    Column("state_summary", byte_text(), nullable=False),
    Column("document_sha256", byte_text(), nullable=False),
)
Index("ix_assessment_started", ASSESSMENT.c.started_at)

# Work that one process does after the other; what it leaves is noted elsewhere.
JOB = Table(
    "job",
    METADATA,
    Column("id", byte_text(), primary_key=True),
    Column("kind", byte_text(), nullable=False),
    Column("arguments", byte_text(), nullable=False),
    Column("state", byte_text(), nullable=False),
    Column("asked_by", byte_text(), nullable=False),
    Column("asked_at", byte_text(), nullable=False),
    Column("started_at", byte_text()),
    Column("finished_at", byte_text()),
    Column("attempts", Integer(), nullable=False),
    Column("step", byte_text()),
    Column("done", BigInteger()),
    Column("total", BigInteger()),
    Column("cancel_asked", Boolean(), nullable=False),
    Column("result", byte_text()),
)
Index("ix_job_asked", JOB.c.asked_at)

# One row: whose records these are, and the last instant handed out to a writer.
STORE_STATE = Table(
    "store_state",
    METADATA,
    Column("id", Integer(), primary_key=True, autoincrement=False),
    Column("store_id", byte_text(), nullable=False),
    Column("last_instant", byte_text(), nullable=False),
)

# Columns that a table gained in an older store: rows recorded until then could not carry them.
ADDED_COLUMN = Table(
    "added_column",
    METADATA,
    Column("table_name", byte_text(), nullable=False),
    Column("column_name", byte_text(), nullable=False),
    Column("absent_until", byte_text(), nullable=False),
)
