"""An audit log in memory: what provenance asks of the real one, with leaves to spoil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muniment.errors import StoreError
from muniment.integrity.canonical import entry_bytes
from muniment.integrity.merkle import leaf_hash
from muniment.store.open import Store

SALT = "0" * 32


@dataclass(frozen=True)
class Entry:
    row: dict[str, Any]
    segment_no: int | None
    leaf_index: int | None


class MemoryLog:
    """One segment, number 1, and a tail that is not sealed."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.leaves: list[bytes] = []
        self.notes: dict[str, list[dict[str, Any]]] = {}

    def add(self, event_id: str, *, sealed: bool = True, **values: Any) -> dict[str, Any]:
        row = {
            "entry_kind": "event", "event_id": event_id, "source_id": "gateway", "source_row": 7,
            "ingested_at": "2026-11-20T18:00:00.000000000Z", "import_batch_id": "b1",
            "schema_version": "1", "salt": SALT, **values,
        }  # fmt: skip
        place = len(self.leaves) if sealed else None
        if sealed:
            self.leaves.append(leaf_hash(entry_bytes(row)))
        self.entries[event_id] = Entry(row, 1 if sealed else None, place)
        return row

    def seal(self, store: Store) -> None:
        """Drain the store's outbox into the log, as the sealer does."""
        places = {}
        for change in store.records.pending_outbox(1_000):
            event_id = f"{change.seq:032x}"
            self.add(
                event_id, entry_kind="record", source_id="muniment", source_row=None,
                target_type=change.subject, target_ref=change.target_ref, payload=change.payload,
            )  # fmt: skip
            places[change.seq] = (1, len(self.leaves) - 1, event_id)
        store.records.mark_sealed(places)

    def entry(self, event_id: str) -> Entry:
        if event_id not in self.entries:
            raise StoreError(f"no entry `{event_id}`.")
        return self.entries[event_id]

    def annotations(self, event_id: str) -> list[dict[str, Any]]:
        return self.notes.get(event_id, [])

    def leaf(self, segment_no: int, index: int) -> bytes:
        assert segment_no == 1
        return self.leaves[index]

    def header(self, no: int) -> dict[str, Any]:
        return {"sequence_no": no, "entry_count": len(self.leaves), "merkle_root": "ab" * 32}
