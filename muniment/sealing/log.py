"""Taking entries in and sealing them: the only writer of the audit log.

An entry is acknowledged when its frame of the write-ahead file is flushed to disk. Sealing moves
acknowledged entries, and the record changes that wait in the outbox, into segments. Each step can
be cut off: what has no header yet is removed at the next start and written again from the
write-ahead file; what has one is dropped from the write-ahead file by its ids.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.model.results import LogState
from muniment.sealing.annotating import annotation_entry
from muniment.sealing.checking import checked_entries
from muniment.sealing.disk import (
    disk_error,
    flush_folder,
    holding,
    make_folder,
    replace_durably,
    write_temporary,
)
from muniment.sealing.leftovers import remove_leftovers
from muniment.sealing.outbox import MAX_OUTBOX, event_id_of, record_table
from muniment.sealing.segments import Step, write_segment
from muniment.sealing.waiting import Hashed, Waiting, hashed, in_pieces, joined
from muniment.store.annotations import differing
from muniment.store.audit import AuditReader
from muniment.store.encoder import EntryHashes, entry_rows, entry_table
from muniment.store.identity import ERASED, WantedIds, id_bytes
from muniment.store.open import Store
from muniment.store.segment_files import header_numbers
from muniment.store.wal_frames import frame_of, read_frames

SEGMENT_ENTRIES = 100_000
_Mark = tuple[int, int, int, int]
Superseding = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Classified:
    """Entries to import by what the log knows of them already.

    new: not known. duplicates: how many say what was said before, now or at any earlier delivery,
    so that an old file imported again does not undo later news. superseding: (entry as the log has
    it, annotations applied; entry as it came) for known ids whose content was never seen.
    """

    new: pa.Table
    duplicates: int
    superseding: list[Superseding]


class AuditLog:
    """The log of one store, for writing. One thread writes at a time; others wait their turn."""

    def __init__(self, store: Store, *, step: Step = lambda _: None) -> None:
        self._store = store
        self._layout = store.layout
        self._reader = AuditReader(store.layout)
        self._step = step
        self._holder: int | None = None
        self._left: _Mark | None = None
        self._waiting = Waiting()
        self._waiting_at: _Mark | None = None
        self._judged: Hashed | None = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log over several calls, so that what was classified stays so until appended."""
        if self._holder == threading.get_ident():
            yield
            return
        with holding(self._layout.audit / "writer.lock"):
            self._holder = threading.get_ident()
            try:
                self._recover()
                yield
                self._left = self._mark()
            except OSError as error:
                raise disk_error(error, self._layout.audit) from error
            finally:
                self._holder = self._judged = None

    def append(self, table: pa.Table) -> None:
        """Acknowledge entries of the log's schema; on return they are on disk.

        Seals whenever a segment's worth waits. Raises StoreError where an entry cannot be sealed or
        is known already, or the disk is full: then nothing of the call is kept. Where only the
        sealing fails, the entries are kept and the next call seals them.
        """
        if not table.num_rows:
            return
        with self.exclusive():
            frames = in_pieces(self._judgement(table, checked_entries(table)), SEGMENT_ENTRIES)
            waiting = self._known_waiting()
            self._append_frames(b"".join(frame_of(frame.table) for frame in frames))
            for frame in frames:
                waiting.add(frame)
            self._waiting_at = self._mark()
            if len(waiting.contents) >= SEGMENT_ENTRIES:
                self._seal_tail(everything=False)

    def classify(self, table: pa.Table) -> Classified:
        """Which entries are new, which are known, and which change what is known."""
        with self.exclusive():
            came = hashed(table)
            known = self._known(came.keys)
            fresh: dict[bytes, int] = {}
            changed: list[int] = []
            for row, (key, digest) in enumerate(zip(came.keys, came.hashes.contents, strict=True)):
                if key not in known:
                    known[key] = digest
                    fresh[key] = row
                elif known[key] not in (digest, ERASED):  # what was erased does not come back
                    changed.append(row)
            superseding = self._superseding(table, changed, fresh)
            self._judged = _only(came, list(fresh.values()))
            duplicates = table.num_rows - len(fresh) - len(superseding)
            return Classified(self._judged.table, duplicates, superseding)

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
        return replace(state, unsealed_entries=state.unsealed_entries + pending)

    # Classifying

    def _judgement(self, table: pa.Table, entries: pa.Table) -> Hashed:
        """The checked entries of a table with their hashes; none of them may be known."""
        if self._judged is not None and self._judged.table is table:
            return replace(self._judged, table=entries)
        came = hashed(entries)
        known = self._known(came.keys)
        if known:
            raise StoreError(
                f"the log holds entry `{next(iter(known)).hex()}` already. Classify entries before "
                "they are appended; nothing of this call was kept."
            )
        return came

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        waiting = self._known_waiting().contents
        known = {key: waiting[key] for key in keys if key in waiting}
        wanted = WantedIds(keys)
        for segment in self._reader.segments():
            for key, (_, digest) in self._reader.index(segment).find_wanted(wanted).items():
                known.setdefault(key, digest)
        return known

    def _superseding(
        self, table: pa.Table, rows: list[int], fresh: dict[bytes, int]
    ) -> list[Superseding]:
        """Pairs of what is believed and what came; a row that says nothing unheard of is none."""
        if not rows:
            return []
        news = entry_rows(_taken(table, rows))
        here = {new["event_id"]: fresh.get(id_bytes(new["event_id"])) for new in news}
        versions = self._versions([event_id for event_id, row in here.items() if row is None])
        first = [row for row in here.values() if row is not None]
        versions |= {row["event_id"]: [row] for row in entry_rows(_taken(table, first))}
        pairs: list[Superseding] = []
        for new in news:
            said = versions[new["event_id"]]
            if all(differing(version, new) for version in said):
                pairs.append((said[-1], new))
                said.append({**said[-1], **differing(said[-1], new)})
        return pairs

    def _versions(self, event_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
        """What the log believed of each event, from its first delivery to now."""
        if not event_ids:
            return {}
        rows = self._reader.rows_by_id(event_ids)
        later = self._reader.annotations_by_id(event_ids)
        found: dict[str, list[dict[str, Any]]] = {}
        for event_id in event_ids:
            if event_id not in rows:
                raise EvidenceBrokenError(
                    f"the log's index names entry `{event_id}`, its segment lacks it. "
                    "Run `muniment status --verify`, then restore the segment from a backup."
                )
            versions = found[event_id] = [rows[event_id]]
            for change in later.get(event_id, []):
                cleared = dict.fromkeys(change.get("cleared", []))
                versions.append({**versions[-1], **change.get("fields", {}), **cleared})
        return found

    def _known_waiting(self) -> Waiting:
        """What the write-ahead file holds, read anew when another wrote it."""
        mark = self._mark()
        if self._waiting_at != mark:
            self._waiting = Waiting(map(hashed, read_frames(self._layout.wal_file)[0]))
            self._waiting_at = mark
        return self._waiting

    # Write-ahead file

    def _mark(self) -> _Mark:
        """What changes whenever anyone writes the write-ahead file or seals."""
        last = max(header_numbers(self._layout), default=0)
        try:
            stat = self._layout.wal_file.stat()
        except FileNotFoundError:
            return (last, 0, 0, 0)
        return (last, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def _append_frames(self, frames: bytes) -> None:
        path = self._layout.wal_file
        make_folder(path.parent)
        is_new = not path.exists()
        size = 0 if is_new else path.stat().st_size
        try:
            with path.open("ab") as file:
                file.write(frames)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                flush_folder(path.parent)  # else a power cut may take the file's name with it
        except OSError as error:
            if path.exists():
                os.truncate(path, size)
            raise disk_error(error, path) from error
        self._step("frame written")

    def _recover(self) -> None:
        """Undo what a crash left: a torn frame, files without header, frames sealed already."""
        left, self._left = self._left, None
        if left is not None and left == self._mark():
            return
        path = self._layout.wal_file
        frames, good = read_frames(path)
        if path.exists() and path.stat().st_size > good:
            os.truncate(path, good)
        remove_leftovers(self._store)
        last = self._reader.segments()[-1:]
        kept = [frame for frame in frames if not self._reader.holds_frame(last, frame)]
        if len(kept) < len(frames):
            self._rewrite_tail(kept)

    def _rewrite_tail(self, frames: list[pa.Table]) -> None:
        path = self._layout.wal_file
        content = b"".join(frame_of(frame) for frame in frames)
        replace_durably(write_temporary(path, lambda file: file.write(content)), path)
        self._waiting_at = None

    # Sealing

    def _seal_tail(self, *, everything: bool) -> None:
        waiting = self._known_waiting()
        while waiting.frames:
            chosen = waiting.enough(SEGMENT_ENTRIES)
            entries = joined(chosen)
            if entries.table.num_rows < SEGMENT_ENTRIES and not everything:
                return
            self._seal(entries)
            waiting = waiting.without(chosen)
            self._rewrite_tail([frame.table for frame in waiting.frames])
            self._waiting, self._waiting_at = waiting, self._mark()
            self._step("tail rewritten")

    def _seal(self, entries: Hashed) -> int:
        segments = self._reader.segments()
        previous = segments[-1] if segments else None
        table = entries.table.combine_chunks()
        return write_segment(self._layout, table, previous, self._step, entries.hashes).no

    def _seal_outbox(self) -> None:
        while waiting := self._store.records.pending_outbox(MAX_OUTBOX):
            event_ids = {row.seq: event_id_of(row) for row in waiting}
            # A sealer that was killed before it marked them has sealed these already.
            places = self._sealed_places(event_ids)
            unsealed = [row for row in waiting if row.seq not in places]
            if unsealed:
                number = self._seal(hashed(record_table(unsealed)))
                for index, row in enumerate(unsealed):
                    places[row.seq] = (number, index, event_ids[row.seq])
            self._step("outbox sealed")
            self._store.records.mark_sealed(places)
            self._step("outbox marked")

    def _sealed_places(self, event_ids: dict[int, str]) -> dict[int, tuple[int, int, str]]:
        seqs = {id_bytes(event_id): seq for seq, event_id in event_ids.items()}
        places = {}
        for segment in self._reader.segments():
            for key, (row, _) in self._reader.index(segment).find_many(list(seqs)).items():
                places[seqs[key]] = (segment.no, row, key.hex())
        return places


def _only(entries: Hashed, rows: list[int]) -> Hashed:
    """Some of the entries, in the order of `rows`."""
    if len(rows) == entries.table.num_rows:
        return entries
    keys, hashes = entries.keys, entries.hashes
    return Hashed(
        _taken(entries.table, rows),
        [keys[row] for row in rows],
        EntryHashes([hashes.contents[row] for row in rows], [hashes.leaves[row] for row in rows]),
    )


def _taken(table: pa.Table, rows: list[int]) -> pa.Table:
    return table.take(pa.array(rows, pa.int64()))
