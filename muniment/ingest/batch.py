"""One import: its counts, its refused rows, and the proof that it is still running."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import fasteners

from muniment.ingest.rows import Unreadable
from muniment.store.layout import StoreLayout
from muniment.store.open import Store

_REASONS_KEPT = 50
# A file lock keeps out other processes only, so imports of this one are known by name.
_HELD: set[Path] = set()


@dataclass(frozen=True, slots=True)
class ImportBatch:
    """How an import ended. read = imported + rejected + duplicate + superseding, always.

    superseding: rows whose key was known with other values; the difference was added as an
    annotation (events) or as a new row (records). rejects_file: None where nothing was refused.
    left_out: rows that the map leaves out on purpose; they are not counted as read. undated:
    record rows imported that hold only from the import on, since they state no day. timeless:
    events came and none of them carried a time.
    """

    batch_id: str
    source_id: str
    source_map: str
    read: int
    imported: int
    rejected: int
    duplicate: int
    superseding: int
    min_event_time: str | None
    max_event_time: str | None
    reject_reasons: dict[str, int]
    rejects_file: str | None
    left_out: int = 0
    undated: int = 0
    timeless: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The batch as plain values, for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Counts:
    """The counts of a running import."""

    read: int = 0  # counted as rows come, so that the four ends can be checked against it
    imported: int = 0
    rejected: int = 0
    duplicate: int = 0
    superseding: int = 0
    left_out: int = 0
    undated: int = 0
    events: int = 0
    first: str | None = None
    last: str | None = None
    reasons: Counter[str] = field(default_factory=Counter)

    def saw(self, event_time: str | None) -> None:
        """Widen the range of event times."""
        if event_time is not None:
            self.first = min(self.first or event_time, event_time)
            self.last = max(self.last or event_time, event_time)

    def add(self, other: Counts) -> None:
        """Add what another part of the same import counted."""
        for name in (
            "read", "imported", "rejected", "duplicate", "superseding", "left_out", "undated",
            "events",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        self.saw(other.first)
        self.saw(other.last)

    def as_columns(self) -> dict[str, Any]:
        """The counts under the names of the table import_batch."""
        kept = dict(self.reasons.most_common(_REASONS_KEPT))
        others = self.reasons.total() - sum(kept.values())
        return {
            "rows_read": self.read,
            "imported": self.imported,
            "rejected": self.rejected,
            "duplicate": self.duplicate,
            "superseding": self.superseding,
            "min_event_time": self.first,
            "max_event_time": self.last,
            "reject_reasons": {**kept, **({"other reasons": others} if others else {})},
        }


class Rejects:
    """The file of refused rows; made at the first of them, one JSON object per line."""

    def __init__(self, path: Path, counts: Counts) -> None:
        self.path = path
        self._counts = counts
        self._stream: TextIO | None = None

    def add(self, refused: Unreadable) -> None:
        """Note where, why, and how the row begins."""
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        self._counts.rejected += 1
        self._counts.reasons[refused.kind] += 1
        line = {"row": refused.place, "reason": refused.reason, "excerpt": refused.excerpt}
        self._stream.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Write what is left."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class RunningMark:
    """A file lock held for as long as an import runs; the system frees it when the process dies."""

    def __init__(self, layout: StoreLayout, batch_id: str) -> None:
        layout.batches.mkdir(parents=True, exist_ok=True)
        self._path = layout.batches / f"{batch_id}.lock"
        self._lock = fasteners.InterProcessLock(str(self._path))

    def take(self) -> bool:
        """Hold the mark; False where a living import holds it."""
        if self._path in _HELD or not self._lock.acquire(blocking=False):
            return False
        _HELD.add(self._path)
        return True

    def release(self) -> None:
        """Give it back and remove its file."""
        self._path.unlink(missing_ok=True)
        self._lock.release()
        _HELD.discard(self._path)


def mark_interrupted(store: Store) -> int:
    """Close imports that say they run, though no process does; gives their number.

    What they brought in stays. Importing the same file again completes them, since rows that
    are known already count as duplicates.
    """
    closed = 0
    for batch in store.records.batches():
        if batch["status"] != "running":
            continue
        mark = RunningMark(store.layout, batch["id"])
        if mark.take():
            store.records.finish_batch(batch["id"], status="interrupted")
            mark.release()
            closed += 1
    return closed
