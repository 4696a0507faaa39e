"""One writing transaction on the records: bitemporal rows, their outbox entries, and notes."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from muniment.errors import StoreError, UsageError
from muniment.model.records import RecordTable
from muniment.model.results import Assessment
from muniment.model.times import format_time, now, to_nanos
from muniment.store import records_outbox as outbox
from muniment.store.records_timeline import Plan, PutOutcome, Row, Timeline, new_row_id
from muniment.store.records_values import (
    checked_names,
    checked_values,
    fixed_time,
    from_database,
    record_table,
    to_database,
)
from muniment.store.tables import ASSESSMENT, IMPORT_BATCH, RECORDS, STORE_STATE

MAX_PUTS = 5_000
BATCH_STATUSES = ("running", "done", "interrupted", "failed")
_KEYS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class RecordPut:
    """One statement for `put_many`: these values hold from `valid_from`.

    not_carried: columns for which the source has no place; redacted: columns that it masked.
    """

    values: Mapping[str, Any]
    valid_from: str
    not_carried: Sequence[str] = ()
    redacted: Sequence[str] = ()


def check_put(table_name: str, put: RecordPut) -> None:
    """Raise the InputError that `put_many` would raise for this statement; touches no database.

    For imports: refuse single rows first, then put the others in one call.
    """
    table = record_table(table_name)
    _stated_row(table, put, {})


def next_instant(connection: Connection) -> str:
    """The present, later than every instant given before, and remembered as given.

    A clock that is set back can therefore not slip a row into a past that was already read.
    """
    last = connection.execute(select(STORE_STATE.c.last_instant)).scalar_one()
    instant = max(now(), format_time(to_nanos(last) + 1))
    connection.execute(update(STORE_STATE).values(last_instant=instant))
    return instant


class Writer:
    """The open transaction. Everything written through it becomes known at one instant, or never.

    `recorded_at` is that instant; `connection` sees the transaction's own changes.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.recorded_at = next_instant(connection)

    def put(
        self,
        table_name: str,
        values: Mapping[str, Any],
        *,
        valid_from: str,
        recorded_by: str,
        source_id: str,
        import_batch_id: str | None = None,
        not_carried: Sequence[str] = (),
        redacted: Sequence[str] = (),
    ) -> PutOutcome:
        """State that a key's values are these from `valid_from`, until the next known change.

        `values` is the whole row: a column left out is NULL. Rules: `records_timeline`. Raises
        InputError for values that the table cannot hold.
        """
        one = RecordPut(values, valid_from, not_carried, redacted)
        return self.put_many(
            table_name,
            [one],
            recorded_by=recorded_by,
            source_id=source_id,
            import_batch_id=import_batch_id,
        )[0]

    def put_many(
        self,
        table_name: str,
        puts: Sequence[RecordPut],
        *,
        recorded_by: str,
        source_id: str,
        import_batch_id: str | None = None,
    ) -> list[PutOutcome]:
        """As `put` for up to 5,000 statements, in their order; one outcome for each.

        A single bad statement raises InputError before anything is written.
        """
        if len(puts) > MAX_PUTS:
            raise UsageError(
                f"`{len(puts)}` rows in one call. Give at most {MAX_PUTS} and a transaction for "
                "each call, so that others need not wait long."
            )
        table = record_table(table_name)
        envelope = {
            "valid_to": None,
            "recorded_at": self.recorded_at,
            "superseded_at": None,
            "recorded_by": recorded_by,
            "source_id": source_id,
            "import_batch_id": import_batch_id,
        }
        rows = [_stated_row(table, put, envelope) for put in puts]
        timelines = self._timelines(table, rows)
        outcomes = [timelines[row[table.key]].state(row) for row in rows]
        plan = Plan()
        for timeline in timelines.values():
            timeline.add_to(plan)
        self._write(table, plan, recorded_by)
        return outcomes

    def note(self, subject: str, content: Mapping[str, Any], recorded_by: str) -> None:
        """Have something else sealed with the records' changes, e.g. an assessment's digest.

        content: texts, whole numbers, booleans, lists and mappings of them; its `id` names it.
        """
        entry = outbox.note_entry(subject, content, self.recorded_at, recorded_by)
        outbox.add_entries(self.connection, [entry])

    def start_batch(self, *, source_id: str, source_map: str, run_by: str, **facts: Any) -> str:
        """Register an import as running and return its id.

        facts: any of `id`, `source_uri`, `content_sha256`, `bytes`, `map_digest`,
        `importer_version`, `started_at`.
        """
        row: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "source_uri": "",
            "started_at": self.recorded_at,
            **facts,
            "source_id": source_id,
            "source_map": source_map,
            "run_by": run_by,
            "status": "running",
        }
        _check_columns(IMPORT_BATCH.c.keys(), row)
        self.connection.execute(insert(IMPORT_BATCH), [row])
        return str(row["id"])

    def finish_batch(self, batch_id: str, *, status: str, **counts: Any) -> None:
        """Close a running import and note it for sealing.

        counts: any of `rows_read`, `imported`, `rejected`, `duplicate`, `superseding`,
        `min_event_time`, `max_event_time`, `finished_at`, and `reject_reasons` (reason → count).
        """
        if status not in BATCH_STATUSES[1:]:
            raise UsageError(f"`{status}` is not one of: {', '.join(BATCH_STATUSES[1:])}.")
        changes = {"finished_at": self.recorded_at, **counts, "status": status}
        reasons = changes.pop("reject_reasons", None)
        _check_columns(IMPORT_BATCH.c.keys(), changes)
        stored = {**changes, "reject_reasons": None if reasons is None else _json(reasons)}
        closing = update(IMPORT_BATCH).where(IMPORT_BATCH.c.id == batch_id)
        closing = closing.where(IMPORT_BATCH.c.status == "running")
        if self.connection.execute(closing.values(**stored)).rowcount != 1:
            raise StoreError(
                f"import `{batch_id}` is not running, so it cannot end. List imports with "
                "`RecordStore.batches()`."
            )
        chosen = select(IMPORT_BATCH).where(IMPORT_BATCH.c.id == batch_id)
        content = dict(self.connection.execute(chosen).mappings().one())
        self.note("import_batch", {**content, "reject_reasons": reasons}, content["run_by"])

    def add_assessment(self, assessment: Assessment, document_sha256: str) -> None:
        """List an assessment by its clocks, its controls' states and its document's digest.

        The same id again takes the place of the earlier listing. What must be sealed of it, the
        caller notes.
        """
        clock = assessment.clock
        states = Counter(str(control.state) for control in assessment.controls)
        row = {
            "id": assessment.assessment_id,
            "started_at": assessment.started_at,
            "finished_at": assessment.finished_at,
            "as_of": clock.as_of,
            "known_at": clock.known_at,
            "period_start": clock.period_start,
            "period_end": clock.period_end,
            "state_summary": _json(states),
            "document_sha256": document_sha256,
        }
        self.connection.execute(delete(ASSESSMENT).where(ASSESSMENT.c.id == row["id"]))
        self.connection.execute(insert(ASSESSMENT), [row])

    def _timelines(self, table: RecordTable, rows: Iterable[Row]) -> dict[str, Timeline]:
        keys = list(dict.fromkeys(str(row[table.key]) for row in rows))
        stored: dict[str, list[Row]] = {key: [] for key in keys}
        target = RECORDS[table.name]
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            chosen = select(target).where(
                target.c[table.key].in_(keys[start : start + _KEYS_AT_ONCE]),
                target.c.superseded_at.is_(None),
            )
            for found in self.connection.execute(chosen).mappings():
                stored[found[table.key]].append(from_database(table, found))
        own = [column.name for column in table.columns]
        return {key: Timeline(own, believed) for key, believed in stored.items()}

    def _write(self, table: RecordTable, plan: Plan, recorded_by: str) -> None:
        target = RECORDS[table.name]
        at = self.recorded_at
        if plan.superseded:
            giving_way = (
                update(target)
                .where(target.c.row_id == bindparam("old_row_id"))
                .values(superseded_at=at)
            )
            self.connection.execute(giving_way, [{"old_row_id": each} for each in plan.superseded])
        if plan.inserts:
            self.connection.execute(
                insert(target), [to_database(table, row) for row in plan.inserts]
            )
        entries = [
            outbox.supersede_entry(table, row_id, at, recorded_by) for row_id in plan.superseded
        ]
        for row in plan.inserts:
            entries.append(outbox.insert_entry(table, row, recorded_by))
            if row["superseded_at"] is not None:
                entries.append(outbox.supersede_entry(table, row["row_id"], at, recorded_by))
        outbox.add_entries(self.connection, entries)


def _stated_row(table: RecordTable, put: RecordPut, envelope: Mapping[str, Any]) -> Row:
    where = f"record `{table.name}`, `valid_from`"
    return {
        "row_id": new_row_id(),
        "valid_from": fixed_time(put.valid_from, where),
        **envelope,
        "not_carried_fields": list(checked_names(table, put.not_carried, "not carried")) or None,
        "redacted_fields": list(checked_names(table, put.redacted, "redacted")) or None,
        **checked_values(table, put.values),
    }


def _check_columns(known: Iterable[str], row: Mapping[str, Any]) -> None:
    unknown = row.keys() - set(known)
    if unknown:
        raise UsageError(f"`{min(unknown)}` is no column. Name one of: {', '.join(sorted(known))}.")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
