"""The log of a store as units: large segments and copies of small ones, annotations beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from muniment.evaluation.unit_results import LogParts
from muniment.store.identity import id_bytes
from muniment.store.units import Unit, units_of

if TYPE_CHECKING:
    from muniment.store.audit import AuditReader
    from muniment.store.open import Store


def log_parts(store: Store, known_at: str) -> LogParts:
    """What the log held at `known_at`: units, the entries in no segment, and annotations of both.

    Raises EvidenceBrokenError where a header or a segment cannot be read.
    """
    reader = store.audit
    view = reader.view()
    segments = [s for s in view.segments if s.header["ingested_from"] <= known_at]
    units = units_of(segments, store.erased_files())
    changes = reader.changes(view, known_at)
    by_unit = _located(reader, units, changes)
    here = {event_id for held in by_unit.values() for event_id in held}
    others = {event_id: said for event_id, said in changes.items() if event_id not in here}
    return LogParts(units, by_unit, view.tail, others)


def _located(
    reader: AuditReader, units: Sequence[Unit], changes: dict[str, dict[str, Any]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """By unit, what annotations say of its events."""
    left = {id_bytes(event_id): event_id for event_id in changes}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for unit in reversed(units):
        if not left:
            break
        for segment in unit.segments:
            for key in reader.index(segment).find_many(list(left)):
                event_id = left.pop(key)
                found.setdefault(unit.digest, {})[event_id] = changes[event_id]
    return found
