"""What a record table is, and the bitemporal columns that each of them has.

`valid_from`/`valid_to` say when a row held in the world, `recorded_at`/`superseded_at` when
Muniment knew it. Rows are never edited: a change supersedes rows and inserts others, in one
transaction with the outbox entry that is sealed later.
"""

from __future__ import annotations

from dataclasses import dataclass

from muniment.model.columns import Column, ColumnKind

TEXT, INTEGER, BOOLEAN = ColumnKind.TEXT, ColumnKind.INTEGER, ColumnKind.BOOLEAN
DECIMAL, TIME, TEXT_LIST = ColumnKind.DECIMAL, ColumnKind.TIME, ColumnKind.TEXT_LIST

# On every record table, before its own columns.
BITEMPORAL_COLUMNS: tuple[Column, ...] = (
    Column("row_id", TEXT, "32 random hex digits; names this row for ever", required=True),
    Column("valid_from", TIME, "held in the world from", required=True),
    Column("valid_to", TIME, "held until (excluded); NULL: still holds"),
    Column("recorded_at", TIME, "known to Muniment from", required=True),
    Column("superseded_at", TIME, "known until (excluded); NULL: still believed"),
    Column("recorded_by", TEXT, "person or service that recorded it", required=True),
    Column("source_id", TEXT, "the source, as named at import", required=True),
    Column("import_batch_id", TEXT, "the import that brought it"),
    Column("not_carried_fields", TEXT_LIST, "columns that the source has no place for"),
    Column("redacted_fields", TEXT_LIST, "columns that the source masked"),
)


@dataclass(frozen=True, slots=True)
class RecordTable:
    """One record table: `name` (singular, also the relation's name in SQL), `key`, own columns."""

    name: str
    key: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The bitemporal columns followed by the table's own."""
        return BITEMPORAL_COLUMNS + self.columns

    @property
    def own_names(self) -> frozenset[str]:
        """Names that a source map may fill."""
        return frozenset(column.name for column in self.columns)
