"""Erasing events from a sealed log: the body and the salt go, the leaf and a note of it stay.

What an event said is gone from the segment's file, from its annotations and from what was derived
of it. Its leaf hash stays, so that every other entry is still proven; without the salt nobody can
guess the body from it. A tombstone keeps when the entry came and happened, from which source and
under which number, and lists everything else as redacted: a test that would need it is
undetermined, and the population does not shrink in silence.

The note is sealed before a file is replaced. After a kill in between, the next redaction first
finishes what was noted.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muniment.errors import StoreError, UsageError
from muniment.model.entries import CONTENT_COLUMNS
from muniment.model.times import now
from muniment.sealing.disk import replace_durably, write_temporary
from muniment.sealing.erasures import SUBJECT, erasure_note
from muniment.sealing.log import AuditLog
from muniment.sealing.segments import Step, file_digest, write_parquet
from muniment.store.audit import AuditReader
from muniment.store.encoder import entry_rows
from muniment.store.identity import ERASED, id_bytes, write_index
from muniment.store.open import Store
from muniment.store.partial_files import PartialFiles
from muniment.store.read_copies import forget_copies_of
from muniment.store.segment_files import SegmentInfo
from muniment.store.units import units_of

_KEPT = frozenset({"event_time", "source_seq"})
_LISTS = frozenset({"redacted_fields", "empty_fields", "payload"})
# Of an annotation, the event that it was about stays: it names nobody.
_ANNOTATION_KEPT = _KEPT | {"target_ref"}


@dataclass(frozen=True, slots=True)
class Redacted:
    """What one redaction erased. rows: by segment number, leaf indices, annotations among them."""

    record_id: str
    rows: Mapping[int, tuple[int, ...]]

    @property
    def count(self) -> int:
        """Rows in all."""
        return sum(map(len, self.rows.values()))


def redact_events(
    store: Store,
    event_ids: Sequence[str],
    *,
    reason: str,
    approved_by: str,
    step: Step = lambda _: None,
) -> Redacted:
    """Erase what some events said, with every annotation of them, and note it in the log.

    step: called with a name after each durable step. Raises UsageError where reason or approver
    are missing, StoreError for an id that the log lacks, one that was erased before, or an event
    under a legal hold or kept by rule for longer: then nothing is erased.
    """
    if not reason.strip() or not approved_by.strip() or not event_ids:
        raise UsageError("an erasure names events, a reason and who approved it.")
    log = AuditLog(store)
    with log.exclusive():
        log.seal()
        finish_redactions(store)
        reader = AuditReader(store.layout)
        rows = _places(reader, event_ids)
        record_id = f"E-{secrets.token_hex(8)}"
        for number, indices in sorted(rows.items()):
            why = (f"{record_id}: {reason}", approved_by)
            path, note = _noted(store, reader.segment(number), indices, why)
            step("segment rewritten")
            with store.records.writing() as writer:
                writer.note(SUBJECT, note, approved_by)
            log.seal()
            step("erasure noted")
            _replace(store, reader.segment(number), path, indices)
            step("segment replaced")
        return Redacted(record_id, {n: tuple(indices) for n, indices in sorted(rows.items())})


def finish_redactions(store: Store) -> int:
    """Carry out what was noted and not done when a process was killed; how many segments."""
    reader = AuditReader(store.layout)
    done = 0
    for note in _notes(store, reader):
        segment = reader.segment(int(note["segment_no"]))
        if file_digest(segment.path)[0] == note["old_file_sha256"]:
            path = _rewritten(reader, segment, note["leaf_indices"])
            if file_digest(path)[0] != note["new_file_sha256"]:
                path.unlink()
                raise StoreError(
                    f"erasure `{note['id']}` was noted and cut off, and this version of Muniment "
                    "writes the segment differently. Finish it with the version that noted it."
                )
            _replace(store, segment, path, note["leaf_indices"])
            done += 1
    return done


def _notes(store: Store, reader: AuditReader) -> list[dict[str, Any]]:
    if not store.records.noted(SUBJECT):
        return []
    changes = (json.loads(change.payload) for change in reader.record_changes())
    return [c["row"] for c in changes if c["op"] == "note" and c["table"] == SUBJECT]


def _places(reader: AuditReader, event_ids: Sequence[str]) -> dict[int, list[int]]:
    """By segment, the rows of these events and of their annotations."""
    rows: dict[int, list[int]] = {}
    held = reader.rows_by_id(list(dict.fromkeys(event_ids)))
    for event_id in dict.fromkeys(event_ids):
        row, place = held.get(event_id), reader.place(event_id)
        if row is None or place is None or row["entry_kind"] != "event":
            raise StoreError(f"the log holds no event `{event_id[:40]}`. Check the id.")
        if not row["salt"]:
            raise StoreError(f"event `{event_id}` was erased before. Leave it out.")
        if row["legal_hold"] or (row["retain_until"] or "") > now():
            until = "a legal hold" if row["legal_hold"] else f"a rule until {row['retain_until']}"
            raise StoreError(f"event `{event_id}` is kept by {until}. Lift that first.")
        rows.setdefault(place[0], []).append(place[1])
    for told in reader.annotations_by_id(list(held)).values():
        for annotation in told:
            place = reader.place(annotation["annotation_id"])
            if place is not None:
                rows.setdefault(place[0], []).append(place[1])
    return {number: sorted(indices) for number, indices in rows.items()}


def _noted(
    store: Store, segment: SegmentInfo, indices: Sequence[int], why: tuple[str, str]
) -> tuple[Path, dict[str, Any]]:
    """The rewritten file, and the note that lets it take the segment's place."""
    old = file_digest(segment.path)[0]
    path = _rewritten(AuditReader(store.layout), segment, indices)
    new = file_digest(path)[0]
    return path, erasure_note(
        segment.no, old, new, list(indices), reason=why[0], approved_by=why[1]
    )


