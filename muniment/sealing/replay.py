"""The records against the log: every row must be what its sealed changes made of it.

Both sides are read once into a private SQLite file and compared there, so that a store with many
record rows needs no more memory than a small one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from muniment.integrity.canonical import canonical_json
from muniment.sealing.replay_database import ReplayDatabase
from muniment.store.audit import AuditReader
from muniment.store.open import Store


class Replay:
    """What the log tells of a store's records, held against them; read when first asked for."""

    def __init__(self, store: Store, reader: AuditReader) -> None:
        self._store = store
        self._reader = reader

    @cached_property
    def _read(self) -> ReplayDatabase:
        return ReplayDatabase(self._store, self._reader)

    def record_faults(self) -> Iterator[str]:
        """Rows that were edited, removed or added around the outbox, by table and row id."""
        read = self._read
        yield from read.unreadable
        yield from self._outbox_faults()
        yield from read.not_replayed
        for table, row_id, held, told in read.rows(_DIFFERENT):
            yield f"`{table}` row `{row_id}`: {_difference(held, told)}"
        for table, row_id in read.rows(_GONE):
            yield f"`{table}` row `{row_id}`: sealed, but gone from the records"

    def _outbox_faults(self) -> Iterator[str]:
        """Outbox rows that do not say of the log what it holds."""
        read = self._read
        for (seq,) in read.rows(_SEALED_TWICE):
            yield f"outbox entry {seq}: sealed twice, with different content"
        for (seq,) in read.rows(_NOT_IN_OUTBOX):
            yield f"outbox entry {seq}: sealed, but gone from the outbox"
        for seq, segment_no in read.rows(_NOT_IN_LOG):
            yield f"outbox entry {seq}: sealed in segment {segment_no}, the log lacks it"
        for (seq,) in read.rows(_ELSEWHERE):
            yield f"outbox entry {seq}: points at another place than where it is sealed"
        for (seq,) in read.rows(_CHANGED_AFTER):
            yield f"outbox entry {seq}: changed after it was sealed"

    def import_faults(self) -> Iterator[str]:
        """Imports that are not what was noted of them, or of which the log holds less."""
        read = self._read
        notes = read.notes("import_batch", "id")
        for gone in sorted(notes.keys() - {batch["id"] for batch in read.batches}):
            yield f"import `{gone}`: noted, but gone from the records"
        held = self._reader.counts_by_batch()  # after the batches: it can only count more
        for batch in read.batches:
            what = f"import `{batch['id']}` of source `{batch['source_id']}`"
            if batch["status"] != "running":
                yield from _note_faults(what, batch, notes.get(batch["id"]))
            found = held.get((batch["id"], "event"), 0) + read.rows_by_batch[batch["id"]]
            noted = held.get((batch["id"], "annotation"), 0)
            counted, superseding = int(batch["imported"] or 0), int(batch["superseding"] or 0)
            if found < counted:
                yield f"{what}: it imported {counted:,}, the store holds {found:,}"
            elif found + noted < counted + superseding:
                yield f"{what}: it counted {superseding:,} superseding, the store holds fewer"

    def files_faults(self) -> Iterator[str]:
        """Stored assessments and evidence files that are not what was noted of them."""
        read, layout = self._read, self._store.layout
        notes = read.notes("assessment", "assessment_id")
        held = {str(row["id"]): row["document_sha256"] for row in read.assessments}
        for assessment_id, note in sorted(notes.items()):
            folder = layout.assessment_folder(assessment_id)
            what = f"assessment `{assessment_id}`"
            yield from _file_fault(folder / "assessment.json", note["document_sha256"], what)
            yield from _file_fault(folder / "items.jsonl", note["items_sha256"], what)
            if held.get(assessment_id) != note["document_sha256"]:
                yield f"{what}: the records have another digest of it than was noted, or none"
        for assessment_id in sorted(held.keys() - notes.keys()):
            yield f"assessment `{assessment_id}`: in the records, but no note tells of it"
        for row in self._store.records.all_rows("attestation"):
            digest = row["evidence_sha256"]
            if digest:
                path = layout.evidence_files / str(digest)
                yield from _file_fault(path, str(digest), f"attestation `{row['attestation_id']}`")


_DIFFERENT = """
    select held.subject, held.row_id, held.content, told.content
    from held left join told using (subject, row_id)
    where told.content is null or held.content != told.content
    order by held.rowid
"""
_GONE = """
    select told.subject, told.row_id from told left join held using (subject, row_id)
    where held.content is null order by 1, 2
"""
_SEALED_TWICE = "select seq from sealed group by seq having count(*) > 1 order by min(rowid)"
_NOT_IN_OUTBOX = """
    select sealed.seq from sealed left join outbox using (seq) where outbox.seq is null
    order by sealed.rowid
"""
_NOT_IN_LOG = """
    select outbox.seq, outbox.segment_no from outbox left join sealed using (seq)
    where not outbox.waits and sealed.seq is null order by 1
"""
_ELSEWHERE = """
    select outbox.seq from outbox join sealed using (seq)
    where not outbox.waits
      and (outbox.segment_no, outbox.leaf_index, outbox.event_id)
          is not (sealed.segment_no, sealed.leaf_index, sealed.event_id)
    order by 1
"""
_CHANGED_AFTER = """
    select outbox.seq from outbox join sealed using (seq)
    where outbox.waits and outbox.event_id != sealed.event_id order by 1
"""


def _difference(held: bytes, told: bytes | None) -> str:
    if told is None:
        return "written around the outbox, no change tells of it"
    row, sealed = orjson.loads(held), orjson.loads(told)
    name = min(n for n in {*row, *sealed} if row.get(n) != sealed.get(n))
    return f"`{name}` is `{_short(row.get(name))}`, sealed was `{_short(sealed.get(name))}`"


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
