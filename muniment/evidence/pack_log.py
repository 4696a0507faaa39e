"""What a pack takes from the log, so that its rows can be proven without the store.

Headers and keys whole, one checkpoint, and for each named item its entry with an inclusion proof.
The checkpoint is the first that covers the note of the assessment, so that a pack built again later
is the same pack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.errors import EvidenceBrokenError
from muniment.evidence.dossier import Dossier
from muniment.evidence.links import parse_evidence_ref
from muniment.evidence.proofs import EntryProof, LogProver
from muniment.integrity.checkpoints import KeyNote, key_for
from muniment.model.results import CheckpointRef
from muniment.sealing.erasures import Erasures
from muniment.store.checkpoint_files import (
    Receipt,
    checkpoint_ref,
    first_checkpoint_over,
    key_contents,
    log_keys,
    receipts,
)
from muniment.store.open import Store
from muniment.store.segment_files import run_query, source_of

NOT_SEALED = "not sealed when the pack's checkpoint was made"
ERASED = "erased since; only its leaf hash is left"


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """The log's part of a pack. Without checkpoint the headers are those known, and unsigned.

    unproven: (evidence reference, why) of named items that have no proof. erased: rows erased from
    segments under these headers, by segment. anchors: the operator's receipts of copies elsewhere,
    of this head and of earlier ones.
    """

    headers: tuple[dict[str, Any], ...]
    head: CheckpointRef | None
    checkpoint: str
    keys: tuple[str, ...]
    key_notes: tuple[KeyNote, ...]
    anchors: tuple[Receipt, ...]
    entries: tuple[EntryProof, ...]
    unproven: tuple[tuple[str, str], ...]
    erased: dict[int, int]

    @property
    def anchored_to(self) -> int:
        """The last header that a copy elsewhere covers; 0 where there is none."""
        return max((receipt.checkpoint_size for receipt in self.anchors), default=0)

    def described(self) -> dict[str, Any]:
        """Head and copies, as the pack's inputs state them; the files state the rest."""
        if self.head is None:
            return {"signed": False}
        copies = [f"{r.kind}: {r.checkpoint_size}: {r.token}" for r in self.anchors]
        return {
            "signed": True, "origin": self.head.origin, "size": self.head.size,
            "root": self.head.root, "key": self.head.key_fingerprint, "anchors": copies,
        }  # fmt: skip


def log_evidence(store: Store, dossier: Dossier, also: Sequence[str] = ()) -> LogEvidence:
    """Everything that a pack of this assessment takes from the log.

    also: evidence references to prove besides the items that the assessment names.
    Raises EvidenceBrokenError where an entry no longer gives its sealed leaf, or the checkpoint is
    not signed by the log's key.
    """
    noted = _note_of(store, dossier)
    head = None if noted is None else first_checkpoint_over(store.layout, noted[0])
    if head is None:
        headers = _known_headers(store, dossier)
    else:
        headers = tuple(dict(store.audit.header(n)) for n in range(1, head.size + 1))
        key = key_for(log_keys(store.layout), head.size)
        if key is None or not head.note.signed_by(key.key):
            raise EvidenceBrokenError(
                f"the checkpoint over {head.size} headers is not signed by this log's key. Run "
                "`muniment verify`, then restore it from a backup or an anchor."
            )
    references = list(dict.fromkeys((*_references(dossier), *also)))
    event_ids = _event_ids(store, references)
    wanted = dict.fromkeys(event_ids.values())
    erased = _erased(store, len(headers))
    if noted is not None:
        wanted[noted[1]] = None
    found, gone = _proofs(store, list(wanted), len(headers), erased)
    proven = {proof.event_id for proof in found}
    unproven = tuple(
        (reference, ERASED if event_ids.get(reference) in gone else NOT_SEALED)
        for reference in references
        if event_ids.get(reference) not in proven
    )
    return LogEvidence(
        headers=headers,
        head=checkpoint_ref(store.layout, head),
        checkpoint="" if head is None else head.content,
        # All of them: the pack itself is signed by the newest.
        keys=() if head is None else tuple(key_contents(store.layout)),
        key_notes=() if head is None else log_keys(store.layout),
        anchors=() if head is None else _receipts_until(store, head.size),
        entries=tuple(found),
        unproven=unproven,
        erased={number: len(rows) for number, rows in erased.items()},
    )


def _receipts_until(store: Store, size: int) -> tuple[Receipt, ...]:
    found = (receipt for receipt in receipts(store.layout) if receipt.checkpoint_size <= size)
    return tuple(sorted(found, key=lambda r: (r.checkpoint_size, r.kind, r.place)))


def _known_headers(store: Store, dossier: Dossier) -> tuple[dict[str, Any], ...]:
    segments = store.audit.segments(dossier.assessment.clock.known_at)
    return tuple(dict(segment.header) for segment in segments)


def _note_of(store: Store, dossier: Dossier) -> tuple[int, str] | None:
    """Segment and event id of the entry that notes this assessment's digests; None if not sealed.

    The first such entry: a later note cannot move the pack's checkpoint.
    """
    where = "entry_kind = 'record' and target_type = 'assessment' and contains(payload, ?)"
    for segment in store.audit.segments():
        if segment.header["entry_count"] == segment.header["event_count"]:
            continue
        query = f"select event_id from {source_of([segment])} where {where} order by all"
        found = run_query(query, [dossier.digests.document_sha256]).to_pylist()
        if found:
            return segment.no, str(found[0]["event_id"])
    return None


def _references(dossier: Dossier) -> list[str]:
    """Every evidence reference that the assessment names, each once, in its order."""
    return list(
        dict.fromkeys(
            item.evidence_ref
            for result in dossier.assessment.controls
            for test in result.tests
            for item in (*test.items, *test.sample)
        )
    )


def _event_ids(store: Store, references: Sequence[str]) -> dict[str, str]:
    """The entry that proves each reference: the event itself, or that of the row's insertion."""
    parsed = {reference: parse_evidence_ref(reference) for reference in references}
    rows = [found.key for found in parsed.values() if found.kind == "record"]
    inserts = store.records.sealed_inserts(rows)
    ids = {r: f.key if f.kind == "event" else inserts.get(f.key) for r, f in parsed.items()}
    return {reference: event_id for reference, event_id in ids.items() if event_id}


def _erased(store: Store, headers: int) -> dict[int, frozenset[int]]:
    erasures = Erasures(store.audit)
    return {number: rows for number, rows in erasures.all_rows().items() if number <= headers}


def _proofs(
    store: Store, event_ids: Sequence[str], headers: int, erased: Mapping[int, frozenset[int]]
) -> tuple[list[EntryProof], set[str]]:
    """Proofs of what lies under the headers, and the ids of what was erased there."""
    prover = LogProver(store)
    places = prover.places(event_ids)
    gone = {i for i, (number, row) in places.items() if row in erased.get(number, ())}
    kept = [i for i, (number, _) in places.items() if number <= headers and i not in gone]
    return prover.entries(kept), gone
