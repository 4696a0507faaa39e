"""Inclusion proofs: from an entry's leaf to its segment's root, and from a header to the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.integrity.checkpoints import Checkpoint, header_leaves
from muniment.integrity.merkle import MerkleTree, leaf_hash
from muniment.store.checkpoint_files import latest_checkpoint
from muniment.store.encoder import ENTRY_SCHEMA, canonical_texts
from muniment.store.identity import id_bytes
from muniment.store.open import Store
from muniment.store.segment_files import select_entries, source_of

_TREES_KEPT = 8
_ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class EntryProof:
    """An entry's canonical bytes and the way from their leaf hash to its segment's root."""

    event_id: str
    segment_no: int
    leaf_index: int
    size: int
    content: bytes
    path: tuple[bytes, ...]


class LogProver:
    """Makes proofs of one store's log; keeps the trees of the segments used last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tree = lru_cache(maxsize=_TREES_KEPT)(self._read_tree)

    def entries(self, event_ids: Sequence[str]) -> list[EntryProof]:
        """A proof for each entry that is sealed, in the order of the log; others are left out.

        Raises EvidenceBrokenError where an entry's bytes do not give its sealed leaf.
        """
        places = sorted(self.places(event_ids).items(), key=lambda each: each[1])
        proofs = []
        for start in range(0, len(places), _ROWS_AT_ONCE):
            some = places[start : start + _ROWS_AT_ONCE]
            contents = self._contents(some)
            proofs += [self._proof(*at, event_id, contents[event_id]) for event_id, at in some]
        return proofs

    def _contents(self, places: Sequence[tuple[str, tuple[int, int]]]) -> dict[str, bytes]:
        """The canonical bytes of sealed entries, by event id."""
        by_segment: dict[int, list[str]] = {}
        for event_id, (segment_no, _) in places:
            by_segment.setdefault(segment_no, []).append(event_id)
        found: dict[str, bytes] = {}
        for segment_no, ids in by_segment.items():
            source = source_of([self._store.audit.segment(segment_no)])
            where = "event_id in (select unnest(?))"
            table = select_entries(source, ENTRY_SCHEMA.names, where, [ids])
            texts = canonical_texts(table).to_pylist()
            held = zip(table.column("event_id").to_pylist(), texts, strict=True)
            found |= {event_id: text.encode() for event_id, text in held}
        return found

    def places(self, event_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """(segment number, row) of each entry that is sealed."""
        keys, audit = [id_bytes(event_id) for event_id in event_ids], self._store.audit
        return {
            key.hex(): (segment.no, row)
            for segment in audit.segments()
            for key, (row, _) in audit.index(segment).find_many(keys).items()
        }

    def _proof(self, segment_no: int, index: int, event_id: str, content: bytes) -> EntryProof:
        tree = self._tree(segment_no)
        if leaf_hash(content) != tree.leaf(index):
            raise EvidenceBrokenError(
                f"entry `{event_id}`, leaf {index} of segment {segment_no}: its bytes do not give "
                "the leaf that was sealed. Run `muniment verify`, then restore the segment."
            )
        path = tuple(tree.inclusion(index))
        return EntryProof(event_id, segment_no, index, tree.size, content, path)

    def _read_tree(self, segment_no: int) -> MerkleTree:
        stored = self._store.layout.leaves_file(segment_no).read_bytes()
        tree = MerkleTree([stored[at : at + 32] for at in range(0, len(stored), 32)])
        if tree.root.hex() != self._store.audit.header(segment_no)["merkle_root"]:
            raise EvidenceBrokenError(
                f"segment {segment_no}: its leaf hashes do not give the root in its header. "
                "Run `muniment verify`, then restore them from a backup."
            )
        return tree


def proof_document(store: Store, event_id: str) -> dict[str, Any]:
    """Everything that proves one entry, down to the newest checkpoint, as plain JSON values.

    Raises StoreError when the entry is not sealed, or its segment not covered by a checkpoint yet.
    """
    proofs = LogProver(store).entries([event_id])
    if not proofs:
        raise StoreError(f"entry `{event_id[:80]}` is not sealed, or there is none. Check the id.")
    head = latest_checkpoint(store.layout)
    if head is None or head.size < proofs[0].segment_no:
        raise StoreError(
            f"entry `{event_id}` is sealed in segment {proofs[0].segment_no}, which no checkpoint "
            "covers yet. Run `muniment seal`."
        )
    return _document(store, proofs[0], head)


def _document(store: Store, proof: EntryProof, head: Checkpoint) -> dict[str, Any]:
    headers = [store.audit.header(number) for number in range(1, head.size + 1)]
    tree = MerkleTree(header_leaves(headers))
    return {
        "event_id": proof.event_id,
        "canonical": proof.content.decode(),
        "leaf_hash": leaf_hash(proof.content).hex(),
        "segment": proof.segment_no,
        "leaf_index": proof.leaf_index,
        "segment_size": proof.size,
        "path": [step.hex() for step in proof.path],
        "header": headers[proof.segment_no - 1],
        "header_index": proof.segment_no - 1,
        "header_path": [step.hex() for step in tree.inclusion(proof.segment_no - 1)],
        "checkpoint": head.content,
    }
