"""The records against the log: every row must be what its sealed changes made of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from muniment.integrity.canonical import canonical_json
from muniment.model.records import RECORD_TABLES
from muniment.sealing.outbox import event_id_of
from muniment.store.audit import AuditReader, RecordChange
from muniment.store.open import Store
from muniment.store.records_outbox import OutboxRow
from muniment.store.records_values import from_database
from muniment.store.tables import OUTBOX, RECORDS

Key = tuple[str, str]
_SHAPE = (KeyError, TypeError, ValueError)


@dataclass(slots=True)
class _Replay:
    """Record rows as the changes make them, and the faults met on the way."""

    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def apply(self, seq: int, payload: str) -> None:
        try:
            change = json.loads(payload)
            if change["op"] == "insert":
                row = dict(change["row"])
                self.rows[change["table"], str(row["row_id"])] = row
            elif change["op"] == "supersede":
                key = (change["table"], str(change["row_id"]))
                self.rows[key]["superseded_at"] = change["superseded_at"]
        except _SHAPE:
            self.faults.append(f"outbox entry {seq}: what it says cannot be replayed")


def record_faults(store: Store, reader: AuditReader) -> Iterator[str]:
    """Rows that were edited, removed or added around the outbox, by table and row id."""
    before = {change.seq for change in reader.record_changes()}
    rows, outbox, unreadable = _database(store)
    # Writers go on: what was sealed since the rows were read is left to the next verification.
    changes = [c for c in reader.record_changes() if c.seq in before or c.seq in outbox]
    yield from unreadable
    yield from _outbox_faults(changes, outbox)
    replay = _Replay()
    for change in changes:
        replay.apply(change.seq, change.payload)
    sealed = {change.seq for change in changes}
    for seq, waiting in outbox.items():
        if waiting["payload"] is not None and seq not in sealed:
            replay.apply(seq, waiting["payload"])
    yield from replay.faults
    yield from _row_faults(rows, replay.rows)


def _row_faults(
    held: Mapping[Key, dict[str, Any]], sealed: Mapping[Key, dict[str, Any]]
) -> Iterator[str]:
    for key, row in held.items():
        where = f"`{key[0]}` row `{key[1]}`"
        told = sealed.get(key)
        if told is None:
            yield f"{where}: written around the outbox, no change tells of it"
            continue
        wrong = sorted(n for n in {*row, *told} if row.get(n) != told.get(n))
        if wrong:
            now, then = _short(row.get(wrong[0])), _short(told.get(wrong[0]))
            yield f"{where}: `{wrong[0]}` is `{now}`, sealed was `{then}`"
    for name, row_id in sorted(sealed.keys() - held.keys()):
        yield f"`{name}` row `{row_id}`: sealed, but gone from the records"


def _database(
    store: Store,
) -> tuple[dict[Key, dict[str, Any]], dict[int, dict[str, Any]], list[str]]:
    """Record rows and outbox at one moment, and rows that cannot be read."""
    rows: dict[Key, dict[str, Any]] = {}
    faults: list[str] = []
    with store.records.reading() as connection:
        for record in RECORD_TABLES:
            for raw in connection.execute(select(RECORDS[record.name])).mappings():
                key = (record.name, str(raw["row_id"]))
                try:
                    values = from_database(record, raw)
                except _SHAPE:
                    faults.append(f"`{key[0]}` row `{key[1]}`: holds a value of another kind")
                    values = dict(raw)
                rows[key] = {name: value for name, value in values.items() if value is not None}
        found = connection.execute(select(OUTBOX).order_by(OUTBOX.c.seq)).mappings()
        outbox = {int(row["seq"]): dict(row) for row in found}
    return rows, outbox, faults


def _outbox_faults(
    changes: list[RecordChange], outbox: Mapping[int, dict[str, Any]]
) -> Iterator[str]:
    """Outbox rows that do not say of the log what it holds."""
    sealed: dict[int, RecordChange] = {}
    for change in changes:
        if change.seq in sealed:
            yield f"outbox entry {change.seq}: sealed twice, with different content"
        sealed[change.seq] = change
        if change.seq not in outbox:
            yield f"outbox entry {change.seq}: sealed, but gone from the outbox"
    for seq, row in outbox.items():
        held = sealed.get(seq)
        if row["payload"] is None:
            place = (row["segment_no"], row["leaf_index"], row["event_id"])
            if held is None:
                yield f"outbox entry {seq}: sealed in segment {place[0]}, the log lacks it"
            elif place != (held.segment_no, held.row, held.event_id):
                yield f"outbox entry {seq}: points at another place than where it is sealed"
        elif held is not None and event_id_of(_outbox_row(row)) != held.event_id:
            yield f"outbox entry {seq}: changed after it was sealed"


def _outbox_row(row: Mapping[str, Any]) -> OutboxRow:
    return OutboxRow(**{name: row[name] for name in OutboxRow.__slots__})


def import_faults(store: Store, reader: AuditReader) -> Iterator[str]:
    """Imports that are not what was noted of them, or of which the log holds less."""
    before = _notes(store, reader, "import_batch", "id")
    batches = store.records.batches()  # before the log: what is counted later can only be more
    notes = _notes(store, reader, "import_batch", "id")
    for gone in sorted(before.keys() - {batch["id"] for batch in batches}):
        yield f"import `{gone}`: noted, but gone from the records"
    held = reader.counts_by_batch()
    records: Counter[str] = Counter()
    for table in RECORD_TABLES:
        records.update(str(row["import_batch_id"]) for row in store.records.all_rows(table.name))
    for batch in batches:
        what = f"import `{batch['id']}` of source `{batch['source_id']}`"
        if batch["status"] != "running":
            yield from _note_faults(what, batch, notes.get(batch["id"]))
        found = held.get((batch["id"], "event"), 0) + records[batch["id"]]
        noted = held.get((batch["id"], "annotation"), 0)
        counted, superseding = int(batch["imported"] or 0), int(batch["superseding"] or 0)
        if found < counted:
            yield f"{what}: it imported {counted:,}, the store holds {found:,}"
        elif found + noted < counted + superseding:
            yield f"{what}: it counted {superseding:,} superseding, the store holds fewer"


def _note_faults(
    what: str, row: Mapping[str, Any], note: Mapping[str, Any] | None
) -> Iterator[str]:
    if note is None:
        yield f"{what}: no note tells of its end"
        return
    absent: tuple[Any, ...] = (None, {})
    wrong = sorted(
        name
        for name in {*row, *note}
        if row.get(name) != note.get(name)
        and not (row.get(name) in absent and note.get(name) in absent)
    )
    if wrong:
        now, then = _short(row.get(wrong[0])), _short(note.get(wrong[0]))
        yield f"{what}: `{wrong[0]}` is `{now}`, noted was `{then}`"


def files_faults(store: Store, reader: AuditReader) -> Iterator[str]:
    """Stored assessments and evidence files that are not what was noted of them."""
    notes = _notes(store, reader, "assessment", "assessment_id")
    held = {str(row["id"]): row["document_sha256"] for row in store.records.assessments()}
    for assessment_id, note in sorted(notes.items()):
        folder = store.layout.assessment_folder(assessment_id)
        what = f"assessment `{assessment_id}`"
        yield from _file_fault(folder / "assessment.json", note["document_sha256"], what)
        yield from _file_fault(folder / "items.jsonl", note["items_sha256"], what)
        if held.get(assessment_id) != note["document_sha256"]:
            yield f"{what}: the records have another digest of it than was noted, or none"
    # Again: an assessment may have been added since the notes were read.
    unnoted = held.keys() - notes.keys()
    for assessment_id in sorted(
        unnoted - _notes(store, reader, "assessment", "assessment_id").keys() if unnoted else ()
    ):
        yield f"assessment `{assessment_id}`: in the records, but no note tells of it"
    for row in store.records.all_rows("attestation"):
        digest = row["evidence_sha256"]
        if digest:
            path = store.layout.evidence_files / str(digest)
            yield from _file_fault(path, str(digest), f"attestation `{row['attestation_id']}`")


def _notes(store: Store, reader: AuditReader, subject: str, key: str) -> dict[str, dict[str, Any]]:
    """The last note of each thing of one kind, in the log or still in the outbox."""
    with store.records.reading() as connection:
        chosen = select(OUTBOX.c.payload).where(OUTBOX.c.payload.is_not(None))
        waiting = list(connection.execute(chosen.order_by(OUTBOX.c.seq)).scalars())
    # The outbox is read first: what is sealed meanwhile is then in both, never in neither.
    sealed = [change.payload for change in reader.record_changes()]
    notes: dict[str, dict[str, Any]] = {}
    for payload in [*sealed, *waiting]:
        change = json.loads(payload)
        if change["op"] == "note" and change["table"] == subject:
            notes[change["row"][key]] = change["row"]
    return notes


def _file_fault(path: Path, digest: str, what: str) -> Iterator[str]:
    if not path.is_file():
        yield f"{what}: its file `{path.name}` is missing"
        return
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            yield f"{what}: its file `{path.name}` was changed"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else canonical_json(value) if value is not None else "–"
    return text if len(text) <= 80 else text[:77] + "…"
