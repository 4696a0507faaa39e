"""What a crash leaves behind: files of a segment whose header was never written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from muniment.errors import EvidenceBrokenError
from muniment.sealing.outbox import event_id_of
from muniment.store.audit import AuditReader
from muniment.store.open import Store
from muniment.store.segment_files import header_numbers, segment_number, select_entries, source_of

_OUTBOX_AT_ONCE = 1_000_000


def leftover_segments(store: Store) -> Iterator[tuple[Path, bool]]:
    """Parquet files after the last header, and whether all they hold waits to be sealed again.

    A crash leaves at most one, and its entries still lie in the write-ahead file or in the outbox.
    A file of which that is not true was sealed, and its header was taken away.
    """
    layout = store.layout
    found = sorted(layout.segments.rglob("*.parquet"))
    last = max(header_numbers(layout), default=0)
    for path in found:
        number = segment_number(path)
        if number is not None and number > last:
            yield path, number == last + 1 and _is_waiting(store, path)


def remove_leftovers(store: Store) -> None:
    """Delete what a crash left; EvidenceBrokenError where that would destroy sealed entries."""
    layout = store.layout
    last = max(header_numbers(layout), default=0)
    for path, waiting in list(leftover_segments(store)):
        if not waiting:
            raise EvidenceBrokenError(
                f"`{path}` holds sealed entries, but no header names it: header {last + 1} is "
                "missing. Nothing was changed. Restore the header from a backup."
            )
        path.unlink()
    others = [*layout.leaves.glob("seg-*.leaves"), *layout.index.glob("seg-*.ids")]
    for path in [p for p in others if (segment_number(p) or 0) > last]:
        path.unlink()
    for path in layout.audit.rglob("*.tmp"):
        path.unlink(missing_ok=True)


def _is_waiting(store: Store, path: Path) -> bool:
    try:
        held = select_entries(source_of([path]), ["event_id"]).column("event_id")
    except (EvidenceBrokenError, pa.ArrowException):
        return False
    tail = AuditReader(store.layout).tail().column("event_id")
    missing = set(held.to_pylist()) - set(tail.to_pylist())
    if missing:
        missing -= {event_id_of(row) for row in store.records.pending_outbox(_OUTBOX_AT_ONCE)}
    return not missing
