"""Taking entries in and sealing them: the only writer of the audit log.

An entry is acknowledged when its frame of the write-ahead file is flushed to disk. Sealing moves
acknowledged entries, and the record changes that wait in the outbox, into segments. Each step can
be cut off: what has no header yet is removed at the next start and written again from the
write-ahead file; what has one is dropped from the write-ahead file by its ids.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from muniment.model.results import LogState
from muniment.sealing.annotating import annotation_entry
from muniment.sealing.disk import disk_error, holding, replace_durably, write_temporary
from muniment.sealing.outbox import MAX_OUTBOX, event_id_of, record_table
from muniment.sealing.segments import Step, write_segment
from muniment.store.annotations import differing
from muniment.store.audit import AuditReader
from muniment.store.encoder import ENTRY_SCHEMA, content_digests, entry_rows, entry_table
from muniment.store.identity import id_bytes
from muniment.store.open import Store
from muniment.store.wal_frames import frame_of, read_frames

SEGMENT_ENTRIES = 100_000
Superseding = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Classified:
    """Entries to import by what the log knows of them already.

    new: not known. duplicates: how many are known with the same content. superseding: (entry as the
    log has it, annotations applied; entry as it came) for known ids whose content differs.
    """

    new: pa.Table
    duplicates: int
    superseding: list[Superseding]


class AuditLog:
    """The log of one store, for writing. One process writes at a time; others wait their turn."""

    def __init__(self, store: Store, *, step: Step = lambda _: None) -> None:
        self._store = store
        self._layout = store.layout
        self._reader = AuditReader(store.layout)
        self._step = step
        self._held = 0
        self._waiting: dict[bytes, bytes] | None = None
        self._waiting_size = -1

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log over several calls, so that what was classified stays so until appended."""
        if self._held:
            yield
            return
        with holding(self._layout.audit / "writer.lock"):
            self._held += 1
            try:
                self._recover()
                yield
            except OSError as error:
                raise disk_error(error, self._layout.audit) from error
            finally:
                self._held -= 1

    def append(self, table: pa.Table) -> None:
        """Acknowledge entries of the log's schema; on return they are on disk.

        Seals whenever a segment's worth waits. On a full disk nothing of the call is kept.
        """
        if table is None or not table.num_rows:
            return
        checked = table.select(ENTRY_SCHEMA.names).cast(ENTRY_SCHEMA)
        with self.exclusive():
            waiting = self._known_waiting()
            self._append_frame(frame_of(checked.combine_chunks()))
            ids = map(id_bytes, checked.column("event_id").to_pylist())
            waiting.update(zip(ids, content_digests(checked), strict=True))
            self._waiting_size = self._layout.wal_file.stat().st_size
            if len(waiting) >= SEGMENT_ENTRIES:
                self._seal_tail(everything=False)

    def classify(self, table: pa.Table) -> Classified:
        """Which entries are new, which are known, and which change what is known."""
        with self.exclusive():
            digests = content_digests(table)
            ids = [id_bytes(event_id) for event_id in table.column("event_id").to_pylist()]
            known = self._known(ids)
            fresh: list[int] = []
            first_row: dict[bytes, int] = {}
            changed: list[int] = []
            duplicates = 0
            for row, (key, digest) in enumerate(zip(ids, digests, strict=True)):
                if key not in known:
                    known[key] = digest
                    first_row[key] = row
                    fresh.append(row)
                elif known[key] == digest:
                    duplicates += 1
                else:
                    changed.append(row)
            superseding = self._superseding(table, changed, ids, first_row)
            same = len(changed) - len(superseding)
            return Classified(table.take(fresh), duplicates + same, superseding)

    def annotations_for(self, superseding: Sequence[Superseding]) -> pa.Table:
        """The annotation entries that record what the later entries say instead."""
        return entry_table([annotation_entry(old, new) for old, new in superseding])

    def seal(self) -> LogState:
        """Seal all that is acknowledged, then all that waits in the outbox."""
        with self.exclusive():
            self._seal_tail(everything=True)
            self._seal_outbox()
            return self.state()

    def state(self) -> LogState:
        """How much is sealed and how much waits, outbox included."""
        state = self._reader.state()
        pending = self._store.records.count_pending_outbox()
        return LogState(
            segments=state.segments,
            sealed_entries=state.sealed_entries,
            sealed_events=state.sealed_events,
            unsealed_entries=state.unsealed_entries + pending,
            last_header_hash=state.last_header_hash,
            sealed_to=state.sealed_to,
        )

    # Classifying

    def _known(self, ids: Sequence[bytes]) -> dict[bytes, bytes]:
        waiting = self._known_waiting()
        known = {key: waiting[key] for key in ids if key in waiting}
        for segment in self._reader.segments():
            left = [key for key in ids if key not in known]
            found = self._reader.index(segment).find_many(left)
            known.update({key: digest for key, (_, digest) in found.items()})
        return known

    def _superseding(
        self, table: pa.Table, rows: list[int], ids: list[bytes], first_row: dict[bytes, int]
    ) -> list[Superseding]:
        """Pairs of what is believed and what came; a row that changes nothing believed is none."""
        pairs: list[Superseding] = []
        believed: dict[bytes, dict[str, Any]] = {}
        for row in rows:
            new = entry_rows(table.slice(row, 1))[0]
            key = ids[row]
            if key not in believed:
                earlier = first_row.get(key)
                believed[key] = (
                    self._effective(new["event_id"])
                    if earlier is None
                    else entry_rows(table.slice(earlier, 1))[0]
                )
            old = believed[key]
            changes = differing(old, new)
            if changes:
                pairs.append((old, new))
                believed[key] = {**old, **changes}
        return pairs

    def _effective(self, event_id: str) -> dict[str, Any]:
        row = dict(self._reader.entry(event_id).row)
        for annotation in self._reader.annotations(event_id):
            row.update(annotation.get("fields", {}))
            row.update(dict.fromkeys(annotation.get("cleared", [])))
        return row

    def _known_waiting(self) -> dict[bytes, bytes]:
        """Ids and content digests in the write-ahead file, read anew when another wrote it."""
        path = self._layout.wal_file
        size = path.stat().st_size if path.exists() else 0
        if self._waiting is None or size != self._waiting_size:
            self._waiting = {}
            for table in read_frames(path)[0]:
                ids = map(id_bytes, table.column("event_id").to_pylist())
                self._waiting.update(zip(ids, content_digests(table), strict=True))
            self._waiting_size = size
        return self._waiting

    # Write-ahead file

    def _append_frame(self, frame: bytes) -> None:
        path = self._layout.wal_file
        path.parent.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size if path.exists() else 0
        try:
            with path.open("ab") as file:
                file.write(frame)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if path.exists():
                os.truncate(path, size)
            raise disk_error(error, path) from error
        self._step("frame written")

    def _recover(self) -> None:
        """Undo what a crash left: a torn frame, files without header, frames sealed already."""
        path = self._layout.wal_file
        frames, good = read_frames(path)
        if path.exists() and path.stat().st_size > good:
            os.truncate(path, good)
        self._remove_uncommitted()
        segments = self._reader.segments()
        if frames and segments:
            last = self._reader.index(segments[-1])
            firsts = [id_bytes(frame.column("event_id")[0].as_py()) for frame in frames]
            kept = [f for f, first in zip(frames, firsts, strict=True) if last.find(first) is None]
            if len(kept) < len(frames):
                self._rewrite_tail(kept)

    def _remove_uncommitted(self) -> None:
        layout = self._layout
        committed = {int(path.stem) for path in layout.headers.glob("*.json")}
        for leftover in layout.audit.rglob("*.tmp"):
            leftover.unlink()
        last = max(committed, default=0)
        for path in [*layout.segments.rglob("seg-*.parquet"), *layout.leaves.glob("seg-*.leaves"),
                     *layout.index.glob("seg-*.ids")]:  # fmt: skip
            # Only what comes after the chain is a leftover; a hole in the chain is evidence.
            if int(path.stem.removeprefix("seg-")) > last:
                path.unlink()

    def _rewrite_tail(self, frames: list[pa.Table]) -> None:
        path = self._layout.wal_file
        content = b"".join(frame_of(frame) for frame in frames)
        replace_durably(write_temporary(path, lambda file: file.write(content)), path)
        self._waiting = None

    # Sealing

    def _seal_tail(self, *, everything: bool) -> None:
        frames, _ = read_frames(self._layout.wal_file)
        while frames:
            count, rows = 0, 0
            while count < len(frames) and rows < SEGMENT_ENTRIES:
                rows += frames[count].num_rows
                count += 1
            if rows < SEGMENT_ENTRIES and not everything:
                return
            self._seal(pa.concat_tables(frames[:count]))
            frames = frames[count:]
            self._rewrite_tail(frames)
            self._step("tail rewritten")

    def _seal(self, table: pa.Table) -> int:
        segments = self._reader.segments()
        previous = segments[-1] if segments else None
        return write_segment(self._layout, table.combine_chunks(), previous, self._step).no

    def _seal_outbox(self) -> None:
        while waiting := self._store.records.pending_outbox(MAX_OUTBOX):
            places: dict[int, tuple[int, int, str]] = {}
            unsealed = []
            for row in waiting:
                event_id = event_id_of(row)
                place = self._reader.place(event_id)
                if place is None:
                    unsealed.append(row)
                else:
                    places[row.seq] = (*place, event_id)
            if unsealed:
                number = self._seal(record_table(unsealed))
                for index, row in enumerate(unsealed):
                    places[row.seq] = (number, index, event_id_of(row))
            self._step("outbox sealed")
            self._store.records.mark_sealed(places)
