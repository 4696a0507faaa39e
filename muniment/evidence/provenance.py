"""Following an evidence reference down: row, canonical bytes, leaf hash, segment, header.

An event is a row of the log. A record row is followed to the log entry that its outbox wrote when
it was inserted, and then further as any entry. Each step says what was found; what is not sealed
yet is said to be so, and never counts as matching.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.evidence.links import EvidenceRef, parse_evidence_ref
from muniment.integrity.canonical import entry_bytes
from muniment.integrity.checkpoints import header_leaves, key_for
from muniment.integrity.headers import header_hash
from muniment.integrity.merkle import leaf_hash, merkle_root
from muniment.store.checkpoint_files import latest_checkpoint, log_keys
from muniment.store.open import Store


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a piece of evidence comes from and whether its sealed leaf still fits it.

    entry: the log entry, all columns. canonical: the bytes whose hash is the leaf, as text; empty
    for a record row that waits in the outbox, as its bytes are fixed when it is sealed. matches:
    the derived leaf hash equals the stored one and, for a record, the row equals what was sealed;
    always False while `sealed` is False. checkpoint_root: of the newest checkpoint where it covers
    the header and its root and signature held just now; else empty.
    """

    evidence_ref: str
    kind: Literal["event", "record"]
    entry: dict[str, Any]
    canonical: str
    leaf_hash: str
    stored_leaf_hash: str
    segment_no: int | None
    leaf_index: int | None
    header_hash: str
    header: dict[str, Any]
    sealed: bool
    matches: bool
    annotations: tuple[dict[str, Any], ...]
    record_row: dict[str, Any] | None
    steps: tuple[str, ...]
    checkpoint_root: str = ""


def provenance(store: Store, evidence_ref: str) -> Provenance:
    """Everything between a reference and its header, re-derived now.

    Raises UsageError for text that is no reference, StoreError when nothing has that id,
    EvidenceBrokenError when a record row was never written to the log, by a way around the records.
    """
    reference = parse_evidence_ref(evidence_ref)
    if reference.kind == "event":
        return _of_event(store, evidence_ref, reference.key)
    return _of_record(store, evidence_ref, reference)


def _of_event(store: Store, evidence_ref: str, event_id: str) -> Provenance:
    down = _Descent(store, event_id)
    annotations = tuple(dict(row) for row in store.audit.annotations(event_id))
    steps = list(down.steps)
    if annotations:
        steps.append(
            f"{len(annotations)} later annotation(s) of this event were sealed or wait to be; "
            "the entry above is what the source said first."
        )
    return down.provenance(evidence_ref, "event", tuple(steps), annotations=annotations)


def _of_record(store: Store, evidence_ref: str, reference: EvidenceRef) -> Provenance:
    table, row_id = str(reference.table), reference.key
    row = store.records.row(table, row_id)
    if row is None:
        raise StoreError(f"table `{table}` has no row `{row_id}`. Check the reference.")
    pointers = store.records.outbox_pointer(row_id)
    insert = next((p for p in pointers if p.op == "insert"), None)
    if insert is None:
        raise EvidenceBrokenError(
            f"row `{row_id}` of `{table}` has no entry in the outbox or the log: it was written "
            "around the records. Run `muniment status --verify`, and find out who wrote it."
        )
    first = f"Record row `{row_id}` of table `{table}`, valid from {row['valid_from']}."
    if insert.event_id is None:
        return _unsealed_record(store, evidence_ref, row, insert.seq, first)
    down = _Descent(store, insert.event_id)
    sealed_changes = [_payload(store, p.event_id) for p in pointers if p.event_id is not None]
    same, words = _row_as_sealed(row, sealed_changes, waiting=len(sealed_changes) < len(pointers))
    steps = (first, *down.steps, words)
    return down.provenance(evidence_ref, "record", steps, record_row=row, row_matches=same)


def checked_head(store: Store, segment_no: int) -> tuple[str, str]:
    """The newest checkpoint's root and a sentence, where it covers a segment's header and holds.

    Root and signature are checked now against this store's own headers and keys; whether the key is
    the right one, only who holds its fingerprint can say. Where it does not hold the root is empty.
    """
    head = latest_checkpoint(store.layout)
    if head is None or head.size < segment_no:
        return "", "No checkpoint covers this header yet: it is unsigned."
    leaves = header_leaves([store.audit.header(number) for number in range(1, head.size + 1)])
    key = key_for(log_keys(store.layout), head.size)
    if merkle_root(leaves) != head.root or key is None or not head.note.signed_by(key.key):
        return "", (
            f"The checkpoint over {head.size:,} headers DOES NOT FIT the headers or its key. Run "
            "`muniment verify`."
        )
    return head.root.hex(), (
        f"Checkpoint over {head.size:,} headers, root `{head.root.hex()}`: it covers this header, "
        f"and is signed by the key with fingerprint `{key.key.fingerprint}`."
    )


