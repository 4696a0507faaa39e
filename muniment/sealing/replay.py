"""The records against the log: every row must be what its sealed changes made of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from muniment.integrity.canonical import canonical_json
from muniment.model.records import RECORD_TABLES
from muniment.sealing.outbox import event_id_of
from muniment.store.audit import AuditReader
from muniment.store.open import Store

Expected = dict[tuple[str, str], dict[str, Any]]


def record_faults(store: Store, reader: AuditReader) -> Iterator[str]:
    """Rows that were edited, removed or added around the outbox, by table and row id."""
    expected, faults = _replayed(store, reader)
    yield from faults
    for table in RECORD_TABLES:
        for row in store.records.all_rows(table.name):
            key = (table.name, str(row["row_id"]))
            held = {name: value for name, value in row.items() if value is not None}
            sealed = expected.pop(key, None)
            if sealed is None:
                yield f"`{key[0]}` row `{key[1]}`: written around the outbox, no change tells of it"
                continue
            wrong = sorted(n for n in {*held, *sealed} if held.get(n) != sealed.get(n))
            if wrong:
                yield (
                    f"`{key[0]}` row `{key[1]}`: `{wrong[0]}` is `{_short(held.get(wrong[0]))}`, "
                    f"sealed was `{_short(sealed.get(wrong[0]))}`"
                )
    for name, row_id in sorted(expected):
        yield f"`{name}` row `{row_id}`: sealed, but gone from the records"


def _replayed(store: Store, reader: AuditReader) -> tuple[Expected, list[str]]:
    """Rows as the log's and the outbox's changes make them, and faults met on the way."""
    rows: Expected = {}
    faults: list[str] = []
    sealed_seqs: set[int] = set()
    for _, _, entry in reader.record_entries():
        sealed_seqs.add(int(entry["source_seq"]))
        _apply(rows, faults, json.loads(entry["payload"]))
    pending = store.records.pending_outbox(1_000_000)
    for waiting in pending:
        if waiting.seq in sealed_seqs:
            if reader.place(event_id_of(waiting)) is None:
                faults.append(f"outbox entry {waiting.seq} was changed after it was sealed")
            continue
        _apply(rows, faults, json.loads(waiting.payload))
    return rows, faults


def _apply(rows: Expected, faults: list[str], change: dict[str, Any]) -> None:
    if change["op"] == "insert":
        row = change["row"]
        rows[change["table"], str(row["row_id"])] = dict(row)
    elif change["op"] == "supersede":
        key = (change["table"], str(change["row_id"]))
        if key in rows:
            rows[key]["superseded_at"] = change["superseded_at"]
        else:
            faults.append(f"`{key[0]}` row `{key[1]}`: superseded in the log, never inserted")


def import_faults(store: Store, reader: AuditReader) -> Iterator[str]:
    """Finished imports whose counts differ from what the log holds of them."""
    held: Counter[tuple[str, str]] = Counter()
    tables = [reader.table(segment) for segment in reader.segments()] + [reader.tail()]
    for table in tables:
        pairs = table.select(["import_batch_id", "entry_kind"]).to_pylist()
        held.update((row["import_batch_id"], row["entry_kind"]) for row in pairs)
    records = _records_by_batch(store)
    for batch in store.records.batches():
        if batch["status"] != "done":
            continue
        found = held[batch["id"], "event"] + records[batch["id"]]
        if found < int(batch["imported"] or 0):
            yield (
                f"import `{batch['id']}` of source `{batch['source_id']}`: it imported "
                f"{batch['imported']:,}, the store holds {found:,}"
            )


def _records_by_batch(store: Store) -> Counter[str]:
    counted: Counter[str] = Counter()
    for table in RECORD_TABLES:
        counted.update(str(row["import_batch_id"]) for row in store.records.all_rows(table.name))
    return counted


def files_faults(store: Store, reader: AuditReader) -> Iterator[str]:
    """Stored assessments and evidence files that are not what was sealed of them."""
    notes: dict[str, dict[str, Any]] = {}
    for _, _, entry in reader.record_entries():
        change = json.loads(entry["payload"])
        if change["op"] == "note" and change["table"] == "assessment":
            notes[change["row"]["assessment_id"]] = change["row"]
    for assessment_id, note in sorted(notes.items()):
        folder = store.layout.assessment_folder(assessment_id)
        for name, digest in (("assessment.json", note["document_sha256"]),
                             ("items.jsonl", note["items_sha256"])):  # fmt: skip
            yield from _file_fault(folder / name, digest, f"assessment `{assessment_id}`")
    for row in store.records.all_rows("attestation"):
        digest = row["evidence_sha256"]
        if digest:
            path = store.layout.evidence_files / str(digest)
            yield from _file_fault(path, str(digest), f"attestation `{row['attestation_id']}`")


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