def _rewritten(reader: AuditReader, segment: SegmentInfo, indices: Iterable[int]) -> Path:
    """The segment's file without what these rows said, beside it under another name."""
    table = reader.table(segment)
    erased = np.zeros(table.num_rows, bool)
    erased[list(indices)] = True
    annotation = pc.equal(table.column("entry_kind"), "annotation").to_numpy() & erased
    gone = _redacted_lists(table, erased & ~annotation)
    for name in (*(column.name for column in CONTENT_COLUMNS), "salt"):
        keep = ~erased if name not in _ANNOTATION_KEPT else ~(erased & ~annotation)
        keep = np.ones(table.num_rows, bool) if name in _KEPT else keep
        place = table.column_names.index(name)
        field = table.schema.field(place)
        blank = pa.scalar("", field.type) if name == "salt" else pa.scalar(None, field.type)
        kept = pc.if_else(pa.array(keep), table.column(name), blank)
        if name == "redacted_fields":
            kept = gone
        table = table.set_column(place, field, kept)
    temporary = segment.path.with_suffix(".redacted")
    replace_durably(
        write_temporary(temporary, lambda file: write_parquet(table.combine_chunks(), file)),
        temporary,
    )
    return temporary


def _redacted_lists(table: pa.Table, erased: npt.NDArray[np.bool_]) -> pa.Array:
    """`redacted_fields` of each row: of an erased one, every field that it carried."""
    lists = table.column("redacted_fields").to_pylist()
    at = np.flatnonzero(erased)
    for row, said in zip(at.tolist(), entry_rows(table.take(pa.array(at))), strict=True):
        lists[row] = sorted(
            {c.name for c in CONTENT_COLUMNS if said[c.name] is not None and c.name not in _LISTS}
            - _KEPT
        ) + sorted(set(said["redacted_fields"] or ()))
    return pa.array(lists, table.schema.field("redacted_fields").type)


def _replace(store: Store, segment: SegmentInfo, path: Path, indices: Iterable[int]) -> None:
    """Put the rewritten file in place; forget whatever was derived of the rows."""
    reader = AuditReader(store.layout)
    index = reader.index(segment)
    ids = reader.table(segment).column("event_id")
    erased = {id_bytes(ids[int(row)].as_py()) for row in indices}
    digests = index.digests.copy()
    for at in range(len(index.prefixes)):
        if index.ids[at].tobytes() in erased:
            digests[at] = np.frombuffer(ERASED, np.uint8)
    _forget(store, segment)
    replace_durably(path, segment.path)
    changed = type(index)(index.prefixes, index.rows, index.ids, digests)
    file = store.layout.index_file(segment.no)
    write_index(file, changed, str(segment.header["file_sha256"]))


def _forget(store: Store, segment: SegmentInfo) -> None:
    units = [
        unit
        for unit in units_of(AuditReader(store.layout).segments(), store.erased_files())
        if segment.no in unit.numbers
    ]
    forget_copies_of(store.layout, segment.no, units)
    for folder in (store.layout.partials, store.layout.facts):
        PartialFiles(folder).forget_units([unit.digest for unit in units])
    # What a SELECT concluded may rest on any event.
    shutil.rmtree(store.layout.tested, ignore_errors=True)