class _Descent:
    """The way from an entry's id down to its header, with a sentence for each step."""

    def __init__(self, store: Store, event_id: str) -> None:
        found = store.audit.entry(event_id)
        self.row: dict[str, Any] = dict(found.row)
        self.segment_no: int | None = found.segment_no
        self.leaf_index: int | None = found.leaf_index
        content = entry_bytes(self.row)
        self.canonical = content.decode()
        self.leaf = leaf_hash(content).hex()
        self.stored_leaf = ""
        self.header: dict[str, Any] = {}
        self.header_hash = ""
        self.checkpoint_root = ""
        self.steps = [
            f"Entry `{event_id}` of the log: {self.row.get('entry_kind')} from source "
            f"`{self.row.get('source_id')}`, row {self.row.get('source_row') or 'without number'}, "
            f"import `{self.row.get('import_batch_id')}`.",
            f"Its canonical bytes, {len(content):,} of them, re-derived now.",
            f"Leaf hash of those bytes: `{self.leaf}`.",
        ]
        if self.segment_no is None or self.leaf_index is None:
            self.steps.append(
                "Not sealed yet: the entry is acknowledged in the write-ahead file only, so "
                "nothing proves that it did not change."
            )
        else:
            self._to_header(store, self.segment_no, self.leaf_index)

    def _to_header(self, store: Store, segment_no: int, leaf_index: int) -> None:
        self.stored_leaf = store.audit.leaf(segment_no, leaf_index).hex()
        self.header = dict(store.audit.header(segment_no))
        self.header_hash = header_hash(self.header)
        fits = "equals" if self.stored_leaf == self.leaf else "DOES NOT EQUAL"
        self.steps += [
            f"Stored leaf at position {leaf_index:,} of segment {segment_no}: "
            f"`{self.stored_leaf}`; it {fits} the derived one.",
            f"Header of segment {segment_no}: {self.header.get('entry_count', 0):,} entries, "
            f"Merkle root `{self.header.get('merkle_root')}`; "
            f"header hash `{self.header_hash}`.",
        ]
        self.checkpoint_root, words = checked_head(store, segment_no)
        self.steps.append(words)

    @property
    def sealed(self) -> bool:
        return self.segment_no is not None

    def provenance(
        self,
        evidence_ref: str,
        kind: Literal["event", "record"],
        steps: Sequence[str],
        *,
        annotations: tuple[dict[str, Any], ...] = (),
        record_row: dict[str, Any] | None = None,
        row_matches: bool = True,
    ) -> Provenance:
        return Provenance(
            evidence_ref=evidence_ref,
            kind=kind,
            entry=self.row,
            canonical=self.canonical,
            leaf_hash=self.leaf,
            stored_leaf_hash=self.stored_leaf,
            segment_no=self.segment_no,
            leaf_index=self.leaf_index,
            header_hash=self.header_hash,
            header=self.header,
            sealed=self.sealed,
            matches=self.sealed and self.leaf == self.stored_leaf and row_matches,
            annotations=annotations,
            record_row=record_row,
            steps=tuple(steps),
            checkpoint_root=self.checkpoint_root,
        )


def _payload(store: Store, event_id: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(str(store.audit.entry(event_id).row["payload"]))
    return payload


def _row_as_sealed(
    row: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], *, waiting: bool
) -> tuple[bool, str]:
    """Whether the row in the database is what its sealed changes made of it, and a sentence."""
    expected = dict(next(change["row"] for change in changes if change["op"] == "insert"))
    for change in changes:
        if change["op"] == "supersede":
            expected["superseded_at"] = change["superseded_at"]
    held = {name: value for name, value in row.items() if value is not None}
    if waiting:
        # The latest change is in the outbox still, so only what it cannot touch is compared.
        held.pop("superseded_at", None)
        expected.pop("superseded_at", None)
    wrong = sorted(k for k in {*held, *expected} if held.get(k) != expected.get(k))
    if wrong:
        return False, (
            f"The row in the database DOES NOT EQUAL what was sealed: `{wrong[0]}` is "
            f"`{held.get(wrong[0])}`, sealed was `{expected.get(wrong[0])}`."
        )
    ending = "; a later change of it is not sealed yet." if waiting else "."
    return True, f"The row in the database equals what was sealed, column for column{ending}"


def _unsealed_record(
    store: Store, evidence_ref: str, row: dict[str, Any], seq: int, first: str
) -> Provenance:
    """A row whose insertion still waits in the outbox."""
    waiting = next(iter(r for r in store.records.pending_outbox(seq + 1) if r.seq == seq), None)
    entry = {} if waiting is None else {"payload": waiting.payload, "entry_kind": "record"}
    return Provenance(
        evidence_ref=evidence_ref,
        kind="record",
        entry=entry,
        canonical="",
        leaf_hash="",
        stored_leaf_hash="",
        segment_no=None,
        leaf_index=None,
        header_hash="",
        header={},
        sealed=False,
        matches=False,
        annotations=(),
        record_row=row,
        steps=(
            first,
            f"Its insertion is entry {seq} of the outbox.",
            "Not sealed yet: the change waits for the next seal, so nothing proves that it did not "
            "change since.",
        ),
    )
